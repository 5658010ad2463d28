"""Sampling options and what of them is refused."""

from __future__ import annotations

import math
import numbers
import re
from typing import Final, Literal, cast, get_args

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.track import FeatureTrack

Interpolation = Literal["hold", "nearest", "linear", "cubic"]
Edges = Literal["fill", "hold"]
KernelShape = Literal["box", "hann"]

# Times are computed with floats; one this close to a frame is meant to be on it.
SNAP_FRAMES: Final = 1e-6
_DECIBELS: Final = re.compile(r"(db(?!\s*/)|lufs|lkfs)", re.IGNORECASE)
_QUANTITY: Final = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*([a-z]{1,4})\s*", re.IGNORECASE)
_SECONDS: Final = {"s": 1.0, "ms": 1e-3}
_HERTZ: Final = {"hz": 1.0, "khz": 1e3}


def check_interpolation(value: object) -> Interpolation:
    """Return a known interpolation, or raise `InvalidParameterError` with the choices."""
    return cast("Interpolation", _choice("interpolation", value, get_args(Interpolation)))


def check_edges(value: object) -> Edges:
    """Return a known edge policy, or raise `InvalidParameterError` with the choices."""
    return cast("Edges", _choice("edges", value, get_args(Edges)))


def check_kernel(value: object) -> KernelShape:
    """Return a known smoothing kernel, or raise `InvalidParameterError` with the choices."""
    return cast("KernelShape", _choice("kernel", value, get_args(KernelShape)))


def check_choices(interpolation: object, smoothing: object, kernel: object, edges: object) -> None:
    """Raise `InvalidParameterError` for what no feature could be sampled with."""
    check_interpolation(interpolation)
    check_kernel(kernel)
    check_edges(edges)
    smoothing_radius(smoothing, 0.0)


def smoothing_radius(value: object, hop_seconds: float) -> int:
    """Whole frames on each side that are averaged: rounded down, and none below 1.

    Parameters
    ----------
    value : float [frames] or str
        A text has a unit: ``"50 ms"`` or ``"0.05 s"``.
    hop_seconds : float [s]

    Raises
    ------
    InvalidParameterError
        If `value` is neither a finite number nor a time.
    """
    if isinstance(value, str):
        seconds = _quantity(value, _SECONDS)
        if seconds is not None and hop_seconds > 0:
            return math.floor(seconds / hop_seconds + SNAP_FRAMES)
        if seconds is not None:
            return 0
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise InvalidParameterError(
            f"smoothing is {value!r:.60}, which is neither a finite number of frames nor a time.",
            hint='Pass the radius: 2 (frames) averages five frames, "50 ms" as many as lie that close.',
            parameter="smoothing",
        )
    return max(0, math.floor(float(value)))


def frequency_hz(value: object) -> float | None:
    """A frequency given as ``"440 Hz"``, ``"2.5 kHz"`` or a float [Hz]; None for everything else."""
    if isinstance(value, str):
        return _quantity(value, _HERTZ)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral) and math.isfinite(value):
        return float(value)
    return None


def require_framewise(track: FeatureTrack) -> None:
    """Refuse what has no value at a time: event lists and matrices."""
    if track.format in ("events", "matrix"):
        kind = "a list of events" if track.format == "events" else "a matrix over two times"
        raise InvalidParameterError(
            f"{track.calculator_id!r:.60} makes {kind}, which has no value at a time.",
            hint="Read its times_s and data.",
            calculator=track.calculator_id,
        )


def is_decibel(unit: str) -> bool:
    """Whether values of this unit are averaged as powers: dB, dBFS, LUFS, but not dB/octave."""
    return _DECIBELS.match(unit.strip()) is not None


def _quantity(text: str, units: dict[str, float]) -> float | None:
    found = _QUANTITY.fullmatch(text)
    factor = units.get(found[2].lower()) if found else None
    return None if found is None or factor is None else float(found[1]) * factor


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(
            f"{name} {value!r:.60} is not known.", hint=f"Use one of {', '.join(choices)}.", parameter=name
        )
    return value
