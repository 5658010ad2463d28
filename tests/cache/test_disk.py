"""Entries on disk: what is put is got, by another process's eyes as well."""

from __future__ import annotations

import dataclasses
import os
import stat
import threading

import numpy as np
import pytest
import safetensors.numpy
from support.tracks import entry_path, key_of, long_data, make_track

from audiocache_nb.cache import metadata
from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.store import CacheStore
from audiocache_nb.features.track import FeatureTrack


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "cache")


def same(one, other):
    assert one.data.dtype == other.data.dtype
    np.testing.assert_array_equal(one.data, other.data)
    for name in ("feature", "calculator_id", "version", "label", "unit", "axes", "fill_value", "hop_seconds"):
        assert getattr(one, name) == getattr(other, name)
    for name in (
        "start_seconds",
        "scale",
        "offset",
        "key",
        "alignment",
        "format",
        "profile_id",
        "parameters",
        "provenance",
    ):
        assert getattr(one, name) == getattr(other, name)
    assert one.axis_coords.keys() == other.axis_coords.keys()
    for axis, values in one.axis_coords.items():
        np.testing.assert_array_equal(values, other.axis_coords[axis])


def test_nothing_of_a_track_is_forgotten():
    kept = {*metadata.FIELDS, *metadata.NUMBERS, *metadata.MAPPINGS, "axes", "data", "axis_coords"}
    assert kept == {field.name for field in dataclasses.fields(FeatureTrack)}


def test_what_is_put_is_got_by_others(root):
    track = make_track(scale=0.25, offset=-80.0, start_seconds=0.125, alignment="start", format="events")
    assert DiskCache(root).put(track) == "written"
    found = DiskCache(root).get(track.key)
    same(found, track)
    assert type(found.parameters["range"]) is tuple
    assert type(found.parameters["names"]) is list


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4"])
@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (1,), (7, 3), (4, 2, 3)])
def test_every_type_and_empty_ones(root, dtype, shape):
    track = make_track(data=(np.arange(np.prod(shape)).reshape(shape) % 7).astype(dtype))
    cache = DiskCache(root)
    assert cache.put(track) == "written"
    np.testing.assert_array_equal(cache.get(track.key).data, track.data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.0, 1e-310])
def test_every_fill_value(root, value):
    cache, track = DiskCache(root), make_track(fill_value=value)
    cache.put(track)
    assert repr(cache.get(track.key).fill_value) == repr(value)


def test_names_on_an_axis_and_odd_parameters(root):
    odd = {"$int": 1, "big": 1 << 80, "bytes": b"\xff", "nested": {"a": (1, [2.5, None])}, "sur": "\ud800", 3: 4}
    track = make_track(axis_coords={"band": np.array(["low", "mid", "hoch ü"])}, parameters=odd)
    cache = DiskCache(root)
    assert cache.put(track) == "written"
    found = cache.get(track.key)
    assert found.parameters == odd
    assert found.axis_coords["band"].tolist() == ["low", "mid", "hoch ü"]


def test_other_readers_of_the_container_read_an_entry(root):
    """An independent reader, with checks of its own, finds the same arrays."""
    track = make_track(data=long_data(3))
    DiskCache(root).put(track)
    path = entry_path(root, track.key)
    found = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(found["data"], track.data)
    np.testing.assert_array_equal(found["coords.band"], track.axis_coords["band"])
    with open(path, "rb") as file:
        assert (8 + int.from_bytes(file.read(8), "little")) % 64 == 0


def test_a_long_feature_is_read_only_where_it_is_touched(root):
    track = make_track(data=long_data(16))
    DiskCache(root).put(track)
    cache = DiskCache(root)
    found = cache.get(track.key)
    opening = cache.counters.bytes_read
    assert opening < 1 << 17
    assert found.rows_or_array.chunks_checked == 0
    rows = found.rows(5000, 5100)
    np.testing.assert_array_equal(rows, track.data[5000:5100])
    assert not rows.flags.writeable
    assert rows.ctypes.data % 64 == 0 or rows.ctypes.data % 16 == 0
    assert found.rows_or_array.chunks_checked == 1
    assert cache.counters.bytes_read - opening == 1 << 17
    found.rows(5000, 5100)
    assert cache.counters.bytes_read - opening == 1 << 17  # once is enough
    found.rows(1000, 1100)  # over the edge of two
    assert found.rows_or_array.chunks_checked == 3
    np.testing.assert_array_equal(found.data, track.data)
    assert found.rows_or_array.chunks_checked == found.rows_or_array.chunks == 128


def test_what_one_session_has_checked_another_one_need_not(root):
    track = make_track(data=long_data(4))
    DiskCache(root).put(track)
    first = DiskCache(root).get(track.key)
    first.rows(0, 10)
    second = DiskCache(root).get(track.key)
    assert second.rows_or_array.chunks_checked == 1


def test_only_the_owner_may_look(root):
    old = os.umask(0)
    try:
        track = make_track()
        DiskCache(root).put(track)
    finally:
        os.umask(old)
    path = entry_path(root, track.key)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    while path != root:
        path = os.path.dirname(path)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    assert sorted(os.listdir(root)) == [".gitignore", "CACHEDIR.TAG", "v1"]
    with open(os.path.join(root, "CACHEDIR.TAG"), "rb") as tag:
        assert tag.read().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_looking_makes_nothing(root):
    cache = DiskCache(root)
    assert cache.get(key_of("a")) is None
    assert key_of("a") not in cache
    assert not os.path.exists(root)


def test_no_user_text_in_paths(root):
    hostile = "../../../etc/passwd\n\0" + "x" * 5000
    track = make_track(key=hostile, feature="../x")
    cache = DiskCache(root)
    assert cache.put(track) == "written"
    assert cache.get(hostile).key == hostile
    names = [name for _, folders, files in os.walk(root) for name in folders + files]
    assert all(name.replace(".safetensors", "").isalnum() for name in names if not name.startswith((".git", "CACHE")))


@pytest.mark.parametrize("track", [make_track(provenance={"uncacheable": "a closure"})])
def test_what_must_not_be_stored_is_not(root, track):
    cache = DiskCache(root)
    assert cache.put(track) == "refused"
    assert not os.path.exists(root)


def test_what_cannot_be_stored_is_noted(root):
    cache = DiskCache(root)
    assert cache.put(make_track(parameters={"a": object()})) == "refused"
    assert "object cannot be stored" in cache.notes.texts[0]


@pytest.mark.parametrize("operation", ["write", "replace"])
def test_what_is_thrown_away_while_it_is_written_is_gone_at_once(root, operation):
    store, track = CacheStore(DiskCache(root)), make_track()
    there, go = threading.Event(), threading.Event()

    def before(name, path):
        if name == operation:
            there.set()
            assert go.wait(60)

    store.disk.files.before = before
    store.put(track)
    assert there.wait(60)
    assert store.get(track.key) is track
    store.discard(track.key)
    assert store.get(track.key) is None
    assert track.key not in store
    go.set()
    for _ in range(2):
        assert store.get(track.key) is None
        assert track.key not in store
        assert store.flush(60)
    store.put(track)  # and may come again
    assert store.get(track.key) is track
    assert store.flush(60)
    assert DiskCache(root).get(track.key) is not None
    store.close()
