"""What a status keeps from one state to the next."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.analysis.control import Progress
from audiocache_nb.timeline.status import UNSET, SourceStatus, State, next_status

STATES = get_args(State)
PROGRESS = Progress(0.5, "rms", 3.0)


def status(state: State, message: str | None = "old", progress: Progress | None = None) -> SourceStatus:
    return SourceStatus(state, message, progress, updated_at=1.0, source_hash="hash")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATES, STATES)))
class TestEveryPairOfStates:
    def test_a_given_message_is_used(self, before, after):
        assert next_status(status(before), after, message="new").message == "new"

    def test_no_message_can_be_given_too(self, before, after):
        assert next_status(status(before), after, message=None).message is None

    def test_a_message_that_is_not_given_is_kept_while_the_state_stays_and_dropped_when_it_changes(self, before, after):
        assert next_status(status(before), after).message == ("old" if before == after else None)

    def test_the_hash_survives(self, before, after):
        assert next_status(status(before), after, message="new").source_hash == "hash"

    def test_progress_that_is_not_given_is_kept_only_from_pending_to_pending(self, before, after):
        kept = next_status(status(before, progress=PROGRESS), after).progress
        assert kept == (PROGRESS if before == after == "pending" else None)

    def test_given_progress_is_set_while_pending_and_never_otherwise(self, before, after):
        given_progress = next_status(status(before), after, progress=PROGRESS).progress
        assert given_progress == (PROGRESS if after == "pending" else None)

    def test_progress_can_be_removed(self, before, after):
        assert next_status(status(before, progress=PROGRESS), after, progress=None).progress is None

    def test_the_time_is_new(self, before, after):
        assert next_status(status(before), after).updated_at > 1.0


messages = st.one_of(st.just(UNSET), st.none(), st.text(max_size=5))
progresses = st.one_of(st.just(UNSET), st.none(), st.builds(Progress, st.floats(0, 1), st.text(max_size=3), st.none()))
steps = st.lists(st.tuples(st.sampled_from(STATES), messages, progresses), max_size=12)


@given(steps)
def test_any_walk_through_the_states_keeps_the_rules(walk):
    now = SourceStatus(source_hash="hash")
    for state, message, progress in walk:
        then, now = now, next_status(now, state, message=message, progress=progress)
        assert now.state == state
        assert now.source_hash == "hash"
        assert now.progress is None or state == "pending"
        if message is not UNSET:
            assert now.message == message
        elif then.state != state:
            assert now.message is None
        else:
            assert now.message == then.message


def test_a_status_cannot_be_changed():
    with pytest.raises(AttributeError):
        status("ready").state = "idle"  # type: ignore[misc]
