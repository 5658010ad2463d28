"""The verbs on tracks: what is on the timeline, and where."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timeline import events
from audiocache_nb.timeline.demand import DEFAULT_ELEMENT
from audiocache_nb.timeline.elements import everything_of
from audiocache_nb.timeline.orders import Start
from audiocache_nb.timeline.state import Slot, Snapshot, SourceState, Track
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timeline.store import Change
from audiocache_nb.timeline.verbs import Verbs
from audiocache_nb.timing.tempo_map import TempoMap


class TrackVerbs(Verbs):
    """Adds, changes and removes tracks, and takes that back."""

    _playback_range: tuple[float, float] | None

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
