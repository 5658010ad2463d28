"""The cache as its user sees it: what there is, whether it is sound, and less of it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.cache.notes import Notes

if TYPE_CHECKING:  # and where it is used: a session may do without a directory, and starts without looking through it
    from audiocache_nb.cache.accounts import CacheInfo, GcReport, StoredFeature, VerifyReport
    from audiocache_nb.cache.disk import DiskCache
    from audiocache_nb.cache.files import Files


class SessionCache:
    """The results a session keeps: ``session.cache``.

    Parameters
    ----------
    root : Path or None
        The cache directory; None: only memory.
    budget_bytes : int > 0
    files : Files, optional
        The file calls.

    Attributes
    ----------
    notes : Notes
        What a user should know about the disk.
    """

    def __init__(self, root: pathlib.Path | None, budget_bytes: int, *, files: Files | None = None) -> None:
        self._root = root
        self._disk: DiskCache | None = None
        self.notes = Notes()
        self.store = MemoryCache()
        if root is not None:
            from audiocache_nb.cache.disk import DiskCache
            from audiocache_nb.cache.store import CacheStore

            self._disk = DiskCache(str(root.expanduser().absolute()), budget_bytes, files=files)
            self.notes = self._disk.notes
            self.store = CacheStore(self._disk)

    @property
    def root(self) -> pathlib.Path | None:
        """The cache directory, or None if results stay in memory."""
        return None if self._disk is None else pathlib.Path(self._disk.place.root)

    def info(self) -> CacheInfo:
        """What there is; looks through the directory."""
        from audiocache_nb.cache.accounts import CacheInfo

        memory = CacheInfo(memory_entries=len(self.store), memory_bytes=self.store.nbytes, notes=self.notes.texts)
        disk = self._disk
        if disk is None:
            return memory
        sizes = [one.size for one in disk.entries()]
        counters = disk.counters
        return dataclasses.replace(
            memory,
            path=disk.place.root,
            access=disk.place.access,
            entries=len(sizes),
            bytes=sum(sizes),
            budget_bytes=disk.budget.budget_bytes,
            hits=counters.hits,
            misses=counters.misses,
            corrupt=counters.corrupt,
            written=counters.written,
            unwritten=counters.unwritten,
            evicted=counters.evicted,
        )

    def entries(self) -> list[StoredFeature]:
        """What lies on disk, the latest used first; reads the header of every entry."""
        from audiocache_nb.cache.accounts import StoredFeature, used_at
        from audiocache_nb.cache.budget import seconds_of

        disk = self._disk
        if disk is None:
            return []
        found = []
        for one in disk.entries():
            layout = disk.budget.layout(one.name)
            if layout is None:
                continue
            plain, provenance = layout.plain, layout.plain["provenance"]
            names = {name: str(plain[name]) for name in ("feature", "calculator_id", "version", "profile_id", "key")}
            found.append(
                StoredFeature(
                    **names,
                    audio=str(provenance.get("audio", "")),
                    bytes=one.size,
                    seconds=seconds_of(layout),
                    used_at=used_at(one.used_s),
                )
            )
        return sorted(found, key=lambda one: one.used_at, reverse=True)

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """Read every byte on disk and compare it with its checksum.

        Parameters
        ----------
        repair : bool
            Set damaged entries aside; they are computed again when somebody wants them.
        """
        from audiocache_nb.cache.accounts import VerifyReport
        from audiocache_nb.cache.verify import problems

        if self._disk is None:
            return VerifyReport(0, 0, (), repair)
        count = size = 0
        found = []
        for one, problem in problems(self._disk, repair=repair):
            count += 1
            size += one.size
            if problem is not None:
                found.append(problem)
        return VerifyReport(count, size, tuple(found), repair)

    def gc(self) -> GcReport:
        """Remove what dead processes left, what was set aside, and what exceeds the budget."""
        from audiocache_nb.cache.accounts import GcReport
        from audiocache_nb.cache.sweep import empty_quarantine, sweep

        disk = self._disk
        if disk is None or disk.place.access != "write":
            return GcReport()
        orphans = sweep(disk.place, disk.owner)
        return GcReport(*orphans, *empty_quarantine(disk.place), *disk.keep_budget())

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every result so far is on disk; False if the time [s] ran out."""
        return self.store.flush(timeout)

    def __repr__(self) -> str:
        return f"<audiocache_nb cache>\n{self.info()}"
