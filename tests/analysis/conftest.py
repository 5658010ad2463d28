"""Fixtures of the engine's and the scheduler's tests."""

from __future__ import annotations

import pytest
from support.passes import PATIENCE_S, Recorder, item_of

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.scheduler import Scheduler


class Desk:
    """A scheduler, what it says, and short ways to ask it."""

    def __init__(self, workers: int | None) -> None:
        self.sink = Recorder()
        self.scheduler = Scheduler(self.sink, workers)

    def submit(self, source, *wanted, priority: int = 0) -> Job:
        return self.scheduler.submit(Job(source, [item_of(source, one) for one in wanted], priority=priority))

    def run(self, source, *wanted) -> Job:
        job = self.submit(source, *wanted)
        assert job.wait(PATIENCE_S)
        return job


@pytest.fixture
def desk():
    """A function that opens a scheduler with so many workers."""
    made: list[Desk] = []

    def open_desk(workers: int | None = 1) -> Desk:
        made.append(Desk(workers))
        return made[-1]

    yield open_desk
    for one in made:
        one.scheduler.close()
