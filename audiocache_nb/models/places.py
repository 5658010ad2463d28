"""Where clips lie in time, and from where to where a timeline goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.timing.tempo_map import TempoMap

if TYPE_CHECKING:
    from audiocache_nb.models.protocol import SnapshotLike


def timeline_range_s(snapshot: SnapshotLike, tempo: TempoMap) -> tuple[float, float]:
    """From 0, or the first clip's start if that is earlier, to the last clip's end [s]; no clips: no end."""
    spans = [
        place_of(track, tempo).span_s(track.source.duration) for track in snapshot.tracks.values() if track.enabled
    ]
    return min((0.0, *(start_s for start_s, _ in spans))), max((end_s for _, end_s in spans), default=math.inf)


def place_of(track: Any, tempo: TempoMap) -> ClipMap:
    """Where a track lies on the timeline."""
    return ClipMap.from_ticks(
        tempo,
        offset_ticks=track.offset_ticks,
        region_start_tick=track.region_start_tick,
        region_end_tick=track.region_end_tick,
    )
