"""Matrix products whose rows do not depend on the rows beside them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.steps import ROW_GROUP

PRODUCT_ROWS = 3 * ROW_GROUP  # a product of fewer takes longer per row, of more no less
BAND_COLUMNS = 8
FEW_COLUMNS = 16


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
    whole = len(rows) // PRODUCT_ROWS * PRODUCT_ROWS
    if whole:
        grouped = rows[:whole].reshape(-1, PRODUCT_ROWS, rows.shape[1])
        np.matmul(grouped, matrix, out=out[:whole].reshape(-1, PRODUCT_ROWS, out.shape[1]))
    rest = len(rows) - whole
    if rest:
        padded = np.zeros((PRODUCT_ROWS, rows.shape[1]), np.float32)
        padded[:rest] = rows[whole:]
        out[whole:] = np.matmul(padded, matrix)[:rest]


@functools.lru_cache(maxsize=32)
def ones(count: int) -> NDArray[np.float32]:
    """A column of ones [shape=(count, 1)]."""
    column = np.ones((count, 1), np.float32)
    column.flags.writeable = False
    return column


def row_sums(rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the sum of each row into `out` [shape=(n, 1)], as a product, which is faster than a sum."""
    row_products(rows, ones(rows.shape[1]), out)


def row_totals(*factors: NDArray[Any]) -> NDArray[Any]:
    """The sum of the products of each row's values [shape=(n,)]; a row alone is added up as it is beside others.

    Parameters
    ----------
    factors : ndarray [shape=(n, k)]
        One, for plain sums, or several; those but the first may be the same for all rows [shape=(k,)].
    """
    if len(factors[0]) == 1 and factors[0].shape[1] > np.getbufsize():
        # A single long row would be summed in one go, several in stretches of numpy's buffer.
        return row_totals(*(np.repeat(rows, 2, axis=0) if rows.ndim > 1 else rows for rows in factors))[:1]
    totals: NDArray[Any] = np.einsum(",".join("ij"[-rows.ndim :] for rows in factors) + "->i", *factors)
    return totals


def row_energies(rows: NDArray[np.float32], out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write the sum of the squares of each row into `out` [shape=(n, 1)]; each is a product of its own."""
    np.matmul(rows[:, None, :], rows[:, :, None], out=out[:, :, None])
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
        together = FEW_COLUMNS if self.count <= FEW_COLUMNS else BAND_COLUMNS
        for first in range(0, self.count, together):
            columns = slice(first, min(first + together, self.count))
            used = np.flatnonzero(values[columns].any(axis=0))
            bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
            self._parts.append((bins, columns, np.ascontiguousarray(values[columns, bins].T)))

    def apply(self, rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write the filters' outputs ``rows @ weights.T`` into `out` [shape=(n, filters)]."""
        whole = len(rows) // PRODUCT_ROWS * PRODUCT_ROWS
        grouped = rows[:whole].reshape(-1, PRODUCT_ROWS, rows.shape[1])
        made = out[:whole].reshape(-1, PRODUCT_ROWS, self.count)
        for bins, columns, matrix in self._parts:
            np.matmul(grouped[:, :, bins], matrix, out=made[:, :, columns])
        if whole < len(rows):
            last = np.zeros((PRODUCT_ROWS, rows.shape[1]), np.float32)
            last[: len(rows) - whole] = rows[whole:]
            for bins, columns, matrix in self._parts:
                out[whole:, columns] = np.matmul(last[:, bins], matrix)[: len(rows) - whole]
