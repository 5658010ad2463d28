"""Waveforms of single periods, each as long as it is, as rows of equal width."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidParameterError


def padded_periods(samples: ArrayLike, offsets: ArrayLike, lengths: ArrayLike) -> NDArray[np.float32]:
    """Rows of periods that lie one after the other, for a track of the format ``waveform-periodic``.

    Parameters
    ----------
    samples : array_like [shape=(n,)]
    offsets : array_like of int [shape=(frame_count,)] [samples]
        Where each period begins.
    lengths : array_like of int [shape=(frame_count,)] [samples]

    Returns
    -------
    ndarray of float32 [shape=(frame_count, max(lengths))]
        Padded with zeros.

    Raises
    ------
    InvalidParameterError
        If a period does not lie within the samples.
    """
    values = np.asarray(samples, dtype=np.float32).ravel()
    first, count = np.asarray(offsets, dtype=np.int64).ravel(), np.asarray(lengths, dtype=np.int64).ravel()
    if len(first) != len(count) or np.any(first < 0) or np.any(count < 0) or np.any(first > len(values) - count):
        raise InvalidParameterError(
            f"{len(first)} offsets and {len(count)} lengths do not lie within {len(values)} samples.",
            hint="Give one offset and one length for each period.",
        )
    rows = np.zeros((len(first), max(count.tolist(), default=0)), dtype=np.float32)
    columns = np.arange(rows.shape[1])
    inside = columns < count[:, None]
    rows[inside] = values[(first[:, None] + columns)[inside]]
    return rows
