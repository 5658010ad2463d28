"""Undo and redo: steps back that refer to content and hold none.

A step knows where tracks were and by which key their features are stored. It keeps neither feature data nor the
samples of files: data come back from the cache, files are read again when something is computed.
"""

from __future__ import annotations

import collections
import contextlib
import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.timeline.store import Change
    from audiocache_nb.timeline.timeline import Timeline

DEPTH: Final = 100
KEPT_BYTES: Final = 64 << 20


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
