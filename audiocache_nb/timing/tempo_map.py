"""The tempo map: one immutable piecewise function between seconds, ticks, bars and beats."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing.rounding import as_float, round_half_up
from audiocache_nb.timing.tempo_entries import LINEAR, TempoEntry, check_beats_per_bar, check_bpm, parse_entries

TICKS_PER_QUARTER: Final = 960
DEFAULT_BPM: Final = 120.0
TICKS_PER_SECOND_AT_1_BPM: Final = TICKS_PER_QUARTER / 60
# A beat time that was itself computed with floats must not fall just before its own beat.
BEAT_SNAP: Final = 1e-9
SHORTEST_RAMP_S: Final = 1e-9
MAX_LINES: Final = 10_000_000


class BarBeat(NamedTuple):
    """A musical position.

    Attributes
    ----------
    bar : int or ndarray of int64
        Counted from 1; bars before time zero are 0, -1, ...
    beat : float or ndarray of float64
        Counted from 1, with its fraction: 2.5 is half-way through the second beat.
    """

    bar: Any
    beat: Any


@dataclasses.dataclass(frozen=True, eq=False)
class TempoMap:
    """Tempo over time, frozen.

    Between two entries the rate ``r(t)`` in ticks per second is constant, or goes linearly in time
    to the next entry's rate. Ticks are its exact integral::

        ticks(t) = c_i + r_i (t - t_i) + k_i (t - t_i)**2 / 2

    and seconds the exact inverse, in the form that is stable for small ``k_i``::

        t = t_i + 2 d / (r_i + sqrt(r_i**2 + 2 k_i d)),   d = ticks - c_i

    Before the first entry its tempo holds, also before time zero; tick 0 is second 0.

    Parameters
    ----------
    entries : tuple of TempoEntry
        Strictly increasing in time. Use `TempoMap.constant` or `TempoMap.of`, which check.
    beats_per_bar : int
    """

    entries: tuple[TempoEntry, ...]
    beats_per_bar: int = 4

    @classmethod
    def constant(cls, bpm: float = DEFAULT_BPM, *, beats_per_bar: int = 4) -> TempoMap:
        """One tempo for all time."""
        return cls((TempoEntry(0.0, check_bpm(bpm)),), check_beats_per_bar(beats_per_bar))

    @classmethod
    def of(cls, entries: Iterable[Any], *, beats_per_bar: int = 4) -> TempoMap:
        """Make a map from ``(seconds, bpm)`` or ``(seconds, bpm, "step" | "linear")``.

        Parameters
        ----------
        entries : iterable of tuple
            Strictly increasing in time, none before 0. ``"linear"`` ramps from its entry to the
            next one; a last entry has no next one and therefore holds.
        beats_per_bar : int

        Raises
        ------
        InvalidParameterError
            Names the index of the entry that cannot be used.
        """
        return cls(parse_entries(entries), check_beats_per_bar(beats_per_bar))

    # ---- segments ---------------------------------------------------------------------------

    @functools.cached_property
    def _segments(self) -> NDArray[np.float64]:
        """Rows of (start [s], start [ticks], rate [ticks/s], slope [ticks/s²]), one per tempo that differs.

        The first row has no slope: it is what holds before time zero.
        """
        times = [entry.time_s for entry in self.entries]
        rates = [entry.bpm * TICKS_PER_SECOND_AT_1_BPM for entry in self.entries]
        rows: list[tuple[float, float, float, float]] = [(0.0, 0.0, rates[0], 0.0)]
        for i, entry in enumerate(self.entries):
            # What takes no time is a step: its slope has no number.
            ramps = entry.curve == LINEAR and i + 1 < len(times) and times[i + 1] - times[i] >= SHORTEST_RAMP_S
            slope = (rates[i + 1] - rates[i]) / (times[i + 1] - times[i]) if ramps else 0.0
            start, ticks, rate, old_slope = rows[-1]
            if slope == 0.0 == old_slope and rate == rates[i]:
                continue  # the same tempo goes on: equal maps shall have equal digests
            elapsed = times[i] - start
            ticks += rate * elapsed + 0.5 * old_slope * elapsed * elapsed
            rows.append((times[i], ticks, rates[i], slope))
        segments = np.array(rows, dtype=np.float64)
        segments.setflags(write=False)
        return segments

    @functools.cached_property
    def _columns(self) -> NDArray[np.float64]:
        return np.ascontiguousarray(self._segments.T)

    @property
    def is_constant(self) -> bool:
        """Whether one tempo holds for all time."""
        return len(self._segments) == 1 and self._segments[0, 3] == 0.0

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of what the map does: equal for equal tempo, however it was written down."""
        header = f"tempo-map/1 ppq={TICKS_PER_QUARTER} beats_per_bar={self.beats_per_bar}\n"
        return hashlib.sha256(header.encode() + self._segments.astype("<f8").tobytes()).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TempoMap):
            return False
        alike = self.entries == other.entries and self.beats_per_bar == other.beats_per_bar
        return alike or self.digest == other.digest  # written down alike they are equal, which is seen at once

    def __hash__(self) -> int:
        return hash(self.digest)

    # ---- conversions ------------------------------------------------------------------------

    @overload
    def seconds_to_ticks(self, seconds: float) -> float: ...
    @overload
    def seconds_to_ticks(self, seconds: ArrayLike) -> Any: ...
    def seconds_to_ticks(self, seconds: ArrayLike) -> Any:
        """Ticks (960 per quarter note) at a time.

        Parameters
        ----------
        seconds : float or array_like [s]
            Negative times are before time zero. NaN gives NaN.

        Returns
        -------
        float or ndarray of float64 [ticks]
        """
        time = as_float(seconds)
        start, ticks, rate, slope = self._segment_of(time, column=0)
        elapsed = time - start
        if self.is_constant:
            return rate * elapsed + ticks
        ramp = np.where(slope == 0.0, 0.0, 0.5 * slope * np.where(slope == 0.0, 0.0, elapsed) ** 2)
        return _like(time, ticks + rate * elapsed + ramp)

    @overload
    def ticks_to_seconds(self, ticks: float) -> float: ...
    @overload
    def ticks_to_seconds(self, ticks: ArrayLike) -> Any: ...
    def ticks_to_seconds(self, ticks: ArrayLike) -> Any:
        """Time of a tick: the inverse of `seconds_to_ticks`.

        Parameters
        ----------
        ticks : float or array_like [ticks]

        Returns
        -------
        float or ndarray of float64 [s]
        """
        tick = as_float(ticks)
        start, first, rate, slope = self._segment_of(tick, column=1)
        gone = tick - first
        if self.is_constant:
            return start + gone / rate
        root = np.sqrt(np.maximum(rate * rate + 2.0 * slope * np.where(slope == 0.0, 0.0, gone), 0.0))
        return _like(tick, start + 2.0 * gone / (rate + root))

    @property
    def bpm(self) -> float:
        """Tempo at time zero [quarter notes per minute], all there is to know of a constant one."""
        return float(self.bpm_at(0.0))

    def bpm_at(self, seconds: ArrayLike) -> Any:
        """Tempo at a time.

        Parameters
        ----------
        seconds : float or array_like [s]

        Returns
        -------
        float or ndarray of float64 [quarter notes per minute]
        """
        time = as_float(seconds)
        start, _, rate, slope = self._segment_of(time, column=0)
        now = np.where(slope == 0.0, rate, rate + slope * np.where(slope == 0.0, 0.0, time - start))
        return _like(time, np.broadcast_to(now / TICKS_PER_SECOND_AT_1_BPM, np.shape(time)).copy())

    def hop_ticks(self, hop_seconds: ArrayLike) -> Any:
        """Express a hop in whole ticks, measured from time zero: rounded half up, at least 1.

        Parameters
        ----------
        hop_seconds : float or array_like [s]

        Returns
        -------
        int or ndarray of int64 [ticks]

        Raises
        ------
        InvalidParameterError
            If a hop is not finite or not above 0.

        Examples
        --------
        >>> TempoMap.constant(120).hop_ticks(512 / 44100)
        22
        """
        hop = as_float(hop_seconds)
        if not np.all(np.isfinite(hop)) or not np.all(np.greater(hop, 0.0)):
            raise InvalidParameterError(
                f"hop_seconds is {hop_seconds!r:.60}, which is not a finite time above 0 s.",
                hint="A hop is hop_size / sample_rate.",
                parameter="hop_seconds",
            )
        ticks = self.seconds_to_ticks(hop)
        if isinstance(ticks, float):
            return max(1, round_half_up(ticks))
        return np.maximum(1, round_half_up(ticks))

    def bar_beat(self, seconds: ArrayLike, *, beats_per_bar: ArrayLike | None = None) -> BarBeat:
        """Bar and beat at a time, both counted from 1.

        Parameters
        ----------
        seconds : float or array_like [s]
        beats_per_bar : int or array_like of int, optional
            Another metre than the map's, or one for each time; bars are counted as if it held throughout.

        Returns
        -------
        BarBeat

        Raises
        ------
        InvalidParameterError
            If a time is not finite, or a metre is none.

        Examples
        --------
        >>> TempoMap.constant(120).bar_beat(2.75)
        BarBeat(bar=2, beat=2.5)
        """
        time = as_float(seconds)
        if not np.all(np.isfinite(time)):
            raise InvalidParameterError(
                f"The time {seconds!r:.60} is not finite.", hint="Pass times in seconds.", parameter="seconds"
            )
        beats = np.asarray(self.seconds_to_ticks(time)) / TICKS_PER_QUARTER
        whole = np.rint(beats)
        beats = np.where(np.abs(beats - whole) <= BEAT_SNAP * np.maximum(1.0, np.abs(whole)), whole, beats)
        metre: Any = self.beats_per_bar
        if beats_per_bar is not None:
            metre = np.asarray(beats_per_bar)
            for number in np.unique(metre).tolist():
                check_beats_per_bar(number)
        bars = np.floor(beats / metre)
        beat = beats - bars * metre + 1.0
        if np.ndim(bars) == 0:
            return BarBeat(int(bars) + 1, float(beat))
        return BarBeat(bars.astype(np.int64) + 1, beat)

    def bar_lines(self, start_s: float, end_s: float, *, every: str = "bar") -> NDArray[np.float64]:
        """Times of the bar lines, or of all beats, from `start_s` to `end_s`, both included.

        Parameters
        ----------
        start_s, end_s : float [s]
        every : {"bar", "beat"}

        Returns
        -------
        ndarray [shape=(n,)] [s]

        Raises
        ------
        InvalidParameterError
            If a time is not finite, or there are more than 10 million.
        """
        if every not in ("bar", "beat"):
            raise InvalidParameterError(f"every is {every!r:.40}.", hint='Use "bar" or "beat".', parameter="every")
        limits = np.array([start_s, end_s], dtype=np.float64)
        step = TICKS_PER_QUARTER * (self.beats_per_bar if every == "bar" else 1)
        first, last = np.asarray(self.seconds_to_ticks(limits)) / step
        if not np.isfinite(first) or not np.isfinite(last) or last - first > MAX_LINES:
            raise InvalidParameterError(
                f"There are no bar lines to list from {start_s!r:.40} to {end_s!r:.40} s.",
                hint=f"Pass finite times with at most {MAX_LINES} lines between them.",
            )
        lines = np.arange(
            math.ceil(first - BEAT_SNAP * max(1.0, abs(first))), math.floor(last + BEAT_SNAP * max(1.0, abs(last))) + 1
        )
        return np.asarray(self.ticks_to_seconds(lines.astype(np.float64) * step))

    def _segment_of(self, value: float | NDArray[np.float64], *, column: int) -> Any:
        """Find the segment of a time (column 0) or a tick (column 1): its four numbers, shaped like `value`."""
        segments = self._segments
        if len(segments) == 1:
            return segments[0].tolist()
        index = np.searchsorted(segments[:, column], value, side="right") - 1
        return np.take(self._columns, np.maximum(index, 0), axis=1)

    def __repr__(self) -> str:
        if self.is_constant:
            return f"<TempoMap {self.entries[0].bpm:g} bpm, {self.beats_per_bar} beats per bar>"
        shown = ", ".join(str(entry) for entry in self.entries[:4])
        more = f", ... {len(self.entries)} entries" if len(self.entries) > 4 else ""
        return f"<TempoMap {shown}{more}, {self.beats_per_bar} beats per bar>"


def _like(given: float | NDArray[np.float64], result: Any) -> Any:
    return float(result) if isinstance(given, float) else result
