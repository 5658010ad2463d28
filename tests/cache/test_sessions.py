"""Sessions that share a cache directory."""

from __future__ import annotations

import os

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.widgets.layers import kind_of
from audiocache_nb.widgets.words import shape_text


@pytest.fixture
def audio():
    return np.sin(np.arange(44100) / 9).astype(np.float32), 44100


def test_a_fresh_session_on_the_same_audio_is_ready_without_computing(tmp_path, audio, monkeypatch):
    with acn.Session(tmp_path) as session:
        track = session.add_audio(*audio)
        first = session.get(track, "rms")
        session.request(track, ["spectrogram"])
        session.wait()
        spectrogram = session.get(track, "spectrogram").data.copy()
    with acn.Session(tmp_path) as session:
        monkeypatch.setattr(session.timeline.scheduler, "submit", pytest.fail)
        track = session.add_audio(*audio)
        assert session.request(track, ["rms", "spectrogram"]) == []
        assert session.status(track).state == "ready"
        assert session.freshness(track, "rms").state == "fresh"
        np.testing.assert_array_equal(session.get(track, "rms").data, first.data)
        np.testing.assert_array_equal(session.get(track, "spectrogram").data, spectrogram)
        info = session.cache.info()
        assert (info.entries, info.hits, info.written) == (2, 2, 0)


@pytest.fixture
def registry():
    """A calculator whose runs are counted, with results of several megabytes."""
    registry = Registry()
    runs = []

    def wide(frames, *, factor: float = 1.0):
        runs.append(1)
        return np.repeat(frames[:, :1] * factor, 8000, axis=1)

    def narrow(values):
        return np.asarray(values)[:, 0] * 2

    registry.register(FunctionCalculator(wide, feature="wide", version=1))
    registry.register(FunctionCalculator(narrow, feature="narrow", version=1, inputs="wide"))
    registry.runs = runs
    return registry


def flip(tmp_path, megabyte_from_the_end=0.5, least=1 << 19):
    """Change a bit in the middle of the biggest entry."""
    path = max(tmp_path.glob("v1/?/??/*"), key=lambda path: path.stat().st_size)
    assert path.stat().st_size > least
    with path.open("r+b") as file:
        file.seek(-int(megabyte_from_the_end * (1 << 20)), os.SEEK_END)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 16]))
    return path


def stored(tmp_path, audio, registry, *names):
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        data = {name: session.get(track, name).data.copy() for name in names}
        assert session.cache.flush(10)
    return data


def test_damage_is_noticed_by_whoever_touches_it_and_what_is_wanted_is_computed_again(tmp_path, audio, registry):
    right = stored(tmp_path, audio, registry, "wide")["wide"]
    flip(tmp_path)
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        session.request(track, ["wide"], element="plot")
        before = len(registry.runs)
        assert session.status(track).state == "ready"
        touched = [session.sample(track, "wide", k * 512 / 44100, interpolation="nearest") for k in range(len(right))]
        for row, sample in zip(right, touched, strict=True):  # right or not there, and nothing else
            assert sample is None or np.array_equal(sample.values, row)
        assert None in touched
        session.wait(30)
        assert session.freshness(track, "wide").state == "fresh"
        assert len(registry.runs) > before
        np.testing.assert_array_equal(session.get(track, "wide").data, right)
        assert session.cache.info().corrupt == 1
        assert session.cache.flush(10)
        assert session.cache.verify().ok


def test_a_look_at_a_moment_reads_a_part_of_the_file(tmp_path, audio, registry):
    right = stored(tmp_path, audio, registry, "wide")["wide"]
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        session.request(track, ["wide"])
        rows = session.peek(track, "wide").rows_or_array
        assert (rows.chunks, rows.chunks_checked) == (22, 0)  # of four rows each
        np.testing.assert_array_equal(session.sample(track, "wide", 0.0).values, right[0])
        assert rows.chunks_checked == 1
        found = session.sample_range(track, "wide", 0.8, 0.9)
        assert found.mask.all()
        np.testing.assert_array_equal(found.data, right[found.first_frame : found.first_frame + len(found)])
        assert rows.chunks_checked == 1 + (found.first_frame + len(found) - 1) // 4 - found.first_frame // 4 + 1


def test_to_say_what_is_there_nothing_is_read(tmp_path, audio, registry):
    """A list of features must not read a disk full of them."""
    stored(tmp_path, audio, registry, "wide")
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        session.request(track, ["wide"], element="a")
        panel, badge = acn.CachesPanel(session), acn.StatusBadge(session, track)
        session.publisher.flush()
        repr(panel), repr(badge), repr(session.plan(track, ["wide"])), session.freshness(track, "wide")
        found = session.peek(track, "wide")
        repr(found), shape_text(found), kind_of(found)
        assert found.rows_or_array.chunks_checked == 0


def test_damage_that_nobody_wants_repaired_has_a_reason(tmp_path, audio, registry):
    stored(tmp_path, audio, registry, "wide")
    flip(tmp_path)
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio, analyze="none")
        session.request(track, ["wide"])
        found = session.peek(track, "wide")
        with pytest.raises(acn.AudioCacheError, match="damaged") as caught:
            found.data  # noqa: B018
        assert caught.value.code == "ACN-CACHE-DAMAGED"
        fresh = session.freshness(track, "wide")
        assert (fresh.state, fresh.causes) == ("missing", ("cache entry damaged",))
        assert "cache entry damaged" in fresh.explain()
        assert session.status(track).state == "idle"


def test_get_returns_what_is_right(tmp_path, audio, registry):
    right = stored(tmp_path, audio, registry, "wide")["wide"]
    assert right.nbytes < 8 << 20
    flip(tmp_path)
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        np.testing.assert_array_equal(session.get(track, "wide").data, right)


def test_a_feature_computed_from_a_damaged_one_is_right(tmp_path, audio, registry):
    right = stored(tmp_path, audio, registry, "wide", "narrow")
    flip(tmp_path)
    for path in tmp_path.glob("v1/?/??/*"):
        if path.stat().st_size < 1 << 19:
            path.unlink()  # the narrow one has to be computed from the wide one
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        np.testing.assert_array_equal(session.get(track, "narrow").data, right["narrow"])
        assert session.cache.info().corrupt == 1


def test_clear_removes_what_is_on_disk_and_counts_it(tmp_path, audio, registry):
    right = stored(tmp_path, audio, registry, "wide", "narrow")
    other = np.ones(44100, np.float32), 44100
    stored(tmp_path, other, registry, "narrow")
    size = sum(data.nbytes for data in right.values())
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        assert session.cache.info().entries == 4
        assert session.clear(track) == size
        assert session.cache.info().entries == 2
        session.get(track, "narrow")
        assert session.clear(track) == size  # of this session
        session.cache.flush(10)
        assert session.cache.info().entries == 2


@pytest.mark.parametrize("verb", ["clear_all", "reset", "remove"])
def test_taking_tracks_away_keeps_what_is_on_disk(tmp_path, audio, registry, verb):
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        session.get(track, "narrow")
        session.cache.flush(10)
        before = session.cache.info().entries
        session.remove(track) if verb == "remove" else getattr(session, verb)()
        assert session.cache.info().entries == before > 0
        runs = len(registry.runs)
        track = session.add_audio(*audio)
        session.get(track, "narrow")
        assert len(registry.runs) == runs


@pytest.mark.parametrize("verb", ["restart", "reanalyze"])
def test_computing_again_writes_again(tmp_path, audio, registry, verb):
    stored(tmp_path, audio, registry, "wide")
    (before,) = [path.stat().st_ino for path in tmp_path.glob("v1/?/??/*")]
    with acn.Session(tmp_path, registry=registry) as session:
        track = session.add_audio(*audio)
        session.request(track, ["wide"])
        runs = len(registry.runs)
        session.restart(track) if verb == "restart" else session.reanalyze(track, ["wide"])
        session.wait(30)
        assert len(registry.runs) > runs
        session.cache.flush(10)
        assert [path.stat().st_ino for path in tmp_path.glob("v1/?/??/*")] != [before]


def test_replaced_audio_under_the_same_name_is_other_audio(tmp_path, audio):
    """D12 of the original: there it was found by its name."""
    import soundfile

    path = tmp_path / "song.wav"
    values = []
    for gain in (1.0, 0.25):
        soundfile.write(path, audio[0] * gain, audio[1], subtype="FLOAT")
        with acn.Session(tmp_path / "cache") as session:
            values.append(session.get(session.add_audio(path, track_id="song"), "mvmnt.rms").data.copy())
    np.testing.assert_allclose(values[1], values[0] * 0.25, rtol=1e-5)


def test_the_label_of_a_profile_is_no_identity(tmp_path, audio):
    """D3 of the original: there the cache claimed parameters that nothing had been computed with."""
    shapes = []
    for hop in (512, 256):
        with acn.Session(tmp_path) as session:
            profile = acn.AnalysisProfile(id="mine", hop_size=hop)
            shapes.append(session.get(session.add_audio(*audio), "rms", profile=profile).frame_count)
    assert shapes[1] > 1.9 * shapes[0]


def test_without_a_directory_nothing_is_written(audio, tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_DIR", str(tmp_path / "unused"))
    with acn.Session(cache_dir=False) as session:
        session.get(session.add_audio(*audio), "rms")
        assert session.cache.root is None
        assert session.cache.info().memory_entries == 1
        assert "memory only" in repr(session.cache)
        assert session.cache.verify().ok
        assert session.cache.gc().bytes == 0
    assert not (tmp_path / "unused").exists()


def test_the_cache_says_what_it_holds(tmp_path, audio):
    with acn.Session(tmp_path, cache_budget_bytes=10**9) as session:
        session.get(session.add_audio(*audio), "rms")
        assert session.cache.flush(10)
        info = session.cache.info()
        assert (info.entries, info.written, info.budget_bytes) == (1, 1, 10**9)
        assert info.bytes > 0
        assert str(tmp_path) in repr(session.cache)
        assert "1 feature," in str(info)


@pytest.mark.parametrize("wanted", [0, -1, 1.5, True, "1"])
def test_the_budget_is_a_number_of_bytes(tmp_path, wanted):
    with pytest.raises(acn.AudioCacheError, match="budget"):
        acn.Session(tmp_path, cache_budget_bytes=wanted)


def test_the_budget_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_BYTES", "12345")
    with acn.Session(tmp_path) as session:
        assert session.cache.info().budget_bytes == 12345
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_BYTES", "much")
    with pytest.raises(acn.AudioCacheError, match="much"):
        acn.Session(tmp_path)
