"""Entries are written: under another name first, so that nobody ever sees a part of one."""

from __future__ import annotations

import contextlib
import errno
import itertools
import time
from collections.abc import Callable, Iterator

from audiocache_nb.cache import entry
from audiocache_nb.cache.budget import Budget
from audiocache_nb.cache.directory import Directory
from audiocache_nb.cache.files import Files, join
from audiocache_nb.cache.sweep import Owner
from audiocache_nb.errors import CacheError
from audiocache_nb.features.track import FeatureTrack

WRITE_BYTES = 8 << 20  # written between two looks at whether to go on
_BUSY = (5, 32, 33)


class Abandoned(BaseException):
    """Whoever waits for a write does not want to wait any longer."""


class Writing(Directory):
    """Writes entries.

    Parameters
    ----------
    root : str
    files : Files
    budget_bytes : int > 0
        What all entries together may take.
    durable : bool
        Wait for the device after each entry.
    """

    def __init__(self, root: str, files: Files, *, budget_bytes: int, durable: bool) -> None:
        super().__init__(root, files)
        self.budget = Budget(self.place, budget_bytes)
        self._durable = durable
        self._owner: Owner | None = None

    @property
    def owner(self) -> Owner:
        """The process we are, as temporary names say it."""
        if self._owner is None or self._owner.process != self.files.process():
            self._owner = Owner.this(self.files)
        return self._owner

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


def _check(go_on: Callable[[], bool]) -> None:
    if not go_on():
        raise Abandoned
