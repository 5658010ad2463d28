from __future__ import annotations

import json

import numpy as np
import pytest
from widgets.fake import Progress, Slot, curve_track, spectrogram_track, waveform_track

from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.widgets.rows import PanelRows, live_values, slot_id


@pytest.fixture
def rows(session):
    made = PanelRows()
    return lambda: made.rows(session.store.snapshot())


def test_a_new_track(session, track, rows):
    (row,) = rows()
    assert row == {
        "track_id": track.id,
        "name": "drums.wav",
        "source_id": track.source_id,
        "state": "idle",
        "text": "Not analysed",
        "message": "",
        "updated_at": 1_700_000_000.0,
        "audio": "2 channels · 44.1 kHz · 8.00 s",
        "health": "",
        "summary": "No analysed feature data stored yet.",
        "can_stop": False,
        "stop_reason": "No analysis is running.",
        "can_restart": True,
        "restart_reason": "Restart analysis",
        "stale": 0,
        "cost": "",
        "features": [],
    }


def test_a_fresh_feature(session, track, rows):
    session.set_status(track, "ready")
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track(690), reason="as wanted")
    (row,) = rows()
    assert row["summary"] == "Cached 1 feature track."
    (feature,) = row["features"]
    slot = feature.pop("slot")
    assert isinstance(slot, str)
    assert feature == {
        "label": "Spectrogram",
        "feature": "spectrogram",
        "calculator": "spectrogram",
        "version": "1",
        "unit": "dB",
        "shape": "690 frames × 1025 bins",
        "size": "2.8 MB",
        "bytes": 690 * 1025 * 4,
        "parameters": "window 2048 · hop 512 · hann",
        "state": "fresh",
        "reason": "as wanted",
        "error": "",
        "can_reanalyze": True,
        "why": "Re-analyse this feature track.",
    }


def test_while_pending_one_can_stop_and_not_re_analyse(session, track, rows):
    session.set_entry(track, "rms", "fresh", curve_track())
    session.set_status(track, "pending", "analyzing audio", Progress(0.5))
    (row,) = rows()
    assert (row["can_stop"], row["stop_reason"]) == (True, "Stop analysis")
    (feature,) = row["features"]
    assert (feature["can_reanalyze"], feature["why"]) == (False, "Analysis already in progress.")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_feature_that_is_being_computed_cannot_be_asked_for_again(session, track, rows, state):
    session.set_entry(track, "rms", state)
    assert rows()[0]["features"][0]["why"] == "Analysis already in progress."


def test_a_feature_nobody_can_compute_says_why(session, track, rows):
    entry = session.set_entry(track, "rms", "bad_request", reason="There is no calculator 'gone'.")
    feature = rows()[0]["features"][0]
    assert (feature["can_reanalyze"], feature["why"]) == (False, "There is no calculator 'gone'.")
    object.__setattr__(entry, "slot", Slot("rms", ""))
    assert PanelRows().rows(session.store.snapshot())[0]["features"][0]["why"] == "Calculator metadata unavailable."


def test_a_failed_feature_shows_its_error(session, track, rows):
    session.set_entry(track, "rms", "failed", error=ValueError("first line\nsecond line"), reason="it failed")
    feature = rows()[0]["features"][0]
    assert (feature["error"], feature["reason"]) == ("first line second line", "it failed")
    assert (feature["shape"], feature["size"], feature["bytes"], feature["version"]) == ("", "", None, "")
    assert feature["parameters"] == "window 2048 · hop 512 · hann", "what it would be computed with"
    assert rows()[0]["summary"] == "Cached feature metadata available."


def test_a_stale_source_awaits_its_re_analysis(session, track, rows):
    session.set_status(track, "stale")
    assert (rows()[0]["text"], rows()[0]["message"]) == ("Stale", "Awaiting re-analysis")
    session.set_status(track, "stale", "calculator updated")
    assert rows()[0]["message"] == "calculator updated"


def test_health_is_shown_unless_there_is_nothing_to_say(session, rows):
    session.add(health="31 clipped samples")
    assert rows()[0]["health"] == "31 clipped samples"


def test_features_are_sorted_by_label(session, track, rows):
    session.set_entry(track, "waveform", "fresh", waveform_track())
    session.set_entry(track, "rms", "fresh", curve_track(), label="loudness")
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track(4))
    assert [f["label"] for f in rows()[0]["features"]] == ["loudness", "Spectrogram", "Waveform"]


def test_slots_are_told_apart_and_say_nothing(session, track, rows):
    session.set_entry(track, "rms", "fresh", curve_track())
    session.set_entry(track, "rms", "missing", profile=AnalysisProfile(hop_size=100))
    session.set_entry(track, "mvmnt.rms", "missing")
    slots = [f["slot"] for f in rows()[0]["features"]]
    assert len(set(slots)) == 3
    assert slot_id(Slot("a", "b\x1fc")) != slot_id(Slot("a\x1fb", "c"))
    assert slot_id(Slot("\ud800", "x"))


def test_two_tracks_of_one_source_have_a_row_each(session, track, rows):
    import dataclasses
    from types import MappingProxyType

    twin = dataclasses.replace(track, id="twin", name="again")
    now = session.store.snapshot()
    session.store.change(tracks=MappingProxyType({**now.tracks, "twin": twin}))
    assert [(row["track_id"], row["name"]) for row in rows()] == [(track.id, "drums.wav"), ("twin", "again")]


def test_progress_alone_changes_no_row(session, track, rows):
    session.set_entry(track, "rms", "running")
    session.set_status(track, "pending", "analyzing audio", Progress(0.1), updated_at=1.0)
    before = rows()
    for k in range(2, 9):
        session.set_status(track, "pending", "analyzing audio", Progress(k / 10), updated_at=float(k))
        after = rows()
        assert after == before
        assert after[0]["features"][0] is before[0]["features"][0]
    session.set_status(track, "pending", "reanalysing feature track", Progress(0.9), updated_at=9.0)
    assert rows()[0]["updated_at"] == 9.0


def test_live_values_are_of_pending_tracks_only(session, track):
    other = session.add("other.wav")
    session.set_status(other, "ready")
    session.set_status(track, "pending", "analyzing audio", Progress(0.5, "start", 12.0))
    assert live_values(session.store.snapshot()) == {
        track.id: {"value": 0.5, "label": "Preparing analysis…", "eta_s": 12.0}
    }
    session.set_status(track, "pending", "analyzing audio", None)
    assert live_values(session.store.snapshot())[track.id] == {
        "value": 0.0, "label": "Preparing analysis…", "eta_s": None
    }  # fmt: skip


def test_rows_are_json_without_nan(session, track, rows):
    session.set_status(track, "pending", "x", Progress(float("nan"), None, float("inf")), updated_at=float("nan"))
    session.set_entry(track, "rms", "fresh", curve_track(parameters={"gain": np.float32(0.5), "x": float("nan")}))
    json.dumps([rows(), live_values(session.store.snapshot())], allow_nan=False)
