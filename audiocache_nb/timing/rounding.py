"""Rounding as musical time wants it."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidTypeError


@overload
def round_half_up(value: float) -> int: ...
@overload
def round_half_up(value: NDArray[np.float64]) -> NDArray[np.int64]: ...
def round_half_up(value: float | NDArray[np.float64]) -> int | NDArray[np.int64]:
    """Round to the nearest whole number, halves towards plus infinity.

    Python's `round` and `numpy.rint` send halves to the even neighbour, and ``floor(x + 0.5)``
    is off by one just below a half, where the sum itself is rounded.

    Parameters
    ----------
    value : float or ndarray of float64

    Returns
    -------
    int or ndarray of int64
    """
    if isinstance(value, np.ndarray):
        below = np.floor(value)
        return (below + (value - below >= 0.5)).astype(np.int64)
    floor = math.floor(value)
    return floor + (value - floor >= 0.5)


def as_numbers(name: str, value: object) -> NDArray[np.float64]:
    """Return an array of float64 of any shape; texts and None are no numbers.

    Raises
    ------
    InvalidTypeError
    """
    try:
        array: NDArray[Any] = np.asarray(value)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):  # lists of different lengths
        pass
    kind = f"a {type(value).__name__} of something else" if isinstance(value, (list, tuple)) else type(value).__name__
    raise InvalidTypeError(f"{name} is a number or an array of numbers, not {kind}.", hint="Pass seconds, or ticks.")


def as_float(value: ArrayLike) -> float | NDArray[np.float64]:
    """Return a plain float for a scalar, else an array of float64.

    Raises
    ------
    InvalidTypeError
        For what is neither a number nor an array of numbers.
    """
    if isinstance(value, (int, float)):
        return float(value)
    array = as_numbers("A time", value)
    return float(array) if array.ndim == 0 else array
