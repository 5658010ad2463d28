"""A feature made ready to be read at many times, one by one or all at once."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.options import (
    check_edges,
    check_interpolation,
    is_decibel,
    require_framewise,
    smoothing_radius,
)
from audiocache_nb.sampling.select import select_values
from audiocache_nb.sampling.smooth import smoothed_rows
from audiocache_nb.sampling.weights import Box, cubic_weights, nodes_of, numbers_of, to_db, to_power
from audiocache_nb.timing.clip import ClipMap

# Times are computed with floats; one this close to a frame is meant to be on it.
SNAP_FRAMES: Final = 1e-6
_VALUES_AT_ONCE: Final = 1 << 16
_WEIGHTS_AT_ONCE: Final = 1 << 20


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
        False: outside the recording or the clip, and `values` is what silence is.
    unit : str
    """

    values: NDArray[Any]
    frame_index: int
    fractional_index: float
    in_range: bool
    unit: str


class Sampler:
    """A feature track with all choices made.

    Parameters
    ----------
    track : FeatureTrack
    interpolation : {"hold", "nearest", "linear", "cubic"}
        The frame begun last; the closest frame, of two equally close ones the earlier; straight
        lines; Catmull-Rom curves.
    smoothing : float [frames]
        Mean over this many frames on each side (rounded down) around every frame the interpolation
        takes part of. Decibels are averaged as powers.
    band, channel : int, str or None
        See `select.select_values`.
    edges : {"fill", "hold"}
        What frames outside the recording count as when smoothing: silence, or the frame at the
        edge. With ``"hold"`` a time out of range also gives the frame at the edge.
    clip : ClipMap, optional
        Times are then timeline seconds, and what is outside the clip is out of range. Without it
        they are seconds of the source.
    duration_s : float [s], optional
        Duration of the source, if the last frame shall hold until there.

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
        smoothing: float = 0,
        band: int | str | None = None,
        channel: int | str | None = None,
        edges: str = "fill",
        clip: ClipMap | None = None,
        duration_s: float | None = None,
    ) -> None:
        require_framewise(track)
        self.track = track
        self.unit = track.unit
        self.interpolation = check_interpolation(interpolation)
        self._edges = check_edges(edges)
        self._view = select_values(track, band=band, channel=channel)
        self.row_shape = self._view.shape[1:]
        self.width = math.prod(self.row_shape)
        self.dtype = self._view.dtype if self._view.dtype.kind in "fc" else np.dtype(np.float32)
        self._decibels = is_decibel(track.unit) and self.dtype.kind == "f"
        self._frames = track.frame_count
        radius = smoothing_radius(smoothing)
        self._box: Box | None = (
            Box(self._frames, radius, self._edges, shrinks=self._edges == "fill" and math.isnan(track.fill_value))
            if radius and self._frames and track.format != "global"
            else None
        )
        self._hop_s = _hop(track)
        self._origin_s = track.start_seconds - (clip.shift_s if clip else 0.0)
        self._low, self._high = _reach(track, clip, duration_s)

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
        position = (float(time_s) - self._origin_s) / self._hop_s
        last = self._frames - 1
        if not self._low <= position < self._high:  # NaN is neither
            index = 0 if not position > 0.0 else max(0, min(last, math.floor(min(position, 1e15))))
            return FrameSample(self._outside(index), index, position, in_range=False, unit=self.unit)
        whole = round(position)
        snapped = float(whole) if abs(position - whole) <= SNAP_FRAMES else position
        index = math.ceil(snapped - 0.5) if self.interpolation == "nearest" else math.floor(snapped)
        values = self._value(index, snapped - index)
        return FrameSample(values, max(0, min(last, index)), position, in_range=True, unit=self.unit)

    def _outside(self, index: int) -> NDArray[Any]:
        if self._edges == "hold" and self._frames:
            return np.array(numbers_of(self._view[index : index + 1])[0])
        return np.full(self.width, self.track.fill_value, dtype=self.dtype)

    def _value(self, index: int, t: float) -> NDArray[Any]:
        last = self._frames - 1
        weights: tuple[float, ...] = (1.0,)
        if t == 0.0 or self.interpolation in ("hold", "nearest"):
            first = index
        elif self.interpolation == "linear":
            first, weights = index, (1.0 - t, t)
        else:
            first, weights = index - 1, cubic_weights(t)
        end = first + len(weights)
        if self._box is None:
            if first >= 0 and end <= last + 1:
                if len(weights) == 1:
                    return np.array(numbers_of(self._view[first:end])[0])
                return self._dot(weights, self._view[first:end])
            # beside the ends the frame at the edge stands for those that are missing
            low, high = max(first, 0), min(end, last + 1)
            if low >= high:
                low = max(0, min(low, last))
                high = low + 1
            kept = [0.0] * (high - low)
            for i, weight in enumerate(weights):
                kept[max(low, min(high - 1, first + i)) - low] += weight
            return self._dot(kept, self._view[low:high])
        nodes = np.clip(np.arange(first, end), 0, last)
        return self._smoothed(nodes, np.array(weights))

    def _dot(self, weights: Any, rows: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.array(weights, dtype=self.dtype) @ numbers_of(rows))

    def _smoothed(self, nodes: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[Any]:
        assert self._box is not None
        base, matrix, silence = self._box.matrix(nodes)
        rows = numbers_of(self._view[base : base + matrix.shape[1]])
        fill = self.track.fill_value
        if not self._decibels:
            mean = self._dot(weights @ matrix, rows)
            return mean + self.dtype.type(float(weights @ silence) * fill) if silence.any() else mean
        power = matrix.astype(self.dtype) @ to_power(rows)
        if silence.any():
            power += (silence[:, None] * 10.0 ** (fill / 10.0)).astype(self.dtype)
        return np.asarray(weights.astype(self.dtype) @ to_db(power))

    # ---- many times -----------------------------------------------------------------------------

    def in_range(self, times_s: ArrayLike) -> NDArray[np.bool_]:
        """Whether there is a value at each time [shape=(n,)]."""
        position = self._positions(times_s)
        return np.asarray((position >= self._low) & (position < self._high))

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
        out = np.empty((len(position), self.width), dtype=self.dtype)
        inside = np.flatnonzero((position >= self._low) & (position < self._high))
        if len(inside) < len(position):
            self._fill_outside(out, position)
        whole = np.rint(position[inside])
        snapped = np.where(np.abs(position[inside] - whole) <= SNAP_FRAMES, whole, position[inside])
        step = max(1, _VALUES_AT_ONCE // max(1, self.width))
        if self._box is not None:
            order = np.argsort(snapped, kind="stable")  # neighbours in time share frames
            inside, snapped = inside[order], snapped[order]
            step = max(1, min(4 * step, _WEIGHTS_AT_ONCE // min(2 * self._box.radius + 1, self._frames)))
        for begin in range(0, len(inside), step):
            part = slice(begin, begin + step)
            out[inside[part]] = self._values(snapped[part])
        return out

    def _positions(self, times_s: ArrayLike) -> NDArray[np.float64]:
        times = np.atleast_1d(np.asarray(times_s, dtype=np.float64))
        if times.ndim != 1:
            raise InvalidParameterError(
                f"times have {times.ndim} dimensions.", hint="Pass a list or a one-dimensional array of seconds."
            )
        return np.asarray((times - self._origin_s) / self._hop_s)

    def _fill_outside(self, out: NDArray[Any], position: NDArray[np.float64]) -> None:
        out[:] = self.track.fill_value
        if self._edges == "hold" and self._frames:
            last = self._frames - 1
            index = np.clip(np.nan_to_num(np.floor(position), nan=0.0), 0, last).astype(np.int64)
            outside = np.flatnonzero(~((position >= self._low) & (position < self._high)))
            out[outside] = numbers_of(self._view[index[outside]])

    def _values(self, position: NDArray[np.float64]) -> NDArray[Any]:
        frames, weights = nodes_of(position, self.interpolation)
        nodes = [np.clip(frame, 0, self._frames - 1).astype(np.int64) for frame in frames]
        if self._box is None:
            rows, at = self._view, nodes
        else:
            different, inverse = np.unique(np.concatenate(nodes), return_inverse=True)
            at = list(inverse.reshape(len(nodes), -1))
            rows = smoothed_rows(self._view, different, self._box, fill=self.track.fill_value, decibels=self._decibels)
        if len(at) == 1:
            return numbers_of(rows[at[0]])
        on_frame = position == np.floor(position)
        total = np.zeros((len(position), self.width), dtype=self.dtype)
        for node, weight in zip(at, weights, strict=True):
            total += numbers_of(rows[node]) * np.asarray(weight, dtype=self.dtype)[:, None]
        if on_frame.any():  # exactly the frame, whatever its neighbours hold
            middle = at[0 if len(at) == 2 else 1]
            total[on_frame] = numbers_of(rows[middle[on_frame]])
        return total


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
