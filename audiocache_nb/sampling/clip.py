"""From a track of the timeline to the shift between its time and its source's."""

from __future__ import annotations

from typing import Protocol

from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.timing.tempo_map import TempoMap

__all__ = ["ClipMap", "Placed", "clip_map"]


class Placed(Protocol):
    """What is needed of a track of the timeline."""

    @property
    def offset_ticks(self) -> float: ...
    @property
    def region_start_tick(self) -> float | None: ...
    @property
    def region_end_tick(self) -> float | None: ...


def clip_map(track: Placed, tempo: TempoMap) -> ClipMap:
    """Place a track of the timeline.

    Pass the result as ``clip`` to the functions of this floor: times then are timeline seconds, and
    what lies outside the track's region is out of range.

    Parameters
    ----------
    track : object with offset_ticks, region_start_tick, region_end_tick
    tempo : TempoMap
        Of the timeline, for example ``session.tempo.snapshot()``.

    Returns
    -------
    ClipMap
    """
    return ClipMap.from_ticks(
        tempo,
        offset_ticks=track.offset_ticks,
        region_start_tick=track.region_start_tick,
        region_end_tick=track.region_end_tick,
    )
