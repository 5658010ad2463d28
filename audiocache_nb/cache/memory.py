"""Finished features in memory, by content key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from audiocache_nb.features.track import FeatureTrack

DEFAULT_BUDGET_BYTES = 2 << 30


def is_imported(track: FeatureTrack) -> bool:
    """Whether a track came with a scene; its data lie in that file then."""
    return "imported" in track.provenance


class MemoryCache:
    """Feature tracks by key, the least recently used leave first when the budget is exceeded.

    What a timeline shows is held by the timeline itself: eviction here never takes data away from
    anybody, it only forgets results that nobody shows at the moment.

    Parameters
    ----------
    budget_bytes : int > 0
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._tracks: OrderedDict[str, FeatureTrack] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> FeatureTrack | None:
        """The track of this key, or None."""
        with self._lock:
            track = self._tracks.get(key)
            if track is not None:
                self._tracks.move_to_end(key)
            return track

    def put(self, track: FeatureTrack) -> None:
        """Keep a track; a track bigger than the whole budget is not kept."""
        with self._lock:
            self._drop(track.key)
            if track.nbytes > self.budget_bytes:
                return
            self._tracks[track.key] = track
            self._bytes += track.nbytes
            while self._bytes > self.budget_bytes:
                self._drop(next(iter(self._tracks)))

    def get_derived(self, key: str) -> FeatureTrack | None:
        """What was made of a feature and kept beside it; here nothing is."""
        return None

    def put_derived(self, track: FeatureTrack) -> None:
        """Keep what was made of a feature, where the feature is kept; in memory it is with whoever made it."""

    def discard(self, key: str) -> None:
        """Forget a track, if it is there."""
        with self._lock:
            self._drop(key)

    def forget_imported(self, key: str) -> None:
        """Forget a track that came with a scene, and turned out to be damaged there; what was computed here stays."""
        with self._lock:
            track = self._tracks.get(key)
            if track is not None and is_imported(track):
                self._drop(key)

    def discard_audio(self, digest: str) -> dict[str, int]:
        """Forget everything computed from some audio.

        Parameters
        ----------
        digest : str
            Digest of the audio's content.

        Returns
        -------
        dict of str to int [bytes]
            Sizes of what was forgotten, by key.
        """
        with self._lock:
            found = [track for track in self._tracks.values() if track.provenance.get("audio") == digest]
            for track in found:
                self._drop(track.key)
        return {track.key: track.nbytes for track in found}

    def discard_stored(self, digest: str) -> dict[str, int]:
        """Remove what lies on disk and was computed from some audio; here there is no disk."""
        return {}

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything has been written."""
        return True

    def close(self, timeout: float = 0.0) -> None:
        """End what goes on in the background; here nothing does."""

    on_damage: Callable[[str], None] | None = None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tracks.clear()
            self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        with self._lock:
            return self._bytes

    def __len__(self) -> int:
        with self._lock:
            return len(self._tracks)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._tracks

    def _drop(self, key: str) -> None:
        track = self._tracks.pop(key, None)
        if track is not None:
            self._bytes -= track.nbytes
