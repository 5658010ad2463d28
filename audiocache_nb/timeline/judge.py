"""The judge: what state each feature and each source is in."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.costs import CostModel
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline import events
from audiocache_nb.timeline.bench import Bench
from audiocache_nb.timeline.demand import Demand
from audiocache_nb.timeline.gate import Estimate, Gate, estimate
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState
from audiocache_nb.timeline.status import UNSET, SourceStatus, State, _Unset, next_status
from audiocache_nb.timeline.store import Change, TimelineStore
from audiocache_nb.timeline.work import Work

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource


class Means(TypedDict, total=False):
    """What a judge may be given, and whoever stands on one passes on."""

    tempo: Any
    costs: CostModel | None
    cache: MemoryCache | None
    salt: str
    gate: Gate | None


class Judge:
    """Derives every state that a user sees.

    It follows from three things: what is wanted (calculators, profiles, tempo), what is stored (by
    content key) and what the scheduler is doing. All is done under the store's lock.
    """

    scheduler: Scheduler

    def __init__(
        self,
        registry: Registry,
        *,
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
        self._tempo = tempo
        self._work = Work()
        self._bench = Bench(registry, tempo, self._work, salt)
        self._on_hold: set[str] = set()  # tracks that nothing is computed for until it is said so
        self.gate = gate or Gate()
        self._gated: dict[str, dict[Slot, Estimate]] = {}  # what waits at the gate, with the cost of all of it together
        self._called: dict[str, str] = {}  # what was last said about that, by source

    def waiting(self) -> dict[str, Estimate]:
        """What people are asked about, by source; nothing if they wanted to hear nothing."""
        if self.gate.policy == "never":
            return {}
        return {source_id: next(iter(slots.values())) for source_id, slots in self._gated.items() if slots}

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
        before: SourceStatus | None = None,
    ) -> None:
        """Judge a source's features and derive its status from them; `before`: what it is taken to have been."""
        state = change.sources[source_id]
        wanted = self._wanted(change, source_id)
        after = self._derived(state, wanted, message=message, if_stale=if_stale, progress=progress)
        change.put_source(after)
        status, previous = after.status, before or state.status
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

    def _cost(self, source: AudioSource, items: Iterable[Item]) -> Estimate:
        workers = self.scheduler.workers
        return estimate(source, items, costs=self.costs, workers=workers, stored=self.cache.__contains__)

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


def _alike(some: Iterable[FeatureEntry], others: Iterable[FeatureEntry]) -> bool:
    """Whether nobody could tell these features from those."""

    def facts(entry: FeatureEntry) -> tuple[object, ...]:
        return entry.slot, entry.state, entry.reason, entry.demanded, id(entry.track), entry.notes

    return [facts(entry) for entry in some] == [facts(entry) for entry in others]
