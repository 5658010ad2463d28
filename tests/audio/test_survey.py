from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.audio import survey as module
from audiocache_nb.audio.digest import SampleDigest
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.origins import ArrayReader
from audiocache_nb.audio.survey import survey
from audiocache_nb.errors import AudioLimitError

SAMPLES = np.random.default_rng(0).standard_normal((2000, 2)).astype(np.float32) * 0.1


class Reusing:
    """Gives pieces of uneven sizes in one buffer that it overwrites."""

    def __init__(self, samples, sizes):
        self._samples, self._sizes, self._turn, self._position = samples, sizes, 0, 0
        self._buffer = np.empty_like(samples)

    def read(self, frames):
        size = min(frames, self._sizes[self._turn % len(self._sizes)])
        self._turn += 1
        piece = self._samples[self._position : self._position + size]
        self._position += len(piece)
        self._buffer[:] = np.nan
        self._buffer[: len(piece)] = piece
        return self._buffer[: len(piece)]

    def seek(self, frame):
        self._position = frame

    def close(self):
        pass


@given(st.lists(st.integers(5, 1500), min_size=1, max_size=5), st.integers(10, 5000))
def test_the_result_does_not_depend_on_blocks(sizes, block_samples):
    found = survey(Reusing(SAMPLES, sizes), sample_rate=8000, channels=2, block_samples=block_samples)
    digest = SampleDigest(8000, 2)
    digest.update(SAMPLES)
    assert found.digest == digest.finish()
    report = found.meter.report()
    assert report.decoded_frames == 2000
    assert report.peak == np.abs(SAMPLES).max()
    assert report.issues == ()


def test_nan_enters_the_digest_as_zero():
    broken, clean = SAMPLES.copy(), SAMPLES.copy()
    broken[100] = [np.nan, np.inf]
    clean[100] = 0
    one = survey(Reusing(broken, [1000]), sample_rate=8000, channels=2)
    two = survey(Reusing(clean, [700]), sample_rate=8000, channels=2)
    assert one.digest == two.digest
    assert one.meter.nan_samples == one.meter.infinite_samples == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_giving_up_between_blocks_leaves_nothing_behind(error, encoded, sound, open_descriptors):
    data = encoded("FLAC", "PCM_16", sound(900_000))
    files, threads = open_descriptors(), threading.active_count()
    calls = []

    def give_up(done, promised):
        calls.append((done, promised))
        if len(calls) == 3:
            raise error

    with pytest.raises(error):
        load(data, on_block=give_up)
    assert [promised for _, promised in calls] == [900_000] * 3
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert open_descriptors() == files
    assert threading.active_count() == threads


def test_on_block_ends_with_everything(encoded):
    calls = []
    source = load(encoded("WAV", "PCM_16"), on_block=lambda *facts: calls.append(facts))
    assert calls[-1] == (source.frames, source.frames)


def test_an_error_of_the_digest_is_not_lost(monkeypatch):
    def broken(self, block):
        raise MemoryError

    monkeypatch.setattr(module.SampleDigest, "update", broken)
    with pytest.raises(MemoryError):
        survey(ArrayReader(SAMPLES), sample_rate=8000, channels=2, block_samples=100)


def test_a_stream_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLES", 100_000)

    class Endless(Reusing):
        def read(self, frames):
            return self._samples

    with pytest.raises(AudioLimitError, match="100,000 samples"):
        survey(Endless(SAMPLES, [1]), sample_rate=8000, channels=2)
