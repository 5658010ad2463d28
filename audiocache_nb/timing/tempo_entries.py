"""Entries of a tempo map, and the checks they pass before anything changes."""

from __future__ import annotations

import dataclasses
import itertools
import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from audiocache_nb.errors import InvalidParameterError

Curve = Literal["step", "linear"]
STEP: Final = "step"
LINEAR: Final = "linear"
MIN_BPM: Final = 1.0
MAX_BPM: Final = 1000.0
MAX_BEATS_PER_BAR: Final = 64
MAX_ENTRIES: Final = 1_000_000
MAX_TIME_S: Final = 1e9


@dataclasses.dataclass(frozen=True, slots=True)
class TempoEntry:
    """One change of tempo.

    Attributes
    ----------
    time_s : float [s]
    bpm : float [quarter notes per minute]
    curve : {"step", "linear"}
        What happens until the next entry: the tempo holds, or goes linearly in time to the next one.
    """

    time_s: float
    bpm: float
    curve: Curve = "step"

    def __str__(self) -> str:
        return f"{self.bpm:g} bpm from {self.time_s:g} s" + (" (linear)" if self.curve == LINEAR else "")


def check_bpm(value: object, *, where: str = "") -> float:
    """Return a usable tempo [bpm], or `InvalidParameterError`."""
    number = _real(value)
    if number is None or not MIN_BPM <= number <= MAX_BPM:
        raise InvalidParameterError(
            f"bpm {value!r:.60}{where} is not a finite number from {MIN_BPM:g} to {MAX_BPM:g}.",
            hint="The tempo stays as it was.",
            parameter="bpm",
        )
    return number


def check_beats_per_bar(value: object) -> int:
    """Return a usable number of beats, or `InvalidParameterError`."""
    number = _real(value)
    if number is None or number != math.floor(number) or not 1 <= number <= MAX_BEATS_PER_BAR:
        raise InvalidParameterError(
            f"beats_per_bar {value!r:.60} is not a whole number from 1 to {MAX_BEATS_PER_BAR}.",
            hint="The metre stays as it was.",
            parameter="beats_per_bar",
        )
    return int(number)


def parse_entries(entries: Iterable[Any]) -> tuple[TempoEntry, ...]:
    """Check all of a map before any of it is used.

    Parameters
    ----------
    entries : iterable of (seconds, bpm) or (seconds, bpm, curve)

    Raises
    ------
    InvalidParameterError
        With ``context["index"]`` of the first entry that cannot be used.
    """
    if isinstance(entries, (str, bytes, Mapping)) or not isinstance(entries, Iterable):
        raise InvalidParameterError(
            f"A tempo map is a list of (seconds, bpm) pairs, not {type(entries).__name__}.", hint=_HINT
        )
    parsed: list[TempoEntry] = []
    for index, item in enumerate(entries):
        if index >= MAX_ENTRIES:
            raise InvalidParameterError(f"A tempo map has at most {MAX_ENTRIES} entries.", hint=_HINT, index=index)
        entry = _entry(index, item)
        if parsed and entry.time_s <= parsed[-1].time_s:
            raise InvalidParameterError(
                f"Entry {index} of the tempo map is at {entry.time_s:g} s, not after entry {index - 1} "
                f"at {parsed[-1].time_s:g} s.",
                hint="Sort the entries by time and give each time once.",
                index=index,
            )
        parsed.append(entry)
    if not parsed:
        raise InvalidParameterError(
            "The tempo map has no entries.", hint="For one tempo throughout, set bpm instead.", index=0
        )
    return tuple(parsed)


_HINT = 'Write [(0.0, 120.0), (8.0, 140.0)], with "linear" as third item for a ramp to the next entry.'


def _entry(index: int, item: Any) -> TempoEntry:
    if isinstance(item, TempoEntry):
        item = (item.time_s, item.bpm, item.curve)
    usable = isinstance(item, Iterable) and not isinstance(item, (str, bytes, Mapping))
    parts = tuple(itertools.islice(item, 4)) if usable else ()
    if len(parts) not in (2, 3):
        raise InvalidParameterError(
            f"Entry {index} of the tempo map, {item!r:.60}, is not (seconds, bpm) or (seconds, bpm, curve).",
            hint=_HINT,
            index=index,
        )
    time_s = _real(parts[0])
    if time_s is None or not 0.0 <= time_s <= MAX_TIME_S:
        raise InvalidParameterError(
            f"Entry {index} of the tempo map is at {parts[0]!r:.60}, which is not a finite time from 0 s on.",
            hint="The first entry's tempo also holds before it, and before time zero.",
            index=index,
        )
    curve = parts[2] if len(parts) == 3 else STEP
    if not isinstance(curve, str) or curve not in (STEP, LINEAR):
        raise InvalidParameterError(
            f"Entry {index} of the tempo map has the curve {curve!r:.60}.",
            hint='A curve is "step" or "linear".',
            index=index,
        )
    try:
        bpm = check_bpm(parts[1], where=f" in entry {index} of the tempo map")
    except InvalidParameterError as error:
        error.context["index"] = index
        raise
    return TempoEntry(time_s + 0.0, bpm, "linear" if curve == LINEAR else "step")


def _real(value: object) -> float | None:
    """`value` as a finite float; None for booleans, texts, NaN, infinities and everything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None
