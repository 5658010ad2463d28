"""Entries are read: whole or in parts, and never believed before they are checked."""

from __future__ import annotations

import contextlib
import errno
import math
import time
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.cache import entry
from audiocache_nb.cache.directory import Directory, identity
from audiocache_nb.cache.files import is_file, same_file
from audiocache_nb.cache.mapped import Checked, MappedRows
from audiocache_nb.errors import CacheCorruptionError, CacheVersionError
from audiocache_nb.features.track import FeatureTrack

if TYPE_CHECKING:
    import os

SMALL_BYTES = 1 << 18  # not worth a map of their own
USED_AGAIN_S = 3600.0
_GONE = (errno.ENOENT, errno.ENOTDIR)


class Reading(Directory):
    """Reads entries, and sets aside what is damaged."""

    def get(self, key: str) -> FeatureTrack | None:
        """The track of this key, or None. Of a long one only the header is read now."""
        track = self._get(key)
        if track is None:
            self.counters.misses += 1
        else:
            self.counters.hits += 1
        return track

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry that looks whole from outside."""
        if not isinstance(key, str) or self.place.access not in ("read", "write"):
            return False
        try:
            status = self.files.look(self.place.path_of(self.place.name_of(key)))
        except OSError:
            return False
        return is_file(status) and identity(status) not in self._bad

    def _get(self, key: str) -> FeatureTrack | None:
        if self.place.access not in ("read", "write"):
            return None
        name = self.place.name_of(key)
        path = self.place.path_of(name)
        try:
            descriptor = self.files.open(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOTDIR):
                self._damaged(key, name, None)
            else:
                self._cannot("read", error)
            return None
        status: os.stat_result | None = None
        try:
            status = self.files.status(descriptor)
            if identity(status) in self._bad:
                return None
            self._check_kind(status, name)
            track = self._read(descriptor, status, key)
            self._note_use(path, status.st_mtime)
        except CacheCorruptionError:
            self._damaged(key, name, status)
        except CacheVersionError as error:
            self.notes.add("newer", f"{error.message} It is left alone.")
        except OSError as error:
            if error.errno == errno.EIO:
                self._damaged(key, name, status)
            self._cannot("read", error)
        except MemoryError:
            self.notes.add("memory", "There was not enough memory to read a cache entry.")
        else:
            return track
        finally:
            with contextlib.suppress(OSError):
                self.files.close(descriptor)
        return None

    def _read(self, descriptor: int, status: os.stat_result, key: str) -> FeatureTrack:
        size = status.st_size
        layout, start = entry.read_layout(self.files, descriptor, size)
        self.counters.bytes_read += len(start)
        if layout.plain.get("key") != key:
            raise CacheCorruptionError(
                "The cache entry belongs to another key.", hint="It is set aside and computed again."
            )
        if size <= SMALL_BYTES and len(start) < size:
            start += self._read_bytes(descriptor, size - len(start), len(start))
        first, end = layout.tail
        tail = start[first:end] if len(start) == size else self._read_bytes(descriptor, end - first, first)
        if len(tail) != end - first or zlib.crc32(tail) != layout.tail_crc32:
            raise CacheCorruptionError(
                "The end of the cache entry is damaged.", hint="It is set aside and computed again."
            )
        try:
            track = entry.track_of(layout, self._rows(descriptor, layout, start, tail, status, key), tail)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise CacheCorruptionError(
                f"The cache entry makes no sense: {type(error).__name__}.", hint="It is set aside and computed again."
            ) from error
        if len(start) == size:
            track.rows(0, track.frame_count)  # it is in memory: whatever is wrong shows now
        return track

    def _rows(
        self, descriptor: int, layout: entry.Layout, start: bytes, tail: bytes, status: os.stat_result, key: str
    ) -> MappedRows:
        dtype, shape, first = layout.arrays["data"]
        count, name = math.prod(shape), self.place.name_of(key)
        whole = len(start) == layout.size
        source: Any = start if whole or not count else self.files.map(descriptor, layout.tail[0])
        data: NDArray[Any] = np.frombuffer(source, dtype, count, first if count else 0).reshape(shape)
        data.setflags(write=False)

        def read_bytes(at: int, size: int) -> bytes | None:
            return start[at : at + size] if whole else self._read_again(name, status, at, size)

        def damaged() -> None:
            if not whole:  # otherwise `get` is still busy with it
                self._damaged(key, name, status)

        checks = entry.tail_array(layout, tail, "crc32")
        checked = Checked(len(checks)) if whole else Checked.of(status, len(checks))
        return MappedRows(data, first, layout.rows_per_chunk, checks, checked, read_bytes, damaged)

    def _read_bytes(self, descriptor: int, size: int, at: int) -> bytes:
        found = self.files.read(descriptor, size, at)
        self.counters.bytes_read += len(found)
        return found

    def _read_again(self, name: str, opened: os.stat_result, at: int, size: int) -> bytes | None:
        """Bytes of an entry that was opened before, if it still is the one in its place."""
        try:
            descriptor = self.files.open(self.place.path_of(name))
        except OSError as error:
            if error.errno in _GONE or error.errno == errno.ELOOP:
                return None
            raise
        try:
            status = self.files.status(descriptor)
            if not same_file(status, opened):
                return None
            return self._read_bytes(descriptor, size, at)
        finally:
            self.files.close(descriptor)

    def _check_kind(self, status: os.stat_result, name: str) -> None:
        user = self.files.user()
        ours = user is None or status.st_uid in (user, 0) or self.place.access == "read"
        if not ours or not is_file(status) or not self.place.is_straight(name):
            raise CacheCorruptionError(
                "The cache entry is no file of this cache.", hint="It is set aside and computed again."
            )

    def _note_use(self, path: str, used_s: float) -> None:
        if self.place.access == "write" and not -USED_AGAIN_S < time.time() - used_s < USED_AGAIN_S:
            with contextlib.suppress(OSError):
                self.files.touch(path)
