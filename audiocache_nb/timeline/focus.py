"""What is looked at of each recording: the analysis begins there."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.timeline.state import Snapshot, Track


class FocusBook:
    """The ranges that elements show just now; of several for one recording the latest counts.

    They are times of the timeline: where a track is moved to, its focus goes with the others' view of it. What
    nobody shows is heard and inspected at the playhead.

    Parameters
    ----------
    snapshot : callable
        Returns the timeline's state.

    Attributes
    ----------
    playhead_s : callable
        Returns where the playhead is [s]; None as long as there is none.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self.playhead_s: Callable[[], float | None] = lambda: None
        self._lock = threading.Lock()
        self._shown: dict[str, tuple[str, float, float]] = {}  # the latest is the last

    def publish(self, element: str, track_id: str, start_s: float, end_s: float) -> None:
        """Note what an element shows, in place of what it has shown before [s]."""
        with self._lock:
            self._shown.pop(element, None)
            self._shown[element] = (track_id, start_s, end_s)

    def withdraw(self, element: str) -> None:
        """The element shows nothing any more."""
        with self._lock:
            self._shown.pop(element, None)

    def of(self, source: AudioSource) -> tuple[int, int] | None:
        """The samples ``first .. end - 1`` of a source that were looked at last, or else those at the playhead."""
        with self._lock:
            shown = list(reversed(self._shown.values()))
        tracks = self._snapshot().tracks
        for track_id, start_s, end_s in shown:
            track = tracks.get(track_id)
            if track is not None and track.source_id == source.id:
                return _samples(track, start_s, end_s)
        now_s = self.playhead_s()
        clips = [track for track in tracks.values() if track.source_id == source.id]
        if now_s is None or not clips:
            return None
        return _samples(next((track for track in clips if track.clip.contains(now_s)), clips[0]), now_s, now_s)


def _samples(track: Track, start_s: float, end_s: float) -> tuple[int, int]:
    """The samples of a track's source between two times of the timeline, as far as it reaches."""
    source, shift_s = track.source, track.clip.shift_s
    first, end = (
        min(max(0.0, (time_s + shift_s) * source.sample_rate), float(source.frames)) for time_s in (start_s, end_s)
    )
    return math.floor(first), math.ceil(end)
