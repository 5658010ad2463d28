"""Matrix products whose rows do not depend on the rows beside them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.steps import ROW_GROUP

BAND_COLUMNS = 16


def row_products(rows: NDArray[np.float32], matrix: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write ``rows @ matrix`` into `out`, always so many rows at a time.

    How a product is rounded depends on its number of rows. In whole groups of them, the last filled up
    with zeros, a row gets the same bits wherever the frames were cut into runs.

    Parameters
    ----------
    rows : ndarray of float32 [shape=(n, k)]
        Consecutive along the second axis.
    matrix : ndarray of float32 [shape=(k, m)]
    out : ndarray of float32 [shape=(n, m)]
    """
    whole = len(rows) // ROW_GROUP * ROW_GROUP
    if whole:
        grouped = rows[:whole].reshape(-1, ROW_GROUP, rows.shape[1])
        np.matmul(grouped, matrix, out=out[:whole].reshape(-1, ROW_GROUP, out.shape[1]))
    rest = len(rows) - whole
    if rest:
        padded = np.zeros((ROW_GROUP, rows.shape[1]), np.float32)
        padded[:rest] = rows[whole:]
        out[whole:] = np.matmul(padded, matrix)[:rest]


@functools.lru_cache(maxsize=32)
def ones(count: int) -> NDArray[np.float32]:
    """A column of ones [shape=(count, 1)]."""
    column = np.ones((count, 1), np.float32)
    column.flags.writeable = False
    return column


def row_sums(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of each row [shape=(n, 1)], as a product, which is faster than a sum."""
    out = np.empty((len(rows), 1), np.float32)
    row_products(rows, ones(rows.shape[1]), out)
    return out


class FilterBank:
    """Filters that each cover a part of the bins, applied a few at a time over the bins they cover.

    Parameters
    ----------
    weights : array_like [shape=(filters, bins)]
        Neighbouring filters should cover neighbouring bins; for those that cover everything this is
        one plain product.
    """

    def __init__(self, weights: NDArray[np.floating]) -> None:
        values = np.asarray(weights, np.float32)
        self.count = len(values)
        self._parts: list[tuple[slice, slice, NDArray[np.float32]]] = []
        for first in range(0, self.count, BAND_COLUMNS):
            columns = slice(first, min(first + BAND_COLUMNS, self.count))
            used = np.flatnonzero(values[columns].any(axis=0))
            bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
            self._parts.append((bins, columns, np.ascontiguousarray(values[columns, bins].T)))

    def apply(self, rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write the filters' outputs ``rows @ weights.T`` into `out` [shape=(n, filters)]."""
        whole = len(rows) // ROW_GROUP * ROW_GROUP
        grouped = rows[:whole].reshape(-1, ROW_GROUP, rows.shape[1])
        made = out[:whole].reshape(-1, ROW_GROUP, self.count)
        for bins, columns, matrix in self._parts:
            np.matmul(grouped[:, :, bins], matrix, out=made[:, :, columns])
        if whole < len(rows):
            last = np.zeros((ROW_GROUP, rows.shape[1]), np.float32)
            last[: len(rows) - whole] = rows[whole:]
            for bins, columns, matrix in self._parts:
                out[whole:, columns] = np.matmul(last[:, bins], matrix)[: len(rows) - whole]
