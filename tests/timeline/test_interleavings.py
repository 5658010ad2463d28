"""Every order in which cancelling, finishing, asking again, removing and closing can happen to one and two jobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from support.by_hand import Hand, audio, truth

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.errors import SessionClosedError, UnknownTrackError, WaitTimeoutError
from audiocache_nb.timeline import events


@dataclasses.dataclass
class Plan:
    """A job of the scenario: which track asks for which feature, and whether it runs at the beginning."""

    track: str
    number: int
    feature: str
    running: bool


class Scenario:
    """A timeline at the beginning, and what can happen to it; each action happens at most once."""

    def __init__(self, plans: dict[str, Plan], again: str | None, never: frozenset[str]) -> None:
        self.plans, self.again, self.never = plans, again, never
        self.hand = Hand("a", "b")
        self.events: list[events.Event] = []
        self.hand.timeline.store._deliver = self.events.extend  # type: ignore[method-assign]
        for plan in plans.values():
            if plan.track not in self.hand.timeline.store.snapshot().tracks:
                self.hand.add(plan.track, plan.number)
        self.jobs: dict[str, Job] = {}
        for name, plan in plans.items():
            (self.jobs[name],) = self.hand.request(plan.track, plan.feature, element=name)
            if plan.running:
                self.hand.scheduler.start(self.jobs[name])
        # what ought to be
        self.visible: set[tuple[int, str]] = set()
        self.removed: set[str] = set()
        self.closed = False
        self.extra: set[int] = set()  # recordings with a job for the second request
        self.last_words = 0

    def actions(self) -> list[str]:
        verbs = [f"{verb} {name}" for name in self.plans for verb in ("start", "cancel", "item", "end")]
        tracks = [f"remove {track}" for track in dict.fromkeys(plan.track for plan in self.plans.values())]
        every = [*verbs, *tracks, *([f"request {self.again}"] if self.again else []), "close"]
        return [action for action in every if action not in self.never]

    def possible(self, action: str) -> bool:
        verb, _, name = action.partition(" ")
        if verb not in ("start", "item", "end"):
            return True
        job, scheduler = self.jobs[name], self.hand.scheduler
        if verb == "start":
            return job in scheduler.startable()
        if job not in scheduler.running:
            return False
        left = scheduler.open_items(job)
        return bool(left) if verb == "item" else not left or job.control.cancelled

    def do(self, action: str) -> None:
        verb, _, name = action.partition(" ")
        getattr(self, verb)(name)

    # --- actions -----------------------------------------------------------------------------

    def counts(self, name: str) -> bool:
        return not self.closed and self.plans[name].track not in self.removed

    def start(self, name: str) -> None:
        self.hand.scheduler.start(self.jobs[name])

    def cancel(self, name: str) -> None:
        job = self.jobs[name]
        effective = not job.ended and not job.control.cancelled
        assert job.cancel() == effective
        assert not job.cancel()

    def item(self, name: str) -> None:
        plan, counts, before = self.plans[name], self.counts(name), self.hand.timeline.store.snapshot()
        self.hand.scheduler.deliver(self.jobs[name])
        if counts:
            self.visible.add((plan.number, plan.feature))
        else:
            assert self.hand.timeline.store.snapshot() is before

    def end(self, name: str) -> None:
        counts, before = self.counts(name), self.hand.timeline.store.snapshot()
        self.hand.scheduler.end(self.jobs[name])
        assert counts or self.hand.timeline.store.snapshot() is before

    def remove(self, track: str) -> None:
        if self.closed:
            with pytest.raises(SessionClosedError):
                self.hand.timeline.remove(track)
            return
        self.hand.timeline.remove(track)
        self.removed.add(track)
        number = next(plan.number for plan in self.plans.values() if plan.track == track)
        self.visible = {result for result in self.visible if result[0] != number}
        self.extra.discard(number)

    def request(self, feature: str) -> None:
        """The first track is asked for something once more."""
        name, plan = next(iter(self.plans.items()))
        if not self.counts(name):
            with pytest.raises(SessionClosedError if self.closed else UnknownTrackError):
                self.hand.request(plan.track, feature, element="again")
            return
        job = self.jobs[name]
        on_it = feature == plan.feature and not job.control.cancelled and not job.ended
        there = (plan.number, feature) in self.visible
        asked = self.hand.request(plan.track, feature, element="again")
        if there:
            assert asked == []
        elif on_it:
            assert asked == [job]
        else:
            assert len(asked) == 1
            assert asked[0] is not job
            self.extra.add(plan.number)

    def close(self, _: str) -> None:
        self.hand.timeline.close()
        self.closed = True
        self.last_words = len(self.events)

    # --- what holds after every action -------------------------------------------------------

    def check(self) -> None:
        timeline = self.hand.timeline
        snapshot = timeline.store.snapshot()
        numbers = {plan.number for plan in self.plans.values() if plan.track not in self.removed}
        assert {state.source.id for state in snapshot.sources.values()} == {audio(number).id for number in numbers}
        busy = False
        for number in numbers:
            state = snapshot.sources[audio(number).id]
            names = [name for name, plan in self.plans.items() if plan.number == number]
            working = not self.closed and (number in self.extra or any(not self.jobs[name].ended for name in names))
            visible = {feature for other, feature in self.visible if other == number}
            expected = "pending" if working else ("ready" if visible else "idle")
            assert state.status.state == expected
            assert (state.status.progress is not None) == working
            assert {slot.feature for slot, entry in state.entries.items() if entry.track is not None} == visible
            for entry in state.entries.values():
                if entry.track is not None:
                    # A job for it may wait all the same: asked for after the first was cancelled, before it came.
                    assert entry.state == "fresh" or number in self.extra
                    assert entry.track.data[0, 0] == truth(entry.wanted_key)
            busy = busy or working
        if busy:
            with pytest.raises(WaitTimeoutError):
                timeline.wait(0)
        else:
            timeline.wait(0)
        assert [event.sequence for event in self.events] == list(range(1, len(self.events) + 1))
        if self.closed:
            assert len(self.events) == self.last_words
            assert isinstance(self.events[-1], events.SessionClosed)


def orders(
    plans: dict[str, Plan], again: str | None, never: frozenset[str], seen: set[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    """Live through every possible order; yields those that cannot go on."""
    todo: list[tuple[str, ...]] = [()]
    while todo:
        order = todo.pop()
        scenario = Scenario(plans, again, never)
        for action in order:
            scenario.do(action)
        while True:
            seen.add(order)
            try:
                scenario.check()
            except AssertionError as error:
                raise AssertionError(f"after {', '.join(order)}: {error}") from error
            rest = [action for action in scenario.actions() if action not in order and scenario.possible(action)]
            if not rest:
                yield order
                break
            todo += [(*order, action) for action in rest[1:]]  # come back for the others
            order = (*order, rest[0])
            scenario.do(rest[0])
        scenario.hand.close()


ONE = {"A": Plan("t", 0, "a", running=True)}
WAITING = {"A": Plan("t", 0, "a", running=False)}
SAME = {"A": Plan("t", 0, "a", running=True), "B": Plan("t", 0, "b", running=False)}
OTHER = {"A": Plan("t", 0, "a", running=True), "B": Plan("u", 1, "b", running=True)}
NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("plans", "again", "never"),
    [
        pytest.param(ONE, "a", NOTHING, id="one-job-and-the-same-again"),
        pytest.param(ONE, "b", NOTHING, id="one-job-and-another-request"),
        pytest.param(WAITING, "a", NOTHING, id="one-waiting-job-and-the-same-again"),
        pytest.param(SAME, None, NOTHING, id="two-jobs-of-one-recording"),
        # Two recordings have nothing to do with one another: fewer things happen to the second.
        pytest.param(OTHER, None, frozenset({"remove u", "cancel B"}), id="two-jobs-of-two-recordings"),
    ],
)
def test_every_order(plans, again, never):
    seen: set[tuple[str, ...]] = set()
    whole = list(orders(plans, again, never, seen))
    assert len(whole) == len(set(whole)) > 50
