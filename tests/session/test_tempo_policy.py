"""What a tempo edit does to features: nothing, or, where that is wished for, what it did in the original."""

from __future__ import annotations

import pytest

import audiocache_nb as acn

WAIT_S = 60
RATE = 8000


@pytest.fixture
def marking(registry, tone):
    with acn.Session(cache_dir=False, workers=2, registry=registry, tempo_policy="stale") as session:
        session.add_audio(tone, RATE, name="tone")
        yield session


def status(session):
    found = session.status("tone")
    return found.state, found.message


def test_by_default_features_stay_what_they_are(session, track):
    session.request(track, ["rms", "waveform"], element="plot")
    session.wait(WAIT_S)
    before = session.store.snapshot().sources
    session.tempo.bpm = 90
    session.tempo.set_map([(0, 90), (2, 100)])
    assert session.store.snapshot().sources[track.source_id] is before[track.source_id]


def test_the_original_marks_everything_that_is_there(marking):
    marking.request("tone", ["rms", "waveform"], element="plot")
    marking.wait(WAIT_S)
    stored = marking.peek("tone", "rms")
    marking.tempo.bpm = 90
    assert status(marking) == ("stale", "tempo updated")
    assert marking.freshness("tone", "rms").explain() == "tempo updated"
    marking.tempo.set_map([(0, 90), (2, 100)])
    assert status(marking) == ("stale", "tempo map updated")
    assert marking.timeline.scheduler.jobs == []  # nothing is computed until somebody says so
    assert marking.peek("tone", "rms") is stored
    assert marking.get("tone", "rms", timeout=WAIT_S) is stored


def test_reanalyze_clears_the_mark_of_what_it_computes_and_restart_all(marking):
    marking.request("tone", ["rms", "waveform"], element="plot")
    marking.wait(WAIT_S)
    marking.tempo.bpm = 90
    marking.reanalyze("tone", "rms")
    marking.wait(WAIT_S)
    assert marking.freshness("tone", "rms").state == "fresh"
    assert marking.freshness("tone", "waveform").state == "stale"
    assert status(marking) == ("stale", "tempo updated")
    marking.restart("tone")
    marking.wait(WAIT_S)
    assert status(marking) == ("ready", None)


def test_what_changes_no_tempo_marks_nothing(marking):
    """The original marks everything for an identical map, also what was never analysed."""
    marking.tempo.bpm = 90
    assert status(marking) == ("idle", "analysis not started")
    marking.get("tone", "rms", timeout=WAIT_S)
    marking.tempo.set_map([(0, 90)])
    marking.tempo.beats_per_bar = 3
    assert status(marking) == ("ready", None)
    marking.tempo.bpm = 120
    assert status(marking) == ("stale", "tempo updated")


def test_a_mark_outlives_removal_and_undo(marking):
    marking.get("tone", "rms", timeout=WAIT_S)
    marking.tempo.bpm = 90
    before = marking.status("tone")
    marking.remove("tone")
    marking.undo()
    assert marking.status("tone") == before
    assert marking.freshness("tone", "rms").state == "stale"


def test_an_edit_during_the_analysis_marks_what_was_there_and_not_what_comes(marking, gate):
    marking.get("tone", "rms", timeout=WAIT_S)
    marking.request("tone", "gate", element="plot")
    assert gate.entered.wait(WAIT_S)
    marking.tempo.bpm = 90
    assert marking.status("tone").state == "pending"
    gate.open.set()
    marking.wait(WAIT_S)
    assert status(marking) == ("stale", "tempo updated")
    assert marking.freshness("tone", "gate").state == "fresh"


def test_other_policies_are_refused():
    with pytest.raises(acn.InvalidParameterError, match="tempo_policy"):
        acn.Session(cache_dir=False, tempo_policy="never")
