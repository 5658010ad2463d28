"""A feature made ready to be read at many times, one by one or all at once."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.blend import weighted_sums
from audiocache_nb.sampling.options import (
    SNAP_FRAMES,
    check_edges,
    check_interpolation,
    check_kernel,
    is_decibel,
    require_framewise,
    smoothing_radius,
)
from audiocache_nb.sampling.select import Selection
from audiocache_nb.sampling.smooth import smoothed_rows
from audiocache_nb.sampling.weights import Kernel, cubic_weights, nodes_of, to_db, to_power
from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.timing.rounding import as_numbers

_VALUES_AT_ONCE: Final = 1 << 18
_WEIGHTS_AT_ONCE: Final = 1 << 20
_LARGEST_READY_RADIUS: Final = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class FrameSample:
    """A feature's value at one time.

    Attributes
    ----------
    values : ndarray [shape=(width,)]
        The row, flattened: min and max follow each other channel by channel.
    frame_index : int
        Frame the time falls into (with ``"nearest"``: the frame taken), kept within the track.
    fractional_index : float
        Time in frames since frame 0, as it is: below 0 or beyond the last frame out of range.
    in_range : bool
        False: outside the recording or the clip, or not computed yet, and `values` is what silence is.
    unit : str
    partial : bool
        The feature is still being computed.
    """

    values: NDArray[Any]
    frame_index: int
    fractional_index: float
    in_range: bool
    unit: str
    partial: bool = False


class Sampler:
    """A feature track with all choices made.

    Parameters
    ----------
    track : FeatureTrack
    interpolation : {"hold", "nearest", "linear", "cubic"}
        The frame begun last; the closest frame, of two equally close ones the earlier; straight
        lines; Catmull-Rom curves.
    smoothing : float [frames] or str
        Mean over this many frames on each side (rounded down) around every frame the interpolation
        takes part of; ``"50 ms"`` or ``"0.05 s"`` is a radius that stays as long with any hop. Decibels
        are averaged as powers.
    kernel : {"box", "hann"}
        Whether all frames of the mean count alike, or the closer ones more.
    band, channel : int, float, str or None
        See `select`.
    edges : {"fill", "hold"}
        What frames outside the recording count as when smoothing: silence, or the frame at the
        edge. With ``"hold"`` a time out of range also gives the frame at the edge.
    clip : ClipMap, optional
        Times are then timeline seconds, and what is outside the clip is out of range. Without it
        they are seconds of the source.
    duration_s : float [s], optional
        Duration of the source, if the last frame shall hold until there.
    done : ndarray of bool [shape=(frame_count,)], optional
        Which frames have been computed, of a track that still grows: a time that needs another one is
        out of range.

    Raises
    ------
    InvalidParameterError
        For a choice that does not exist, and for event lists.

    Notes
    -----
    A frame holds for half a hop on both sides of its time if frames are centred, and for one hop
    after it otherwise; that is how far a track reaches. Nothing fades at its ends.
    """

    def __init__(
        self,
        track: FeatureTrack,
        *,
        interpolation: str = "linear",
        smoothing: float | str = 0,
        kernel: str = "box",
        band: float | str | None = None,
        channel: int | str | None = None,
        edges: str = "fill",
        clip: ClipMap | None = None,
        duration_s: float | None = None,
        done: NDArray[np.bool_] | None = None,
    ) -> None:
        require_framewise(track)
        self.track = track
        self.unit = track.unit
        self.interpolation = check_interpolation(interpolation)
        self._edges = check_edges(edges)
        self._selection = Selection(track, band=band, channel=channel)
        self._matrix = self._selection.matrix
        self._mixes = self._selection.mix is not None
        self.row_shape = self._selection.mixed_shape
        self.width = math.prod(self.row_shape)
        self.dtype = self._selection.dtype
        self._decibels = is_decibel(track.unit) and self.dtype.kind == "f"
        self._frames = track.frame_count
        shape = check_kernel(kernel)
        radius = smoothing_radius(smoothing, track.hop_seconds)
        self._kernel: Kernel | None = (
            Kernel(self._frames, radius, shape, self._edges, self._edges == "fill" and math.isnan(track.fill_value))
            if radius and self._frames and track.format != "global"
            else None
        )
        self._inner: dict[int, NDArray[Any]] = {}
        if self._kernel is not None and radius <= _LARGEST_READY_RADIUS:
            nodes = {1, {"linear": 2, "cubic": 4}.get(self.interpolation, 1)}
            self._inner = {count: self._kernel.inner(count).astype(self.dtype) for count in nodes}
        self._hop_s = _hop(track)
        self._origin_s = track.start_seconds - (clip.shift_s if clip else 0.0)
        self._low, self._high = _reach(track, clip, duration_s)
        self._done = done
        self._undone = None if done is None else np.concatenate([[0], np.cumsum(~done)])

    # ---- one time -------------------------------------------------------------------------------

    def at(self, time_s: float) -> FrameSample:
        """The value at one time.

        Parameters
        ----------
        time_s : float [s]
            Any number; NaN is out of range.

        Returns
        -------
        FrameSample
        """
        try:
            position = (float(time_s) - self._origin_s) / self._hop_s
        except (TypeError, ValueError):
            raise InvalidTypeError(
                f"time is a {type(time_s).__name__}, not a number.", hint="Pass seconds of the timeline."
            ) from None
        last = self._frames - 1
        if not self._low <= position < self._high:  # NaN is neither
            index = 0 if not position > 0.0 else max(0, min(last, math.floor(min(position, 1e15))))
            return FrameSample(self._outside(index), index, position, False, self.unit, self._done is not None)
        whole = round(position)
        snapped = float(whole) if abs(position - whole) <= SNAP_FRAMES else position
        index = math.ceil(snapped - 0.5) if self.interpolation == "nearest" else math.floor(snapped)
        shown = max(0, min(last, index))
        if self._done is not None:
            if not self._is_there(np.array([snapped]))[0]:
                return FrameSample(self._outside(shown), shown, position, False, self.unit, True)
            return FrameSample(self._mixed(self._value(index, snapped - index)), shown, position, True, self.unit, True)
        values = self._value(index, snapped - index)
        return FrameSample(self._mixed(values) if self._mixes else values, shown, position, True, self.unit)

    def _outside(self, index: int) -> NDArray[Any]:
        if self._edges == "hold" and self._frames and self._done is None:
            return np.array(self._mixed(self._selection.rows(index, index + 1))[0])
        return np.full(self.width, self.track.fill_value, dtype=self.dtype)

    def _mixed(self, rows: NDArray[Any]) -> NDArray[Any]:
        return self._selection.mixed(rows)

    def _value(self, index: int, t: float) -> NDArray[Any]:
        last = self._frames - 1
        weights: tuple[float, ...] = (1.0,)
        if t == 0.0 or self.interpolation in ("hold", "nearest"):
            first = index
        elif self.interpolation == "linear":
            first, weights = index, (1.0 - t, t)
        else:
            first, weights = index - 1, cubic_weights(t)
        if self._kernel is not None:
            return self._smoothed(first, weights)
        end = first + len(weights)
        if first >= 0 and end <= last + 1:
            rows = self._selection.rows(first, end) if self._matrix is None else self._matrix[first:end]
            return rows[0].copy() if end - first == 1 else self._dot(weights, rows)
        # beside the ends the frame at the edge stands for those that are missing
        low, high = max(first, 0), min(end, last + 1)
        if low >= high:
            low = max(0, min(low, last))
            high = low + 1
        kept = [0.0] * (high - low)
        for i, weight in enumerate(weights):
            kept[max(low, min(high - 1, first + i)) - low] += weight
        return self._dot(kept, self._selection.rows(low, high))

    def _dot(self, weights: Any, rows: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = np.array(weights, self.dtype).dot(rows)
        return found

    def _smoothed(self, first: int, weights: tuple[float, ...]) -> NDArray[Any]:
        assert self._kernel is not None
        count, radius = len(weights), self._kernel.radius
        inner = self._inner.get(count)
        if inner is not None and first >= radius and first + count + radius <= self._frames:
            rows = self._selection.rows(first - radius, first + count + radius)
            # interpolation and smoothing together are one vector of weights, except for levels
            if not self._decibels:
                return self._dot(np.array(weights, self.dtype) @ inner, rows)
            return self._dot(weights, to_db(inner @ to_power(rows)))
        nodes = np.clip(np.arange(first, first + count), 0, self._frames - 1)
        base, matrix, silence = self._kernel.matrix(nodes)
        rows = self._selection.rows(base, base + matrix.shape[1])
        share, fill = np.array(weights), self.track.fill_value
        if not self._decibels:
            mean = self._dot(share @ matrix, rows)
            return mean + self.dtype.type(float(share @ silence) * fill) if silence.any() else mean
        power = matrix.astype(self.dtype) @ to_power(rows)
        if silence.any():
            power += (silence[:, None] * 10.0 ** (fill / 10.0)).astype(self.dtype)
        return self._dot(weights, to_db(power))

    # ---- many times -----------------------------------------------------------------------------

    def in_range(self, times_s: ArrayLike) -> NDArray[np.bool_]:
        """Whether there is a value at each time [shape=(n,)]."""
        return self._inside(self._positions(times_s))

    def many(self, times_s: ArrayLike) -> NDArray[Any]:
        """The values at many times, in any order.

        Parameters
        ----------
        times_s : array_like [shape=(n,)] [s]

        Returns
        -------
        ndarray [shape=(n, width)]
            Rows as `at` gives them.

        Raises
        ------
        InvalidParameterError
            If `times_s` is not one-dimensional.
        """
        position = self._positions(times_s)
        is_inside = self._inside(position)
        if self._matrix is not None and self._kernel is None and self._frames:
            # Straight from the rows: also outside, where something is that is written over then.
            out = self._mixed(self._blended(_snapped(np.where(is_inside, position, 0.0)), self._matrix))
        else:
            out = np.empty((len(position), self.width), dtype=self.dtype)
            self._in_blocks(position, np.flatnonzero(is_inside), out)
        if not is_inside.all():
            self._fill_outside(out, position, ~is_inside)
        return out

    def _in_blocks(self, position: NDArray[np.float64], inside: NDArray[np.intp], out: NDArray[Any]) -> None:
        """Neighbours in time share frames: what is read, and made of it, is needed by one block only."""
        snapped = _snapped(position[inside])
        order = np.argsort(snapped, kind="stable")
        inside, snapped = inside[order], snapped[order]
        step = max(1, _VALUES_AT_ONCE // max(1, self.width))
        if self._kernel is not None:
            step = max(1, min(step, _WEIGHTS_AT_ONCE // min(2 * self._kernel.radius + 1, self._frames)))
        for begin in range(0, len(inside), step):
            part = slice(begin, begin + step)
            out[inside[part]] = self._mixed(self._blended(snapped[part]))

    def _positions(self, times_s: ArrayLike) -> NDArray[np.float64]:
        times = np.atleast_1d(as_numbers("times", times_s))
        if times.ndim != 1:
            raise InvalidParameterError(
                f"times have {times.ndim} dimensions.", hint="Pass a list or a one-dimensional array of seconds."
            )
        return np.asarray((times - self._origin_s) / self._hop_s)

    def _inside(self, position: NDArray[np.float64]) -> NDArray[np.bool_]:
        inside = np.asarray((position >= self._low) & (position < self._high))
        if self._done is not None:
            at = np.flatnonzero(inside)
            inside[at] = self._is_there(_snapped(position[at]))
        return inside

    def _is_there(self, position: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether all frames that a position within the track needs have been computed."""
        assert self._undone is not None
        frames = nodes_of(position, self.interpolation)[0]
        if self.interpolation != "cubic":  # exactly on a frame, its neighbours do not count
            frames = (frames[0], np.where(position == np.floor(position), frames[0], frames[-1]))
        radius = self._kernel.radius if self._kernel is not None else 0
        last = self._frames - 1
        first = np.clip(np.clip(frames[0], 0, last) - radius, 0, last).astype(np.int64)
        end = np.clip(np.clip(frames[-1], 0, last) + radius, 0, last).astype(np.int64) + 1
        return np.asarray(self._undone[end] == self._undone[first])

    def _fill_outside(self, out: NDArray[Any], position: NDArray[np.float64], is_outside: NDArray[np.bool_]) -> None:
        out[is_outside] = self.track.fill_value
        if self._edges == "hold" and self._frames and self._done is None:
            outside = np.flatnonzero(is_outside)
            index = np.clip(np.nan_to_num(np.floor(position[outside]), nan=0.0), 0, self._frames - 1)
            out[outside] = self._mixed(self._selection.at(index.astype(np.int64)))

    def _blended(self, position: NDArray[np.float64], rows: NDArray[Any] | None = None) -> NDArray[Any]:
        """Values at positions within the track.

        Parameters
        ----------
        position : ndarray [shape=(n,)] [frames]
        rows : ndarray [shape=(frames, width)], optional
            All rows, if they are at hand. Otherwise those that are needed are read, and smoothed.
        """
        frames, weights = nodes_of(position, self.interpolation)
        nodes = [np.clip(frame, 0, self._frames - 1).astype(np.int64) for frame in frames]
        if rows is None:
            needed, inverse = np.unique(np.concatenate(nodes), return_inverse=True)
            nodes = list(inverse.reshape(len(nodes), -1))
            if self._kernel is None:
                rows = self._selection.at(needed)
            else:
                fill = self.track.fill_value
                rows = smoothed_rows(self._selection, needed, self._kernel, fill=fill, decibels=self._decibels)
        if len(nodes) == 1:
            return np.asarray(np.take(rows, nodes[0], axis=0, mode="clip"))
        return weighted_sums(rows, nodes, weights)


def _snapped(position: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.rint(position)
    return np.where(np.abs(position - whole) <= SNAP_FRAMES, whole, position)


def _hop(track: FeatureTrack) -> float:
    """Seconds between two frames; a global value has one frame and may have no hop."""
    return track.hop_seconds or 1.0


def _reach(track: FeatureTrack, clip: ClipMap | None, duration_s: float | None) -> tuple[float, float]:
    """First position with a value and first without one any more [frames since frame 0]."""
    if track.frame_count == 0:
        return math.inf, -math.inf
    start, hop = track.start_seconds, _hop(track)
    if track.format == "global":
        low_s, high_s = -math.inf, math.inf
    else:
        centred = track.alignment == "center"
        low_s = start - (hop / 2 if centred else 0.0)
        if start >= 0.0:
            low_s = max(0.0, low_s)  # there is no recording before its beginning
        last = start + (track.frame_count - 1) * hop
        high_s = last + (hop / 2 if centred else hop)
        if duration_s is not None:
            high_s = max(high_s, min(duration_s, last + hop))
    if clip is not None:
        low_s, high_s = max(low_s, clip.region_start_s), min(high_s, clip.region_end_s)
    return (low_s - start) / hop - SNAP_FRAMES, (high_s - start) / hop - SNAP_FRAMES
