"""Examples with a known beat: a drum loop and an accelerando."""

from __future__ import annotations

import numpy as np

from audiocache_nb.audio.example_truth import ExampleTruth, Hit, Note, numbers, unique_times
from audiocache_nb.audio.synthesis import Samples, fade, harmonics, midi_to_hz, mix_in, noise, sample_times, sine
from audiocache_nb.timing.tempo_map import TICKS_PER_QUARTER, TempoMap

RATE = 44100

_LOOP_BARS = 4
_LOOP_BPM = 120.0
# Strokes by eighth or sixteenth note within a bar, as (position in beats, gain).
_KICK = ((0.0, 1.0), (1.5, 0.7), (2.0, 0.95))
_SNARE = ((1.0, 1.0), (3.0, 1.0))
_FILL = ((3.25, 0.5), (3.5, 0.65), (3.75, 0.8))
_HAT = tuple((0.5 * eighth, 1.0 if eighth % 2 == 0 else 0.6) for eighth in range(8))
_PAN = {"kick": (0.5, 0.5), "snare": (0.36, 0.31), "hat": (0.11, 0.22)}

_RAMP_S = 12.0
_RAMP_BPM = (80.0, 160.0)
_RAMP_TAIL_S = 0.5
_WALK = (48, 55, 52, 55, 45, 52, 48, 52)  # a bass line: C, A minor


def drum_loop_truth() -> ExampleTruth:
    """Build the truth about the drum loop."""
    beat_s = 60.0 / _LOOP_BPM
    hits = []
    for bar in range(_LOOP_BARS):
        last = bar == _LOOP_BARS - 1
        strokes = {"kick": _KICK, "snare": _SNARE + (_FILL if last else ()), "hat": _HAT}
        hits += [Hit((4 * bar + beat) * beat_s, name) for name, line in strokes.items() for beat, _ in line]
    beats = numbers(np.arange(4 * _LOOP_BARS) * beat_s)
    return ExampleTruth(
        name="drum-loop",
        description="Four bars of kick, snare and hi-hat at 120 bpm with a fill at the end; it loops.",
        sample_rate=RATE,
        channels=2,
        duration_s=4 * _LOOP_BARS * beat_s,
        bpm=_LOOP_BPM,
        beats_per_bar=4,
        tempo_map=((0.0, _LOOP_BPM, "step"),),
        beats_s=beats,
        downbeats_s=beats[::4].copy(),
        onsets_s=unique_times([hit.start_s for hit in hits]),
        hits=tuple(sorted(hits)),
    )


def drum_loop(truth: ExampleTruth) -> Samples:
    """Render the drum loop [shape=(n, 2)]."""
    gains = {(name, beat): gain for name, line in _lines() for beat, gain in line}
    sounds = {"kick": _kick(), "snare": _snare(), "hat": _hat()}
    piece = np.zeros((round(truth.duration_s * RATE), 2))
    beat_s = 60.0 / _LOOP_BPM
    for start_s, instrument in truth.hits:
        gain = gains[instrument, (start_s / beat_s) % 4]
        left, right = _PAN[instrument]
        mix_in(piece, sounds[instrument], round(start_s * RATE), (gain * left, gain * right))
    piece *= fade(len(piece), RATE, in_s=0.0, out_s=0.02)[:, None]  # the last stroke rings beyond the end
    return piece


def _lines() -> tuple[tuple[str, tuple[tuple[float, float], ...]], ...]:
    return ("kick", _KICK), ("snare", _SNARE + _FILL), ("hat", _HAT)


def _kick() -> Samples:
    time = sample_times(round(0.35 * RATE), RATE)
    drop = 0.03
    cycles = 48.0 * time + 130.0 * drop * (1.0 - np.exp(-time / drop))
    click = noise(len(time), 11) * np.exp(-time / 0.002)
    return _attack(time) * (sine(cycles) * np.exp(-time / 0.11) + 0.25 * click) * _closing(time)


def _snare() -> Samples:
    time = sample_times(round(0.25 * RATE), RATE)
    rattle = np.diff(noise(len(time) + 1, 12)) * np.exp(-time / 0.06)
    shell = sine(185.0 * time) + 0.6 * sine(330.0 * time)
    return _attack(time) * (0.6 * rattle + 0.7 * shell * np.exp(-time / 0.045)) * _closing(time)


def _hat() -> Samples:
    time = sample_times(round(0.09 * RATE), RATE)
    metal = np.diff(noise(len(time) + 2, 13), n=2)
    return np.asarray(_attack(time) * 0.6 * metal * np.exp(-time / 0.018) * _closing(time))


def _attack(time: Samples) -> Samples:
    return np.minimum(time / 0.0005, 1.0)


def _closing(time: Samples) -> Samples:
    """The last 5 ms of a sound, so that it does not end with a click."""
    return np.asarray(np.minimum((time[-1] - time) / 0.005, 1.0))


def accelerando_truth() -> ExampleTruth:
    """Build the truth about the accelerando: its beats come from the tempo map itself."""
    slow, fast = _RAMP_BPM
    entries = ((0.0, slow, "linear"), (_RAMP_S, fast, "step"))
    tempo = TempoMap.of(entries)
    count = int(tempo.seconds_to_ticks(_RAMP_S) // TICKS_PER_QUARTER)
    beats = np.rint(tempo.ticks_to_seconds(np.arange(count + 1.0) * TICKS_PER_QUARTER) * RATE) / RATE
    ends = [*beats[1:].tolist(), _RAMP_S + _RAMP_TAIL_S]
    notes = tuple(
        Note(float(start), float(end), midi_to_hz(_WALK[i % 8]), _WALK[i % 8])
        for i, (start, end) in enumerate(zip(beats, ends, strict=True))
    )
    return ExampleTruth(
        name="accelerando",
        description="A walking bass with a wood block on each beat, from 80 to 160 bpm in twelve seconds.",
        sample_rate=RATE,
        channels=1,
        duration_s=_RAMP_S + _RAMP_TAIL_S,
        beats_per_bar=4,
        tempo_map=entries,
        beats_s=beats,
        downbeats_s=beats[::4].copy(),
        onsets_s=beats.copy(),
        notes=notes,
    )


def accelerando(truth: ExampleTruth) -> Samples:
    """Render the accelerando [shape=(n,)]."""
    piece = np.zeros(round(truth.duration_s * RATE))
    time = sample_times(round(0.08 * RATE), RATE)
    block = {
        high: _attack(time) * _closing(time) * np.exp(-time / 0.015) * (sine(hz * time) + 0.4 * sine(2.42 * hz * time))
        for high, hz in ((True, 1180.0), (False, 880.0))
    }
    for i, note in enumerate(truth.notes):
        start = round(note.start_s * RATE)
        count = round(min(note.end_s - note.start_s, 0.6) * RATE)
        length = sample_times(count, RATE)
        string = harmonics(note.hz * length, [1.0, 0.5, 0.3, 0.15, 0.08, 0.04]) * np.exp(-length / 0.18)
        mix_in(piece, 0.35 * string * np.minimum(length / 0.003, 1.0) * _closing(length), start)
        mix_in(piece, block[i % 4 == 0], start, 0.35)
    return piece
