"""The frames of a stretch of time, and the history that leads up to a moment."""

from __future__ import annotations

import dataclasses
import math
import operator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.options import SNAP_FRAMES, require_framewise
from audiocache_nb.sampling.sampler import Sampler
from audiocache_nb.sampling.select import Selection
from audiocache_nb.timing.clip import ClipMap

MAX_VALUES: Final = 1 << 26


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RangeSample:
    """Frames as they are, without interpolation.

    Attributes
    ----------
    data : ndarray [shape=(n, width)], read-only
        Where `mask` is False: what silence is.
    times_s : ndarray [shape=(n,)] [s]
        Time of each frame, on the axis the range was asked on.
    mask : ndarray of bool [shape=(n,)]
        Whether the frame exists, has been computed and lies in the clip.
    first_frame : int
        Index of the first row; negative before the recording.
    unit : str
    partial : bool
        The feature is still being computed.
    """

    data: NDArray[Any]
    times_s: NDArray[np.float64]
    mask: NDArray[np.bool_]
    first_frame: int
    unit: str
    partial: bool = False

    def __len__(self) -> int:
        return len(self.times_s)

    def __repr__(self) -> str:
        return _said("RangeSample", self.data, self.times_s, self.mask, self.unit, partial=self.partial)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class HistorySample:
    """Values at evenly spaced times, the oldest first.

    Attributes
    ----------
    data : ndarray [shape=(count, width)]
    times_s : ndarray [shape=(count,)] [s]
        The last one is the moment that was asked for.
    mask : ndarray of bool [shape=(count,)]
        Whether there was a value; where not, `data` is what silence is.
    unit : str
    partial : bool
        The feature is still being computed.
    """

    data: NDArray[Any]
    times_s: NDArray[np.float64]
    mask: NDArray[np.bool_]
    unit: str
    partial: bool = False

    def __len__(self) -> int:
        return len(self.times_s)

    def __repr__(self) -> str:
        return _said("HistorySample", self.data, self.times_s, self.mask, self.unit, partial=self.partial)


def _said(
    name: str, data: NDArray[Any], times_s: NDArray[np.float64], mask: NDArray[np.bool_], unit: str, *, partial: bool
) -> str:
    """What a notebook shows: the size and the span instead of all the numbers."""
    shape = " × ".join(map(str, data.shape))
    span = f", {times_s[0]:.3f} … {times_s[-1]:.3f} s" if len(times_s) else ""
    inside = "" if mask.all() else f", {int(mask.sum())} of {len(mask)} frames exist"
    return f"<{name} {shape}{f' [{unit}]' if unit else ''}{span}{inside}{', still being computed' if partial else ''}>"


def sample_range(
    track: FeatureTrack,
    start_s: float,
    end_s: float,
    *,
    padding: int = 0,
    band: float | str | None = None,
    channel: int | str | None = None,
    clip: ClipMap | None = None,
    max_values: int = MAX_VALUES,
    done: NDArray[np.bool_] | None = None,
) -> RangeSample:
    """The frames from the one at `start_s` to the one at `end_s`, both included.

    Parameters
    ----------
    track : FeatureTrack
    start_s, end_s : float [s]
        Of the source, or of the timeline if `clip` is given; in either order. Times before the
        recording and after it are treated alike: their frames are silent and masked.
    padding : int >= 0 [frames]
        So many more frames on each side.
    band, channel : int, float, str or None
        See `select`.
    clip : ClipMap, optional
    max_values : int
        Refuse what would be bigger.
    done : ndarray of bool [shape=(frame_count,)], optional
        Which frames have been computed, of a track that still grows; the others are masked.

    Returns
    -------
    RangeSample

    Raises
    ------
    InvalidParameterError
        If a time is not finite, the range is too big, or a choice does not exist.
    """
    require_framewise(track)
    selection = Selection(track, band=band, channel=channel)
    width = math.prod(selection.mixed_shape)
    low, high = sorted((_finite("start", start_s), _finite("end", end_s)))
    extra = _count("padding", padding, least=0)
    origin, hop = track.start_seconds - (clip.shift_s if clip else 0.0), track.hop_seconds
    first = math.floor((low - origin) / hop + SNAP_FRAMES) - extra
    count = math.floor((high - origin) / hop + SNAP_FRAMES) + extra + 1 - first
    if count * max(1, width) > max_values:
        raise InvalidParameterError(
            f"A range of {count} frames with {width} values is more than {max_values} values.",
            hint="Ask for a shorter range or for one band.",
            values=count * width,
        )
    frames = np.arange(first, first + count)
    mask = (frames >= 0) & (frames < track.frame_count)
    if done is not None:
        mask[mask] = done[frames[mask]]
    if clip is not None:
        lead = 0.5 if track.alignment == "center" else 0.0  # a frame holds from this long before its time
        begins = track.start_seconds + (frames - lead) * hop
        fuzz = SNAP_FRAMES * hop
        mask &= (begins + hop > clip.region_start_s + fuzz) & (begins < clip.region_end_s - fuzz)
    if mask.all() and count:
        data = selection.mixed(selection.rows(first, first + count))
    else:
        data = np.full((count, width), track.fill_value, dtype=selection.dtype)
        data[mask] = selection.mixed(selection.at(frames[mask]))
    data = data.view()
    data.setflags(write=False)
    times = np.asarray(origin + frames * hop, dtype=np.float64)
    return RangeSample(data, times, mask, first, track.unit, done is not None)


def sample_history(
    track: FeatureTrack,
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
    clip: ClipMap | None = None,
    duration_s: float | None = None,
    done: NDArray[np.bool_] | None = None,
) -> HistorySample:
    """Values at `count` times that end at `time_s`.

    Parameters
    ----------
    track : FeatureTrack
    time_s : float [s]
        Of the source, or of the timeline if `clip` is given.
    count : int >= 1
    spacing : float [s], optional
        Between two times; None: the track's hop.
    interpolation, smoothing, kernel, band, channel, edges, clip, duration_s, done
        See `Sampler`. By default real frames are taken, the closest ones.

    Returns
    -------
    HistorySample

    Raises
    ------
    InvalidParameterError
        If the time, the count or the spacing cannot be used, or a choice does not exist.
    """
    sampler = Sampler(
        track,
        interpolation=interpolation,
        smoothing=smoothing,
        kernel=kernel,
        band=band,
        channel=channel,
        edges=edges,
        clip=clip,
        duration_s=duration_s,
        done=done,
    )
    number = _count("count", count, least=1)
    step = track.hop_seconds if spacing is None else _finite("spacing", spacing)
    if step <= 0.0:
        raise InvalidParameterError(f"spacing is {step:g} s.", hint="Pass a time above 0 s.", parameter="spacing")
    if number * max(1, sampler.width) > MAX_VALUES:
        raise InvalidParameterError(
            f"A history of {number} rows of {sampler.width} values is too big.",
            hint="Ask for fewer rows, or for one band.",
            count=number,
        )
    back = np.arange(number - 1, -1, -1, dtype=np.float64)
    times = _finite("time", time_s) - step * back
    return HistorySample(sampler.many(times), times, sampler.in_range(times), track.unit, done is not None)


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidParameterError(
            f"{name} is {value!r:.60}, which is not a finite time.", hint="Pass seconds.", parameter=name
        )
    return number


def _count(name: str, value: Any, *, least: int) -> int:
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < least:
        raise InvalidParameterError(
            f"{name} is {value!r:.60}, which is not a whole number from {least} on.",
            hint="Pass a number of frames.",
            parameter=name,
        )
    return number
