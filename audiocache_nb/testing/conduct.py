"""Checks of how a calculator behaves: towards its input, its surroundings, and those who wait for it."""

from __future__ import annotations

import itertools
import math
import numbers
import os
import random
import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.derived import block_rows
from audiocache_nb.analysis.shared import batch_frames
from audiocache_nb.errors import Cancelled
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.track import Events, Global, Matrix
from audiocache_nb.testing.bench import Bench
from audiocache_nb.testing.cases import WRITES, Case
from audiocache_nb.testing.signals import lively
from audiocache_nb.testing.values import numbers_of, same

LOOK_S = 0.1
ALLOWANCE = 3.0  # for machines that are slower, or busy with other things
RUNS = 3
SHORT_S, LONG_S, HOUR_S = 3.0, 12.0, 3600.0


def input_kept(case: Case) -> None:
    """What goes in comes out as it was."""
    if case.result.wrote:
        case.log.problem("input", "it has written to it", WRITES, case.where)


def own_memory(case: Case) -> None:
    """What it returns belongs to nobody else."""
    first, again = case.result, case.main.call()
    arrays = _arrays(first.raw)
    if any(np.may_share_memory(a, b) for a in arrays for b in _arrays(again.raw)):
        case.log.problem(
            "memory",
            "two calls return the same memory",
            "Make a new array in every call: several threads call it at once.",
            case.where,
        )
    copied = isinstance(case.calculator, FunctionCalculator) or not first.is_rows  # by the engine
    if not copied and any(np.may_share_memory(a, numbers_of(b)) for a in arrays for b in first.inputs):
        case.log.problem("memory", "a view of the input", "Return a copy: np.array(...).", case.where)


def _arrays(raw: Any) -> list[NDArray[Any]]:
    match raw:
        case Events():
            parts = [raw.times_s, raw.values]
        case Global():
            parts = [raw.value]
        case Matrix():
            parts = [raw.values]
        case _:
            parts = [raw]
    return [part for part in parts if isinstance(part, np.ndarray)]


def repeats(case: Case) -> None:
    """The same again, bit for bit."""
    one = case.main.call().rows
    other = case.bench(case.main.samples).call().rows
    for again in (one, other):
        rows = case.result.rows
        if rows.shape == again.shape and np.array_equal(rows, again):
            continue
        if same(rows, again):
            case.log.note("repeats", "other last digits the second time", "", case.where)
        else:
            case.log.problem(
                "repeats",
                "other numbers the second time",
                "Seed random numbers inside (np.random.default_rng(0)), and keep nothing from call to call.",
                case.where,
            )
            return


def progress(case: Case) -> None:
    """What it says of its progress."""
    said = case.result.watch.said
    wrong = [value for value in said if not _is_share(value)]
    advice = "Say how much of this call is done, from 0 to 1."
    if wrong:
        case.log.problem("progress", f"{wrong[0]!r:.60}", advice, case.where)
        return
    for before, after in itertools.pairwise(said):
        if after < before:
            case.log.problem("progress", f"{after:g} after {before:g}", advice, case.where)
            return


def _is_share(value: Any) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(value) and 0 <= value <= 1


def looks(case: Case) -> None:
    """How long it goes without looking whether the job was cancelled."""
    long = _timed_bench(case, LONG_S)
    seconds = [long.call().longest_s]
    if seconds[0] > LOOK_S:
        seconds += [long.call().longest_s for _ in range(RUNS - 1)]
    longest_s = statistics.median(seconds)
    how = "Call ctx.checkpoint() in its loops, every 100 ms or so"
    if isinstance(case.calculator, FunctionCalculator) and not case.calculator._wants_context:
        how += " (a parameter named ctx receives the context)"
    if longest_s > ALLOWANCE * LOOK_S:
        got = f"{longest_s * 1000:.0f} ms without a look, for {long.source.duration:.3g} s of sound"
        case.log.problem("looks", got, f"{how}.", case.where)
    elif longest_s > LOOK_S:
        case.log.note("looks", f"{longest_s * 1000:.0f} ms without a look on this machine", f"{how}.", case.where)
    elif not case.calculator.is_local:
        short_s = _timed_bench(case, SHORT_S).call().longest_s
        hour_s = longest_s * HOUR_S / long.source.duration
        if longest_s > 2 * short_s and hour_s > ALLOWANCE * LOOK_S:
            case.log.note("looks", f"an hour of sound would take {hour_s:.2g} s without a look", f"{how}.", case.where)


def _timed_bench(case: Case, seconds: float) -> Bench:
    local = case.calculator.is_local
    n = case.samples_for(_rows_at_once(case.main)) if local else int(seconds * case.sample_rate)
    bench = case.bench(lively(n, 2, case.sample_rate))
    bench.needed()
    return bench


def _rows_at_once(bench: Bench) -> int:
    """Rows of one call of a local calculator by the engine."""
    if bench.item.dependencies:
        return block_rows(bench.width, bench.before + bench.after)
    return batch_frames(bench.framing)


def cancelling(case: Case) -> None:
    """It ends when it finds the job cancelled."""
    looked = len(case.result.watch.looks_s)
    if not looked:
        case.log.skip("cancelling", "it never looks: it is cancelled before or after a call")
    for number in sorted({1, looked} if looked else ()):
        got = ""
        try:
            case.main.call(cancel_at=number)
            got = "it goes on and returns a result"
        except Cancelled:
            continue
        except Exception as error:
            got = f"it raises {type(error).__name__} instead"
        case.log.problem(
            "cancelling",
            got,
            "Do not catch what ctx.checkpoint() raises: no bare except, no BaseException.",
            case.where,
        )
        return


def surroundings(case: Case) -> None:
    """Settings of the whole process are as they were."""
    legacy: Any = np.random.get_state()  # noqa: NPY002 - others' use of it is the question
    plain = random.getstate()
    try:
        np.random.random()  # noqa: NPY002 - so that setting the state to what it is by chance is seen, too
        random.random()  # noqa: S311
        before = _settings()
        call = case.main.call()
        after = _settings()
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(plain)
    changed = [name for name, value in before.items() if value != after[name]]
    if call.errors_handled_otherwise:
        changed.append(FLOATING)
    for name in changed:
        case.log.problem("surroundings", f"it changes {name}", f"Leave it alone; {_INSTEAD[name]}.", case.where)


FLOATING = "numpy's handling of floating-point errors"
_INSTEAD = {
    "the working directory": "use full paths",
    "numpy's global random numbers": "use np.random.default_rng(0)",
    "Python's global random numbers": "use random.Random(0)",
    FLOATING: "use with np.errstate(...)",
}


def _settings() -> dict[str, Any]:
    legacy: Any = np.random.get_state()  # noqa: NPY002 - others' use of it is the question
    return {
        "the working directory": os.getcwd(),  # noqa: PTH109
        "numpy's global random numbers": (legacy[1].tobytes(), legacy[2:]),
        "Python's global random numbers": random.getstate(),
    }
