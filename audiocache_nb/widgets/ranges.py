"""Axis ranges: finite, not empty, ending on round numbers."""

from __future__ import annotations

import math

from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.text import finite

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
PADDING = 0.05
TINY = 1e-290  # below it there is no room for steps
HUGE = 1e300  # differences of such numbers are still finite


def declared_range(track: FeatureTrack) -> tuple[float, float] | None:
    """The range a decibel feature was clamped to, if it says so."""
    if track.unit != "dB":
        return None
    low, high = finite(track.parameters.get("min_decibels")), finite(track.parameters.get("max_decibels"))
    return (low, high) if low is not None and high is not None and low < high else None


def wave_range(extremes: tuple[float, float] | None) -> tuple[float, float]:
    """A range symmetrical about zero that holds all of a waveform."""
    peak = 0.0 if extremes is None else max(abs(extremes[0]), abs(extremes[1]))
    if not peak:
        return -1.0, 1.0
    top = nice_ceiling(min(max(peak, 1e-4), HUGE))
    return -top, top


def curve_range(extremes: tuple[float, float] | None) -> tuple[float, float]:
    """A range that holds a curve with some air, and zero where it is not far."""
    if extremes is None:
        return 0.0, 1.0
    low, high = (min(max(value, -HUGE), HUGE) for value in extremes)
    if high - low < TINY:
        half = max(abs(low), abs(high)) / 2
        half = half if half > TINY else 0.5
        return low - half, high + half
    if 0 < low <= (high - low) * 2:
        low = 0.0
    elif 0 > high >= (high - low) * -2:
        high = 0.0
    air = (high - low) * PADDING
    step = nice_ceiling((high - low) / 20)
    bottom = low if low == 0 else math.floor((low - air) / step) * step
    top = high if high == 0 else math.ceil((high + air) / step) * step
    return min(bottom, low), max(top, high)  # steps may be finer than the numbers themselves


def image_range(extremes: tuple[float, float] | None) -> tuple[float, float]:
    """The range of a picture's colours: what occurs, without air."""
    if extremes is None:
        return 0.0, 1.0
    low, high = (min(max(value, -HUGE), HUGE) for value in extremes)
    if high - low < TINY:
        return curve_range((low, high))
    return low, high


def nice_ceiling(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    for step in _STEPS:
        if step * power >= value * (1 - 1e-9):
            return float(f"{step * power:.12g}")
    return 10.0 * power
