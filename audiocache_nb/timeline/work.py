"""Work: which jobs count for which source, and what of them is still to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiocache_nb.analysis.jobs import Job

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item


class Work:
    """The jobs whose word still counts, by source; every call is made under the store's lock.

    A job that was detached may go on for a while, but nothing it says is listened to any more.
    What a job has delivered is noted here rather than read off the job: its own books change on
    another thread, a moment before the result is visible.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, list[Job]] = {}
        self._settled: dict[str, set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def of(self, source_id: str) -> tuple[Job, ...]:
        """The jobs of a source, in the order they will run."""
        return tuple(self._jobs.get(source_id, ()))

    def source_ids(self) -> list[str]:
        """Sources that have jobs."""
        return list(self._jobs)

    def attach(self, job: Job) -> None:
        """From now on the job counts."""
        self._jobs.setdefault(job.source.id, []).append(job)
        self._settled[job.id] = set()

    def detach(self, source_id: str) -> list[Job]:
        """From now on none of the source's jobs counts; returns them."""
        jobs = self._jobs.pop(source_id, [])
        for job in jobs:
            del self._settled[job.id]
        return jobs

    def drop(self, job: Job) -> bool:
        """The job has ended; False if it did not count any more."""
        if job.id not in self._settled:
            return False
        del self._settled[job.id]
        jobs = self._jobs[job.source.id]
        jobs.remove(job)
        if not jobs:
            del self._jobs[job.source.id]
        return True

    def counts(self, job: Job) -> bool:
        """Whether the job is to be listened to."""
        return job.id in self._settled

    def settle(self, job: Job, key: str) -> None:
        """The job has nothing more to say about this key."""
        self._settled[job.id].add(key)

    def left(self, job: Job) -> list[Item]:
        """What a job that counts has yet to deliver."""
        return [item for item in job.items if item.key not in self._settled[job.id]]

    def computing(self, source_id: str, key: str) -> Job | None:
        """The job that will deliver this key, if there is one."""
        for job in self._jobs.get(source_id, ()):
            if job.control.cancelled or key in self._settled[job.id]:
                continue
            if any(item.key == key for item in job.items):
                return job
        return None
