"""The tempo of an MVMNT scene as entries of ours: automation before the map before the global tempo."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from audiocache_nb.timing.tempo_entries import MAX_BPM, MAX_TIME_S, MIN_BPM
from audiocache_nb.timing.tempo_map import TICKS_PER_QUARTER

DEFAULT_BPM = 120.0


def tempo_entries(core: Mapping[str, Any], warnings: list[str]) -> list[list[Any]]:
    """``[seconds, bpm, curve]``, strictly increasing.

    Parameters
    ----------
    core : mapping
        ``timeline.timeline`` of the envelope.
    warnings : list of str
        What could not be taken over is named here.
    """
    fallback = _bpm(core.get("globalBpm")) or DEFAULT_BPM
    automation = core.get("tempoAutomation")
    if isinstance(automation, Mapping) and automation.get("enabled") and automation.get("keyframes"):
        return _from_keyframes(automation["keyframes"], fallback, warnings)
    found: list[list[Any]] = []
    given = core.get("masterTempoMap") or []
    usable = [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    for entry in sorted(usable, key=lambda one: _number(one.get("time"), -1.0)):
        time_s = _number(entry.get("time"), -1.0)
        quarter_us = _number(entry.get("tempo"), 0.0)
        bpm = _bpm(60e6 / quarter_us) if quarter_us > 0 else _bpm(entry.get("bpm"))
        if not 0 <= time_s <= MAX_TIME_S or bpm is None:
            warnings.append(f"A tempo entry could not be taken over: {entry!r:.80}.")
        elif found and time_s <= found[-1][0]:
            warnings.append(f"Two tempo entries at {time_s:g} s; the later one counts.")
            found[-1] = [time_s, bpm, "step"]
        else:
            found.append([time_s, bpm, "linear" if entry.get("curve") == "linear" else "step"])
    return found or [[0.0, fallback, "step"]]


def beats_per_bar(core: Mapping[str, Any]) -> int:
    """Beats in a bar; 4 if that is not said."""
    value = core.get("beatsPerBar")
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 64 else 4


def _from_keyframes(keyframes: Any, fallback: float, warnings: list[str]) -> list[list[Any]]:
    """Tempos that hold from a tick on."""
    usable = []
    for one in keyframes if isinstance(keyframes, list) else ():
        bpm = _bpm(one.get("bpm")) if isinstance(one, Mapping) else None
        tick = _number(one.get("tick"), -1.0) if isinstance(one, Mapping) else -1.0
        if bpm is None or tick < 0:
            warnings.append(f"A tempo keyframe could not be taken over: {one!r:.80}.")
        else:
            usable.append((tick, bpm))
    found: list[list[Any]] = [[0.0, fallback, "step"]]
    at_tick, time_s, bpm_now = 0.0, 0.0, fallback
    for tick, bpm in sorted(usable):
        time_s += (tick - at_tick) / TICKS_PER_QUARTER * 60 / bpm_now
        if time_s > MAX_TIME_S:
            warnings.append(f"Tempo keyframes from tick {tick:g} on could not be taken over.")
            break
        at_tick, bpm_now = tick, bpm
        if time_s <= found[-1][0]:
            found[-1] = [found[-1][0], bpm, "step"]
        else:
            found.append([time_s, bpm, "step"])
    return found


def _bpm(value: object) -> float | None:
    number = _number(value, 0.0)
    return number if MIN_BPM <= number <= MAX_BPM else None


def _number(value: object, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return otherwise
    return float(value)
