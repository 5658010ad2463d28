"""Undo and redo of what is done to tracks."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import soundfile

import audiocache_nb as acn
from audiocache_nb.timeline import events
from audiocache_nb.timeline.undo_steps import PLACE

WAIT_S = 60
RATE = 8000


def place(session, track_id):
    found = session.tracks[track_id]
    return {name: getattr(found, name) for name in PLACE}


@pytest.fixture
def file(tmp_path, tone):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone * 0.5, RATE, subtype="FLOAT")
    return path


# --- edits -----------------------------------------------------------------------------------------


def test_every_edit_can_be_taken_back_and_done_again(session, track):
    edits = [
        ("move", lambda: session.move(track, offset_ticks=960)),
        ("trim", lambda: session.trim(track, region_start_tick=10, region_end_tick=100)),
        ("trim", lambda: session.trim(track, region_end_tick=None)),
        ("rename", lambda: session.rename(track, "other")),
        ("set the gain of", lambda: session.set_gain(track, 0.5)),
        ("mute", lambda: session.mute(track)),
        ("unmute", lambda: session.mute(track, False)),
        ("disable", lambda: session.enable(track, False)),
    ]
    places = [place(session, track.id)]
    for _, edit in edits:
        edit()
        places.append(place(session, track.id))
    assert places[2]["region_end_tick"] == 100
    assert places[3]["region_start_tick"] == 10
    for n in reversed(range(len(edits))):
        verb, name = edits[n][0], places[n]["name"]
        assert session.undoable == session.undo() == f"{verb} {name!r}"
        assert place(session, track.id) == places[n]
    for n in range(len(edits)):
        assert session.redoable == session.redo()
        assert place(session, track.id) == places[n + 1]
    assert session.redo() is None


def test_what_changes_nothing_is_no_step_and_no_event(session, track):
    session.move(track, offset_ticks=960)
    heard = []
    session.subscribe(heard.append)
    session.move(track, offset_ticks=960)
    session.trim(track, region_start_tick=None)
    session.mute(track, False)
    assert session.store.flush(WAIT_S)
    assert heard == []
    assert session.undo() == "move 'tone'"


def test_nothing_to_take_back(session):
    assert (session.undoable, session.redoable, session.undo(), session.redo()) == (None, None, None, None)


def test_a_new_edit_forgets_what_was_taken_back(session, track):
    session.move(track, offset_ticks=960)
    session.undo()
    session.move(track, offset_ticks=480)
    assert session.redo() is None
    assert session.tracks[track.id].offset_ticks == 480


def test_a_hundred_steps_are_kept(session, track):
    for n in range(1, 131):
        session.move(track, offset_ticks=n)
    count = 0
    while session.undo() is not None:
        count += 1
    assert count == 100
    assert session.tracks[track.id].offset_ticks == 30


def test_edits_compute_nothing(session, track):
    stored = session.get(track, "rms", timeout=WAIT_S)
    session.move(track, offset_ticks=960)
    session.trim(track, region_end_tick=1000)
    session.undo()
    session.undo()
    assert session.timeline.scheduler.jobs == []
    assert session.peek(track, "rms") is stored


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("rename", {"name": " "}),
        ("rename", {"name": None}),
        ("set_gain", {"gain": 2.1}),
        ("set_gain", {"gain": -0.1}),
        ("set_gain", {"gain": float("nan")}),
        ("set_gain", {"gain": "1"}),
        ("mute", {"mute": "yes"}),
        ("enable", {"enabled": None}),
        ("trim", {"region_start_tick": -1}),
        ("trim", {"region_start_tick": 100, "region_end_tick": 100}),
        ("trim", {"region_start_tick": 2000}),
        ("move", {"offset_ticks": float("inf")}),
    ],
)
def test_bad_edits_are_refused_and_change_nothing(session, track, verb, arguments):
    session.trim(track, region_end_tick=1000)
    before = session.store.snapshot()
    with pytest.raises(acn.AudioCacheError):
        getattr(session, verb)(track, **arguments)
    assert session.store.snapshot() is before


# --- adding and removing ---------------------------------------------------------------------------


def test_a_removed_track_comes_back_with_everything(session, track, file):
    other = session.add_audio(file, name="other")
    session.move(track, offset_ticks=960)
    session.set_gain(track, 0.5)
    session.request(track, ["rms", "waveform"], element="plot")
    session.wait(WAIT_S)
    before, status = place(session, track.id), session.status(track)
    stored = session.peek(track, "rms")
    session.remove(track)
    assert list(session.tracks) == [other.id]
    assert session.undo() == "remove 'tone'"
    assert list(session.tracks) == [track.id, other.id]
    assert place(session, track.id) == before
    assert session.peek(track, "rms") is stored
    assert session.status(track) == status
    assert session.timeline.scheduler.jobs == []
    assert session.redo() == "remove 'tone'"
    assert list(session.tracks) == [other.id]
    session.undo()
    assert session.peek(track, "rms") is stored


def test_d18_its_demand_is_visible_again(session, track, define):
    define(lambda frames: frames[:, 0], "crest", inputs="frames")
    session.request(track, ["crest"], element="plot")
    session.wait(WAIT_S)
    session.remove(track)
    session.undo()
    (entry,) = session.store.snapshot().sources[track.source_id].entries.values()
    assert entry.demanded
    define(lambda frames: frames[:, 1], "crest", inputs="frames")  # and counts: what is asked for is kept fresh
    session.wait(WAIT_S)
    assert session.freshness(track, "crest").state == "fresh"
    session.release("plot")
    (entry,) = session.store.snapshot().sources[track.source_id].entries.values()
    assert not entry.demanded


def test_d10_stale_comes_back_as_stale(session, track, define):
    """The original calls whatever comes back ready."""
    define(lambda frames: frames[:, 0], "crest", inputs="frames")
    session.request(track, ["crest", "rms"], element="plot")
    session.wait(WAIT_S)
    session.release("plot")
    define(lambda frames: frames[:, 1], "crest", inputs="frames")
    before = session.status(track)
    assert (before.state, before.message) == ("stale", "calculator updated")
    session.remove(track)
    session.undo()
    assert session.status(track) == before
    assert session.freshness(track, "crest").explain() == "code of crest changed"
    assert session.freshness(track, "rms").state == "fresh"


def test_d10_the_hash_of_the_content_is_the_same(session, track):
    """The original has two formulas, and undo changes the hash."""
    session.get(track, "rms", timeout=WAIT_S)
    before = session.status(track).source_hash
    session.remove(track)
    session.undo()
    assert session.status(track).source_hash == before == track.source.digest


def test_d10_a_source_stays_while_any_track_uses_it(session, track, tone):
    """The original removes the source, with its data, together with the first of its tracks."""
    other = session.add_audio(tone, RATE, name="other")
    stored = session.get(track, "rms", timeout=WAIT_S)
    session.remove(track)
    assert session.peek(other, "rms") is stored
    session.undo()
    session.remove(other)
    assert session.peek(track, "rms") is stored
    session.remove(track)
    assert not session.store.snapshot().sources
    session.undo()
    session.undo()
    assert list(session.tracks) == [track.id, other.id]
    assert session.peek(other, "rms") is stored


def test_failed_comes_back_as_failed(session, track, broken):
    session.request(track, ["broken", "rms"], element="plot")
    session.wait(WAIT_S)
    before = session.status(track)
    session.remove(track)
    session.undo()
    assert session.status(track) == before
    assert session.timeline.scheduler.jobs == []
    with pytest.raises(acn.CalculatorError, match="oh no"):
        session.get(track, "broken", timeout=WAIT_S)


def test_work_that_was_under_way_ends_and_goes_on_after_the_undo(session, track, gate):
    (job,) = session.request(track, "gate", element="plot")
    assert gate.entered.wait(WAIT_S)
    session.remove(track)
    assert job.wait(WAIT_S)
    assert job.state == "cancelled"
    assert not session.store.snapshot().sources
    session.undo()
    assert session.status(track).state == "pending"
    gate.open.set()
    session.wait(WAIT_S)
    assert session.status(track).state == "ready"
    assert gate.calls == 2


def test_work_that_was_stopped_stays_stopped(session, track, gate):
    session.request(track, "gate", element="plot")
    assert gate.entered.wait(WAIT_S)
    session.stop(track)
    before = session.status(track)
    session.remove(track)
    session.undo()
    assert session.status(track) == before
    session.wait(0)  # nothing counts that is going on
    assert gate.calls == 1


def test_work_only_one_of_two_tracks_wished_for_ends_with_that_track(session, track, tone, gate):
    other = session.add_audio(tone, RATE, name="other")
    (job,) = session.request(track, "gate", element="plot")
    assert gate.entered.wait(WAIT_S)
    session.remove(track)
    assert job.wait(WAIT_S)
    assert job.state == "cancelled"
    assert session.status(other).state == "idle"
    session.undo()
    session.request(other, "gate", element="other plot")
    (job,) = session.request(track, "gate", element="plot")
    session.remove(track)
    assert not job.control.cancelled
    gate.open.set()
    session.wait(WAIT_S)
    assert session.peek(other, "gate") is not None


def test_adding_can_be_taken_back(session, track, tone):
    other = session.add_audio(tone * 0.5, RATE, name="other", offset_ticks=480)
    session.request(other, "rms", element="plot")
    session.wait(WAIT_S)
    assert session.undo() == "add 'other'"
    assert list(session.tracks) == [track.id]
    assert session.redo() == "add 'other'"
    assert session.tracks[other.id].offset_ticks == 480
    assert session.peek(other, "rms") is not None


def test_all_tracks_can_come_back(session, track, tone):
    other = session.add_audio(tone * 0.5, RATE, name="other")
    session.request(other, "rms", element="plot")
    session.wait(WAIT_S)
    session.clear_all()
    assert not session.tracks
    assert session.undo() == "remove all tracks"
    assert list(session.tracks) == [track.id, other.id]
    session.wait(WAIT_S)
    assert session.freshness(other, "rms").state == "fresh"  # computed again: the cache was emptied as well


def test_a_reset_is_the_beginning(session, track):
    session.playback_range = (1, 2)
    session.reset()
    assert session.undo() is None
    assert session.playback_range == (0.0, 0.0)


def test_a_track_that_was_held_is_held_again(session, tone):
    track = session.add_audio(tone, RATE, analyze="none")
    session.remove(track)
    session.undo()
    session.request(track, "rms", element="plot")
    assert session.timeline.scheduler.jobs == []
    assert session.peek(track, "rms") is None


def test_a_closed_session_takes_nothing_back(session, track):
    session.close()
    with pytest.raises(acn.SessionClosedError):
        session.undo()
    with pytest.raises(acn.SessionClosedError):
        session.redo()


def test_whoever_follows_the_events_alone_knows_every_status(session, track, tone, define):
    told, tracks = {}, set()

    def follow(event):
        if isinstance(event, events.TrackAdded):
            tracks.add(event.track_id)
            told.setdefault(event.source_id, ("idle", "analysis not started"))
        elif isinstance(event, events.TrackRemoved):
            tracks.discard(event.track_id)
            told.pop(event.source_id, None)
        elif isinstance(event, events.StatusChanged):
            assert told[event.source_id] == (event.previous.state, event.previous.message)
            told[event.source_id] = (event.status.state, event.status.message)

    session.undo()
    session.subscribe(follow)
    session.redo()
    session.request(track, "rms", element="plot")
    session.wait(WAIT_S)
    for step in (session.remove, session.clear):
        step(track)
        session.undo()
        session.wait(WAIT_S)
        session.redo()
        session.undo()
        session.wait(WAIT_S)
    assert session.store.flush(WAIT_S)
    sources = session.store.snapshot().sources
    assert told == {one: (state.status.state, state.status.message) for one, state in sources.items()}
    assert tracks == {track.id}
    assert session.status(track).state == "ready"


# --- clearing --------------------------------------------------------------------------------------


def test_cleared_features_are_computed_again(session, track):
    session.request(track, "rms", element="plot")
    session.wait(WAIT_S)
    session.release("plot")
    values = np.array(session.peek(track, "rms").data)
    session.clear(track)
    assert session.undo() == "clear the features of 'tone'"
    session.wait(WAIT_S)
    assert np.array_equal(session.peek(track, "rms").data, values)
    assert session.redo() == "clear the features of 'tone'"
    assert session.peek(track, "rms") is None
    session.undo()
    session.wait(WAIT_S)
    assert session.status(track).state == "ready"


# --- what is kept ----------------------------------------------------------------------------------


def removed(session, track):
    """Weak references to a removed track's data and source."""
    data, source = weakref.ref(session.peek(track, "rms")), weakref.ref(track.source)
    session.remove(track.id)
    return data, source


def test_no_feature_bytes_are_kept_for_an_undo(session, file):
    track = session.add_audio(file)
    session.get(track, "rms", timeout=WAIT_S)
    data, _ = removed(session, track)
    session.timeline.cache.clear()
    gc.collect()
    assert data() is None
    session.undo()
    session.wait(WAIT_S)
    assert session.peek(track, "rms") is not None  # it was asked for, so it was computed again


def test_files_are_read_again_when_something_is_computed(session, file):
    track = session.add_audio(file)
    track_id = track.id
    session.remove(track)
    assert session.timeline.history.sources.nbytes == 0
    del track
    file.rename(file.with_suffix(".away"))
    session.undo()  # reads nothing
    file.with_suffix(".away").rename(file)
    assert session.get(track_id, "rms", timeout=WAIT_S) is not None


def test_arrays_that_cannot_be_set_aside_are_kept_up_to_a_sum_and_the_latest_first(session, tone, monkeypatch):
    sources = session.timeline.history.sources
    monkeypatch.setattr(sources, "aside_bytes", 0)
    monkeypatch.setattr(sources, "kept_bytes", int(tone.nbytes * 1.5))
    ids = [session.add_audio(tone * (0.1 + n / 10), RATE, name=f"tone {n}").id for n in range(3)]
    for track_id in ids:
        session.remove(track_id)
        assert sources.nbytes <= tone.nbytes * 1.5
    gc.collect()
    assert session.undo() == "remove 'tone 2'"
    assert sources.nbytes == 0  # on the timeline again
    with pytest.raises(acn.SourceMissingError, match=r"'tone 1' cannot come back.*in memory only"):
        session.undo()
    assert list(session.tracks) == [ids[2]]
    with pytest.raises(acn.SourceMissingError, match="'tone 0'"):
        session.undo()
    assert session.undo() == "add 'tone 2'"  # what cannot be taken back is not in the way


def test_beyond_that_sum_a_track_somebody_still_holds_comes_back(session, track, monkeypatch):
    monkeypatch.setattr(session.timeline.history.sources, "kept_bytes", 0)
    monkeypatch.setattr(session.timeline.history.sources, "aside_bytes", 0)
    session.remove(track)
    assert session.undo() == "remove 'tone'"
    assert session.tracks[track.id].source is track.source


def test_what_can_be_undone_no_more_is_not_kept(session, tone):
    sources = session.timeline.history.sources
    track = session.add_audio(tone, RATE)
    session.remove(track)
    assert sources.nbytes == tone.nbytes
    other = session.add_audio(tone * 0.5, RATE)
    for n in range(1, 101):
        session.move(other, offset_ticks=n)
    assert sources.nbytes == 0


def test_no_traceback_is_kept(session, track, broken):
    session.request(track, "broken", element="plot")
    session.wait(WAIT_S)
    (entry,) = session.store.snapshot().sources[track.source_id].entries.values()
    assert entry.exception.__cause__ is not None
    session.remove(track)
    (step,) = session.timeline.history._done[-1:]
    (kept,) = step.sources[track.source_id].entries
    assert kept.entry.exception.__cause__ is None
    assert kept.entry.exception.__traceback__ is None
    assert kept.entry.track is None


def test_demand_is_visible_again_also_where_another_track_has_kept_the_source(session):
    session.policy = "never"
    samples = np.zeros(4000, np.float32)
    session.add_audio(samples, 8000, track_id="kept")
    session.add_audio(samples, 8000, track_id="gone")
    session.request("gone", ["rms"], element="plot")
    before = [row.name for group in session.diagnostics.groups for row in group.rows]
    assert before == ["rms"]
    session.remove("gone")
    assert not [row for group in session.diagnostics.groups for row in group.rows]
    session.undo()
    assert [row.name for group in session.diagnostics.groups for row in group.rows] == before
    session.compute()
    session.wait(60)
    assert session.freshness("gone", "rms").state == "fresh"
