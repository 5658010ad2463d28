"""The byte budget: what leaves when the cache has grown too big."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from audiocache_nb.cache import entry
from audiocache_nb.cache.derived import derived_keys
from audiocache_nb.cache.files import is_file, is_folder, join
from audiocache_nb.cache.place import Place, is_entry
from audiocache_nb.errors import AudioCacheError

if TYPE_CHECKING:
    import os

KEPT_PART = 0.9
CANDIDATES = 4.0  # times the bytes that have to go
HALF_AGE_S = 3600.0
LOOK_AGAIN_BYTES = 1 << 30  # others write there, too
_DIGITS = "0123456789abcdef"


@dataclasses.dataclass(frozen=True)
class Stored:
    """An entry, as its folder lists it."""

    name: str
    size: int
    used_s: float

    def worth(self, seconds: float, now_s: float) -> float:
        """What is lost with it: seconds of work per byte, the less the longer nobody has used it."""
        age_s = max(0.0, now_s - self.used_s)  # a clock that was put back makes nothing old
        return seconds / max(1, self.size) / (age_s + HALF_AGE_S)


class Budget:
    """Keeps a cache directory within its budget.

    The directory is never looked through at the start, and later only now and then by whoever
    writes; between two looks the bytes written by this process are added up.
    """

    def __init__(self, place: Place, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._place = place
        self._lock = threading.Lock()
        self._used: int | None = None
        self._since_look = 0

    def grew(self, size: int) -> None:
        """An entry was written."""
        with self._lock:
            self._since_look += size

    def entries(self) -> Iterator[Stored]:
        """All entries there are, in no order."""
        base = self._place.base
        for outer in _DIGITS:
            for folder, status in self._listing(join(base, outer)):
                if not is_folder(status):
                    continue
                inner = join(base, outer, folder)
                for name, one in self._listing(inner):
                    if is_entry(name) and is_file(one) and self._place.path_of(name) == join(inner, name):
                        yield Stored(name, one.st_size, one.st_mtime)

    def keep(self) -> tuple[int, int]:
        """Remove what is worth least, if there is too much; returns how many entries and bytes."""
        with self._lock:
            used, since = self._used, self._since_look
        if used is not None and since < LOOK_AGAIN_BYTES and used + since <= self.budget_bytes:
            return 0, 0
        found = list(self.entries())
        used = sum(one.size for one in found)
        count = size = 0
        if used > self.budget_bytes:
            known = {one.name: one for one in found}
            for one in self._least_worth(found, used - int(KEPT_PART * self.budget_bytes)):
                for going in (one, *self._derived(one.name, known)):
                    if known.pop(going.name, None) is not None:
                        with contextlib.suppress(OSError):
                            self._place.files.unlink(self._place.path_of(going.name))
                            count += 1
                            size += going.size
        with self._lock:
            self._used, self._since_look = used - size, 0
        return count, size

    def _least_worth(self, found: list[Stored], to_free: int) -> Iterator[Stored]:
        """Entries to remove. What they cost stands in themselves, so only those long unused are asked."""
        candidates: list[Stored] = []
        size = 0
        for one in sorted(found, key=lambda one: one.used_s):
            if size >= CANDIDATES * to_free:
                break
            candidates.append(one)
            size += one.size
        now_s = time.time()
        for one in sorted(candidates, key=lambda one: one.worth(seconds_of(self.layout(one.name)), now_s)):
            if to_free <= 0:
                return
            to_free -= one.size
            yield one

    def _derived(self, name: str, known: Mapping[str, Stored]) -> list[Stored]:
        """What was made of an entry, and is of no use without it."""
        layout = self.layout(name)
        keys = [] if layout is None else derived_keys(str(layout.plain["key"]))
        return [known[one] for one in map(self._place.name_of, keys) if one in known]

    def layout(self, name: str) -> entry.Layout | None:
        """The header of an entry, or None if there is none that is whole."""
        files = self._place.files
        try:
            descriptor = files.open(self._place.path_of(name))
            try:
                return entry.read_layout(files, descriptor, files.status(descriptor).st_size)[0]
            finally:
                files.close(descriptor)
        except (OSError, AudioCacheError):
            return None

    def _listing(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        with contextlib.suppress(OSError):  # what cannot be looked at is as good as not there
            yield from self._place.files.listing(folder)


def seconds_of(layout: entry.Layout | None) -> float:
    """What it took to compute an entry; 0 for one that cannot be read [s]."""
    spent = None if layout is None else layout.plain["provenance"].get("seconds")
    return float(spent) if isinstance(spent, (int, float)) else 0.0
