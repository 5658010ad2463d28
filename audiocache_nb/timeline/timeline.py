"""The timeline: the verbs that change it."""

from __future__ import annotations

import dataclasses
import math
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.costs import CostModel
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.errors import (
    AudioCacheError,
    InvalidParameterError,
    JobCancelledError,
    SessionClosedError,
    SourceChangedError,
    WaitTimeoutError,
    again,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack, Growing
from audiocache_nb.timeline import events
from audiocache_nb.timeline.demand import DEFAULT_ELEMENT, BadWish
from audiocache_nb.timeline.desk import MAX_UNSURE, Desk, Start
from audiocache_nb.timeline.elements import Elements
from audiocache_nb.timeline.freshness import CHANGED, Freshness
from audiocache_nb.timeline.gate import Gate, Policy, checked_policy
from audiocache_nb.timeline.state import FeatureEntry, Slot, Snapshot, SourceState, Track
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timeline.store import Change
from audiocache_nb.timeline.undo import History
from audiocache_nb.timing.tempo_map import TempoMap

if TYPE_CHECKING:
    from audiocache_nb.analysis.report import PlanReport
    from audiocache_nb.audio.source import AudioSource

SLICE_S = 0.05
TempoPolicy = Literal["project", "stale"]
CLOSE_S = 0.7
LOOK_S = 0.1


class Timeline(Desk):
    """Tracks, their features, and the work on them.

    Parameters
    ----------
    registry : Registry
    workers : int, optional
    tempo : Tempo
        Only calculators that depend on it ever see it.
    costs : CostModel, optional
        What is known of the calculators' costs.
    cache : MemoryCache, optional
        Where results are kept.
    salt : str
        Part of every key.
    gate : Gate, optional
        What starts by itself.
    tempo_policy : {"project", "stale"}
        After a tempo edit, data in seconds are as fresh as before, or everything counts as stale.
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
        tempo_policy: TempoPolicy = "project",
    ) -> None:
        super().__init__(registry, workers=workers, tempo=tempo, costs=costs, cache=cache, salt=salt, gate=gate)
        self.closed = False
        self.history = History()
        self.tempo_policy: TempoPolicy = tempo_policy
        self._tempo_before: TempoMap | None = None if tempo is None else tempo.snapshot()
        self._playback_range: tuple[float, float] | None = None
        self._looked_s = -LOOK_S
        self.elements = Elements(self.release)
        # The registry lives as long as the process: a timeline that nobody uses any more must not.
        this = weakref.ref(self)
        self._unsubscribe = registry.subscribe(lambda calculator_id: _pass_on(this, calculator_id))
        weakref.finalize(self, self._unsubscribe)

    # --- tracks ------------------------------------------------------------------------------

    def add(self, track: Track, *, hold: bool = False) -> Track:
        """Put a track on the timeline; with `hold`, what is asked of it is noted but not acted on.

        A source that is on the timeline already is read through the new track's reader from now on.
        What elements ask of a track of this id counts at once; the notebook has to ask anew.
        """
        from audiocache_nb.timeline.undo_steps import Added  # a session starts without any

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
            self.demand.forget_track(track.id, DEFAULT_ELEMENT)
            self.demand.forget_track(track.id, everything_of(track.id))
            self.demand.forget_parked(track.id)
            self._act_on_demand(change, track)
            self.history.record(Added(f"add {track.name!r:.60}", (track.id,)))
        return track

    def _act_on_demand(self, change: Change, track: Track) -> None:
        """See to it what elements ask of a track that is new."""
        standing = self.demand.wanted([track.id])
        if standing:
            start: Start = "later" if track.id in self._on_hold else "gate"
            items = self._bench.items(change.sources[track.source_id].source, standing.values())
            self._ensure(change, track.source_id, items, start=start)

    def update(self, track_id: str, *, label: str = "edit", **changes: Any) -> Track:
        """Move, trim or rename a track; its features stay what they are. What changes nothing is no change."""
        from audiocache_nb.timeline.undo_steps import edited

        with self.store.changing() as change:
            self._check_open()
            before = change.tracks[self.track(track_id).id]
            track = dataclasses.replace(before, **changes)
            step = edited(before, track, label)
            if step is None:
                return before
            change.put_track(track)
            change.emit(events.TrackChanged(track_id=track_id))
            self.history.record(step)
        return track

    def remove(self, track_id: str) -> None:
        """Take a track off the timeline; its source goes with the last track that uses it."""
        from audiocache_nb.timeline.undo_steps import capture

        with self.store.changing() as change:
            self._check_open()
            track = change.tracks[self.track(track_id).id]
            step = capture(self, change, [track_id], f"remove {track.name!r:.60}")
            wished = set(self.demand.wanted([track_id]))
            change.drop_track(track_id)
            change.emit(events.TrackRemoved(track_id=track_id, source_id=track.source_id))
            self._on_hold.discard(track_id)
            cancelled: list[Job] = []
            if any(other.source_id == track.source_id for other in change.tracks.values()):
                cancelled = self._give_up(change, track.source_id, wished)
                self._derive(change, track.source_id)
                self.history.record(step)
            else:
                cancelled = self._work.detach(track.source_id)
                self._gated.pop(track.source_id, None)
                self._called.pop(track.source_id, None)
                change.drop_source(track.source_id)
                self.history.record(step, [track.source])
        self._cancel(cancelled)

    def _give_up(self, change: Change, source_id: str, wished: set[Slot]) -> list[Job]:
        """Let go of the jobs of a source that only do what nobody wishes any more; returns them."""
        idle = wished - set(self._wanted(change, source_id))
        jobs = [job for job in self._work.of(source_id) if self._work.left(job)]
        found = [job for job in jobs if all(Slot.of(item.descriptor) in idle for item in self._work.left(job))]
        for job in found:
            self._work.drop(job)
        return found

    def undo(self) -> str | None:
        """Take the latest change of the tracks back; returns what it was, None if there is none.

        Raises
        ------
        SourceMissingError
            A track cannot come back, because its samples were in memory only; the step is forgotten.
        """
        with self.store.changing() as change:
            self._check_open()
            return self.history.undo(self, change)

    def redo(self) -> str | None:
        """Do again what `undo` took back last; returns what it was, None if there is nothing."""
        with self.store.changing() as change:
            self._check_open()
            return self.history.redo(self, change)

    @property
    def playback_range(self) -> tuple[float, float]:
        """From where to where is played [s].

        As long as nobody sets it, it follows the clips: from time zero, or the earliest clip if that
        begins before, to the end of the last one. Clips that are not enabled do not count.
        """
        chosen = self._playback_range
        if chosen is not None:
            return chosen
        snapshot = self.store.snapshot()
        enabled = np.array([track.enabled for track in snapshot.tracks.values()], dtype=np.bool_)
        if not enabled.any():
            return 0.0, 0.0
        starts, ends = self.spans_s(snapshot)[enabled].T
        return min(0.0, float(np.min(starts))), float(np.max(ends))

    @playback_range.setter
    def playback_range(self, value: tuple[float, float] | None) -> None:
        with self.store.changing() as change:
            self._check_open()
            if value == self._playback_range:
                return
            self._playback_range = value
            change.emit(events.PlaybackRangeChanged())

    @property
    def chosen_playback_range(self) -> tuple[float, float] | None:
        """The range that was set, if it does not follow the clips [s]."""
        return self._playback_range

    def spans_s(self, snapshot: Snapshot | None = None) -> NDArray[np.float64]:
        """When each track sounds, in the order of the tracks, at the tempo of now [shape=(n, 2)] [s]."""
        tempo = self._tempo.snapshot() if self._tempo is not None else TempoMap.constant()
        return self.store.clips(snapshot).spans_s(tempo)

    def track(self, track: Track | str) -> Track:
        """The track as it is now.

        Raises
        ------
        UnknownTrackError
        """
        return self.store.snapshot().track(track)

    # --- asking ------------------------------------------------------------------------------

    def request(
        self, track: Track | str, wanted: Sequence[Descriptor], element: object = None, *, now: bool = False
    ) -> list[Job]:
        """Publish demand and see to it; `now` also where the source is on hold, whatever it costs."""
        self.look_at_code(every_s=LOOK_S)
        with self.store.changing() as change:
            self._check_open()
            found = self.track(track)
            items = [self._bench.item(found.source, descriptor) for descriptor in wanted]
            name = self.elements.name(element)
            changed = self.demand.publish(name, found.id, wanted, add=element is None)
            if changed:
                change.emit(events.DemandChanged(element=name, wishes=self.demand.of(name)))
            start: Start = "now" if now else "later" if found.id in self._on_hold else "gate"
            jobs = self._ensure(change, found.source_id, items, start=start)
            if changed:  # fewer wishes may be cheap enough together
                self._reopen(change, [found.source_id])
            return jobs

    def refuse(self, track: Track | str, bad: Iterable[BadWish], element: object = None) -> None:
        """Note what an element asks for in vain, so that diagnostics can show it."""
        with self.store.changing() as change:
            self._check_open()
            found, name = self.track(track), self.elements.name(element)
            if self.demand.refuse(name, found.id, bad):
                change.of_sources.add(found.source_id)
                change.emit(events.DiagnosticsChanged(reason="bad request"))

    def release(self, element: object) -> None:
        """An element asks for nothing any more."""
        with self.store.changing() as change:
            name = self.elements.name(element)
            self.focus.withdraw(name)
            asked = self.demand.withdraw(name)
            if asked and not self.closed:
                found = [change.tracks[one].source_id for one in asked if one in change.tracks]
                for source_id in dict.fromkeys(found):
                    self._derive(change, source_id)
                self._reopen(change, dict.fromkeys(found))
                change.emit(events.DemandChanged(element=name))

    def subscribe_demand(self, callback: Callable[[events.DemandChanged], None]) -> Callable[[], None]:
        """Call `callback(event)` with what every element asks for now, and then with every change."""

        def only_demand(event: events.Event) -> None:
            if isinstance(event, events.DemandChanged):
                callback(event)

        def now() -> list[events.Event]:
            found = [(name, self.demand.of(name)) for name in self.demand.elements]
            return [events.DemandChanged(element=name, wishes=wishes) for name, wishes in found if wishes]

        return self.store.subscribe(only_demand, replay=now)

    @property
    def policy(self) -> Policy:
        """What starts by itself."""
        return self.gate.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        with self.store.changing() as change:
            self._check_open()
            self.gate.policy = checked_policy(policy)
            for source_id in list(self._gated):
                if source_id in change.sources:
                    self._derive(change, source_id)
            self._reopen(change, list(self._gated))

    def compute(self, track: Track | str | None = None) -> list[Job]:
        """Compute what is asked for and is not fresh, whatever it costs, also what failed before."""
        with self.store.changing() as change:
            self._check_open()
            source_ids = list(change.sources) if track is None else [self.track(track).source_id]
            jobs: list[Job] = []
            for source_id in source_ids:
                state = change.sources[source_id]
                wanted = self._wanted(change, source_id)
                todo = [one for slot, one in wanted.items() if not _is_fresh(state.entries.get(slot))]
                if todo:
                    items = self._bench.items(state.source, todo)
                    jobs += self._ensure(change, source_id, items, retry=True, start="now")
            return jobs

    def get(self, track: Track | str, descriptor: Descriptor, timeout: float | None = None) -> FeatureTrack:
        """Ask for a feature and wait for it."""
        found, slot = self.track(track), Slot.of(descriptor)
        deadline_s = _deadline_s(timeout)
        jobs: list[Job] = []
        asked_key: str | None = None
        asked = 0
        self.look(found)
        try:
            while True:
                with self._settled:
                    wanted_key = self._bench.item(self._awaited(found, slot).source, descriptor).key
                    if asked_key != wanted_key:  # at first, and whenever a calculator or the tempo was changed
                        before = self._work.of(found.source_id)
                        now_on_it = self.request(found, [descriptor], None, now=True)
                        jobs += [job for job in now_on_it if job not in before]
                        asked_key = wanted_key
                        asked += 1
                    result = self._result(found, slot, descriptor, asked_key, restless=asked > MAX_UNSURE)
                    if result is not None:
                        return result
                    if deadline_s is not None and time.monotonic() >= deadline_s:
                        raise WaitTimeoutError(f"{slot} is not there after {timeout:g} s.", hint="The work goes on.")
                    self._settled.wait(SLICE_S)
        except KeyboardInterrupt:
            for job in jobs:
                job.cancel()
            raise

    def plan(self, track: Track | str, descriptors: Iterable[Descriptor]) -> PlanReport:
        """What a request for these features would do, and what it would cost; does nothing."""
        from audiocache_nb.analysis.plan import make_plan
        from audiocache_nb.analysis.report import PlanReport

        source = self.track(track).source
        items = [self._bench.item(source, descriptor) for descriptor in dict.fromkeys(descriptors)]
        with self.store.lock:
            entries = self.store.snapshot().sources[source.id].entries.values()
            stored = {entry.track.key for entry in entries if entry.track is not None}
        cached = [item for item in items if item.key in stored or item.key in self.cache]
        missing = [item for item in items if item not in cached]
        plan = make_plan(source, missing, self.cache.get)
        return PlanReport(plan, cached, self.costs, self.scheduler.workers)

    def peek(self, track: Track | str, descriptor: Descriptor) -> FeatureTrack | None:
        """The data if they are there, fresh or stale; asks for nothing."""
        snapshot = self.store.snapshot()
        entry = snapshot.sources[snapshot.track(track).source_id].entries.get(Slot.of(descriptor))
        return None if entry is None else entry.track

    def growing(self, track: Track | str, descriptor: Descriptor) -> Growing | None:
        """What there is of a feature that is being computed at this moment; asks for nothing."""
        with self.store.lock:
            source = self.track(track).source
            item = self._bench.item_or_problem(source, descriptor)
            if isinstance(item, AudioCacheError):
                return None
            job = self._work.computing(source.id, item.key)
        return None if job is None else job.growing(item.key)

    def freshness(self, track: Track | str, descriptor: Descriptor) -> Freshness:
        """How one feature stands, judged now."""
        self.look(track)
        with self.store.lock:
            found = self.track(track)
            entry = self._bench.judged(self.store.snapshot().sources[found.source_id], Slot.of(descriptor), descriptor)
            entry = self._with_call(found.source_id, entry)
        return Freshness(entry.state, entry.causes, entry.reason, entry.notes)

    # --- noticing ----------------------------------------------------------------------------

    def look(self, track: Track | str) -> None:
        """Notice what nobody says: edited code, and a file that is not the one taken in any more."""
        self.look_at_code()
        self.look_at_audio(track)

    def look_at_code(self, every_s: float = 0.0) -> None:
        """Judge again what is computed by code that was edited since, down to every helper.

        Parameters
        ----------
        every_s : float >= 0 [s]
            Do nothing if the last look was not that long ago: for those who ask all the time.
        """
        now_s = time.monotonic()
        if self.closed or now_s - self._looked_s < every_s:
            return
        self._looked_s = now_s
        for calculator_id in self._bench.edited():
            self._calculator_changed(calculator_id)

    def look_at_audio(self, track: Track | str) -> None:
        """Compare a track's file with what was taken in: by its stamp, and if that has changed by its content."""
        source = self.track(track).source
        changed = ""
        try:
            source.check()
        except SourceChangedError:
            changed = CHANGED
        except AudioCacheError:
            return  # the file is gone, but what was computed from it is still true
        state = self.store.snapshot().sources.get(source.id)
        if self.closed or state is None or state.changed == changed:
            return
        with self.store.changing() as change:
            state = change.sources.get(source.id)
            if state is not None and state.source is source:
                change.put_source(dataclasses.replace(state, changed=changed))
                self._derive(change, source.id)

    def take_in(self, source_id: str, source: AudioSource) -> None:
        """Let the tracks of a source play another recording: what their file holds by now."""
        with self.store.changing() as change:
            self._check_open()
            state = change.sources[source_id]
            if source.id == source_id:
                self._replace_source(change, source)
                return
            cancelled = self._work.detach(source_id)
            for track in list(change.tracks.values()):
                if track.source_id == source_id:
                    change.put_track(dataclasses.replace(track, source=source))
                    change.emit(events.TrackChanged(track_id=track.id))
            known = change.sources.get(source.id)
            if known is None:
                known = SourceState(source, SourceStatus(message=CHANGED, source_hash=source.digest))
            left = [entry for slot, entry in state.entries.items() if slot not in known.entries]
            change.put_source(known.with_entries(*left))
            self._gated.pop(source_id, None)
            self._called.pop(source_id, None)
            change.drop_source(source_id)
            self._derive(change, source.id, if_stale=CHANGED)
            self._refresh(change, source.id, lambda _: True)
        self._cancel(cancelled)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is queued or running.

        Raises
        ------
        WaitTimeoutError
        """
        deadline_s = _deadline_s(timeout)
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
            wanted = [entry.descriptor for entry in state.entries.values()] or self.all_descriptors(track)
            items = self._bench.items(state.source, wanted)
            cancelled = self._work.detach(source_id)
            jobs = self._ensure(change, source_id, items, force=True, start="now")
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
            items = [self._bench.item(self.track(track).source, descriptor) for descriptor in found.values()]
            message = "reanalysing feature track" + ("s" if len(found) > 1 else "")
            return self._ensure(change, source_id, items, force=True, start="now", message=message)

    def clear(self, track: Track | str) -> int:
        """Throw a source's features away, on disk as well, and end the work on them.

        Returns
        -------
        int
            Bytes freed.
        """
        from audiocache_nb.timeline.undo_steps import cleared

        self._check_open()
        stored = self.cache.discard_stored(self.track(track).source.digest)  # this may take a while: not under the lock
        with self.store.changing() as change:
            self._check_open()
            source_id = self.track(track).source_id
            state = change.sources[source_id]
            cancelled = self._work.detach(source_id)
            if any(entry.track is not None for entry in state.entries.values()) or cancelled:
                self.history.record(cleared(state, f"clear the features of {state.source.name!r:.60}"))
            shown = {entry.track.key: entry.track.nbytes for entry in state.entries.values() if entry.track is not None}
            freed = sum({**stored, **self.cache.discard_audio(state.source.digest), **shown}.values())
            asked = self._wanted(change, source_id)  # that somebody asks for it is no data
            blank = [FeatureEntry(slot, descriptor, self._bench.label(slot)) for slot, descriptor in asked.items()]
            change.put_source(SourceState(state.source, state.status, changed=state.changed).with_entries(*blank))
            change.emit(events.CachesCleared(source_id=source_id))
            self._derive(change, source_id, message=None)
        self._cancel(cancelled)
        return freed

    def discard(self, change: Change, source_id: str, slots: Iterable[Slot]) -> int:
        """Throw some features of a source away, as a part of a change; returns the bytes freed.

        Data that another feature shows as well stay.
        """
        state, gone = change.sources[source_id], set(slots)
        left = {slot: entry for slot, entry in state.entries.items() if slot not in gone}
        kept = {entry.track.key for entry in left.values() if entry.track is not None}
        sizes: dict[str, int] = {}
        for slot in gone & set(state.entries):
            data = state.entries[slot].track
            if data is not None and data.key not in kept:
                sizes[data.key] = data.nbytes
                self.cache.discard(data.key)
        change.put_source(dataclasses.replace(state, entries=MappingProxyType(left)))
        self._derive(change, source_id)
        return sum(sizes.values())

    def clear_all(self) -> None:
        """Take all tracks off the timeline, with everything computed for them; what is on disk stays there."""
        from audiocache_nb.timeline.undo_steps import capture

        with self.store.changing() as change:
            self._check_open()
            if change.tracks:
                step = capture(self, change, list(change.tracks), "remove all tracks")
                self.history.record(step, [state.source for state in change.sources.values()])
            cancelled = [job for source_id in self._work.source_ids() for job in self._work.detach(source_id)]
            for track in list(change.tracks.values()):
                change.drop_track(track.id)
                change.emit(events.TrackRemoved(track_id=track.id, source_id=track.source_id))
            for source_id in list(change.sources):
                change.drop_source(source_id)
            for element in self.demand.elements:
                change.emit(events.DemandChanged(element=element))
            self.demand.park()
            self._gated.clear()
            self._called.clear()
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
        self.elements.close()
        self._unsubscribe()
        began_s = time.monotonic()
        self.scheduler.close()
        self.cache.close(max(0.1, CLOSE_S - (time.monotonic() - began_s)))
        self.costs.save()
        with self._settled:
            self._settled.notify_all()

    def tempo_changed(self, *_: object) -> None:
        """Judge again what depends on the tempo; no other feature is touched."""
        mapped = self._tempo is not None and len(self._tempo.snapshot().entries) > 1
        with self.store.changing() as change:
            if self.closed:
                return
            message = "tempo map updated" if mapped else "tempo updated"
            superseded = self._change_of(change, self._bench.on_tempo, if_stale=message)
            if self.tempo_policy == "stale" and self._tempo_moved():
                self._mark_all(change, message)
            change.emit(events.TempoChanged())
        self._cancel(superseded)

    def _tempo_moved(self) -> bool:
        """Whether more than the metre is another one than when this was last asked."""
        now, before = self._tempo.snapshot(), self._tempo_before
        self._tempo_before = now
        return before is None or dataclasses.replace(before, beats_per_bar=now.beats_per_bar) != now

    def _mark_all(self, change: Change, message: str) -> None:
        """Call all that is there stale, until it is computed again."""
        for source_id, state in list(change.sources.items()):
            there = [entry for entry in state.entries.values() if entry.track is not None]
            if there:
                marked = [dataclasses.replace(entry, marked=message) for entry in there]
                change.put_source(state.with_entries(*marked))
                self._derive(change, source_id, if_stale=message)

    def all_descriptors(self, track: Track | str) -> list[Descriptor]:
        """The default calculator of every feature, as far as it can be used."""
        features = dict.fromkeys(calculator.feature for calculator in self.registry.list())
        descriptors = [self.registry.resolve(feature) for feature in features]
        return [item.descriptor for item in self._bench.items(self.track(track).source, descriptors)]

    # --- inside, under the store's lock ------------------------------------------------------

    def _check_open(self) -> None:
        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")

    def _cancel(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.cancel()
        with self._settled:
            self._settled.notify_all()

    def _awaited(self, track: Track, slot: Slot) -> SourceState:
        state = self.store.snapshot().sources.get(track.source_id)
        if state is None:
            raise JobCancelledError(f"{track.id!r:.80} was removed while {slot} was waited for.")
        return state

    def _result(
        self, track: Track, slot: Slot, descriptor: Descriptor, asked_key: str, *, restless: bool = False
    ) -> FeatureTrack | None:
        """What somebody waits for, None while it is on its way, or the reason why it will not come."""
        if self.closed:
            raise SessionClosedError(f"The session was closed while {slot} was waited for.")
        if any(not self._work.left(job) for job in self._work.of(track.source_id)):
            return None  # it has delivered everything and ends at this moment: then the status is right as well
        entry = self._bench.judged(self._awaited(track, slot), slot, descriptor)
        if entry.state == "fresh":
            return entry.track
        if restless and entry.track is not None and "unsure" in entry.track.provenance:
            return entry.track  # it is another one whenever it has run; this is what it gave last
        if entry.track is not None and entry.causes[:1] == (CHANGED,) and entry.track.key == asked_key:
            return entry.track  # what was taken in is not there any more, but this was computed from it
        if entry.state in ("queued", "running") or entry.wanted_key != asked_key:
            return None  # something else is wanted since a moment ago: it has to be asked for first
        stored = self.cache.get(entry.wanted_key)  # there, but somebody wants this slot otherwise by now
        if stored is not None:
            return stored
        if entry.state == "failed" and entry.exception is not None:
            raise again(entry.exception)
        raise JobCancelledError(f"The analysis of {slot} was stopped.", hint="session.restart(track) begins again.")

    def _calculator_registered(self, calculator_id: str) -> None:
        with self.store.lock:
            for source_id, slot in list(self._unsure):
                if slot.calculator_id == calculator_id:
                    del self._unsure[source_id, slot]
        self._calculator_changed(calculator_id)

    def _calculator_changed(self, calculator_id: str) -> None:
        def concerned(slot: Slot) -> bool:
            return slot.calculator_id == calculator_id or self._bench.is_derived(slot)

        with self.store.changing() as change:
            if self.closed:
                return
            self._bench.forget(calculator_id)
            superseded = self._change_of(change, concerned, if_stale="calculator updated")
            change.emit(events.CalculatorChanged(calculator_id=calculator_id))
        self._cancel(superseded)


def everything_of(track_id: str) -> str:
    """The element that asks for every feature of a track."""
    return f"{track_id} (all)"


def _is_fresh(entry: FeatureEntry | None) -> bool:
    return entry is not None and entry.state in ("fresh", "queued", "running")


def _pass_on(reference: weakref.ref[Timeline], calculator_id: str) -> None:
    timeline = reference()
    if timeline is not None:
        timeline._calculator_registered(calculator_id)


def _deadline_s(timeout: float | None) -> float | None:
    """When a waiting that begins now ends [s, monotonic]; None: never."""
    if timeout is None:
        return None
    given: object = timeout
    if isinstance(given, bool) or not isinstance(given, (int, float)) or math.isnan(given):
        raise InvalidParameterError(f"timeout is {timeout!r:.60}.", hint="Use a number of seconds, or None.")
    return time.monotonic() + timeout
