"""Fresh, stale or failed, and why: in words that people read."""

from __future__ import annotations

import dataclasses

import pytest
from support.by_hand import Toy, audio, result

from audiocache_nb.analysis.plan import Item, make_item
from audiocache_nb.errors import CalculatorError, said
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.freshness import differences, judge
from audiocache_nb.timeline.state import FeatureEntry, Slot
from audiocache_nb.timing.tempo import Tempo

BUILTIN = Registry(entry_points=False)


def item(calculator, tempo=None, params=(), **profile) -> Item:
    descriptor = Descriptor(calculator.feature, calculator.id, AnalysisProfile(id="mine", **profile), params)
    return make_item(audio(), descriptor, calculator, tempo=tempo)


def entry(wanted: Item, **facts) -> FeatureEntry:
    return FeatureEntry(Slot.of(wanted.descriptor), wanted.descriptor, "label", **facts)


class TestStates:
    def test_missing(self):
        wanted = item(Toy("a"))
        judged = judge(entry(wanted), wanted, None)
        assert (judged.state, judged.reason) == ("missing", "Nobody has computed it yet.")
        assert judged.wanted_key == wanted.key

    @pytest.mark.parametrize(
        ("active", "reason"), [("queued", "Waiting for its turn."), ("running", "Being computed.")]
    )
    def test_on_its_way(self, active, reason):
        wanted = item(Toy("a"))
        assert (judge(entry(wanted), wanted, active).state) == active
        with_old = entry(
            wanted, track=result(item(Toy("a", 2)), audio()), exception=CalculatorError("x"), failed_key="k"
        )
        judged = judge(with_old, wanted, active)
        assert (judged.state, judged.reason) == (active, reason)
        assert judged.track is not None

    def test_fresh_means_that_the_keys_agree(self):
        wanted = item(Toy("a"))
        judged = judge(entry(wanted, track=result(wanted, audio())), wanted, None)
        assert judged.state == "fresh"
        assert judged.causes == ()

    def test_stale_says_what_differs(self):
        old, new = item(Toy("a"), hop_size=512), item(Toy("a", 2), hop_size=256)
        judged = judge(entry(new, track=result(old, audio())), new, None)
        assert judged.state == "stale"
        assert judged.causes == ("calculator a version 1 → 2", "hop_size 512 → 256")
        assert judged.reason == "calculator a version 1 → 2; hop_size 512 → 256"

    def test_failed_counts_for_exactly_what_failed(self):
        old, new = item(Toy("a")), item(Toy("a", 2))
        failed = entry(old, exception=CalculatorError("It broke.", hint="Mend it."), failed_key=old.key)
        judged = judge(failed, old, None)
        assert (judged.state, judged.reason) == ("failed", "It broke.")
        assert judge(failed, new, None).state == "missing"

    def test_a_failure_goes_before_data_of_another_kind(self):
        old, new = item(Toy("a")), item(Toy("a", 2))
        failed = entry(new, track=result(old, audio()), exception=CalculatorError("It broke."), failed_key=new.key)
        assert judge(failed, new, None).state == "failed"

    def test_a_bad_request_has_its_problem_as_reason_and_keeps_its_data(self):
        wanted = item(Toy("a"))
        judged = judge(entry(wanted, track=result(wanted, audio())), None, None, "There is no calculator 'a'.")
        assert (judged.state, judged.reason) == ("bad_request", "There is no calculator 'a'.")
        assert judged.wanted_key == ""
        assert judged.track is not None


class TestDifferences:
    @pytest.mark.parametrize(
        ("old", "new", "cause"),
        [
            ({"hop_size": 512}, {"hop_size": 256}, "hop_size 512 → 256"),
            ({"window_size": 1024}, {"window_size": 4096}, "window_size 1024 → 4096"),
            ({"window": "hann"}, {"window": "boxcar"}, "window hann → boxcar"),
            ({"min_decibels": -80}, {"min_decibels": -100}, "min_decibels -80.0 → -100.0"),
        ],
    )
    def test_of_a_profile(self, old, new, cause):
        calculator = BUILTIN.get("spectrogram")
        before, after = item(calculator, **old), item(calculator, **new)
        assert cause in differences(result(before, audio()), after)

    def test_of_a_calculators_own_parameters(self):
        def own(frames, *, power: float = 2.0):
            return frames[:, 0] ** power

        calculator = FunctionCalculator(own, feature="own", version=1)
        before, after = item(calculator), item(calculator, params={"power": 3.0})
        assert differences(result(before, audio()), after) == ("power 2.0 → 3.0",)

    def test_of_parameters_that_come_and_go(self):
        def old(frames, *, gone: float = 1.0):
            return frames[:, 0]

        def new(frames, *, new: int = 2):
            return frames[:, 0]

        before = item(FunctionCalculator(old, feature="own", version=1))
        after = item(FunctionCalculator(new, feature="own", version=1))
        assert differences(result(before, audio()), after) == ("new not given → 2", "gone 1.0 → not given")

    def test_of_code(self):
        before = item(FunctionCalculator(lambda frames: frames[:, 0], feature="own"))
        after = item(FunctionCalculator(lambda frames: frames[:, 1] + 1, feature="own"))
        assert differences(result(before, audio()), after) == ("code of own changed",)

    def test_of_code_and_version(self):
        before = item(FunctionCalculator(lambda frames: frames[:, 0], feature="own"))
        after = item(FunctionCalculator(lambda frames: frames[:, 0], feature="own", version=2))
        (cause,) = differences(result(before, audio()), after)
        assert cause.startswith("calculator own version code-")
        assert cause.endswith(" → 2")

    def test_of_the_tempo(self):
        beat = Toy("beat", depends_on_tempo=True)
        before, after = item(beat, Tempo(120).snapshot()), item(beat, Tempo(90).snapshot())
        assert differences(result(before, audio()), after) == ("tempo map changed",)

    def test_of_nothing_that_is_known(self):
        wanted = item(Toy("a"))
        strange = dataclasses.replace(result(wanted, audio()), key="0" * 64)
        assert differences(strange, wanted) == ("what it was computed from is not known any more",)


def test_what_an_error_says_is_its_message_alone():
    error = CalculatorError("It broke.", hint="The original exception is chained below.")
    assert said(error) == "It broke."
    assert said(ZeroDivisionError("oh")) == "ZeroDivisionError: oh"
    assert len(said(ValueError("x" * 10_000))) <= 400
