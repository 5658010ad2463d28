"""Building blocks of the example sounds: the same numbers on every machine.

Noise is a hash of the sample index, not a generator whose stream may change between versions, and
finished pieces are rounded to a grid far coarser than the last bits in which machines differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Samples = NDArray[np.float64]

_GRID = float(1 << 20)  # steps per full scale: -126 dB, and every value is exact in float32
_SPREAD = 0x9E3779B97F4A7C15


def midi_to_hz(midi: float) -> float:
    """Equal temperament, A4 = 440 Hz: ``440 * 2**((midi - 69) / 12)``, rounded to a millionth of a Hz."""
    return float(round(440.0 * 2.0 ** ((midi - 69.0) / 12.0), 6))


def sample_times(count: int, sample_rate: int) -> Samples:
    """Times of `count` samples [s]."""
    return np.arange(count, dtype=np.float64) / float(sample_rate)


def noise(count: int, seed: int) -> Samples:
    """White noise, uniform in -1 .. 1.

    Parameters
    ----------
    count : int [samples]
    seed : int
        Another one gives other noise.

    Notes
    -----
    Sample `i` is the finalising hash of splitmix64 (Steele, Lea and Flood 2014) of ``seed`` and ``i``.
    """
    start = (seed * 0xD1342543DE82EF95 + 1) % (1 << 64)
    x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_SPREAD) + np.uint64(start)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) * (2.0 / (1 << 53)) - 1.0


def sine(cycles: ArrayLike) -> Samples:
    """``sin(2 pi cycles)``, exact also after many cycles."""
    return np.sin(2.0 * np.pi * np.mod(cycles, 1.0))


def harmonics(cycles: ArrayLike, amplitudes: ArrayLike) -> Samples:
    """Sum of harmonics of one fundamental.

    Parameters
    ----------
    cycles : array_like [shape=(n,)]
        Phase of the fundamental in cycles.
    amplitudes : array_like [shape=(h,)]
        Of the harmonics 1 to h.

    Notes
    -----
    By the recurrence ``sin((h + 1) x) = 2 cos(x) sin(h x) - sin((h - 1) x)``: one sine and one
    cosine whatever the number of harmonics.
    """
    angle = 2.0 * np.pi * np.mod(cycles, 1.0)
    double_cosine = 2.0 * np.cos(angle)
    before, now = np.zeros_like(angle), np.sin(angle)
    total = np.zeros_like(angle)
    for amplitude in np.asarray(amplitudes, dtype=np.float64):
        total += amplitude * now
        before, now = now, double_cosine * now - before
    return total


def fade(count: int, sample_rate: int, *, in_s: float, out_s: float) -> Samples:
    """Gain that rises from 0 and falls back to 0 in raised cosines [shape=(count,)]."""
    time = sample_times(count, sample_rate)
    rise = np.clip(time / in_s, 0.0, 1.0) if in_s > 0 else np.ones(count)
    fall = np.clip((count / sample_rate - time) / out_s, 0.0, 1.0) if out_s > 0 else np.ones(count)
    return (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))


def mix_in(piece: Samples, sound: ArrayLike, start: int, gain: ArrayLike = 1.0) -> None:
    """Add a sound to a piece, in place; what would reach beyond its end is left out.

    Parameters
    ----------
    piece : ndarray [shape=(n,) or (n, channels)]
    sound : array_like [shape=(m,)]
    start : int [samples]
    gain : float, or one per channel
    """
    values = np.asarray(sound)[: max(0, len(piece) - start)]
    piece[start : start + len(values)] += (
        values
        if piece.ndim == 1 and np.ndim(gain) == 0 and gain == 1.0
        else (np.multiply.outer(values, np.asarray(gain)))
    )


def finish(piece: Samples) -> NDArray[np.float32]:
    """Round to the grid all machines agree on, and to float32."""
    return (np.rint(piece * _GRID) / _GRID).astype(np.float32)
