"""Rows in a file: mapped into memory, and checked the first time they are touched."""

from __future__ import annotations

import math
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import CacheCorruptionError

if TYPE_CHECKING:
    import os

READ_BYTES = 1 << 20  # at once, at most
# Reads some bytes of the file from disk; None if the file is not in its place any more.
ReadBytes = Callable[[int, int], bytes | memoryview | None]


class Checked:
    """Which chunks of a file have been compared with their checksums."""

    _known: ClassVar[weakref.WeakValueDictionary[tuple[int, ...], Checked]] = weakref.WeakValueDictionary()
    _making = threading.Lock()

    def __init__(self, count: int) -> None:
        self.good = np.zeros(count, bool)
        self.lock = threading.Lock()

    @classmethod
    def of(cls, status: os.stat_result, count: int) -> Checked:
        """The one of a file that is open: what one session has checked, another one need not.

        Whoever has changed the file since has changed the time of its last change, too.
        """
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, count)
        with cls._making:
            found = cls._known.get(identity)
            if found is None:
                found = cls._known[identity] = cls(count)
            return found


class MappedRows:
    """The rows of one entry.

    What is touched for the first time is read from the file and compared with its checksum before
    anybody sees it: an error of the disk is then an error here, where the same error met by way of
    the map would end the process.

    Parameters
    ----------
    data : ndarray [shape=(frame_count, ...)], read-only
        The map.
    first_byte : int
        Where the data begin in the file.
    rows_per_chunk : int
    checks : ndarray of uint32 [shape=(chunks,)]
        CRC-32 of each chunk.
    checked : Checked
    read_bytes : callable
        ``read_bytes(at, size)``
    damaged : callable
        Told once, before anybody else learns of it, that a chunk is not what it was.
    """

    def __init__(
        self,
        data: NDArray[Any],
        first_byte: int,
        rows_per_chunk: int,
        checks: NDArray[np.uint32],
        checked: Checked,
        read_bytes: ReadBytes,
        damaged: Callable[[], None],
    ) -> None:
        self._data: Final = data
        self._first_byte = first_byte
        self._step = rows_per_chunk
        self._row_bytes = math.prod(data.shape[1:]) * data.itemsize
        self._chunks_at_once = max(1, READ_BYTES // max(1, rows_per_chunk * self._row_bytes))
        self._checks = checks
        self._read_bytes = read_bytes
        self._damaged = damaged
        self._checked = checked
        self._problem = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one value."""
        return self._data.dtype

    @property
    def chunks_checked(self) -> int:
        """How many chunks have been read and compared so far."""
        return int(self._checked.good.sum())

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return len(self._checks)

    def read(self, first: int, end: int) -> NDArray[Any]:
        """Rows ``first <= k < end``, as a view of the map.

        Raises
        ------
        CacheCorruptionError
        """
        if end > first:
            begin, stop = first // self._step, -(-end // self._step)
            if self._problem or not self._checked.good[begin:stop].all():
                self._check(begin, stop)
        return self._data[first:end]

    def _check(self, begin: int, stop: int) -> None:
        with self._checked.lock:
            told = bool(self._problem)
            if not told:
                todo = (begin + np.flatnonzero(~self._checked.good[begin:stop])).tolist()
                for first, end in _runs(todo, self._chunks_at_once):
                    self._problem = self._problem_of(first, end)
                    if self._problem:
                        break
            problem = self._problem
        if not problem:
            return
        if not told:
            self._damaged()
        raise CacheCorruptionError(
            f"A stored feature is damaged: {problem}.", hint="It has been set aside: ask for it again."
        )

    def _problem_of(self, first: int, end: int) -> str:
        """What is wrong with the first chunk of some that is not right; those before it are known to be."""
        rows = self._data[first * self._step : end * self._step]
        try:
            found = self._read_bytes(self._first_byte + first * self._step * self._row_bytes, rows.nbytes)
        except OSError as error:
            return f"it cannot be read ({error.strerror or error})"
        if found is None:  # not in its place, so nobody can cut it short: the map stays whole
            found = memoryview(rows.reshape(-1).view(np.uint8))
        elif len(found) != rows.nbytes:
            return "it was cut short"
        view, size = memoryview(found), self._step * self._row_bytes
        for chunk, check in enumerate(self._checks[first:end].tolist()):
            if zlib.crc32(view[chunk * size : (chunk + 1) * size]) != check:
                return f"chunk {first + chunk} is not what it was"
            self._checked.good[first + chunk] = True
        return ""


def _runs(chunks: list[int], longest: int) -> Iterator[tuple[int, int]]:
    """Stretches of chunks that follow each other, each as its first and its end."""
    start = 0
    for n in range(1, len(chunks) + 1):
        if n == len(chunks) or chunks[n] != chunks[n - 1] + 1 or n - start == longest:
            yield chunks[start], chunks[n - 1] + 1
            start = n
