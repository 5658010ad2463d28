"""What a playhead's traits accept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError

MIN_RATE = 0.0625  # what browsers play; slower and faster ones are silent there
MAX_RATE = 16.0
MAX_TIME_S = 1e9


def real(name: str, value: Any) -> float:
    """A finite number, or an error that names it; the playhead has not moved then."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidTypeError(f"{name} is a {type(value).__name__}, not a number.", hint="The playhead stays.")
    if not -MAX_TIME_S <= value <= MAX_TIME_S:  # NaN is not, either
        raise InvalidParameterError(
            f"{name} is {value!r:.40}, which is no usable number.", hint="The playhead stays.", parameter=name
        )
    return float(value)


def seconds(name: str, value: object) -> float:
    """A time [s]."""
    return real(name, value)


def _maybe_seconds(name: str, value: object) -> float | None:
    return None if value is None else real(name, value)


def _rate(value: object) -> float:
    rate = real("rate", value)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidParameterError(
            f"rate is {rate:g}.", hint=f"Use {MIN_RATE:g} to {MAX_RATE:g}; 1 is the recording's own.", parameter="rate"
        )
    return rate


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidTypeError(f"playing is a {type(value).__name__}.", hint="Use True or False.")
    return value


CHANGES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "time": lambda value: {"time_s": seconds("time", value)},
    "playing": lambda value: {"playing": _flag(value)},
    "rate": lambda value: {"rate": _rate(value)},
    "loop_start": lambda value: {"loop_start_s": _maybe_seconds("loop_start", value)},
    "loop_end": lambda value: {"loop_end_s": _maybe_seconds("loop_end", value)},
}
