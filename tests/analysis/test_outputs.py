"""Big results go into files without a name; a full disk means memory; the numbers are the same."""

from __future__ import annotations

import contextlib
import errno
import gc
import mmap
import os
import pathlib
import threading

import numpy as np
import pytest
from support.passes import analyse, held, made_of, noise, streamed

from audiocache_nb.analysis import outputs
from audiocache_nb.analysis.outputs import Outputs, RowsInFile, RowsInMemory
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch

pytestmark = pytest.mark.skipif(not hasattr(os, "pwrite"), reason="this system writes no files at a place")
PEAK = made_of(lambda frames: np.abs(frames[:, :40]), feature="peak")
WANTED = ["spectrogram", "mvmnt.spectrogram", "stft", "rms", PEAK]
FLOAT32 = np.dtype(np.float32)


def root(array: np.ndarray):
    """What the bytes of an array belong to."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def open_files() -> int:
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("storage", ["float32", "int16", "uint8"])
def test_the_numbers_are_the_same(tmp_path, storage):
    profile = AnalysisProfile(storage=storage)
    samples = noise(200_000)
    mapped = analyse(streamed(samples), WANTED, profile, size=20_000, threads=2, outputs=Outputs(tmp_path, 100_000))
    plain = analyse(held(samples), WANTED, profile)
    for name in mapped.tracks:
        np.testing.assert_array_equal(mapped.data(name), plain.data(name))
        assert mapped.data(name).dtype == plain.data(name).dtype
        big = mapped.data(name).nbytes >= 100_000
        assert isinstance(root(mapped.data(name)), mmap.mmap) is big
        assert not isinstance(root(plain.data(name)), mmap.mmap)
        assert not mapped.data(name).flags.writeable
    assert list(tmp_path.iterdir()) == []  # the file has no name


@pytest.mark.skipif(not pathlib.Path("/proc/self/fd").exists(), reason="needs /proc")
def test_nothing_is_left_open(tmp_path):
    gc.collect()
    before = open_files()
    for _ in range(3):
        analyse(held(noise(50_000)), ["spectrogram"], outputs=Outputs(tmp_path, 1))
        RowsInFile((100, 10), FLOAT32, tmp_path)  # which nobody finishes
    gc.collect()
    assert open_files() == before


def test_without_room_for_all_of_it_the_next_place_is_taken(tmp_path, monkeypatch):
    def full(handle, start, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert isinstance(Outputs(tmp_path, 1).rows((10, 10), FLOAT32), RowsInMemory)
    monkeypatch.undo()
    unusable = tmp_path / "file"
    unusable.write_text("")
    assert isinstance(Outputs(unusable, 1).rows((10, 10), FLOAT32), RowsInFile)  # where the system keeps such files


def test_a_disk_that_fills_up_on_the_way(tmp_path, monkeypatch, caplog):
    """Some blocks were written, some were not; all are there in the end."""
    write, calls = os.pwrite, []

    def sometimes(handle, data, at):
        calls.append(at)
        if 3 < len(calls) < 12 and len(calls) != 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: len(data) // 2 + 1], at)  # and never all at once

    monkeypatch.setattr(outputs.os, "pwrite", sometimes)
    samples = noise(100_000)
    found = analyse(held(samples), ["spectrogram"], size=9000, threads=2, outputs=Outputs(tmp_path, 1))
    monkeypatch.undo()
    np.testing.assert_array_equal(
        found.data("spectrogram"), analyse(held(samples), ["spectrogram"]).data("spectrogram")
    )
    assert caplog.text.count("Results stay in memory") == 1


def test_many_threads_write_each_their_rows(tmp_path):
    rows = RowsInFile((1000, 3), FLOAT32, tmp_path / "new" / "folder")
    expected = noise(3000).reshape(1000, 3)

    def work(first: int) -> None:
        scratch = Scratch()
        for start in range(first, 1000, 40):
            block = rows.block(start, min(start + 10, 1000), scratch)
            block[...] = expected[start : start + 10]
            rows.commit(start, block)

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(rows.finish(), expected)


def test_a_few_rows_stay_in_memory():
    assert isinstance(Outputs().rows((1000, 1025), FLOAT32), RowsInMemory)
    assert isinstance(Outputs(mapped_from_bytes=0).rows((0, 1025), FLOAT32), RowsInMemory)


def test_a_session_keeps_them_in_its_cache_directory(tmp_path):
    import audiocache_nb as acn

    with acn.Session(cache_dir=tmp_path) as session:
        session.timeline.scheduler.outputs.mapped_from_bytes = 1 << 20
        track = session.add_audio(noise(400_000), 44100)
        levels = session.get(track, "spectrogram")
        assert isinstance(root(levels.data), mmap.mmap)
        assert (tmp_path / "tmp").is_dir()
        assert not list((tmp_path / "tmp").iterdir())


def test_what_is_finished_is_not_looked_for_in_the_file_that_got_its_handle(tmp_path):
    rows = Outputs(tmp_path, mapped_from_bytes=1).rows((100, 3), FLOAT32)
    rows.commit(0, np.ones((100, 3), np.float32))
    assert rows.view() is not None
    rows.finish()
    with contextlib.ExitStack() as others:
        for number in range(4):
            others.enter_context((tmp_path / str(number)).open("wb"))
        assert rows.view() is None
