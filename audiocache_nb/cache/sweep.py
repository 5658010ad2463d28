"""What is left behind: temporary files of dead processes, and entries that failed a check."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from audiocache_nb.cache.files import Files, is_file, join, same_file
from audiocache_nb.cache.place import Place

if TYPE_CHECKING:
    import os

MAX_AGE_S = 24 * 3600.0
QUARANTINE_FILES = 64
QUARANTINE_BYTES = 256_000_000


@dataclasses.dataclass(frozen=True)
class Owner:
    """A process, so that it cannot be taken for a later one of the same number.

    Attributes
    ----------
    host, boot : str
        Digests: of the machine, and of this start of it.
    process : int
    started : str
        When the process began; empty where that cannot be told.
    """

    host: str
    boot: str
    process: int
    started: str

    @classmethod
    def this(cls, files: Files) -> Self:
        """The process that asks."""
        process = files.process()
        try:
            started = files.started(process) or ""
        except NotImplementedError:
            started = ""
        return cls(_digest(files.host()), _digest(files.boot()), process, started)

    def __str__(self) -> str:
        return f"{self.host}-{self.boot}-{self.process}-{self.started}"

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Whose a temporary file is, by its name."""
        parts = name.split("-")
        if len(parts) != 5 or not (parts[2].isascii() and parts[2].isdecimal() and len(parts[2]) < 12):
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def is_dead(self, other: Owner, files: Files) -> bool:
        """Whether another process is known to have ended; False if that cannot be told from here."""
        if other.host != self.host or not other.started:
            return False
        if other.boot != self.boot:
            return True
        try:
            return files.started(other.process) != other.started
        except NotImplementedError:
            return False


def sweep(place: Place, owner: Owner) -> tuple[int, int]:
    """Remove temporary files whose process is dead, or that are older than a day.

    Returns
    -------
    (int, int)
        Files removed, and their bytes.
    """
    return _remove(place, place.temporary, lambda name, age_s: age_s > MAX_AGE_S or _is_dead(place, owner, name))


def empty_quarantine(place: Place) -> tuple[int, int]:
    """Remove the entries that were set aside; returns how many, and their bytes."""
    return _remove(place, place.quarantine, lambda _name, _age_s: True)


def set_aside(place: Place, name: str, opened: os.stat_result | None) -> None:
    """Take a damaged entry out of its place, unless a good one has come there meanwhile."""
    files, path = place.files, place.path_of(name)
    try:
        status = files.look(path)
        if opened is not None and not same_file(status, opened):
            return
        with contextlib.suppress(FileExistsError):
            files.make_folder(place.quarantine)
        if is_file(status):
            _make_room(place, status.st_size)
        files.replace(path, join(place.quarantine, f"{name}.{files.random()}"))
    except OSError:
        with contextlib.suppress(OSError):
            files.unlink(path)


def _make_room(place: Place, size: int) -> None:
    found = sorted(place.files.listing(place.quarantine), key=lambda one: one[1].st_ctime)
    bytes_left, files_left = QUARANTINE_BYTES - size, QUARANTINE_FILES - 1
    for name, status in reversed(found):  # the latest ones are kept
        bytes_left -= status.st_size
        files_left -= 1
        if bytes_left < 0 or files_left < 0:
            with contextlib.suppress(OSError):
                place.files.unlink(join(place.quarantine, name))


def _remove(place: Place, folder: str, wanted: Callable[[str, float], bool]) -> tuple[int, int]:
    count = size = 0
    now_s = time.time()
    try:
        found = list(place.files.listing(folder))
    except FileNotFoundError:
        return 0, 0
    for name, status in found:
        if wanted(name, now_s - status.st_mtime):
            with contextlib.suppress(OSError):
                place.files.unlink(join(folder, name))
                count += 1
                size += status.st_size
    return count, size


def _is_dead(place: Place, owner: Owner, name: str) -> bool:
    other = Owner.of(name)
    return other is not None and owner.is_dead(other, place.files)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
