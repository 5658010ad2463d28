"""Rows and groups: one feature of a source as it stands, and those of one profile together."""

from __future__ import annotations

import dataclasses
from typing import Literal

from audiocache_nb.analysis.report import _size, _time
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline.state import Slot

Kind = Literal["bad_request", "failed", "missing", "stale", "regenerating", "extraneous", "dismissed", "current"]
# The worst first. What is in the first four needs somebody; the banner tells of it.
KINDS: tuple[Kind, ...] = (
    "bad_request",
    "failed",
    "missing",
    "stale",
    "regenerating",
    "extraneous",
    "dismissed",
    "current",
)
SEVERITY = {kind: len(KINDS) - 1 - n for n, kind in enumerate(KINDS)}
PROBLEMS = frozenset({"bad_request", "failed", "missing", "stale"})
ISSUES = PROBLEMS | {"extraneous"}


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One feature of a source in one profile.

    Attributes
    ----------
    name : str
        As it is asked for: the feature's key, or the calculator's id if that is not the default one.
    kind : str
        ``bad_request`` (nobody can compute it), ``failed``, ``missing``, ``stale``, ``regenerating``
        (queued or running), ``extraneous`` (there, and nobody asks for it), ``dismissed`` (the same,
        and that is known) or ``current``.
    reason : str
        Why, in a sentence.
    source_id, profile : str
    tracks : tuple of str
        The tracks of the source.
    owners : tuple of str
        The elements that ask for it.
    nbytes : int
        Size of the data that are there.
    cost_s : float [s]
        Expected work on one thread to make it right.
    warnings : tuple of str
        What does not make it wrong, but is worth a look.
    state : str
        Of the feature itself: what is ``regenerating`` is ``queued`` or ``running``.
    computed_at : str
        When the data that are there were computed, in ISO 8601; empty if that is not known.
    descriptor : Descriptor or None
        None for what cannot even be named.
    """

    name: str
    kind: Kind
    reason: str
    source_id: str
    profile: str
    tracks: tuple[str, ...]
    label: str = ""
    calculator: str = ""
    owners: tuple[str, ...] = ()
    nbytes: int = 0
    stored: bool = False
    cost_s: float = 0.0
    causes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    state: str = ""
    computed_at: str = ""
    descriptor: Descriptor | None = None
    slot: Slot | None = None

    @property
    def severity(self) -> int:
        """The higher, the more it needs somebody."""
        return SEVERITY[self.kind]

    @property
    def is_issue(self) -> bool:
        """Whether there is something to be done about it."""
        return self.kind in ISSUES

    @property
    def problem_id(self) -> str:
        """What this problem is, to tell it from others."""
        return "\x1f".join((self.kind, self.source_id, self.profile, str(self.slot or self.name)))

    def explain(self) -> str:
        """All that is known about it, as text."""
        lines = [f"{self.name} of {', '.join(self.tracks)}: {WORDS[self.kind]}. {self.reason}"]
        if self.owners:
            lines.append(f"Asked for by {', '.join(self.owners)}.")
        elif self.kind not in ("extraneous", "dismissed"):
            lines.append("Nobody asks for it.")
        if self.stored:
            lines.append(f"{_size(self.nbytes)} are stored.")
        if self.kind in PROBLEMS and self.descriptor is not None:
            lines.append(f"Making it right takes about {_time(self.cost_s)} of work.")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __str__(self) -> str:
        return f"{self.name} of {', '.join(self.tracks)}: {WORDS[self.kind]}. {self.reason}"

    def __repr__(self) -> str:
        return f"<{self}>"


WORDS: dict[Kind, str] = {
    "bad_request": "bad request",
    "failed": "failed",
    "missing": "missing",
    "stale": "stale",
    "regenerating": "regenerating",
    "extraneous": "extraneous",
    "dismissed": "extraneous, dismissed",
    "current": "current",
}


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Group:
    """The features of one source in one profile.

    Attributes
    ----------
    source_id, source_name, profile : str
    tracks : tuple of str
        The tracks of the source.
    rows : tuple of Row
        The worst first, then by name.
    cost_s : float [s]
        Expected time with all workers to make everything right.
    cost_bytes : int
        Expected size of what is not there.

    Notes
    -----
    `requested`, `cached`, `missing`, `stale`, `failed`, `regenerating`, `extraneous` and
    `bad_requests` are names of features; `rows` has all about each.
    """

    source_id: str
    source_name: str
    profile: str
    tracks: tuple[str, ...]
    rows: tuple[Row, ...]
    cost_s: float = 0.0
    cost_bytes: int = 0

    def _names(self, *kinds: Kind) -> tuple[str, ...]:
        return tuple(row.name for row in self.rows if row.kind in kinds)

    @property
    def requested(self) -> tuple[str, ...]:
        """What elements ask for."""
        return tuple(row.name for row in self.rows if row.owners)

    @property
    def cached(self) -> tuple[str, ...]:
        """What is there, right or not."""
        return tuple(row.name for row in self.rows if row.stored)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not there, also because it failed."""
        return tuple(
            row.name for row in self.rows if row.kind == "missing" or (row.kind == "failed" and not row.stored)
        )

    @property
    def stale(self) -> tuple[str, ...]:
        """What is there but not what would be computed now."""
        return tuple(row.name for row in self.rows if row.kind == "stale" or (row.kind == "failed" and row.stored))

    @property
    def failed(self) -> tuple[str, ...]:
        """What could not be computed."""
        return self._names("failed")

    @property
    def regenerating(self) -> tuple[str, ...]:
        """What is queued or running."""
        return self._names("regenerating")

    @property
    def extraneous(self) -> tuple[str, ...]:
        """What is there and nobody asks for, as far as that was not dismissed."""
        return self._names("extraneous")

    @property
    def bad_requests(self) -> tuple[str, ...]:
        """What is asked for and nobody can compute."""
        return self._names("bad_request")

    @property
    def issues(self) -> tuple[Row, ...]:
        """Rows that something can be done about."""
        return tuple(row for row in self.rows if row.is_issue)

    @property
    def owners(self) -> tuple[str, ...]:
        """Elements that ask for any of it."""
        return tuple(sorted({name for row in self.rows for name in row.owners}))

    @property
    def nbytes(self) -> int:
        """Size of the data that are there."""
        return sum(row.nbytes for row in self.rows)

    @property
    def severity(self) -> int:
        """That of its worst row."""
        return max((row.severity for row in self.rows), default=0)

    def __str__(self) -> str:
        parts = []
        for kind in KINDS:
            names = self._names(kind)
            if names:
                parts.append(f"{WORDS[kind]}: {', '.join(names)}")
        profile = "" if self.profile == "default" else f" @ {self.profile}"
        return f"{', '.join(self.tracks)}{profile}: {'; '.join(parts)}"

    def __repr__(self) -> str:
        return f"<{self}>"
