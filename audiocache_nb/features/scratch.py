"""Memory that one thread reuses from run to run."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Scratch:
    """Buffers by name; fresh pages cost more than the arithmetic done on them.

    What a buffer held is gone when the same name is asked for again.
    """

    def __init__(self) -> None:
        self._buffers: dict[Hashable, NDArray[Any]] = {}

    def array(self, name: Hashable, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """An array of this shape with whatever it held before.

        Parameters
        ----------
        name : hashable
            Two users of one thread need two names.
        shape : tuple of int
            The first length may vary from call to call.
        dtype : dtype
        """
        size, key = math.prod(shape), (name, np.dtype(dtype).str)
        buffer = self._buffers.get(key)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[key] = np.zeros(size, dtype)
        return buffer[:size].reshape(shape)
