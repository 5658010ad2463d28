"""Undo and redo: steps back that refer to content and hold none.

A step knows where tracks were and by which key their features are stored. It keeps neither feature data nor the
samples of files: data come back from the cache, files are read again when something is computed.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from audiocache_nb.errors import AudioCacheError, InvalidParameterError, SourceMissingError, again
from audiocache_nb.timeline import events
from audiocache_nb.timeline.state import FeatureEntry, SourceState, Track
from audiocache_nb.timeline.status import SourceStatus

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.timeline.store import Change
    from audiocache_nb.timeline.timeline import Timeline

DEPTH: Final = 100
KEPT_BYTES: Final = 64 << 20
PLACE: Final = ("name", "offset_ticks", "region_start_tick", "region_end_tick", "gain", "mute", "enabled")
_UNDER_WAY: Final = ("queued", "running")


class Step:
    """One thing that was done, and how to take it back.

    Attributes
    ----------
    label : str
        What was done, for people.
    source_ids : tuple of str
        Sources that are needed to take it back.
    """

    label: str
    source_ids: tuple[str, ...] = ()

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        """Take it back; returns the step that would do it again, None if there was nothing to do."""
        raise NotImplementedError


class History:
    """What was done to a timeline, the latest last; every call is made under the store's lock.

    Parameters
    ----------
    depth : int >= 0
        Steps that can be taken back; the oldest are forgotten.
    kept_bytes : int >= 0 [bytes]
        Arrays and encoded bytes of removed tracks are kept for an undo up to this sum, the latest first;
        beyond it a track can only come back while somebody else holds its source. Files need no memory.
    """

    def __init__(self, depth: int = DEPTH, kept_bytes: int = KEPT_BYTES) -> None:
        self.depth = depth
        self.sources = Sources(kept_bytes)
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._caught: list[Step] | None = None

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back."""
        return self._done[-1].label if self._done else None

    @property
    def redoable(self) -> str | None:
        """What `redo` would do again."""
        return self._undone[-1].label if self._undone else None

    def record(self, step: Step, sources: Iterable[AudioSource] = ()) -> None:
        """Something was done, and the sources went that it was done to."""
        for source in sources:
            self.sources.keep(source)
        if self._caught is not None:
            self._caught.append(step)
            return
        self._undone.clear()
        self._done.append(step)
        self._trim()

    def undo(self, timeline: Timeline, change: Change) -> str | None:
        """Take the latest step back; returns what that was."""
        return self._move(self._done, self._undone, timeline, change)

    def redo(self, timeline: Timeline, change: Change) -> str | None:
        """Do again what was taken back last; returns what that was."""
        return self._move(self._undone, self._done, timeline, change)

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()
        self._trim()

    def _move(self, taken: list[Step], given: list[Step], timeline: Timeline, change: Change) -> str | None:
        while taken:
            step = taken.pop()  # also if it fails: what cannot be taken back must not be in the way of what can
            inverse = step.revert(timeline, change)
            if inverse is not None:
                given.append(inverse)
                self._trim()
                return step.label
        return None

    @contextlib.contextmanager
    def catching(self) -> Iterator[list[Step]]:
        """What is recorded meanwhile is no new step, but handed to the caller."""
        caught: list[Step] = []
        self._caught = caught
        try:
            yield caught
        finally:
            self._caught = None

    def _trim(self) -> None:
        del self._done[: max(0, len(self._done) - self.depth)]
        steps = [*self._done, *self._undone]
        self.sources.retain({source_id for step in steps for source_id in step.source_ids})


class Sources:
    """Ways back to sources that are not on the timeline any more."""

    def __init__(self, kept_bytes: int) -> None:
        self.kept_bytes = kept_bytes
        self._light: dict[str, AudioSource] = {}
        self._heavy: collections.OrderedDict[str, AudioSource] = collections.OrderedDict()
        self._elsewhere: weakref.WeakValueDictionary[str, AudioSource] = weakref.WeakValueDictionary()

    def keep(self, source: AudioSource) -> None:
        """Keep a source if it is light, or fits."""
        if held_bytes(source) == 0:
            self._light[source.id] = source
            return
        self._elsewhere[source.id] = source
        self._heavy[source.id] = source
        self._heavy.move_to_end(source.id)
        while self._heavy and self.nbytes > self.kept_bytes:
            self._heavy.popitem(last=False)

    def get(self, source_id: str) -> AudioSource | None:
        """The source, if there is still a way to it."""
        return self._light.get(source_id) or self._elsewhere.get(source_id)

    def retain(self, source_ids: set[str]) -> None:
        """Forget all others."""
        for kept in (self._light, self._heavy):
            for source_id in [one for one in kept if one not in source_ids]:
                del kept[source_id]

    @property
    def nbytes(self) -> int:
        """Bytes of audio that are kept for an undo."""
        return sum(map(held_bytes, self._heavy.values()))


def held_bytes(source: AudioSource) -> int:
    """Bytes of audio that a source holds in memory; none if it is read from a file."""
    if source.array is not None:
        return source.array.nbytes
    encoded = getattr(source.origin, "data", None)
    return len(encoded) if isinstance(encoded, bytes) else 0


# --- steps ---------------------------------------------------------------------------------------


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

    status: SourceStatus
    entries: tuple[_Entry, ...]

    @classmethod
    def of(cls, state: SourceState) -> _Source:
        return cls(state.status, tuple(map(_Entry.of, state.entries.values())))

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
                timeline._derive(change, source_id)
            else:
                self.sources[source_id].back(timeline, change, source, again_too=False)
        return Added(self.label, tuple(track.track_id for track in self.tracks))

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


def capture(timeline: Timeline, change: Change, track_ids: Sequence[str], label: str) -> Removed:
    """The step of taking tracks off, before they are taken off."""
    going = set(track_ids)
    positions = {track_id: n for n, track_id in enumerate(change.tracks)}
    tracks = [change.tracks[track_id] for track_id in sorted(track_ids, key=positions.__getitem__)]
    staying = {track.source_id for track in change.tracks.values() if track.id not in going}
    left = {track.source_id for track in tracks} - staying
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
        {source_id: _Source.of(change.sources[source_id]) for source_id in left},
    )


def cleared(state: SourceState, label: str) -> Cleared:
    """The step of throwing a source's features away, before they are thrown away."""
    return Cleared(label, state.source.id, _Source.of(state))
