"""Sound to test calculators with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
HEARD_S = 2.0  # by then a tone is 116 dB below its beginning


def lively(n: int, channels: int, sample_rate: int, *, seed: int = 0) -> Samples:
    """Tones that begin and fade, clicks and noise [shape=(n, channels)].

    No stretch is like another, none is silent, and no channel is like another.
    """
    rng = np.random.default_rng([seed, channels])
    t_s = np.arange(n) / sample_rate
    tone = np.zeros(n)
    starts_s = np.arange(0.0, n / sample_rate, 0.17)
    for start_s, frequency_hz in zip(starts_s, rng.uniform(90, 1200, len(starts_s)), strict=True):
        first = int(np.searchsorted(t_s, start_s))
        heard = slice(first, first + int(HEARD_S * sample_rate))
        age_s = t_s[heard] - start_s
        tone[heard] += np.exp(-age_s / 0.15) * np.sin(2 * np.pi * frequency_hz * (1 + 0.02 * age_s) * age_s)
    tone[rng.integers(0, max(1, n), n // 2000)] += 0.8
    gains = np.linspace(1.0, 0.6, channels)
    samples = 0.25 * tone[:, None] * gains + 0.03 * rng.standard_normal((n, channels))
    return np.clip(samples, -0.99, 0.99).astype(np.float32)


def harsh(n: int, channels: int, sample_rate: int) -> dict[str, Samples]:
    """Signals at the edges of what there is, by name."""
    period = max(2, sample_rate // 100)
    square = np.where(np.arange(n) // (period // 2) % 2, -1.0, 1.0)
    click = np.zeros(n)
    click[n // 2 : n // 2 + 1] = 1.0
    faint = 1e-7 * np.random.default_rng(1).standard_normal(n)
    found = {"DC": np.full(n, 0.5), "a full-scale square": square, "one click in silence": click, "faint noise": faint}
    return {name: repeat(values, channels) for name, values in found.items()}


def silence(n: int, channels: int) -> Samples:
    """Zeros."""
    return np.zeros((n, channels), np.float32)


def repeat(values: NDArray[np.float64], channels: int) -> Samples:
    """The same in all channels."""
    return np.repeat(values[:, None], channels, axis=1).astype(np.float32)
