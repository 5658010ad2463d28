"""Elements: who asks, for how long, and what it costs to ask again and again."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.events import DemandChanged

RATE = 8000
WAIT_S = 60


@pytest.fixture
def session():
    with acn.Session(cache_dir=False, workers=1) as made:
        yield made


@pytest.fixture
def track(session):
    return session.add_audio(np.linspace(-0.5, 0.5, RATE, dtype=np.float32), RATE, name="ramp")


class Plot:
    """Anything that can be held weakly."""


def asked(session, track) -> set[str]:
    return {slot.feature for slot in session.timeline.demand.wanted([track.id])}


def until(condition) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


class TestObjects:
    def test_an_object_asks_as_long_as_it_lives(self, session, track):
        plot = Plot()
        session.request(track, "rms", element=plot)
        session.request(track, "rms", element=plot)
        session.wait(WAIT_S)
        assert asked(session, track) == {"rms"}
        (group,) = session.diagnostics.groups
        assert group.owners == ("Plot #1",)
        del plot
        gc.collect()
        until(lambda: not asked(session, track))
        assert session.diagnostics.groups[0].extraneous == ("rms",)

    def test_it_can_release_itself(self, session, track):
        plot, other = Plot(), Plot()
        session.request(track, "rms", element=plot)
        session.request(track, "waveform", element=other)
        session.release(plot)
        assert asked(session, track) == {"waveform"}

    def test_objects_that_are_equal_are_two(self, session, track):
        class Same:
            def __eq__(self, other):
                return True

            __hash__ = None

        one, two = Same(), Same()
        session.request(track, "rms", element=one)
        session.request(track, "waveform", element=two)
        assert asked(session, track) == {"rms", "waveform"}

    def test_garbage_may_be_collected_while_the_timeline_is_being_changed(self, session, track):
        """The last reference goes while this thread holds the lock, in the middle of a change."""
        plot = Plot()
        session.request(track, "rms", element=plot)
        with session.store.changing() as change:
            change.touched = True
            del plot
            gc.collect()
            assert asked(session, track) == {"rms"}
        until(lambda: not asked(session, track))

    @pytest.mark.parametrize("element", [3, (), "", " ", b"e"])
    def test_what_cannot_be_held_weakly_or_has_no_name_is_refused(self, session, track, element):
        with pytest.raises(InvalidParameterError, match="element is"):
            session.request(track, "rms", element=element)
        assert asked(session, track) == set()

    def test_an_address_that_is_used_again_is_somebody_else(self, session, track):
        """CPython gives a new object the place of the one that just went."""
        for _ in range(50):
            plot = Plot()
            session.request(track, "rms", element=plot)
            assert asked(session, track) == {"rms"}
            del plot
        until(lambda: not asked(session, track))


class TestAgain:
    def test_asking_for_the_same_again_looks_nothing_up(self, session, track, monkeypatch):
        names = ["rms", "waveform"]
        session.request(track, names, element="plot")
        session.wait(WAIT_S)
        session.request(track, names, element="plot")
        session.store.flush(WAIT_S)
        sequence = session.store.sequence

        def never(*_):
            raise AssertionError("looked up")

        monkeypatch.setattr(session.registry, "resolve", never)
        monkeypatch.setattr(session.timeline, "request", never)
        assert session.request(track, names, element="plot") == []
        assert session.request(track.id, list(names), element="plot") == []
        for other in (names[::-1], tuple(names), set(names), dict.fromkeys(names), iter(names)):
            assert session.request(track, other, element="plot") == []
        assert session.store.sequence == sequence
        with pytest.raises(AssertionError, match="looked up"):
            session.request(track, ["rms"], element="plot")

    def test_another_order_is_no_event(self, session, track):
        session.request(track, ["rms", "waveform"], element="plot")
        session.wait(WAIT_S)
        sequence = session.store.sequence
        session.request(track, ["waveform", "rms", "rms"], element="plot")
        assert session.store.sequence == sequence

    def test_the_jobs_that_are_on_it_are_told_again(self, session, track):
        jobs = session.request(track, ["rms"], element="plot")
        again = session.request(track, ["rms"], element="plot")
        assert set(again) <= set(jobs)
        assert session.wait(WAIT_S) is None
        assert session.request(track, ["rms"], element="plot") == []

    @pytest.mark.parametrize("what", ["clear", "stop", "remove"])
    def test_what_happened_meanwhile_counts(self, session, track, what):
        session.request(track, ["rms"], element="plot")
        session.wait(WAIT_S)
        getattr(session, what)(track)
        if what == "remove":
            with pytest.raises(acn.UnknownTrackError):
                session.request(track, ["rms"], element="plot")
            session.undo()
        session.request(track, ["rms"], element="plot")
        session.wait(WAIT_S)
        assert session.freshness(track, "rms").state == "fresh"

    def test_so_does_another_default(self):
        registry = Registry(entry_points=False)
        with acn.Session(cache_dir=False, registry=registry) as session:
            track = session.add_audio(np.zeros(RATE, np.float32), RATE)
            session.request(track, ["rms"], element="plot")
            session.wait(WAIT_S)
            registry.register(FunctionCalculator(lambda frames: frames[:, 0], feature="rms", id="mine", version=1))
            session.request(track, ["rms"], element="plot")
            session.wait(WAIT_S)
            assert {slot.calculator_id for slot in session.timeline.demand.wanted([track.id])} == {"mine"}


class TestListening:
    def test_who_comes_late_hears_first_how_it_stands(self, session, track):
        session.request(track, ["rms"], element="one")
        session.request(track, ["waveform"], element="two")
        heard: list[DemandChanged] = []
        end = session.subscribe_demand(heard.append)
        session.request(track, ["waveform", "rms"], element="two")
        session.release("one")
        assert session.store.flush(WAIT_S)
        told = [(event.element, sorted(one.feature for one in event.wishes.get(track.id, ()))) for event in heard]
        assert told == [("one", ["rms"]), ("two", ["waveform"]), ("two", ["rms", "waveform"]), ("one", [])]
        end()
        session.release("two")
        assert session.store.flush(WAIT_S)
        assert len(heard) == 4

    def test_the_replay_misses_nothing_and_repeats_nothing(self, session, track):
        """Whatever happens while somebody subscribes: what it has heard in the end is how it stands."""
        over = threading.Event()

        def ask():
            number = 0
            while not over.is_set():
                number += 1
                session.request(track, ["rms", "waveform"][: 1 + number % 2], element="busy")

        thread = threading.Thread(target=ask)
        thread.start()
        views = []
        for _ in range(20):
            view: dict[str, int] = {}
            session.subscribe_demand(
                lambda event, view=view: view.update({event.element: len(event.wishes.get(track.id, ()))})
            )
            views.append(view)
        over.set()
        thread.join(WAIT_S)
        assert session.store.flush(WAIT_S)
        assert all(view == {"busy": len(asked(session, track))} for view in views)


def test_profiles_of_one_element_are_several(session, track):
    fine = acn.AnalysisProfile(hop_size=64)
    session.request(track, ["rms", acn.Descriptor("rms", profile=fine)], element="plot")
    session.wait(WAIT_S)
    assert {group.profile for group in session.diagnostics.groups} == {"default", fine.id}
    assert session.peek(track, "rms", profile=fine).hop_seconds == 64 / RATE


def test_policy_all_asks_for_every_feature_of_new_tracks():
    registry = Registry(entry_points=False)
    registry._builtin = {name: registry._builtin[name] for name in ("rms", "waveform")}
    with acn.Session(cache_dir=False, registry=registry, policy="all") as session:
        sound = np.zeros(RATE, np.float32)
        track = session.add_audio(sound, RATE, name="a")
        session.wait(WAIT_S)
        assert asked(session, track) == {"rms", "waveform"}
        held = session.add_audio(sound + 0.1, RATE, name="b", analyze="none")
        assert asked(session, held) == set()
        session.policy = "ask"
        assert session.policy == "ask"
        later = session.add_audio(sound + 0.2, RATE, name="c")
        assert asked(session, later) == set()
        assert session.add_audio(sound + 0.3, RATE, name="d", analyze="all")
        session.wait(WAIT_S)
        assert session.status("d").state == "ready"
        with pytest.raises(InvalidParameterError, match="policy is"):
            session.policy = "perhaps"
        assert session.policy == "ask"


def test_an_unknown_name_is_an_error_and_an_issue(session, track):
    with pytest.raises(acn.UnknownFeatureError):
        session.request(track, ["rms", "spectogram"], element="plot")
    (row,) = session.diagnostics.issues
    assert (row.name, row.kind, row.owners) == ("spectogram", "bad_request", ("plot",))
    assert "Did you mean 'spectrogram'?" in row.reason
    assert asked(session, track) == set()
    session.request(track, ["rms"], element="plot")
    session.wait(WAIT_S)
    assert session.diagnostics.issues == ()
    with pytest.raises(acn.UnknownCalculatorError):
        session.request(track, acn.Descriptor("rms", "waveform"), element="plot")
    assert session.diagnostics.groups[0].bad_requests == ("waveform",)
    session.release("plot")
    assert session.diagnostics.groups[0].bad_requests == ()


def test_what_nobody_makes_is_a_bad_request_if_somebody_asks_for_it_and_else_an_error():
    registry = Registry(entry_points=False)
    with acn.Session(cache_dir=False, workers=1, registry=registry) as session:
        track = session.add_audio(np.linspace(-0.5, 0.5, RATE, dtype=np.float32), RATE)
        with pytest.raises(acn.UnknownFeatureError):
            session.freshness(track, "spectogram")
        with pytest.raises(acn.UnknownFeatureError):
            session.request(track, "spectogram", element="plot")
        freshness = session.freshness(track, "spectogram")
        assert freshness.state == "bad_request"
        assert "Did you mean 'spectrogram'?" in freshness.explain()
        registry.register(FunctionCalculator(lambda frames: frames[:, 0], feature="first", version=1))
        session.get(track, "first", timeout=WAIT_S)
        registry.unregister("first")
        for name in ("first", acn.Descriptor("first", "first")):
            freshness = session.freshness(track, name)
            assert (freshness.state, freshness.explain()) == ("bad_request", "There is no calculator 'first'.")
        with pytest.raises(acn.UnknownTrackError):
            session.freshness("nobody", "first")
