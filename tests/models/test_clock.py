from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.models.clock import ANSWER_S, SILENCE_S, Motion, PlayheadClock, Report


class Hand:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def clock(hand):
    return PlayheadClock(lambda: (0.0, 10.0), hand)


def report(time_s, *, heard=0, playing=True, moving=True, rate=1.0, stamp_s=0.0):
    return Report(heard, time_s, playing, moving, rate, stamp_s)


# -- the kernel's own clock -------------------------------------------------------------------------------


def test_it_stands_until_it_plays_and_goes_with_its_rate(clock, hand):
    hand.now_s += 5
    assert clock.read().time_s == 0
    clock.command(None, playing=True)
    hand.now_s += 2
    assert clock.read().time_s == pytest.approx(2)
    clock.command(None, rate=0.5)
    hand.now_s += 2
    assert clock.read().time_s == pytest.approx(3)
    clock.command(None, playing=False)
    hand.now_s += 2
    assert clock.read().time_s == pytest.approx(3)


def test_it_ends_with_the_range_and_plays_again_from_the_start(clock, hand):
    clock.command(None, time_s=9.0, playing=True)
    before = clock.serial
    hand.now_s += 3
    assert (clock.read().time_s, clock.read().playing) == (10.0, False)
    assert clock.serial == before + 1
    clock.command(None, playing=True)
    assert (clock.read().time_s, clock.read().playing) == (0.0, True)


def test_a_loop_repeats_what_lies_between(clock, hand):
    clock.command(None, time_s=3.5, playing=True, loop_start_s=3.0, loop_end_s=4.0)
    before = clock.serial
    hand.now_s += 0.75
    assert clock.read().time_s == pytest.approx(3.25)
    hand.now_s += 10.5
    assert clock.read().time_s == pytest.approx(3.75)
    assert clock.serial == before, "a page works that out by itself"
    clock.command(None, time_s=4.5)
    hand.now_s += 1
    assert clock.read().time_s == pytest.approx(5.5), "who starts behind the loop goes on"
    hand.now_s += 10
    clock.command(None, playing=True)
    assert clock.read().time_s == 3.0, "from the end it begins at the loop"


def test_a_loop_with_one_end_or_none_is_no_loop():
    assert Motion(loop_start_s=1.0).loop is None
    assert Motion(loop_start_s=2.0, loop_end_s=2.0).loop is None
    assert Motion(loop_start_s=3.0, loop_end_s=1.0).loop is None


@given(
    start=st.floats(0, 100),
    length=st.floats(0.02, 50),
    begin=st.floats(0, 1),
    rate=st.floats(0.1, 16),
    gone=st.floats(0, 1e4),
)
def test_a_looping_playhead_stays_in_the_loop(start, length, begin, rate, gone):
    loop_end = start + length
    motion = Motion(start + begin * length * 0.99, 0.0, playing=True, moving=True, rate=rate, loop_start_s=start)
    position = dataclasses.replace(motion, loop_end_s=loop_end).position(gone)
    assert start - 1e-6 <= position <= loop_end + 1e-6
    turns = (motion.time_s + gone * rate - position) / length
    assert math.isclose(turns, round(turns), abs_tol=1e-5)


# -- a page that plays ------------------------------------------------------------------------------------


def test_it_waits_for_the_page_to_begin_and_then_follows_it(clock, hand):
    page = object()
    command = clock.command(page, time_s=2.0, playing=True)
    hand.now_s += 0.4
    assert (clock.read().time_s, clock.read().playing, clock.read().moving) == (2.0, True, False)
    assert not clock.report(page, report(7.0, heard=command.id - 1)), "it was on its way before"
    assert clock.report(page, report(2.01, heard=command.id))
    hand.now_s += 0.5
    assert clock.read().time_s == pytest.approx(2.51)


def test_a_page_that_does_not_answer_is_done_without(clock, hand):
    page = object()
    clock.command(page, time_s=2.0, playing=True)
    hand.now_s += ANSWER_S + 0.1
    assert clock.driver is page
    clock.read()
    assert clock.driver is None
    hand.now_s += 0.5
    assert clock.read().time_s == pytest.approx(2.5)


def test_a_page_that_answers_late_is_followed_again(clock, hand):
    page = object()
    command = clock.command(page, time_s=2.0, playing=True)
    hand.now_s += ANSWER_S + 0.1
    clock.read()
    hand.now_s += 1
    assert clock.report(page, report(5.0, heard=command.id))
    assert clock.driver is page
    assert clock.read().time_s == pytest.approx(5.0)


def test_a_page_that_goes_silent_is_gone_with_its_sound(clock, hand):
    page = object()
    clock.report(page, report(2.0))
    hand.now_s += SILENCE_S / 2
    assert clock.read().time_s == pytest.approx(2 + SILENCE_S / 2), "a busy kernel hears late"
    hand.now_s += SILENCE_S
    assert (clock.read().time_s, clock.read().playing) == (2.0, False)


def test_only_the_one_that_plays_is_heard(clock, hand):
    first, second = object(), object()
    clock.report(first, report(2.0))
    assert not clock.report(second, report(8.0, playing=False))
    assert clock.read().time_s == pytest.approx(2.0)
    assert clock.report(second, report(8.0))
    assert clock.driver is second


def test_reports_as_expected_are_no_news_and_jumps_are(clock, hand):
    page = object()
    clock.report(page, report(2.0))
    before = clock.serial
    for step in range(1, 40):
        hand.now_s += 0.05
        clock.report(page, report(2.0 + 0.05 * step, stamp_s=0.05 * step))
    assert clock.serial == before
    clock.report(page, report(9.0, stamp_s=0.05 * 39))
    assert clock.serial == before + 1
    clock.report(page, report(9.0, stamp_s=0.05 * 39, moving=False))
    hand.now_s += 1
    assert clock.read().time_s == 9.0, "it waits for data"


def test_late_reports_do_not_make_it_jitter(clock, hand):
    page = object()
    for k in range(50):
        hand.now_s = 1000 + 0.05 * k + (0.04 if k % 3 else 0.0)  # every third comes at once
        clock.report(page, report(0.05 * k, stamp_s=77 + 0.05 * k))
        assert clock.read().time_s == pytest.approx(hand.now_s - 1000, abs=0.041 if k < 1 else 1e-6)


def test_a_page_that_knows_the_kernels_time_is_followed_to_the_point(clock, hand):
    page = object()
    for k in range(20):
        sent_s = 1000 + 0.05 * k
        hand.now_s = sent_s + (0.11 if k % 2 else 0.2)  # not one of them quick
        clock.report(page, dataclasses.replace(report(0.05 * k, stamp_s=sent_s), synced=True))
        assert clock.read().time_s == pytest.approx(hand.now_s - 1000)
    clock.report(page, dataclasses.replace(report(1.0, stamp_s=hand.now_s + 5), synced=True))
    assert clock.read().time_s == pytest.approx(1.0), "nothing comes from the future"


def test_who_goes_takes_the_sound_along(clock, hand):
    page = object()
    clock.report(page, report(2.0))
    hand.now_s += 1
    clock.leave(object())
    assert clock.read().playing
    clock.leave(page)
    assert (clock.read().time_s, clock.read().playing) == (pytest.approx(3.0), False)
