"""An example with known resonances: five vowels of a source-filter voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.example_truth import ExampleTruth, Vowel, numbers
from audiocache_nb.audio.synthesis import Samples, fade, sample_times

RATE = 16000
GRID_S = 0.01

_VOWELS = (
    ("a", (730.0, 1090.0, 2440.0, 3400.0)),
    ("e", (530.0, 1840.0, 2480.0, 3500.0)),
    ("i", (270.0, 2290.0, 3010.0, 3600.0)),
    ("o", (570.0, 840.0, 2410.0, 3300.0)),
    ("u", (300.0, 870.0, 2240.0, 3250.0)),
)
_BANDWIDTHS_HZ = (70.0, 90.0, 120.0, 160.0)
_VOWEL_S = 1.1
_GAP_S = 0.15
_PEAK = 0.5
_CONTROL = 64  # samples over which the filter's response is interpolated
_HIGHEST_HZ = 5000.0


def vowels_truth() -> ExampleTruth:
    """Build the truth about the vowels."""
    period = _VOWEL_S + _GAP_S
    vowels = tuple(
        Vowel(i * period, i * period + _VOWEL_S, symbol, formants, _BANDWIDTHS_HZ)
        for i, (symbol, formants) in enumerate(_VOWELS)
    )
    duration = period * len(vowels)
    grid = numbers(np.arange(round(duration / GRID_S)) * GRID_S)
    f0 = np.full(len(grid), np.nan)
    for vowel in vowels:
        inside = (grid >= vowel.start_s) & (grid < vowel.end_s)
        f0[inside] = _f0(grid[inside] - vowel.start_s)[0]
    return ExampleTruth(
        name="vowels",
        description="A voice that says a, e, i, o, u, each falling from 130 to 110 Hz with a light vibrato.",
        sample_rate=RATE,
        channels=1,
        duration_s=duration,
        onsets_s=np.array([vowel.start_s for vowel in vowels]),
        vowels=vowels,
        f0_times_s=grid,
        f0_hz=f0,
    )


def vowels(truth: ExampleTruth) -> Samples:
    """Render the vowels [shape=(n,)]."""
    piece = np.zeros(round(truth.duration_s * RATE))
    for vowel in truth.vowels:
        start = round(vowel.start_s * RATE)
        count = round((vowel.end_s - vowel.start_s) * RATE)
        sound = _voice(count, vowel) * fade(count, RATE, in_s=0.03, out_s=0.08)
        piece[start : start + count] = sound * (_PEAK / np.max(np.abs(sound)))
    return piece


def _f0(time_s: Samples) -> tuple[Samples, Samples]:
    """Fundamental frequency [Hz] and its integral [cycles]: a slope and a vibrato of 5 Hz."""
    start, slope, depth, rate = 130.0, -20.0 / _VOWEL_S, 1.5, 5.0
    turn = 2.0 * np.pi * rate
    hz = start + slope * time_s + depth * np.sin(turn * time_s)
    cycles = start * time_s + slope * time_s**2 / 2.0 + depth * (1.0 - np.cos(turn * time_s)) / turn
    return hz, cycles


def _response(hz: NDArray[np.float64], vowel: Vowel) -> NDArray[np.complex128]:
    """All-pole vocal tract: for each formant F of bandwidth B, ``w0² / (w0² - w² + j w 2 pi B)``."""
    w = 2.0 * np.pi * hz
    total = np.ones(hz.shape, dtype=np.complex128)
    for formant, bandwidth in zip(vowel.formants_hz, vowel.bandwidths_hz, strict=True):
        peak = (2.0 * np.pi * formant) ** 2
        total *= peak / (peak - w * w + 2j * np.pi * bandwidth * w)
    return total


def _voice(count: int, vowel: Vowel) -> Samples:
    """Harmonics of the glottis (6 dB less per octave, radiation included), each weighed by the vocal tract."""
    hz, cycles = _f0(sample_times(count, RATE))
    control_hz, _ = _f0(numbers(np.arange(-(-count // _CONTROL) + 1) * (_CONTROL / RATE)))
    between = np.arange(_CONTROL) / _CONTROL
    turn = np.exp(2j * np.pi * np.mod(cycles, 1.0))
    harmonic = np.ones(count, dtype=np.complex128)
    total = np.zeros(count)
    for number in range(1, int(_HIGHEST_HZ / float(np.min(hz))) + 1):
        harmonic *= turn
        at = _response(number * control_hz, vowel) / number
        gain = (at[:-1, None] + np.diff(at)[:, None] * between).ravel()[:count]
        total += (gain * harmonic).imag
    return total
