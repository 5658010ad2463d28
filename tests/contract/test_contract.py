"""Both ends of the wire against the same files.

Tiles are written here and read by the front end's tests; what the front end sends is written by its
tests and read here. ``UPDATE_CONTRACT=1`` writes the tiles anew.
"""

from __future__ import annotations

import json
import math
import os
import pathlib

import numpy as np
import pytest

from audiocache_nb.sampling.depths import EventTable
from audiocache_nb.sampling.pyramid import ImagePyramid, MinMaxPyramid
from audiocache_nb.widgets.codec import tile_message
from audiocache_nb.widgets.messages import (
    COMMANDS,
    SOUND_VERBS,
    VERBS,
    ActionRequest,
    CommandRequest,
    ExploreRequest,
    PieceRequest,
    PlayheadRequest,
    SoundRequest,
    TileRequest,
    parse,
)

HERE = pathlib.Path(__file__).parent


def wave():
    """Two channels, 40 buckets; the second tile of level 1 is short."""
    t = np.arange(40, dtype=np.float32)
    low = np.stack([-t / 64, -t / 32], axis=1)
    return MinMaxPyramid(np.stack([low, -low / 2], axis=2), tile_buckets=8), 1, 1


def holes():
    """A curve with missing values; bucket 1 of level 1 has none at all."""
    curve = np.array([0.5, np.nan, -2.25, 1e-3, *[np.nan] * 4, np.inf, 7.0], np.float32)
    return MinMaxPyramid(curve[:, None], tile_buckets=2), 1, 0


def curve():
    """Level 0 of three curves: lowest and highest value are the same."""
    values = np.linspace(-1, 1, 21, dtype=np.float32).reshape(7, 3)
    return MinMaxPyramid(values, tile_buckets=4), 0, 1


def image():
    """A picture whose bytes count up, with both ends of the range."""
    decibels = np.linspace(-90, 10, 60, dtype=np.float32).reshape(12, 5)
    return ImagePyramid(decibels, value_min=-80, value_max=0, tile_buckets=4), 0, 1


def pooled():
    """More bins than rows, at a coarse level."""
    decibels = np.add.outer(np.arange(9) * -8.0, np.arange(9) * -1.0).astype(np.float32)
    return ImagePyramid(decibels, value_min=-80, value_max=0, max_rows=4, tile_buckets=3), 2, 0


def events():
    """Times that a float of four bytes could not hold, with a strength that is missing."""
    rows = [[3599.000012345, 0.5], [1.25, np.nan], [2.5, 1.0]]
    return EventTable(np.array(rows)), 0, 0


TILES = {"events": events, "wave": wave, "holes": holes, "curve": curve, "image": image, "pooled": pooled}


def make(name):
    pyramid, level, index = TILES[name]()
    request = TileRequest(id=41, layer='a "b" </script> ü\u2028', level=level, index=index, revision=3)
    start_bucket, values = pyramid.tile(level, index)
    content, buffer = tile_message(request, start_bucket, values)
    step = max(1, values.size // 24)
    places = [np.unravel_index(k, values.shape) for k in range(0, values.size, step)]
    samples = [[*map(int, place), float(values[place])] for place in places]
    expect = [[None if math.isnan(value) else value for value in sample] for sample in samples]
    return {**content, "expect": expect}, buffer


@pytest.mark.parametrize("name", TILES)
def test_tiles_are_as_they_were_agreed_on(name):
    content, buffer = make(name)
    header, binary = HERE / f"tile_{name}.json", HERE / f"tile_{name}.bin"
    if os.environ.get("UPDATE_CONTRACT"):
        header.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        binary.write_bytes(buffer)
    assert json.loads(header.read_text(encoding="utf-8")) == json.loads(json.dumps(content))
    assert binary.read_bytes() == buffer


@pytest.mark.parametrize("name", TILES)
def test_a_buffer_is_what_its_header_says(name):
    content = json.loads((HERE / f"tile_{name}.json").read_text(encoding="utf-8"))
    dtype = {"float32": "<f4", "float64": "<f8", "uint8": "u1"}[content["dtype"]]
    values = np.frombuffer((HERE / f"tile_{name}.bin").read_bytes(), dtype).reshape(content["shape"])
    assert content["kind"] == "tile"
    assert content["start_bucket"] >= 0
    assert content["expect"]
    for *place, value in content["expect"]:
        found = values[tuple(place)]
        assert math.isnan(found) if value is None else found == pytest.approx(value)


def test_no_fixture_is_left_over():
    assert {path.stem for path in HERE.glob("tile_*.json")} == {f"tile_{name}" for name in TILES}
    assert {path.stem for path in HERE.glob("tile_*.bin")} == {f"tile_{name}" for name in TILES}


@pytest.fixture
def requests():
    path = HERE / "requests.json"
    assert path.is_file(), "the front end's tests write it: UPDATE_CONTRACT=1 npx vitest run"
    return json.loads(path.read_text(encoding="utf-8"))


def test_everything_the_front_end_sends_is_understood(requests):
    for content in requests:
        request = parse(content)
        assert request is not None, content
        if isinstance(request, TileRequest):
            assert {name: getattr(request, name) for name in TileRequest.__slots__} == {
                key: value for key, value in content.items() if key != "kind"
            }
        elif isinstance(request, PlayheadRequest):
            assert (request.id, request.verb, request.done) == (content["id"], content["verb"], "done" in content)
            assert request.change.get("time_s") == content.get("time_s")
            assert request.change.get("rate") == content.get("rate")
            loop = content.get("loop")
            assert (request.change.get("loop_start_s"), request.change.get("loop_end_s")) == tuple(loop or (None, None))
        elif isinstance(request, (PieceRequest, SoundRequest, ExploreRequest)):
            names = type(request).__slots__
            assert {name: getattr(request, name) for name in names} == {name: content[name] for name in names}
        elif isinstance(request, CommandRequest):
            assert (request.id, request.verb, request.target) == (content["id"], content["verb"], content["target"])
            assert request.rows == (tuple(content["rows"]) if "rows" in content else None)
        else:
            assert isinstance(request, ActionRequest)
            assert (request.id, request.verb, request.track_id) == (content["id"], content["verb"], content["track_id"])
            assert list(request.slots or []) == content.get("slots", [])


def test_the_front_end_knows_every_request(requests):
    assert {content["kind"] for content in requests} == {
        "tile",
        "action",
        "playhead",
        "piece",
        "sound",
        "command",
        "explore",
    }
    assert {content["verb"] for content in requests if content["kind"] == "command"} == set(COMMANDS)
    assert {content["verb"] for content in requests if content["kind"] == "sound"} == set(SOUND_VERBS)
    assert {content["verb"] for content in requests if content["kind"] == "playhead"} == {
        *("play", "pause", "seek", "rate", "loop", "sync")
    }
    assert {content["verb"] for content in requests if content["kind"] == "action"} == set(VERBS)


def test_requests_with_a_part_more_or_less_are_not_understood(requests):
    for content in requests:
        assert parse({**content, "extra": 1}) is None
        optional = (
            {"slots"} if content["verb" if "verb" in content else "kind"] not in ("play", "pause") else {"time_s"}
        )
        for name in content.keys() - optional - {"done", "rows"}:
            assert parse({key: value for key, value in content.items() if key != name}) is None
