"""Features while they are being computed: what is there can be drawn, the rest is left open."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_RUNS = 64


class DoneRows:
    """Rows of which some do not exist yet: those are NaN, and what was written there is not looked at.

    Parameters
    ----------
    values : array_like [shape=(n, ...)]
    done : ndarray of bool [shape=(n,)]
    """

    def __init__(self, values: Any, done: NDArray[np.bool_]) -> None:
        self._values, self._done = values, done
        self.dtype = values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""
        return tuple(self._values.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def holds(self, first: int, end: int) -> bool:
        """Whether any of the rows ``first <= k < end`` exists."""
        return bool(self._done[first:end].any())

    def same_as(self, other: DoneRows, first: int, end: int) -> bool:
        """Whether of the rows ``first <= k < end`` the same exist as in an earlier view of the same values."""
        return np.array_equal(self._done[first:end], other._done[first:end])

    def __len__(self) -> int:
        return len(self._done)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        done = self._done[index]
        if not np.any(done):
            return np.full(np.shape(done) + self.shape[1:], np.nan, self.dtype)
        rows: NDArray[Any] = np.array(self._values[index])
        if not np.all(done):
            rows[~done] = np.nan
        return rows


def runs(done: NDArray[np.bool_]) -> list[list[float]]:
    """What is done, as shares of the whole: ``[[0.0, 0.25], [0.5, 0.6]]``; at most 64 of them.

    Parameters
    ----------
    done : ndarray of bool [shape=(n,)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], done, [False]]).astype(np.int8)))
    pairs = (edges.reshape(-1, 2) / max(1, len(done))).tolist()
    return [list(pair) for pair in pairs[:MOST_RUNS]]
