"""Scenes: saved, loaded, and the same as before, without computing anything."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import soundfile
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.errors import DocumentError, DocumentVersionError, InvalidParameterError, SessionClosedError
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.strict_json import stable

FEATURES = ["rms", "spectrogram", "mvmnt.waveform", "onsets", "tempo"]


@pytest.fixture
def no_jobs(monkeypatch):
    def refuse(*_):
        raise AssertionError("something was computed")

    monkeypatch.setattr(Scheduler, "submit", refuse)


def document_of(path):
    with Archive(path) as archive:
        return json.loads(archive.read("document.json"))


def test_a_loaded_scene_is_ready_at_once(scene, tmp_path, loads, no_jobs):
    path = tmp_path / "scene.zip"
    saved = scene.save(path)
    session, report = loads(path)
    assert not report.warnings
    assert len(report.kept) == len(saved.kept) == 7
    for track in ("a", "b"):
        assert session.status(track).state == "ready"
    for feature in FEATURES:
        before, after = scene.peek("a", feature), session.peek("a", feature)
        np.testing.assert_array_equal(after.data, before.data)
        assert (after.axes, after.unit, after.key, after.format) == (
            before.axes,
            before.unit,
            before.key,
            before.format,
        )
        for name, values in before.coords.items():
            np.testing.assert_array_equal(after.coords[name], values)
        assert session.freshness("a", feature).state == "fresh"
        assert "Imported from 'scene.zip'" in session.freshness("a", feature).explain()
    assert session.sample("a", "rms", 0.25).values == pytest.approx(scene.sample("a", "rms", 0.25).values)


def test_tracks_tempo_and_demand_come_back(scene, tmp_path, loads):
    scene.playback_range = (0.5, 2.0)
    scene.save(tmp_path / "scene.zip")
    session, _ = loads(tmp_path / "scene.zip")
    assert session.tempo.entries == scene.tempo.entries
    assert session.tempo.beats_per_bar == scene.tempo.beats_per_bar
    assert session.playback_range == (0.5, 2.0)
    assert list(session.tracks) == ["a", "b"]
    for before, after in zip(scene.tracks.values(), session.tracks.values(), strict=True):
        for name in ("id", "name", "offset_ticks", "region_start_tick", "region_end_tick", "gain", "mute", "enabled"):
            assert getattr(after, name) == getattr(before, name)
        assert after.source.digest == before.source.digest
    for element in ("plot", "meter", "meter 2"):
        before, after = (one.timeline.demand.of(element) for one in (scene, session))
        assert {track: set(asked) for track, asked in after.items()} == {
            track: set(asked) for track, asked in before.items()
        }
    assert session.undo() is None


def test_b22_the_same_scene_gives_the_same_bytes(scene, tmp_path):
    for name in ("1.zip", "2.zip", "1.json", "2.json"):
        scene.save(tmp_path / name)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_what_nobody_asks_for_is_left_out(scene, tmp_path, loads):
    report = scene.save(tmp_path / "scene.zip")
    left = {note.feature: note for note in report.left_out}
    assert left["zcr"].reason == "nobody asks for it"
    assert left["zcr"].nbytes == scene.peek("a", "zcr").nbytes
    assert report.bytes_left_out >= left["zcr"].nbytes
    assert report.seconds_left_out > 0
    assert "zcr: nobody asks for it" in str(report)
    assert list(report.to_pandas()["feature"]) == [note.feature for note in report.features]
    assert loads(tmp_path / "scene.zip")[0].peek("a", "zcr") is None

    everything = scene.save(tmp_path / "all.zip", prune=False)
    assert not everything.left_out
    np.testing.assert_array_equal(loads(tmp_path / "all.zip")[0].peek("a", "zcr").data, scene.peek("a", "zcr").data)


def test_embedded_samples_are_those_of_the_recording(scene, tmp_path, loads):
    scene.save(tmp_path / "scene.zip")
    session, _ = loads(tmp_path / "scene.zip")
    before = scene.tracks["a"].source
    after = session.tracks["a"].source
    np.testing.assert_array_equal(after.read(100, 500), before.read(100, 500))
    np.testing.assert_array_equal(session.get("a", "zcr").data, scene.peek("a", "zcr").data)
    with Archive(tmp_path / "scene.zip") as archive:
        (tmp_path / "a.wav").write_bytes(archive.read("audio/00000"))
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    source = next(s for s in (scene.tracks["a"].source, scene.tracks["b"].source) if s.frames == len(samples))
    assert rate == source.sample_rate
    np.testing.assert_array_equal(samples, source.array)


def test_a_file_is_embedded_as_it_is(sessions, tmp_path, loads):
    samples, rate = sound()
    soundfile.write(tmp_path / "x.flac", samples, rate)
    session = sessions()
    track = session.add_audio(tmp_path / "x.flac")
    session.request(track, "rms", element="me")
    session.wait()
    session.save(tmp_path / "scene.zip")
    with Archive(tmp_path / "scene.zip") as archive:
        assert archive.read("audio/00000") == (tmp_path / "x.flac").read_bytes()
    (tmp_path / "x.flac").unlink()
    again, _ = loads(tmp_path / "scene.zip")
    np.testing.assert_array_equal(again.get(track.id, "zcr").data, session_zcr(sessions, samples, rate))
    again.save(tmp_path / "again.zip")
    with Archive(tmp_path / "again.zip") as archive, Archive(tmp_path / "scene.zip") as first:
        assert archive.read("audio/00000") == first.read("audio/00000")
    report = session.save(tmp_path / "without.zip")
    assert any("x.flac is not in the bundle" in warning for warning in report.warnings)


def session_zcr(sessions, samples, rate):
    with sessions() as other:
        stored = np.round(samples * 32768).clip(-32768, 32767) / 32768  # as 16 bits hold it
        return other.get(other.add_audio(stored.astype(np.float32), rate), "zcr").data


@pytest.mark.parametrize("ending", ["zip", "json", "mvt"])
def test_d20_text_of_any_alphabet_and_values_that_are_shared(sessions, tmp_path, loads, ending):
    shared = acn.AnalysisProfile(window_size=1024, hop_size=256)  # one object, in demand and features, several times
    session = sessions()
    for name in ("Größe a é", "Möno 音 🎧"):
        session.add_audio(*sound(0.2 + 0.01 * len(name)), name=name, track_id=name)
        session.request(name, ["rms", "zcr"], element="Übersicht", profile=shared)
        session.request(name, ["rms"], element="другой", profile=shared)
    session.wait()
    session.save(tmp_path / f"größe.{ending}")
    again, report = loads(tmp_path / f"größe.{ending}")
    assert list(again.tracks) == list(session.tracks)
    assert [track.name for track in again.tracks.values()] == ["Größe a é", "Möno 音 🎧"]
    assert not report.warnings
    if ending != "mvt":
        assert set(again.timeline.demand.elements) == {"Übersicht", "другой"}


@pytest.mark.parametrize("audio", ["reference", "none"])
def test_a_recording_that_is_not_there(scene, tmp_path, loads, audio):
    scene.save(tmp_path / "scene.zip", audio=audio)
    session, _ = loads(tmp_path / "scene.zip")
    assert session.status("a").state == "ready"
    with pytest.raises(acn.AudioCacheError, match="did not come with the scene"):
        session.get("a", "zcr")
    assert session.status("a").state == "failed"
    assert session.freshness("a", "rms").state == "fresh"


def test_a_recording_is_resolved(scene, tmp_path, loads):
    scene.save(tmp_path / "scene.zip", audio="none")
    by_digest = {track.source.digest: track.source for track in scene.tracks.values()}
    asked = []

    def find(facts):
        source = by_digest[facts["digest"]]
        asked.append(facts["name"])
        return (np.zeros(1000, np.float32), 8000) if facts["name"] == "other" else (source.array, source.sample_rate)

    session, report = loads(tmp_path / "scene.zip", resolve=find)
    assert sorted(asked) == ["Größe 音.wav", "other"]
    np.testing.assert_array_equal(session.get("a", "zcr").data, scene.peek("a", "zcr").data)
    assert report.warnings == ("What was given for other is another recording; it is not used.",)


def test_a_document_finds_its_features_in_the_cache(sessions, tmp_path, loads, monkeypatch):
    cache = tmp_path / "cache"
    session = sessions(cache_dir=cache)
    session.request(session.add_audio(*sound(), track_id="a"), ["rms"], element="me")
    session.wait()
    session.save(tmp_path / "scene.json")
    session.close()
    again, report = loads(tmp_path / "scene.json", cache_dir=cache)
    assert again.status("a").state == "ready"
    assert [note.outcome for note in report.features] == ["from the cache"]
    elsewhere, report = loads(tmp_path / "scene.json")
    assert elsewhere.freshness("a", "rms").state == "missing"
    assert "does not hold its data" in elsewhere.freshness("a", "rms").explain()
    assert [note.outcome for note in report.features] == ["missing"]


def test_d21_work_that_is_going_on_is_not_saved_as_going_on(sessions, tmp_path, loads):
    registry = acn.calculators
    go = threading.Event()

    @acn.calculator(feature="slow scene", inputs="samples", version=1)
    def slow(y, *, ctx):
        go.wait(20)
        return np.zeros(ctx.frame_count)

    try:
        session = sessions()
        track = session.add_audio(*sound(), track_id="a")
        session.request(track, ["slow scene"], element="me")
        session.save(tmp_path / "scene.zip")
        assert document_of(tmp_path / "scene.zip")["sources"][0]["status"] == {
            "state": "idle",
            "message": "analysis was not finished when the scene was saved",
        }
        go.set()
        session.wait()
        again, _ = loads(tmp_path / "scene.zip")
        assert again.status("a").state == "idle"
        assert again.freshness("a", "slow scene").state == "missing"
        again.get("a", "slow scene")
        assert again.status("a").state == "ready"
    finally:
        go.set()
        registry.unregister("slow scene")


def test_a_save_that_is_given_up_leaves_the_file(scene, tmp_path):
    path = tmp_path / "scene.zip"
    scene.save(path)
    before = path.read_bytes()
    told = []

    def give_up(part):
        told.append(part)
        if part > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.save(path, prune=False, on_progress=give_up)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["scene.zip"]
    told.clear()
    scene.save(path, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_changed_feature_is_stale_and_one_that_is_unknown_stays(scene, tmp_path, loads):
    @acn.calculator(feature="mine", version=1)
    def mine(frames):
        return frames.max(axis=1)

    try:
        scene.request("a", ["mine"], element="mine")
        scene.wait()
        scene.save(tmp_path / "scene.zip")

        @acn.calculator(feature="mine", version=2)
        def mine(frames):
            return frames.min(axis=1)

        session, _ = loads(tmp_path / "scene.zip")
        assert session.freshness("a", "mine").state == "stale"
        assert "version 1 → 2" in session.freshness("a", "mine").explain()
    finally:
        acn.calculators.unregister("mine")
    session, report = loads(tmp_path / "scene.zip")
    assert "mine" in {note.feature for note in report.kept}
    entries = session.store.snapshot().sources[session.tracks["a"].source_id].entries
    assert {slot.feature: entry.state for slot, entry in entries.items()}["mine"] == "bad_request"
    report = session.save(tmp_path / "again.zip")
    assert "mine" in {note.feature for note in report.kept}


def test_what_a_later_minor_version_added_is_kept(scene, tmp_path, loads):
    scene.save(tmp_path / "scene.json")
    document = json.loads((tmp_path / "scene.json").read_bytes())
    document["version"] = [1, 7]
    document["future"] = {"x": [1, 2]}
    document["timeline"]["swing"] = 0.6
    document["timeline"]["tracks"][0]["colour"] = "#abc"
    document["sources"][0]["rating"] = 5
    document["timeline"]["tempo"]["groove"] = [1, 2]
    asked = next(one for one in document["demand"] if one["track"] == "a")
    asked["colour"] = "#def"
    (tmp_path / "new.json").write_bytes(stable(document))
    session, _ = loads(tmp_path / "new.json")
    session.remove("b")
    session.save(tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_bytes())
    assert again["version"] == [1, 7]
    assert again["future"] == {"x": [1, 2]}
    assert again["timeline"]["swing"] == 0.6
    assert again["timeline"]["tracks"][0]["colour"] == "#abc"
    assert again["timeline"]["tempo"]["groove"] == [1, 2]
    assert {(one["element"], one["track"]): one.get("colour") for one in again["demand"]} == {
        (asked["element"], "a"): "#def"
    }


def test_what_a_later_minor_version_added_to_features_is_kept_as_long_as_they_are_the_same(scene, tmp_path, loads):
    from support.scenes import with_document

    def change(document):
        document["version"] = [1, 3]
        for feature in document["features"]:
            feature["comment"] = feature["descriptor"]["calculator"]

    scene.save(tmp_path / "scene.zip")
    (tmp_path / "new.zip").write_bytes(with_document((tmp_path / "scene.zip").read_bytes(), change))
    session, _ = loads(tmp_path / "new.zip")
    session.request("b", ["zcr"], element="me")
    session.wait()
    session.save(tmp_path / "again.zip")
    features = document_of(tmp_path / "again.zip")["features"]
    comments = {one["descriptor"]["calculator"]: one.get("comment") for one in features}
    assert comments.pop("zcr") is None
    assert all(comment == calculator for calculator, comment in comments.items())
    assert len(comments) > 3


def test_a_later_major_version_is_refused(scene, tmp_path, loads):
    scene.save(tmp_path / "scene.json")
    document = json.loads((tmp_path / "scene.json").read_bytes())
    document["version"] = [2, 0]
    (tmp_path / "new.json").write_bytes(stable(document))
    with pytest.raises(DocumentVersionError, match="version 2") as caught:
        loads(tmp_path / "new.json")
    assert caught.value.context == {"found": [2, 0], "supported": [1, 0]}
    assert "version 2" in caught.value.hint


def test_what_cannot_be_saved_or_loaded(scene, tmp_path, loads, sessions):
    with pytest.raises(InvalidParameterError):
        scene.save(tmp_path / "x.zip", audio="maybe")
    with pytest.raises(DocumentError):
        scene.save(tmp_path / "missing" / "x.zip")
    with pytest.raises(DocumentError, match="does not exist"):
        loads(tmp_path / "missing.zip")
    with pytest.raises(acn.AudioCacheError):
        loads(tmp_path)
    session = sessions()
    session.close()
    with pytest.raises(SessionClosedError):
        session.save(tmp_path / "x.zip")
    assert not list(tmp_path.iterdir())


def test_an_empty_scene(sessions, tmp_path, loads):
    for name in ("scene.zip", "scene.json"):
        sessions().save(tmp_path / name)
        session, report = loads(tmp_path / name)
        assert not session.tracks
        assert not report.features


def test_dismissals_and_pruning(scene, tmp_path, loads):
    size = scene.peek("a", "zcr").nbytes
    scene.diagnostics.dismiss("a", "zcr")
    left = {note.feature: note.reason for note in scene.save(tmp_path / "scene.zip").left_out}
    assert left["zcr"] == "dismissed"
    scene.save(tmp_path / "all.zip", prune=False)
    session, _ = loads(tmp_path / "all.zip")
    assert {slot.feature for slots in session.diagnostics.dismissed.values() for slot in slots} == {"zcr"}
    assert scene.prune() >= size
    assert scene.peek("a", "zcr") is None
    assert scene.peek("a", "rms") is not None
    left = {note.feature for note in scene.save(tmp_path / "pruned.zip").left_out}
    assert left <= {"onset_strength"}  # which the onsets are computed from


def test_what_was_computed_from_a_file_that_changed_since_is_stale_after_loading_as_before(sessions, tmp_path, loads):
    import soundfile

    path = tmp_path / "song.wav"
    samples, rate = sound()
    soundfile.write(path, samples, rate, subtype="FLOAT")
    session = sessions()
    session.add_audio(path, track_id="a")
    session.request("a", ["rms", "zcr"], element="plot")
    session.wait()
    old = session.peek("a", "rms").data
    session.policy = "never"
    soundfile.write(path, samples[::-1] * 0.5, rate, subtype="FLOAT")
    session.refresh("a")
    before = session.freshness("a", "rms")
    assert before.state == "stale"
    session.save(tmp_path / "scene.zip")
    again, report = loads(tmp_path / "scene.zip", policy="never")
    assert {note.outcome for note in report.features} == {"loaded"}
    after = again.freshness("a", "rms")
    assert (after.state, after.causes) == (before.state, before.causes)
    assert again.status("a").state == session.status("a").state == "stale"
    np.testing.assert_array_equal(again.peek("a", "rms").data, old)
    assert len(again.verify_imported().of("not checked")) == 2
    again.policy = "auto"
    again.get("a", "rms")
    assert again.freshness("a", "rms").state == "fresh"


def test_data_of_another_recording_that_would_count_as_fresh_are_missing(scene, tmp_path, loads):
    from attacks import features
    from support.scenes import feature_entry, parts_of, with_feature

    scene.save(tmp_path / "scene.zip")
    bundle = (tmp_path / "scene.zip").read_bytes()
    name = feature_entry(bundle, "rms")
    lie = features.rewritten(
        parts_of(bundle)[name], lambda plain: plain["provenance"].update(audio="sha256:" + "0" * 64)
    )
    session, report = loads(with_feature(bundle, name, lie))
    missing = [(note.feature, note.reason) for note in report.features if note.outcome == "missing"]
    assert missing == [("rms", "its data are those of another recording")]
    assert session.freshness("a", "rms").state == "missing"
