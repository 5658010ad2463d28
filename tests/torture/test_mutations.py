"""Change one thing, ask again in a new process, compare with a fresh computation."""

from __future__ import annotations

import pathlib
import shutil
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from torture_worlds import ROWS, TEMPO_THAT_MATTERS, World


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> World:
    """A world whose cache holds the answer."""
    world = World(tmp_path_factory.mktemp("torture") / "warm").make()
    answer = world.ask()
    assert (answer.hit, answer.right, answer.failed) == (False, True, "")
    return world


@pytest.mark.parametrize("row", [*ROWS, TEMPO_THAT_MATTERS], ids=lambda row: row.name)
def test_one_thing_changed(warm, tmp_path, row):
    world = World(tmp_path / "world")
    shutil.copytree(warm.folder, world.folder)
    assert row.verdict(world) == "ok"


def test_there_are_twenty():
    assert len({row.name for row in ROWS}) == 20
