"""A feature at one time or at many."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.sampler import FrameSample, Sampler
from audiocache_nb.timing.clip import ClipMap

__all__ = ["FrameSample", "Sampler", "sample", "sample_many"]


def sample(
    track: FeatureTrack,
    time_s: float,
    *,
    interpolation: str = "linear",
    smoothing: float | str = 0,
    kernel: str = "box",
    band: float | str | None = None,
    channel: int | str | None = None,
    edges: str = "fill",
    clip: ClipMap | None = None,
    duration_s: float | None = None,
) -> FrameSample:
    """A feature's value at one time.

    To read the same feature again and again, keep a `Sampler` and call its `at`.

    Parameters
    ----------
    track : FeatureTrack
    time_s : float [s]
        Seconds of the source, or timeline seconds if `clip` is given.
    interpolation, smoothing, kernel, band, channel, edges, clip, duration_s
        See `Sampler`.

    Returns
    -------
    FrameSample
        Out of range it holds the track's fill value and says so; that is no error.

    Raises
    ------
    InvalidParameterError
        For a choice that does not exist; its hint lists those that do.
    """
    return Sampler(
        track,
        interpolation=interpolation,
        smoothing=smoothing,
        kernel=kernel,
        band=band,
        channel=channel,
        edges=edges,
        clip=clip,
        duration_s=duration_s,
    ).at(time_s)


def sample_many(
    track: FeatureTrack,
    times_s: ArrayLike,
    *,
    interpolation: str = "linear",
    smoothing: float | str = 0,
    kernel: str = "box",
    band: float | str | None = None,
    channel: int | str | None = None,
    edges: str = "fill",
    clip: ClipMap | None = None,
    duration_s: float | None = None,
) -> NDArray[Any]:
    """A feature's values at many times.

    Parameters
    ----------
    track : FeatureTrack
    times_s : array_like [shape=(n,)] [s]
        In any order.
    interpolation, smoothing, kernel, band, channel, edges, clip, duration_s
        See `Sampler`.

    Returns
    -------
    ndarray [shape=(n, width)]

    Raises
    ------
    InvalidParameterError
        For a choice that does not exist, or times that are no list.
    """
    return Sampler(
        track,
        interpolation=interpolation,
        smoothing=smoothing,
        kernel=kernel,
        band=band,
        channel=channel,
        edges=edges,
        clip=clip,
        duration_s=duration_s,
    ).many(times_s)
