"""Running one job: the pass, then the calculators that need the whole signal."""

from __future__ import annotations

import functools
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from audiocache_nb.analysis.derived import DerivedRows
from audiocache_nb.analysis.engine import Done, Failed, Pass
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import Item, Plan, heard_by, make_plan
from audiocache_nb.analysis.results import as_calculator_error
from audiocache_nb.analysis.segments import Focus
from audiocache_nb.analysis.wholes import WholeSignal, run_whole
from audiocache_nb.errors import AudioCacheError, Cancelled, IngestError
from audiocache_nb.features.track import FeatureTrack, Growing

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource

GRACE_S = 2.0
POLL_S = 0.05


def run_job(job: Job, threads: int, done: Done, failed: Failed) -> list[threading.Thread]:
    """Compute a job's items and hand each out as soon as it is finished.

    Parameters
    ----------
    job : Job
    threads : int >= 1
        How many threads may work at once.
    done, failed : callable
        Called on this thread for every item.

    Returns
    -------
    list of threading.Thread
        Threads that did not come back after the job was cancelled.

    Raises
    ------
    Cancelled
        If the job was cancelled before all items were finished.
    """
    plan = make_plan(job.source, job.items, job.find)
    known = dict(plan.given)

    def hand_out(item: Item, track: FeatureTrack) -> None:
        known[item.key] = track
        done(item, track)

    for item, error in plan.broken:
        failed(item, as_calculator_error(item, error))
    share = _pass_share(plan)
    start = 0.0
    for one in plan.passes:
        width = share * _tasks(one) / sum(map(_tasks, plan.passes))
        stuck = _run_pass(job, one, threads, (start, width), hand_out, failed)
        if stuck:
            return stuck
        start += width
    if plan.whole:
        stuck = Wholes(job, plan, share, known, hand_out, failed).run(threads)
        if stuck:
            return stuck
    job.control.finish()
    return []


def _pass_share(plan: Plan) -> float:
    local = sum(map(_tasks, plan.passes))
    return local / max(1, local + len(plan.whole))


def _focus(job: Job, plan: Plan) -> Focus:
    """What is looked at, in samples of the pass."""
    return _focus_at(job, plan.source)


def _focus_at(job: Job, heard: AudioSource) -> Focus:
    """What is looked at, in samples of the recording at the rate at which it is heard."""
    ratio = heard.sample_rate / job.source.sample_rate

    def scaled() -> tuple[int, int] | None:
        span = job.focus()
        return None if span is None else (math.floor(span[0] * ratio), math.ceil(span[1] * ratio))

    return scaled


def _tasks(plan: Plan) -> int:
    return sum(len(group.tasks) for group in plan.groups)


def _run_pass(
    job: Job, plan: Plan, threads: int, progress: tuple[float, float], done: Done, failed: Failed
) -> list[threading.Thread]:
    items = [task.item for group in plan.groups for task in group.tasks]
    job.control.enter(plan.title)
    start, share = progress
    try:
        work = Pass(plan, job.control, start=start, share=share, outputs=job.outputs, focus=_focus(job, plan))
    except (IngestError, OSError, MemoryError) as problem:
        _fail_all(items, problem, failed)
        return []
    job.growing = work.growing
    try:
        stuck = in_threads(work.work, min(threads, work.segment_count), job)
        if not work.complete:
            if stuck:
                return stuck
            job.control.checkpoint()
            assert work.error is not None, "threads came back before the end"
        error = work.error
        if error is None:
            try:
                job.source.check()  # what was read is only worth something if it was the recording taken in
            except IngestError as changed:
                error = changed
        if error is not None:
            _fail_all(items, error, failed)
        else:
            work.finish(done, failed)
    finally:
        job.growing = lambda _key: None
        work.close()
    return []


class Wholes:
    """The calculators that follow the pass: several at once, each after what it depends on.

    Parameters
    ----------
    job : Job
    plan : Plan
    start : float in 0 .. 1
        Progress so far; they share what is left.
    known : dict of str to FeatureTrack
        What they may depend on, by key; `done` adds to it.
    done, failed : callable
        Called on the thread that calls `run`.
    """

    def __init__(
        self, job: Job, plan: Plan, start: float, known: dict[str, FeatureTrack], done: Done, failed: Failed
    ) -> None:
        self._job = job
        self._signals = {
            heard.sample_rate: WholeSignal(heard, job.control)
            for heard in (heard_by(job.source, item) for item in plan.whole)
        }
        self._known, self._done, self._failed = known, done, failed
        self._start, self._width = start, (1 - start) / len(plan.whole)
        self._todo = list(plan.whole)
        self._open = {item.key for item in plan.whole}  # not done and not failed
        self._parts: dict[str, float] = {}
        self._rows: dict[str, DerivedRows] = {}  # what is being computed block by block
        self._lock = threading.Lock()
        self._results: queue.SimpleQueue[tuple[Item, FeatureTrack | BaseException | None]] = queue.SimpleQueue()

    def run(self, threads: int) -> list[threading.Thread]:
        """Compute all of them.

        Parameters
        ----------
        threads : int >= 1
            How many may be computed at once.

        Returns
        -------
        list of threading.Thread
            Threads that did not come back after the job was cancelled.

        Raises
        ------
        Cancelled
        """
        self._job.growing = self._growing
        try:
            return self._run(threads)
        finally:
            self._job.growing = lambda _key: None

    def _run(self, threads: int) -> list[threading.Thread]:
        workers: list[threading.Thread] = []
        running, cancelled = 0, False
        while (self._todo or running) and not cancelled:
            cancelled = self._job.control.cancelled
            while running < threads and not cancelled and (work := self._work()) is not None:
                workers = [worker for worker in workers if worker.is_alive()]
                workers.append(_thread(work, self._job, len(workers)))
                running += 1
            try:
                item, result = self._results.get(timeout=POLL_S)
            except queue.Empty:
                continue
            running -= 1
            if result is None:  # others are still at work on it
                continue
            self._open.discard(item.key)
            self._rows.pop(item.key, None)
            if isinstance(result, Cancelled):
                cancelled = True
            elif isinstance(result, BaseException):
                self._failed(item, result)
            else:
                self._done(item, result)
            self._report(item, 1.0)
        if cancelled:
            stuck = _joined(workers, self._job)
            if stuck:
                return stuck
            raise Cancelled
        return []

    def _work(self) -> Callable[[], None] | None:
        """What one more thread could do: begin with another item, or help with one that is in blocks."""
        item = self._next()
        if item is not None:
            self._job.control.enter(item.title)
            return functools.partial(self._compute, item)
        for rows in tuple(self._rows.values()):  # which others add to
            if rows.help_wanted:
                return functools.partial(self._help, rows)
        return None

    def _next(self) -> Item | None:
        """The first one that does not wait for another one."""
        for place, item in enumerate(self._todo):
            if not any(needed.key in self._open for needed in item.dependencies):
                return self._todo.pop(place)
        return None

    def _compute(self, item: Item) -> None:
        job, report = self._job, functools.partial(self._report, item)
        try:
            heard = heard_by(job.source, item)
            if item.calculator.is_local:
                rows = DerivedRows(
                    job.source,
                    item,
                    self._known,
                    job.control,
                    report=report,
                    outputs=job.outputs,
                    focus=_focus_at(job, heard),
                )
                rows.begin()
                self._rows[item.key] = rows
                self._help(rows)
                return
            signal = self._signals[heard.sample_rate]
            self._results.put((item, run_whole(signal, job.source, item, job.control, report, self._known)))
        except BaseException as error:
            self._results.put((item, error))

    def _help(self, rows: DerivedRows) -> None:
        try:
            self._results.put((rows.item, rows.work()))
        except BaseException as error:
            self._results.put((rows.item, error))

    def _growing(self, key: str) -> Growing | None:
        """A result while it is being computed; None if nothing of it is there yet, or it comes as a whole."""
        rows = self._rows.get(key)
        return None if rows is None else rows.growing()

    def _report(self, item: Item, value: float) -> None:
        try:
            part = min(1.0, max(0.0, float(value)))
        except (TypeError, ValueError, OverflowError):
            return
        with self._lock:
            self._parts[item.key] = max(part, self._parts.get(item.key, 0.0))
            done = sum(self._parts.values())
        self._job.control.report(self._start + self._width * done)


def in_threads(target: Callable[[], None], count: int, job: Job) -> list[threading.Thread]:
    """Run `target` on `count` daemon threads and wait for them.

    After a cancellation only for `GRACE_S`: a calculator that never looks up keeps its thread, but
    nothing waits for it any longer.

    Returns
    -------
    list of threading.Thread
        Those still running.
    """
    return _joined([_thread(target, job, n) for n in range(count)], job)


def _thread(target: Callable[[], None], job: Job, number: int) -> threading.Thread:
    thread = threading.Thread(target=target, name=f"audiocache_nb {job.id}.{number}", daemon=True)
    thread.start()
    return thread


def _joined(workers: list[threading.Thread], job: Job) -> list[threading.Thread]:
    given_up_s: float | None = None
    for worker in workers:
        while worker.is_alive():
            worker.join(0.05 if given_up_s is None else max(0.0, min(0.05, given_up_s - time.monotonic())))
            if given_up_s is None and job.control.cancelled:
                given_up_s = time.monotonic() + GRACE_S
            if given_up_s is not None and time.monotonic() >= given_up_s:
                break
    return [worker for worker in workers if worker.is_alive()]


def _fail_all(items: list[Item], error: BaseException, failed: Failed) -> None:
    for item in items:
        failed(item, error if isinstance(error, AudioCacheError) else as_calculator_error(item, error))
