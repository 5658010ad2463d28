"""The ledger: all groups, kept up to date by looking at what has changed and at nothing else."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import DEFAULT_PROFILE_ID
from audiocache_nb.timeline import events
from audiocache_nb.timeline.diagnostics.classify import diagnose, name_of
from audiocache_nb.timeline.diagnostics.rows import PROBLEMS, Group, Row
from audiocache_nb.timeline.state import Slot
from audiocache_nb.timeline.store import Change

if TYPE_CHECKING:
    from audiocache_nb.timeline.timeline import Timeline

Place = tuple[int, int, str]  # severity, worst first; then the order in which sources came; then the profile


class Ledger:
    """Groups of all sources, in the order of severity.

    Everything here happens under the store's lock.

    Attributes
    ----------
    revision : int
        Grows whenever a group is another than before.
    examined : int
        Features looked at so far: what an update costs.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.revision = 0
        self.examined = 0
        self.dismissed: dict[str, set[Slot]] = {}  # by source
        self.problems: dict[str, Row] = {}
        self.busy: set[str] = set()  # sources of which something is being regenerated
        self._groups: dict[str, tuple[Group, ...]] = {}
        self._places: list[Place] = []
        self._at: dict[Place, Group] = {}
        self._placed: dict[str, list[Place]] = {}
        self._order: dict[str, int] = {}
        self._numbers = itertools.count()
        self._names: dict[tuple[str, str | None, object], str] = {}
        self._tracks: dict[str, dict[str, None]] = {}  # of each source, in order
        self._source_of: dict[str, str] = {}
        with timeline.store.lock:
            snapshot = timeline.store.snapshot()
            self._dirty = set(snapshot.sources)
            for track in snapshot.tracks.values():
                self._place(track.id, track.source_id)
            timeline.store.committed.append(self._note)

    # --- what changes ------------------------------------------------------------------------

    def _note(self, change: Change) -> None:
        """A change was made to the timeline."""
        if change.events and all(isinstance(event, events.ProgressChanged) for event in change.events):
            return
        self._dirty |= change.of_sources
        self.revision += any(isinstance(event, events.DiagnosticsChanged) for event in change.events)
        for track_id in change.of_tracks:
            track = change.tracks.get(track_id)
            self._place(track_id, None if track is None else track.source_id)
        if any(isinstance(event, events.CalculatorChanged) for event in change.events):
            self.touch()
        if not self.dismissed.keys().isdisjoint(change.of_sources):
            self.refresh()  # what is asked for now may not be by the time that somebody reads

    def touch(self, source_ids: Iterable[str] | None = None) -> None:
        """Look at some sources again, or at all: names or what was asked for in vain may be others."""
        if source_ids is None:
            self._names.clear()
            self._dirty |= set(self._groups) | set(self._timeline.store.snapshot().sources)
        else:
            self._dirty |= set(source_ids)

    def _place(self, track_id: str, source_id: str | None) -> None:
        before = self._source_of.pop(track_id, None)
        if before == source_id and source_id is not None:
            self._source_of[track_id] = source_id
            return
        if before is not None:
            self._tracks[before].pop(track_id, None)
            if not self._tracks[before]:
                del self._tracks[before], self._order[before]
            self._dirty.add(before)
        if source_id is not None:
            self._source_of[track_id] = source_id
            if source_id not in self._tracks:
                self._tracks[source_id], self._order[source_id] = {}, next(self._numbers)
            self._tracks[source_id][track_id] = None
            self._dirty.add(source_id)

    # --- looking -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring everything up to date."""
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, set()
        sources = self._timeline.store.snapshot().sources
        for source_id in dirty:
            state = sources.get(source_id)
            before = self._groups.get(source_id, ())
            after: tuple[Group, ...] = ()
            if state is None:
                self._groups.pop(source_id, None)
                self.dismissed.pop(source_id, None)
            else:
                self.examined += len(state.entries)
                after = diagnose(
                    self._timeline,
                    state,
                    list(self._tracks.get(source_id, ())),
                    dismissed=self.dismissed.get(source_id, set()),
                    name=self.name,
                )
                self._groups[source_id] = after
                self._lapse(source_id, after)
            if after != before:
                self.revision += 1
                self._replace(source_id, before, after)

    def _lapse(self, source_id: str, groups: tuple[Group, ...]) -> None:
        """What is not extraneous any more is not dismissed any more."""
        if source_id in self.dismissed:
            self.dismissed[source_id] &= {row.slot for group in groups for row in group.rows if row.kind == "dismissed"}
            if not self.dismissed[source_id]:
                del self.dismissed[source_id]

    def _replace(self, source_id: str, before: tuple[Group, ...], after: tuple[Group, ...]) -> None:
        for place in self._placed.pop(source_id, ()):
            del self._at[place]
            del self._places[bisect.bisect_left(self._places, place)]
        for group in before:
            for row in group.rows:
                self.problems.pop(row.problem_id, None)
        self.busy.discard(source_id)
        for group in after:
            profile = "" if group.profile == DEFAULT_PROFILE_ID else group.profile  # which comes first
            place = (-group.severity, self._order.get(source_id, -1), profile)
            self._placed.setdefault(source_id, []).append(place)
            self._at[place] = group
            bisect.insort(self._places, place)
            for row in group.rows:
                if row.kind in PROBLEMS:
                    self.problems[row.problem_id] = row
                elif row.kind == "regenerating":
                    self.busy.add(source_id)

    def name(self, descriptor: Descriptor) -> str:
        """How a resolved descriptor is asked for."""
        whose = (descriptor.feature, descriptor.calculator, descriptor.params)
        try:
            return self._names[whose]
        except KeyError:
            name = self._names[whose] = name_of(self._timeline.registry, descriptor)
            return name
        except TypeError:  # a parameter that has no hash
            return name_of(self._timeline.registry, descriptor)

    # --- what is there -----------------------------------------------------------------------

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups, the worst first."""
        return tuple(self._at[place] for place in self._places)

    def of_source(self, source_id: str) -> tuple[Group, ...]:
        """The groups of a source."""
        return self._groups.get(source_id, ())

    @property
    def issues(self) -> tuple[Row, ...]:
        """Rows that something can be done about, the worst first."""
        issues = [row for place in self._places for row in self._at[place].rows if row.is_issue]
        return tuple(sorted(issues, key=lambda row: -row.severity))
