"""Pyramids are kept between sessions, and go with their features."""

from __future__ import annotations

import dataclasses
import mmap
import pathlib

import numpy as np
import pytest
from support.wait import until

import audiocache_nb as acn
from audiocache_nb.cache.derived import pyramid_key
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.sampling import shelf
from audiocache_nb.sampling.pyramid import Pyramid
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.tiles import tile_service

RATE_HZ = 8000
WAIT_S = 60


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Short features have their pyramids kept, too."""
    monkeypatch.setattr(shelf, "PAYS_FROM_BYTES", 1 << 18)


@pytest.fixture
def built(monkeypatch):
    """How many pyramids were built from data."""
    count = []
    made = Pyramid._split

    def split(self, rows, counts):
        if rows.flags.writeable:
            count.append(self)
        made(self, rows, counts)

    monkeypatch.setattr(Pyramid, "_split", split)
    return count


@pytest.fixture(scope="module")
def audio():
    noise = np.random.default_rng(3).normal(0, 0.1, 60 * RATE_HZ).astype(np.float32)
    return noise + np.sin(np.arange(len(noise)) ** 2 / 4e6).astype(np.float32) / 2, RATE_HZ


@pytest.fixture
def registry():
    """Features wide and long enough, with and without a range that is known beforehand."""
    made = Registry()

    def steep(spectrum):
        return np.asarray(spectrum) ** 4

    def level(frames):
        return frames[:, :500] * 30

    made.register(FunctionCalculator(steep, feature="steep", version=1, inputs="spectrum"))
    made.register(FunctionCalculator(level, feature="level", version=1))
    return made


def picture_of(session, track, name):
    """The picture that a plot shows, once it is there."""
    found = session.peek(track, name)
    if found is None:
        session.get(track, name)
        found = session.peek(track, name)
    plot = FeaturePlot(session, track, name, waveform=False)
    service = tile_service(session)
    until(lambda: service.picture(found) is not None or service.failure(found))
    picture = service.picture(found)
    assert picture is not None
    plot.close()
    return found, picture


def tiles_of(picture):
    pyramid = picture.pyramid
    return [
        pyramid.tile(level, index)[1].copy()
        for level in range(pyramid.levels)
        for index in range(-(-pyramid.bucket_count(level) // pyramid.tile_buckets))
    ]


def seen(picture):
    return dataclasses.replace(picture, pyramid=None)


def is_mapped(array):
    while array is not None and not isinstance(array, mmap.mmap):
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return array is not None


def path_of(session, key):
    place = session.cache.store.disk.place
    return pathlib.Path(place.path_of(place.name_of(key)))


@pytest.mark.parametrize("name", ["spectrogram", "steep", "level"])
def test_a_second_session_draws_the_overview_without_the_data(tmp_path, audio, registry, built, name):
    with acn.Session(tmp_path, registry=registry) as session:
        found, picture = picture_of(session, session.add_audio(*audio), name)
        tiles, facts = tiles_of(picture), dataclasses.asdict(seen(picture))
        assert session.cache.flush(WAIT_S)
        assert session.cache.info().entries == 2
        assert len(built) == 1
    del found, picture, session
    built.clear()
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        session.request(track, name)
        found, picture = picture_of(session, track, name)
        assert not built
        stored = found.rows_or_array
        assert stored.chunks > 0
        assert stored.chunks_checked == 0  # not one row was touched
        pyramid = picture.pyramid
        overview = pyramid.tile(pyramid.levels - 1, 0)[1]
        assert stored.chunks_checked == 0
        assert is_mapped(overview)
        np.testing.assert_array_equal(overview, tiles[-1])
        assert dataclasses.asdict(seen(picture)) == facts
        for one, other in zip(tiles_of(picture), tiles, strict=True):
            np.testing.assert_array_equal(one, other)
        assert stored.chunks_checked > 0  # the lowest level is made of the rows themselves
        assert session.cache.info().written == 0


def stored_session(tmp_path, audio, name="spectrogram"):
    """Have a feature and its pyramid on disk; returns the feature's key and what it looks like."""
    with acn.Session(tmp_path) as session:
        found, picture = picture_of(session, session.add_audio(*audio), name)
        tiles = tiles_of(picture)
        assert session.cache.flush(WAIT_S)
        return found.key, tiles


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "another"])
def test_a_damaged_pyramid_is_built_again(tmp_path, audio, built, harm):
    key, tiles = stored_session(tmp_path, audio)
    with acn.Session(tmp_path) as session:
        path = path_of(session, pyramid_key(key))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        other = path_of(session, key).read_bytes() if harm == "another" else b""
        path.write_bytes({"flip": data, "cut": data[:-5000], "empty": b"", "another": other}[harm])
        built.clear()
        track = session.add_audio(*audio)
        session.request(track, "spectrogram")
        _, picture = picture_of(session, track, "spectrogram")
        assert len(built) == 1
        for one, other_tile in zip(tiles_of(picture), tiles, strict=True):
            np.testing.assert_array_equal(one, other_tile)
        assert session.cache.flush(WAIT_S)
        assert session.status(track).state == "ready"
        assert session.cache.info().corrupt == 1
        assert session.cache.verify().ok
    built.clear()
    with acn.Session(tmp_path) as session:
        track = session.add_audio(*audio)
        session.request(track, "spectrogram")
        picture_of(session, track, "spectrogram")
        assert not built


def test_pyramids_are_entries_like_others(tmp_path, audio):
    key, _ = stored_session(tmp_path, audio)
    with acn.Session(tmp_path) as session:
        info, entries = session.cache.info(), session.cache.entries()
        assert info.entries == 2
        assert {one.key for one in entries} == {key, pyramid_key(key)}
        pyramid = next(one for one in entries if one.key != key)
        assert pyramid.feature == "spectrogram pyramid"
        assert pyramid.audio == next(one for one in entries if one.key == key).audio
        assert pyramid.seconds > 0
        assert sum(one.bytes for one in entries) == info.bytes
        report = session.cache.verify()
        assert report.ok
        assert report.entries == 2
        assert session.cache.gc().bytes == 0


def left(tmp_path):
    return sorted(path.name for path in tmp_path.glob("v1/?/??/*"))


@pytest.mark.parametrize("how", ["delete", "prune", "clear", "refresh"])
def test_a_pyramid_goes_with_its_feature(tmp_path, audio, how):
    stored_session(tmp_path / "cache", audio)
    with acn.Session(tmp_path / "cache") as session:
        track = session.add_audio(*audio)
        session.request(track, "spectrogram", element="plot")
        picture_of(session, track, "spectrogram")
        group = session.diagnostics.groups[0]
        assert "pyramid" not in str(group)
        assert len(group.extraneous) == 0
        assert len(left(tmp_path / "cache")) == 2
        session.release("plot")
        if how == "delete":
            assert [str(one) for one in session.diagnostics.groups[0].extraneous] == ["spectrogram"]
            assert session.diagnostics.delete_extraneous(track) > 0
        elif how == "prune":
            assert session.prune() > 0
        elif how == "clear":
            session.clear(track)
        else:
            session.cache.store.discard_stored(track.source.digest)
        assert left(tmp_path / "cache") == []


def test_what_is_beyond_the_budget_takes_its_pyramid_along(tmp_path, audio):
    key, _ = stored_session(tmp_path, audio)
    with acn.Session(tmp_path, cache_budget_bytes=1_000_000) as session:
        report = session.cache.gc()
        assert report.evicted == 2
        assert key
        assert left(tmp_path) == []


@pytest.mark.parametrize("mark", ["uncacheable", "imported", "short"])
def test_what_its_key_does_not_vouch_for_has_no_pyramid_kept(tmp_path, audio, monkeypatch, mark):
    key, _ = stored_session(tmp_path, audio)
    with acn.Session(tmp_path) as session:
        found = session.get(session.add_audio(*audio), "spectrogram")
        here = shelf.PyramidShelf(session.cache.store)
        assert found.key == key
        assert here.find(found) is not None
        if mark == "short":
            monkeypatch.setattr(shelf, "PAYS_FROM_BYTES", found.nbytes + 1)
        else:
            found = dataclasses.replace(
                found, data=found.data, provenance={**found.provenance, mark: {"from": "elsewhere"}}
            )
        assert here.find(found) is None


def test_without_a_directory_nothing_is_kept(audio, built):
    with acn.Session(False) as session:
        picture_of(session, session.add_audio(*audio), "spectrogram")
        assert len(built) == 1
        assert session.cache.info().memory_entries == 1
