"""Smoothed rows of many frames at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.sampling.weights import Box, numbers_of, to_db, to_power


def smoothed_rows(
    view: NDArray[Any], nodes: NDArray[np.int64], box: Box, *, fill: float, decibels: bool
) -> NDArray[Any]:
    """Means around the given frames.

    Parameters
    ----------
    view : ndarray [shape=(frame_count, ...)]
    nodes : ndarray of int [shape=(n,)]
        Frames of the track, in ascending order.
    box : Box
    fill : float
    decibels : bool
        Average powers instead of values.

    Returns
    -------
    ndarray [shape=(n, width)]

    Notes
    -----
    The means are one sparse matrix product over the frames touched; each frame is read, and turned
    into power, once.
    """
    from scipy.sparse import csr_array

    first, end, weight = box.spans(nodes)
    base = int(first[0])
    steps = np.zeros(int(end[-1]) - base + 1, dtype=np.int64)
    np.add.at(steps, first - base, 1)
    np.add.at(steps, end - base, -1)
    touched = np.cumsum(steps[:-1]) > 0
    column_of = np.cumsum(touched) - 1
    values = numbers_of(view[np.flatnonzero(touched) + base])
    values = to_power(values) if decibels else values
    counts = end - first
    starts = np.concatenate([[0], np.cumsum(counts)])
    indices = np.arange(starts[-1]) + np.repeat(column_of[first - base] - starts[:-1], counts)
    weights = np.repeat(weight, counts).astype(values.real.dtype)
    means = np.asarray(csr_array((weights, indices, starts), shape=(len(nodes), len(values))) @ values)
    for share, edge in zip(box.missing(nodes), (0, len(view) - 1), strict=True):
        reaching = np.flatnonzero(share)
        if reaching.size:
            if box.edges == "hold":
                outside = numbers_of(view[edge : edge + 1])
                outside = to_power(outside) if decibels else outside
            else:
                outside = np.full((1, 1), 10.0 ** (fill / 10.0) if decibels else fill)
            means[reaching] += (share[reaching, None] * outside).astype(means.dtype)
    return to_db(means) if decibels else means
