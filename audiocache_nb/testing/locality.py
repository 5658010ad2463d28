"""Checks of locality: the same numbers however the sound is cut, and no more neighbours than declared."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.calculator import Local
from audiocache_nb.features.track import Events, FeatureTrack
from audiocache_nb.testing.bench import Bench
from audiocache_nb.testing.cases import Case
from audiocache_nb.testing.values import differing_rows, same

FAR_FRAMES = 600
FAR_FROM_ENDS = (*range(1, 33), 48, 64, 96, 128, 192)
THREADS = 3
MAX_HOPS = 16
OWN_INPUT = (
    "Compute each row from its own input: no totals over all rows received, nothing kept between calls, "
    "which come from several threads and in any order."
)


def neighbours(case: Case) -> None:
    """How far apart two frames may be of which one depends on the other."""
    locality = case.calculator.locality
    if not isinstance(locality, Local):
        case.log.skip("neighbours", "it declares acn.whole")
        return
    if not case.result.is_rows:
        got = f"a {type(case.result.raw).__name__}, which is not rows"
        case.log.problem("neighbours", got, "Declare locality=acn.whole.", case.where)
        return
    before, after = case.calculator.halo(case.profile, case.main.item.params)
    seen = _reach(case, 0)
    if seen[0] <= before and seen[1] <= after:
        if not before and not after:
            return
        if max(seen) < max(before, after):
            case.log.note(
                "neighbours",
                f"here a row depends on {max(seen)} of the {max(before, after)} frames declared on either side",
                "",
                case.where,
            )
        return
    seen = _reach(case, FAR_FRAMES)
    needs = max(seen)
    got = f"a row depends on frames {seen[0]} before and {seen[1]} after it, and declared are {before} and {after}"
    if needs > FAR_FRAMES // 4:
        got = f"a row depends on frames {needs} away, as far as was looked"
        advice = "Declare locality=acn.whole, or compute each row from its own input."
    else:
        advice = f"Declare locality=acn.local({needs}), or compute each row from its own input."
    case.log.problem("neighbours", got, advice, case.where)


def _reach(case: Case, frames: int) -> tuple[int, int]:
    """Frames before and after a row that it depends on: what changes when only they do."""
    bench = case.bench(case.sound(frames, seed=1))
    base = bench.call().rows
    places = {len(base) // 2, len(base) // 3}
    if bench.item.dependencies:  # what has rows of features instead of silence around it may look further at the ends
        near = {bench.before, bench.before + 1, bench.after, bench.after + 1, *(FAR_FROM_ENDS if frames else ())}
        places |= near | {len(base) - one for one in near}
    before = after = 0
    # loud noise moves what looks for the largest, faint noise what looks for the smallest
    noise = np.random.default_rng(2).uniform(-0.95, 0.95, bench.samples.shape).astype(np.float32)
    for samples in (noise, noise * np.float32(0.001)):
        other = case.bench(samples)
        swap = _swap_features if bench.item.dependencies else _swap_samples
        for j in places:
            if not 0 < j < len(base):
                continue
            changed = np.flatnonzero(differing_rows(base[:j], swap(case, bench, j, other, later=True)[:j]))
            after = max(after, j - int(changed[0]) if len(changed) else 0)
            changed = np.flatnonzero(differing_rows(base[j:], swap(case, bench, j, other, later=False)[j:]))
            before = max(before, int(changed[-1]) + 1 if len(changed) else 0)
    return before, after


def _swap_samples(case: Case, bench: Bench, j: int, other: Bench, *, later: bool) -> NDArray[Any]:
    """The rows when all sound is replaced that is in none of the frames before `j`, or from `j` on."""
    samples = bench.samples.copy()
    if later:
        start = max(0, bench.framing.end_sample(j - 1))
        samples[start:] = other.samples[start:]
    else:
        end = max(0, bench.framing.first_sample(j))
        samples[:end] = other.samples[:end]
    return case.bench(samples).call().rows


def _swap_features(_case: Case, bench: Bench, j: int, other: Bench, *, later: bool) -> NDArray[Any]:
    """The rows when the features it is derived from are others from row `j` on, or before."""
    rows = slice(j, None) if later else slice(j)

    def joined(own: FeatureTrack, foreign: FeatureTrack) -> FeatureTrack:
        if not own.is_framewise:
            return own
        data = own.data.copy()
        data[rows] = foreign.data[rows]
        return dataclasses.replace(own, data=data)

    needed = tuple(joined(*pair) for pair in zip(bench.needed(), other.needed(), strict=True))
    return bench.call(needed=needed).rows


def cutting(case: Case) -> None:
    """The same numbers for any cut, any number of threads, and sound that is not in memory."""
    log, rows = case.log, case.result.rows
    if case.calculator.is_local:
        for first, end in _runs_of(len(rows)):
            part = case.main.call(first, end).rows
            if not same(rows[first:end], part):
                where = int(np.flatnonzero(differing_rows(rows[first:end], part))[0]) + first
                log.problem(
                    "cutting",
                    f"another row {where} when frames {first} to {end - 1} are computed alone",
                    OWN_INPUT,
                    case.where,
                )
                return
    n = len(case.main.samples)
    hop = math.ceil(case.main.framing.hop_samples)
    engine: list[tuple[str, Callable[[], FeatureTrack]]] = [
        ("in one piece", case.main.by_engine),
        ("read in pieces of 999 samples", partial(case.main.by_engine, piece_samples=999)),
    ]
    if case.calculator.is_local:
        sizes = sorted({n // 2 + 1, max(7 * hop + 3, n // 20), max(hop, n // 50)})
        engine += [(f"cut into pieces of {size} samples", partial(case.main.by_engine, size=size)) for size in sizes]
        many = partial(case.main.by_engine, size=max(hop, n // 20), threads=THREADS)
        engine.append((f"in {THREADS} threads", many))
    for how, run in engine:
        try:
            data = run().data
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            case.failed(error, "cutting", how)
            return
        if not same(_as_stored(case, rows), data):
            advice = (
                "Compute each row from its own input, and keep nothing on self or outside: calls come from any thread."
            )
            log.problem("cutting", f"other numbers {how}", advice, case.where)
            return


def _as_stored(case: Case, rows: NDArray[Any]) -> NDArray[Any]:
    """The numbers as the engine stores them: events in order of time."""
    if isinstance(case.result.raw, Events):
        return rows[np.argsort(rows[:, 0], kind="stable")]
    return rows.astype(case.main.layout.dtype) if case.result.is_rows else rows


def _runs_of(count: int) -> list[tuple[int, int]]:
    """Runs of frames to compute alone: single ones, short ones, halves, both ends."""
    marks = [0, 1, 3, 10, count // 2, count - 1, count]
    kept = sorted({min(max(0, mark), count) for mark in marks})
    runs = [*itertools.pairwise(kept), (count // 3, count), (5, count - 2)]
    return [(first, end) for first, end in runs if end > first]


def shift(case: Case) -> None:
    """Sound that comes later by a hop gives rows that come later by one."""
    calculator, bench = case.calculator, case.main
    if not isinstance(calculator.locality, Local):
        case.log.skip("shift", "not asked of calculators that declare acn.whole")
        return
    if calculator.depends_on_tempo:
        case.log.skip("shift", "it depends on the tempo, and so on where in time it is")
        return
    hop = bench.framing.hop_samples
    hops = next((m for m in range(1, MAX_HOPS + 1) if float(m * hop).is_integer()), None)
    if hops is None:
        case.log.skip("shift", "no number of hops is a number of samples")
        return
    silence = np.zeros((int(hops * hop), bench.samples.shape[1]), np.float32)
    later = case.bench(np.vstack([silence, bench.samples])).call().rows
    rows, margin = case.result.rows, _margin(bench)
    wanted = rows[margin : max(margin, len(rows) - margin)]
    got = later[hops + margin :][: len(wanted)]
    if not same(wanted, got):
        where = margin + int(np.flatnonzero(differing_rows(wanted, got))[0]) if len(wanted) == len(got) else margin
        case.log.problem(
            "shift",
            f"row {where} is not row {where + hops} when the sound comes {hops} hop{'' if hops == 1 else 's'} later",
            "A row should not depend on where in the recording it is.",
            case.where,
        )


def _margin(bench: Bench) -> int:
    """Rows at either end that may know of the end: those of frames that reach beyond it, and their neighbours."""
    framing = bench.framing
    total = math.ceil(max(framing.left_samples, framing.right_samples) / framing.hop_samples)
    items = [bench.item]
    while items:
        item = items.pop()
        calculator = item.calculator
        local = isinstance(calculator.locality, Local)
        total += max(calculator.halo(item.descriptor.used_profile, item.params)) if local else bench.count
        items.extend(item.dependencies)
    return total
