"""Resonances of many frames at once: resampling, Burg's method, roots."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CROSSINGS = 50
PRE_EMPHASIS_HZ = 50.0
EDGE_HZ = 50.0
BLOCK_ROWS = 32


def resampling_matrix(*, sample_rate: float, window_samples: int, rate: float, length_s: float) -> NDArray[np.float32]:
    """What makes of a frame the windowed, pre-emphasised samples at another rate [shape=(outputs, window_samples)].

    The outputs lie ``1 / rate`` apart around the middle of the frame, which is at ``window_samples // 2``.
    Each is a difference ``y(t) - exp(-2 pi 50 / rate) y(t - 1 / rate)`` of values between the samples
    (a sinc, low-pass at ``rate / 2``, over 50 of its zeros on either side), times a Gaussian window
    ``(exp(-48 u^2) - e^-12) / (1 - e^-12)``, `u` from -0.5 to 0.5. At the frame's own rate only the
    difference and the window remain.

    Parameters
    ----------
    sample_rate, rate : float [Hz]
        `rate` is at most `sample_rate`.
    window_samples : int
    length_s : float [s]
        What the outputs cover.
    """
    count = max(1, round(length_s * rate))
    position = np.arange(window_samples) - window_samples // 2
    middle = (np.arange(count) - (count - 1) / 2)[:, None]
    taper = (np.exp(-48 * (middle / (count + 1)) ** 2) - math.exp(-12)) / -math.expm1(-12)
    kept = math.exp(-2 * math.pi * PRE_EMPHASIS_HZ / rate)
    out = np.empty((count, window_samples), np.float32)
    for start in range(0, count, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        values, before = (
            _sinc(position - (middle[rows] - shift) * sample_rate / rate, rate / sample_rate) for shift in (0, 1)
        )
        out[rows] = taper[rows] * (values - kept * before)
    return out


def _sinc(distance: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """A sinc with zeros every ``1 / ratio`` samples, under a Hann window."""
    inside = np.abs(distance) * ratio < CROSSINGS
    taper = 0.5 + 0.5 * np.cos(np.pi / CROSSINGS * ratio * distance)
    return np.asarray(np.where(inside, ratio * np.sinc(ratio * distance) * taper, 0))


def burg(samples: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Coefficients of the prediction error filter of each row, the first being 1 [shape=(n, order + 1)].

    The filter ``a`` minimises the energy of the error predicting forwards and backwards, order by order
    (J. P. Burg, 1975). Rows without energy have no further coefficients.

    Parameters
    ----------
    samples : ndarray [shape=(n, m)], m > order
    order : int
    """
    out = np.zeros((len(samples), order + 1))
    out[:, 0] = 1
    forward = backward = samples
    for m in range(order):
        forward, backward = forward[:, 1:], backward[:, :-1]
        energy = np.einsum("ij,ij->i", forward, forward) + np.einsum("ij,ij->i", backward, backward)
        product = np.einsum("ij,ij->i", forward, backward)
        k = np.divide(-2 * product, energy, out=np.zeros(len(samples)), where=energy > 0)[:, None]
        out[:, : m + 2] += k * out[:, m + 1 :: -1]
        forward, backward = forward + k * backward, backward + k * forward
    return out


def resonances(filters: NDArray[np.float64], rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and bandwidths of the pole pairs of each row's filter, in ascending order [Hz, shape=(n, pairs)].

    A pole ``r e^(i w)`` has the frequency ``w rate / 2 pi`` and the bandwidth ``-ln(r) rate / pi``; those outside the
    unit circle are reflected into it. Only frequencies at least 50 Hz from 0 and from ``rate / 2`` count;
    where there are fewer than `pairs`, both are infinite.

    Parameters
    ----------
    filters : ndarray [shape=(n, order + 1)]
        As `burg` makes them.
    rate : float [Hz]
    """
    order = filters.shape[1] - 1
    companion = np.zeros((len(filters), order, order))
    companion[:, 0] = -filters[:, 1:]
    companion[:, np.arange(1, order), np.arange(order - 1)] = 1
    poles = np.linalg.eigvals(companion)
    radius = np.maximum(np.abs(poles), 1e-12)
    hz = np.angle(poles) * rate / (2 * np.pi)
    counts = (hz >= EDGE_HZ) & (hz <= rate / 2 - EDGE_HZ)
    hz = np.where(counts, hz, np.inf)
    width = np.where(counts, np.abs(np.log(radius)) * rate / np.pi, np.inf)
    rank = np.argsort(hz, axis=1, kind="stable")[:, : order // 2]
    return np.take_along_axis(hz, rank, axis=1), np.take_along_axis(width, rank, axis=1)
