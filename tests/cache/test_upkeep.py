"""Looking after the directory: orphans, the budget, a start that looks at nothing, writing in the background."""

from __future__ import annotations

import errno
import gc
import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import numpy as np
import pytest
from support.tracks import entry_path, key_of, long_data, make_track

from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.files import Files
from audiocache_nb.cache.report import SessionCache
from audiocache_nb.cache.store import CacheStore
from audiocache_nb.cache.sweep import Owner
from audiocache_nb.testing.faults import FaultFiles


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "cache")


def owner_of(files: Files) -> Owner:
    return Owner.this(files)


DAY_S = 86400.0


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system does not tell when processes began")
@pytest.mark.parametrize(
    ("change", "age_s", "swept"),
    [
        ({}, 0, False),  # ours
        ({}, 2 * DAY_S, True),  # nobody writes that long
        ({"process": 1 << 22}, 0, True),  # there is no such process
        ({"started": "1"}, 0, True),  # another one has its number now
        ({"boot": "0" * 12}, 0, True),  # the machine was started anew
        ({"host": "0" * 12}, 0, False),  # of another machine: who knows
        ({"host": "0" * 12}, 2 * DAY_S, True),
        ({"process": 1 << 22}, -2 * DAY_S, True),  # the clock was put back
        ({"host": "0" * 12}, -2 * DAY_S, False),
        ({"process": 1 << 22, "started": ""}, 0, False),  # it could not be told there
    ],
)
def test_orphans_are_swept_if_their_process_is_dead(root, change, age_s, swept):
    """D14."""
    import dataclasses

    cache = DiskCache(root)
    cache.put(make_track())
    orphan = pathlib.Path(root, "v1", "tmp", f"{dataclasses.replace(owner_of(Files()), **change)}-0011")
    orphan.write_bytes(b"half")
    os.utime(orphan, (time.time() - age_s,) * 2)
    DiskCache(root).tidy()
    assert orphan.exists() != swept


@pytest.mark.parametrize("name", ["x", "a-b-c-d-e", "a-b-99999999999999-d-e", "a-b-²-d-e", "notes.txt"])
def test_what_is_no_temporary_file_of_ours_is_old_before_it_is_swept(root, name):
    DiskCache(root).put(make_track())
    path = pathlib.Path(root, "v1", "tmp", name)
    path.write_bytes(b"?")
    DiskCache(root).tidy()
    assert path.exists()
    os.utime(path, (0, 0))
    DiskCache(root).tidy()
    assert not path.exists()


def test_an_entry_bigger_than_the_budget_is_not_written(root):
    """D17."""
    cache = DiskCache(root, 1000)
    assert cache.put(make_track(data=long_data(1))) == "refused"
    assert "bigger than the cache's whole budget" in cache.notes.texts[0]
    store = CacheStore(DiskCache(root, 1000))
    store.put(make_track(data=long_data(1)))
    assert store.get(key_of("a")) is not None


def put_old(cache: DiskCache, name: str, *, seconds: float, age_s: float) -> str:
    track = make_track(name, data=long_data(1), seconds=seconds)
    assert cache.put(track) == "written"
    path = entry_path(cache.place.root, track.key)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_what_is_cheapest_to_compute_again_leaves_first(root):
    cache = DiskCache(root, 50 << 20)
    dear = [put_old(cache, f"dear {n}", seconds=60.0, age_s=DAY_S) for n in range(4)]
    cheap = [put_old(cache, f"cheap {n}", seconds=0.01, age_s=DAY_S) for n in range(4)]
    cache.budget.budget_bytes = 5 << 20
    removed, size = cache.keep_budget()
    assert removed == 4
    assert size > 4 << 20
    assert all(map(os.path.exists, dear))
    assert not any(map(os.path.exists, cheap))
    assert cache.counters.evicted == 4


def test_of_equal_cost_what_was_not_used_for_longest_leaves_first(root):
    cache = DiskCache(root, 50 << 20)
    paths = [put_old(cache, f"n {n}", seconds=1.0, age_s=n * DAY_S) for n in range(6)]
    cache.budget.budget_bytes = 4 << 20
    cache.keep_budget()
    assert [os.path.exists(path) for path in paths] == [True] * 3 + [False] * 3


def test_use_is_noted(root):
    cache = DiskCache(root)
    path = put_old(cache, "a", seconds=1.0, age_s=10 * DAY_S)
    assert cache.get(key_of("a")) is not None
    assert time.time() - os.stat(path).st_mtime < 600


def test_writing_keeps_the_budget_by_itself(root):
    store = CacheStore(DiskCache(root, 10 << 20))
    for number in range(30):
        store.put(make_track(str(number), data=long_data(1)))
    assert store.flush(30)
    deadline_s = time.monotonic() + 30
    while SessionCache(pathlib.Path(root), 1).info().bytes > 10 << 20 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    info = SessionCache(pathlib.Path(root), 1).info()
    assert 0 < info.bytes <= 10 << 20
    store.close()


def test_a_map_outlives_its_entry(root):
    """D8."""
    track = make_track(data=long_data(4))
    cache = DiskCache(root)
    cache.put(track)
    found = cache.get(track.key)
    found.rows(0, 10)
    DiskCache(root).discard(track.key)
    other = make_track(data=long_data(4) + 1)
    DiskCache(root).put(other)
    np.testing.assert_array_equal(found.data, track.data)
    assert cache.counters.corrupt == 0
    np.testing.assert_array_equal(cache.get(track.key).data, other.data)


def test_a_start_looks_at_no_entry(root):
    """D19: whatever the number of entries, a start, a hit, a miss and a write list no folder."""
    DiskCache(root).put(make_track())
    files = FaultFiles()
    cache = DiskCache(root, files=files)
    assert cache.get(key_of("a")) is not None
    assert cache.get(key_of("b")) is None
    assert key_of("b") not in cache
    cache.put(make_track("b"))
    assert "listing" not in files.counts
    assert len(files.calls) < 60


def test_a_hit_and_a_miss_take_few_calls(root):
    DiskCache(root).put(make_track(data=long_data(4)))
    files = FaultFiles()
    cache = DiskCache(root, files=files)
    cache.get(key_of("b"))
    files.calls.clear()
    cache.get(key_of("b"))
    assert files.calls == ["open"]
    files.calls.clear()
    cache.get(key_of("a"))
    assert len(files.calls) <= 10
    assert files.counts["read"] <= 2


def test_each_entry_is_one_file_and_there_is_no_index(root):
    """D12, D24: nothing can be missing beside an entry, and nothing has to be built anew."""
    DiskCache(root).put(make_track())
    found = [path for path in pathlib.Path(root, "v1").rglob("*") if path.is_file()]
    assert [str(path) for path in found] == [entry_path(root, key_of("a"))]
    assert DiskCache(root).get(key_of("a")) is not None


# --- in the background -------------------------------------------------------------------------


class Slow(Files):
    """A disk on which each write takes a while, and can be held up."""

    def __init__(self):
        self.go, self.writing = threading.Event(), threading.Event()

    def write(self, descriptor, data):
        self.writing.set()
        assert self.go.wait(30)
        return super().write(descriptor, data)


def test_putting_does_not_wait_for_the_disk(root):
    files = Slow()
    store = CacheStore(DiskCache(root, files=files))
    store.put(make_track())
    assert files.writing.wait(10)
    assert store.get(key_of("a")) is not None
    assert not store.flush(0)
    files.go.set()
    assert store.flush(10)
    assert DiskCache(root).get(key_of("a")) is not None


def test_closing_does_not_wait_for_the_disk(root):
    files = Slow()
    store = CacheStore(DiskCache(root, files=files))
    for number in range(3):
        store.put(make_track(str(number)))
    assert files.writing.wait(10)
    closed = threading.Thread(target=store.close, args=(0.01,))
    closed.start()
    closed.join(10)
    assert not closed.is_alive()
    files.go.set()
    assert store.flush(10)
    assert list(DiskCache(root).entries()) == []
    assert os.listdir(os.path.join(root, "v1", "tmp")) == []
    store.put(make_track("later"))  # memory only, from now on
    assert store.get(key_of("later")) is not None


def test_closing_writes_what_it_can(root):
    store = CacheStore(DiskCache(root))
    for number in range(20):
        store.put(make_track(str(number)))
    store.close(10)
    assert len(list(DiskCache(root).entries())) == 20


def test_what_waits_for_the_disk_is_bounded(root, monkeypatch):
    monkeypatch.setattr("audiocache_nb.cache.writer.MAX_TRACKS", 3)
    files = Slow()
    disk = DiskCache(root, files=files)
    store = CacheStore(disk)
    tracks = [make_track(str(number)) for number in range(9)]
    store.put(tracks[0])
    assert files.writing.wait(10)
    for track in tracks[1:]:
        store.put(track)
    assert disk.counters.unwritten == 5
    assert "slower than the analysis" in disk.notes.texts[0]
    files.go.set()
    deadline_s = time.monotonic() + 30
    while len(list(disk.entries())) < 9 and time.monotonic() < deadline_s:  # the others, once there is time
        time.sleep(0.01)
    assert len(list(disk.entries())) == 9


def test_what_could_not_be_written_is_written_when_the_disk_recovers(root, monkeypatch):
    """D3."""
    monkeypatch.setattr("audiocache_nb.cache.disk.RETRY_S", 1e-9)
    monkeypatch.setattr("audiocache_nb.cache.disk.MAX_RETRY_S", 1e-9)
    files = FaultFiles(0, errno.ENOSPC, only={"write"})
    store = CacheStore(DiskCache(root, files=files))
    tracks = [make_track(str(number)) for number in range(3)]
    for track in tracks[:2]:
        store.put(track)
    assert store.flush(10)
    assert list(store.disk.entries()) == []
    files.fail_at = None
    store.put(tracks[2])
    deadline_s = time.monotonic() + 30
    while len(list(store.disk.entries())) < 3 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert all(DiskCache(root).get(track.key) is not None for track in tracks)


def test_what_is_discarded_while_it_is_written_does_not_come_back(root):
    files = Slow()
    store = CacheStore(DiskCache(root, files=files))
    store.put(make_track())
    store.put(make_track("b"))
    assert files.writing.wait(10)
    assert set(store.discard_audio("sha256:0")) == {key_of("a"), key_of("b")}
    files.go.set()
    assert store.flush(10)
    assert list(store.disk.entries()) == []
    assert store.get(key_of("a")) is None


def test_a_store_that_nobody_uses_any_more_goes_with_its_thread(root, monkeypatch):
    monkeypatch.setattr("audiocache_nb.cache.writer.IDLE_S", 0.01)
    store = CacheStore(DiskCache(root))
    store.put(make_track())
    assert store.flush(10)
    thread, gone = store.writer._thread, weakref.ref(store)
    if thread is not None:
        thread.join(10)
    del store
    gc.collect()
    assert gone() is None


def test_a_script_that_ends_without_closing_has_written_its_results(tmp_path):
    script = """
        import numpy as np, audiocache_nb as acn
        session = acn.Session(%r)
        session.get(session.add_audio(np.ones(44100, np.float32), 44100), "rms")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script) % str(tmp_path)], check=True)
    assert len(list(DiskCache(str(tmp_path)).entries())) == 1
