"""The suite of twelve features and the waveform: against others and the floor, alone, in memory, on threads."""

from __future__ import annotations

import os
import pathlib

import numpy as np
from arena import Result, compete
from contender import SUITE
from floor import floor
from peers import CONTENDERS
from report import Row, Section
from rounds import Sample, ratios
from signals import SAMPLE_RATE_HZ, music

OVER_DEFAULTS, OVER_TUNED, OVER_PEERS, OVER_SPECTROGRAM = 20.0, 12.0, 4.0, 8.0
OVER_MB = 16.0
ONE_THREAD, BYTES, COLUMNS = "here:workers=1", "here:storage=uint8", "here:spectrogram"
SPECTROGRAM_OF_LIBROSA = "librosa:spectrogram"
LIBROSA, TUNED = "librosa", "librosa, tuning given"


def samples_of(folder: pathlib.Path, seconds: float) -> pathlib.Path:
    """A file of float32 samples; longer ones repeat three minutes."""
    path = folder / f"{seconds:g}.f32"
    if not path.exists():
        piece = np.ascontiguousarray(music(min(seconds, 180))[:, 0])
        with path.open("wb") as file:
            left = int(seconds * SAMPLE_RATE_HZ)
            while left > 0:
                piece[:left].tofile(file)
                left -= len(piece)
    return path


def _times(name: str, theirs: Result, ours: Result, target: float | None = None) -> Row:
    """A row: how many times longer they took."""
    if theirs.problem or ours.problem:
        return Row(name, float("nan"), "×", None, "more", f"not measured: {theirs.problem or ours.problem}")
    times = ratios(theirs.seconds, ours.seconds)
    low, high = times.spread
    used = min(theirs.seconds.processor_s) / min(ours.seconds.processor_s)
    detail = (
        f"{low:.1f} to {high:.1f}; {_ms(theirs.seconds)} against {_ms(ours.seconds)};"
        f" processor time at best {used:.1f} ×; peak over input {theirs.output / 1e6 + theirs.over / 1e6:.0f} MB"
    )
    return Row(name, times.median, "×", target, "more", detail)


def _ms(sample: Sample) -> str:
    return f"{sample.median * 1000:.0f} ms" if sample.median < 10 else f"{sample.median:.1f} s"


def _memory(name: str, one: Result, target: float | None) -> Row:
    detail = one.problem or f"results {one.output / 1e6:.0f} MB"
    return Row(name, float("nan") if one.problem else one.over / 1e6, "MB", target, "less", detail)


def measure_short(folder: pathlib.Path, *, quick: bool) -> Section:
    """Three minutes, against everybody."""
    seconds, rounds = (30, 3) if quick else (180, 5)
    found = compete(["here:", ONE_THREAD, BYTES, *CONTENDERS], samples_of(folder, seconds), rounds)
    ours = found["here:"]
    targets = {LIBROSA: OVER_DEFAULTS, TUNED: OVER_TUNED}
    rows = [_times(_versus(name), found[name], ours, targets.get(name)) for name in CONTENDERS]
    others = {name: one for name, one in found.items() if name in CONTENDERS and not one.problem}
    fastest = min(others, key=lambda name: others[name].seconds.median)
    rows.append(_times(f"times faster than the fastest of them, {fastest}", others[fastest], ours, OVER_PEERS))
    rows.append(_memory("peak memory over input and results", ours, OVER_MB))
    rows.append(_times("faster with two and more threads than with one", found[ONE_THREAD], ours))
    rows.append(_times("with the spectrogram as uint8, times faster than librosa", found[LIBROSA], found[BYTES]))
    rows += _floor_rows(seconds, ours)
    return Section(
        f"Twelve features and the waveform, {seconds / 60:g} minutes",
        rows,
        f"{', '.join(SUITE)}; 44.1 kHz mono, windows of 2048 every 512 samples. Medians of {rounds} interleaved rounds"
        " with quartiles, every contender in a process of its own.",
        in_readme=True,
    )


def _versus(name: str) -> str:
    return {
        LIBROSA: "times faster than librosa, feature by feature, its defaults",
        TUNED: "times faster than librosa, feature by feature, chroma's tuning given",
    }.get(name, f"times faster than {name}")


def _floor_rows(seconds: float, ours: Result) -> list[Row]:
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    least = floor(int(seconds * SAMPLE_RATE_HZ), ours.output, threads)
    took = ours.seconds.median
    moved = f"{least.moved_bytes / 1e6:.0f} MB at the speed of a copy: {least.moving_s * 1000:.0f} ms"
    computed = f"{least.flops / 1e9:.1f} GFLOP at that of a matrix product: {least.computing_s * 1000:.0f} ms"
    return [
        Row("times the floor of this machine", took / least.seconds, "×", None, "less", f"{moved}; {computed}"),
        Row(
            "times scipy's transforms of the frames alone",
            took / least.transforms_s,
            "×",
            None,
            "less",
            f"{least.transforms_s * 1000:.0f} ms on {threads} threads, in the cache",
        ),
    ]


def measure_long(folder: pathlib.Path, *, quick: bool) -> Section:
    """An hour."""
    seconds, rounds = (300, 1) if quick else (3600, 2)
    path = samples_of(folder, seconds)
    names = ["here:", BYTES, COLUMNS, SPECTROGRAM_OF_LIBROSA, LIBROSA, TUNED, "torch"]
    found = compete(names, path, rounds, one_by_one=True)
    ours, alone = found["here:"], found[SPECTROGRAM_OF_LIBROSA]
    rows = [
        _times(_versus(LIBROSA), found[LIBROSA], ours, OVER_DEFAULTS),
        _times(_versus(TUNED), found[TUNED], ours, OVER_TUNED),
        _times(_versus("torch"), found["torch"], ours, OVER_PEERS),
        _times(
            "spectrogram alone, times faster than librosa",
            alone,
            found[COLUMNS],
            OVER_SPECTROGRAM,
        ),
        _memory("peak memory over input and results", ours, OVER_MB),
        _memory("peak memory over input and results, spectrogram as uint8", found[BYTES], OVER_MB),
        *_floor_rows(seconds, ours),
    ]
    if not ours.problem:
        small = ours.output - (1 + seconds * SAMPLE_RATE_HZ // 512) * 1025 * 4
        held = (ours.output + ours.over) / 1e6
        detail = f"the spectrogram is in a file; the other results are {small / 1e6:.0f} MB"
        rows.append(Row("peak memory over input, all results included", held, "MB", None, "less", detail))
    return Section(
        f"The same, {seconds / 60:g} minutes",
        rows,
        f"{rounds} interleaved rounds, every run in a new process. Memory below 0: the largest results are in a file.",
        in_readme=True,
    )


def measure_each(folder: pathlib.Path, *, quick: bool) -> Section:
    """Each feature alone, against librosa's function of the same name."""
    seconds, rounds = (30, 3) if quick else (180, 5)
    path, rows = samples_of(folder, seconds), []
    for name in SUITE:
        found = compete([f"here:{name}", f"librosa:{name}"], path, rounds)
        rows.append(_times(name, found[f"librosa:{name}"], found[f"here:{name}"]))
    return Section(
        f"Each feature alone, times faster than librosa, on {seconds / 60:g} minutes",
        rows,
        f"Medians of {rounds} interleaved rounds. Chroma's tuning is given on both sides.",
    )
