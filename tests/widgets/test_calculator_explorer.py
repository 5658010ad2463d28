"""The explorer against a real session, with a page that only records."""

from __future__ import annotations

import threading
from typing import Annotated, Literal

import numpy as np
import pytest
from support.wait import until
from widgets.conftest import widget_comm

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError, UnknownCalculatorError
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.widgets.calculator_explorer import CalculatorExplorer
from audiocache_nb.widgets.explorer_controls import FAMILIES, catalogue

RATE = 8000


@pytest.fixture
def runs():
    return []


@pytest.fixture
def registry(runs):
    found = Registry()

    def gain(
        frames,
        *,
        factor: Annotated[float, acn.Range(0.0, 4.0, "How much louder.")] = 1.0,
        shape: Literal["flat", "bent"] = "flat",
        limit_hz: float | None = None,
        n: int = 1,
    ):
        """The level, times a factor.

        More about it.
        """
        runs.append((factor, shape, limit_hz, n))
        if n == 13:
            raise ValueError("not thirteen")
        return np.abs(frames).mean(axis=1) * factor

    found.register(FunctionCalculator(gain, feature="gain", label="Gain", version=1))
    return found


@pytest.fixture
def session(registry):
    with acn.Session(cache_dir=False, workers=1, registry=registry) as made:
        yield made


@pytest.fixture
def track(session):
    return session.add_audio(np.random.default_rng(0).normal(0, 0.1, RATE).astype("f4"), RATE, name="take")


@pytest.fixture
def explorer(session, track):
    made = CalculatorExplorer(session, track, "gain")
    settle(session, made)
    return made


def settle(session, explorer):
    session.wait()
    until(lambda: explorer._shown == explorer.descriptor)
    session.publisher.poke()
    session.publisher.flush()


def ask(explorer, calculator, params=None, profile=None, **more):
    page = widget_comm(explorer)
    content = {"kind": "explore", "id": 7, "calculator": calculator, "params": params, "profile": profile}
    page.page_sends({**{name: {} if value is None else value for name, value in content.items()}, **more})
    return page.customs[-1][0] if page.customs else None


def test_controls_are_made_from_the_schema(explorer):
    found = {control["name"]: control for control in explorer.controls}
    assert list(found)[:4] == ["factor", "shape", "limit_hz", "n"]
    factor = found["factor"]
    assert (factor["kind"], factor["minimum"], factor["maximum"], factor["value"]) == ("float", 0.0, 4.0, 1.0)
    assert factor["about"] == "How much louder."
    assert (found["shape"]["kind"], found["shape"]["choices"]) == ("choice", ["flat", "bent"])
    assert (found["limit_hz"]["optional"], found["limit_hz"]["unit"]) == (True, "Hz")
    assert found["hop_size"]["group"] == "profile"
    assert found["hop_size"]["unit"] == "samples"
    assert "min_decibels" not in found, "it changes nothing here"
    assert explorer.about == "The level, times a factor."


def test_what_decides_over_levels_is_there_for_levels(session, track):
    names = {control["name"] for control in CalculatorExplorer(session, track, "spectrogram").controls}
    assert {"window_size", "hop_size", "window", "min_decibels", "max_decibels", "storage"} <= names


def test_a_moved_slider_is_computed_and_drawn(session, track, explorer, runs):
    assert ask(explorer, "gain", {"factor": 2.5}, {"hop_size": 256})["kind"] == "done"
    settle(session, explorer)
    assert runs[-1][0] == 2.5
    assert explorer.descriptor == session.registry.resolve(
        acn.Descriptor("gain", params={"factor": 2.5}, profile=acn.AnalysisProfile(hop_size=256))
    )
    assert explorer.plot._parts[0].wanted == explorer.descriptor
    assert explorer.result["state"] == "fresh"
    assert explorer.result["facts"].startswith("computed in ")
    assert {control["name"]: control["value"] for control in explorer.controls}["factor"] == 2.5
    count = len(runs)
    assert ask(explorer, "gain")["kind"] == "done"
    settle(session, explorer)
    assert explorer.result["facts"].startswith("from the cache · ")
    assert len(runs) == count, "it was there, and was computed again"


def test_the_code_gives_what_is_shown(session, track, explorer):
    namespace = {"session": session, "acn": acn}
    exec(explorer.code, namespace)
    assert explorer.code == "gain = session.get('take', 'gain')"
    assert namespace["gain"].key == session.peek(track, "gain").key
    explorer.set(factor=3, shape="bent", window_size=1024)
    exec(explorer.code, namespace)
    assert namespace["gain"].key == session.peek(track, explorer.descriptor).key
    assert explorer.code.splitlines()[2:-1] == [
        "    acn.Descriptor(",
        "        'gain',",
        "        params={'factor': 3.0, 'shape': 'bent'},",
        "        profile=acn.AnalysisProfile(window_size=1024),",
        "    ),",
    ]
    ask(explorer, "mvmnt.rms")
    settle(session, explorer)
    exec(explorer.code, namespace)
    assert namespace["rms"].calculator_id == "mvmnt.rms"


def test_what_is_wrong_is_told_beside_the_parameter_and_changes_nothing(session, explorer):
    before = explorer.descriptor
    reply = ask(explorer, "gain", {"factor": 5.0})
    assert (reply["kind"], reply["parameter"]) == ("refused", "factor")
    assert "outside 0.0 to 4.0" in reply["message"]
    reply = ask(explorer, "gain", {}, {"window_size": 1})
    assert (reply["kind"], reply["parameter"]) == ("refused", "window_size")
    assert ask(explorer, "gain", {}, {"id": "mine"})["parameter"] == "id"
    assert ask(explorer, "nobody")["kind"] == "refused"
    assert explorer.descriptor == before
    with pytest.raises(InvalidParameterError):
        explorer.set(factor=-1)
    with pytest.raises(UnknownCalculatorError):
        explorer.choose("nobody")


@pytest.mark.parametrize(
    "wrong",
    [
        {"params": {"factor": float("nan")}},
        {"params": {"factor": [1]}},
        {"params": {f"p{k}": 1 for k in range(65)}},
        {"params": []},
        {"profile": {"": 1}},
        {"profile": {"id": "x" * 401}},
        {"calculator": ""},
        {"extra": 1},
    ],
)
def test_what_is_no_setting_is_no_message(explorer, wrong):
    ask(explorer, **{"calculator": "gain", **wrong})
    assert explorer.malformed_messages == 1


def test_a_failure_is_told_and_the_last_picture_stays(session, track, explorer):
    good = explorer.descriptor
    ask(explorer, "gain", {"n": 13})
    session.wait()
    session.publisher.poke()
    session.publisher.flush()
    assert explorer.result["state"] == "failed"
    assert "not thirteen" in explorer.result["reason"]
    assert explorer.result["behind"]
    assert explorer.plot._parts[0].wanted == good
    assert "not thirteen" in repr(explorer)


def test_an_edited_calculator_has_other_controls(session, track, explorer, registry):
    def gain(frames, *, other: int = 3):
        return np.abs(frames).mean(axis=1) * other

    registry.register(FunctionCalculator(gain, feature="gain", version=2))
    session.publisher.poke()
    session.publisher.flush()
    assert [control["name"] for control in explorer.controls if control["group"] == "params"] == ["other"]


def test_what_is_too_big_waits_and_is_offered(session, track, runs):
    session.policy = "ask"
    explorer = CalculatorExplorer(session, track, "gain")
    session.publisher.flush()
    assert explorer.result["cost"] == "under 0.1 s"
    widget_comm(explorer).page_sends({"kind": "command", "id": 3, "verb": "compute", "target": ""})
    settle(session, explorer)
    assert explorer.result["state"] == "fresh"
    assert explorer.result["cost"] == ""
    assert len(runs) > 0


def test_it_ends_with_everything_that_it_began(session, track, explorer):
    child = widget_comm(explorer.plot)
    state = widget_comm(explorer).messages[0][1]["state"]
    assert state["parts"] == {"plot": f"anywidget:{explorer.plot.model_id}"}
    widget_comm(explorer).page_sets(_view_count=1)
    assert explorer.plot._view_count == 1
    explorer.close()
    assert [kind for kind, _, _ in child.messages][-1] == "comm_close"
    assert session.diagnostics.groups[0].requested == ()
    assert session.diagnostics.groups[0].extraneous == ("gain",)


def test_every_calculator_is_in_a_family(session):
    found = catalogue(session.registry)
    assert {one["family"] for one in found} == set(FAMILIES) - {"Plug-ins"}
    assert [one["id"] for one in found if one["family"] == "Your own"] == ["gain"]
    assert all(one["about"] for one in found)


def test_while_it_works_it_says_what_that_is_expected_to_cost(session, track, registry):
    begun, go_on = threading.Event(), threading.Event()

    def patient(frames, *, ctx):
        begun.set()
        while not go_on.wait(0.002):
            ctx.checkpoint()
        return np.zeros(len(frames))

    registry.register(FunctionCalculator(patient, feature="patient", version=1))
    explorer = CalculatorExplorer(session, track, "patient")
    try:
        assert begun.wait(60)
        session.publisher.poke()
        session.publisher.flush()
        assert explorer.result["state"] == "running"
        assert explorer.result["facts"].startswith(("under ", "about "))
    finally:
        go_on.set()


def test_the_sample_rate_can_be_chosen_and_bounds_frequencies(session, track, explorer):
    rate = {control["name"]: control for control in explorer.controls}["sample_rate"]
    assert (rate["group"], rate["optional"], rate["unit"], rate["value"]) == ("profile", True, "Hz", None)
    assert ask(explorer, "gain", {}, {"sample_rate": 4000})["kind"] == "done"
    settle(session, explorer)
    assert explorer.descriptor.used_profile == acn.AnalysisProfile(sample_rate=4000)
    assert session.peek(track, explorer.descriptor).provenance["sample_rate"] == 4000
    assert "sample_rate=4000" in explorer.code
    assert {control["name"]: control for control in explorer.controls}["limit_hz"]["maximum"] in (None, 2000.0)
    refused = ask(explorer, "gain", {}, {"sample_rate": 5})
    assert (refused["kind"], refused["parameter"]) == ("refused", "sample_rate")
