"""Imported features and what is computed here: what agrees is trusted, what does not is stale."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.scenes import feature_entry, with_feature
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb.cache.entry import chunks, write_plan
from audiocache_nb.errors import InvalidParameterError, SessionClosedError

FEATURES = ["rms", "spectrogram", "mvmnt.waveform", "onsets", "tempo"]


def long_sound():
    samples, rate = sound(6.0)
    return samples + np.random.default_rng(0).normal(0, 0.01, samples.shape).astype(np.float32), rate


@pytest.fixture
def original(sessions):
    """A session whose recording is longer than its excerpts."""
    session = sessions()
    session.request(session.add_audio(*long_sound(), track_id="a"), [*FEATURES, "chroma"], element="me")
    session.wait()
    return session


@pytest.fixture
def bundle(original, tmp_path):
    original.save(tmp_path / "scene.zip")
    return (tmp_path / "scene.zip").read_bytes()


def lying(bundle, original, feature, change):
    """The bundle with another result, and every checksum right."""
    track = original.peek("a", feature)
    values = track.data.copy()
    lie = dataclasses.replace(track, **change(track, values))
    header, tail = write_plan(lie)
    return with_feature(bundle, feature_entry(bundle, feature), header + b"".join(chunks(lie)) + tail)


def forty_two(track, values):
    values[...] = 42
    return {"data": values}


SHORT = {"excerpts": 3, "seconds": 0.4}


def test_what_agrees_is_trusted(bundle, original, loads, sessions, tmp_path):
    cache = tmp_path / "cache"
    session, _ = loads(bundle, cache_dir=cache)
    before = {feature: session.peek("a", feature).rows_or_array for feature in FEATURES}
    found = session.verify_imported("a", **SHORT)
    assert {note.outcome for note in found.features} == {"verified"}
    assert len(found.of("verified")) == 6
    assert session.status("a").state == "ready"
    rms = session.freshness("a", "rms")
    assert rms.state == "fresh"
    assert "verified: 3 excerpts of 1.2 s in all, computed again" in rms.explain()
    assert session.peek("a", "rms").rows_or_array is before["rms"]  # where it lay in the file
    assert "imported" not in session.peek("a", "onsets").provenance  # was computed entirely: it is our own now
    assert session.verify_imported().features == ()
    assert list(found.to_pandas()["outcome"]) == ["verified"] * 6
    session.close()
    other = sessions(cache_dir=cache)
    track = other.add_audio(*long_sound())
    other.request(track, FEATURES, element="me")
    assert {other.freshness(track, feature).state for feature in FEATURES} == {"fresh"}
    for feature in FEATURES:
        np.testing.assert_array_equal(other.get(track, feature).data, original.peek("a", feature).data)


def test_poison_is_found(bundle, original, loads, sessions, tmp_path):
    cache = tmp_path / "cache"
    session, _ = loads(lying(bundle, original, "rms", forty_two), cache_dir=cache)
    found = session.verify_imported(**SHORT)
    assert [note.feature for note in found.of("differs")] == ["rms"]
    assert "rms: differs (does not agree with a recomputation: its values" in str(found)
    assert session.freshness("a", "rms").state == "stale"
    assert "does not agree with a recomputation" in session.freshness("a", "rms").explain()
    assert session.status("a").state == "stale"
    assert session.freshness("a", "spectrogram").state == "fresh"
    session.reanalyze("a", ["rms"])
    session.wait()
    assert session.freshness("a", "rms").state == "fresh"
    np.testing.assert_array_equal(session.peek("a", "rms").data, original.peek("a", "rms").data)
    session.close()
    other = sessions(cache_dir=cache)
    assert other.get(other.add_audio(*long_sound()), "rms").data.max() < 42


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("onsets", lambda track, values: {"data": values * 1.01}),
        ("tempo", lambda track, values: {"data": values + 1}),
        ("spectrogram", lambda track, values: {"data": values[:-1].copy()}),
        ("spectrogram", lambda track, values: {"unit": "V"}),
        ("spectrogram", lambda track, values: {"fill_value": 3.0}),
        ("spectrogram", lambda track, values: {"start_seconds": 1.0}),
        ("chroma", lambda track, values: {"axis_coords": {n: v[::-1].copy() for n, v in track.axis_coords.items()}}),
        ("mvmnt.waveform", lambda track, values: {"data": -values}),
    ],
)
def test_any_difference_counts(bundle, original, loads, feature, change):
    session, _ = loads(lying(bundle, original, feature, change))
    found = session.verify_imported(**SHORT)
    assert {note.feature for note in found.of("differs")} == {original.peek("a", feature).feature}


def test_a_lie_in_one_place_is_found_where_the_excerpts_are(bundle, original, loads):
    def one_second(track, values):
        values[int(2.0 / track.hop_seconds) : int(3.0 / track.hop_seconds)] = 0
        return {"data": values}

    outcomes = []
    for seed in range(8):
        session, _ = loads(lying(bundle, original, "spectrogram", one_second))
        outcomes.append({n.feature: n.outcome for n in session.verify_imported(**SHORT, seed=seed).features})
        session.close()
    seen = [one["spectrogram"] for one in outcomes]
    assert "differs" in seen
    session, _ = loads(lying(bundle, original, "spectrogram", one_second))
    assert [note.feature for note in session.verify_imported(seconds=10).of("differs")] == ["spectrogram"]
    again, _ = loads(lying(bundle, original, "spectrogram", one_second))
    found = {note.feature: note.outcome for note in again.verify_imported(**SHORT, seed=0).features}
    assert found == outcomes[0]  # the places follow from the seed


def test_levels_that_were_rounded_agree(sessions, loads, tmp_path):
    session = sessions()
    track = session.add_audio(*long_sound(), track_id="a")
    profiles = [acn.AnalysisProfile(storage=storage) for storage in ("uint8", "int16")]
    for profile in profiles:
        session.request(track, ["spectrogram"], element=profile.storage, profile=profile)
    session.wait()
    session.save(tmp_path / "scene.zip")
    loaded, _ = loads(tmp_path / "scene.zip")
    assert [note.outcome for note in loaded.verify_imported(**SHORT).features] == ["verified"] * 2


def test_what_cannot_be_compared(original, loads, tmp_path):
    @acn.calculator(feature="mine", version=1)
    def mine(frames):
        return frames.max(axis=1)

    try:
        original.request("a", ["mine"], element="mine")
        original.wait()
        original.save(tmp_path / "scene.zip", audio="none")
    finally:
        acn.calculators.unregister("mine")
    session, _ = loads(tmp_path / "scene.zip")
    reasons = {note.feature: note.reason for note in session.verify_imported(**SHORT).of("not checked")}
    assert set(reasons) == {"mine", "rms", "spectrogram", "waveform", "onsets", "tempo", "chroma"}
    assert "did not come with the scene" in reasons["rms"]
    assert "could not be computed" in reasons["tempo"]
    assert "mine" in reasons["mine"]
    assert session.freshness("a", "rms").state == "fresh"  # as imported as before


def test_that_somebody_else_verified_it_counts_for_nothing(bundle, loads, tmp_path):
    session, _ = loads(bundle)
    session.verify_imported(**SHORT)
    session.save(tmp_path / "again.zip")
    session, _ = loads(tmp_path / "again.zip")
    assert "verified" not in session.freshness("a", "rms").explain()
    assert len(session.verify_imported(**SHORT).of("verified")) == 6


def test_a_calculator_that_fails_is_no_proof(sessions, loads, tmp_path):
    fails = []

    @acn.calculator(feature="moody", version=1)
    def moody(frames):
        if fails:
            raise ValueError("not today")
        return frames.max(axis=1)

    try:
        session = sessions()
        session.request(session.add_audio(*long_sound(), track_id="a"), ["moody"], element="me")
        session.wait()
        session.save(tmp_path / "scene.zip")
        loaded, _ = loads(tmp_path / "scene.zip")
        fails.append(1)
        assert [note.outcome for note in loaded.verify_imported().features] == ["not checked"]
        fails.clear()
        assert [note.outcome for note in loaded.verify_imported().features] == ["verified"]
    finally:
        acn.calculators.unregister("moody")


def test_what_is_refused(bundle, loads):
    session, _ = loads(bundle)
    for wrong in ({"excerpts": 0}, {"excerpts": True}, {"seconds": 0}, {"seconds": float("nan")}):
        with pytest.raises(InvalidParameterError):
            session.verify_imported(**wrong)
    session.close()
    with pytest.raises(SessionClosedError):
        session.verify_imported()
