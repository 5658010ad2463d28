"""Rows of a feature track that lies elsewhere, for whoever reads a part at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.track import FeatureTrack


class TrackRows:
    """Looks like the array of a track's values; only what is indexed is read, checked and decoded.

    Parameters
    ----------
    track : FeatureTrack
    shape : tuple of int
        Another shape for the same values; the first axis stays what it is.
    """

    def __init__(self, track: FeatureTrack, shape: tuple[int, ...]) -> None:
        self._track = track
        self.shape = shape
        self.dtype = np.dtype(np.float32) if track.is_quantised else track.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._read(start, max(start, stop))
            found = [self._read(k, k + 1) for k in range(start, stop, step)]
            return np.concatenate(found) if found else self._read(0, 0)
        number = range(len(self))[index]
        row: NDArray[Any] = self._read(number, number + 1)[0]
        return row

    def _read(self, first: int, end: int) -> NDArray[Any]:
        return self._track.values(first, end).reshape(end - first, *self.shape[1:])
