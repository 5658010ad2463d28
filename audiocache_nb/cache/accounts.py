"""What a look at the cache tells: how much there is, what is damaged, what was removed."""

from __future__ import annotations

import dataclasses
import datetime as dt

from audiocache_nb.cache.verify import Problem

LAST_TIME_S = 253_402_300_799.0  # of the year 9999


@dataclasses.dataclass(frozen=True)
class CacheInfo:
    """What a cache holds and what became of it in this session.

    Attributes
    ----------
    path : str
        The directory; empty where there is none.
    access : {"write", "read", "absent", "refused", "memory"}
        ``absent`` until something is written; ``memory`` where there is no directory.
    entries, bytes, budget_bytes : int
        What lies on disk, and what may.
    memory_entries, memory_bytes : int
    hits, misses, corrupt, written, unwritten, evicted : int
        Of the disk, in this session.
    notes : tuple of str
        What went wrong with the disk, the latest last.
    """

    path: str = ""
    access: str = "memory"
    entries: int = 0
    bytes: int = 0
    budget_bytes: int = 0
    memory_entries: int = 0
    memory_bytes: int = 0
    hits: int = 0
    misses: int = 0
    corrupt: int = 0
    written: int = 0
    unwritten: int = 0
    evicted: int = 0
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.access == "memory":
            return f"memory only: {_many(self.memory_entries, 'feature')}, {_size(self.memory_bytes)}"
        use = {"absent": ", not there yet", "read": ", read-only", "refused": ", not used"}.get(self.access, "")
        lines = [
            f"{self.path}{use}",
            f"  on disk    {_many(self.entries, 'feature')}, {_size(self.bytes)} of {_size(self.budget_bytes)}",
            f"  in memory  {_many(self.memory_entries, 'feature')}, {_size(self.memory_bytes)}",
            f"  session    {self.hits:,} hits, {self.misses:,} misses, {self.corrupt:,} damaged",
            f"             {self.written:,} written, {self.unwritten:,} not written, {self.evicted:,} removed",
        ]
        return "\n".join([*lines, *(f"  note       {text}" for text in self.notes)])

    __repr__ = __str__


@dataclasses.dataclass(frozen=True)
class VerifyReport:
    """What a look at every byte has found.

    Attributes
    ----------
    entries, bytes : int
        What was read.
    problems : tuple of Problem
    repaired : bool
        Whether what is damaged was set aside.
    """

    entries: int
    bytes: int
    problems: tuple[Problem, ...]
    repaired: bool

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.problems

    def __str__(self) -> str:
        lines = [f"{_many(self.entries, 'feature')}, {_size(self.bytes)}: {len(self.problems) or 'none'} damaged"]
        lines += [f"  {problem}" for problem in self.problems]
        if self.problems:
            lines.append("  set aside" if self.repaired else "  verify(repair=True) sets them aside")
        return "\n".join(lines)

    __repr__ = __str__


@dataclasses.dataclass(frozen=True)
class GcReport:
    """What a clean-up has removed.

    Attributes
    ----------
    orphans, orphan_bytes : int
        Files that processes left when they died.
    quarantined, quarantined_bytes : int
        Damaged entries that had been set aside.
    evicted, evicted_bytes : int
        Entries beyond the budget.
    """

    orphans: int = 0
    orphan_bytes: int = 0
    quarantined: int = 0
    quarantined_bytes: int = 0
    evicted: int = 0
    evicted_bytes: int = 0

    @property
    def bytes(self) -> int:
        """All bytes freed."""
        return self.orphan_bytes + self.quarantined_bytes + self.evicted_bytes

    def __str__(self) -> str:
        return (
            f"{_size(self.bytes)} freed: {_many(self.orphans, 'unfinished file')}, "
            f"{_many(self.quarantined, 'damaged feature')}, {_many(self.evicted, 'feature')} beyond the budget"
        )

    __repr__ = __str__


@dataclasses.dataclass(frozen=True)
class StoredFeature:
    """One entry on disk.

    Attributes
    ----------
    feature, calculator_id, version, profile_id, key, audio : str
    bytes : int
        Of its file.
    seconds : float [s]
        What it took to compute it.
    used_at : datetime
        When it was written or read, to the hour.
    """

    feature: str
    calculator_id: str
    version: str
    profile_id: str
    key: str
    audio: str
    bytes: int
    seconds: float
    used_at: dt.datetime

    def __str__(self) -> str:
        made = " ".join([self.feature, f"by {self.calculator_id} v{self.version}", f"@ {self.profile_id}"])
        printable = "".join(sign if sign.isprintable() else "?" for sign in made)
        when = self.used_at.astimezone().isoformat(" ", "minutes")[:16]
        return f"{self.key[:12]}  {when}  {_size(self.bytes):>9}  {self.seconds:8.3f} s  {printable}"


def used_at(seconds: float) -> dt.datetime:
    """When an entry was used, as far as a calendar goes."""
    return dt.datetime.fromtimestamp(min(max(0.0, seconds), LAST_TIME_S), dt.UTC)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _size(count: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} bytes"
