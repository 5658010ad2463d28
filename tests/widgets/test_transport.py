from __future__ import annotations

import gc
import time
import weakref

import numpy as np
import pytest
import traitlets
from widgets.conftest import until, widget_comm
from widgets.fake import RecordingComm

import audiocache_nb as acn
from audiocache_nb.errors import SessionClosedError, UnknownTrackError
from audiocache_nb.widgets.audio_wave import PIECE_BYTES
from audiocache_nb.widgets.transport import is_position


@pytest.fixture
def session():
    with acn.Session(cache_dir=False) as made:
        yield made


@pytest.fixture
def track(session):
    return session.add_audio(np.full(8000 * 40, 0.25, np.float32), 8000, name="tone")


@pytest.fixture
def transport(session, track):
    made = acn.Transport(session)
    show(made)
    return made


def show(transport, client="page-1"):
    page = widget_comm(transport)
    page.page_sets(_view_count=1)
    page.page_sends({"kind": "sound", "id": 1, "verb": "hello", "client": client, "key": ""})


def position(time_s, *, client="page-1", heard=0, playing=True, stamp_s=0.0, **more):
    values = {"client": client, "heard": heard, "time_s": time_s, "playing": playing, "moving": playing, "rate": 1}
    return {**values, "stamp_s": stamp_s, "synced": False, **more}


def commands(transport):
    return [content for content, _ in widget_comm(transport).customs if content["kind"] == "command"]


def replies(transport, request_id):
    return [
        (content, buffers) for content, buffers in widget_comm(transport).customs if content.get("id") == request_id
    ]


def test_the_page_leads_and_python_follows(session, transport):
    widget_comm(transport).page_sets(position=position(3.0))
    assert session.playhead.playing
    assert session.playhead.time == pytest.approx(3.0, abs=0.5)
    widget_comm(transport).page_sets(position=position(3.5, playing=False, stamp_s=0.5))
    assert (session.playhead.time, session.playhead.playing) == (3.5, False)


def test_positions_are_not_sent_back(transport):
    page = widget_comm(transport)
    page.page_sets(position=position(3.0))
    assert not [update for update in page.updates if "position" in update]


def test_python_leads_by_commands_with_ids(session, transport):
    session.playhead.seek(5.0)
    session.playhead.play()
    session.playhead.rate = 2
    session.playhead.set_loop(4, 6)
    found = commands(transport)
    assert [c["id"] for c in found] == sorted({c["id"] for c in found})
    assert {c["client"] for c in found} == {"page-1"}
    assert found[0] == {**found[0], "time_s": 5.0, "playing": False, "rate": 1.0, "loop": None}
    assert found[1]["playing"]
    assert (found[-1]["rate"], found[-1]["loop"]) == (2.0, [4.0, 6.0])
    widget_comm(transport).page_sets(position=position(1.0, heard=found[0]["id"]))
    assert session.playhead.time == pytest.approx(5.0), "it was on its way before the last command"
    widget_comm(transport).page_sets(position=position(5.1, heard=found[-1]["id"], rate=2.0))
    assert session.playhead.time == pytest.approx(5.1, abs=0.5)


def test_what_the_page_did_by_itself_is_taken_over_and_not_commanded_again(session, transport):
    page = widget_comm(transport)
    page.page_sends({"kind": "playhead", "id": 7, "verb": "seek", "time_s": 9.0, "done": True})
    assert session.playhead.time == 9.0
    assert not commands(transport)
    assert [content["kind"] for content, _ in replies(transport, 7)] == ["done"]
    page.page_sends({"kind": "playhead", "id": 8, "verb": "seek", "time_s": 11.0})
    assert commands(transport)[-1]["time_s"] == 11.0
    page.page_sends({"kind": "playhead", "id": 9, "verb": "sync"})
    ((answer, _),) = replies(transport, 9)
    assert (answer["kind"], answer["time_s"], answer["playing"]) == ("playhead", 11.0, False)
    assert answer["clock_s"] == pytest.approx(time.monotonic(), abs=30)


def test_without_a_page_the_kernels_clock_plays(session, track):
    transport = acn.Transport(session)
    session.playhead.play()
    until(lambda: session.playhead.time > 0.1)
    assert not commands(transport)


def test_two_pages_are_not_heard_at_once(session, transport):
    page = widget_comm(transport)
    page.page_sets(position=position(3.0))
    page.page_sets(position=position(8.0, client="page-2"))
    assert transport.client == "page-2"
    assert commands(transport)[-1]["client"] == "page-1"
    assert commands(transport)[-1]["playing"] is False
    page.page_sets(position=position(3.1, playing=False))
    assert session.playhead.playing, "the one that was silenced has nothing to say"


def test_a_page_that_was_loaded_anew_takes_over_and_one_that_plays_keeps_it(session, transport, monkeypatch):
    widget_comm(transport).page_sets(position=position(3.0))
    show(transport, "page-2")
    assert transport.client == "page-1"
    clock = session.playhead._clock
    monkeypatch.setattr(clock, "_reported_s", clock._reported_s - 3)
    show(transport, "page-3")
    assert transport.client == "page-3"
    assert not session.playhead.playing, "its sound went with the page"


def test_two_transports_are_not_heard_at_once(session, track, transport):
    other = acn.Transport(session, track)
    show(other, "page-9")
    widget_comm(transport).page_sets(position=position(3.0))
    widget_comm(other).page_sets(position=position(4.0, client="page-9"))
    assert commands(transport)[-1]["playing"] is False
    assert session.playhead.time == pytest.approx(4.0, abs=0.5)


def test_a_recording_is_sent_in_pieces_and_whole(session, transport):
    page = widget_comm(transport)
    key = transport.media["key"]
    page.page_sends({"kind": "piece", "id": 100, "key": key, "index": 0})
    until(lambda: replies(transport, 100))
    header, _ = replies(transport, 100)[0]
    total = header["nbytes"]
    assert total == 44 + 2 * 8000 * 40
    assert header["kind"] == "piece"
    count = -(-total // PIECE_BYTES)
    for index in range(1, count):
        page.page_sends({"kind": "piece", "id": 100 + index, "key": key, "index": index})
    until(lambda: all(replies(transport, 100 + index) for index in range(count)))
    parts = [bytes(replies(transport, 100 + index)[0][1][0]) for index in range(count)]
    assert max(map(len, parts)) <= 256_000
    assert sum(map(len, parts)) == total
    assert np.frombuffer(b"".join(parts)[44:], "<i2") == pytest.approx(round(0.25 * 32767), abs=1)
    page.page_sends({"kind": "piece", "id": 200, "key": "other", "index": 0})
    until(lambda: replies(transport, 200))
    assert replies(transport, 200)[0][0]["kind"] == "refused"


def test_a_flood_of_requests_for_pieces_is_refused(session, transport):
    page = widget_comm(transport)
    for k in range(300):
        page.page_sends({"kind": "piece", "id": 1000 + k, "key": transport.media["key"], "index": 10**9})
    until(lambda: len([c for c, _ in page.customs if c.get("id", 0) >= 1000]) == 300)
    kinds = {content["kind"] for content, _ in page.customs if content.get("id", 0) >= 1000}
    assert kinds == {"piece", "refused"}


def test_a_recording_that_cannot_be_played_is_offered_in_another_way(session, transport):
    key = transport.media["key"]
    widget_comm(transport).page_sends(
        {"kind": "sound", "id": 5, "verb": "unplayable", "client": "page-1", "key": "another"}
    )
    session.publisher.flush()
    assert transport.media["way"] == "pieces"
    widget_comm(transport).page_sends({"kind": "sound", "id": 6, "verb": "unplayable", "client": "page-1", "key": key})
    until(lambda: transport.media["way"] == "none")
    assert "cannot play" in transport.media["reason"]


def test_what_pages_send_is_checked(session, transport):
    page = widget_comm(transport)
    for bad in (
        None,
        {},
        {**position(1.0), "extra": 1},
        position(float("nan")),
        position("1"),
        position(1.0, rate=0),
        position(1.0, rate=float("inf")),
        position(1.0, heard=-1),
        position(1.0, heard=True),
        position(1.0, client=""),
        position(1.0, client="x" * 1000),
        position(1.0, playing=1),
        position(1.0, moving=None),
        position(1.0, synced=1),
        position(1e12),
    ):
        assert not is_position(bad), bad
    before = transport.malformed_messages
    page.page_sets(position=position(1e12))
    page.page_sets(volume=7)
    page.page_sets(media={"key": "x"})
    page.page_sends({"kind": "sound", "id": 5, "verb": "shout", "client": "page-1", "key": ""})
    page.page_sends({"kind": "tile", "id": 1, "layer": "x", "level": 0, "index": 0, "revision": 0})
    assert transport.malformed_messages == before + 5
    assert (session.playhead.time, transport.volume) == (0.0, 1.0)
    page.page_sets(volume=0.5)
    assert transport.volume == 0.5
    with pytest.raises(traitlets.TraitError):
        transport.volume = 2


def test_moving_muting_and_tempo_edits_change_places_only(session, track, transport):
    key = transport.media["key"]
    session.move(track, offset_ticks=1920)
    session.tempo.bpm = 60
    session.timeline.update(track.id, mute=True)
    until(lambda: transport.media["gain"] == 0 and transport.playhead["end_s"] == 42.0)
    assert (transport.media["key"], transport.media["offset_s"]) == (key, 2.0)
    assert transport.tempo["segments"] == [[0.0, 0.0, 960.0, 0.0]]


def test_nothing_is_sent_while_it_simply_plays(session, transport):
    widget_comm(transport).page_sets(position=position(3.0))
    session.publisher.flush()
    count = len(widget_comm(transport).updates)
    for k in range(1, 20):
        widget_comm(transport).page_sets(position=position(3.0 + 0.001 * k, stamp_s=0.001 * k))
    session.publisher.flush()
    assert len(widget_comm(transport).updates) == count


def test_out_of_sight_and_closed_it_is_silent(session, transport):
    widget_comm(transport).page_sets(position=position(3.0))
    widget_comm(transport).page_sets(_view_count=0)
    assert not session.playhead.playing
    assert not transport.ready
    widget_comm(transport).page_sets(_view_count=1)
    widget_comm(transport).page_sets(position=position(4.0))
    assert session.playhead.playing
    transport.close()
    assert not session.playhead.playing
    session.playhead.play()
    assert session.playhead.playing


def test_a_transport_that_nobody_holds_is_gone(session, track):
    transport = acn.Transport(session)
    show(transport)
    session.playhead.seek(1)
    transport.close()
    reference = weakref.ref(transport)
    del transport
    RecordingComm.made.clear()
    until(lambda: gc.collect() or reference() is None)


def test_with_its_session_the_sound_ends(session, transport):
    widget_comm(transport).page_sets(position=position(3.0))
    session.close()
    assert commands(transport)[-1]["playing"] is False
    widget_comm(transport).page_sets(position=position(3.1))  # on its way; nobody is there to hear it


def test_the_workbench_has_one(session, track):
    kinds = [type(child).__name__ for child in session.workbench(track).children]
    assert kinds[:3] == ["StatusBadge", "Transport", "FeaturePlot"]


def test_what_is_shown_without_a_page(session, track, transport):
    session.playhead.seek(2.75)
    assert repr(transport) == "<Transport 'Transport: tone': paused at 2.75 s of 40.00 s · bar 2, beat 2.50>"
    session.remove(track)
    until(lambda: "nothing to hear" in repr(transport))


def test_refusals(session, track):
    with pytest.raises(UnknownTrackError):
        acn.Transport(session, "other")
    with pytest.raises(traitlets.TraitError):
        acn.Transport(session, volume=3)
    session.close()
    with pytest.raises(SessionClosedError):
        acn.Transport(session)
