"""Features of a track, read on the timeline: the clip's place and the tempo are taken into account."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.clip import Placed, clip_map
from audiocache_nb.sampling.ranges import MAX_VALUES, HistorySample, RangeSample, sample_history, sample_range
from audiocache_nb.sampling.sampler import FrameSample, Sampler
from audiocache_nb.timing.tempo import Tempo


class _Source(Protocol):
    @property
    def duration(self) -> float: ...


class TimelineTrack(Placed, Protocol):
    """What is needed of a track: its place and the duration of its source [s]."""

    @property
    def source(self) -> _Source: ...


def sampler_at(
    data: FeatureTrack,
    track: TimelineTrack,
    tempo: Tempo,
    *,
    interpolation: str = "linear",
    smoothing: float | str = 0,
    kernel: str = "box",
    band: float | str | None = None,
    channel: int | str | None = None,
    edges: str = "fill",
    done: NDArray[np.bool_] | None = None,
) -> Sampler:
    """Prepare a feature for many reads at timeline seconds.

    The sampler belongs to the present place of the track and the present tempo: make a new one
    when either changes.

    Parameters
    ----------
    data : FeatureTrack
        Of the track's source.
    track : TimelineTrack
    tempo : Tempo
    interpolation, smoothing, kernel, band, channel, edges, done
        See `Sampler`.
    """
    return Sampler(
        data,
        interpolation=interpolation,
        smoothing=smoothing,
        kernel=kernel,
        band=band,
        channel=channel,
        edges=edges,
        clip=clip_map(track, tempo.snapshot()),
        duration_s=track.source.duration,
        done=done,
    )


def sample_at(data: FeatureTrack, track: TimelineTrack, tempo: Tempo, time_s: float, **options: Any) -> FrameSample:
    """A feature's value at a time of the timeline; options are those of `sampler_at`."""
    return sampler_at(data, track, tempo, **options).at(time_s)


def sample_many_at(
    data: FeatureTrack, track: TimelineTrack, tempo: Tempo, times_s: ArrayLike, **options: Any
) -> NDArray[Any]:
    """A feature's values at many times of the timeline [shape=(n, width)]; options as in `sampler_at`."""
    return sampler_at(data, track, tempo, **options).many(times_s)


def sample_range_at(
    data: FeatureTrack,
    track: TimelineTrack,
    tempo: Tempo,
    start_s: float,
    end_s: float,
    *,
    padding: int = 0,
    band: float | str | None = None,
    channel: int | str | None = None,
    max_values: int = MAX_VALUES,
    done: NDArray[np.bool_] | None = None,
) -> RangeSample:
    """The frames between two times of the timeline; see `sample_range`."""
    clip = clip_map(track, tempo.snapshot())
    return sample_range(
        data, start_s, end_s, padding=padding, band=band, channel=channel, clip=clip, max_values=max_values, done=done
    )


def sample_history_at(
    data: FeatureTrack,
    track: TimelineTrack,
    tempo: Tempo,
    time_s: float,
    count: int,
    *,
    spacing: float | None = None,
    interpolation: str = "nearest",
    smoothing: float | str = 0,
    kernel: str = "box",
    band: float | str | None = None,
    channel: int | str | None = None,
    edges: str = "fill",
    done: NDArray[np.bool_] | None = None,
) -> HistorySample:
    """Values at `count` times of the timeline that end at `time_s`; see `sample_history`."""
    return sample_history(
        data,
        time_s,
        count,
        spacing=spacing,
        interpolation=interpolation,
        smoothing=smoothing,
        kernel=kernel,
        band=band,
        channel=channel,
        edges=edges,
        clip=clip_map(track, tempo.snapshot()),
        duration_s=track.source.duration,
        done=done,
    )
