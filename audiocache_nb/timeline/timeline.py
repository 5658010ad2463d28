"""The timeline: tracks, their features and the work on them, with the verbs that change it."""

from __future__ import annotations

import dataclasses
import time
import weakref
from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from audiocache_nb.analysis.costs import CostModel
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline import events
from audiocache_nb.timeline.demand_verbs import LOOK_S, DemandVerbs
from audiocache_nb.timeline.elements import Elements
from audiocache_nb.timeline.freshness import CHANGED
from audiocache_nb.timeline.gate import Gate
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState, Track
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timeline.store import Change
from audiocache_nb.timeline.track_verbs import TrackVerbs
from audiocache_nb.timeline.undo import History
from audiocache_nb.timing.tempo_map import TempoMap

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource

TempoPolicy = Literal["project", "stale"]
CLOSE_S = 0.7


class Timeline(TrackVerbs, DemandVerbs):
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

    # --- undo and redo -----------------------------------------------------------------------

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

    # --- verbs on a source -------------------------------------------------------------------

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
        self.history.sources.close()
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


def _pass_on(reference: weakref.ref[Timeline], calculator_id: str) -> None:
    timeline = reference()
    if timeline is not None:
        timeline._calculator_registered(calculator_id)
