"""Undo and redo: steps back that refer to content and hold none.

A step knows where tracks were and by which key their features are stored. It keeps neither feature data nor
samples: data come back from the cache, files are read again when something is computed, and what was in memory is
set aside in files by `Sources`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from audiocache_nb.timeline.way_back import ASIDE_BYTES, KEPT_BYTES, Sources

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.timeline.store import Change
    from audiocache_nb.timeline.timeline import Timeline

DEPTH: Final = 100


class Step:
    """One thing that was done, and how to take it back.

    Attributes
    ----------
    label : str
        What was done, for people.
    source_ids : tuple of str
        Sources that are needed to take it back.
    returned_ids : tuple of str
        Sources that would leave the timeline again: what was set aside of them is not written twice.
    """

    label: str
    source_ids: tuple[str, ...] = ()
    returned_ids: tuple[str, ...] = ()

    def revert(self, timeline: Timeline, change: Change) -> Step | None:
        """Take it back; returns the step that would do it again, None if there was nothing to do."""
        raise NotImplementedError


class History:
    """What was done to a timeline, the latest last; every call is made under the store's lock.

    Parameters
    ----------
    depth : int >= 0
        Steps that can be taken back; the oldest are forgotten.
    aside_bytes : int >= 0 [bytes]
        Arrays and encoded bytes of removed tracks are set aside in files up to this sum, the latest first; beyond
        it a track can only come back while somebody else holds its source. Recordings in files need none.
    kept_bytes : int >= 0 [bytes]
        What of them may stay in memory, the latest first, if no file can be written.
    """

    def __init__(self, depth: int = DEPTH, kept_bytes: int = KEPT_BYTES, aside_bytes: int = ASIDE_BYTES) -> None:
        self.depth = depth
        self.sources = Sources(kept_bytes, aside_bytes)
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
        self.sources.keep(*sources)
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
        self.sources.retain(
            {source_id for step in steps for source_id in step.source_ids},
            {source_id for step in steps for source_id in step.returned_ids},
        )
