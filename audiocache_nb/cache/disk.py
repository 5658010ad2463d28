"""Finished features on disk, by content key."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Literal

from audiocache_nb.cache.budget import Stored
from audiocache_nb.cache.files import Files
from audiocache_nb.cache.location import DEFAULT_BUDGET_BYTES
from audiocache_nb.cache.reading import Reading
from audiocache_nb.cache.sweep import sweep
from audiocache_nb.cache.writing import Abandoned, Writing
from audiocache_nb.errors import CacheError
from audiocache_nb.features.track import FeatureTrack

RETRY_S = 5.0
MAX_RETRY_S = 60.0

Outcome = Literal["written", "failed", "refused"]


class DiskCache(Reading, Writing):
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
        super().__init__(root, files or Files(), budget_bytes=budget_bytes, durable=durable)
        self._pause_s = 0.0
        self._pause_until_s = 0.0
        self._swept = False

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
