from __future__ import annotations

import gc
import math
import weakref

import pytest
from support.wait import until
from widgets.fake import Progress

from audiocache_nb.errors import SessionClosedError, UnknownTrackError
from audiocache_nb.models.status import StatusModel
from audiocache_nb.models.timeline import TimelineModel


def test_the_status_follows_the_store(session):
    track = session.add()
    model = StatusModel(session, track)
    assert (model.state, model.message, model.progress) == ("idle", "", None)
    session.set_status(track, "pending", "analyzing audio", Progress(0.25, "rms", 3.0))
    until(lambda: model.state == "pending")
    assert (model.progress, model.label, model.eta_s) == (0.25, "rms", 3.0)
    session.set_status(track, "ready", updated_at=5.0)
    until(lambda: model.updated_at == 5.0)
    assert (model.state, model.message, model.progress, model.label, model.eta_s) == ("ready", "", None, "", None)


def test_who_observes_updated_at_sees_a_whole_status(session):
    track = session.add()
    model, seen = StatusModel(session, track), []
    model.observe(lambda change: seen.append((model.state, model.progress)), "updated_at")
    session.set_status(track, "pending", None, Progress(0.5), updated_at=1.0)
    until(lambda: seen)
    assert seen == [("pending", 0.5)]


def test_numbers_are_finite_and_texts_sendable(session):
    track = session.add()
    model = StatusModel(session, track)
    session.set_status(track, "pending", "a\x00b\ud800", Progress(math.nan, "\u202e", math.inf), updated_at=2.0)
    until(lambda: model.updated_at == 2.0)
    assert (model.progress, model.eta_s) == (0.0, None)
    assert model.message == "a⟨U+0000⟩b⟨U+D800⟩"
    assert model.label == "⟨U+202E⟩"


def test_an_unknown_state_counts_as_idle(session):
    track = session.add()
    session.set_status(track, "exploded")
    assert StatusModel(session, track).state == "idle"


def test_a_removed_track_says_so(session):
    track = session.add()
    model = StatusModel(session, track.id)
    session.remove(track)
    until(lambda: model.message == "The track was removed.")


def test_unknown_tracks_and_closed_sessions_are_refused(session):
    with pytest.raises(UnknownTrackError, match="no track"):
        StatusModel(session, "nobody")
    with pytest.raises(UnknownTrackError):
        StatusModel(session, 5)
    track = session.add()
    session.close()
    with pytest.raises(SessionClosedError):
        StatusModel(session, track)
    with pytest.raises(SessionClosedError):
        TimelineModel(session)


def test_the_timeline_follows_the_store(session):
    model = TimelineModel(session)
    assert model.tracks == []
    first, second = session.add("one\u202e.wav"), session.add("two.wav", channels=1)
    session.set_status(second, "ready")
    until(lambda: model.revision == session.store.snapshot().revision)
    assert [t["name"] for t in model.tracks] == ["one⟨U+202E⟩.wav", "two.wav"]
    assert model.tracks[0] == {
        "id": first.id, "name": "one⟨U+202E⟩.wav", "source_id": first.source_id, "offset_ticks": 0.0,
        "region_start_tick": None, "region_end_tick": None, "gain": 1.0, "mute": False, "enabled": True,
    }  # fmt: skip
    assert model.states == {first.id: "idle", second.id: "ready"}


def test_closed_and_forgotten_mirrors_are_not_served(session):
    track = session.add()
    status, timeline = StatusModel(session, track), TimelineModel(session)
    status.close()
    session.set_status(track, "ready")
    until(lambda: timeline.states == {track.id: "ready"})
    assert status.state == "idle"
    ghost = weakref.ref(timeline)
    timeline = None
    until(lambda: gc.collect() >= 0 and ghost() is None)
    assert len(session.publisher._watches) == session.own_watches
