"""Progress: it goes forward, it says what is being done, and it does not flood."""

from __future__ import annotations

import itertools
import math
import threading
import time
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given
from support.passes import PATIENCE_S, Gate, held, made_of, noise, streamed

from audiocache_nb.analysis.control import COMPLETE, PREPARING, START, Control
from audiocache_nb.analysis.pace import Pace
from audiocache_nb.errors import Cancelled
from audiocache_nb.features.calculator import whole

# --- the number -----------------------------------------------------------------------------------


@given(st.lists(st.floats() | st.integers(-3, 3) | st.none() | st.text(max_size=2), max_size=30))
def test_progress_goes_forward_between_0_and_1_whatever_is_reported(reports):
    control = Control()
    seen = [control.progress.value]
    for value in reports:
        control.report(value)
        seen.append(control.progress.value)
    assert seen == sorted(seen)
    assert all(0 <= value <= 1 for value in seen)


@given(st.lists(st.floats(0, 1), min_size=1))
def test_progress_is_the_highest_report(reports):
    control = Control()
    for value in reports:
        control.report(value)
    assert control.progress.value == max(reports)


def test_labels_follow_the_work():
    control = Control()
    assert (control.progress.value, control.progress.label, control.progress.eta) == (0, PREPARING, None)
    control.start()
    assert control.progress.label == START
    control.enter("Spectrogram")
    assert control.progress.label == "Spectrogram"
    control.finish()
    assert (control.progress.value, control.progress.label, control.progress.eta) == (1, COMPLETE, 0)


def test_the_time_left_follows_from_the_time_used(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("audiocache_nb.analysis.control.time.monotonic", lambda: now_s[0])
    control = Control()
    control.start()
    now_s[0] += 3
    assert control.progress.eta is None  # nothing is known yet
    control.report(0.25)
    assert control.progress.eta == pytest.approx(9)
    now_s[0] += 6
    control.report(0.75)
    assert control.progress.eta == pytest.approx(3)


def test_a_checkpoint_raises_once_cancelled_and_every_time():
    control = Control()
    control.checkpoint()
    control.cancel()
    control.cancel()
    assert control.cancelled
    assert control.wait_cancelled(0)
    for _ in range(3):
        with pytest.raises(Cancelled):
            control.checkpoint()


def test_what_cancels_is_no_exception_that_a_calculator_would_swallow():
    assert not issubclass(Cancelled, Exception)


# --- the pace -------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=120))
def test_in_any_second_no_more_is_said_than_allowed(steps):
    """Steps are a pause in hundredths of a second and a number of things that somebody wants to say then."""
    now = [Fraction(0)]
    pace = Pace(15, 5, clock=lambda: now[0])
    said: list[Fraction] = []
    for pause, count in steps:
        now[0] += Fraction(pause, 100)
        if pace.pay(count):
            said += [now[0]] * count
    for start in said:
        assert sum(start <= at < start + 1 for at in said) <= 20


def test_what_must_be_said_is_said_and_paid_later():
    now = [0.0]
    pace = Pace(10, 2, clock=lambda: now[0])
    assert pace.pay(2)
    assert not pace.pay()
    assert pace.pay(credit=True)
    now[0] = 0.15
    assert not pace.pay()
    now[0] = 0.2001
    assert pace.pay()


def test_more_than_a_full_purse_is_said_by_a_full_purse_only():
    now = [0.0]
    pace = Pace(10, 2, clock=lambda: now[0])
    assert pace.pay(8)
    now[0] = 0.65
    assert not pace.pay()
    now[0] = 0.8
    assert pace.pay(8)


# --- out of the scheduler -------------------------------------------------------------------------


def heard(here, job):
    return here.sink.of("progress", job)


def test_labels_come_in_the_order_of_the_work(desk):
    here = desk(1)
    gates = [Gate("one", inputs="samples", label="First"), Gate("two", inputs="samples", label="Second")]
    job = here.submit(streamed(noise(200_000)), "spectrogram", "rms", *(gate.calculator for gate in gates))
    assert job.progress.label in (PREPARING, START, "Spectrogram · RMS", "First")
    for gate in gates:
        gate.wait()
        gate.open()
    assert job.wait(PATIENCE_S)
    labels = [label for label, _ in itertools.groupby(progress.label for progress in heard(here, job))]
    assert here.sink.of("started", job)[0].label == START
    assert labels[labels[0] == START :] == ["Spectrogram · RMS", "First", "Second", "complete"]


def test_a_queued_job_is_preparing(desk):
    here, gate = desk(1), Gate()
    here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    queued = here.submit(held(noise(100, seed=1)), "rms")
    assert (queued.progress.value, queued.progress.label) == (0, PREPARING)
    gate.open()


def test_progress_never_goes_back_and_ends_at_1(desk):
    here = desk(3)

    def unsteady(samples, *, ctx):
        for value in (0.5, 0.2, -1, math.nan, 7, 0.1, "x", None):
            ctx.progress(value)
            threading.Event().wait(0.03)
        return samples[::512]

    job = here.submit(streamed(noise(3_000_000)), "spectrogram", "waveform", made_of(unsteady, inputs="samples"))
    assert job.wait(PATIENCE_S)
    assert job.state == "succeeded"
    values = [progress.value for progress in heard(here, job)]
    assert values == sorted(values)
    assert values[-1] == 1
    assert job.progress.eta == 0


def test_the_pass_and_the_calculators_after_it_share_the_way(desk):
    here = desk(1)
    gates = [Gate("one", inputs="samples"), Gate("two", inputs="samples")]
    job = here.submit(streamed(noise(50_000)), "rms", "waveform", *(gate.calculator for gate in gates))
    for gate, before in zip(gates, (2 / 4, 3 / 4), strict=True):
        gate.wait()
        assert job.progress.value == pytest.approx(before, abs=1e-6)
        gate.open()
    assert job.wait(PATIENCE_S)
    assert job.progress.value == 1


def test_d26_a_hundred_thousand_reports_are_at_most_twenty_a_second(desk):
    here = desk(2)

    def talkative(samples, *, ctx):
        for step in range(100):
            for more in range(1000):
                ctx.progress((step + more / 1000) / 100)
            time.sleep(0.01)
        return samples[::512]

    began_s = time.monotonic()
    job = here.run(streamed(noise(50_000)), made_of(talkative, inputs="samples", label="Talkative"))
    elapsed_s = time.monotonic() - began_s
    values = [progress.value for progress in heard(here, job)]
    assert 3 <= len(values) <= 20 * elapsed_s + 6
    assert values == sorted(values)
    assert values[-1] == 1
    assert {progress.label for progress in heard(here, job)} == {"Talkative", "complete"}


def test_several_jobs_share_what_may_be_said(desk):
    here = desk(4)

    def talkative(samples, *, ctx):
        for step in range(150):
            ctx.progress(step / 150)
            time.sleep(0.01)
        return samples[::512]

    began_s = time.monotonic()
    jobs = [here.submit(held(noise(100, seed=number)), made_of(talkative, inputs="samples")) for number in range(4)]
    assert all(job.wait(PATIENCE_S) for job in jobs)
    elapsed_s = time.monotonic() - began_s
    said = here.sink.of("progress")
    assert len(said) <= 20 * elapsed_s + 5 + len(jobs)
    for job in jobs:
        assert len(heard(here, job)) >= 3
        assert heard(here, job)[-1].value == 1


def test_many_small_calculators_do_not_flood(desk):
    here = desk(1)
    many = [
        made_of(lambda x: x[::512], feature=f"f{number}", inputs="samples", locality=whole) for number in range(300)
    ]
    began_s = time.monotonic()
    job = here.run(held(noise(2000)), *many)
    elapsed_s = time.monotonic() - began_s
    assert job.state == "succeeded"
    assert len(heard(here, job)) <= 20 * elapsed_s + 6
    assert heard(here, job)[-1].label == COMPLETE


def test_a_cancelled_job_says_nothing_more(desk):
    here, gate = desk(1), Gate(after=2)
    job = here.submit(streamed(noise(1_000_000)), gate.calculator)
    gate.wait()
    job.cancel()
    before = len(heard(here, job))
    threading.Event().wait(0.2)
    gate.open()
    assert job.wait(PATIENCE_S)
    assert len(heard(here, job)) <= before + 1  # what was being said when it was cancelled
    assert job.progress.label != COMPLETE
