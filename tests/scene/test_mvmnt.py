"""Scenes of MVMNT: opened, and written back with everything that was not changed as it was."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile

import numpy as np
import pytest
from support import mvmnt
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb.analysis.scheduler import Scheduler
from audiocache_nb.errors import BundleError, DocumentError, DocumentValidationError, DocumentVersionError


@pytest.fixture
def audio():
    return mvmnt.wav()


@pytest.fixture
def computed(sessions, audio):
    """What the original's three calculators make of the recording."""
    session = sessions()
    track = session.add_audio(audio)
    return {name: session.get(track, f"mvmnt.{name}") for name in ("rms", "spectrogram", "waveform")}


@pytest.fixture
def package(audio, computed):
    return mvmnt.package(mvmnt.envelope(audio), audio, mvmnt.cache(computed))


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("schema", [4, 5, 6])
@pytest.mark.parametrize("composite", [False, True])
def test_a_package_opens_and_is_ready_at_once(audio, computed, loads, monkeypatch, schema, composite):
    monkeypatch.setattr(Scheduler, "submit", lambda *_: pytest.fail("something was computed"))
    named = {f"{name}:default" if composite else name: track for name, track in computed.items()}
    session, report = loads(mvmnt.package(mvmnt.envelope(audio, schema=schema), audio, mvmnt.cache(named)))
    assert not report.warnings
    assert list(session.tracks) == ["t2", mvmnt.SOURCE]
    clip, whole = session.tracks.values()
    assert (clip.name, clip.offset_ticks, clip.region_start_tick, clip.region_end_tick) == ("clip", 0, 10, 500)
    assert not clip.enabled
    assert (whole.name, whole.offset_ticks, whole.gain) == ("Größe", 960, 0.5)
    assert clip.source is whole.source
    assert session.tempo.beats_per_bar == 3
    assert [(one.time_s, one.bpm, one.curve) for one in session.tempo.entries] == [(0, 120, "linear"), (2, 180, "step")]
    # section 1.11: 120 to 180 over two seconds
    assert session.tempo.seconds_to_ticks(1.0) == pytest.approx(2160)
    assert session.playback_range == (0.0, pytest.approx(float(session.tempo.ticks_to_seconds(1920))))
    assert session.status("t2").state == "ready"
    for name, track in computed.items():
        found = session.peek("t2", f"mvmnt.{name}")
        np.testing.assert_array_equal(found.data, track.data)
        assert found.axes == track.axes
        assert session.freshness("t2", f"mvmnt.{name}").state == "fresh"
        assert "Imported" in session.freshness("t2", f"mvmnt.{name}").explain()
    asked = {element: session.timeline.demand.of(element) for element in session.timeline.demand.elements}
    assert {element: {t: [str(d) for d in ds] for t, ds in by.items()} for element, by in asked.items()} == {
        "spectrum": {mvmnt.SOURCE: ["mvmnt.spectrogram"]},
        "meter": {"t2": ["mvmnt.rms"]},
    }


def test_an_inline_scene_opens(audio, computed, loads):
    document = mvmnt.envelope(audio)
    plain, files = mvmnt.cache(computed)
    for track in plain["featureTracks"].values():
        values = np.frombuffer(files[track["dataRef"]["filename"]], "<f4").tolist()
        if track["format"] == "waveform-minmax":
            half = len(values) // 2
            track["data"] = {"type": "waveform-minmax", "min": values[:half], "max": values[half:]}
        else:
            track["data"] = {"type": "float32", "values": values}
        del track["dataRef"]
    document["timeline"]["audioFeatureCaches"] = {mvmnt.SOURCE: plain}
    (record,) = document["assets"]["audio"]["byId"].values()
    record["dataBase64"] = base64.b64encode(audio).decode()
    session, report = loads(json.dumps(document).encode())
    assert not report.warnings
    assert session.status("t2").state == "ready"
    np.testing.assert_array_equal(session.peek("t2", "mvmnt.waveform").data, computed["waveform"].data)
    assert session.tracks["t2"].source.frames == 13230


def test_what_was_not_changed_is_written_as_it_was(package, loads, tmp_path):
    (tmp_path / "a.mvt").write_bytes(package)
    session, _ = loads(tmp_path / "a.mvt")
    session.save(tmp_path / "b.mvt")
    assert parts(tmp_path / "b.mvt") == parts(tmp_path / "a.mvt")


def test_d20_packages_of_older_versions_have_their_texts_in_latin_1(package, audio, computed, loads, tmp_path):
    """They are read as what they were, it is said, and what is not changed is written back byte for byte."""

    def narrow(changed):
        changed["document.json"] = changed["document.json"].decode().replace("音", "?").encode("latin-1")

    document = mvmnt.envelope(audio)
    (tmp_path / "old.mvt").write_bytes(mvmnt.package(document, audio, mvmnt.cache(computed), change=narrow))
    assert "Größe".encode("latin-1") in parts(tmp_path / "old.mvt")["document.json"]
    session, report = loads(tmp_path / "old.mvt")
    assert session.tracks[mvmnt.SOURCE].name == "Größe"
    assert [warning for warning in report.warnings if "Latin-1" in warning]
    session.save(tmp_path / "same.mvt")
    assert parts(tmp_path / "same.mvt") == parts(tmp_path / "old.mvt")
    session.move(mvmnt.SOURCE, offset_ticks=1)
    session.save(tmp_path / "new.mvt")
    again, report = loads(tmp_path / "new.mvt")
    assert again.tracks[mvmnt.SOURCE].name == "Größe"
    assert not [warning for warning in report.warnings if "Latin-1" in warning]


def test_only_what_changed_is_written_anew(package, loads, tmp_path):
    (tmp_path / "a.mvt").write_bytes(package)
    session, _ = loads(tmp_path / "a.mvt")
    session.move("t2", offset_ticks=123)
    session.tempo.bpm = 90
    session.request("t2", ["zcr"], element="new")
    session.wait()
    session.save(tmp_path / "b.mvt")
    before, after = parts(tmp_path / "a.mvt"), parts(tmp_path / "b.mvt")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"document.json", mvmnt.FOLDER + "feature_caches.json", mvmnt.FOLDER + "zcr.f32"}
    assert set(before) <= set(after)
    old, new = (json.loads(one["document.json"]) for one in (before, after))
    assert new["timeline"]["tracks"]["t2"] == {**old["timeline"]["tracks"]["t2"], "offsetTicks": 123}
    assert new["timeline"]["timeline"]["globalBpm"] == 90
    assert new["futureThing"] == {"a": 1.0}
    assert new["scene"] == old["scene"]
    assert new["timeline"]["midiCache"] == old["timeline"]["midiCache"]
    assert new["timeline"]["audioFeatureCacheStatus"][mvmnt.SOURCE] == {"state": "ready", "updatedAt": 5}
    plain = json.loads(after[mvmnt.FOLDER + "feature_caches.json"])
    assert plain["featureTracks"]["rms"]["futureField"] == {"kept": True}
    assert plain["version"] == 3
    zcr = session.peek("t2", "zcr")
    made = plain["featureTracks"]["zcr"]
    assert (made["frameCount"], made["channels"], made["dataRef"]["valueCount"]) == (*zcr.data.shape, zcr.data.size)
    np.testing.assert_array_equal(
        np.frombuffer(after[mvmnt.FOLDER + "zcr.f32"], "<f4").reshape(zcr.data.shape), zcr.data
    )
    again, report = loads(tmp_path / "b.mvt")
    assert not report.warnings
    assert again.tempo.bpm == 90
    assert again.tracks["t2"].offset_ticks == 123
    np.testing.assert_array_equal(again.peek("t2", "zcr").data, zcr.data)


def test_a_session_of_ones_own_becomes_a_package(scene, tmp_path, loads):
    scene.save(tmp_path / "x.mvt")
    scene.save(tmp_path / "y.mvt")
    assert (tmp_path / "x.mvt").read_bytes() == (tmp_path / "y.mvt").read_bytes()
    document = json.loads(parts(tmp_path / "x.mvt")["document.json"])
    assert document["format"] == "mvmnt.scene"
    session, report = loads(tmp_path / "x.mvt")
    assert not report.warnings
    assert list(session.tracks) == list(scene.tracks)
    for track_id, track in session.tracks.items():
        assert track.source.digest == scene.tracks[track_id].source.digest
    np.testing.assert_array_equal(session.peek("a", "mvmnt.waveform").data, scene.peek("a", "mvmnt.waveform").data)
    np.testing.assert_allclose(session.peek("a", "spectrogram").data, scene.peek("a", "spectrogram").data)


def test_another_version_or_other_parameters_are_stale(audio, computed, loads):
    plain, files = mvmnt.cache(computed)
    plain["featureTracks"]["spectrogram"]["version"] = 2
    session, _ = loads(mvmnt.package(mvmnt.envelope(audio), audio, (plain, files)))
    freshness = session.freshness("t2", "mvmnt.spectrogram")
    assert freshness.state == "stale"
    assert "version 2 → 3" in freshness.explain()
    assert session.freshness("t2", "mvmnt.rms").state == "fresh"


def test_small_integers_are_values(audio, computed, loads):
    plain, files = mvmnt.cache(computed)
    frames = plain["featureTracks"]["rms"]["frameCount"]
    stored = np.arange(frames, dtype=np.uint8)
    plain["featureTracks"]["rms"] |= {"format": "uint8"}
    plain["featureTracks"]["rms"]["dataRef"] = {"type": "uint8", "valueCount": frames, "filename": "rms.u8"}
    files["rms.u8"] = stored.tobytes()
    session, report = loads(mvmnt.package(mvmnt.envelope(audio), audio, (plain, files)))
    assert not report.warnings
    found = session.peek("t2", "mvmnt.rms")
    np.testing.assert_allclose(found.values()[:, 0], stored / 255, rtol=1e-6)


def with_periods(audio, computed, **metadata):
    """A package with periods of three, two and four samples, one after the other."""
    plain, files = mvmnt.cache(computed)
    said = {"frameOffsets": [0, 3, 5], "frameLengths": [3, 2, 4], "maxFrameLength": 5, **metadata}
    plain["featureTracks"]["pitchWaveform"] = {
        **plain["featureTracks"]["rms"],
        "key": "pitchWaveform",
        "calculatorId": "somebody.pitchWaveform",
        "format": "waveform-periodic",
        "frameCount": 3,
        "channels": 1,
        "metadata": {name: value for name, value in said.items() if value is not None},
        "dataRef": {"kind": "typed-array", "type": "float32", "valueCount": 9, "filename": "periods.f32"},
    }
    files["periods.f32"] = np.arange(1, 10, dtype="<f4").tobytes()
    return mvmnt.package(mvmnt.envelope(audio), audio, (plain, files))


def test_periods_of_different_lengths_are_rows_with_zeros_behind_them(audio, computed, loads):
    session, report = loads(with_periods(audio, computed))
    assert not report.warnings
    entries = session.store.snapshot().sources[session.tracks["t2"].source.id].entries
    (found,) = (entry.track for slot, entry in entries.items() if slot.feature == "pitchWaveform")
    assert (found.format, found.axes) == ("waveform-periodic", ("frame", "sample"))
    np.testing.assert_array_equal(found.data, [[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [6, 7, 8, 9, 0]])


@pytest.mark.parametrize(
    ("metadata", "warning"),
    [
        ({"frameOffsets": None}, "does not say where"),
        ({"frameLengths": [3, 2]}, "where each of its periods begins"),
        ({"frameOffsets": [0, 3, 6]}, "do not lie within 9 samples"),
        ({"frameOffsets": [0, 3, -1]}, "a number of frames or channels is -1"),
        ({"frameLengths": [3, 2.0, 4]}, "a number of frames or channels is 2"),
        ({"maxFrameLength": 1 << 39}, "size of a feature"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_periods_that_are_nowhere_are_left_out(audio, computed, loads, metadata, warning):
    session, report = loads(with_periods(audio, computed, **metadata))
    assert len(report.warnings) == 1
    assert warning in report.warnings[0]
    assert session.freshness("t2", "mvmnt.rms").state == "fresh"


def test_periods_of_ones_own_become_a_package_and_come_back(loads, tmp_path):
    with acn.Session(cache_dir=False) as session:
        session.add_audio(np.sin(np.arange(8000) / 10).astype(np.float32), sample_rate=8000, track_id="t")
        data = session.get("t", "waveform.period").data
        session.save(tmp_path / "x.mvt")
    again, report = loads(tmp_path / "x.mvt")
    assert not report.warnings
    found = again.peek("t", "waveform.period")
    assert (found.format, found.axes) == ("waveform-periodic", ("frame", "sample"))
    np.testing.assert_array_equal(found.data, data)


@pytest.mark.parametrize(
    ("damage", "warning"),
    [
        (lambda parts: parts.pop(mvmnt.FOLDER + "rms.f32"), "rms' of .* was left out: its data file is not in the"),
        (lambda parts: parts.update({mvmnt.FOLDER + "rms.f32": b"abc"}), "cut off"),
        (lambda parts: parts.update({mvmnt.FOLDER + "rms.f32": bytes(8)}), "another length"),
        (lambda parts: parts.pop(mvmnt.FOLDER + "feature_caches.json"), "Missing audio feature payload for cache"),
        (lambda parts: parts.update({mvmnt.FOLDER + "feature_caches.json": b"{"}), "Failed to parse audio feature"),
        (
            lambda parts: parts.update({mvmnt.FOLDER + "feature_caches.json": b'{"version": 2}'}),
            "Unsupported audio feature cache version",
        ),
    ],
)
def test_damaged_caches_cost_exactly_their_features(audio, computed, loads, damage, warning):
    session, report = loads(mvmnt.package(mvmnt.envelope(audio), audio, mvmnt.cache(computed), change=damage))
    assert len(report.warnings) == 1
    import re

    assert re.search(warning, report.warnings[0])
    assert session.freshness("t2", "mvmnt.rms").state == "missing"
    assert session.tracks["t2"].source.frames == 13230
    np.testing.assert_array_equal(session.get("t2", "mvmnt.rms").data, computed["rms"].data)


@pytest.mark.parametrize("kind", ["gone", "changed", "no audio"])
def test_d19_audio_that_cannot_be_used_is_reported_and_never_silence(audio, computed, loads, kind):
    document = mvmnt.envelope(audio)
    name = f"assets/audio/{hashlib.sha256(audio).hexdigest()}/häng.wav"
    if kind == "no audio":
        audio = b"this is text, and no audio at all" * 20
        document = mvmnt.envelope(audio)

    def change(parts):
        if kind == "gone":
            del parts[name]
        elif kind == "changed":
            parts[name] = parts[name][:-1] + b"\x01"

    session, report = loads(mvmnt.package(document, audio, mvmnt.cache(computed), change=change))
    assert any("cannot be used" in warning for warning in report.warnings)
    assert session.peek("t2", "mvmnt.rms") is not None
    session.reanalyze("t2", "mvmnt.rms")
    session.wait()
    assert session.status("t2").state == "failed"


def test_automation_comes_before_the_map(audio, computed, loads):
    document = mvmnt.envelope(audio)
    document["timeline"]["timeline"]["tempoAutomation"] = {
        "enabled": True,
        "keyframes": [{"tick": 0, "bpm": 60}, {"tick": 960, "bpm": 240}],
    }
    session, _ = loads(mvmnt.package(document, audio, mvmnt.cache(computed)))
    assert [(one.time_s, one.bpm, one.curve) for one in session.tempo.entries] == [(0, 60, "step"), (1, 240, "step")]


def test_entries_that_cannot_be_are_named(audio, computed, loads):
    document = mvmnt.envelope(audio)
    document["timeline"]["timeline"]["masterTempoMap"] = [
        {"time": -1, "bpm": 100},
        {"time": "x", "bpm": 100},
        {"time": 0, "bpm": 0},
        {"time": 0, "bpm": 100},
        {"time": 0, "bpm": 110},
        3,
    ]
    session, report = loads(mvmnt.package(document, audio, mvmnt.cache(computed)))
    assert session.tempo.bpm == 110
    assert len(report.warnings) == 4


@pytest.mark.parametrize("version", [1, 3, 7])
def test_schemas_that_are_not_read(audio, computed, loads, version):
    document = {**mvmnt.envelope(audio), "schemaVersion": version}
    with pytest.raises(DocumentVersionError, match=f"schema {version}"):
        loads(mvmnt.package(document, audio, mvmnt.cache(computed)))


def test_what_is_no_package(audio, computed, loads):
    def change(parts):
        parts["document.json"] = b'{"format": "mvmnt.scene"}'

    with pytest.raises(DocumentValidationError):
        loads(mvmnt.package({}, audio, mvmnt.cache(computed), change=change))
    with pytest.raises((DocumentError, BundleError)):
        loads(b"PK\x03\x04")


def test_references_name_nothing_outside_their_folder(audio, computed, loads):
    plain, files = mvmnt.cache(computed)
    plain["featureTracks"]["rms"]["dataRef"]["filename"] = "../../../document.json"
    document = mvmnt.envelope(audio)
    document["timeline"]["audioFeatureCaches"][mvmnt.SOURCE]["assetRef"] = "/etc/passwd"
    session, report = loads(mvmnt.package(document, audio, (plain, files)))
    assert "not in the package" in report.warnings[0]
    assert session.freshness("t2", "mvmnt.waveform").state == "fresh"


def test_the_sound_is_the_recordings(package, loads):
    session, _ = loads(package)
    samples, _ = sound(0.6)
    np.testing.assert_allclose(session.tracks["t2"].source.read(0, 13230), samples, atol=1 / 32768)


@pytest.mark.parametrize(
    "core",
    [
        {"masterTempoMap": [{"time": 0, "bpm": 100}, {"time": 2**40, "bpm": 90}]},
        {"tempoAutomation": {"enabled": True, "keyframes": [{"tick": 0, "bpm": 100}, {"tick": 2**60, "bpm": 90}]}},
    ],
)
def test_a_tempo_at_the_end_of_time_is_named_and_left_out(core, audio, computed, loads):
    document = mvmnt.envelope(audio)
    document["timeline"]["timeline"] = {"globalBpm": 120, "beatsPerBar": 4, **core}
    session, report = loads(mvmnt.package(document, audio, mvmnt.cache(computed)))
    assert session.tempo.entries[0].bpm == 100
    assert any("could not be taken over" in warning for warning in report.warnings)


def test_an_element_that_asks_for_what_cannot_be_is_named(audio, computed, loads):
    document = mvmnt.envelope(audio)
    document["scene"]["elements"][0]["features"]["value"][0] |= {"featureKey": "x" * 5000}
    session, report = loads(mvmnt.package(document, audio, mvmnt.cache(computed)))
    assert [warning for warning in report.warnings if "asks for a feature that cannot be" in warning]
    assert session.peek("t2", "mvmnt.rms") is not None
