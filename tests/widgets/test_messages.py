from __future__ import annotations

import pytest

from audiocache_nb.widgets.messages import (
    ActionRequest,
    PieceRequest,
    PlayheadRequest,
    SoundRequest,
    TileRequest,
    done,
    parse,
    refused,
)

TILE = {"kind": "tile", "id": 7, "layer": "rms", "level": 2, "index": 3, "revision": 4}
ACTION = {"kind": "action", "id": 8, "verb": "stop", "track_id": "song"}


def test_a_request_for_a_tile():
    assert parse(TILE) == TileRequest(id=7, layer="rms", level=2, index=3, revision=4)


def test_a_button():
    assert parse(ACTION) == ActionRequest(id=8, verb="stop", track_id="song", slots=None)
    assert parse({**ACTION, "verb": "reanalyze", "slots": ["a", "b"]}).slots == ("a", "b")
    assert parse({**ACTION, "slots": []}).slots == ()


@pytest.mark.parametrize("name", TILE)
def test_every_part_of_a_tile_request_is_needed(name):
    assert parse({key: value for key, value in TILE.items() if key != name}) is None


@pytest.mark.parametrize("name", ACTION)
def test_every_part_of_an_action_is_needed(name):
    assert parse({key: value for key, value in ACTION.items() if key != name}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"id": -1}, {"id": True}, {"id": 1.0}, {"id": "1"}, {"id": 2**53}, {"level": 65}, {"level": 10**30},
        {"index": None}, {"index": -3}, {"revision": []}, {"layer": 5}, {"layer": ""}, {"layer": "x" * 401},
        {"kind": "other"}, {"kind": None}, {"path": "/etc/passwd"},
    ],
)  # fmt: skip
def test_tile_requests_that_are_none(change):
    assert parse({**TILE, **change}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "remove"}, {"verb": "__class__"}, {"verb": []}, {"track_id": None}, {"track_id": 3}, {"id": None},
        {"slots": "abc"}, {"slots": [1]}, {"slots": None}, {"slots": [""]}, {"slots": ["a"] * 10_001}, {"url": "x"},
    ],
)  # fmt: skip
def test_actions_that_are_none(change):
    assert parse({**ACTION, **change}) is None


@pytest.mark.parametrize("content", [None, 5, "tile", [], ["kind"], {}, {"kind": "tile"}, {1: 2}, {"kind": ["tile"]}])
def test_other_things_are_no_messages(content):
    assert parse(content) is None


def test_replies():
    assert done(3, "ok") == {"kind": "done", "id": 3, "message": "ok"}
    assert refused(3, "no") == {"kind": "refused", "id": 3, "message": "no"}


SEEK = {"kind": "playhead", "id": 9, "verb": "seek", "time_s": 1.5}
PIECE = {"kind": "piece", "id": 10, "key": "abc-wave", "index": 2}
SOUND = {"kind": "sound", "id": 11, "verb": "hello", "client": "page-1", "key": ""}


def test_what_moves_the_playhead():
    assert parse(SEEK) == PlayheadRequest(9, "seek", {"time_s": 1.5})
    play = {"kind": "playhead", "id": 9, "verb": "play"}
    assert parse({**play, "done": True}) == PlayheadRequest(9, "play", {"playing": True}, done=True)
    assert parse({**play, "verb": "pause", "time_s": 2}).change == {"playing": False, "time_s": 2.0}
    assert parse({**play, "verb": "rate", "rate": 2}).change == {"rate": 2.0}
    assert parse({**play, "verb": "loop", "loop": [1, 2]}).change == {"loop_start_s": 1.0, "loop_end_s": 2.0}
    assert parse({**play, "verb": "loop", "loop": None}).change == {"loop_start_s": None, "loop_end_s": None}
    assert parse({**play, "verb": "sync"}).change == {}
    assert parse(PIECE) == PieceRequest(10, "abc-wave", 2)
    assert parse(SOUND) == SoundRequest(11, "hello", "page-1", "")


@pytest.mark.parametrize(
    "change",
    [
        {"id": -1}, {"id": None}, {"verb": "jump"}, {"verb": None}, {"verb": []}, {"verb": "rate"}, {"verb": "loop"},
        {"time_s": "1"}, {"time_s": True}, {"time_s": float("nan")}, {"time_s": float("inf")}, {"time_s": 1e10},
        {"time_s": 10**400}, {"rate": 0}, {"rate": 1e9}, {"rate": None}, {"loop": [1]}, {"loop": [2, 1]},
        {"loop": [1, 1]}, {"loop": "ab"}, {"loop": [1, float("nan")]}, {"done": 1}, {"extra": 1},
    ],
)  # fmt: skip
def test_what_does_not_move_the_playhead(change):
    assert parse({**SEEK, **change}) is None


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (PIECE, {"index": -1}), (PIECE, {"index": 1.0}), (PIECE, {"key": ""}), (PIECE, {"key": None}),
        (PIECE, {"key": "x" * 401}), (PIECE, {"path": "x"}), (SOUND, {"verb": "shout"}), (SOUND, {"verb": []}),
        (SOUND, {"client": ""}), (SOUND, {"client": 3}), (SOUND, {"key": None}), (SOUND, {"id": "1"}),
        (SOUND, {"x": 1}),
    ],
)  # fmt: skip
def test_requests_for_sound_that_are_none(message, change):
    assert parse({**message, **change}) is None
