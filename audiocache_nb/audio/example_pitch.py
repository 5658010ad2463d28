"""Examples with known pitches and levels: a melody, chords, a sweep and calibration tones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.example_truth import Chord, ExampleTruth, Note, Tone, numbers
from audiocache_nb.audio.synthesis import Samples, fade, harmonics, midi_to_hz, mix_in, sample_times, sine

RATE = 44100
CALIBRATION_RATE = 48000
GRID_S = 0.01

# The theme of the last movement of Beethoven's ninth symphony: (midi, beats).
_THEME = (
    *((64, 1.0), (64, 1.0), (65, 1.0), (67, 1.0)),
    *((67, 1.0), (65, 1.0), (64, 1.0), (62, 1.0)),
    *((60, 1.0), (60, 1.0), (62, 1.0), (64, 1.0)),
    *((62, 1.5), (60, 0.5), (60, 2.0)),
)
_THEME_BPM = 108.0
_TAIL_S = 0.25
_GAP_S = 0.03

_CHORD_S = 2.0
_CHORDS = (
    ("C:maj", (36, 60, 64, 67)),
    ("A:min", (33, 60, 64, 69)),
    ("F:maj", (41, 60, 65, 69)),
    ("G:maj", (43, 59, 62, 67)),
    ("C:maj", (36, 60, 64, 67)),
)

_SWEEP_S = 8.0
_SWEEP_HZ = (40.0, 16000.0)
_SWEEP_GAIN = 0.5

_TONES = (
    *((1000.0, -6.0), (1000.0, -20.0), (1000.0, -40.0), (1000.0, -60.0)),
    *((100.0, -20.0), (10000.0, -20.0)),
)
_TONE_S = 1.0
_SILENCE_S = 0.5


def melody_truth() -> ExampleTruth:
    """Build the truth about the melody."""
    beat_s = 60.0 / _THEME_BPM
    starts = np.concatenate([[0.0], np.cumsum([beats for _, beats in _THEME])])
    onsets = np.rint(starts * beat_s * RATE) / RATE
    notes = tuple(
        Note(float(onsets[i]), round((onsets[i + 1] - _GAP_S) * RATE) / RATE, midi_to_hz(midi), midi)
        for i, (midi, _) in enumerate(_THEME)
    )
    beats = numbers(np.arange(int(starts[-1])) * beat_s)
    duration = round((starts[-1] * beat_s + _TAIL_S) * RATE) / RATE
    grid, f0 = _steps([(note.start_s, note.end_s, note.hz) for note in notes], duration)
    return ExampleTruth(
        name="melody",
        description="A well-known theme, one note at a time, at 108 bpm.",
        sample_rate=RATE,
        channels=1,
        duration_s=duration,
        bpm=_THEME_BPM,
        beats_per_bar=4,
        tempo_map=((0.0, _THEME_BPM, "step"),),
        beats_s=beats,
        downbeats_s=beats[::4].copy(),
        onsets_s=onsets[:-1].copy(),
        notes=notes,
        f0_times_s=grid,
        f0_hz=f0,
    )


def melody(truth: ExampleTruth) -> Samples:
    """Render the melody [shape=(n,)]."""
    piece = np.zeros(round(truth.duration_s * RATE))
    for note in truth.notes:
        count = round((note.end_s - note.start_s) * RATE)
        time = sample_times(count, RATE)
        body = harmonics(note.hz * time, [1.0, 0.45, 0.25, 0.12, 0.08, 0.05, 0.03]) * np.exp(-time / 0.9)
        strike = harmonics(note.hz * time, [0.0, 0.0, 0.0, 0.1, 0.2, 0.1, 0.1, 0.1]) * np.exp(-time / 0.06)
        mix_in(piece, 0.4 * (body + strike) * fade(count, RATE, in_s=0.004, out_s=0.04), round(note.start_s * RATE))
    return piece


def chords_truth() -> ExampleTruth:
    """Build the truth about the chord progression."""
    chords = tuple(Chord(i * _CHORD_S, (i + 1) * _CHORD_S, name, midi) for i, (name, midi) in enumerate(_CHORDS))
    duration = _CHORD_S * len(chords)
    bpm = 120.0
    return ExampleTruth(
        name="chords",
        description="C major, A minor, F major, G major, C major, two seconds each.",
        sample_rate=RATE,
        channels=1,
        duration_s=duration,
        bpm=bpm,
        beats_per_bar=4,
        tempo_map=((0.0, bpm, "step"),),
        beats_s=numbers(np.arange(round(duration * bpm / 60.0)) * 60.0 / bpm),
        downbeats_s=np.array([chord.start_s for chord in chords]),
        onsets_s=np.array([chord.start_s for chord in chords]),
        notes=tuple(
            Note(chord.start_s, chord.end_s, midi_to_hz(midi), midi) for chord in chords for midi in chord.midi
        ),
        chords=chords,
    )


def chords(truth: ExampleTruth) -> Samples:
    """Render the chord progression [shape=(n,)]."""
    piece = np.zeros(round(truth.duration_s * RATE))
    for note in truth.notes:
        count = round((note.end_s - note.start_s) * RATE)
        time = sample_times(count, RATE)
        sound = harmonics(note.hz * time, [1.0, 0.4, 0.2, 0.1, 0.05]) * np.exp(-time / 1.6)
        mix_in(piece, 0.14 * sound * fade(count, RATE, in_s=0.01, out_s=0.12), round(note.start_s * RATE))
    return piece


def sweep_truth() -> ExampleTruth:
    """Build the truth about the sweep."""
    grid = numbers(np.arange(round(_SWEEP_S / GRID_S)) * GRID_S)
    low, high = _SWEEP_HZ
    return ExampleTruth(
        name="sweep",
        description="A sine at -6 dBFS from 40 Hz to 16 kHz: the same number of octaves in every second.",
        sample_rate=RATE,
        channels=1,
        duration_s=_SWEEP_S,
        onsets_s=np.zeros(1),
        f0_times_s=grid,
        f0_hz=numbers(low * (high / low) ** (grid / _SWEEP_S)),
    )


def sweep(truth: ExampleTruth) -> Samples:
    """Render the sweep [shape=(n,)]: the phase is the integral of the exponential frequency."""
    count = round(truth.duration_s * RATE)
    low, high = _SWEEP_HZ
    rate = math.log(high / low) / _SWEEP_S
    cycles = low / rate * np.expm1(rate * sample_times(count, RATE))
    return _SWEEP_GAIN * sine(cycles) * fade(count, RATE, in_s=0.02, out_s=0.02)


def calibration_truth() -> ExampleTruth:
    """Build the truth about the calibration tones."""
    period = _TONE_S + _SILENCE_S
    tones = tuple(
        Tone(_SILENCE_S + i * period, _SILENCE_S + i * period + _TONE_S, hz, level)
        for i, (hz, level) in enumerate(_TONES)
    )
    duration = _SILENCE_S + period * len(tones)
    grid, f0 = _steps([(tone.start_s, tone.end_s, tone.hz) for tone in tones], duration)
    return ExampleTruth(
        name="calibration",
        description="Sines at -6, -20, -40 and -60 dBFS and at 100 Hz, 1 kHz and 10 kHz, with digital silence between.",
        sample_rate=CALIBRATION_RATE,
        channels=1,
        duration_s=duration,
        onsets_s=np.array([tone.start_s for tone in tones]),
        tones=tones,
        f0_times_s=grid,
        f0_hz=f0,
    )


def calibration(truth: ExampleTruth) -> Samples:
    """Render the calibration tones [shape=(n,)]."""
    rate = CALIBRATION_RATE
    piece = np.zeros(round(truth.duration_s * rate))
    for tone in truth.tones:
        count = round((tone.end_s - tone.start_s) * rate)
        gain = 10.0 ** (tone.level_dbfs / 20.0)
        edges = fade(count, rate, in_s=tone.fade_s, out_s=tone.fade_s)
        mix_in(piece, gain * edges * sine(tone.hz * sample_times(count, rate)), round(tone.start_s * rate))
    return piece


def _steps(
    spans: list[tuple[float, float, float]], duration_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequency on a grid: that of the span a time lies in, else NaN."""
    grid = numbers(np.arange(round(duration_s / GRID_S)) * GRID_S)
    hz = np.full(len(grid), np.nan)
    for start_s, end_s, value in spans:
        hz[(grid >= start_s) & (grid < end_s)] = value
    return grid, hz
