"""The workbench holds what the page shows, and ends with all of it."""

from __future__ import annotations

import numpy as np
import pytest
from widgets.conftest import widget_comm

import audiocache_nb as acn
from audiocache_nb.errors import UnknownFeatureError, UnknownTrackError
from audiocache_nb.widgets.workbench import Workbench

PARTS = ["badge", "transport", "plot", "inspector", "caches", "diagnostics"]


@pytest.fixture
def session():
    with acn.Session(cache_dir=False, workers=1) as made:
        yield made


@pytest.fixture
def track(session):
    return session.add_audio(np.random.default_rng(0).normal(0, 0.1, 8000).astype("f4"), 8000, name="take")


def test_it_has_everything_about_a_track(session, track):
    bench = session.workbench(track)
    assert isinstance(bench, Workbench)
    assert list(bench.parts) == PARTS
    state = widget_comm(bench).messages[0][1]["state"]
    assert state["parts"] == {name: f"anywidget:{child.model_id}" for name, child in bench.parts.items()}
    assert (bench.tab, bench.title) == ("inspector", "take")
    widget_comm(bench).page_sets(tab="diagnostics")
    assert bench.tab == "diagnostics"
    widget_comm(bench).page_sets(tab="<script>")
    assert bench.tab == "diagnostics"


def test_the_first_track_is_the_default_and_an_empty_timeline_says_what_to_do(session):
    empty = session.workbench()
    assert list(empty.parts) == ["caches", "diagnostics"]
    assert "session.add_audio" in empty.empty
    assert "session.add_audio" in repr(empty)
    session.add_audio(np.zeros(8000, "f4"), 8000, name="first")
    assert session.workbench().title == "first"
    with pytest.raises(UnknownTrackError):
        session.workbench("nobody")


def test_its_parts_are_seen_as_long_as_it_is_and_end_with_it(session, track):
    bench = Workbench(session, track, ["rms", "zcr"])
    widget_comm(bench).page_sets(_view_count=1)
    assert {child._view_count for child in bench.children} == {1}
    widget_comm(bench).page_sets(_view_count=0)
    assert all(child._is_unseen() for child in bench.children)
    comms = [widget_comm(child) for child in bench.children]
    bench.close()
    assert all([kind for kind, _, _ in comm.messages][-1] == "comm_close" for comm in comms)
    assert all(not row.owners for group in session.diagnostics.groups for row in group.rows)


def test_what_cannot_be_made_leaves_nothing_behind(session, track):
    with pytest.raises(UnknownFeatureError):
        Workbench(session, track, ["spectogram"])
    owners = {owner for group in session.diagnostics.groups for row in group.rows for owner in row.owners}
    assert not owners


def test_it_counts_issues_and_is_text_without_a_page(session, track):
    session.policy = "ask"
    bench = session.workbench(track)
    session.publisher.poke()
    session.publisher.flush()
    assert bench.issues == len(session.diagnostics.issues) > 0
    text = bench._repr_mimebundle_()[0]["text/plain"]
    assert text.startswith(f"take: {bench.issues} issues\n")
    assert "diagnostics | Diagnostics | " in text
