"""How soon work ends when it is told to, and how late the main thread is while it goes on."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import Row, Section
from rounds import Sample
from signals import endless

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry

HOURS = 12
CANCEL_TARGET_MS = 50.0
LATENESS_TARGET_MS = 10.0
TIMER_S = 0.001


def _flux(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    """One number per frame: a spectrogram of twelve hours would not fit."""
    rise = np.diff(spectrum, axis=0)[:-1]
    found: NDArray[np.float32] = np.maximum(rise, 0).sum(axis=1)
    return found


def _registry() -> Registry:
    registry = Registry(entry_points=False)
    flux = FunctionCalculator(_flux, feature="benchmark.flux", inputs="spectrum", locality=acn.local(1), version=1)
    registry.register(flux)
    return registry


def cancelling(times: int) -> Sample:
    """Milliseconds from `session.stop` to the end of the job's last thread."""
    chance, found = random.Random(4), []
    with acn.Session(cache_dir=False, registry=_registry(), ask_above_s=math.inf, ask_above_mb=math.inf) as session:
        track = session.add_audio(endless(HOURS))
        for _ in range(times):
            (job,) = session.request(track, ["rms", "waveform", "benchmark.flux"])
            while job.progress.value <= 0:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.05))
            began_s = time.perf_counter()
            session.stop(track)
            job.wait()
            found.append((time.perf_counter() - began_s) * 1000)
            assert job.state == "cancelled"
    return Sample(tuple(found))


def lateness(seconds: float) -> Sample:
    """Milliseconds by which a timer of 1 kHz on this thread is late."""
    found = []
    due_s = time.perf_counter() + TIMER_S
    end_s = due_s + seconds
    while due_s < end_s:
        time.sleep(max(0.0, due_s - time.perf_counter()))
        now_s = time.perf_counter()
        found.append((now_s - due_s) * 1000)
        due_s = max(due_s + TIMER_S, now_s)  # a late beat does not make the next ones late
    return Sample(tuple(found))


def lateness_while_analysing(seconds: float) -> Sample:
    """As `lateness`, with a job of twelve hours on all workers."""
    with acn.Session(cache_dir=False, registry=_registry(), ask_above_s=math.inf, ask_above_mb=math.inf) as session:
        track = session.add_audio(endless(HOURS))
        (job,) = session.request(track, ["rms", "waveform", "benchmark.flux"])
        while job.progress.value <= 0:
            time.sleep(0.001)
        found = lateness(seconds)
        assert job.state == "running"
        session.stop(track)
        job.wait()
    return found


def lateness_with_a_slow_function(seconds: float) -> Sample:
    """As `lateness`, with a calculator in pure Python, which holds the interpreter's lock."""

    def slow(_samples: Any, *, ctx: Any) -> None:
        total = 0
        while True:
            ctx.checkpoint()
            total += sum(range(1000))

    registry = _registry()
    registry.register(FunctionCalculator(slow, feature="slow", inputs="samples", version=1))
    with acn.Session(cache_dir=False, registry=registry) as session:
        track = session.add_audio(np.zeros(1000, np.float32), 44100)
        (job,) = session.request(track, ["slow"])
        time.sleep(0.1)
        found = lateness(seconds)
        session.stop(track)
        job.wait()
    return found


def measure(*, quick: bool) -> Section:
    """Cancelling, then the timer: idle, and while something is going on."""
    times, seconds = (40, 1.0) if quick else (300, 5.0)
    stop = cancelling(times)
    rows = [
        Row(f"from stop to the end of the job, p50 of {times}", stop.median, "ms", None),
        Row("from stop to the end of the job, p99", stop.quantile(0.99), "ms", CANCEL_TARGET_MS, "less", _worst(stop)),
    ]
    cases: list[tuple[str, Callable[[float], Sample], float | None]] = [
        ("nothing is going on", lateness, None),
        ("analysing", lateness_while_analysing, LATENESS_TARGET_MS),
        ("a calculator in pure Python", lateness_with_a_slow_function, None),
    ]
    for name, function, target in cases:
        late = function(seconds)
        detail = f"p50 {late.median:.2f} ms, {_worst(late)}"
        rows.append(Row(f"lateness of a 1 kHz timer, {name}, p99", late.quantile(0.99), "ms", target, "less", detail))
    return Section(f"Latency with a recording of {HOURS} hours", rows)


def _worst(sample: Sample) -> str:
    return f"worst {max(sample.values):.1f} ms"
