"""The timeline: verbs that change it, and the one place where requests meet results."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import Item, make_item
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.errors import (
    AudioCacheError,
    InvalidParameterError,
    JobCancelledError,
    SessionClosedError,
    SourceChangedError,
    UnknownTrackError,
    WaitTimeoutError,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline import events
from audiocache_nb.timeline.demand import DEFAULT_ELEMENT, Demand
from audiocache_nb.timeline.freshness import Freshness, judge
from audiocache_nb.timeline.state import FeatureEntry, FeatureState, Slot, SourceState, Track
from audiocache_nb.timeline.status import UNSET, SourceStatus, State, _Unset, next_status
from audiocache_nb.timeline.store import Change, TimelineStore

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
        self._jobs: dict[str, list[Job]] = {}  # of each source, those whose word still counts
        self._settled = threading.Condition(self.store.lock)
        self._on_hold: set[str] = set()  # sources that nothing is computed for until it is said so
        self.closed = False
        self._unsubscribe = registry.subscribe(self._calculator_changed)

    # --- tracks ------------------------------------------------------------------------------

    def add(self, track: Track, *, hold: bool = False) -> Track:
        """Put a track on the timeline; with `hold`, demand for its source is noted but not acted on."""
        with self.store.changing() as change:
            self._check_open()
            if track.id in change.tracks:
                raise InvalidParameterError(
                    f"There is a track {track.id!r:.80} already.", hint="Choose another track_id, or leave it out."
                )
            change.put_track(track)
            if track.source_id not in change.sources:
                status = SourceStatus(message="analysis not started", source_hash=track.source.digest)
                change.put_source(SourceState(track.source, status))
                self._on_hold.discard(track.source_id)
                if hold:
                    self._on_hold.add(track.source_id)
            change.emit(events.TrackAdded(track_id=track.id, source_id=track.source_id))
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
            self.demand.forget_track(track_id)
            cancelled: list[Job] = []
            if all(other.source_id != track.source_id for other in change.tracks.values()):
                cancelled = self._detach(track.source_id)
                change.drop_source(track.source_id)
            change.emit(events.TrackRemoved(track_id=track_id, source_id=track.source_id))
        self._cancel(cancelled)

    def track(self, track: Track | str) -> Track:
        """The track as it is now.

        Raises
        ------
        UnknownTrackError
        """
        track_id = track.id if isinstance(track, Track) else track
        found = self.store.snapshot().tracks.get(track_id) if isinstance(track_id, str) else None
        if found is None:
            raise UnknownTrackError(
                f"There is no track {track_id!r:.80}.", hint="session.tracks lists what there is.", track=str(track_id)
            )
        return found

    # --- asking ------------------------------------------------------------------------------

    def request(
        self, track: Track | str, wanted: Sequence[Descriptor], element: str | None, *, now: bool = False
    ) -> list[Job]:
        """Publish demand and see to it; `now` also where the source is on hold."""
        with self.store.changing() as change:
            self._check_open()
            found = self.track(track)
            changed = self.demand.publish(element or DEFAULT_ELEMENT, found.id, wanted, add=element is None)
            if changed:
                change.emit(events.DemandChanged(element=element or DEFAULT_ELEMENT))
            return self._ensure(change, found.source_id, wanted, act=now or found.source_id not in self._on_hold)

    def release(self, element: str) -> None:
        """An element asks for nothing any more."""
        with self.store.changing() as change:
            if self.demand.withdraw(element):
                for source_id in change.sources:
                    self._derive(change, source_id)
                change.emit(events.DemandChanged(element=element))

    def get(self, track: Track | str, descriptor: Descriptor, timeout: float | None = None) -> FeatureTrack:
        """Ask for a feature and wait for it."""
        found = self.track(track)
        with self.store.lock:
            before = list(self._jobs.get(found.source_id, ()))
            jobs = [job for job in self.request(found, [descriptor], None, now=True) if job not in before]
        deadline_s = None if timeout is None else time.monotonic() + timeout
        slot = Slot.of(descriptor)
        try:
            while True:
                with self._settled:
                    entry = self._entry(found, slot)
                    if entry.state == "fresh" and entry.track is not None:
                        return entry.track
                    if entry.state in ("failed", "bad_request"):
                        raise entry.error or JobCancelledError(entry.reason)
                    if entry.state not in ("queued", "running"):
                        raise JobCancelledError(
                            f"The analysis of {slot} was stopped.", hint="session.restart(track) begins again."
                        )
                    if deadline_s is not None and time.monotonic() >= deadline_s:
                        raise WaitTimeoutError(f"{slot} is not there after {timeout:g} s.", hint="The work goes on.")
                    self._settled.wait(SLICE_S)
        except KeyboardInterrupt:
            for job in jobs:
                job.cancel()
            raise

    def peek(self, track: Track | str, descriptor: Descriptor) -> FeatureTrack | None:
        """The data if they are there, fresh or stale; asks for nothing."""
        found = self.track(track)
        entry = self.store.snapshot().sources[found.source_id].entries.get(Slot.of(descriptor))
        return None if entry is None else entry.track

    def freshness(self, track: Track | str, descriptor: Descriptor) -> Freshness:
        """How one feature stands, judged now."""
        found = self.track(track)
        with self.store.lock:
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
            while any(self._jobs.values()):
                if deadline_s is not None and time.monotonic() >= deadline_s:
                    raise WaitTimeoutError(f"Work is still going on after {timeout:g} s.", hint="It goes on.")
                self._settled.wait(SLICE_S)

    # --- verbs on a source -------------------------------------------------------------------

    def stop(self, track: Track | str) -> None:
        """End the work on a source. Data that exist stay what they are."""
        with self.store.changing() as change:
            source_id = self.track(track).source_id
            cancelled = self._detach(source_id)
            if cancelled:
                self._derive(change, source_id, message="analysis stopped")
        self._cancel(cancelled)

    def restart(self, track: Track | str) -> list[Job]:
        """Compute everything of a source again that was asked for or is there."""
        with self.store.changing() as change:
            self._check_open()
            source_id = self.track(track).source_id
            cancelled = self._detach(source_id)
            entries = change.sources[source_id].entries
            wanted = [entry.descriptor for entry in entries.values()] or self.all_descriptors()
            jobs = self._ensure(change, source_id, wanted, force=True)
        self._cancel(cancelled)
        return jobs

    def reanalyze(self, track: Track | str, names: Iterable[str]) -> list[Job]:
        """Compute the features of some calculators again; all others stay."""
        names = [names] if isinstance(names, str) else list(dict.fromkeys(name for name in names if name))
        wanted = [self.registry.resolve(name) for name in names]
        if not wanted:
            return []
        with self.store.changing() as change:
            self._check_open()
            source_id = self.track(track).source_id
            entries = change.sources[source_id].entries.values()
            found: dict[Slot, Descriptor] = {}
            for descriptor in wanted:
                known = [entry.descriptor for entry in entries if entry.slot.calculator_id == descriptor.calculator]
                found |= {Slot.of(one): one for one in known or [descriptor]}
            message = "reanalysing feature track" + ("s" if len(found) > 1 else "")
            return self._ensure(change, source_id, list(found.values()), force=True, message=message)

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
            cancelled = self._detach(source_id)
            state = change.sources[source_id]
            freed = 0
            for entry in state.entries.values():
                if entry.track is not None:
                    freed += entry.track.nbytes
                    self.cache.discard(entry.track.key)
            previous, cleared = state.status, next_status(state.status, "idle", message=None)
            change.put_source(SourceState(state.source, cleared))
            change.emit(events.CachesCleared(source_id=source_id))
            if previous.state != "idle":
                change.emit(events.StatusChanged(source_id=source_id, status=cleared, previous=previous))
        self._cancel(cancelled)
        return freed

    def clear_all(self) -> None:
        """Take all tracks off the timeline, with everything computed for them."""
        with self.store.changing() as change:
            self._check_open()
            cancelled = [job for source_id in list(self._jobs) for job in self._detach(source_id)]
            for track in list(change.tracks.values()):
                change.drop_track(track.id)
                change.emit(events.TrackRemoved(track_id=track.id, source_id=track.source_id))
            for source_id in list(change.sources):
                change.drop_source(source_id)
            self.demand.clear()
            self.cache.clear()
            change.emit(events.TimelineReset())
        self._cancel(cancelled)

    def close(self) -> None:
        """End all work; returns within a second whatever is running."""
        with self.store.changing() as change:
            if self.closed:
                return
            self.closed = True
            for source_id in list(self._jobs):
                if self._detach(source_id) and source_id in change.sources:
                    self._derive(change, source_id, message="session closed")
            change.emit(events.SessionClosed())
        self._unsubscribe()
        self.scheduler.close()
        with self._settled:
            self._settled.notify_all()

    def tempo_changed(self) -> None:
        """Judge again what depends on the tempo; no other feature is touched."""
        with self.store.changing() as change:
            for source_id, state in list(change.sources.items()):
                if any(self._on_tempo(slot) for slot in state.entries):
                    self._derive(change, source_id, message="tempo map changed")
                    self._refresh(change, source_id)
            change.emit(events.TempoChanged())

    def all_descriptors(self) -> list[Descriptor]:
        """The default calculator of every feature."""
        features = dict.fromkeys(calculator.feature for calculator in self.registry.list())
        return [self.registry.resolve(feature) for feature in features]

    # --- what the scheduler says (its threads) -----------------------------------------------

    def job_started(self, job: Job) -> None:
        """A job began."""
        with self.store.changing() as change:
            if self._counts(job):
                self._derive(change, job.source.id, progress=job.progress)

    def job_progress(self, changes: list[tuple[Job, Progress]]) -> None:
        """Jobs got further."""
        with self.store.changing() as change:
            for job, progress in changes:
                state = change.sources.get(job.source.id)
                if state is None or not self._counts(job) or state.status.state != "pending":
                    continue
                status = next_status(state.status, "pending", progress=progress)
                change.put_source(dataclasses.replace(state, status=status))
                change.emit(events.ProgressChanged(source_id=job.source.id, status=status))

    def item_done(self, job: Job, item: Item, track: FeatureTrack) -> None:
        """A feature is finished. A late one is true for its key all the same, but shows nowhere."""
        self.cache.put(track)
        with self.store.changing() as change:
            if self._counts(job):
                self._put_track(change, job.source.id, item.descriptor, track)
                self._derive(change, job.source.id)
            self._settled.notify_all()

    def item_failed(self, job: Job, item: Item, error: BaseException) -> None:
        """A feature could not be computed."""
        with self.store.changing() as change:
            if not self._counts(job):
                return
            state, slot = change.sources[job.source.id], Slot.of(item.descriptor)
            entry = self._blank(state, slot, item.descriptor)
            change.put_source(state.with_entries(dataclasses.replace(entry, error=error, failed_key=item.key)))
            change.emit(events.FeatureFailed(source_id=job.source.id, slot=slot, error=str(error)))
            self._derive(change, job.source.id)
            self._settled.notify_all()

    def job_ended(self, job: Job) -> None:
        """A job has reached its final state."""
        with self.store.changing() as change:
            counted = self._counts(job)
            self._drop_job(job)
            if counted and job.source.id in change.sources:
                message: str | None | _Unset = UNSET
                if job.failures:
                    message = f"analysis failed: {next(iter(job.failures.values()))}"
                elif job.state == "cancelled":
                    message = "analysis stopped"
                behind = self._jobs.get(job.source.id)
                self._derive(
                    change, job.source.id, message=message, progress=behind[0].progress if behind else None
                )
            self._settled.notify_all()

    # --- inside, under the store's lock ------------------------------------------------------

    def _check_open(self) -> None:
        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")

    def _counts(self, job: Job) -> bool:
        return job in self._jobs.get(job.source.id, ())

    def _drop_job(self, job: Job) -> None:
        jobs = self._jobs.get(job.source.id, [])
        if job in jobs:
            jobs.remove(job)
        if not jobs:
            self._jobs.pop(job.source.id, None)

    def _detach(self, source_id: str) -> list[Job]:
        """From now on the source's jobs are not listened to."""
        return self._jobs.pop(source_id, [])

    def _cancel(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.cancel()
        with self._settled:
            self._settled.notify_all()

    def _ensure(
        self,
        change: Change,
        source_id: str,
        wanted: Iterable[Descriptor],
        *,
        force: bool = False,
        act: bool = True,
        message: str = "analyzing audio",
    ) -> list[Job]:
        """See to it that features become fresh; returns the jobs that do it."""
        source = change.sources[source_id].source
        jobs: dict[str, Job] = {}
        missing: list[Item] = []
        for descriptor in wanted:
            item = self._item(source, descriptor)
            state = change.sources[source_id]
            entry = self._blank(state, Slot.of(descriptor), descriptor)
            if force:
                entry = dataclasses.replace(entry, error=None, failed_key="")
            change.put_source(state.with_entries(entry))
            working = next((job for job in self._jobs.get(source_id, ()) if _computes(job, item)), None)
            if working is not None:
                jobs[working.id] = working
            elif force or entry.track is None or entry.track.key != item.key:
                stored = None if force else self.cache.get(item.key)
                if stored is not None:
                    self._put_track(change, source_id, descriptor, stored)
                elif act and (force or entry.failed_key != item.key or entry.error is None):
                    missing.append(item)
        if missing:
            job = self._enqueue(source, missing)
            jobs[job.id] = job
            progress = job.progress if change.sources[source_id].status.state != "pending" else UNSET
            self._derive(change, source_id, message=message, progress=progress)
        else:
            self._derive(change, source_id)
        return list(jobs.values())

    def _enqueue(self, source: AudioSource, items: list[Item]) -> Job:
        queue = self._jobs.setdefault(source.id, [])
        if queue and self.scheduler.extend(queue[-1], items):
            return queue[-1]
        job = Job(source, items)
        queue.append(job)
        try:
            return self.scheduler.submit(job)
        except BaseException:
            self._drop_job(job)
            raise

    def _item(self, source: AudioSource, descriptor: Descriptor) -> Item:
        assert descriptor.calculator is not None
        calculator = self.registry.get(descriptor.calculator)
        tempo = self._tempo.snapshot() if calculator.depends_on_tempo and self._tempo is not None else None
        return make_item(source, descriptor, calculator, tempo=tempo)

    def _blank(self, state: SourceState, slot: Slot, descriptor: Descriptor) -> FeatureEntry:
        entry = state.entries.get(slot)
        if entry is None:
            label = self.registry.get(slot.calculator_id).title if slot.calculator_id in self.registry else slot.feature
            return FeatureEntry(slot, descriptor, label)
        return entry if entry.descriptor == descriptor else dataclasses.replace(entry, descriptor=descriptor)

    def _put_track(self, change: Change, source_id: str, descriptor: Descriptor, track: FeatureTrack) -> None:
        state, slot = change.sources[source_id], Slot.of(descriptor)
        entry = self._blank(state, slot, descriptor)
        entry = dataclasses.replace(entry, track=track, label=track.label, error=None, failed_key="")
        change.put_source(state.with_entries(entry))
        change.emit(events.FeatureStored(source_id=source_id, slot=slot, key=track.key))

    def _entry(self, track: Track, slot: Slot) -> FeatureEntry:
        state = self.store.snapshot().sources.get(track.source_id)
        entry = None if state is None else state.entries.get(slot)
        if entry is None:
            raise JobCancelledError(f"{slot} of {track.id!r:.80} was cleared or removed while it was waited for.")
        return entry

    def _judged(self, state: SourceState, slot: Slot, descriptor: Descriptor | None = None) -> FeatureEntry:
        entry = state.entries.get(slot)
        if entry is None or (descriptor is not None and entry.descriptor != descriptor):
            assert descriptor is not None
            entry = self._blank(state, slot, descriptor)
        try:
            item = self._item(state.source, entry.descriptor)
        except AudioCacheError as error:
            return judge(entry, None, None, str(error))
        active: FeatureState | None = None
        for job in self._jobs.get(state.source.id, ()):
            if _computes(job, item):
                active = "queued" if job.state == "queued" else "running"
                break
        return judge(entry, item, active)

    def _derive(
        self,
        change: Change,
        source_id: str,
        *,
        message: str | None | _Unset = UNSET,
        progress: Progress | None | _Unset = UNSET,
    ) -> None:
        """Judge a source's features and derive its status from them."""
        state = change.sources[source_id]
        ids = [track.id for track in change.tracks.values() if track.source_id == source_id]
        wanted = self.demand.wanted(ids)
        judged = [dataclasses.replace(self._judged(state, slot), demanded=slot in wanted) for slot in state.entries]
        judged = [entry for entry in judged if entry.demanded or entry.state != "missing"]
        previous = state.status
        states = {entry.state for entry in judged}
        after: State
        if self._jobs.get(source_id):
            after = "pending"
        elif "failed" in states:
            after = "failed"
        elif "stale" in states:
            after = "stale"
        elif "fresh" in states:
            after = "ready"
        else:
            after = "idle"
        status = next_status(previous, after, message=message, progress=progress)
        change.put_source(SourceState(state.source, status).with_entries(*judged))
        if (status.state, status.message) != (previous.state, previous.message):
            change.emit(events.StatusChanged(source_id=source_id, status=status, previous=previous))
        elif status.progress != previous.progress:
            change.emit(events.ProgressChanged(source_id=source_id, status=status))

    def _refresh(self, change: Change, source_id: str) -> None:
        """Recompute what is asked for and not fresh any more."""
        state = change.sources[source_id]
        todo = [entry.descriptor for entry in state.entries.values() if entry.demanded and _outdated(entry)]
        if todo and source_id not in self._on_hold:
            self._ensure(change, source_id, todo)

    def _calculator_changed(self, calculator_id: str) -> None:
        with self.store.changing() as change:
            if self.closed:
                return
            for source_id, state in list(change.sources.items()):
                if any(slot.calculator_id == calculator_id for slot in state.entries):
                    self._derive(change, source_id)
                    if change.sources[source_id].status.state == "stale":
                        self._derive(change, source_id, message="calculator updated")
                    self._refresh(change, source_id)
            change.emit(events.CalculatorChanged(calculator_id=calculator_id))

    def _on_tempo(self, slot: Slot) -> bool:
        return slot.calculator_id in self.registry and self.registry.get(slot.calculator_id).depends_on_tempo


def _computes(job: Job, item: Item) -> bool:
    if job.control.cancelled or item.key in job.stored or item.key in job.failures:
        return False
    return any(other.key == item.key for other in job.items)


def _outdated(entry: FeatureEntry) -> bool:
    return entry.state in ("missing", "stale")
