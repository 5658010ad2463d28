"""Scenes of others: damaged, swapped, poisoned, or made to do harm. Nothing outside the file is touched."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from support.scenes import feature_entry, packed, parts_of, with_document, with_feature
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb.cache.entry import chunks, write_plan
from audiocache_nb.errors import (
    BundleFormatError,
    BundleIntegrityError,
    BundleLimitError,
    DocumentError,
    DocumentValidationError,
)
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.strict_json import stable


@pytest.fixture
def bundle(scene, tmp_path):
    """The bytes of a scene's bundle."""
    scene.save(tmp_path / "scene.zip")
    return (tmp_path / "scene.zip").read_bytes()


def test_the_bundle_is_what_packed_makes(bundle):
    assert packed(parts_of(bundle)) == bundle


# --- the manifest: nothing is imported -----------------------------------------------------------


def test_b7_b8_entries_that_are_not_listed_or_not_there(bundle, loads):
    parts = parts_of(bundle)
    lines = json.loads(parts["manifest.json"])["entries"]
    for wrong in (
        packed(parts, lines=lines[:-1]),
        packed({**parts, "extra": b"x"}, lines=lines),
        packed(parts, lines=[lines[0], *lines[:0:-1]]),
        packed(parts, lines=[{**line, "bytes": line["bytes"] + 1} for line in lines]),
        packed(parts, lines=[{**lines[0], "sha256": "0" * 64}, *lines[1:]]),
    ):
        with pytest.raises(BundleIntegrityError) as caught:
            loads(wrong)
        assert caught.value.context["entry"]
        assert "nothing was imported" in str(caught.value)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{}",
        stable({"format": "other", "version": [1, 0], "entries": []}),
        stable({"format": "audiocache_nb.bundle", "version": [1, 0], "entries": [{"name": "document.json"}]}),
        stable({"format": "audiocache_nb.bundle", "version": [1, 0], "entries": [3]}),
        b'{"format": "audiocache_nb.bundle", "format": "audiocache_nb.bundle"}',
        b"[" * 100_000,
    ],
)
def test_manifests_that_are_none(bundle, loads, manifest):
    with pytest.raises((DocumentValidationError, BundleIntegrityError, BundleLimitError)):
        loads(packed(parts_of(bundle), manifest=manifest))


def test_a_later_bundle(bundle, loads):
    with pytest.raises(BundleFormatError, match="version 2"):
        loads(
            packed(
                parts_of(bundle), manifest=stable({"format": "audiocache_nb.bundle", "version": [2, 0], "entries": []})
            )
        )


# --- the document: nothing is imported -----------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/timeline/tracks/0/source", "src-0000000000000000"),
        ("/timeline/tracks/0/offset_ticks", "0"),
        ("/timeline/tracks/0/gain", -1),
        ("/timeline/tracks/0/mute", 1),
        ("/timeline/tracks/1/id", "a"),
        ("/timeline/tempo/beats_per_bar", 0),
        ("/timeline/tempo/entries", None),
        ("/sources/0/sample_rate", 10**9),
        ("/sources/0/frames", -1),
        ("/sources/0/frames", 1.5),
        ("/sources/0/channels", 10**6),
        ("/sources/0/name", "x" * 300),
        ("/sources/0/status/state", "pending"),
        ("/demand/0/track", "nobody"),
        ("/demand/0/features/0/feature", ""),
        ("/features/0/source", "nobody"),
        ("/features/0/key", 3),
        ("/features/0/array", {"entry": ["document.json"]}),
        ("/version", [1]),
    ],
)
def test_places_that_are_not_as_they_have_to_be_are_named(bundle, loads, pointer, value):
    def change(document):
        *path, last = [int(part) if part.isdigit() else part for part in pointer[1:].split("/")]
        inner = document
        for part in path:
            inner = inner[part]
        inner[last] = value

    with pytest.raises(DocumentValidationError) as caught:
        loads(with_document(bundle, change))
    assert any(found.startswith(pointer) for found in caught.value.context["pointers"])


@pytest.mark.parametrize(
    "entries",
    [[[0.0, 0.0]], [[0.0, 120.0], [0.0, 130.0]], [[0.0, "fast"]], [[1e308 * 10, 1]], [[0.0, 120.0, "wild"]], [[]], [3]],
)
def test_tempos_that_cannot_be(bundle, loads, entries):
    def change(document):
        document["timeline"]["tempo"]["entries"] = entries

    try:
        data = with_document(bundle, change)
    except ValueError:
        return  # not even JSON
    with pytest.raises(acn.AudioCacheError):
        loads(data)


def test_a_profile_or_a_digest_that_cannot_be(bundle, loads):
    def profile(document):
        document["features"][0]["descriptor"]["profile"] = {"window_size": -5}

    def code(document):
        document["features"][0]["descriptor"]["profile"] = {"__class__": "os.system"}

    def digest(document):
        document["sources"][0]["digest"] = "sha256:" + "0" * 64

    for change in (profile, code, digest):
        with pytest.raises(DocumentError):
            loads(with_document(bundle, change))


def test_too_many_tracks(bundle, loads):
    with pytest.raises((BundleLimitError, DocumentValidationError)):
        loads(bundle, limits=acn.ImportLimits(tracks=1))
    with pytest.raises(BundleLimitError, match="json_bytes"):
        loads(bundle, limits=acn.ImportLimits(json_bytes=100))


# --- features: exactly the damaged ones are missing ----------------------------------------------


@pytest.mark.parametrize("kind", ["header", "empty", "short", "long", "other", "pickle", "npy"])
def test_a_feature_that_is_damaged_is_missing_and_the_others_are_there(bundle, loads, kind):
    name = feature_entry(bundle, "spectrogram")
    good = parts_of(bundle)[name]
    npy = io.BytesIO()
    np.save(npy, np.zeros(4))
    data = {
        "header": good[:20] + bytes([good[20] ^ 1]) + good[21:],
        "empty": b"",
        "short": good[:-1],
        "long": good + b"\0",
        "other": parts_of(bundle)[feature_entry(bundle, "rms")],
        "pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "npy": npy.getvalue(),
    }[kind]
    session, report = loads(with_feature(bundle, name, data))
    missing = [note for note in report.left_out if note.outcome == "missing"]
    assert [note.feature for note in missing] == ["spectrogram"]
    assert missing[0].reason
    assert session.freshness("a", "spectrogram").state == "missing"
    assert missing[0].reason in session.freshness("a", "spectrogram").explain()
    assert session.freshness("a", "rms").state == "fresh"
    session.get("a", "spectrogram")
    assert session.freshness("a", "spectrogram").state == "fresh"


def test_a_feature_whose_entry_is_named_but_not_there(bundle, loads):
    def change(document):
        document["features"][0]["array"] = {"entry": "features/99999.safetensors"}

    _, report = loads(with_document(bundle, change))
    assert [note.reason for note in report.left_out] == ["its data are not in the bundle"]


def test_data_that_rot_in_place_are_noticed_when_they_are_touched(bundle, loads, tmp_path):
    name = feature_entry(bundle, "spectrogram")
    with Archive(bundle) as archive:
        entry = archive.entries[name]
    mutated = bytearray(bundle)
    mutated[entry.data_offset + entry.size // 2] ^= 4
    session, report = loads(bytes(mutated))
    assert not report.left_out
    truth = None
    assert session.sample("a", "spectrogram", 0.3) is None  # touched, found damaged, not shown
    session.wait()
    truth = session.get("a", "spectrogram")
    assert "imported" not in truth.provenance
    assert session.sample("a", "spectrogram", 0.3) is not None


# --- recordings ----------------------------------------------------------------------------------


def audio_of(bundle, track="a"):
    document = json.loads(parts_of(bundle)["document.json"])
    source = next(one["source"] for one in document["timeline"]["tracks"] if one["id"] == track)
    return next(one["audio"]["entry"] for one in document["sources"] if one["id"] == source)


def test_a_recording_that_is_damaged_is_reported_and_never_silence(bundle, loads):
    name = audio_of(bundle)
    with Archive(bundle) as archive:
        entry = archive.entries[name]
    mutated = bytearray(bundle)
    mutated[entry.data_offset + entry.size // 2] ^= 4
    session, report = loads(bytes(mutated))
    assert any("is damaged" in warning for warning in report.warnings)
    with pytest.raises(acn.AudioCacheError):
        session.get("a", "zcr")
    assert session.status("a").state == "failed"
    assert session.freshness("a", "rms").state == "fresh"


@pytest.mark.parametrize("kind", ["noise", "another", "longer"])
def test_a_recording_that_is_another_one(bundle, loads, kind):
    name, other = audio_of(bundle), audio_of(bundle, "b")
    parts = parts_of(bundle)
    data = {"noise": b"RIFF" + bytes(5000), "another": parts[other], "longer": parts[name] + parts[name]}[kind]
    if kind == "longer":  # one sound that goes on and on
        import soundfile

        samples, rate = sound(5)
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
        data = file.getvalue()
    session, _ = loads(packed({**parts, name: data}))
    with pytest.raises(acn.AudioCacheError):
        session.get("a", "zcr")
    assert session.status("a").state == "failed"
    assert session.status("a").message


# --- poison --------------------------------------------------------------------------------------


def poisoned(bundle, scene):
    """The bundle with an RMS of 42, and every checksum right."""
    import dataclasses

    track = scene.peek("a", "rms")
    lie = dataclasses.replace(track, data=np.full(track.shape, 42, np.float32))
    header, tail = write_plan(lie)
    return with_feature(bundle, feature_entry(bundle, "rms"), header + b"".join(chunks(lie)) + tail)


def test_b14_what_was_imported_stays_in_its_scene(bundle, scene, loads, sessions, tmp_path):
    cache = tmp_path / "cache"
    session, _ = loads(poisoned(bundle, scene), cache_dir=cache)
    assert session.peek("a", "rms").data.max() == 42
    assert "Imported" in session.freshness("a", "rms").explain()
    session.get("a", "zcr")
    session.close()
    other = sessions(cache_dir=cache)
    track = other.add_audio(*sound())
    np.testing.assert_array_equal(other.get(track, "rms").data, scene.peek("a", "rms").data)


def test_it_can_be_computed_again(bundle, scene, loads):
    session, _ = loads(poisoned(bundle, scene))
    session.reanalyze("a", ["rms"])
    session.wait()
    np.testing.assert_array_equal(session.peek("a", "rms").data, scene.peek("a", "rms").data)
    assert "Imported" not in session.freshness("a", "rms").explain()


def test_who_is_trusted_may_fill_the_cache(bundle, loads, sessions, tmp_path):
    cache = tmp_path / "cache"
    session, _ = loads(bundle, True, cache_dir=cache)
    session.close()
    other = sessions(cache_dir=cache)
    track = other.add_audio(*sound())
    other.get(track, "rms")
    assert other.freshness(track, "rms").state == "fresh"
    assert "imported" in other.peek(track, "rms").provenance


# --- names and the world outside -----------------------------------------------------------------


def test_b16_names_are_made_safe(bundle, loads):
    def change(document):
        document["sources"][0]["name"] = "</script><img src=x onerror=alert(1)>\u202egpj\x00"
        document["timeline"]["tracks"][0]["name"] = "\x1b[31mred"
        document["sources"][0]["status"]["message"] = "\x1b[2J\u202eready"
        document["sources"][0]["audio"] = {"entry": "gone"}
        document["features"][0]["descriptor"]["profile"]["id"] = "\u202e\x07"

    session, report = loads(with_document(bundle, change))
    shown = [str(report), *(session.status(name).message or "" for name in ("a", "b"))]
    assert not {"\x1b", "\u202e", "\x07"} & set("".join(shown))
    assert "⟨U+202E⟩" in str(report)
    for track in session.tracks.values():
        assert "\x00" not in track.source.name
        assert "\u202e" not in track.source.name
    repr(session)
    acn.plotting.plot_feature(session.peek("a", "rms"))


_WATCHED = (
    "open",
    "socket.connect",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "pickle.find_class",
    "compile",
    "exec",
)
_seen: list[tuple[str, object]] = []
_watching = False


def _hook(event, arguments):
    if _watching and event in _WATCHED:
        _seen.append((event, arguments[0] if arguments else None))


sys.addaudithook(_hook)


def test_b17_nothing_outside_the_file_is_opened(bundle, loads, tmp_path):
    global _watching  # noqa: PLW0603 - an audit hook cannot be taken away again

    def change(document):
        for place in (document["sources"][0], document["timeline"]["tracks"][0]):
            place["path"] = place["url"] = place["href"] = "file:///etc/passwd"
        document["sources"][0]["reference"] = {"name": "/etc/passwd"}
        document["sources"][0]["audio"] = None
        document["features"][0]["descriptor"]["calculator"] = "os.system"

    path = tmp_path / "hostile.zip"
    path.write_bytes(with_document(bundle, change))
    loads(bundle)  # so that everything is imported
    _seen.clear()
    _watching = True
    try:
        session, _ = loads(path)
        for state in session.store.snapshot().sources.values():
            assert sum(float(entry.track.data.sum()) for entry in state.entries.values() if entry.track) != 0
        repr(session)
    finally:
        _watching = False
    assert [(event, str(what)) for event, what in _seen if str(what) != str(path) and not isinstance(what, int)] == []
