"""Smoothed rows of many frames at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.sampling.select import Selection
from audiocache_nb.sampling.weights import Kernel, to_db, to_power


def smoothed_rows(
    selection: Selection, nodes: NDArray[np.int64], kernel: Kernel, *, fill: float, decibels: bool
) -> NDArray[Any]:
    """Means around the given frames.

    Parameters
    ----------
    selection : Selection
    nodes : ndarray of int [shape=(n,)]
        Frames of the track, in ascending order.
    kernel : Kernel
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

    first, end = kernel.spans(nodes)
    base = int(first[0])
    steps = np.zeros(int(end[-1]) - base + 1, dtype=np.int64)
    np.add.at(steps, first - base, 1)
    np.add.at(steps, end - base, -1)
    touched = np.cumsum(steps[:-1]) > 0
    column_of = np.cumsum(touched) - 1
    frames = np.flatnonzero(touched) + base
    values = selection.at(frames)
    values = to_power(values) if decibels else values
    counts = end - first
    starts = np.concatenate([[0], np.cumsum(counts)])
    indices = np.arange(starts[-1]) + np.repeat(column_of[first - base] - starts[:-1], counts)
    weights = kernel.weights(frames[indices] - np.repeat(nodes, counts))
    before, behind = kernel.missing(nodes)
    if kernel.shrinks:
        weights /= np.repeat(1.0 - before - behind, counts)
    table = csr_array((weights.astype(values.real.dtype), indices, starts), shape=(len(nodes), len(values)))
    means = np.asarray(table @ values)
    for share, edge in ((before, 0), (behind, len(selection) - 1)):
        reaching = np.flatnonzero(share) if not kernel.shrinks else np.zeros(0, np.int64)
        if reaching.size:
            if kernel.edges == "hold":
                outside = selection.rows(edge, edge + 1)
                outside = to_power(outside) if decibels else outside
            else:
                outside = np.full((1, 1), 10.0 ** (fill / 10.0) if decibels else fill)
            means[reaching] += (share[reaching, None] * outside).astype(means.dtype)
    return to_db(means) if decibels else means
