"""Asking for features, waiting for them, getting them."""

from __future__ import annotations

import sys
import threading
import traceback

import numpy as np
import pytest
from support.wait import until

import audiocache_nb as acn

WAIT_S = 60
RATE = 8000


def is_waiting(thread: threading.Thread) -> bool:
    """Whether a thread waits for something just now."""
    frame = sys._current_frames().get(thread.ident)
    return frame is not None and "wait" in {frame.f_code.co_name for frame, _ in traceback.walk_stack(frame)}


class TestRequest:
    def test_a_feature_is_named_by_its_key_by_a_calculator_or_by_a_descriptor(self, session, track):
        (job,) = session.request(track, ["rms", "mvmnt.rms", acn.Descriptor("waveform")], element="plot")
        assert job.wait(WAIT_S)
        assert session.peek(track, "rms").calculator_id == "rms"
        assert session.peek(track, "mvmnt.rms").calculator_id == "mvmnt.rms"
        assert session.peek(track, "waveform").format == "waveform-minmax"

    def test_one_name_needs_no_list_and_a_generator_will_do(self, session, track):
        session.request(track, "rms")
        session.request(track.id, (name for name in ["waveform"]))
        session.wait(WAIT_S)
        assert session.peek(track, "rms") is not None
        assert session.peek(track, "waveform") is not None

    def test_what_is_there_already_needs_no_job(self, session, track):
        session.get(track, "rms", timeout=WAIT_S)
        assert session.request(track, "rms", element="plot") == []

    def test_equal_requests_share_one_job(self, session, track, gate):
        (first,) = session.request(track, "gate", element="one")
        assert session.request(track, ["gate", "gate"], element="two") == [first]
        gate.open.set()
        session.wait(WAIT_S)
        assert gate.calls == 1

    def test_a_second_request_waits_for_the_first_and_is_not_lost(self, session, track, gate):
        (first,) = session.request(track, "gate", element="one")
        assert gate.entered.wait(WAIT_S)
        (second,) = session.request(track, "rms", element="two")
        assert second is not first
        assert second.state == "queued"
        assert session.freshness(track, "rms").state == "queued"
        gate.open.set()
        assert second.wait(WAIT_S)
        assert (first.state, second.state) == ("succeeded", "succeeded")

    def test_an_element_says_what_it_wants_now(self, session, track):
        session.request(track, ["rms", "waveform"], element="plot")
        session.request(track, ["waveform"], element="plot")
        session.wait(WAIT_S)
        asked = {
            slot.feature: entry.demanded
            for slot, entry in session.store.snapshot().sources[track.source_id].entries.items()
        }
        assert asked["waveform"]
        assert not asked.get("rms", False)

    def test_release(self, session, track):
        session.request(track, "rms", element="plot")
        session.wait(WAIT_S)
        session.release("plot")
        session.release("plot")
        session.release("nobody")
        (entry,) = session.store.snapshot().sources[track.source_id].entries.values()
        assert not entry.demanded
        assert entry.state == "fresh"

    def test_profiles_are_kept_apart(self, session, track):
        fine = acn.AnalysisProfile(hop_size=128)
        session.request(track, "rms", element="coarse")
        session.request(track, "rms", element="fine", profile=fine)
        session.wait(WAIT_S)
        assert session.peek(track, "rms").hop_seconds == 512 / RATE
        assert session.peek(track, "rms", profile=fine).hop_seconds == 128 / RATE

    @pytest.mark.parametrize(
        ("features", "error"),
        [
            ("nothing", acn.UnknownFeatureError),
            (["rms", "nothing"], acn.UnknownFeatureError),
            (acn.Descriptor("rms", "nobody"), acn.UnknownCalculatorError),
            (acn.Descriptor("rms", "waveform"), acn.UnknownCalculatorError),
            (acn.Descriptor("rms", params={"nothing": 1}), acn.InvalidParameterError),
            (None, acn.InvalidTypeError),
            (3, acn.InvalidTypeError),
            ([3], acn.InvalidTypeError),
            ([None], acn.InvalidTypeError),
        ],
    )
    def test_what_cannot_be_meant_is_refused_and_nothing_changes(self, session, track, features, error):
        before = session.store.snapshot()
        with pytest.raises(error) as caught:
            session.request(track, features)
        after = session.store.snapshot()
        assert after.sources[track.source_id] is before.sources[track.source_id]
        assert after.tracks == before.tracks
        assert not session.timeline.demand.wanted([track.id])
        assert str(caught.value)

    def test_unknown_features_are_answered_with_the_known_ones(self, session, track):
        with pytest.raises(acn.UnknownFeatureError) as caught:
            session.request(track, "nobody makes this")
        assert "'nobody makes this'" in str(caught.value)
        assert "Known features: " in str(caught.value)
        assert "spectrogram" in str(caught.value)
        assert caught.value.code == "ACN-FEATURE"

    @pytest.mark.parametrize("wrong", ["nobody", None, 3, ["t"]])
    def test_unknown_tracks_are_answered(self, session, track, wrong):
        for verb in (
            session.remove,
            session.status,
            session.stop,
            session.restart,
            session.clear,
            lambda wrong: session.request(wrong, "rms"),
            lambda wrong: session.get(wrong, "rms"),
            lambda wrong: session.peek(wrong, "rms"),
            lambda wrong: session.freshness(wrong, "rms"),
            lambda wrong: session.reanalyze(wrong, ["rms"]),
            lambda wrong: session.move(wrong, offset_ticks=0),
        ):
            with pytest.raises(acn.UnknownTrackError, match="There is no track"):
                verb(wrong)


class TestGet:
    def test_it_asks_waits_and_returns(self, session, track):
        stored = session.get(track, "spectrogram", timeout=WAIT_S)
        assert stored.axes == ("frame", "bin")
        assert stored.unit == "dB"
        assert session.status(track).state == "ready"
        assert session.get(track.id, "spectrogram") is stored

    def test_a_feature_track_has_what_people_ask_about(self, session, track):
        stored = session.get(track, "rms", timeout=WAIT_S)
        assert stored.data.shape == (stored.frame_count, 2)
        assert stored.start_seconds == 0
        assert stored.hop_seconds == 512 / RATE
        assert stored.fill_value == 0
        assert stored.provenance["audio"] == track.source.digest
        assert list(stored.coords) == ["frame", "channel"]
        assert len(stored.key) == 64
        assert stored.to_pandas().shape == (stored.frame_count, 2)
        assert stored.to_xarray().dims == ("frame", "channel")
        with pytest.raises(ValueError, match="read-only"):
            stored.data[0] = 1

    def test_its_profile_is_the_one_that_was_asked_for(self, session, track):
        profile = acn.AnalysisProfile(hop_size=256)
        assert session.get(track, "rms", profile=profile, timeout=WAIT_S).hop_seconds == 256 / RATE

    def test_a_named_profile_with_other_values_is_never_answered_with_the_old_ones(self, session, track, gate):
        """While the first is being computed, another one is wanted under the same name."""
        old = acn.AnalysisProfile(id="mine", hop_size=512)
        new = acn.AnalysisProfile(id="mine", hop_size=128)
        session.request(track, "gate", element="first")
        assert gate.entered.wait(WAIT_S)
        session.request(track, "rms", element="old", profile=old)
        got = []
        thread = threading.Thread(
            target=lambda: got.append(session.get(track, "rms", profile=new, timeout=WAIT_S).hop_seconds)
        )
        thread.start()
        gate.open.set()
        thread.join(WAIT_S)
        assert got == [128 / RATE]

    def test_two_profiles_that_make_no_difference_are_both_answered(self, session, track, gate):
        session.request(track, "gate", element="one")
        assert gate.entered.wait(WAIT_S)
        quiet = acn.AnalysisProfile(min_decibels=-100)
        got = []
        thread = threading.Thread(target=lambda: got.append(session.get(track, "gate", profile=quiet, timeout=WAIT_S)))
        thread.start()
        gate.open.set()
        thread.join(WAIT_S)
        assert got == [session.peek(track, "gate")]
        assert gate.calls == 1

    def test_a_calculator_that_raises_is_a_calculator_error_with_the_original_as_cause(self, session, track, broken):
        with pytest.raises(acn.CalculatorError, match="Calculator 'broken' failed: ZeroDivisionError: oh no") as caught:
            session.get(track, "broken", timeout=WAIT_S)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        shown = "".join(traceback.format_exception(caught.value))
        assert 'raise ZeroDivisionError("oh no")' in shown  # the line that the user has to mend
        status = session.status(track)
        assert status.state == "failed"
        assert status.message == "analysis failed: Calculator 'broken' failed: ZeroDivisionError: oh no."
        assert session.freshness(track, "broken").explain() == "Calculator 'broken' failed: ZeroDivisionError: oh no."

    def test_its_traceback_does_not_grow_from_call_to_call(self, session, track, broken):
        lengths = []
        for _ in range(3):
            with pytest.raises(acn.CalculatorError) as caught:
                session.get(track, "broken", timeout=WAIT_S)
            lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
            assert caught.value.__context__ is None or caught.value.__context__ is caught.value.__cause__
        assert len(set(lengths)) == 1

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError])
    def test_whatever_a_calculator_raises_fails_that_calculator(self, session, track, define, error):
        def odd(samples):
            raise error("odd")

        define(odd)
        with pytest.raises(acn.CalculatorError) as caught:
            session.get(track, "odd", timeout=WAIT_S)
        assert isinstance(caught.value.__cause__, error)
        assert session.get(track, "rms", timeout=WAIT_S) is not None

    def test_a_result_of_the_wrong_shape_breaks_the_contract(self, session, track, define):
        define(lambda frames: frames[:3, 0], "short", inputs="frames")
        with pytest.raises(acn.CalculatorContractError):
            session.get(track, "short", timeout=WAIT_S)

    def test_others_do_not_notice(self, session, track, broken):
        (job,) = session.request(track, ["rms", "broken", "waveform"])
        assert job.wait(WAIT_S)
        assert job.state == "failed"
        assert session.get(track, "rms", timeout=WAIT_S) is not None
        assert session.get(track, "waveform", timeout=WAIT_S) is not None

    def test_the_time_to_wait_can_be_limited_and_the_work_goes_on(self, session, track, gate):
        with pytest.raises(acn.WaitTimeoutError, match=r"gate is not there after 0\.01 s"):
            session.get(track, "gate", timeout=0.01)
        assert session.status(track).state == "pending"
        gate.open.set()
        assert session.get(track, "gate", timeout=WAIT_S) is not None
        assert gate.calls == 1

    def test_stopping_ends_the_waiting(self, session, track, gate):
        caught = []

        def get():
            try:
                session.get(track, "gate", timeout=WAIT_S)
            except acn.AudioCacheError as error:
                caught.append(error)

        thread = threading.Thread(target=get)
        thread.start()
        assert gate.entered.wait(WAIT_S)
        session.stop(track)
        thread.join(WAIT_S)
        (error,) = caught
        assert isinstance(error, acn.JobCancelledError)
        assert "The analysis of gate was stopped" in str(error)

    @pytest.mark.parametrize(
        ("verb", "error"),
        [
            (lambda session, track: session.remove(track), acn.JobCancelledError),
            (lambda session, track: session.clear(track), acn.JobCancelledError),
            (lambda session, track: session.clear_all(), acn.JobCancelledError),
            (lambda session, track: session.reset(), acn.JobCancelledError),
            (lambda session, track: session.close(), acn.SessionClosedError),
        ],
    )
    def test_whatever_takes_the_work_away_ends_the_waiting(self, session, track, gate, verb, error):
        caught = []

        def get():
            try:
                session.get(track, "gate", timeout=WAIT_S)
            except acn.AudioCacheError as problem:
                caught.append(problem)

        threads = [threading.Thread(target=get) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert gate.entered.wait(WAIT_S)
        until(lambda: all(map(is_waiting, threads)))  # who comes after `clear` asks for it anew
        verb(session, track)
        for thread in threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        assert len(caught) == 3
        # One that came late may find that there is no such track, or no session, any more.
        assert all(isinstance(one, (error, acn.UnknownTrackError, acn.SessionClosedError)) for one in caught)

    def test_a_calculator_edited_while_it_is_waited_for_answers_with_the_new_one(self, session, track, gate, define):
        got = []
        thread = threading.Thread(target=lambda: got.append(session.get(track, "gate", timeout=WAIT_S)))
        thread.start()
        assert gate.entered.wait(WAIT_S)
        define(lambda samples: acn.Global(42.0), "gate", version=2)
        gate.open.set()
        thread.join(WAIT_S)
        assert got[0].version == "2"
        assert got[0].data[0, 0] == 42

    def test_and_so_it_does_where_nothing_is_computed_by_itself(self, session, tone, gate, define):
        track = session.add_audio(tone, RATE, analyze="none")
        got = []
        thread = threading.Thread(target=lambda: got.append(session.get(track, "gate", timeout=WAIT_S)))
        thread.start()
        assert gate.entered.wait(WAIT_S)
        define(lambda samples: acn.Global(42.0), "gate", version=2)
        gate.open.set()
        thread.join(WAIT_S)
        assert got[0].version == "2"

    def test_a_calculator_that_is_taken_away_ends_the_waiting(self, session, track, gate, registry):
        caught = []

        def get():
            try:
                session.get(track, "gate", timeout=WAIT_S)
            except acn.AudioCacheError as error:
                caught.append(error)

        thread = threading.Thread(target=get)
        thread.start()
        assert gate.entered.wait(WAIT_S)
        registry.unregister("gate")
        thread.join(WAIT_S)
        assert isinstance(caught[0], acn.UnknownCalculatorError)

    def test_features_can_be_got_from_a_callback(self, session, track):
        got = []
        done = threading.Event()

        def react(event):
            if type(event).__name__ == "FeatureStored" and not got:
                got.append(session.get(track, "waveform", timeout=WAIT_S))
                done.set()

        session.subscribe(react)
        session.request(track, "rms")
        assert done.wait(WAIT_S)
        assert got[0].feature == "waveform"


class TestWait:
    def test_it_ends_when_nothing_is_queued_or_running(self, session, track):
        session.wait(WAIT_S)
        session.request(track, ["rms", "spectrogram"])
        session.wait(WAIT_S)
        assert session.timeline.scheduler.jobs == []
        assert session.status(track).state == "ready"

    def test_the_time_can_be_limited(self, session, track, gate):
        session.request(track, "gate")
        with pytest.raises(acn.WaitTimeoutError) as caught:
            session.wait(0.01)
        assert isinstance(caught.value, TimeoutError)
        assert session.status(track).state == "pending"
        with pytest.raises(acn.WaitTimeoutError):
            session.wait(timeout=0)
        with pytest.raises(acn.WaitTimeoutError):
            session.wait(-1)

    @pytest.mark.parametrize("timeout", ["1", float("nan"), True, [1]])
    def test_a_time_is_a_number(self, session, track, timeout):
        with pytest.raises(acn.InvalidParameterError, match="timeout is"):
            session.wait(timeout)
        with pytest.raises(acn.InvalidParameterError, match="timeout is"):
            session.get(track, "rms", timeout=timeout)

    def test_endless_is_a_time_too(self, session, track):
        session.request(track, "rms")
        session.wait(float("inf"))
        assert session.status(track).state == "ready"

    def test_it_ends_when_the_work_is_stopped(self, session, track, stubborn):
        session.request(track, "stubborn")
        assert stubborn.entered.wait(WAIT_S)
        session.stop(track)
        session.wait(WAIT_S)
        assert not stubborn.open.is_set()

    def test_many_can_wait(self, session, track, gate):
        session.request(track, "gate")
        threads = [threading.Thread(target=session.wait, args=(WAIT_S,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        gate.open.set()
        for thread in threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()


class TestPeek:
    def test_it_asks_for_nothing(self, session, track):
        before = session.store.sequence
        assert session.peek(track, "rms") is None
        assert session.freshness(track, "rms").state == "missing"
        assert session.status(track).state == "idle"
        assert session.store.sequence == before
        assert session.timeline.scheduler.jobs == []

    def test_it_waits_for_nobody(self, session, track):
        session.get(track, "rms", timeout=WAIT_S)
        seen = []
        with session.store.lock:
            thread = threading.Thread(target=lambda: seen.append(session.peek(track, "rms")))
            thread.start()
            thread.join(WAIT_S)
        assert seen[0] is not None

    def test_stale_data_are_shown_too(self, session, track, define):
        define(lambda samples: acn.Global(1.0), "one", version=1)
        session.request(track, "one", element="plot")
        session.wait(WAIT_S)
        session.release("plot")
        define(lambda samples: acn.Global(2.0), "one", version=2)
        assert session.freshness(track, "one").state == "stale"
        assert session.peek(track, "one").data[0, 0] == 1


class TestSampling:
    def test_values_at_a_time_of_the_timeline(self, session, track):
        session.get(track, "rms", timeout=WAIT_S)
        frame = session.sample(track, "rms", time=1.0)
        assert frame.in_range
        assert np.allclose(frame.values, [0.5 / 2**0.5, 0.25 / 2**0.5], atol=0.01)
        assert session.sample_many(track, "rms", [0.5, 1.0, 99.0]).shape == (3, 2)

    def test_what_is_not_there_is_none_and_is_not_asked_for(self, session, track):
        before = session.store.sequence
        assert session.sample(track, "rms", time=1.0) is None
        assert session.sample_many(track, "rms", [1.0]) is None
        assert session.sample_range(track, "rms", 0.0, 1.0) is None
        assert session.sample_history(track, "rms", 1.0, 4) is None
        assert session.store.sequence == before
