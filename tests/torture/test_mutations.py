"""Change one thing, ask again in a new process, compare with a fresh computation."""

from __future__ import annotations

import pathlib
import shutil
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from torture import OURS, Board, total
from torture_worlds import ROWS, TEMPO_THAT_MATTERS, Answer, Row, World


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


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([Answer(hit=True, right=True)], "ok"),
        ([Answer(hit=False, right=True), Answer(hit=True, right=True)], "computed again"),
        ([Answer(hit=False, right=False, failed="OSError: no")], "error: OSError: no"),
        ([Answer(hit=False, right=False, failed="OSError: no"), Answer(hit=True, right=False)], "WRONG"),
    ],
)
def test_the_worst_is_said(answers, verdict):
    assert (
        Row("a row", lambda _: iter(answers), must_hit=True).verdict(World(pathlib.Path(), "joblib by path")) == verdict
    )


def test_the_board_counts_what_applies_and_gives_reasons_below():
    rows = (*ROWS, TEMPO_THAT_MATTERS)
    verdicts = ["ok"] * len(rows)
    assert total(verdicts) == (20, 20)
    verdicts[-1] = "WRONG"  # the tempo's other side
    assert total(verdicts) == (19, 20)
    verdicts[0], verdicts[1] = "n/a: it is given a path", "error: OSError: no"
    assert total(verdicts) == (17, 19)
    board = Board({OURS: ["ok"] * len(rows), "other": verdicts}, rows)
    assert board.lines[0] == ("nothing", "ok", "n/a (1)")
    assert board.lines[-1] == ("of those that apply", "20 of 20", "17 of 19")
    assert board.notes == ["it is given a path", "OSError"]
    assert board.text().endswith("(1) it is given a path\n(2) OSError")
