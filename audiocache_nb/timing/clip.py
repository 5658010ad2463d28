"""Where a clip lies: timeline seconds to seconds of its source and back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing.rounding import as_float
from audiocache_nb.timing.tempo_map import TempoMap


class PlacedClip(Protocol):
    """A clip with its place in ticks and the recording it is of."""

    @property
    def offset_ticks(self) -> float: ...
    @property
    def region_start_tick(self) -> float | None: ...
    @property
    def region_end_tick(self) -> float | None: ...
    @property
    def source(self) -> HasDuration: ...


class HasDuration(Protocol):
    """A recording."""

    @property
    def duration(self) -> float: ...


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ClipTable:
    """The places of many clips, as columns: what a tempo edit projects anew, all at once.

    Attributes
    ----------
    ticks : ndarray [shape=(n, 3)] [ticks]
        Offset, start and end of the region; without an end, infinite.
    durations_s : ndarray [shape=(n,)] [s]
        Of the recordings.
    """

    ticks: NDArray[np.float64]
    durations_s: NDArray[np.float64]

    @classmethod
    def of(cls, clips: Iterable[PlacedClip]) -> ClipTable:
        """Gather the places of clips."""
        rows = [
            (
                clip.offset_ticks,
                clip.region_start_tick or 0.0,
                math.inf if clip.region_end_tick is None else clip.region_end_tick,
                clip.source.duration,
            )
            for clip in clips
        ]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        return cls(table[:, :3], table[:, 3])

    def spans_s(self, tempo: TempoMap) -> NDArray[np.float64]:
        """When each clip sounds [shape=(n, 2)] [s]; see `ClipMap.span_s`."""
        offset, start, end = tempo.ticks_to_seconds(self.ticks).T
        end = np.maximum(start, np.minimum(end, self.durations_s))
        return np.stack([offset, offset + (end - start)], axis=1)


@dataclasses.dataclass(frozen=True, slots=True)
class ClipMap:
    """A clip's place on the timeline, in seconds.

    Both axes run at the same speed, so the map is a shift::

        source = timeline - offset_s + region_start_s

    Tempo only decides where the ends are.

    Attributes
    ----------
    offset_s : float [s]
        Timeline time at which the clip begins to sound.
    region_start_s, region_end_s : float [s]
        The part of the source that sounds: from the start up to, not including, the end. An end of
        ``inf`` is the end of the source.
    """

    offset_s: float = 0.0
    region_start_s: float = 0.0
    region_end_s: float = math.inf

    @classmethod
    def from_ticks(
        cls,
        tempo: TempoMap,
        *,
        offset_ticks: float = 0,
        region_start_tick: float | None = None,
        region_end_tick: float | None = None,
    ) -> ClipMap:
        """Place a clip given in ticks.

        The offset is a tick of the timeline. Region ticks count from the beginning of the source, at
        the tempo the map begins with: moving a clip therefore never changes which part of it sounds.

        Raises
        ------
        InvalidParameterError
            If a tick is not finite, or the region starts before the source does.
        """
        for name, value in (
            ("offset_ticks", offset_ticks),
            ("region_start_tick", region_start_tick),
            ("region_end_tick", region_end_tick),
        ):
            if value is not None and not math.isfinite(value):
                raise InvalidParameterError(
                    f"{name} is {value!r:.60}, which is not finite.", hint="Pass a finite number.", parameter=name
                )
        if region_start_tick is not None and region_start_tick < 0:
            raise InvalidParameterError(
                f"region_start_tick is {region_start_tick!r:.60}, before the source begins.",
                hint="A region starts at tick 0 of its source or later.",
                parameter="region_start_tick",
            )
        return cls(
            offset_s=tempo.ticks_to_seconds(float(offset_ticks)),
            region_start_s=tempo.ticks_to_seconds(float(region_start_tick or 0)),
            region_end_s=math.inf if region_end_tick is None else tempo.ticks_to_seconds(float(region_end_tick)),
        )

    @property
    def shift_s(self) -> float:
        """Add this to timeline seconds to get source seconds."""
        return self.region_start_s - self.offset_s

    def to_source(self, timeline_s: ArrayLike) -> Any:
        """Source seconds at timeline seconds; also outside the region, see `contains`."""
        return as_float(timeline_s) + self.shift_s

    def to_timeline(self, source_s: ArrayLike) -> Any:
        """Timeline seconds at source seconds."""
        return as_float(source_s) - self.shift_s

    def contains(self, timeline_s: ArrayLike) -> Any:
        """Whether the clip sounds at timeline seconds (bool or ndarray of bool)."""
        source = self.to_source(timeline_s)
        inside = np.logical_and(np.greater_equal(source, self.region_start_s), np.less(source, self.region_end_s))
        return bool(inside) if isinstance(source, float) else inside

    def span_s(self, duration_s: float) -> tuple[float, float]:
        """Timeline seconds between which the clip sounds.

        Parameters
        ----------
        duration_s : float [s]
            Duration of the whole source.

        Returns
        -------
        (start, end) : tuple of float [s]
            Equal if nothing of the source lies in the region.
        """
        end = max(self.region_start_s, min(self.region_end_s, duration_s))
        return self.offset_s, self.offset_s + (end - self.region_start_s)
