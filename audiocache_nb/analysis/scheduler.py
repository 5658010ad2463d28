"""The scheduler: which job runs when, on which thread, and what is heard of it."""

from __future__ import annotations

import atexit
import bisect
import functools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.jobs import Job, JobState
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.pace import Pace
from audiocache_nb.errors import Cancelled, SessionClosedError
from audiocache_nb.features.track import FeatureTrack

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource

TELLS_PER_SECOND = 15  # with the burst of 5, at most 20 pieces of progress leave the scheduler in any second
BURST = 5
TICK_S = 1 / TELLS_PER_SECOND
IDLE_S = 5.0
CLOSE_S = 0.5
log = logging.getLogger("audiocache_nb")


class Sink(Protocol):
    """Who hears of jobs. Calls come from the scheduler's threads and must be short."""

    def job_started(self, job: Job) -> None: ...
    def job_progress(self, changes: list[tuple[Job, Progress]]) -> None: ...
    def item_done(self, job: Job, item: Item, track: FeatureTrack) -> None: ...
    def item_failed(self, job: Job, item: Item, error: BaseException) -> None: ...
    def job_ended(self, job: Job) -> None: ...


def default_workers() -> int:
    """Threads for this machine: one per available core, at least 2 and at most 16."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    return min(16, max(2, cores))


class Scheduler:
    """Runs jobs on daemon threads: by priority, then first in first out, one job per source at a time.

    Parameters
    ----------
    sink : Sink
    workers : int >= 1, optional
        Threads that may compute at once; None: from the machine.

    Notes
    -----
    A single job spreads over all workers; when several jobs run, they share them. The lock is
    never held while a job, a calculator or the sink is running.
    """

    def __init__(self, sink: Sink, workers: int | None = None) -> None:
        self.workers = workers or default_workers()
        self.outputs = Outputs()  # of jobs submitted from now on
        self.focus: Callable[[AudioSource], tuple[int, int] | None] = lambda _source: None  # see `segments.Focus`
        self._sink = sink
        self._wake = threading.Condition(threading.Lock())
        self._queue: list[Job] = []
        self._running: list[Job] = []
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._closed = False
        self._preferred: frozenset[str] = frozenset()
        self._ticker: threading.Thread | None = None
        self._telling = threading.Lock()  # so that progress is heard in the order in which it was made
        self._told: dict[str, tuple[float, str]] = {}
        self._pace = Pace(TELLS_PER_SECOND, BURST)
        self._stuck: list[threading.Thread] = []
        _open_schedulers.add(self)

    # --- what callers do ---------------------------------------------------------------------

    def submit(self, job: Job) -> Job:
        """Queue a job.

        Raises
        ------
        SessionClosedError
        """
        with self._wake:
            if self._closed:
                raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")
            job.on_cancel = lambda: self.cancel(job)
            job.outputs = self.outputs
            job.focus = functools.partial(self.focus, job.source)
            bisect.insort(self._queue, job, key=self._order)
            if self._idle < len(self._queue) and len(self._threads) < self.workers:
                self._start_thread()
            self._wake.notify_all()  # of all that wait here only some can take a job
        return job

    def extend(self, job: Job, items: list[Item]) -> bool:
        """Add items to a job that has not begun, so that they share its pass; False if it has."""
        with self._wake:
            if self._place(job) is None:
                return False
            job.items.extend(items)
            return True

    def cancel(self, job: Job) -> bool:
        """See `Job.cancel`."""
        with self._wake:
            if job.ended or job.control.cancelled:
                return False
            job.control.cancel()
            place = self._place(job)
            if place is not None:
                del self._queue[place]
                job.end("cancelled")
            else:
                job.state = "cancelling"
            self._wake.notify_all()
        if place is not None:
            self._tell_ended(job)
        return True

    def prefer(self, source_ids: Iterable[str]) -> None:
        """Let jobs of these sources run before others of their priority, also those that are still to come.

        Replaces what was preferred before; what runs already goes on.
        """
        with self._wake:
            self._preferred = frozenset(source_ids)
            self._queue.sort(key=self._order)

    def _order(self, job: Job) -> tuple[int, bool, int]:
        return job.priority, job.source.id not in self._preferred, job.number

    def _place(self, job: Job) -> int | None:
        place = bisect.bisect_left(self._queue, self._order(job), key=self._order)
        return place if place < len(self._queue) and self._queue[place] is job else None

    @property
    def jobs(self) -> list[Job]:
        """Jobs that are running or queued, in that order."""
        with self._wake:
            return [*self._running, *self._queue]

    @property
    def stuck_threads(self) -> int:
        """Threads of calculators that went on after they were cancelled."""
        with self._wake:
            self._stuck = [thread for thread in self._stuck if thread.is_alive()]
            return len(self._stuck)

    def close(self) -> None:
        """Cancel everything and end the threads; waits at most `CLOSE_S` for them."""
        if self._shut():
            self._join(time.monotonic() + CLOSE_S)

    def _shut(self) -> bool:
        with self._wake:
            if self._closed:
                return False
            self._closed = True
            jobs = [*self._running, *self._queue]
            self._wake.notify_all()
        for job in jobs:
            self.cancel(job)
        return True

    def _join(self, deadline_s: float) -> None:
        with self._wake:
            threads = [thread for thread in self._threads if thread is not threading.current_thread()]
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    # --- what its threads do -----------------------------------------------------------------

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._loop, name="audiocache_nb scheduler", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _loop(self) -> None:
        try:
            while (job := self._take()) is not None:
                self._run(job)
                del job  # while this thread waits it holds no recording
        finally:
            with self._wake:
                self._threads.discard(threading.current_thread())

    def _take(self) -> Job | None:
        deadline_s = time.monotonic() + IDLE_S
        with self._wake:
            while True:
                if self._closed:
                    return None
                busy = {job.source.id for job in self._running}
                job = next((queued for queued in self._queue if queued.source.id not in busy), None)
                if job is not None:
                    self._queue.remove(job)
                    self._running.append(job)
                    job.begin()
                    self._start_ticker()
                    return job
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 and not self._queue:
                    return None
                self._idle += 1
                self._wake.wait(max(left_s, 0.05))
                self._idle -= 1

    def _run(self, job: Job) -> None:
        state: JobState = "succeeded"
        stuck: list[threading.Thread] = []
        self._tell(self._sink.job_started, job)
        with self._wake:
            threads = max(1, self.workers - len(self._running) + 1)

        def done(item: Item, track: FeatureTrack) -> None:
            job.stored.add(item.key)
            self._tell(self._sink.item_done, job, item, track)

        def failed(item: Item, error: BaseException) -> None:
            job.failures[item.key] = error
            self._tell(self._sink.item_failed, job, item, error)

        job.control.on_enter = lambda: self._tell_progress([job])
        try:
            from audiocache_nb.analysis.runner import run_job  # brings the engine along, with the first job

            stuck = run_job(job, threads, done, failed)
        except Cancelled:
            state = "cancelled"
        except BaseException as error:
            log.exception("%r failed unexpectedly", job)
            for item in job.items:
                if item.key not in job.stored and item.key not in job.failures:
                    failed(item, error)
        with self._wake:
            if stuck or job.control.cancelled:  # whoever cancelled it was told that this had an effect
                state = "cancelled"
            elif job.failures:
                state = "failed"
            self._stuck.extend(stuck)
            self._running.remove(job)
            job.end(state)
            self._wake.notify_all()
        if state == "succeeded":
            self._tell_progress([job], last=True)
        with self._telling:
            self._told.pop(job.id, None)
        self._tell_ended(job)

    def _tell_ended(self, job: Job) -> None:
        self._tell(self._sink.job_ended, job)
        job.announce()

    def _tell(self, call: object, *arguments: object) -> None:
        try:
            call(*arguments)  # type: ignore[operator]
        except Exception:
            log.exception("the scheduler's listener failed")

    # --- progress ----------------------------------------------------------------------------

    def _start_ticker(self) -> None:
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, name="audiocache_nb progress", daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        told = 1
        while True:
            with self._wake:
                self._wait_while_running(told * TICK_S)
                running = list(self._running)
                if not running:
                    self._ticker = None
                    return
            told = max(1, self._tell_progress(running))  # several jobs share what may be told in a second

    def _tell_progress(self, jobs: list[Job], *, last: bool = False) -> int:
        """Tell what is new about jobs, if the pace allows; what must wait is a part of the next news."""
        with self._telling:
            going_on = [job for job in jobs if last or not (job.ended or job.control.cancelled)]
            news = [(job, job.progress) for job in going_on]
            news = [(job, now) for job, now in news if self._told.get(job.id) != (now.value, now.label)]
            if not news or not self._pace.pay(len(news), credit=last):
                return 0
            self._told.update((job.id, (now.value, now.label)) for job, now in news)
            self._tell(self._sink.job_progress, news)
            return len(news)

    def _wait_while_running(self, seconds: float) -> None:
        deadline_s = time.monotonic() + seconds
        while (left_s := deadline_s - time.monotonic()) > 0 and self._running:
            self._wake.wait(left_s)


_open_schedulers: weakref.WeakSet[Scheduler] = weakref.WeakSet()


@atexit.register
def _close_everything() -> None:
    """Give threads the time to come back from C++ code.

    They are daemons, so the interpreter ends whatever they do; but it aborts if one of them is in there.
    """
    schedulers = list(_open_schedulers)
    for scheduler in schedulers:
        scheduler._shut()
    deadline_s = time.monotonic() + CLOSE_S
    for scheduler in schedulers:
        scheduler._join(deadline_s)
