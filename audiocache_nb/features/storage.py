"""Storage: levels in decibels kept as small whole numbers, over a range that is stated."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

STORAGES = ("float32", "int16", "uint8")
INT16_STEP_DB = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class Storage:
    """How levels are rounded: ``level = offset + scale * stored``.

    Attributes
    ----------
    format : {"int16", "uint8"}
    scale : float [dB]
        One step; what is stored is at most half of it away from the level.
    offset : float [dB]
        The level that is stored as 0.
    """

    format: Literal["int16", "uint8"]
    scale: float
    offset: float

    @classmethod
    def of(cls, format: str, low_db: float, high_db: float) -> Storage | None:
        """The storage of a format, None for ``float32``.

        Parameters
        ----------
        format : {"float32", "int16", "uint8"}
            ``int16``: hundredths of a decibel, up to ±327.67 dB. ``uint8``: 255 steps between the limits.
        low_db, high_db : float [dB]
            The range of ``uint8``; what lies beyond is stored as its end.
        """
        if format == "uint8":
            return cls("uint8", (high_db - low_db) / 255, low_db)
        return cls("int16", INT16_STEP_DB, 0.0) if format == "int16" else None

    @property
    def dtype(self) -> np.dtype[Any]:
        """What is stored."""
        return np.dtype(self.format)

    def encode(self, levels: NDArray[np.float32], out: NDArray[Any]) -> None:
        """Store finite levels, which are overwritten, in `out` [shape of levels]."""
        low, high = (0, 255) if self.format == "uint8" else (-32767, 32767)
        np.multiply(levels, np.float32(1 / self.scale), out=levels)
        levels -= np.float32(self.offset / self.scale)
        np.clip(levels, np.float32(low), np.float32(high), out=levels)
        np.rint(levels, out=levels)
        np.copyto(out, levels, casting="unsafe")

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The levels [dB, shape of stored]."""
        return decode(stored, self.scale, self.offset)


def decode(stored: NDArray[Any], scale: float, offset: float) -> NDArray[np.float32]:
    """``offset + scale * stored`` as float32."""
    levels: NDArray[np.float32] = np.multiply(stored, np.float32(scale), dtype=np.float32)
    levels += np.float32(offset)
    return levels


class DecodedRows:
    """Stored rows that look like the array of their levels; only what is indexed is decoded.

    Parameters
    ----------
    stored : ndarray [shape=(frame_count, ...)]
    scale, offset : float [dB]
    """

    dtype = np.dtype(np.float32)

    def __init__(self, stored: NDArray[Any], scale: float, offset: float) -> None:
        self._stored, self._scale, self._offset = stored, scale, offset

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""
        return self._stored.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._stored.ndim

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        return decode(np.asarray(self._stored[index]), self._scale, self._offset)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001 - numpy's protocol
        if copy is False:
            raise ValueError("What is stored has to be decoded, which makes a copy.")
        levels = decode(self._stored, self._scale, self._offset)
        return levels if dtype is None else levels.astype(dtype, copy=False)

    def reshape(self, *shape: Any) -> DecodedRows:
        """The same rows in another shape."""
        return DecodedRows(self._stored.reshape(*shape), self._scale, self._offset)
