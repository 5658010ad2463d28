"""A tempo map from beats that were detected or tapped."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing.rounding import round_half_up
from audiocache_nb.timing.tempo_entries import LINEAR, MAX_BPM, MIN_BPM, STEP, TempoEntry

BeatCurve = Literal["auto", "constant", "step", "linear"]
_LEAST_JITTER_BEATS: Final = 0.002
_HUBER: Final = 1.5  # beyond so many deviations a beat counts as an outlier
_LEAST_SEGMENT_BEATS: Final = 4
_MOST_KNOTS: Final = 24
_CANDIDATES: Final = 40
_AT_ZERO_BEATS: Final = 0.02


def beat_times(beats: Any) -> NDArray[np.float64]:
    """Times of beats in ascending order, each once [s].

    Parameters
    ----------
    beats : array_like [s], or a feature track or `Events` of beats

    Raises
    ------
    InvalidParameterError
        If there are fewer than two, or some are not finite.
    """
    if getattr(beats, "format", "events") != "events":
        raise InvalidParameterError(
            f"A track of the format {beats.format!r:.40} has no beats.", hint='Pass times, or the feature "beats".'
        )
    try:
        times = np.asarray(getattr(beats, "times_s", beats), dtype=np.float64)
    except (TypeError, ValueError):
        times = np.array(math.nan)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise InvalidParameterError("The beats are not a list of finite times.", hint="Pass their times in seconds.")
    times = np.unique(times[times >= 0.0])
    if len(times) < 2:
        raise InvalidParameterError(
            f"{len(times)} beat{'' if len(times) == 1 else 's'} from 0 s on make no tempo.", hint="Pass two or more."
        )
    return times


def entries_from_beats(
    times: NDArray[np.float64], *, curve: str, beats_per_bar: int, first_beat: int | None, align: bool
) -> list[TempoEntry]:
    """The tempo map that beats follow; see `Tempo.from_beats`.

    Parameters
    ----------
    times : ndarray [shape=(n,)] [s]
        As `beat_times` returns them.
    """
    if curve not in get_args(BeatCurve):
        raise InvalidParameterError(
            f"curve {curve!r:.40} is not known.", hint=f"Use one of {', '.join(get_args(BeatCurve))}."
        )
    if first_beat is not None and not (type(first_beat) is int and 1 <= first_beat <= beats_per_bar):
        raise InvalidParameterError(
            f"first_beat is {first_beat!r:.40}.", hint=f"Use a whole number from 1 to {beats_per_bar}, or None."
        )
    kept, numbers = _numbered(times)
    if len(kept) < 2:
        raise InvalidParameterError("These beats make no tempo.", hint="Pass beats that are further apart.")
    deviation = _jitter_beats(kept, numbers)
    fits = [_Fit.of(kept, numbers, deviation, 1, [])]
    if curve in ("auto", "step"):
        fits.append(_with_knots(kept, numbers, deviation, 1))
    if curve in ("auto", "linear") and len(kept) > 2 * _LEAST_SEGMENT_BEATS:
        fits.append(_with_knots(kept, numbers, deviation, 2))
    chosen = min((fit for fit in fits if fit.usable), key=lambda fit: fit.score, default=None)
    if chosen is None:
        raise InvalidParameterError(
            f"These beats make no tempo from {MIN_BPM:g} to {MAX_BPM:g} bpm.", hint="Pass times in seconds."
        )
    entries = chosen.entries()
    return _led_in(entries, chosen.first_s(), beats_per_bar, first_beat) if align else entries


def _numbered(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Which beat each one is; those that come far too early are left out, and gaps are counted through."""
    period = float(np.median(np.diff(times[:10])))  # of the beginning: the tempo may be another one later
    recent: list[float] = []
    kept, numbers = [float(times[0])], [0]
    for time in times[1:].tolist():
        steps = (time - kept[-1]) / period
        whole = round_half_up(steps)
        if whole == 0:
            continue
        if abs(steps - whole) < 0.3:
            recent = [*recent[-7:], (time - kept[-1]) / whole]
            period = float(np.median(recent))
        kept.append(time)
        numbers.append(numbers[-1] + whole)
    return np.array(kept), np.array(numbers, dtype=np.float64)


def _jitter_beats(times: NDArray[np.float64], numbers: NDArray[np.float64]) -> float:
    """How far beats are off their places, from the changes of the time between neighbours."""
    bends = np.diff(np.diff(times) / np.diff(numbers))
    if not len(bends):
        return _LEAST_JITTER_BEATS
    deviation_s = 1.4826 * float(np.median(np.abs(bends - np.median(bends)))) / math.sqrt(6.0)
    period = float(np.median(np.diff(times) / np.diff(numbers)))
    return max(_LEAST_JITTER_BEATS, deviation_s / period)


@dataclasses.dataclass(frozen=True)
class _Fit:
    """Beat numbers as a spline over time: pieces of constant tempo, or of tempo that goes linearly in time.

    Its value is continuous, and of degree 2 its slope, the tempo, as well.
    """

    degree: int
    start_s: float
    end_s: float
    knots_s: tuple[float, ...]
    coefficients: NDArray[np.float64]
    score: float

    @classmethod
    def of(
        cls,
        times: NDArray[np.float64],
        numbers: NDArray[np.float64],
        deviation: float,
        degree: int,
        knots_s: list[float],
        *,
        rounds: int = 4,
    ) -> _Fit:
        """Least squares that outliers pull at with bounded force (Huber 1964), and their criterion (BIC)."""
        knots = sorted(knots_s)
        table = _basis(times, times[0], knots, degree)
        weights = np.ones(len(times))
        coefficients = np.zeros(table.shape[1])
        for _ in range(rounds):
            coefficients = np.linalg.lstsq(table * weights[:, None], numbers * weights, rcond=None)[0]
            off = np.abs(numbers - table @ coefficients) / deviation
            weights = np.sqrt(np.minimum(1.0, _HUBER / np.maximum(off, 1e-12)))
        loss = np.where(off <= _HUBER, off * off, _HUBER * (2 * off - _HUBER))
        freedom = 2 * len(knots) + degree + 1  # each knot has a place and a bend
        score = float(loss.sum()) + freedom * math.log(len(times))
        return cls(degree, float(times[0]), float(times[-1]), tuple(knots), coefficients, score)

    def rate(self, time_s: float) -> float:
        """Beats per second just after a time."""
        t = time_s - self.start_s
        bends = [(time_s >= knot, time_s - knot) for knot in self.knots_s]
        if self.degree == 1:
            return float(
                self.coefficients[1] + sum(c for c, (on, _) in zip(self.coefficients[2:], bends, strict=True) if on)
            )
        slope = self.coefficients[1] + 2 * self.coefficients[2] * t
        return float(slope + sum(2 * c * d for c, (on, d) in zip(self.coefficients[3:], bends, strict=True) if on))

    @property
    def usable(self) -> bool:
        """Whether every tempo in it is one."""
        return all(MIN_BPM <= 60 * self.rate(t) <= MAX_BPM for t in (self.start_s, *self.knots_s, self.end_s))

    def first_s(self) -> float:
        """Where the first beat belongs."""
        rate = self.rate(self.start_s)
        return max(0.0, self.start_s - float(self.coefficients[0]) / rate)  # it is close by: its tempo is the first one

    def entries(self) -> list[TempoEntry]:
        """The tempo as entries of a map, the first one at the first beat."""
        times = [self.first_s(), *self.knots_s]
        curve: Literal["step", "linear"] = STEP if self.degree == 1 else LINEAR
        found = [TempoEntry(t, 60 * self.rate(max(t, self.start_s)), curve) for t in times]
        if self.degree == 2:
            found.append(TempoEntry(self.end_s, 60 * self.rate(self.end_s), STEP))
        return found


def _basis(times: NDArray[np.float64], start_s: float, knots_s: list[float], degree: int) -> NDArray[np.float64]:
    t = times - start_s
    bends = [np.maximum(times - knot, 0.0) ** degree for knot in knots_s]
    return np.stack([t**power for power in range(degree + 1)] + bends, axis=1)


def _with_knots(times: NDArray[np.float64], numbers: NDArray[np.float64], deviation: float, degree: int) -> _Fit:
    """Add knots, each where it helps most, as long as that is worth their freedom."""
    best = _Fit.of(times, numbers, deviation, degree, [])
    while len(best.knots_s) < _MOST_KNOTS:
        places = np.arange(_LEAST_SEGMENT_BEATS, len(times) - _LEAST_SEGMENT_BEATS)
        taken = np.searchsorted(times, best.knots_s)
        free = [n for n in places.tolist() if all(abs(n - other) >= _LEAST_SEGMENT_BEATS for other in taken)]
        coarse = free[:: max(1, len(free) // _CANDIDATES)]
        tried = _tried(times, numbers, deviation, best, coarse)
        if not tried:
            break
        step = max(1, len(free) // _CANDIDATES)
        near = [n for n in free if abs(n - tried[0][1]) < step]
        found = _tried(times, numbers, deviation, best, near)[0][1]
        better = _Fit.of(times, numbers, deviation, degree, [*best.knots_s, float(times[found])])
        if better.score >= best.score or not better.usable:
            break
        best = better
    return best


def _tried(
    times: NDArray[np.float64], numbers: NDArray[np.float64], deviation: float, best: _Fit, places: list[int]
) -> list[tuple[float, int]]:
    fits = [
        (_Fit.of(times, numbers, deviation, best.degree, [*best.knots_s, float(times[n])], rounds=2).score, n)
        for n in places
    ]
    return sorted(fits)


def _led_in(entries: list[TempoEntry], first_s: float, beats_per_bar: int, first_beat: int | None) -> list[TempoEntry]:
    """Put a tempo before the first beat at which a whole number of beats leads up to it."""
    beats = first_s * entries[0].bpm / 60
    if beats <= _AT_ZERO_BEATS:
        if first_beat in (None, 1):
            return [dataclasses.replace(entries[0], time_s=0.0), *entries[1:]]
        raise InvalidParameterError(
            f"The first beat is at time zero, so it cannot be beat {first_beat} of a bar.",
            hint="Leave first_beat out, or let the recording begin later.",
        )
    least, most = first_s * MIN_BPM / 60, first_s * MAX_BPM / 60
    modulus, remainder = (1, 0) if first_beat is None else (beats_per_bar, first_beat - 1)
    counts = [n for n in range(1, math.floor(most) + 1) if n >= least and n % modulus == remainder]
    if not counts:
        return entries
    count = min(counts, key=lambda n: (abs(n - beats), n))
    return [TempoEntry(0.0, 60 * count / first_s, STEP), *entries]
