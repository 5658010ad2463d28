"""The directory that entries are in, and what is known of it in this process."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from audiocache_nb.cache.files import Files, same_file
from audiocache_nb.cache.notes import Notes
from audiocache_nb.cache.place import Place
from audiocache_nb.cache.sweep import set_aside

if TYPE_CHECKING:
    import os


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


class Directory:
    """A cache directory, as reading and writing have it in common: what is in it, and what went wrong there.

    Parameters
    ----------
    root : str
        The directory; made when something is written.
    files : Files
        The file calls.
    """

    def __init__(self, root: str, files: Files) -> None:
        self.files = files
        self.notes = Notes()
        self.counters = Counters()
        self.place = Place(root, self.files, self.notes)
        self.on_damage: Callable[[str], None] | None = None
        self._bad: set[tuple[int, ...]] = set()  # what is damaged and could not be moved

    def _cannot(self, what: str, error: OSError) -> None:
        reason = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the quota is used up",
            errno.EROFS: "the disk is read-only",
            errno.EACCES: "permission was denied",
            errno.EMFILE: "too many files are open",
        }.get(error.errno or 0, error.strerror or type(error).__name__)
        self.notes.add(f"{what} {error.errno}", f"A cache entry could not be {what}: {reason}. Results stay in memory.")

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
                    self._bad.add(identity(found))
        if self.on_damage is not None:
            self.on_damage(key)


def identity(status: os.stat_result) -> tuple[int, ...]:
    """A file as it is; the number alone would soon be another file's."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
