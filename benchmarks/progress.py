"""What it costs to report progress, and how much of it is heard."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from report import Row, Section
from rounds import Sample, in_turn

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.events import Event, ProgressChanged

REPORTS = 100_000
COST_TARGET_US = 2.0
EVENTS_TARGET = 20.0


def _session(function: Any, feature: str) -> tuple[acn.Session, Any]:
    registry = Registry(entry_points=False)
    registry.register(FunctionCalculator(function, feature=feature, inputs="samples", version=1))
    session = acn.Session(cache_dir=False, registry=registry)
    return session, session.add_audio(np.zeros(1000, np.float32), 44100)


def _talk(_samples: Any, *, ctx: Any) -> Any:
    for number in range(REPORTS):
        ctx.progress(number / REPORTS)
    return acn.Global(0.0)


def _mutter(_samples: Any) -> Any:
    def nobody(value: float) -> None:
        """Hear nothing."""

    for number in range(REPORTS):
        nobody(number / REPORTS)
    return acn.Global(0.0)


def _compute(function: Any) -> None:
    session, track = _session(function, "talk")
    with session:
        session.get(track, "talk")


def _heard_per_second(seconds: float) -> tuple[float, int]:
    heard: list[Event] = []

    def for_long(_samples: Any, *, ctx: Any) -> Any:
        end_s = time.monotonic() + seconds
        count = 0
        while (left_s := end_s - time.monotonic()) > 0:
            ctx.progress(1 - left_s / seconds)
            count += 1
        return acn.Global(float(count))

    session, track = _session(for_long, "talk")
    with session:
        session.subscribe(heard.append)
        began_s = time.monotonic()
        count = int(session.get(track, "talk").data[0, 0])
        elapsed_s = time.monotonic() - began_s
        session.store.flush(5)
    return sum(isinstance(event, ProgressChanged) for event in heard) / elapsed_s, count


def measure(*, quick: bool) -> Section:
    """Cost per report, then the number of events."""
    rounds = 3 if quick else 9
    seconds = in_turn({"reports": lambda: _compute(_talk), "none": lambda: _compute(_mutter)}, rounds)
    cost = Sample(
        tuple((a - b) / REPORTS * 1e6 for a, b in zip(seconds["reports"].values, seconds["none"].values, strict=True))
    )
    heard, count = _heard_per_second(1.0 if quick else 4.0)
    return Section(
        "Progress",
        [
            Row("one report", cost.median, "µs", COST_TARGET_US, "less", f"median of {rounds} times {REPORTS:,}"),
            Row("events heard per second", heard, "/s", EVENTS_TARGET, "less", f"of {count:,} reports"),
        ],
    )
