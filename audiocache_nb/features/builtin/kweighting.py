"""K-weighting: the filters and the weights of channels of ITU-R BS.1770-5."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# The analogue prototypes whose bilinear transforms at 48 kHz are the coefficients of the recommendation's
# tables 1 and 2, so that they can be had at any rate.
SHELF_HZ, SHELF_Q, SHELF_DB, SHELF_SLOPE = 1681.974450955533, 0.7071752369554196, 3.999843853973347, 0.4996667741545416
HIGH_PASS_HZ, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
SURROUND = 1.41

# Channels in the order of WAVE and FLAC files; low-frequency effects do not count, what comes from
# 60 to 120 degrees to the side counts 1.5 dB more.
_WEIGHTS = {
    4: (1.0, 1.0, SURROUND, SURROUND),
    5: (1.0, 1.0, 1.0, SURROUND, SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, SURROUND, SURROUND),
    7: (1.0, 1.0, 1.0, 0.0, 1.0, SURROUND, SURROUND),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, SURROUND, SURROUND),
}


def channel_weights(channels: int) -> NDArray[np.float64]:
    """Weights of the channels' powers [shape=(channels,)]; 1 where the order of channels is not known."""
    return np.array(_WEIGHTS.get(channels, (1.0,) * channels))


def sections(sample_rate: float) -> NDArray[np.float64]:
    """Second-order sections ``b0 b1 b2 a0 a1 a2`` of the K-weighting [shape=(2, 6)].

    A high shelf and a high-pass filter, both bilinear transforms with ``K = tan(pi f / fs)`` and the
    denominator ``(1 + K/Q + K^2) + 2 (K^2 - 1) z^-1 + (1 - K/Q + K^2) z^-2``. The shelf's numerator is
    ``(V + W K/Q + K^2) + 2 (K^2 - V) z^-1 + (V - W K/Q + K^2) z^-2`` with the gain `V` far above its corner
    and ``W = V^0.4997``; the high-pass filter's is ``1 - 2 z^-1 + z^-2``, which the recommendation does
    not normalise.

    A filter whose corner lies beyond half the rate is left out.

    Parameters
    ----------
    sample_rate : float > 0 [Hz]

    References
    ----------
    ITU-R BS.1770-5, annex 1, tables 1 and 2. B. De Man, "Evaluation of implementations of the EBU R128
    loudness measurement", 145th AES Convention, 2018: the prototypes.
    """
    rows = []
    if sample_rate > 2 * SHELF_HZ:
        k = math.tan(math.pi * SHELF_HZ / sample_rate)
        high = 10 ** (SHELF_DB / 20)
        band = high**SHELF_SLOPE
        a0 = 1 + k / SHELF_Q + k * k
        b = (high + band * k / SHELF_Q + k * k, 2 * (k * k - high), high - band * k / SHELF_Q + k * k)
        rows.append([*(value / a0 for value in b), 1.0, *_denominator(k, SHELF_Q, a0)])
    if sample_rate > 2 * HIGH_PASS_HZ:
        k = math.tan(math.pi * HIGH_PASS_HZ / sample_rate)
        a0 = 1 + k / HIGH_PASS_Q + k * k
        rows.append([1.0, -2.0, 1.0, 1.0, *_denominator(k, HIGH_PASS_Q, a0)])
    return np.array(rows)


def _denominator(k: float, q: float, a0: float) -> tuple[float, float]:
    return 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0
