"""Finished features on disk, by content key."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import itertools
import math
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.cache import entry
from audiocache_nb.cache.budget import Budget, Stored
from audiocache_nb.cache.files import Files, is_file, join, same_file
from audiocache_nb.cache.location import DEFAULT_BUDGET_BYTES
from audiocache_nb.cache.mapped import Checked, MappedRows
from audiocache_nb.cache.notes import Notes
from audiocache_nb.cache.place import Place
from audiocache_nb.cache.sweep import Owner, set_aside, sweep
from audiocache_nb.errors import CacheCorruptionError, CacheError, CacheVersionError
from audiocache_nb.features.track import FeatureTrack

if TYPE_CHECKING:
    import os

SMALL_BYTES = 1 << 18  # not worth a map of their own
WRITE_BYTES = 8 << 20  # written between two looks at whether to go on
USED_AGAIN_S = 3600.0
RETRY_S = 5.0
MAX_RETRY_S = 60.0
_GONE = (errno.ENOENT, errno.ENOTDIR)
_BUSY = (5, 32, 33)


Outcome = Literal["written", "failed", "refused"]


@dataclasses.dataclass
class Counters:
    """What happened in this process."""

    hits: int = 0
    misses: int = 0
    corrupt: int = 0
    written: int = 0
    unwritten: int = 0
    evicted: int = 0
    bytes_read: int = 0


class Abandoned(BaseException):
    """Whoever waits for a write does not want to wait any longer."""


class DiskCache:
    """Entries in a cache directory that any number of processes share.

    An entry never changes once it has its name: it is written under another one and renamed. Nothing
    here relies on a lock between processes. No method raises for anything that is wrong with the
    disk or with what lies there: that is a miss, or a result that is not kept, with a note.

    Parameters
    ----------
    root : str
        The directory; made when something is written.
    budget_bytes : int > 0
        What all entries together may take; the ones that are cheapest to compute again leave first.
    files : Files, optional
        The file calls.
    durable : bool
        Wait for the device after each entry. Without it a power failure can lose entries, which the
        checksums then tell.
    """

    def __init__(
        self,
        root: str,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        *,
        files: Files | None = None,
        durable: bool = False,
    ) -> None:
        self.files = files or Files()
        self.notes = Notes()
        self.counters = Counters()
        self.place = Place(root, self.files, self.notes)
        self.budget = Budget(self.place, budget_bytes)
        self.on_damage: Callable[[str], None] | None = None
        self._durable = durable
        self._bad: set[tuple[int, ...]] = set()  # what is damaged and could not be moved
        self._pause_s = 0.0
        self._pause_until_s = 0.0
        self._owner: Owner | None = None
        self._swept = False

    # --- reading -----------------------------------------------------------------------------

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
        return is_file(status) and _identity(status) not in self._bad

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
            if _identity(status) in self._bad:
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

    def _damaged(self, key: str, name: str, opened: os.stat_result | None) -> None:
        """Set an entry aside, and tell who may be showing it."""
        self.counters.corrupt += 1
        self.notes.add("damaged", "A cache entry was damaged. It was set aside, and is computed again when needed.")
        if self.place.access == "write":
            set_aside(self.place, name, opened)
        if opened is not None:
            with contextlib.suppress(OSError):
                found = self.files.look(self.place.path_of(name))
                if same_file(found, opened):  # it could not be moved
                    self._bad.add(_identity(found))
        if self.on_damage is not None:
            self.on_damage(key)

    # --- writing -----------------------------------------------------------------------------

    def put(self, track: FeatureTrack, *, go_on: Callable[[], bool] = lambda: True) -> Outcome:
        """Keep a track.

        Parameters
        ----------
        track : FeatureTrack
        go_on : callable
            Asked between two blocks, and just before the entry gets its name: False abandons it.

        Returns
        -------
        {"written", "failed", "refused"}
            ``failed``: something is wrong with the disk, and another time it may work.
            ``refused``: this track, or anything in this directory, is never written.
        """
        if track.provenance.get("uncacheable") or self.place.access in ("read", "refused"):
            return "refused"
        outcome: Outcome = "failed"
        if time.monotonic() >= self._pause_until_s:
            outcome = self._tried(track, go_on)
        if outcome == "written":
            self.counters.written += 1
        else:
            self.counters.unwritten += 1
        return outcome

    def _tried(self, track: FeatureTrack, go_on: Callable[[], bool]) -> Outcome:
        try:
            self._put(track, go_on)
        except Abandoned:
            return "refused"
        except CacheError as error:
            self.notes.add("unstorable", f"{track.feature!r:.80} is not kept on disk: {error.message}")
            return "refused"
        except MemoryError:
            self.notes.add("memory", "There was not enough memory to write a cache entry.")
            return "failed"
        except OSError as error:
            self._cannot("written", error)
            self._pause_s = min(MAX_RETRY_S, 2 * self._pause_s or RETRY_S)
            self._pause_until_s = time.monotonic() + self._pause_s
            self.place.forget()
            return "failed"
        self._pause_s = 0.0
        return "written"

    def _put(self, track: FeatureTrack, go_on: Callable[[], bool]) -> None:
        before, after = entry.write_plan(track)
        size = len(before) + track.nbytes + len(after)
        if size > self.budget.budget_bytes:
            raise CacheError(
                "it is bigger than the cache's whole budget.", hint="Give the session a greater cache_budget_bytes."
            )
        temporary = join(self.place.temporary, f"{self.owner}-{self.files.random()}")
        try:
            descriptor = self.files.create(temporary)
        except FileNotFoundError:  # the first time ever, or somebody has deleted the directory
            self.place.prepare()
            if self.place.access != "write":
                raise CacheError(
                    "the cache directory is not used.", hint="Open the session with a cache_dir."
                ) from None
            temporary = join(self.place.temporary, f"{self.owner}-{self.files.random()}")
            descriptor = self.files.create(temporary)
        blocks: Iterator[memoryview | bytes] = itertools.chain([before], entry.chunks(track), [after])
        try:
            try:
                for block in blocks:
                    self._write(descriptor, block, go_on)
                if self._durable:
                    self.files.sync(descriptor)
            finally:
                self.files.close(descriptor)
            _check(go_on)
            self._publish(temporary, self.place.name_of(track.key))
        except BaseException:
            with contextlib.suppress(OSError):
                self.files.unlink(temporary)
            raise
        self.budget.grew(size)

    def _write(self, descriptor: int, block: memoryview | bytes, go_on: Callable[[], bool]) -> None:
        left = memoryview(block)
        while left:
            _check(go_on)
            written = self.files.write(descriptor, left[:WRITE_BYTES])
            if written <= 0:
                raise OSError(errno.EIO, "nothing could be written")
            left = left[written:]

    def _publish(self, temporary: str, name: str) -> None:
        """Give an entry its name; what was there under that name before was the same, or damaged."""
        target = self.place.path_of(name)
        self.place.make_folders(name)
        for wait_s in (0.05, 0.1, 0.2, 0.4, 0.8, None):
            try:
                self.files.replace(temporary, target)
            except PermissionError as error:
                # Windows, where somebody (a virus scanner, a reader) has the file open for a moment.
                if getattr(error, "winerror", None) not in _BUSY or wait_s is None:
                    raise
                time.sleep(wait_s)
            else:
                return

    @property
    def owner(self) -> Owner:
        """The process we are, as temporary names say it."""
        if self._owner is None or self._owner.process != self.files.process():
            self._owner = Owner.this(self.files)
        return self._owner

    def _cannot(self, what: str, error: OSError) -> None:
        reason = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the quota is used up",
            errno.EROFS: "the disk is read-only",
            errno.EACCES: "permission was denied",
            errno.EMFILE: "too many files are open",
        }.get(error.errno or 0, error.strerror or type(error).__name__)
        self.notes.add(f"{what} {error.errno}", f"A cache entry could not be {what}: {reason}. Results stay in memory.")

    # --- looking after it --------------------------------------------------------------------

    def tidy(self) -> None:
        """What is worth doing now and then: orphans are swept once, and the budget is kept."""
        if self.place.access != "write":
            return
        try:
            if not self._swept:
                self._swept = True
                sweep(self.place, self.owner)
            self.keep_budget()
        except OSError as error:
            self._cannot("tidied", error)

    def keep_budget(self) -> tuple[int, int]:
        """Remove what is worth least, if there is too much; returns how many entries and bytes.

        Raises
        ------
        OSError
        """
        count, size = self.budget.keep()
        self.counters.evicted += count
        return count, size

    def entries(self) -> Iterator[Stored]:
        """All entries there are; none where the directory is not used."""
        return self.budget.entries() if self.place.access in ("read", "write") else iter(())

    def discard(self, key: str) -> None:
        """Remove an entry, if it is there."""
        if self.place.access == "write":
            with contextlib.suppress(OSError):
                self.files.unlink(self.place.path_of(self.place.name_of(key)))

    def discard_audio(self, digest: str) -> dict[str, int]:
        """Remove every entry computed from some audio; each one's header is read for that.

        Returns
        -------
        dict of str to int [bytes]
            Sizes of the data removed, by key.
        """
        found: dict[str, int] = {}
        if self.place.access != "write":
            return found
        for one in self.entries():
            layout = self.budget.layout(one.name)
            if layout is not None and layout.plain["provenance"].get("audio") == digest:
                dtype, shape, _ = layout.arrays["data"]
                with contextlib.suppress(OSError):
                    self.files.unlink(self.place.path_of(one.name))
                    found[layout.plain["key"]] = math.prod(shape) * dtype.itemsize
        return found


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """A file as it is; the number alone would soon be another file's."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check(go_on: Callable[[], bool]) -> None:
    if not go_on():
        raise Abandoned
