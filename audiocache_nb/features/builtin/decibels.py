"""Amplitudes to decibels, in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def amplitude_to_db(
    magnitude: NDArray[np.complexfloating | np.floating],
    out: NDArray[np.float32],
    *,
    scale: float,
    floor: float,
    low_db: float,
    high_db: float,
) -> None:
    """Write ``clip(20 log10(scale * |x| + floor), low_db, high_db)`` into `out`.

    Parameters
    ----------
    magnitude : ndarray [shape of out], complex or real and not negative
    out : ndarray of float32
    scale : float > 0
    floor : float > 0
        Keeps the logarithm finite.
    low_db, high_db : float [dB]
    """
    if np.iscomplexobj(magnitude):
        np.abs(magnitude, out=out)
        np.multiply(out, np.float32(scale), out=out)
    else:
        np.multiply(magnitude, np.float32(scale), out=out)
    out += np.float32(floor)
    np.log10(out, out=out)
    out *= np.float32(20)
    np.clip(out, np.float32(low_db), np.float32(high_db), out=out)
