"""What it costs to read features at times, and to move a timeline to another tempo."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from report import Row, Section
from rounds import Sample, in_turn, ratios
from signals import SAMPLE_RATE_HZ, music

import audiocache_nb as acn
from audiocache_nb.timeline.state import FeatureEntry, Slot

ONE_TARGET_US = 10.0
BATCH_TARGET = 50.0
COPY_TARGET = 2.0  # two rows are read for each time, where the copy reads one
EDIT_TARGET_MS = 1.0
TRACKS = 1000
EDITS = 20
BATCHES = 5
SECONDS = 60


def _rows(rounds: int, times: int) -> list[Row]:
    from scipy.interpolate import interp1d

    at = np.random.default_rng(3).uniform(1, SECONDS - 1, times)
    some = at[: max(1, times // 10)].tolist()
    with acn.Session(cache_dir=False) as session:
        track = session.add_audio(music(SECONDS), SAMPLE_RATE_HZ)
        spectrogram = session.get(track, "spectrogram")
        session.get(track, "rms")

        def loop(read: Callable[[float], Any]) -> None:
            for time_s in some:
                read(time_s)

        readers: dict[str, Callable[[], object]] = {}
        options: dict[str, dict[str, Any]] = {
            "linear": {},
            "cubic": {"interpolation": "cubic"},
            "linear, mean of 9 frames": {"smoothing": 4},
        }
        for name, chosen in options.items():
            sampler = session.sampler(track, "spectrogram", **chosen)
            readers[name] = lambda read=sampler.at: loop(read)
        readers["session.sample"] = lambda: loop(lambda t: session.sample(track, "spectrogram", t))
        # What gives the same array without the verb for it.
        for feature in ("spectrogram", "rms"):
            readers[f"rows of {feature}"] = lambda feature=feature: np.array(
                [session.sample(track, feature, t).values for t in at.tolist()]
            )
        # One after the other: the first one pays for 41 MB that the system has to hand out.
        readers["many"] = lambda: [len(session.sample_many(track, "spectrogram", at)) for _ in range(BATCHES)]
        # As much as 50 times faster than the loop could do: nothing is computed, one row is copied for each time.
        frames = (at / spectrogram.hop_seconds).astype(np.int64)
        values = spectrogram.data
        readers["copies"] = lambda: [len(np.take(values, frames, axis=0)) for _ in range(BATCHES)]
        readers["many, rms"] = lambda: session.sample_many(track, "rms", at)
        readers["interp1d"] = lambda: [
            interp1d(spectrogram.times_s, spectrogram.data, axis=0, copy=False)(t) for t in some[:20]
        ]
        seconds = in_turn(readers, rounds)

    def each(name: str, count: int) -> Sample:
        # Of the processor: nothing here waits for anything.
        return Sample(tuple(value / count * 1e6 for value in seconds[name].processor_s))

    one = {name: each(name, len(some)) for name in (*options, "session.sample")}
    many, many_rms = each("many", times * BATCHES), each("many, rms", times)
    naive = each("interp1d", min(20, len(some)))
    rows = [Row("one frame of 1025 bins, session.sampler, linear", one["linear"].median, "µs", ONE_TARGET_US)]
    rows.append(
        Row("one frame of 1025 bins, session.sample, linear", one["session.sample"].median, "µs", ONE_TARGET_US)
    )
    rows += [Row(f"one frame of 1025 bins, {name}", one[name].median, "µs") for name in list(options)[1:]]
    whole = f"{times:,} times"
    loop, loop_rms, copies = (
        each("rows of spectrogram", times),
        each("rows of rms", times),
        each("copies", times * BATCHES),
    )
    over_loop, over_loop_rms = ratios(loop, many), ratios(loop_rms, many_rms)
    said = f"{many_rms.median:.2g} µs each, {loop_rms.median:.2g} µs in the loop"
    rows.append(
        Row(
            f"rms at {whole} at once, over a loop of session.sample",
            over_loop_rms.median,
            "×",
            BATCH_TARGET,
            "more",
            said,
        )
    )
    said = (
        f"{many.median:.2g} µs each, {loop.median:.2g} µs in the loop; {BATCH_TARGET:g}× would be "
        f"{loop.median / BATCH_TARGET:.2g} µs, and a mere copy of one row for each takes {copies.median:.2g} µs"
    )
    rows.append(
        Row(
            f"1025 bins at {whole} at once, over a loop of session.sample",
            over_loop.median,
            "×",
            BATCH_TARGET,
            "more",
            said,
        )
    )
    over_copies = ratios(many, copies).median
    rows.append(Row(f"1025 bins at {whole} at once, over a copy of one row for each", over_copies, "×", COPY_TARGET))
    over_naive = ratios(naive, many).median
    rows.append(Row(f"1025 bins at {whole} at once, over a loop of interp1d", over_naive, "×", BATCH_TARGET, "more"))
    return rows


def _edits(rounds: int) -> Row:
    """A tempo edit of a timeline with many recordings, and everything that is shown of it in ticks and bars."""
    rng = np.random.default_rng(4)
    with acn.Session(cache_dir=False) as session:
        for n in range(TRACKS):
            session.add_audio(rng.uniform(-1, 1, 100).astype(np.float32), SAMPLE_RATE_HZ, offset_ticks=n * 10.0)
        first = next(iter(session.tracks.values()))
        names = ("rms", "waveform", "zcr")
        data = {name: session.get(first, name) for name in names}
        with session.store.changing() as change:
            for state in list(change.sources.values()):
                found = [session.registry.resolve(name) for name in names]
                entries = [
                    FeatureEntry(Slot.of(one), one, one.feature, state="fresh", track=data[one.feature])
                    for one in found
                ]
                change.put_source(dataclasses.replace(state).with_entries(*entries))
        hops_s = np.full(TRACKS, 512 / SAMPLE_RATE_HZ)
        tempos = itertools.count()

        def edits() -> None:
            for _ in range(EDITS):
                session.tempo.set_map([(0.0, float(next(tempos) % 200 + 40)), (30.0, 90.0, "linear"), (60.0, 140.0)])
                session.timeline.spans_s()
                session.tempo.hop_ticks(hops_s)
                session.tempo.bar_lines(0.0, 3600.0)

        found = in_turn({"edits": edits}, rounds)["edits"]
    detail = f"{TRACKS:,} recordings of three features: spans, hops in ticks, bar lines of an hour"
    return Row("tempo edit, projected", found.median / EDITS * 1000, "ms", EDIT_TARGET_MS, "less", detail)


def measure(*, quick: bool) -> Section:
    """Reading first, then the edit."""
    return Section("Sampling and tempo", [*_rows(3 if quick else 9, 10_000), _edits(7 if quick else 31)])
