"""The verbs of those who want features: to ask, to wait, to see how it stands."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.errors import (
    AudioCacheError,
    JobCancelledError,
    SessionClosedError,
    SourceChangedError,
    WaitTimeoutError,
    again,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack, Growing
from audiocache_nb.timeline import events
from audiocache_nb.timeline.demand import BadWish
from audiocache_nb.timeline.freshness import CHANGED, Freshness
from audiocache_nb.timeline.gate import Policy, checked_policy
from audiocache_nb.timeline.orders import MAX_UNSURE, Start
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState, Track
from audiocache_nb.timeline.verbs import SLICE_S, Verbs, deadline_s

if TYPE_CHECKING:
    from audiocache_nb.analysis.report import PlanReport

LOOK_S = 0.1


class DemandVerbs(Verbs):
    """Asks for features, waits for them, and says how they stand."""

    _looked_s: float

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
        until_s = deadline_s(timeout)
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
                    if until_s is not None and time.monotonic() >= until_s:
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

    def bad_request(self, track: Track | str, name: str, profile_id: str) -> Freshness | None:
        """How something stands that no calculator makes, if it is there all the same, or somebody asks for it."""
        with self.store.lock:
            found, snapshot = self.track(track), self.store.snapshot()
            state = snapshot.sources[found.source_id]
            for slot in state.entries:
                if slot.profile_id == profile_id and name in (slot.calculator_id, slot.feature):
                    entry = self._bench.judged(state, slot)
                    return Freshness(entry.state, entry.causes, entry.reason, entry.notes)
            tracks = [one.id for one in snapshot.tracks.values() if one.source_id == found.source_id]
            for wish in self.demand.bad(tracks):
                if (wish.name, wish.profile_id) == (name, profile_id):
                    return Freshness("bad_request", (wish.reason,), wish.reason)
        return None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is queued or running.

        Raises
        ------
        WaitTimeoutError
        """
        until_s = deadline_s(timeout)
        with self._settled:
            while self._work:
                if until_s is not None and time.monotonic() >= until_s:
                    raise WaitTimeoutError(f"Work is still going on after {timeout:g} s.", hint="It goes on.")
                self._settled.wait(SLICE_S)

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

    # --- inside, under the store's lock ------------------------------------------------------

    def _awaited(self, track: Track, slot: Slot) -> SourceState:
        state = self.store.snapshot().sources.get(track.source_id)
        if state is None:
            raise JobCancelledError(
                f"{track.id!r:.80} was removed while {slot} was waited for.",
                hint="session.undo() brings the track back.",
            )
        return state

    def _result(
        self, track: Track, slot: Slot, descriptor: Descriptor, asked_key: str, *, restless: bool = False
    ) -> FeatureTrack | None:
        """What somebody waits for, None while it is on its way, or the reason why it will not come."""
        if self.closed:
            raise SessionClosedError(
                f"The session was closed while {slot} was waited for.", hint="Make a new acn.Session()."
            )
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


def _is_fresh(entry: FeatureEntry | None) -> bool:
    return entry is not None and entry.state in ("fresh", "queued", "running")
