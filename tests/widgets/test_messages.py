from __future__ import annotations

import pytest

from audiocache_nb.widgets.messages import ActionRequest, TileRequest, done, parse, refused

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
