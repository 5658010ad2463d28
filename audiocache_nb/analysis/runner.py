"""Running one job: the pass, then the calculators that need the whole signal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from audiocache_nb.analysis.engine import Done, Failed, Pass
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import Item, Plan, make_plan
from audiocache_nb.analysis.results import as_calculator_error
from audiocache_nb.analysis.wholes import WholeSignal, run_whole
from audiocache_nb.errors import AudioCacheError, Cancelled, IngestError
from audiocache_nb.features.track import FeatureTrack

GRACE_S = 2.0


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
    if plan.groups:
        stuck = _run_pass(job, plan, threads, share, hand_out, failed)
        if stuck:
            return stuck
    signal = WholeSignal(job.source, job.control)
    for number, item in enumerate(plan.whole):
        job.control.checkpoint()
        job.control.enter(item.title)
        width = (1 - share) / len(plan.whole)
        stuck = _run_whole(job, signal, item, share + number * width, width, known, hand_out, failed)
        if stuck:
            return stuck
    job.control.finish()
    return []


def _pass_share(plan: Plan) -> float:
    local = sum(len(group.tasks) for group in plan.groups)
    return local / max(1, local + len(plan.whole))


def _run_pass(job: Job, plan: Plan, threads: int, share: float, done: Done, failed: Failed) -> list[threading.Thread]:
    items = [task.item for group in plan.groups for task in group.tasks]
    job.control.enter(plan.title)
    try:
        work = Pass(plan, job.control, share=share, outputs=job.outputs)
    except (IngestError, OSError, MemoryError) as problem:
        _fail_all(items, problem, failed)
        return []
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
        work.close()
    return []


def _run_whole(
    job: Job,
    signal: WholeSignal,
    item: Item,
    start: float,
    width: float,
    known: dict[str, FeatureTrack],
    done: Done,
    failed: Failed,
) -> list[threading.Thread]:
    outcome: list[Any] = []

    def report(value: float) -> None:
        job.control.report(value, start, width)

    def call() -> None:
        try:
            outcome.append(run_whole(signal, job.source, item, job.control, report, known))
        except BaseException as error:
            outcome.append(error)

    stuck = in_threads(call, 1, job)
    if stuck:
        return stuck
    result = outcome[0]
    if isinstance(result, Cancelled):
        raise result
    if isinstance(result, BaseException):
        failed(item, result)
    else:
        done(item, result)
    return []


def in_threads(target: Callable[[], None], count: int, job: Job) -> list[threading.Thread]:
    """Run `target` on `count` daemon threads and wait for them.

    After a cancellation only for `GRACE_S`: a calculator that never looks up keeps its thread, but
    nothing waits for it any longer.

    Returns
    -------
    list of threading.Thread
        Those still running.
    """
    workers = [threading.Thread(target=target, name=f"audiocache_nb {job.id}.{n}", daemon=True) for n in range(count)]
    for worker in workers:
        worker.start()
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
