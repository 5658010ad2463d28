from __future__ import annotations

import sys
import types

import pytest
from widgets.conftest import until, widget_comm

from audiocache_nb.widgets import cells
from audiocache_nb.widgets.cells import Origin, current_origin
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.status_badge import StatusBadge


@pytest.fixture
def run(monkeypatch):
    """Pretend that a cell runs."""
    return lambda cell, number: monkeypatch.setattr(cells, "current_origin", lambda: Origin(cell, f"run-{number}"))


def show(widget, views=1):
    widget_comm(widget).page_sets(_view_count=views)


def test_a_cell_that_is_run_again_closes_what_it_made_before(session, track, run):
    run("cell", 1)
    old = FeaturePlot(session, track)
    show(old)
    show(old, 0)
    assert old.comm is not None, "nothing has replaced it yet"
    run("cell", 2)
    new = FeaturePlot(session, track)
    assert old.comm is None
    assert new.comm is not None
    assert len(session.demand) == 1


def test_the_page_may_drop_the_old_output_late(session, track, run):
    run("cell", 1)
    old = FeaturePlot(session, track)
    show(old)
    run("cell", 2)
    new = FeaturePlot(session, track)
    assert old.comm is not None, "it may still be seen"
    page = widget_comm(old)
    show(old, 0)
    until(lambda: old.comm is None)
    assert [kind for kind, _, _ in page.messages].count("comm_close") == 1
    assert new.comm is not None
    assert old.malformed_messages == 0


def test_what_another_output_still_shows_stays(session, track, run):
    run("cell", 1)
    old = StatusBadge(session, track)
    show(old, 2)
    run("cell", 2)
    StatusBadge(session, track)
    show(old, 1)
    assert old.comm is not None


def test_widgets_of_one_run_and_of_other_cells_stay(session, track, run):
    run("cell", 1)
    first, second = StatusBadge(session, track), StatusBadge(session, track)
    show(first)
    show(first, 0)
    run("other", 2)
    StatusBadge(session, track)
    assert first.comm is not None
    assert second.comm is not None


def test_what_was_never_shown_stays(session, track, run):
    """It may be in a variable, to be shown by another cell."""
    run("cell", 1)
    kept = StatusBadge(session, track)
    run("cell", 2)
    StatusBadge(session, track)
    assert kept.comm is not None
    show(kept)
    show(kept, 0)
    assert kept.comm is None


def test_an_older_widget_does_not_count_as_a_replacement(session, track, run):
    run("cell", 1)
    StatusBadge(session, track)
    run("cell", 2)
    newer = StatusBadge(session, track)
    show(newer)
    show(newer, 0)
    assert newer.comm is not None


@pytest.mark.parametrize("parent", [None, {}, {"metadata": {}}, {"metadata": {"cellId": 5}, "header": {"msg_id": "x"}}])
def test_without_a_named_cell_there_is_no_origin(monkeypatch, parent):
    shell = types.SimpleNamespace(get_parent=lambda: parent)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert current_origin() is None
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert current_origin() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert current_origin() is None


def test_the_origin_of_a_running_cell(monkeypatch):
    parent = {"metadata": {"cellId": "cell"}, "header": {"msg_id": "run-3"}}
    shell = types.SimpleNamespace(get_parent=lambda: parent)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert current_origin() == Origin("cell", "run-3")
