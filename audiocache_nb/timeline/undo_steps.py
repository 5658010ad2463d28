"""The steps of undo and redo: what was done to tracks and to features, by reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from audiocache_nb.errors import AudioCacheError, InvalidParameterError, SourceMissingError, again
from audiocache_nb.timeline import events
from audiocache_nb.timeline.state import FeatureEntry, SourceState, Track
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timeline.undo import Step

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.timeline.desk import Desk
    from audiocache_nb.timeline.store import Change
    from audiocache_nb.timeline.timeline import Timeline

PLACE: Final = ("name", "offset_ticks", "region_start_tick", "region_end_tick", "gain", "mute", "enabled")
_UNDER_WAY: Final = ("queued", "running")


@dataclasses.dataclass(frozen=True)
class Edited(Step):
    """A track was moved, trimmed, renamed or the like."""

    label: str
    track_id: str
    fields: Mapping[str, Any]

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        if self.track_id not in change.tracks:
            return None
        with timeline.history.catching() as done:
            timeline.update(self.track_id, label=self.label, **self.fields)
        return done[-1] if done else None


@dataclasses.dataclass(frozen=True)
class Added(Step):
    """Tracks were added, or came back."""

    label: str
    track_ids: tuple[str, ...]
    returned_ids: tuple[str, ...] = ()

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        present = [track_id for track_id in self.track_ids if track_id in change.tracks]
        if not present:
            return None
        removed = capture(timeline, change, present, self.label)
        with timeline.history.catching():
            for track_id in present:
                timeline.remove(track_id)
        return removed


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A feature, by reference."""

    entry: FeatureEntry
    key: str

    @classmethod
    def of(cls, entry: FeatureEntry) -> _Entry:
        error = entry.exception
        if error is not None:  # tracebacks hold the frames of calculators, and those hold samples
            error = again(error) if isinstance(error, AudioCacheError) else None
            if error is not None:
                error.__cause__ = None
        blank = dataclasses.replace(entry, track=None, exception=error, failed_key=entry.failed_key if error else "")
        return cls(blank, "" if entry.track is None else entry.track.key)

    def back(self, timeline: Timeline) -> FeatureEntry:
        track = timeline.cache.get(self.key) if self.key else None
        return dataclasses.replace(self.entry, track=track)


@dataclasses.dataclass(frozen=True)
class _Source:
    """A source's status and features, by reference."""

    source_id: str
    status: SourceStatus
    entries: tuple[_Entry, ...]

    @classmethod
    def of(cls, state: SourceState) -> _Source:
        return cls(state.source.id, state.status, tuple(map(_Entry.of, state.entries.values())))

    def back(self, timeline: Timeline, change: Change, source: AudioSource, *, again_too: bool) -> None:
        """Put the features back, and go on with what was under way.

        With `again_too`, what was fresh and is in no cache any more is computed again, asked for or not.
        """
        found = [entry.back(timeline) for entry in self.entries]
        known = change.sources.get(source.id)
        before = SourceStatus(message="analysis not started") if known is None else known.status
        change.put_source(SourceState(source, self.status).with_entries(*found))
        if (before.state, before.message) != (self.status.state, self.status.message):
            change.emit(events.StatusChanged(source_id=source.id, status=self.status, previous=before))
        timeline._derive(change, source.id)
        self._go_on(timeline, change, source, found, again_too=again_too)

    def join(self, timeline: Timeline, change: Change) -> None:
        """Put back those features that have gone from a source which other tracks have kept, and go on as well."""
        found = [entry.back(timeline) for entry in self.entries]
        known = change.sources[self.source_id]
        change.put_source(known.with_entries(*(entry for entry in found if entry.slot not in known.entries)))
        timeline._derive(change, self.source_id)
        self._go_on(timeline, change, known.source, found, again_too=False)

    @staticmethod
    def _go_on(
        timeline: Timeline, change: Change, source: AudioSource, found: Sequence[FeatureEntry], *, again_too: bool
    ) -> None:
        todo = [
            entry.descriptor
            for entry in found
            if entry.state in _UNDER_WAY
            or (entry.state == "fresh" and entry.track is None and (again_too or entry.demanded))
        ]
        if todo:
            timeline._ensure(change, source.id, timeline._bench.items(source, todo))


@dataclasses.dataclass(frozen=True)
class _Track:
    """A track, by reference."""

    track_id: str
    source_id: str
    position: int
    fields: Mapping[str, Any]
    tempo: Any
    held: bool


@dataclasses.dataclass(frozen=True)
class Removed(Step):
    """Tracks were taken off the timeline."""

    label: str
    tracks: tuple[_Track, ...]
    sources: Mapping[str, _Source]

    @property
    def source_ids(self) -> tuple[str, ...]:  # type: ignore[override]  # worked out instead of stored
        return tuple(dict.fromkeys(track.source_id for track in self.tracks))

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        sources = {source_id: self._source(timeline, change, source_id) for source_id in self.source_ids}
        for track in self.tracks:
            if track.track_id in change.tracks:
                raise InvalidParameterError(
                    f"There is another track {track.track_id!r:.80} by now, so that one cannot come back.",
                    hint="Remove it first, or leave it.",
                )
        order = list(change.tracks.values())
        for track in self.tracks:
            made = Track(id=track.track_id, source=sources[track.source_id], tempo=track.tempo, **track.fields)
            order.insert(track.position, made)
            if track.held:
                timeline._on_hold.add(track.track_id)
            for element in timeline.demand.unpark(track.track_id):
                change.emit(events.DemandChanged(element=element, wishes=timeline.demand.of(element)))
        change.order_tracks(order)
        for track in self.tracks:
            change.emit(events.TrackAdded(track_id=track.track_id, source_id=track.source_id))
        for source_id, source in sources.items():
            if source_id in change.sources:
                self.sources[source_id].join(timeline, change)
            else:
                self.sources[source_id].back(timeline, change, source, again_too=False)
        return Added(self.label, tuple(track.track_id for track in self.tracks), self.source_ids)

    def _source(self, timeline: Timeline, change: Change, source_id: str) -> AudioSource:
        state = change.sources.get(source_id)
        source = state.source if state is not None else timeline.history.sources.get(source_id)
        if source is None:
            names = ", ".join(repr(track.fields["name"])[:60] for track in self.tracks if track.source_id == source_id)
            raise SourceMissingError(
                f"{names} cannot come back: its samples were in memory only, and have been given up.",
                hint="Add the audio again; what was computed from it is found by its content.",
            )
        return source


@dataclasses.dataclass(frozen=True)
class Cleared(Step):
    """A source's features were thrown away."""

    label: str
    source_id: str
    state: _Source

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        now = change.sources.get(self.source_id)
        if now is None:
            return None
        self.state.back(timeline, change, now.source, again_too=True)
        return ClearedAgain(self.label, self.source_id)


@dataclasses.dataclass(frozen=True)
class ClearedAgain(Step):
    """That a source's features were thrown away was taken back."""

    label: str
    source_id: str

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        track = next((one for one in change.tracks.values() if one.source_id == self.source_id), None)
        if track is None:
            return None
        with timeline.history.catching() as done:
            timeline.clear(track)
        return done[-1]


def edited(before: Track, after: Track, label: str) -> Edited | None:
    """The step of a track's change; None if nothing changed."""
    fields = {name: getattr(before, name) for name in PLACE if getattr(before, name) != getattr(after, name)}
    return Edited(label, before.id, fields) if fields else None


def capture(timeline: Desk, change: Change, track_ids: Sequence[str], label: str) -> Removed:
    """The step of taking tracks off, before they are taken off."""
    positions = {track_id: n for n, track_id in enumerate(change.tracks)}
    tracks = [change.tracks[track_id] for track_id in sorted(track_ids, key=positions.__getitem__)]
    return Removed(
        label,
        tuple(
            _Track(
                track_id=track.id,
                source_id=track.source_id,
                position=positions[track.id],
                fields={name: getattr(track, name) for name in PLACE},
                tempo=track.tempo,
                held=track.id in timeline._on_hold,
            )
            for track in tracks
        ),
        {source_id: _Source.of(change.sources[source_id]) for source_id in {track.source_id for track in tracks}},
    )


def cleared(state: SourceState, label: str) -> Cleared:
    """The step of throwing a source's features away, before they are thrown away."""
    return Cleared(label, state.source.id, _Source.of(state))
