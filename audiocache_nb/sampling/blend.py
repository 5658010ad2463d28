"""Many rows at once, each a weighted sum of a few others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Up to here all weights together are small beside the rows they make, or small in themselves.
_WIDE: Final = 32
_SUMS_AT_ONCE: Final = 1 << 16
_PAGE_BYTES: Final = 4096


def weighted_sums(
    rows: NDArray[Any], frames: Sequence[NDArray[np.int64]], weights: Sequence[NDArray[np.float64]]
) -> NDArray[Any]:
    """``sum over j of weights[j] * rows[frames[j]]``.

    Parameters
    ----------
    rows : ndarray of floating point or complex numbers [shape=(m, width)]
    frames : sequence of ndarray [shape=(n,)]
        Which rows; a row may come several times.
    weights : sequence of ndarray [shape=(n,)]
        How much each counts. One of weight 0 is left out, whatever it holds.

    Returns
    -------
    ndarray [shape=(n, width)]
        Of the type of `rows`.

    Notes
    -----
    One product with a sparse matrix: the sums go straight to where they stay, and nothing else is as big as
    they are.
    """
    if rows.dtype == np.float16:  # sparse matrices have no halves: they would answer in another type
        return weighted_sums(rows.astype(np.float32), frames, weights).astype(np.float16)
    count, width = len(frames[0]), rows.shape[1]
    numbers = rows
    if rows.dtype.kind == "c":  # real weights: real and imaginary parts are numbers beside each other
        numbers = np.ascontiguousarray(rows).view(rows.real.dtype)
    if width >= _WIDE or count <= _SUMS_AT_ONCE:
        return np.asarray(_product(numbers, frames, weights)).view(rows.dtype)
    out = np.empty((count, width), rows.dtype)
    for begin in range(0, count, _SUMS_AT_ONCE):
        part = slice(begin, begin + _SUMS_AT_ONCE)
        sums = _product(numbers, [one[part] for one in frames], [one[part] for one in weights])
        out[part] = sums.view(rows.dtype)
    return out


def _product(
    numbers: NDArray[Any], frames: Sequence[NDArray[np.int64]], weights: Sequence[NDArray[np.float64]]
) -> NDArray[Any]:
    from scipy.sparse import csr_array

    shape = (len(frames[0]), len(numbers))
    columns = np.stack(frames, axis=1, dtype=np.int32 if max(shape) < 1 << 31 else np.int64, casting="same_kind")
    shares = np.stack(weights, axis=1, dtype=numbers.dtype, casting="same_kind")
    counts = shares != 0.0
    if counts.all():
        starts = np.arange(0, columns.size + 1, columns.shape[1], dtype=columns.dtype)
        table = csr_array((shares.ravel(), columns.ravel(), starts), shape=shape)
    else:
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(counts, axis=1))])
        table = csr_array((shares[counts], columns[counts], starts.astype(columns.dtype)), shape=shape)
    if numbers.strides[0] >= _PAGE_BYTES:
        table = table.tocsc()  # column by column: the rows are read in the order they lie in, each of them once
    return np.asarray(table @ numbers)
