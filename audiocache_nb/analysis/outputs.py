"""Outputs: where rows go while they are computed, in memory or, if they are many, into a file that has no name."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import mmap
import os
import pathlib
import threading
import weakref
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.track import StoredRows

MAPPED_FROM_BYTES = 256 << 20
log = logging.getLogger("audiocache_nb")


class Rows(Protocol):
    """The rows of one result while they are being written, by any number of threads."""

    shape: tuple[int, ...]

    def block(self, first: int, end: int, scratch: Scratch) -> NDArray[Any]:
        """Where the rows ``first .. end - 1`` are to be written, as `commit` expects them."""
        ...

    def commit(self, first: int, rows: NDArray[Any]) -> None:
        """The rows from `first` on are complete; they lie where `block` said."""
        ...

    def view(self) -> NDArray[Any] | StoredRows | None:
        """All rows as they are now, to be read while others are written; None if that cannot be."""
        ...

    def finish(self) -> NDArray[Any]:
        """All rows; nothing is written any more."""
        ...


class RowsInMemory:
    """Rows in an array."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self._data = np.empty(shape, dtype)

    def block(self, first: int, end: int, scratch: Scratch) -> NDArray[Any]:
        return self._data[first:end]

    def commit(self, first: int, rows: NDArray[Any]) -> None:
        """They are in their place already."""

    def view(self) -> NDArray[Any]:
        return self._data.view()

    def finish(self) -> NDArray[Any]:
        return self._data


class RowsInFile:
    """Rows in a file that disappears with the last who looks at it.

    They are written, not mapped, block by block: so none of them counts as memory of the process, and a full disk
    is an error instead of the end of the process. What cannot be written is kept in memory.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    folder : Path or None
        None: where the system keeps temporary files.

    Raises
    ------
    OSError
        If there is no room for all of them.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], folder: pathlib.Path | None) -> None:
        self.shape = shape
        self._dtype = dtype
        self._row_bytes = math.prod(shape[1:]) * dtype.itemsize
        self._lock = threading.Lock()
        self._in_memory: NDArray[Any] | None = None
        self._ranges: list[tuple[int, int]] = []  # what is in memory instead of in the file
        if folder is not None:
            folder.mkdir(0o700, parents=True, exist_ok=True)
        import tempfile  # few results are that big

        with tempfile.TemporaryFile(dir=folder) as file:
            self._handle = os.dup(file.fileno())
        # Closed when nobody refers to the rows any more: a thread that goes on after a cancellation may still write.
        self._close = weakref.finalize(self, os.close, self._handle)
        _reserve(self._handle, shape[0] * self._row_bytes)

    def block(self, first: int, end: int, scratch: Scratch) -> NDArray[Any]:
        return scratch.array("rows of a file", (end - first, *self.shape[1:]), self._dtype)

    def commit(self, first: int, rows: NDArray[Any]) -> None:
        if not rows.size:
            return
        try:
            _write(self._handle, memoryview(np.ascontiguousarray(rows)).cast("B"), first * self._row_bytes)
        except OSError as error:
            with self._lock:
                if self._in_memory is None:
                    log.warning("Results stay in memory: %s", error)
                    self._in_memory = np.empty(self.shape, self._dtype)
                self._in_memory[first : first + len(rows)] = rows
                self._ranges.append((first, first + len(rows)))

    def view(self) -> StoredRows | None:
        with self._lock:  # lest it is finished at this moment: the number of its handle is the next file's then
            if self._in_memory is not None or not self._close.alive:
                return None
            with contextlib.suppress(OSError):  # no more handles
                return _RowsOfFile(self.shape, self._dtype, os.dup(self._handle))
        return None

    def finish(self) -> NDArray[Any]:
        try:
            if self._in_memory is None:
                count = math.prod(self.shape)
                mapped = mmap.mmap(self._handle, count * self._dtype.itemsize, access=mmap.ACCESS_READ)
                return np.frombuffer(mapped, self._dtype, count).reshape(self.shape)
            at = 0
            for first, end in [*sorted(self._ranges), (self.shape[0], self.shape[0])]:
                _read(self._handle, self._in_memory[at:first], at * self._row_bytes)
                at = end
            return self._in_memory
        finally:
            with self._lock:
                self._close()


class _RowsOfFile:
    """Rows of a file, read while others are written; it has a handle of its own."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], handle: int) -> None:
        self.shape, self.dtype = shape, dtype
        self._handle = handle
        weakref.finalize(self, os.close, handle)

    def read(self, first: int, end: int) -> NDArray[Any]:
        rows = np.empty((end - first, *self.shape[1:]), self.dtype)
        _read(self._handle, rows, first * math.prod(self.shape[1:]) * self.dtype.itemsize)
        rows.setflags(write=False)
        return rows


def _reserve(handle: int, size: int) -> None:
    """Make sure that there is room, so that a full disk is noticed before the work."""
    reserve = getattr(os, "posix_fallocate", None)
    if reserve is not None:
        reserve(handle, 0, size)
    else:
        os.ftruncate(handle, size)


def _write(handle: int, data: memoryview, at: int) -> None:
    while data:
        done = os.pwrite(handle, data, at)
        data, at = data[done:], at + done


def _read(handle: int, out: NDArray[Any], at: int) -> None:
    if not out.size:
        return
    data = memoryview(out).cast("B")
    while data:
        done = os.preadv(handle, [data], at)
        if not done:
            raise OSError("The file of results ends early.")
        data, at = data[done:], at + done


@dataclasses.dataclass
class Outputs:
    """Makes room for results.

    Attributes
    ----------
    folder : Path or None
        Where big ones go; None: where the system keeps temporary files.
    mapped_from_bytes : int
        Results of this size and more go into files, smaller ones stay in memory.
    """

    folder: pathlib.Path | None = None
    mapped_from_bytes: int = MAPPED_FROM_BYTES

    def rows(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Rows:
        """Room for rows.

        Parameters
        ----------
        shape : tuple of int
            Number of rows, and the shape of one.
        dtype : dtype

        Raises
        ------
        MemoryError, TypeError, ValueError
            For a shape that is none, or too big.
        """
        if math.prod(shape) * dtype.itemsize >= max(1, self.mapped_from_bytes) and hasattr(os, "pwrite"):
            for folder in dict.fromkeys((self.folder, None)):
                with contextlib.suppress(OSError):  # no room there
                    return RowsInFile(shape, dtype, folder)
        return RowsInMemory(shape, dtype)
