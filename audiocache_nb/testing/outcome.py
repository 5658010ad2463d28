"""Checks of what comes out: for any length, any number of channels, silence and harsh sound."""

from __future__ import annotations

import numpy as np

from audiocache_nb.features.track import Global, Matrix
from audiocache_nb.testing.cases import Case, is_refusal
from audiocache_nb.testing.signals import harsh, lively, silence
from audiocache_nb.testing.values import RELATIVE

CHANNELS = (1, 2, 8)


def runs(case: Case) -> bool:
    """Whether there is a first result; without one, nothing else can be looked at."""
    try:
        call = case.result
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if is_refusal(error):
            case.log.note("runs", f"it refuses this: {error}", "", case.where)
        else:
            case.failed(error, "runs", "lively sound")
        return False
    if call.is_rows and call.rows.dtype.kind != "c":
        largest = float(np.abs(call.rows.astype(np.float64)).max(initial=0.0))
        if largest > float(np.finfo(np.float32).max):
            case.log.problem(
                "finite", f"{largest:.3g}, which float32 cannot hold", "Scale it, or use decibels.", case.where
            )
    return True


def lengths(case: Case) -> None:
    """Recordings of no sample, of one, and of just less than a window."""
    windows = {case.profile.window_size, case.main.framing.window_samples}
    for n in sorted({0, 1, *(window - 1 for window in windows), *windows}):
        where = f"{n} sample{'' if n == 1 else 's'}"
        samples = lively(n, 2, case.sample_rate)
        try:
            bench = case.bench(samples)
            track = bench.by_engine()
            if n:
                bench.call()  # which looks closer than the engine does
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            case.failed(error, "lengths", where)
            continue
        if track.is_framewise and track.frame_count != bench.count:
            case.log.problem("lengths", f"{track.frame_count} rows, not {bench.count}", "One row per frame.", where)


def channels(case: Case) -> None:
    """Mono, stereo, and more."""
    n = case.samples_for(8)
    for count in CHANNELS:
        where = f"{count} channel{'' if count == 1 else 's'}"
        case.try_bench(lively(n, count, case.sample_rate), "channels", where)


def signals(case: Case) -> None:
    """Sound at the edges of what there is."""
    for name, samples in harsh(case.samples_for(16), 2, case.sample_rate).items():
        case.try_bench(samples, "signals", name)


def silent(case: Case) -> None:
    """Silence is what the layout says."""
    call = case.try_bench(silence(case.samples_for(16), 2), "silence", "silence")
    if call is None or not call.is_rows or not call.rows.size:
        return
    fill = case.main.layout.fill_value
    rows = call.rows
    off = np.abs(rows - fill) > RELATIVE * max(1.0, abs(fill))
    if not off.any():
        return
    if len(np.unique(rows)) > 1 and (rows == rows[0]).all():
        case.log.note(
            "silence", f"silence is another number in each column, {rows.min():.6g} to {rows.max():.6g}", "", case.where
        )
        return
    place = tuple(int(index) for index in np.argwhere(off)[0])
    value = rows[place]
    case.log.problem(
        "silence",
        f"{value:.6g} in row {place[0]}, where the fill value is {fill:.6g}",
        f"Declare fill_value={value:.6g}, or make silence {fill:.6g}.",
        case.where,
    )


def within(case: Case) -> None:
    """Events lie within the recording."""
    call = case.result
    if call.is_rows or isinstance(call.raw, (Global, Matrix)) or not call.rows.size:
        return
    times_s, duration_s = call.rows[:, 0], case.main.source.duration
    if times_s.min() < 0 or times_s.max() > duration_s:
        case.log.problem(
            "times",
            f"events from {times_s.min():.3f} s to {times_s.max():.3f} s in {duration_s:.3f} s of sound",
            "Give times in seconds of the recording.",
            case.where,
        )
