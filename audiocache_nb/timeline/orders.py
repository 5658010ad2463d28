"""Orders: what is to be computed, and what is not any more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Unpack

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.errors import AudioCacheError, IngestError
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline import events
from audiocache_nb.timeline.gate import Estimate
from audiocache_nb.timeline.judge import Judge, Means
from audiocache_nb.timeline.late import LateState
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState
from audiocache_nb.timeline.status import UNSET, SourceStatus
from audiocache_nb.timeline.store import Change

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource

MAX_UNSURE = 3
Start = Literal["gate", "now", "later"]


class Orders(Judge):
    """Sees to it that what is wanted gets computed, under the store's lock."""

    def __init__(self, registry: Registry, **means: Unpack[Means]) -> None:
        super().__init__(registry, **means)
        self._unsure: dict[tuple[str, Slot], int] = {}  # how often running code was edited, or edited what it reads
        # One slot of each calculator, of these sources: there are few of them, and many sources.
        self._calculators: tuple[Mapping[str, SourceState], dict[str, Slot]] = ({}, {})
        self.store.committed.append(self._forget_calculators)

    def _ensure(
        self,
        change: Change,
        source_id: str,
        items: Iterable[Item],
        *,
        force: bool = False,
        retry: bool = False,
        start: Start = "gate",
        message: str = "analyzing audio",
    ) -> list[Job]:
        """See to it that features become fresh; returns the jobs that do it.

        `force`: also what is fresh; `retry`: also what has failed; `start`: whether to compute what
        the gate lets through, anything, or nothing.
        """
        source = change.sources[source_id].source
        jobs: dict[str, Job] = {}
        missing: dict[str, Item] = {}  # by key: what two profiles have in common is computed once
        for item in items:
            state = change.sources[source_id]
            entry = self._bench.blank(state, Slot.of(item.descriptor), item.descriptor)
            if force or retry:
                entry = dataclasses.replace(entry, exception=None, failed_key="")
            change.put_source(state.with_entries(entry))
            working = self._work.computing(source_id, item.key)
            if working is not None:
                jobs[working.id] = working
            elif force or entry.track is None or entry.track.key != item.key:
                stored = None if force else self.cache.get(item.key)
                if stored is not None:
                    self._put_track(change, source_id, entry, stored)
                elif start != "later" and (entry.exception is None or entry.failed_key != item.key):
                    missing[item.key] = item
        if missing and start == "gate":
            missing = self._let_through(change, source_id, missing)
        if missing:
            job = self._enqueue(source, list(missing.values()))
            jobs[job.id] = job
            progress = job.progress if change.sources[source_id].status.state != "pending" else UNSET
            self._derive(change, source_id, message=message, progress=progress)
        else:
            self._derive(change, source_id)
        return list(jobs.values())

    def _let_through(self, change: Change, source_id: str, missing: dict[str, Item]) -> dict[str, Item]:
        """What may start by itself: with what is waiting and going on already, all of it or nothing."""
        state = change.sources[source_id]
        waiting = self._gated.get(source_id, {})
        before = self._bench.items(state.source, [state.entries[slot].descriptor for slot in waiting])
        everything = {**{item.key: item for item in before}, **missing}
        cost = Estimate()
        if self.gate.needs_estimate:
            going_on = [item for job in self._work.of(source_id) for item in self._work.left(job)]
            cost = self._cost(state.source, [*everything.values(), *going_on])
        if self.gate.opens(cost):
            self._gated.pop(source_id, None)
            return everything
        slots = {Slot.of(item.descriptor): cost for item in missing.values()}
        self._gated[source_id] = {**waiting, **slots}
        return {}

    def _reopen(self, change: Change, source_ids: Iterable[str]) -> None:
        """What waits at the gate is judged once more."""
        for source_id in source_ids:
            state = change.sources.get(source_id)
            waiting = self._gated.get(source_id)
            if state is not None and waiting:
                descriptors = [state.entries[slot].descriptor for slot in waiting if slot in state.entries]
                self._ensure(change, source_id, self._bench.items(state.source, descriptors))

    def _enqueue(self, source: AudioSource, items: list[Item]) -> Job:
        waiting = self._work.of(source.id)
        if waiting and self.scheduler.extend(waiting[-1], items):
            return waiting[-1]
        job = Job(source, items)
        job.find = self.cache.get
        self._work.attach(job)
        try:
            return self.scheduler.submit(job)
        except BaseException:
            self._work.drop(job)
            raise

    def _put_track(self, change: Change, source_id: str, entry: FeatureEntry, track: FeatureTrack) -> None:
        entry = dataclasses.replace(entry, track=track, label=track.label, lost="", marked="")
        if entry.failed_key == track.key:
            entry = dataclasses.replace(entry, exception=None, failed_key="")
        change.put_source(change.sources[source_id].with_entries(entry))
        change.emit(events.FeatureStored(source_id=source_id, slot=entry.slot, key=track.key))

    def _replace_source(self, change: Change, source: AudioSource) -> None:
        """Read a source through another reader of the same audio; what could not be read before is tried again."""
        state = change.sources[source.id]
        entries = [
            dataclasses.replace(entry, exception=None, failed_key="")
            if isinstance(entry.exception, IngestError)
            else entry
            for entry in state.entries.values()
        ]
        change.put_source(dataclasses.replace(state, source=source, changed="").with_entries(*entries))
        for track in list(change.tracks.values()):
            if track.source_id == source.id:
                change.put_track(dataclasses.replace(track, source=source))
        self._derive(change, source.id)
        self._refresh(change, source.id, lambda _: True)

    def _refresh(self, change: Change, source_id: str, concerned: Callable[[Slot], bool]) -> None:
        """Recompute what is concerned, asked for and not fresh any more."""
        state = change.sources[source_id]
        slots = filter(concerned, self._wanted(change, source_id, held=False))
        entries = [state.entries[slot] for slot in slots if slot in state.entries]
        todo = [
            entry
            for entry in entries
            if entry.state in ("missing", "stale") and self._unsure.get((source_id, entry.slot), 0) < MAX_UNSURE
        ]
        if todo:
            self._ensure(change, source_id, self._bench.items(state.source, [entry.descriptor for entry in todo]))

    def _change_of(self, change: Change, concerned: Callable[[Slot], bool], *, if_stale: str) -> list[Job]:
        """What some features are computed by has changed; returns jobs that are of no use any more.

        Whether a slot is `concerned` depends on its calculator alone.
        """
        superseded: list[Job] = []
        known, slots = self._calculators
        before: dict[str, SourceStatus | None] = {}
        if known is not change.sources:
            # What is opened from here on is judged by what is new: nobody can find out any more what it was before.
            before = {one: state.before for one, state in change.sources.items() if isinstance(state, LateState)}
            slots = {}
            for state in change.sources.values():
                slots.update(state.calculators)
            if not change.of_sources:  # what is still being written to may yet be another
                self._calculators = (change.sources, slots)
        hit = {calculator_id for calculator_id, slot in slots.items() if concerned(slot)}
        for source_id, state in list(change.sources.items()) if hit else ():
            if hit.isdisjoint(state.calculators):
                continue
            for job in self._work.of(source_id):
                if self._is_superseded(job):
                    self._work.drop(job)
                    superseded.append(job)
            self._derive(change, source_id, if_stale=if_stale, before=before.get(source_id))
            self._refresh(change, source_id, concerned)
        return superseded

    def _is_superseded(self, job: Job) -> bool:
        """Whether nothing of what is left to do would be computed like that now."""
        left = self._work.left(job)
        now = [self._bench.item_or_problem(job.source, item.descriptor) for item in left]
        return bool(left) and all(
            isinstance(new, AudioCacheError) or new.key != old.key for old, new in zip(left, now, strict=True)
        )

    def _forget_calculators(self, change: Change) -> None:
        """What was found for sources of earlier is of no use, and those hold recordings that may be gone."""
        if self._calculators[0] is not change.sources:
            self._calculators = ({}, {})
