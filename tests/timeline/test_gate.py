"""What starts by itself, and what waits until somebody says so."""

from __future__ import annotations

import math

import pytest
from support.by_hand import Hand, audio

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timeline.gate import Estimate, Gate, estimate

COST = Estimate(3, 42.0, 610_000_000)


class TestGate:
    @pytest.mark.parametrize(
        ("policy", "cheap", "dear"),
        [("auto", True, False), ("ask", False, False), ("never", False, False), ("all", True, True)],
    )
    def test_policies(self, policy, cheap, dear):
        gate = Gate(policy)
        assert gate.opens(Estimate(1, 30.0, 500_000_000)) == cheap
        assert gate.opens(COST) == dear

    def test_either_limit_closes_it_and_infinity_is_none(self):
        assert not Gate().opens(Estimate(1, 30.1, 0))
        assert not Gate().opens(Estimate(1, 0.0, 500_000_001))
        assert Gate(ask_above_s=math.inf, ask_above_mb=math.inf).opens(COST)
        assert Gate(ask_above_s=0, ask_above_mb=0).opens(Estimate())

    def test_the_call_says_what_it_costs_and_what_to_do(self):
        assert Gate().call(COST) == "3 features would take about 42 s and 610 MB: session.compute() starts"
        assert Gate().call(Estimate(1, 42.0, 0)).startswith("1 feature would")
        assert Gate("never").call(COST) is None

    @pytest.mark.parametrize("policy", ["", None, "sometimes", True])
    def test_unknown_policies_are_refused(self, policy):
        with pytest.raises(InvalidParameterError, match="policy is"):
            Gate(policy)

    @pytest.mark.parametrize("limit", [-1, math.nan, "30", None, True])
    def test_a_limit_is_a_number_from_0_on(self, limit):
        with pytest.raises(InvalidParameterError, match="ask_above_s is"):
            Gate(ask_above_s=limit)


class TestEstimate:
    def test_of_nothing_is_nothing(self, hand):
        assert estimate(audio(), [], costs=hand.timeline.costs, workers=2) == Estimate()

    def test_equal_items_count_once_and_workers_share(self, hand):
        item = hand.timeline._bench.item(audio(), hand.registry.resolve("a"))
        one = estimate(audio(), [item, item], costs=hand.timeline.costs, workers=1)
        two = estimate(audio(), [item], costs=hand.timeline.costs, workers=2)
        assert one.count == two.count == 1
        assert one.seconds == pytest.approx(2 * two.seconds)
        frames = 1 + audio().frames // 512
        assert one.nbytes == frames * 4


@pytest.fixture
def asking(hand):
    """The timeline, asking before everything."""
    hand.timeline.policy = "ask"
    hand.add()
    return hand


class TestWaiting:
    def test_the_source_is_idle_and_says_what_to_do(self, asking):
        assert asking.request("t", "a", "b") == []
        state, message = asking.status()
        assert state == "idle"
        assert message.startswith("2 features would take about")
        assert message.endswith("session.compute() starts")
        assert asking.states() == {"a": "missing", "b": "missing"}
        assert "session.compute()" in asking.entry("a").reason
        freshness = asking.timeline.freshness("t", asking.registry.resolve("a"))
        assert "session.compute()" in freshness.explain()

    def test_data_that_are_there_stay_ready(self, asking):
        asking.request("t", "a")
        asking.timeline.compute("t")
        asking.scheduler.run_all()
        assert asking.status() == ("ready", None)
        asking.request("t", "a", "b")
        assert asking.status()[0] == "ready"
        assert asking.status()[1].startswith("1 feature would")

    def test_compute_starts_it(self, asking):
        asking.add("u", 1)
        asking.request("t", "a")
        asking.request("u", "b")
        (job,) = asking.timeline.compute("t")
        assert asking.states() == {"a": "queued"}
        assert asking.states("u") == {"b": "missing"}
        (other,) = asking.timeline.compute()
        assert [item.descriptor.feature for item in [*job.items, *other.items]] == ["a", "b"]
        asking.scheduler.run_all()
        assert (asking.status(), asking.status("u")) == (("ready", None), ("ready", None))
        assert asking.timeline.compute() == []

    def test_compute_starts_what_is_on_hold_and_what_has_failed(self, hand):
        hand.add(hold=True)
        hand.request("t", "a")
        hand.timeline.compute()
        job = hand.scheduler.start()
        hand.scheduler.fail(job)
        hand.scheduler.end(job)
        assert hand.request("t", "a") == []
        hand.timeline.compute()
        hand.scheduler.run_all()
        assert hand.states() == {"a": "fresh"}

    def test_what_somebody_does_is_not_asked_about(self, asking):
        asking.request("t", "a")
        asking.timeline.reanalyze("t", ["b"])
        asking.scheduler.run_all()
        assert asking.states() == {"a": "missing", "b": "fresh"}
        asking.timeline.restart("t")
        asking.scheduler.run_all()
        assert asking.states() == {"a": "fresh", "b": "fresh"}

    def test_an_edited_calculator_waits_as_well(self, asking):
        asking.request("t", "a")
        asking.timeline.compute()
        asking.scheduler.run_all()
        asking.edit("a", 2)
        assert asking.states() == {"a": "stale"}
        assert asking.scheduler.jobs == []
        state, message = asking.status()
        assert state == "stale"
        assert "session.compute()" in message
        assert "version 1 → 2" in asking.entry("a").reason
        asking.edit("a", 1)
        assert asking.status() == ("ready", None)

    def test_nothing_waits_when_nobody_asks_any_more(self, asking):
        asking.request("t", "a")
        asking.timeline.release("e")
        assert asking.status() == ("idle", "analysis not started")
        assert asking.states() == {}
        assert asking.timeline.compute() == []

    def test_never_says_nothing(self, hand):
        hand.timeline.policy = "never"
        hand.add()
        hand.request("t", "a")
        assert hand.status() == ("idle", "analysis not started")
        assert "computes nothing by itself" in hand.entry("a").reason
        (job,) = hand.timeline.compute()
        assert job.items

    def test_another_policy_lets_through_what_waited(self, asking):
        asking.request("t", "a")
        asking.timeline.policy = "auto"
        assert asking.states() == {"a": "queued"}
        asking.scheduler.run_all()
        asking.timeline.policy = "never"
        asking.request("t", "a", "b")
        asking.timeline.policy = "ask"
        assert "session.compute()" in asking.status()[1]


class TestLimits:
    """A toy costs 2 ms of work per second of audio; here there is a millisecond of that."""

    @pytest.fixture
    def hand(self):
        made = Hand("a", "b", "c")
        made.add()
        item = made.timeline._bench.item(audio(), made.registry.resolve("a"))
        self.one_s = estimate(audio(), [item], costs=made.timeline.costs, workers=1).seconds
        yield made
        made.close()

    def test_what_is_cheap_starts_and_what_is_not_waits(self, hand):
        hand.timeline.gate.ask_above_s = 1.5 * self.one_s
        assert hand.request("t", "a", element="one")
        hand.scheduler.run_all()
        assert hand.request("t", "b", "c", element="two") == []
        assert hand.states() == {"a": "fresh", "b": "missing", "c": "missing"}

    def test_many_small_wishes_are_a_big_one(self, hand):
        hand.timeline.gate.ask_above_s = 1.5 * self.one_s
        hand.request("t", "a", element="one")
        assert hand.request("t", "b", element="two") == []
        assert hand.request("t", "c", element="three") == []
        assert hand.status()[0] == "pending"
        hand.scheduler.run_all()
        assert hand.states() == {"a": "fresh", "b": "missing", "c": "missing"}
        assert hand.status()[1].startswith("2 features would")

    def test_what_is_cheap_enough_without_the_others_starts(self, hand):
        hand.timeline.gate.ask_above_s = 1.5 * self.one_s
        hand.request("t", "a", "b", element="one")
        assert hand.scheduler.jobs == []
        hand.request("t", "a", element="one")
        assert hand.states() == {"a": "queued"}
        hand.scheduler.run_all()
        hand.request("t", "b", element="two")
        hand.scheduler.run_all()
        hand.timeline.clear("t")
        hand.request("t", "a", element="one")
        hand.request("t", "b", element="two")
        hand.timeline.release("two")
        assert hand.states() == {"a": "queued"}

    def test_bytes_count_too(self, hand):
        hand.timeline.gate.ask_above_mb = 0.000001
        assert hand.request("t", "a") == []
