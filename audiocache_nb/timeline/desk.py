"""The desk: the one place where requests meet results."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.errors import CacheCorruptionError, SourceChangedError, said
from audiocache_nb.features.keys import digest
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline import events
from audiocache_nb.timeline.focus import FocusBook
from audiocache_nb.timeline.freshness import CHANGED
from audiocache_nb.timeline.judge import Means
from audiocache_nb.timeline.orders import MAX_UNSURE, Orders
from audiocache_nb.timeline.state import Slot
from audiocache_nb.timeline.status import UNSET, next_status
from audiocache_nb.timeline.store import Change

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item

DAMAGED = "cache entry damaged"
log = logging.getLogger("audiocache_nb")
Listener = Callable[[str, Job, "Item | None", BaseException | None], None]


class Desk(Orders):
    """Sees to it that what is wanted gets computed, and puts in place what was computed."""

    def __init__(self, registry: Registry, *, workers: int | None = None, **means: Unpack[Means]) -> None:
        super().__init__(registry, **means)
        self.scheduler = Scheduler(self, workers)
        self.focus = FocusBook(self.store.snapshot)
        self.scheduler.focus = self.focus.of
        self._settled = threading.Condition(self.store.lock)
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


def unsure(track: FeatureTrack) -> FeatureTrack:
    """A result of code that was edited while it ran: to be shown, but under a key that nobody ever wants."""
    provenance = {**track.provenance, "unsure": True}
    return dataclasses.replace(track, key=digest(["unsure", track.key]), provenance=provenance)
