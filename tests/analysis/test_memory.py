"""Memory: a long recording needs its results and a few blocks, whatever its length. Bytes are counted, not time."""

from __future__ import annotations

import gc
import threading
import tracemalloc

import numpy as np
import pytest
from support.passes import analyse, held, made_of, noise

from audiocache_nb.audio.source import AudioSource
from audiocache_nb.features.profile import AnalysisProfile

RATE = 44100


class Endless:
    """A pass over noise that repeats itself: any length, in the memory of one second."""

    def __init__(self, frames: int, channels: int) -> None:
        self._second = noise(1 << 16, channels)
        self._left = frames

    def read(self, frames: int) -> np.ndarray:
        block = self._second[: min(frames, self._left, len(self._second))]
        self._left -= len(block)
        return block

    def close(self) -> None:
        pass


def long(frames: int, channels: int = 2):
    """A source of any length that can only be read from beginning to end."""
    return AudioSource.from_reader(
        lambda: Endless(frames, channels),
        sample_rate=RATE,
        channels=channels,
        frames=frames,
        digest=f"sha256:{frames:064x}",
        name="long",
    )


def peak_over_output(source, wanted, *, threads: int = 2, profile: AnalysisProfile | None = None) -> int:
    """Bytes in use at the worst moment, less those of the results."""
    analyse(held(noise(100_000)), wanted, profile)  # whatever is imported or made once
    tracemalloc.start()
    try:
        found = analyse(source, wanted, profile, threads=threads)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not found.errors
    return peak - sum(track.nbytes for track in found.tracks.values())


PEAK = made_of(lambda frames: np.abs(frames).max(axis=1), feature="peak")
FEW = ["rms", "mvmnt.rms", "waveform", PEAK]


@pytest.mark.parametrize("minutes", [2, 10])
def test_the_peak_over_the_results_does_not_grow_with_the_length(minutes):
    assert peak_over_output(long(minutes * 60 * RATE), FEW) < 16 << 20


def test_a_spectrogram_needs_little_more_than_itself():
    assert peak_over_output(long(3 * 60 * RATE), ["spectrogram", "rms", "waveform"]) < 16 << 20


def test_every_thread_needs_its_blocks_only():
    sizes = [peak_over_output(long(60 * RATE), FEW, threads=threads) for threads in (1, 4)]
    assert sizes[1] - sizes[0] < 3 * (6 << 20)


def test_an_array_is_not_copied():
    source = held(noise(60 * RATE, 2))
    assert source.array.nbytes > 20 << 20
    assert peak_over_output(source, FEW) < 8 << 20


def test_buffers_do_not_grow_with_every_block():
    """What is left over when a calculator has seen a thousand blocks is what was there after ten."""
    levels: list[int] = []

    def look(frames):
        levels.append(tracemalloc.get_traced_memory()[0])
        return frames[:, 0]

    tracemalloc.start()
    try:
        analyse(long(40 * 60 * RATE, 1), [made_of(look)], AnalysisProfile(window_size=256, hop_size=256))
    finally:
        tracemalloc.stop()
    assert len(levels) > 500
    assert max(levels[-100:]) - max(levels[10:110]) < 1 << 20


def test_jobs_that_are_over_leave_nothing_behind(desk):
    here = desk(2)
    source = held(noise(200_000))

    def run(times: int) -> int:
        for _ in range(times):
            here.run(source, *FEW)
            here.sink.calls.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = run(20)
        after = run(40)
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # one of the results has 50,000 bytes, a job's have 84,000
    assert sum(thread.name.startswith("audiocache_nb job") for thread in threading.enumerate()) == 0
