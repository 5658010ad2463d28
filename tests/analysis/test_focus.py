"""What is looked at is analysed first, and comes out the same."""

from __future__ import annotations

import io
import itertools
import threading

import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from support.passes import CALIBRATED, Gate, StreamReader, as_samples, held, item_of, noise, streamed

from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.engine import Pass
from audiocache_nb.analysis.plan import make_plan
from audiocache_nb.analysis.segments import Pending, SegmentReader
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.resampled import at_rate
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.errors import SourceChangedError

HOUR_SAMPLES = 3600 * 1000  # at 1000 Hz
SIZE = 10_000
JOIN_S = 60


def moving(places):
    """A focus that is somewhere else at every look, and sometimes nowhere."""
    turn = itertools.cycle(places)
    return lambda: next(turn)


def results(source, *, threads=1, size=SIZE, focus=lambda: None):
    """The rows of some calculators after one pass, by calculator."""
    plan = make_plan(source, [item_of(source, one) for one in CALIBRATED])
    work, found, problems = Pass(plan, Control(), size=size, focus=focus), {}, []
    workers = [threading.Thread(target=work.work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(JOIN_S)
    work.close()
    if work.error is not None:
        raise work.error
    assert work.complete
    work.finish(lambda item, track: found.update({item.calculator.id: track.data}), lambda *one: problems.append(one))
    assert not problems
    return found


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, rows in wanted.items():
        np.testing.assert_array_equal(found[name], rows, err_msg=name)


def order_of(source, *, focus, size=SIZE):
    """Numbers of the segments as they are handed out."""
    reader = SegmentReader(source, 1024, 1024, mono=True, size=size, focus=focus)
    buffers, found = reader.buffers(), []
    while (segment := reader.next(buffers)) is not None:
        found.append(segment.first // size)
        wanted = np.zeros((len(segment.samples), source.channels), np.float32)
        low, high = max(0, segment.origin), min(source.frames, segment.origin + len(wanted))
        wanted[low - segment.origin : high - segment.origin] = source.read(low, high - low)
        np.testing.assert_array_equal(segment.samples, wanted)
        assert segment.is_last == (segment.end == source.frames)
    reader.close()
    return found


@pytest.fixture
def stored(tmp_path):
    """A function that stores samples in a file of some kind."""

    def store(samples, kind, subtype="PCM_16"):
        path = tmp_path / f"sound.{kind.lower()}"
        soundfile.write(path, samples, 8000, format=kind, subtype=subtype)
        return path

    return store


@given(
    count=st.integers(0, 40),
    looks=st.lists(st.none() | st.tuples(st.integers(-5, 45), st.integers(0, 9)), min_size=40, max_size=40),
)
@settings(max_examples=60)
def test_next_is_the_closest_one_and_of_those_the_earliest(count, looks):
    pending, left = Pending(count), set(range(count))
    for look in looks:
        near = None if look is None else (look[0], look[0] + look[1])
        chosen = pending.take(near)
        if not left:
            assert chosen is None
            continue
        low, high = (0, 0) if near is None else (min(max(0, one), count - 1) for one in near)
        assert chosen == min(left, key=lambda k: (max(low - k, k - high, 0), k))
        left.remove(chosen)


def test_after_a_few_segments_of_an_hour_the_middle_is_there():
    samples = np.zeros(HOUR_SAMPLES, np.float32)
    samples[::777] = 0.5
    gate = Gate("clock", after=12, inputs="frames", version=1)
    source = held(samples, 1000)
    plan = make_plan(source, [item_of(source, gate.calculator)])
    looked_at = (HOUR_SAMPLES // 2, HOUR_SAMPLES // 2 + 3 * SIZE)
    work = Pass(plan, Control(), size=SIZE, focus=lambda: looked_at)
    worker = threading.Thread(target=work.work)
    worker.start()
    gate.wait()
    growing = work.growing(plan.groups[0].tasks[0].item.key)
    gate.open()
    worker.join(JOIN_S)
    work.close()
    assert work.complete
    times_s = growing.track.times_s
    there = times_s[growing.done]
    shown = (times_s >= looked_at[0] / 1000) & (times_s < looked_at[1] / 1000)
    assert growing.done[shown].all()
    assert there.min() > 0.4 * HOUR_SAMPLES / 1000
    assert there.max() < 0.6 * HOUR_SAMPLES / 1000


def test_the_rest_follows_outwards_and_the_latest_look_counts():
    looks = [(50_000, 60_000)] * 4 + [None] * 2 + [(10**9, 10**9)] * 2
    source = held(noise(100_000), 8000)
    turn = iter([*looks, None, None])
    assert order_of(source, focus=lambda: next(turn, None)) == [5, 4, 6, 3, 0, 1, 9, 8, 2, 7]


@pytest.mark.parametrize("kind", ["array", "WAV", "FLAC"])
@pytest.mark.parametrize("threads", [1, 2])
def test_results_are_those_of_a_pass_in_order(kind, threads, stored):
    samples = noise(130_001, 2)
    source = held(samples, 8000) if kind == "array" else load(stored(samples, kind))
    places = [(60_000, 75_000), None, (125_000, 130_001), (0, 1), (60_000, 61_000)]
    assert_same(results(source, threads=threads, focus=moving(places)), results(source))


@pytest.mark.parametrize("kind", ["array", "WAV", "FLAC"])
def test_results_at_another_sample_rate_do_not_depend_on_the_order_either(kind, stored):
    samples = noise(130_001, 2)
    source = at_rate(held(samples, 8000) if kind == "array" else load(stored(samples, kind)), 5000)
    assert source.sample_rate == 5000
    assert_same(results(source, focus=lambda: (50_000, 60_000)), results(source))


@given(
    n=st.integers(1, 20_000),
    size=st.integers(51, 9000),
    looks=st.lists(st.none() | st.integers(0, 20_000), min_size=1, max_size=12),
)
@settings(max_examples=30)
def test_results_with_any_segments_and_looks(n, size, looks):
    source = seeking(noise(n))[0]
    focus = moving([None if look is None else (look, look + 500) for look in looks])
    assert_same(results(source, size=size, focus=focus), results(source, size=size))


class SeekingReader(StreamReader):
    """Goes anywhere at once, and counts what it has read and where it went."""

    seeks_exactly = True

    def __init__(self, samples, counts):
        super().__init__(samples, 3000)
        self._counts = counts

    def read(self, frames):
        block = super().read(frames)
        self._counts["read"] += len(block)
        return block

    def seek(self, frame):
        self._counts["seeks"] += 1
        super().seek(frame)


def seeking(values):
    """A source whose places can all be read at once, and what was read of it."""
    samples, counts = as_samples(values), {"read": 0, "seeks": 0}
    return streamed(samples, opener=lambda: SeekingReader(samples, counts)), counts


def test_nothing_but_the_overlaps_is_decoded_twice():
    source, counts = seeking(noise(200_000))
    assert len(results(source, focus=lambda: (100_000, 140_000))) == 3
    reach = make_plan(source, [item_of(source, one) for one in CALIBRATED]).reach_samples
    assert counts["seeks"] > 5
    assert counts["read"] <= 200_000 + counts["seeks"] * sum(reach)
    counts.update(read=0, seeks=0)
    results(source)
    assert counts == {"read": 200_000, "seeks": 0}
    results(source, focus=lambda: (0, 200_000))  # everything is looked at
    assert counts == {"read": 400_000, "seeks": 0}


@pytest.mark.parametrize("kind", ["reader", "OGG", "MP3"])
def test_what_can_only_be_read_in_order_is(kind, stored):
    samples = noise(60_000)
    if kind == "reader":
        source = streamed(samples, 8000)
    else:
        source = load(stored(samples, kind, "VORBIS" if kind == "OGG" else "MPEG_LAYER_III"))
    assert order_of(source, focus=lambda: (50_000, 60_000)) == list(range(-(-source.frames // SIZE)))


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_files_are_read_where_they_are_looked_at(kind, stored):
    assert order_of(load(stored(noise(60_000), kind)), focus=lambda: (50_000, 60_000)) == [5, 4, 3, 2, 1, 0]


def test_a_stream_that_breaks_off_is_read_in_order():
    buffer = io.BytesIO()
    soundfile.write(buffer, noise(100_000), 8000, format="FLAC")
    data = buffer.getvalue()
    source = load(data[: len(data) // 2], allow_partial=True)
    assert source.health.truncated
    assert order_of(source, focus=lambda: (30_000, 40_000)) == list(range(-(-source.frames // SIZE)))


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_file_that_became_shorter_is_noticed(kind, stored):
    path = stored(noise(100_000), kind)
    source = load(path)
    whole = results(source)
    reader_of = source.origin.open

    def cut_after_opening(on_block):
        reader = reader_of(on_block)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
        return reader

    cut = AudioSource.from_reader(
        lambda: cut_after_opening(None),
        sample_rate=source.sample_rate,
        channels=source.channels,
        frames=source.frames,
        digest=source.digest,
        name="cut",
    )
    assert len(whole["rms"])
    with pytest.raises(SourceChangedError):
        results(cut, focus=lambda: (10_000, 20_000))
