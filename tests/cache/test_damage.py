"""Entries that are not what they were: never shown, set aside, counted, written anew."""

from __future__ import annotations

import errno
import os
import pathlib
import pickle
import shutil
import time

import numpy as np
import pytest
from support.tracks import entry_path, long_data, make_track

from audiocache_nb.cache import entry
from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.report import SessionCache
from audiocache_nb.errors import CacheCorruptionError


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "cache")


@pytest.fixture
def small():
    return make_track(data=np.arange(6, dtype=np.float32).reshape(3, 2), axis_coords={"band": np.array([1.0, 2.0])})


def written(root, track) -> pathlib.Path:
    assert DiskCache(root).put(track) == "written"
    return pathlib.Path(entry_path(root, track.key))


def set_aside(root) -> list[str]:
    folder = pathlib.Path(root, "v1", "quarantine")
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_every_bit_of_an_entry_matters(root, small):
    """D9: whichever bit is flipped, the entry is a miss; parsing alone decides, so that all of them are quick."""
    content = written(root, small).read_bytes()
    layout = entry.parse(content, len(content))
    first, end = layout.tail
    for byte in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[byte] ^= 1 << bit
            assert refused(bytes(damaged), small.key), (byte, bit)
    assert not refused(content, small.key)
    assert 0 < first < end == len(content)


def refused(content: bytes, key: str) -> bool:
    """What `DiskCache.get` does with the bytes of a small entry, without a file for each of 10,000 bits."""
    cache = DiskCache("/nowhere")
    cache.files = Bytes(content)
    try:
        found = cache._read(0, os.stat_result((0o100600, 1, 1, 1, 0, 0, len(content), 0, 0, 0)), key)
    except CacheCorruptionError:
        return True
    return found is None


class Bytes:
    """A file that is only in memory."""

    def __init__(self, content):
        self.content = content

    def read(self, descriptor, size, at):
        return self.content[at : at + size]


@pytest.mark.parametrize("place", ["length", "header", "padding", "data", "coords", "checks"])
def test_a_flipped_bit_is_a_miss_and_the_entry_is_set_aside(root, small, place):
    """D9, with real files, counters and all."""
    path = written(root, small)
    content = bytearray(path.read_bytes())
    layout = entry.parse(bytes(content), len(content))
    at = {
        "length": 0,
        "header": 200,
        "padding": layout.arrays["data"][2] - 1,
        "data": layout.arrays["data"][2] + 5,
        "coords": layout.arrays["coords.band"][2],
        "checks": layout.arrays["crc32"][2],
    }[place]
    content[at] ^= 4
    path.write_bytes(content)
    cache = DiskCache(root)
    damaged = []
    cache.on_damage = damaged.append
    assert cache.get(small.key) is None
    assert cache.counters.corrupt == 1
    assert damaged == [small.key]
    assert len(set_aside(root)) == 1
    assert not path.exists()
    assert "damaged" in cache.notes.texts[0]
    assert cache.put(small) == "written"
    np.testing.assert_array_equal(cache.get(small.key).data, small.data)


def test_truncation_at_every_byte_and_anything_appended(root, small):
    """D10."""
    content = written(root, small).read_bytes()
    assert all(refused(content[:size], small.key) for size in range(len(content)))
    assert all(refused(content + bytes(extra), small.key) for extra in (1, 7, 64, 1 << 20))


def test_a_header_that_promises_much_is_refused_before_anything_is_allocated(root):
    """D10: 16 EiB of header, then a table that speaks of terabytes."""
    assert refused(b"\xff" * 8 + b"{}", "k")
    honest = written(root, make_track(data=long_data(1))).read_bytes()
    assert refused(honest.replace(b'"shape":[1024,256]', b'"shape":[9024,256]'), make_track(data=long_data(1)).key)
    assert refused((1 << 23).to_bytes(8, "little") + b"[" * (1 << 22), "k")


def test_a_chunk_of_a_long_entry_that_is_damaged_harms_nobody_else(root):
    """D9: the other chunks can be read; the damaged one raises, tells, and is a miss from then on."""
    track = make_track(data=long_data(8))
    path = written(root, track)
    with path.open("r+b") as file:
        file.seek(-(5 << 20), os.SEEK_END)
        file.write(b"?")
    cache = DiskCache(root)
    damaged = []
    cache.on_damage = damaged.append
    found = cache.get(track.key)
    np.testing.assert_array_equal(found.rows(0, 1024), track.data[:1024])
    for _ in range(2):
        with pytest.raises(CacheCorruptionError, match="damaged"):
            found.data  # noqa: B018
    assert damaged == [track.key]
    assert cache.counters.corrupt == 1
    assert cache.get(track.key) is None
    assert cache.put(track) == "written"
    np.testing.assert_array_equal(cache.get(track.key).data, track.data)


def test_a_long_entry_that_is_cut_short_after_it_was_opened_is_an_error_and_no_crash(root):
    """D10: to touch the map there would end the process."""
    track = make_track(data=long_data(8))
    path = written(root, track)
    found = DiskCache(root).get(track.key)
    os.truncate(path, 1 << 20)
    with pytest.raises(CacheCorruptionError, match="cut short"):
        found.rows(7000, 7010)


def test_entries_that_were_swapped_are_no_hits(root):
    """D11."""
    one, two = make_track("one"), make_track("two")
    first, second = written(root, one), written(root, two)
    aside = first.with_suffix(".aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    cache = DiskCache(root)
    assert cache.get(one.key) is None
    assert cache.get(two.key) is None
    assert cache.counters.corrupt == 2
    assert len(set_aside(root)) == 2


def test_nothing_is_unpickled(root, small):
    """D26: a pickle in the place of an entry is bytes of an unknown kind."""

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (root + "/exploded",))

    path = written(root, small)
    path.write_bytes(pickle.dumps(Bomb()))
    cache = DiskCache(root)
    assert cache.get(small.key) is None
    assert cache.counters.corrupt == 1
    assert not os.path.exists(root + "/exploded")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 7, b"\0" * 4096, b"PK\x03\x04" + bytes(100), b"\x93NUMPY" + bytes(99)]
)
def test_files_of_another_kind_are_set_aside(root, small, content):
    written(root, small).write_bytes(content)
    cache = DiskCache(root)
    assert cache.get(small.key) is None
    assert len(set_aside(root)) == 1


def test_a_newer_format_is_left_alone(root, small, monkeypatch):
    """D22: one message, no counter, no other place."""
    with monkeypatch.context() as later:
        later.setattr(entry, "FORMAT", 99)
        path = written(root, small)
    later_content = path.read_bytes()
    (pathlib.Path(root) / "v99").mkdir()
    (pathlib.Path(root) / "v99" / "x").write_bytes(b"of a later version")
    cache = DiskCache(root)
    assert [cache.get(small.key) for _ in range(3)] == [None] * 3
    assert cache.counters.corrupt == 0
    assert len(cache.notes.texts) == 1
    assert "later version" in cache.notes.texts[0]
    assert path.read_bytes() == later_content
    assert SessionCache(pathlib.Path(root), 10**9).verify(repair=True).ok
    SessionCache(pathlib.Path(root), 10**9).gc()
    assert path.read_bytes() == later_content
    assert (pathlib.Path(root) / "v99" / "x").exists()


FIXTURE = pathlib.Path(__file__).with_name("entry_v1.safetensors")


def test_entries_of_released_versions_can_be_read(root):
    """D23: made once by the version that introduced the format, and never again."""
    track = make_track(key="fixture", data=np.arange(12, dtype=np.float32).reshape(4, 3))
    path = pathlib.Path(entry_path(root, "fixture"))
    path.parent.mkdir(parents=True)
    shutil.copy(FIXTURE, path)
    found = DiskCache(root).get("fixture")
    np.testing.assert_array_equal(found.data, track.data)
    assert found.parameters == track.parameters


@pytest.mark.parametrize("kind", ["file", "loop", "folder", "pipe"])
def test_what_stands_in_the_place_of_an_entry_is_not_followed(root, tmp_path, small, kind):
    """D18: neither read through nor written through."""
    path = written(root, small)
    victim = tmp_path / "victim"
    shutil.copy(path, victim)
    path.unlink()
    if kind == "file":
        path.symlink_to(victim)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    before = victim.read_bytes()
    cache = DiskCache(root)
    assert small.key not in cache
    assert cache.get(small.key) is None
    assert cache.put(small) == "written"
    assert not path.is_symlink()
    assert cache.get(small.key) is not None
    assert victim.read_bytes() == before
    assert victim.exists()


@pytest.mark.parametrize("level", ["v1", "outer", "inner", "tmp"])
def test_links_on_the_way_are_not_followed(root, tmp_path, small, level):
    """D18: a folder of the cache that is a link leads nowhere."""
    path = written(root, small)
    folder = {
        "v1": pathlib.Path(root, "v1"),
        "outer": path.parents[1],
        "inner": path.parent,
        "tmp": pathlib.Path(root, "v1", "tmp"),
    }[level]
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    cache = DiskCache(root)
    if level != "tmp":
        assert cache.get(small.key) is None
    cache.put(make_track("another"))
    after = [path for path in sorted(elsewhere.rglob("*")) if path not in before and path.is_file()]
    assert after == []


def test_the_quarantine_is_bounded(root, monkeypatch, small):
    monkeypatch.setattr("audiocache_nb.cache.sweep.QUARANTINE_FILES", 3)
    path = written(root, small)
    content = path.read_bytes()
    cache = DiskCache(root)
    for number in range(6):
        path.write_bytes(content[:-1] + bytes([content[-1] ^ (number + 1)]))
        assert cache.get(small.key) is None
    assert len(set_aside(root)) == 3
    assert cache.counters.corrupt == 6


def test_what_is_damaged_and_cannot_be_moved_is_a_miss_all_the_same(root, small):
    path = written(root, small)
    path.write_bytes(path.read_bytes()[:-1])
    from audiocache_nb.testing.faults import FaultFiles

    cache = DiskCache(root, files=FaultFiles(0, errno.EROFS, only={"replace", "unlink", "make_folder"}))
    assert [cache.get(small.key) for _ in range(3)] == [None] * 3
    assert small.key not in cache


def test_verify_reads_every_byte(root):
    tracks = [make_track(str(n), data=long_data(2)) for n in range(4)]
    paths = [written(root, track) for track in tracks]
    with paths[0].open("r+b") as file:
        file.seek(-(1 << 20), os.SEEK_END)
        file.write(b"?")
    os.truncate(paths[1], 1000)
    cache = SessionCache(pathlib.Path(root), 10**9)
    report = cache.verify()
    assert report.entries == 4
    assert not report.ok
    assert {problem.name for problem in report.problems} == {paths[0].name, paths[1].name}
    assert "Chunk 8" in str(report)
    assert set_aside(root) == []
    assert len(cache.verify(repair=True).problems) == 2
    assert len(set_aside(root)) == 2
    assert cache.verify().ok
    assert cache.gc().quarantined == 2


def test_a_clock_that_was_put_back_makes_nothing_old(root, small, monkeypatch):
    path = written(root, small)
    future_s = time.time() + 10 * 365 * 86400
    os.utime(path, (future_s, future_s))
    cache = DiskCache(root)
    assert cache.get(small.key) is not None
    assert abs(path.stat().st_mtime - time.time()) < 60
    assert SessionCache(pathlib.Path(root), 10**9).gc().bytes == 0
