"""Sources whose features are opened late: one of them when it is asked for by name, all when anything follows from all.

A state that nobody has looked into is not decided; whoever looks sees it decided, always in the same way.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, Self

from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState
from audiocache_nb.timeline.status import SourceStatus

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource


class Opening(Protocol):
    """What opens the features of a source; may be called by several threads at once, whatever locks they hold."""

    def one(self, slot: Slot) -> FeatureEntry | None:
        """A feature, judged; None if it has no place there."""
        ...

    def all(self) -> SourceState:
        """The source with all of its features, judged; the same object every time."""
        ...

    @property
    def before(self) -> SourceStatus | None:
        """Where the source stood when it was saved, as long as it has not been opened as a whole."""
        ...


class LateState(SourceState):
    """A source with features that are not open yet."""

    @classmethod
    def of(cls, source: AudioSource, opening: Opening) -> Self:
        """The state that `opening` gives, when it is looked at."""
        state = cls.__new__(cls)
        state.__dict__.update(source=source, changed="", entries=LateEntries(opening), opening=opening)
        return state

    @property
    def before(self) -> SourceStatus | None:
        """Where everybody takes the source to stand who has not looked; None once somebody has."""
        opening: Opening | None = self.__dict__.get("opening")
        return None if opening is None else opening.before

    @functools.cached_property
    def status(self) -> SourceStatus:
        """Where the source stands, which follows from all of its features."""
        opening: Opening = self.__dict__["opening"]
        return opening.all().status


class LateEntries(Mapping[Slot, FeatureEntry]):
    """Features by slot, opened when they are asked for."""

    __slots__ = ("_opening",)

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def __getitem__(self, slot: Slot) -> FeatureEntry:
        found = self._opening.one(slot)
        if found is None:
            raise KeyError(slot)
        return found

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._opening.all().entries)

    def __len__(self) -> int:
        return len(self._opening.all().entries)
