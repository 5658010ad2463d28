"""The desk: the one place where requests meet results."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.costs import CostModel
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.errors import AudioCacheError, CacheCorruptionError, IngestError, SourceChangedError, said
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.keys import digest
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline import events
from audiocache_nb.timeline.bench import Bench
from audiocache_nb.timeline.demand import Demand
from audiocache_nb.timeline.focus import FocusBook
from audiocache_nb.timeline.freshness import CHANGED
from audiocache_nb.timeline.gate import Estimate, Gate, estimate
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState
from audiocache_nb.timeline.status import UNSET, State, _Unset, next_status
from audiocache_nb.timeline.store import Change, TimelineStore
from audiocache_nb.timeline.work import Work

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource

DAMAGED = "cache entry damaged"
MAX_UNSURE = 3
log = logging.getLogger("audiocache_nb")
Start = Literal["gate", "now", "later"]
Listener = Callable[[str, Job, "Item | None", BaseException | None], None]


class Desk:
    """Sees to it that what is wanted gets computed, puts in place what was computed, and derives the states.

    Every state that a user sees is derived here, from three things: what is wanted (calculators,
    profiles, tempo), what is stored (by content key) and what the scheduler is doing.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        workers: int | None = None,
        tempo: Any = None,
        costs: CostModel | None = None,
        cache: MemoryCache | None = None,
        salt: str = "",
        gate: Gate | None = None,
    ) -> None:
        self.store = TimelineStore()
        self.cache = MemoryCache() if cache is None else cache  # an empty one is false
        self.costs = costs or CostModel()
        self.demand = Demand()
        self.registry = registry
        self.scheduler = Scheduler(self, workers)
        self.focus = FocusBook(self.store.snapshot)
        self.scheduler.focus = self.focus.of
        self._tempo = tempo
        self._work = Work()
        self._bench = Bench(registry, tempo, self._work, salt)
        self._settled = threading.Condition(self.store.lock)
        self._on_hold: set[str] = set()  # tracks that nothing is computed for until it is said so
        self._unsure: dict[tuple[str, Slot], int] = {}  # how often running code was edited, or edited what it reads
        self.gate = gate or Gate()
        self._gated: dict[str, dict[Slot, Estimate]] = {}  # what waits at the gate, with the cost of all of it together
        # One slot of each calculator, of these sources: there are few of them, and many sources.
        self._calculators: tuple[Mapping[str, SourceState], dict[str, Slot]] = ({}, {})
        self.store.committed.append(self._forget_calculators)
        self._called: dict[str, str] = {}  # what was last said about that, by source
        self.listeners: list[Listener] = []  # called under the lock with what jobs say, also with what shows nowhere

    # --- what the scheduler says (its threads) -----------------------------------------------

    def job_started(self, job: Job) -> None:
        """A job began."""
        with self.store.changing() as change:
            if self._work.counts(job):
                self._derive(change, job.source.id, progress=job.progress)
            self._tell("started", job)

    def job_progress(self, changes: list[tuple[Job, Progress]]) -> None:
        """Jobs got further."""
        with self.store.changing() as change:
            for job, _ in changes:
                state = change.sources.get(job.source.id)
                if state is None or not self._work.counts(job) or state.status.state != "pending":
                    continue
                # Read now, under the lock: what was posted may have waited behind something newer.
                status = next_status(state.status, "pending", progress=job.progress)
                change.put_source(dataclasses.replace(state, status=status))
                change.emit(events.ProgressChanged(source_id=job.source.id, status=status))

    def item_done(self, job: Job, item: Item, track: FeatureTrack) -> None:
        """A feature is finished. A late one is true for its key all the same, but shows nowhere."""
        is_true = item.is_true
        if is_true:
            self.cache.put(track)
        else:
            track = unsure(track)
        with self.store.changing() as change:
            if self._work.counts(job):
                self._work.settle(job, item.key)
                self._deliver(change, job.source.id, item, track)
                self._derive(change, job.source.id)
                self._again_if_unsure(change, job.source.id, Slot.of(item.descriptor), is_true=is_true)
            self._tell("stored", job, item)
            self._settled.notify_all()
        self.costs.record(track, job.source.duration)

    def item_failed(self, job: Job, item: Item, error: BaseException) -> None:
        """A feature could not be computed."""
        with self.store.changing() as change:
            if self._work.counts(job):
                self._work.settle(job, item.key)
                if isinstance(error.__cause__, CacheCorruptionError):  # of what it is computed from: not its own fault
                    self._ensure(change, job.source.id, [item], start="now")
                else:
                    self._deliver_failure(change, job.source.id, item, error)
                    self._tell("failed", job, item, error)
                if isinstance(error, SourceChangedError):
                    change.put_source(dataclasses.replace(change.sources[job.source.id], changed=CHANGED))
                self._derive(change, job.source.id)
            self._settled.notify_all()

    def entry_damaged(self, key: str) -> None:
        """A stored feature turned out to be damaged: it is shown no more, and computed again if somebody wants it."""
        with self.store.changing() as change:
            for source_id, state in list(change.sources.items()):
                hit = {slot for slot, entry in state.entries.items() if entry.track and entry.track.key == key}
                if hit:
                    lost = [dataclasses.replace(state.entries[slot], track=None, lost=DAMAGED) for slot in hit]
                    change.put_source(state.with_entries(*lost))
                    self._derive(change, source_id)
                    self._refresh(change, source_id, hit.__contains__)

    def job_ended(self, job: Job) -> None:
        """A job has reached its final state."""
        with self.store.changing() as change:
            if self._work.drop(job):
                behind = self._work.of(job.source.id)
                stopped = job.state == "cancelled" and not behind
                self._derive(
                    change,
                    job.source.id,
                    message="analysis stopped" if stopped else UNSET,
                    progress=behind[0].progress if behind else None,
                )
            self._tell("ended", job)
            self._settled.notify_all()

    def _tell(self, what: str, job: Job, item: Item | None = None, error: BaseException | None = None) -> None:
        for listener in self.listeners:
            try:
                listener(what, job, item, error)
            except Exception:
                log.exception("a listener to the jobs failed")

    # --- inside, under the store's lock ------------------------------------------------------

    def _again_if_unsure(self, change: Change, source_id: str, slot: Slot, *, is_true: bool) -> None:
        """Compute once more what was edited while it ran; not for ever, for it may edit itself."""
        if is_true:
            self._unsure.pop((source_id, slot), None)
            return
        times = self._unsure[source_id, slot] = self._unsure.get((source_id, slot), 0) + 1
        if times < MAX_UNSURE:
            self._refresh(change, source_id, lambda one: one == slot)

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

    def _cost(self, source: AudioSource, items: Iterable[Item]) -> Estimate:
        workers = self.scheduler.workers
        return estimate(source, items, costs=self.costs, workers=workers, stored=self.cache.__contains__)

    def _waiting(self, state: SourceState, judged: list[FeatureEntry]) -> Estimate | None:
        """What waits at the gate; whatever got there otherwise, or is not asked for any more, does not."""
        source_id = state.source.id
        before = self._gated.get(source_id)
        if not before:
            return None
        left = [
            entry for entry in judged if entry.slot in before and entry.demanded and entry.state in ("missing", "stale")
        ]
        if not left:
            del self._gated[source_id]
            return None
        cost = self._cost(state.source, self._bench.items(state.source, [entry.descriptor for entry in left]))
        self._gated[source_id] = {entry.slot: cost for entry in left}
        return cost

    def waiting(self) -> dict[str, Estimate]:
        """What people are asked about, by source; nothing if they wanted to hear nothing."""
        if self.gate.policy == "never":
            return {}
        return {source_id: next(iter(slots.values())) for source_id, slots in self._gated.items() if slots}

    def _with_call(self, source_id: str, entry: FeatureEntry) -> FeatureEntry:
        """The entry, with what to do about it if it waits at the gate."""
        cost = self._gated.get(source_id, {}).get(entry.slot)
        if cost is None or entry.state not in ("missing", "stale"):
            return entry
        if self.gate.policy == "never":
            call = "The session computes nothing by itself; session.compute() does."
        else:
            others = "" if cost.count == 1 else f" for all {cost.count} features that wait"
            call = f"Waits for session.compute(): {cost.text}{others}."
        reason = call if entry.state == "missing" else f"{entry.reason}. {call}"
        return dataclasses.replace(entry, reason=reason)

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

    def _deliver(self, change: Change, source_id: str, item: Item, track: FeatureTrack) -> None:
        """Show a result where exactly it is wanted; where another one is wanted by now, only until that is there."""
        state, own = change.sources[source_id], Slot.of(item.descriptor)
        if own not in state.entries:
            self._put_track(change, source_id, self._bench.blank(state, own, item.descriptor), track)
        for slot, entry in state.entries.items():
            wanted = self._bench.wanted_key(state.source, entry)
            fresh = entry.track is not None and entry.track.key == wanted
            if wanted == item.key or (slot == own and not fresh):
                self._put_track(change, source_id, entry, track)

    def _deliver_failure(self, change: Change, source_id: str, item: Item, error: BaseException) -> None:
        state, own = change.sources[source_id], Slot.of(item.descriptor)
        entries = state.entries.values() if own in state.entries else [self._bench.blank(state, own, item.descriptor)]
        for entry in entries:
            if self._bench.wanted_key(state.source, entry) == item.key:
                failed = dataclasses.replace(entry, exception=error, failed_key=item.key)
                change.put_source(change.sources[source_id].with_entries(failed))
                change.emit(events.FeatureFailed(source_id=source_id, slot=entry.slot, error=said(error)))

    def _put_track(self, change: Change, source_id: str, entry: FeatureEntry, track: FeatureTrack) -> None:
        entry = dataclasses.replace(entry, track=track, label=track.label, lost="", marked="")
        if entry.failed_key == track.key:
            entry = dataclasses.replace(entry, exception=None, failed_key="")
        change.put_source(change.sources[source_id].with_entries(entry))
        change.emit(events.FeatureStored(source_id=source_id, slot=entry.slot, key=track.key))

    def _wanted(self, change: Change, source_id: str, *, held: bool = True) -> dict[Slot, Descriptor]:
        """What is asked of a source; without `held`, only by way of tracks that are not on hold."""
        ids = [track.id for track in change.tracks.values() if track.source_id == source_id]
        return self.demand.wanted(one for one in ids if held or one not in self._on_hold)

    def _derive(
        self,
        change: Change,
        source_id: str,
        *,
        message: str | _Unset | None = UNSET,
        if_stale: str | _Unset = UNSET,
        progress: Progress | _Unset | None = UNSET,
    ) -> None:
        """Judge a source's features and derive its status from them."""
        state = change.sources[source_id]
        wanted = self._wanted(change, source_id)
        after = self._derived(state, wanted, message=message, if_stale=if_stale, progress=progress)
        change.put_source(after)
        status, previous = after.status, state.status
        if (status.state, status.message) != (previous.state, previous.message):
            change.emit(events.StatusChanged(source_id=source_id, status=status, previous=previous))
        elif status.progress != previous.progress:
            change.emit(events.ProgressChanged(source_id=source_id, status=status))

    def _derived(
        self,
        state: SourceState,
        wanted: Container[Slot],
        *,
        message: str | _Unset | None = UNSET,
        if_stale: str | _Unset = UNSET,
        progress: Progress | _Unset | None = UNSET,
    ) -> SourceState:
        """A source as it is once its features have been judged; `wanted` is what is asked of it."""
        source_id = state.source.id
        judged = [self._bench.judged(state, slot).renewed(demanded=slot in wanted) for slot in state.entries]
        judged = [entry for entry in judged if entry.demanded or entry.state != "missing"]
        waiting = self._waiting(state, judged)
        if waiting is not None:
            judged = [self._with_call(source_id, entry) for entry in judged]
        previous = state.status
        states = {entry.state for entry in judged}
        after: State
        if self._work.of(source_id):
            after = "pending"
        elif "failed" in states:
            after = "failed"
            message = f"analysis failed: {next(entry.reason for entry in judged if entry.state == 'failed')}"
        elif "stale" in states or state.changed:
            after = "stale"
            message = f"{state.changed}; session.refresh(track) takes it in" if state.changed else message
            message = if_stale if message is UNSET else message
            if message is UNSET and previous.state != "stale":
                message = next((entry.marked for entry in judged if entry.state == "stale" and entry.marked), UNSET)
        elif "fresh" in states:
            after = "ready"
        else:
            after = "idle"
        call = None if waiting is None else self.gate.call(waiting)
        called = self._called.pop(source_id, None)
        if call is not None and after not in ("pending", "failed"):
            message = self._called[source_id] = call
        elif message is UNSET and called is not None and previous.message == called:
            message = "analysis not started" if after == "idle" else None
        status = next_status(previous, after, message=message, progress=progress)
        same = (status.state, status.message) == (previous.state, previous.message)
        if same and status.progress == previous.progress and _alike(judged, state.entries.values()):
            status = previous
        return SourceState(state.source, status, changed=state.changed).with_entries(*judged)

    def _change_of(self, change: Change, concerned: Callable[[Slot], bool], *, if_stale: str) -> list[Job]:
        """What some features are computed by has changed; returns jobs that are of no use any more.

        Whether a slot is `concerned` depends on its calculator alone.
        """
        superseded: list[Job] = []
        known, slots = self._calculators
        if known is not change.sources:
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
            self._derive(change, source_id, if_stale=if_stale)
            self._refresh(change, source_id, concerned)
        return superseded

    def _forget_calculators(self, change: Change) -> None:
        """What was found for sources of earlier is of no use, and those hold recordings that may be gone."""
        if self._calculators[0] is not change.sources:
            self._calculators = ({}, {})

    def _is_superseded(self, job: Job) -> bool:
        """Whether nothing of what is left to do would be computed like that now."""
        left = self._work.left(job)
        now = [self._bench.item_or_problem(job.source, item.descriptor) for item in left]
        return bool(left) and all(
            isinstance(new, AudioCacheError) or new.key != old.key for old, new in zip(left, now, strict=True)
        )

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


def unsure(track: FeatureTrack) -> FeatureTrack:
    """A result of code that was edited while it ran: to be shown, but under a key that nobody ever wants."""
    provenance = {**track.provenance, "unsure": True}
    return dataclasses.replace(track, key=digest(["unsure", track.key]), provenance=provenance)


def _alike(some: Iterable[FeatureEntry], others: Iterable[FeatureEntry]) -> bool:
    """Whether nobody could tell these features from those."""

    def facts(entry: FeatureEntry) -> tuple[object, ...]:
        return entry.slot, entry.state, entry.reason, entry.demanded, id(entry.track), entry.notes

    return [facts(entry) for entry in some] == [facts(entry) for entry in others]
