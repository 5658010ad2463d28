"""The timeline: verbs that change it, and the one place where requests meet results."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import Item, make_item
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.errors import (
    AudioCacheError,
    CalculatorError,
    IngestError,
    InvalidParameterError,
    JobCancelledError,
    SessionClosedError,
    SourceChangedError,
    UnknownCalculatorError,
    WaitTimeoutError,
    again,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline import events
from audiocache_nb.timeline.demand import DEFAULT_ELEMENT, Demand
from audiocache_nb.timeline.freshness import Freshness, judge, said
from audiocache_nb.timeline.state import FeatureEntry, FeatureState, Slot, SourceState, Track
from audiocache_nb.timeline.status import UNSET, SourceStatus, State, _Unset, next_status
from audiocache_nb.timeline.store import Change, TimelineStore
from audiocache_nb.timeline.work import Work

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource

SLICE_S = 0.05


class Timeline:
    """Tracks, their features, and the work on them.

    Every state that a user sees is derived here, from three things: what is wanted (calculators,
    profiles, tempo), what is stored (by content key) and what the scheduler is doing.

    Parameters
    ----------
    registry : Registry
    workers : int, optional
    tempo : Tempo
        Only calculators that depend on it ever see it.
    """

    def __init__(self, registry: Registry, *, workers: int | None = None, tempo: Any = None) -> None:
        self.store = TimelineStore()
        self.cache = MemoryCache()
        self.demand = Demand()
        self.registry = registry
        self._tempo = tempo
        self.scheduler = Scheduler(self, workers)
        self._work = Work()
        self._settled = threading.Condition(self.store.lock)
        self._on_hold: set[str] = set()  # tracks that nothing is computed for until it is said so
        self.closed = False
        self._unsubscribe = registry.subscribe(self._calculator_changed)

    # --- tracks ------------------------------------------------------------------------------

    def add(self, track: Track, *, hold: bool = False) -> Track:
        """Put a track on the timeline; with `hold`, what is asked of it is noted but not acted on.

        A source that is on the timeline already is read through the new track's reader from now on.
        """
        with self.store.changing() as change:
            self._check_open()
            if track.id in change.tracks:
                raise InvalidParameterError(
                    f"There is a track {track.id!r:.80} already.", hint="Choose another track_id, or leave it out."
                )
            change.put_track(track)
            if hold:
                self._on_hold.add(track.id)
            change.emit(events.TrackAdded(track_id=track.id, source_id=track.source_id))
            known = change.sources.get(track.source_id)
            if known is None:
                status = SourceStatus(message="analysis not started", source_hash=track.source.digest)
                change.put_source(SourceState(track.source, status))
            elif known.source is not track.source:
                self._replace_source(change, track.source)
        return track

    def update(self, track_id: str, **changes: Any) -> Track:
        """Move, trim or rename a track; its features stay what they are."""
        with self.store.changing() as change:
            self._check_open()
            track = dataclasses.replace(self.track(track_id), **changes)
            change.put_track(track)
            change.emit(events.TrackChanged(track_id=track_id))
        return track

    def remove(self, track_id: str) -> None:
        """Take a track off the timeline; its source goes with the last track that uses it."""
        with self.store.changing() as change:
            self._check_open()
            track = self.track(track_id)
            change.drop_track(track_id)
            change.emit(events.TrackRemoved(track_id=track_id, source_id=track.source_id))
            self.demand.forget_track(track_id)
            self._on_hold.discard(track_id)
            cancelled: list[Job] = []
            if any(other.source_id == track.source_id for other in change.tracks.values()):
                self._derive(change, track.source_id)
            else:
                cancelled = self._work.detach(track.source_id)
                change.drop_source(track.source_id)
        self._cancel(cancelled)

    def track(self, track: Track | str) -> Track:
        """The track as it is now.

        Raises
        ------
        UnknownTrackError
        """
        return self.store.snapshot().track(track)

    # --- asking ------------------------------------------------------------------------------

    def request(
        self, track: Track | str, wanted: Sequence[Descriptor], element: str | None, *, now: bool = False
    ) -> list[Job]:
        """Publish demand and see to it; `now` also where the source is on hold."""
        with self.store.changing() as change:
            self._check_open()
            found = self.track(track)
            items = [self._item(found.source, descriptor) for descriptor in wanted]
            name = DEFAULT_ELEMENT if element is None else element
            if self.demand.publish(name, found.id, wanted, add=element is None):
                change.emit(events.DemandChanged(element=name))
            return self._ensure(change, found.source_id, items, act=now or found.id not in self._on_hold)

    def release(self, element: str) -> None:
        """An element asks for nothing any more."""
        with self.store.changing() as change:
            if self.demand.withdraw(element) and not self.closed:
                for source_id in change.sources:
                    self._derive(change, source_id)
                change.emit(events.DemandChanged(element=element))

    def get(self, track: Track | str, descriptor: Descriptor, timeout: float | None = None) -> FeatureTrack:
        """Ask for a feature and wait for it."""
        found, slot = self.track(track), Slot.of(descriptor)
        deadline_s = None if timeout is None else time.monotonic() + timeout
        jobs: list[Job] = []
        asked_key: str | None = None
        try:
            while True:
                with self._settled:
                    wanted_key = self._item(found.source, descriptor).key
                    if asked_key != wanted_key:  # at first, and whenever a calculator or the tempo was changed
                        before = self._work.of(found.source_id)
                        now_on_it = self.request(found, [descriptor], None, now=True)
                        jobs += [job for job in now_on_it if job not in before]
                        asked_key = wanted_key
                    result = self._result(found, slot, descriptor)
                    if result is not None:
                        return result
                    if deadline_s is not None and time.monotonic() >= deadline_s:
                        raise WaitTimeoutError(f"{slot} is not there after {timeout:g} s.", hint="The work goes on.")
                    self._settled.wait(SLICE_S)
        except KeyboardInterrupt:
            for job in jobs:
                job.cancel()
            raise

    def peek(self, track: Track | str, descriptor: Descriptor) -> FeatureTrack | None:
        """The data if they are there, fresh or stale; asks for nothing."""
        snapshot = self.store.snapshot()
        entry = snapshot.sources[snapshot.track(track).source_id].entries.get(Slot.of(descriptor))
        return None if entry is None else entry.track

    def freshness(self, track: Track | str, descriptor: Descriptor) -> Freshness:
        """How one feature stands, judged now."""
        with self.store.lock:
            found = self.track(track)
            entry = self._judged(self.store.snapshot().sources[found.source_id], Slot.of(descriptor), descriptor)
        if entry.state == "fresh":
            try:
                found.source.check()
            except SourceChangedError:
                cause = "audio file changed on disk"
                return Freshness("stale", (cause,), f"The {cause} after it was taken in; add it again.")
            except AudioCacheError:
                pass  # the file is gone, but what was computed from it is still true
        return Freshness(entry.state, entry.causes, entry.reason)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is queued or running.

        Raises
        ------
        WaitTimeoutError
        """
        deadline_s = None if timeout is None else time.monotonic() + timeout
        with self._settled:
            while self._work:
                if deadline_s is not None and time.monotonic() >= deadline_s:
                    raise WaitTimeoutError(f"Work is still going on after {timeout:g} s.", hint="It goes on.")
                self._settled.wait(SLICE_S)

    # --- verbs on a source -------------------------------------------------------------------

    def stop(self, track: Track | str) -> None:
        """End the work on a source. Data that exist stay what they are."""
        with self.store.changing() as change:
            source_id = self.track(track).source_id
            cancelled = self._work.detach(source_id)
            if cancelled:
                self._derive(change, source_id, message="analysis stopped")
        self._cancel(cancelled)

    def restart(self, track: Track | str) -> list[Job]:
        """Compute everything of a source again that was asked for or is there."""
        with self.store.changing() as change:
            self._check_open()
            source_id = self.track(track).source_id
            state = change.sources[source_id]
            wanted = [entry.descriptor for entry in state.entries.values()] or self.all_descriptors()
            items = self._items(state.source, wanted)
            cancelled = self._work.detach(source_id)
            jobs = self._ensure(change, source_id, items, force=True)
        self._cancel(cancelled)
        return jobs

    def reanalyze(self, track: Track | str, names: str | Descriptor | Iterable[str | Descriptor]) -> list[Job]:
        """Compute the features of some calculators again, in every profile there is; all others stay."""
        names = [names] if isinstance(names, (str, Descriptor)) else list(dict.fromkeys(name for name in names if name))
        wanted = {name: self.registry.resolve(name) for name in names}
        if not wanted:
            return []
        with self.store.changing() as change:
            self._check_open()
            source_id = self.track(track).source_id
            entries = change.sources[source_id].entries.values()
            found: dict[Slot, Descriptor] = {}
            for name, descriptor in wanted.items():
                known = [entry.descriptor for entry in entries if entry.slot.calculator_id == descriptor.calculator]
                if isinstance(name, Descriptor) or not known:
                    known = [descriptor]
                found |= {Slot.of(one): one for one in known}
            items = [self._item(self.track(track).source, descriptor) for descriptor in found.values()]
            message = "reanalysing feature track" + ("s" if len(found) > 1 else "")
            return self._ensure(change, source_id, items, force=True, message=message)

    def clear(self, track: Track | str) -> int:
        """Throw a source's features away and end the work on them.

        Returns
        -------
        int
            Bytes freed.
        """
        with self.store.changing() as change:
            self._check_open()
            source_id = self.track(track).source_id
            cancelled = self._work.detach(source_id)
            state = change.sources[source_id]
            shown = {entry.track.key: entry.track.nbytes for entry in state.entries.values() if entry.track is not None}
            freed = sum({**self.cache.discard_audio(state.source.digest), **shown}.values())
            asked = self._wanted(change, source_id)  # that somebody asks for it is no data
            blank = [FeatureEntry(slot, descriptor, self._label(slot)) for slot, descriptor in asked.items()]
            change.put_source(SourceState(state.source, state.status).with_entries(*blank))
            change.emit(events.CachesCleared(source_id=source_id))
            self._derive(change, source_id, message=None)
        self._cancel(cancelled)
        return freed

    def clear_all(self) -> None:
        """Take all tracks off the timeline, with everything computed for them."""
        with self.store.changing() as change:
            self._check_open()
            cancelled = [job for source_id in self._work.source_ids() for job in self._work.detach(source_id)]
            for track in list(change.tracks.values()):
                change.drop_track(track.id)
                change.emit(events.TrackRemoved(track_id=track.id, source_id=track.source_id))
            for source_id in list(change.sources):
                change.drop_source(source_id)
            self.demand.clear()
            self._on_hold.clear()
            self.cache.clear()
            change.emit(events.TimelineReset())
        self._cancel(cancelled)

    def close(self) -> None:
        """End all work; returns within a second whatever is running."""
        with self.store.changing() as change:
            if self.closed:
                return
            self.closed = True
            for source_id in self._work.source_ids():
                self._work.detach(source_id)
                if source_id in change.sources:
                    self._derive(change, source_id, message="session closed")
            change.emit(events.SessionClosed())
        self._unsubscribe()
        self.scheduler.close()
        with self._settled:
            self._settled.notify_all()

    def tempo_changed(self, *_: object) -> None:
        """Judge again what depends on the tempo; no other feature is touched."""
        mapped = self._tempo is not None and len(self._tempo.snapshot().entries) > 1
        with self.store.changing() as change:
            if self.closed:
                return
            for source_id, state in list(change.sources.items()):
                if any(map(self._on_tempo, state.entries)):
                    self._derive(change, source_id, if_stale="tempo map updated" if mapped else "tempo updated")
                    self._refresh(change, source_id, self._on_tempo)
            change.emit(events.TempoChanged())

    def all_descriptors(self) -> list[Descriptor]:
        """The default calculator of every feature."""
        features = dict.fromkeys(calculator.feature for calculator in self.registry.list())
        return [self.registry.resolve(feature) for feature in features]

    # --- what the scheduler says (its threads) -----------------------------------------------

    def job_started(self, job: Job) -> None:
        """A job began."""
        with self.store.changing() as change:
            if self._work.counts(job):
                self._derive(change, job.source.id, progress=job.progress)

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
        self.cache.put(track)
        with self.store.changing() as change:
            if self._work.counts(job):
                self._work.settle(job, item.key)
                self._deliver(change, job.source.id, item, track)
                self._derive(change, job.source.id)
            self._settled.notify_all()

    def item_failed(self, job: Job, item: Item, error: BaseException) -> None:
        """A feature could not be computed."""
        with self.store.changing() as change:
            if self._work.counts(job):
                self._work.settle(job, item.key)
                self._deliver_failure(change, job.source.id, item, error)
                self._derive(change, job.source.id)
            self._settled.notify_all()

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
            self._settled.notify_all()

    # --- inside, under the store's lock ------------------------------------------------------

    def _check_open(self) -> None:
        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")

    def _cancel(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.cancel()
        with self._settled:
            self._settled.notify_all()

    def _replace_source(self, change: Change, source: AudioSource) -> None:
        """Read a source through another reader of the same audio; what could not be read before is tried again."""
        state = change.sources[source.id]
        entries = [
            dataclasses.replace(entry, error=None, failed_key="") if isinstance(entry.error, IngestError) else entry
            for entry in state.entries.values()
        ]
        change.put_source(dataclasses.replace(state, source=source).with_entries(*entries))
        for track in list(change.tracks.values()):
            if track.source_id == source.id:
                change.put_track(dataclasses.replace(track, source=source))
        self._derive(change, source.id)
        self._refresh(change, source.id, lambda _: True)

    def _ensure(
        self,
        change: Change,
        source_id: str,
        items: Iterable[Item],
        *,
        force: bool = False,
        act: bool = True,
        message: str = "analyzing audio",
    ) -> list[Job]:
        """See to it that features become fresh; returns the jobs that do it."""
        source = change.sources[source_id].source
        jobs: dict[str, Job] = {}
        missing: dict[str, Item] = {}  # by key: what two profiles have in common is computed once
        for item in items:
            state = change.sources[source_id]
            entry = self._blank(state, Slot.of(item.descriptor), item.descriptor)
            if force:
                entry = dataclasses.replace(entry, error=None, failed_key="")
            change.put_source(state.with_entries(entry))
            working = self._work.computing(source_id, item.key)
            if working is not None:
                jobs[working.id] = working
            elif force or entry.track is None or entry.track.key != item.key:
                stored = None if force else self.cache.get(item.key)
                if stored is not None:
                    self._put_track(change, source_id, entry, stored)
                elif act and (entry.error is None or entry.failed_key != item.key):
                    missing[item.key] = item
        if missing:
            job = self._enqueue(source, list(missing.values()))
            jobs[job.id] = job
            progress = job.progress if change.sources[source_id].status.state != "pending" else UNSET
            self._derive(change, source_id, message=message, progress=progress)
        else:
            self._derive(change, source_id)
        return list(jobs.values())

    def _enqueue(self, source: AudioSource, items: list[Item]) -> Job:
        waiting = self._work.of(source.id)
        if waiting and self.scheduler.extend(waiting[-1], items):
            return waiting[-1]
        job = Job(source, items)
        self._work.attach(job)
        try:
            return self.scheduler.submit(job)
        except BaseException:
            self._work.drop(job)
            raise

    def _item(self, source: AudioSource, descriptor: Descriptor) -> Item:
        item = self._item_or_problem(source, descriptor)
        if isinstance(item, AudioCacheError):
            raise item
        return item

    def _items(self, source: AudioSource, descriptors: Iterable[Descriptor]) -> list[Item]:
        """What would be computed now; what cannot be said is left out."""
        found = [self._item_or_problem(source, descriptor) for descriptor in descriptors]
        return [item for item in found if isinstance(item, Item)]

    def _item_or_problem(self, source: AudioSource, descriptor: Descriptor) -> Item | AudioCacheError:
        """What would be computed now, or why that cannot be said."""
        assert descriptor.calculator is not None
        try:
            calculator = self.registry.get(descriptor.calculator)
            tempo = self._tempo.snapshot() if calculator.depends_on_tempo and self._tempo is not None else None
            return make_item(source, descriptor, calculator, tempo=tempo)
        except AudioCacheError as error:
            return error
        except Exception as error:  # a user's calculator may raise anything here too
            problem = CalculatorError(
                f"Calculator {descriptor.calculator!r:.80} cannot be used: {type(error).__name__}: {str(error)[:200]}.",
                calculator=descriptor.calculator,
            )
            problem.__cause__ = error
            return problem

    def _label(self, slot: Slot) -> str:
        try:
            return self.registry.get(slot.calculator_id).title
        except UnknownCalculatorError:
            return slot.feature

    def _blank(self, state: SourceState, slot: Slot, descriptor: Descriptor) -> FeatureEntry:
        entry = state.entries.get(slot)
        if entry is None:
            return FeatureEntry(slot, descriptor, self._label(slot))
        return entry if entry.descriptor == descriptor else dataclasses.replace(entry, descriptor=descriptor)

    def _deliver(self, change: Change, source_id: str, item: Item, track: FeatureTrack) -> None:
        """Show a result where exactly it is wanted; where another one is wanted by now, only until that is there."""
        state, own = change.sources[source_id], Slot.of(item.descriptor)
        if own not in state.entries:
            self._put_track(change, source_id, self._blank(state, own, item.descriptor), track)
        for slot, entry in state.entries.items():
            wanted = self._wanted_key(state.source, entry)
            fresh = entry.track is not None and entry.track.key == wanted
            if wanted == item.key or (slot == own and not fresh):
                self._put_track(change, source_id, entry, track)

    def _deliver_failure(self, change: Change, source_id: str, item: Item, error: BaseException) -> None:
        state, own = change.sources[source_id], Slot.of(item.descriptor)
        entries = state.entries.values() if own in state.entries else [self._blank(state, own, item.descriptor)]
        for entry in entries:
            if self._wanted_key(state.source, entry) == item.key:
                failed = dataclasses.replace(entry, error=error, failed_key=item.key)
                change.put_source(change.sources[source_id].with_entries(failed))
                change.emit(events.FeatureFailed(source_id=source_id, slot=entry.slot, error=said(error)))

    def _put_track(self, change: Change, source_id: str, entry: FeatureEntry, track: FeatureTrack) -> None:
        entry = dataclasses.replace(entry, track=track, label=track.label)
        if entry.failed_key == track.key:
            entry = dataclasses.replace(entry, error=None, failed_key="")
        change.put_source(change.sources[source_id].with_entries(entry))
        change.emit(events.FeatureStored(source_id=source_id, slot=entry.slot, key=track.key))

    def _wanted_key(self, source: AudioSource, entry: FeatureEntry) -> str | None:
        item = self._item_or_problem(source, entry.descriptor)
        return item.key if isinstance(item, Item) else None

    def _result(self, track: Track, slot: Slot, descriptor: Descriptor) -> FeatureTrack | None:
        """What somebody waits for, None while it is on its way, or the reason why it will not come."""
        if self.closed:
            raise SessionClosedError(f"The session was closed while {slot} was waited for.")
        state = self.store.snapshot().sources.get(track.source_id)
        if state is None:
            raise JobCancelledError(f"{track.id!r:.80} was removed while {slot} was waited for.")
        entry = self._judged(state, slot, descriptor)
        if entry.state == "fresh":
            return entry.track
        if entry.state in ("queued", "running", "bad_request"):  # the last: its calculator goes at this moment
            return None
        stored = self.cache.get(entry.wanted_key)  # there, but somebody wants this slot otherwise by now
        if stored is not None:
            return stored
        if entry.state == "failed" and entry.error is not None:
            raise again(entry.error)
        raise JobCancelledError(f"The analysis of {slot} was stopped.", hint="session.restart(track) begins again.")

    def _judged(self, state: SourceState, slot: Slot, descriptor: Descriptor | None = None) -> FeatureEntry:
        entry = state.entries[slot] if descriptor is None else self._blank(state, slot, descriptor)
        item = self._item_or_problem(state.source, entry.descriptor)
        if not isinstance(item, Item):
            return judge(entry, None, None, said(item))
        job = self._work.computing(state.source.id, item.key)
        active: FeatureState | None = None
        if job is not None:
            active = "queued" if job.state == "queued" else "running"
        return judge(entry, item, active)

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
        judged = [dataclasses.replace(self._judged(state, slot), demanded=slot in wanted) for slot in state.entries]
        judged = [entry for entry in judged if entry.demanded or entry.state != "missing"]
        previous = state.status
        states = {entry.state for entry in judged}
        after: State
        if self._work.of(source_id):
            after = "pending"
        elif "failed" in states:
            after = "failed"
            message = f"analysis failed: {next(entry.reason for entry in judged if entry.state == 'failed')}"
        elif "stale" in states:
            after = "stale"
            message = if_stale if message is UNSET else message
        elif "fresh" in states:
            after = "ready"
        else:
            after = "idle"
        status = next_status(previous, after, message=message, progress=progress)
        same = (status.state, status.message) == (previous.state, previous.message)
        if same and status.progress == previous.progress and _alike(judged, state.entries.values()):
            status = previous
        change.put_source(SourceState(state.source, status).with_entries(*judged))
        if not same:
            change.emit(events.StatusChanged(source_id=source_id, status=status, previous=previous))
        elif status.progress != previous.progress:
            change.emit(events.ProgressChanged(source_id=source_id, status=status))

    def _refresh(self, change: Change, source_id: str, concerned: Callable[[Slot], bool]) -> None:
        """Recompute what is concerned, asked for and not fresh any more."""
        state = change.sources[source_id]
        slots = filter(concerned, self._wanted(change, source_id, held=False))
        entries = [state.entries[slot] for slot in slots if slot in state.entries]
        todo = [entry for entry in entries if entry.state in ("missing", "stale")]
        if todo:
            self._ensure(change, source_id, self._items(state.source, [entry.descriptor for entry in todo]))

    def _calculator_changed(self, calculator_id: str) -> None:
        def concerned(slot: Slot) -> bool:
            return slot.calculator_id == calculator_id

        with self.store.changing() as change:
            if self.closed:
                return
            for source_id, state in list(change.sources.items()):
                if any(map(concerned, state.entries)):
                    self._derive(change, source_id, if_stale="calculator updated")
                    self._refresh(change, source_id, concerned)
            change.emit(events.CalculatorChanged(calculator_id=calculator_id))

    def _on_tempo(self, slot: Slot) -> bool:
        try:
            return self.registry.get(slot.calculator_id).depends_on_tempo
        except UnknownCalculatorError:
            return False


def _alike(some: Iterable[FeatureEntry], others: Iterable[FeatureEntry]) -> bool:
    """Whether nobody could tell these features from those."""

    def facts(entry: FeatureEntry) -> tuple[object, ...]:
        return entry.slot, entry.state, entry.reason, entry.demanded, id(entry.track)

    return [facts(entry) for entry in some] == [facts(entry) for entry in others]
