"""The scheduler: order, company, cancellation, and the end."""

from __future__ import annotations

import random
import threading
from collections import Counter

import numpy as np
import pytest
from support.passes import PATIENCE_S, Gate, Recorder, held, item_of, made_of, noise, streamed

from audiocache_nb.analysis import runner
from audiocache_nb.analysis.jobs import ENDED, Job
from audiocache_nb.analysis.scheduler import Scheduler, default_workers
from audiocache_nb.errors import SessionClosedError
from audiocache_nb.features.calculator import whole


def sources(count: int, n: int = 3000) -> list:
    return [held(noise(n, seed=number)) for number in range(count)]


# --- order ----------------------------------------------------------------------------------------


def test_equal_priorities_run_in_the_order_of_submission(desk):
    here, gate = desk(1), Gate()
    first = here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    jobs = [here.submit(source, "rms") for source in sources(6)]
    gate.open()
    assert all(job.wait(PATIENCE_S) for job in jobs)
    assert here.sink.order("started") == here.sink.order("ended") == [first, *jobs]


def test_lower_priorities_run_first(desk):
    here, gate = desk(1), Gate()
    here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    priorities = [2, 0, 1, 0, -1, 2]
    jobs = [here.submit(one, "rms", priority=rank) for one, rank in zip(sources(6), priorities, strict=True)]
    gate.open()
    assert all(job.wait(PATIENCE_S) for job in jobs)
    assert here.sink.order("started")[1:] == sorted(jobs, key=lambda job: (job.priority, job.number))


def test_preferred_sources_go_before_others_of_their_priority(desk):
    here, gate = desk(1), Gate()
    here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    a, b, c, late, urgent = sources(5)
    first = [here.submit(one, "rms") for one in (a, b, c)]
    here.scheduler.prefer([b.id, late.id])
    fourth = here.submit(late, "rms")
    fifth = here.submit(urgent, "rms", priority=-1)
    assert here.scheduler.extend(first[2], []), "a job is found where it is now"
    gate.open()
    assert all(job.wait(PATIENCE_S) for job in [*first, fourth, fifth])
    assert here.sink.order("started")[1:] == [fifth, first[1], fourth, first[0], first[2]]


def test_one_job_per_source_at_a_time(desk):
    here, gate, other = desk(4), Gate(), held(noise(100, seed=9))
    source = held(noise(100))
    first = here.submit(source, gate.calculator)
    gate.wait()
    second, elsewhere = here.submit(source, "rms"), here.submit(other, "rms")
    assert elsewhere.wait(PATIENCE_S)  # it goes past the one that has to wait for its source
    assert (first.state, second.state) == ("running", "queued")
    gate.open()
    assert second.wait(PATIENCE_S)
    assert here.sink.order("ended") == [elsewhere, first, second]


def test_jobs_of_different_sources_run_at_once(desk):
    here = desk(2)
    gates = [Gate("a"), Gate("b")]
    jobs = [here.submit(one, gate.calculator) for one, gate in zip(sources(2), gates, strict=True)]
    for gate in gates:
        gate.wait()
    assert [job.state for job in jobs] == ["running", "running"]
    for gate in gates:
        gate.open()
    assert all(job.wait(PATIENCE_S) for job in jobs)


def test_an_idle_thread_does_not_keep_a_second_job_from_its_own(desk):
    """Two jobs that arrive together where one thread is idle run side by side."""
    here = desk(2)
    assert here.run(sources(1)[0], "rms").state == "succeeded"  # from now on a thread is waiting for work
    for _ in range(20):
        gates = [Gate("a"), Gate("b")]
        jobs = [here.submit(one, gate.calculator) for one, gate in zip(sources(2), gates, strict=True)]
        for gate in gates:
            gate.wait()
            gate.open()
        assert all(job.wait(PATIENCE_S) for job in jobs)


def test_no_more_threads_than_workers(desk):
    here = desk(2)
    running, most, lock = Counter(), Counter(), threading.Lock()

    def look(frames):
        with lock:
            running["now"] += 1
            most["ever"] = max(most["ever"], running["now"])
        value = frames.max(axis=1)
        with lock:
            running["now"] -= 1
        return value

    jobs = [here.submit(one, made_of(look)) for one in sources(12, 50_000)]
    assert all(job.wait(PATIENCE_S) for job in jobs)
    assert most["ever"] <= 3  # a job that began alone keeps both threads while the next one begins


def test_the_machine_says_how_many_workers():
    assert 2 <= default_workers() <= 16
    assert Scheduler(Recorder()).workers == default_workers()


# --- company --------------------------------------------------------------------------------------


def test_a_queued_job_takes_more_items_and_a_running_one_does_not(desk):
    here, gate = desk(1), Gate()
    running = here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    source = held(noise(3000, seed=1))
    queued = here.submit(source, "rms")
    assert here.scheduler.extend(queued, [item_of(source, "waveform")])
    assert not here.scheduler.extend(running, [item_of(running.source, "waveform")])
    gate.open()
    assert queued.wait(PATIENCE_S)
    assert {name for name, _ in here.sink.of("done", queued)} == {"rms", "waveform"}
    assert not here.scheduler.extend(queued, [item_of(source, "spectrogram")])
    assert len(queued.items) == 2


def test_items_that_came_later_share_the_pass(desk, monkeypatch):
    import scipy.fft

    here, gate = desk(1), Gate()
    here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    source = held(noise(50_000, seed=1))
    queued = here.submit(source, "spectrogram")
    here.scheduler.extend(queued, [item_of(source, made_of(lambda s: s[:, 0], feature="x", inputs="spectrum"))])
    rows = []
    real = scipy.fft.rfft
    monkeypatch.setattr(scipy.fft, "rfft", lambda x, **options: rows.append(len(x)) or real(x, **options))
    gate.open()
    assert queued.wait(PATIENCE_S)
    assert sum(rows) < 2 * (1 + 50_000 // 512)


# --- cancelling -----------------------------------------------------------------------------------


def test_a_queued_job_ends_at_once(desk):
    here, gate = desk(1), Gate()
    running = here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    queued = here.submit(held(noise(3000, seed=1)), "rms")
    assert queued.cancel() is True
    assert queued.state == "cancelled"  # though the only worker is busy
    assert queued.wait(0)
    assert here.sink.of("ended") == ["cancelled"]
    assert running.state == "running"
    gate.open()
    assert running.wait(PATIENCE_S)
    assert here.sink.order("started") == [running]


def test_a_running_job_ends_at_its_next_block(desk):
    here, gate = desk(1), Gate(after=3)
    job = here.submit(streamed(noise(2_000_000)), gate.calculator, "spectrogram")
    gate.wait()
    assert job.cancel() is True
    assert job.state == "cancelling"
    gate.open()
    assert job.wait(PATIENCE_S)
    assert job.state == "cancelled"
    assert gate.calls == 3
    assert here.sink.of("done") == []
    assert here.sink.of("failed") == []


def test_a_calculator_that_looks_up_ends_where_it_does(desk):
    here = desk(1)
    begun, went_on = threading.Event(), []

    def patient(samples, *, ctx):
        begun.set()
        while True:
            ctx.checkpoint()
            went_on.append(1)

    job = here.submit(held(noise(100)), made_of(patient, inputs="samples"))
    assert begun.wait(PATIENCE_S)
    assert job.cancel()
    assert job.wait(PATIENCE_S)
    assert job.state == "cancelled"
    assert here.scheduler.stuck_threads == 0
    count = len(went_on)
    assert here.run(held(noise(100, seed=2)), "rms").state == "succeeded"
    assert len(went_on) == count


def test_reading_a_whole_recording_can_be_cancelled(desk):
    here, gate, reads = desk(1), threading.Event(), []

    class Reader:
        def read(self, frames):
            reads.append(1)
            assert gate.wait(PATIENCE_S)
            return np.zeros((100, 1), np.float32)

        def close(self):
            pass

    source = streamed(noise(100_000), opener=Reader)
    job = here.submit(source, made_of(lambda x: x, inputs="samples"))
    while not reads:
        threading.Event().wait(0.001)
    job.cancel()
    gate.set()
    assert job.wait(PATIENCE_S)
    assert job.state == "cancelled"
    assert len(reads) == 1


def test_cancelling_twice_has_one_effect(desk):
    here, gate = desk(1), Gate(after=2)
    job = here.submit(streamed(noise(1_000_000)), gate.calculator)
    gate.wait()
    assert [job.cancel(), job.cancel(), job.cancel()] == [True, False, False]
    gate.open()
    assert job.wait(PATIENCE_S)
    assert job.cancel() is False
    assert here.sink.of("ended") == ["cancelled"]


def test_a_job_that_has_ended_cannot_be_cancelled(desk):
    here = desk(1)
    job = here.run(held(noise(3000)), "rms")
    assert job.cancel() is False
    assert job.state == "succeeded"


def test_a_job_that_was_never_submitted_cannot_be_cancelled():
    source = held(noise(100))
    assert Job(source, [item_of(source, "rms")]).cancel() is False


def test_many_threads_cancel_and_one_of_them_has_an_effect(desk):
    here = desk(2)
    for number in range(60):
        job = here.submit(held(noise(2000, seed=number)), "rms", "spectrogram")
        barrier, effects = threading.Barrier(4), []

        def cancel(job=job, barrier=barrier, effects=effects):
            barrier.wait(PATIENCE_S)
            effects.append(job.cancel())

        threads = [threading.Thread(target=cancel) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert job.wait(PATIENCE_S)
        assert sum(effects) <= 1
        assert (job.state == "cancelled") == (sum(effects) == 1)
        assert here.sink.of("ended", job) == [job.state]


def test_j13_every_job_ends_once_whatever_happens_when(desk):
    here, chance, jobs = desk(3), random.Random(5), []
    for number in range(150):
        source = held(noise(chance.choice([100, 5000, 200_000]), seed=number % 7))
        jobs.append(here.submit(source, *chance.sample(["rms", "waveform", "mvmnt.spectrogram"], 2)))
        if chance.random() < 0.5:
            chance.choice(jobs).cancel()
    for job in jobs:
        if chance.random() < 0.3:
            job.cancel()
    assert all(job.wait(PATIENCE_S) for job in jobs)
    assert Counter(here.sink.order("ended")) == Counter(jobs)
    for job in jobs:
        kinds = [kind for kind, about, _ in here.sink.calls if about is job and kind != "progress"]
        assert kinds.count("started") <= 1
        assert kinds[-1] == "ended"
        assert job.state in ENDED
        assert "failed" not in kinds
    assert here.scheduler.jobs == []


def test_j14_a_storm_of_cancellations_leaves_nothing_behind(desk):
    here, gate = desk(1), Gate()
    here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    source = held(noise(100, seed=1))
    item = item_of(source, "rms")
    jobs = [here.scheduler.submit(Job(source, [item])) for _ in range(10_000)]
    random.Random(1).shuffle(jobs)
    assert all(job.cancel() for job in jobs)
    assert {job.state for job in jobs} == {"cancelled"}
    assert len(here.scheduler.jobs) == 1
    gate.open()


def test_finished_features_of_a_cancelled_job_are_kept(desk):
    here, gate = desk(1), Gate("slow", inputs="samples")
    first = made_of(lambda x: x[::512], feature="first", inputs="samples")
    never = made_of(lambda x: x[::512], feature="never", inputs="samples")
    job = here.submit(streamed(noise(100_000)), "rms", "waveform", first, gate.calculator, never, "spectrogram")
    gate.wait()
    job.cancel()
    gate.open()
    assert job.wait(PATIENCE_S)
    assert job.state == "cancelled"
    done = dict(here.sink.of("done", job))
    assert set(done) - {"slow"} == {"rms", "waveform", "spectrogram", "first"}
    assert len(job.stored) == len(done)
    assert all(track.data.size and not track.data.flags.writeable for track in done.values())


# --- calculators that ignore everything -----------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch):
    """Give calculators that were cancelled next to no time."""
    monkeypatch.setattr(runner, "GRACE_S", 0.05)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("inputs", ["frames", "samples"])
def test_a_calculator_that_ignores_cancellation_is_left_behind(desk, inputs):
    here, gate = desk(1), Gate(inputs=inputs)
    job = here.submit(streamed(noise(100_000)), gate.calculator)
    gate.wait()
    job.cancel()
    assert job.wait(PATIENCE_S)  # although it is still computing
    assert job.state == "cancelled"
    assert here.scheduler.stuck_threads == 1
    assert here.run(held(noise(3000, seed=3)), "rms").state == "succeeded"  # its place is taken by others
    before = len(here.sink.calls)
    gate.open()
    while here.scheduler.stuck_threads:
        threading.Event().wait(0.001)
    assert len(here.sink.calls) == before  # and what it comes up with now is nobody's business
    assert job.state == "cancelled"


@pytest.mark.usefixtures("impatient")
def test_a_decoder_that_hangs_is_left_behind(desk):
    here, inside, gate = desk(1), threading.Event(), threading.Event()
    closed = []

    class Hanging:
        def read(self, frames):
            inside.set()
            assert gate.wait(PATIENCE_S)
            return np.zeros((frames, 1), np.float32)

        def close(self):
            closed.append(gate.is_set())

    job = here.submit(streamed(noise(1_000_000), opener=Hanging), "rms")
    assert inside.wait(PATIENCE_S)
    job.cancel()
    assert job.wait(PATIENCE_S)
    assert here.run(held(noise(3000, seed=3)), "rms").state == "succeeded"
    assert closed == []  # nobody closes what a thread is reading from
    gate.set()
    while not closed:
        threading.Event().wait(0.001)
    assert closed == [True]


# --- closing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [True, False])
def test_closing_ends_everything_and_waits_for_nobody(opened):
    """`close` comes back while a calculator is still stuck: the gate is opened only afterwards."""
    sink, gate = Recorder(), Gate(inputs="samples")
    scheduler = Scheduler(sink, 1)
    running = held(noise(100))
    jobs = [scheduler.submit(Job(running, [item_of(running, gate.calculator)]))]
    gate.wait()
    jobs += [scheduler.submit(Job(one, [item_of(one, "rms")])) for one in sources(5)]
    if opened:
        gate.open()
    scheduler.close()
    scheduler.close()
    assert all(job.control.cancelled or job.ended for job in jobs)
    assert all(job.state == "cancelled" for job in jobs[1:] if job not in sink.order("started"))
    with pytest.raises(SessionClosedError):
        scheduler.submit(Job(running, [item_of(running, "rms")]))
    gate.open()
    assert all(job.wait(PATIENCE_S) for job in jobs)
    assert len(sink.of("ended")) == 6


def test_threads_come_back_after_closing():
    before = set(threading.enumerate())
    scheduler = Scheduler(Recorder(), 3)
    jobs = [scheduler.submit(Job(one, [item_of(one, "rms")])) for one in sources(6)]
    assert all(job.wait(PATIENCE_S) for job in jobs)
    scheduler.close()
    left = {thread for thread in set(threading.enumerate()) - before if "audiocache_nb" in thread.name}
    for thread in left:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in left)


def test_all_threads_are_daemons(desk):
    here, gate = desk(2), Gate()
    here.submit(held(noise(100)), gate.calculator, made_of(lambda x: x, inputs="samples", locality=whole))
    gate.wait()
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("audiocache_nb")]
    assert len(ours) >= 2
    assert all(thread.daemon for thread in ours)
    gate.open()


def test_waiting_has_an_end(desk):
    here, gate = desk(1), Gate()
    job = here.submit(held(noise(100)), gate.calculator)
    gate.wait()
    assert job.wait(0.01) is False
    gate.open()
    assert job.wait() is True
    assert job.seconds > 0
    assert "succeeded" in repr(job)
    assert "gate" in repr(job)
