"""Results of calculators as numbers, and what is wrong with those that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.calculator import Calculator, Layout
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.track import Events, FeatureTrack, Global, Matrix

RELATIVE = 1e-6


class Breach(Exception):
    """A result breaks a promise.

    Attributes
    ----------
    check, got, advice : str
    """

    def __init__(self, check: str, got: str, advice: str) -> None:
        super().__init__(got)
        self.check, self.got, self.advice = check, got, advice


def numbers_of(value: Any) -> NDArray[Any]:
    """An array, or the data of a track."""
    return np.asarray(value.data if isinstance(value, FeatureTrack) else value)


def rows_of_result(calculator: Calculator, raw: Any, layout: Layout, rows: int, halo: tuple[int, int]) -> NDArray[Any]:
    """The numbers of a result, checked.

    Parameters
    ----------
    rows : int
        Frames that were asked for.
    halo : (int, int)
        Rows before and after them that a function may return as well.

    Raises
    ------
    Breach
    """
    if isinstance(raw, Matrix):
        return _matrix(raw)
    if isinstance(raw, Events):
        return _events(raw)
    if isinstance(raw, Global):
        values = _finite(_numeric(raw.value, "a Global's value").reshape(1, -1))
        _named(raw.names, values.shape[1])
        return values
    array = _numeric(raw, "rows", complex_too=layout.dtype.kind == "c")
    if isinstance(calculator, FunctionCalculator):
        want = f"({rows},) or ({rows}, width)"
        if array.ndim not in (1, 2) or 0 in array.shape[1:]:
            raise Breach("shape", f"an array of shape {array.shape}", f"Return {want}: one row per frame.")
        if sum(halo) and len(array) == rows + sum(halo):
            array = array[halo[0] : halo[0] + rows]
        if len(array) != rows:
            raise Breach("shape", f"{len(array)} rows for {rows} frames", f"Return {want}: one row per frame.")
        array = array.reshape(rows, -1) if rows else array.reshape(0, array.shape[1] if array.ndim == 2 else 1)
    elif array.shape != (rows, *layout.tail):
        raise Breach(
            "shape",
            f"an array of shape {array.shape} for {rows} frames",
            f"The layout says {(rows, *layout.tail)}; return that, or change its tail.",
        )
    return _finite(array)


def _numeric(value: Any, what: str, *, complex_too: bool = False) -> NDArray[Any]:
    if np.any(getattr(value, "mask", False)):
        raise Breach("dtype", f"masked values in {what}", "Fill them with numbers.")
    try:
        array = np.asarray(value)
    except Exception as error:
        raise Breach("dtype", f"{type(value).__name__}, which is no array", "Return an array of numbers.") from error
    if array.dtype.kind not in ("fiubc" if complex_too else "fiub"):
        raise Breach("dtype", f"{what} of dtype {array.dtype}", "Return real numbers (of complex ones, np.abs).")
    return array


def _finite(array: NDArray[Any]) -> NDArray[Any]:
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        value = array[place]
        raise Breach(
            "finite",
            f"{int(bad.sum())} values of {array.size} are not numbers, the first ({value}) in row {place[0]}",
            "Write every row, and add a small number before a log or a division.",
        )
    return array


def _matrix(raw: Matrix) -> NDArray[Any]:
    values, times_s = _numeric(raw.values, "a Matrix's values"), _numeric(raw.times_s, "a Matrix's times")
    if times_s.ndim != 1 or values.shape != (len(times_s), len(times_s)):
        raise Breach(
            "shape", f"a matrix of shape {values.shape} for {times_s.shape} times", "Give one time per row and column."
        )
    _finite(times_s)
    return _finite(values)


def _events(raw: Events) -> NDArray[Any]:
    times_s = _finite(_numeric(raw.times_s, "events' times"))
    if times_s.ndim != 1:
        raise Breach("shape", f"times of shape {times_s.shape}", "Give one time per event: shape (n,).")
    columns = [times_s[:, None]]
    if raw.values is not None:
        values = _finite(_numeric(raw.values, "events' values"))
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) != len(times_s):
            raise Breach(
                "shape", f"{len(values)} values for {len(times_s)} events", "Give one row of values per event."
            )
        _named(raw.names, values.shape[1])
        columns.append(values)
    return np.hstack(columns)


def _named(names: tuple[str, ...], width: int) -> None:
    if names and len(names) != width:
        raise Breach("layout", f"{len(names)} names for {width} values", "Name all of them, or none.")


def differing_rows(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows of two results are not the same [shape=(rows,)].

    The same are numbers that differ by no more than 1e-6 of the largest of their column.
    """
    if not a.size:
        return np.zeros(len(a), np.bool_)
    scale = np.maximum(np.abs(a).max(axis=0), np.abs(b).max(axis=0))
    apart = np.abs(a.astype(np.result_type(a, np.float64)) - b) > RELATIVE * scale
    rows: NDArray[np.bool_] = apart.reshape(len(a), -1).any(axis=1)
    return rows


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two results have one shape and the same numbers."""
    return a.shape == b.shape and not differing_rows(a, b).any()
