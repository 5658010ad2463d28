"""What is looked at of each recording: the analysis begins there."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.timeline.state import Snapshot


class FocusBook:
    """The ranges that elements show just now; of several for one recording the latest counts.

    They are times of the timeline: where a track is moved to, its focus goes with the others' view of it.

    Parameters
    ----------
    snapshot : callable
        Returns the timeline's state.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
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
        """The samples ``first .. end - 1`` of a source that were looked at last; None if it is not looked at."""
        with self._lock:
            shown = list(reversed(self._shown.values()))
        tracks = self._snapshot().tracks
        for track_id, start_s, end_s in shown:
            track = tracks.get(track_id)
            if track is not None and track.source_id == source.id:
                shift_s, last = track.clip.shift_s, source.frames
                first, end = (
                    min(max(0.0, (time_s + shift_s) * source.sample_rate), last) for time_s in (start_s, end_s)
                )
                return math.floor(first), math.ceil(end)
        return None
