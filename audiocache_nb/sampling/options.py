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

_DECIBELS: Final = re.compile(r"(db(?!\s*/)|lufs|lkfs)", re.IGNORECASE)


def check_interpolation(value: object) -> Interpolation:
    """Return a known interpolation, or raise `InvalidParameterError` with the choices."""
    return cast("Interpolation", _choice("interpolation", value, get_args(Interpolation)))


def check_edges(value: object) -> Edges:
    """Return a known edge policy, or raise `InvalidParameterError` with the choices."""
    return cast("Edges", _choice("edges", value, get_args(Edges)))


def smoothing_radius(value: object) -> int:
    """Whole frames on each side that are averaged: rounded down, and none below 1.

    Raises
    ------
    InvalidParameterError
        If `value` is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise InvalidParameterError(
            f"smoothing is {value!r:.60}, which is not a finite number of frames.",
            hint="Pass the radius in frames: 2 averages five frames.",
            parameter="smoothing",
        )
    return max(0, math.floor(float(value)))


def require_framewise(track: FeatureTrack) -> None:
    """Refuse event lists, which have no value between their events."""
    if track.format == "events":
        raise InvalidParameterError(
            f"{track.calculator_id!r:.60} makes a list of events, which has no value at a time.",
            hint="Read its times_s and data.",
            calculator=track.calculator_id,
        )


def is_decibel(unit: str) -> bool:
    """Whether values of this unit are averaged as powers: dB, dBFS, LUFS, but not dB/octave."""
    return _DECIBELS.match(unit.strip()) is not None


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(
            f"{name} {value!r:.60} is not known.", hint=f"Use one of {', '.join(choices)}.", parameter=name
        )
    return value
