"""What all verbs of the timeline stand on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.errors import InvalidParameterError, SessionClosedError
from audiocache_nb.timeline.desk import Desk
from audiocache_nb.timeline.elements import Elements
from audiocache_nb.timeline.state import Track
from audiocache_nb.timeline.undo import History

SLICE_S = 0.05


class Verbs(Desk):
    """A desk that can be closed, with a history and with elements that ask."""

    closed: bool
    history: History
    elements: Elements

    def track(self, track: Track | str) -> Track:
        """The track as it is now.

        Raises
        ------
        UnknownTrackError
        """
        return self.store.snapshot().track(track)

    # --- inside, under the store's lock ------------------------------------------------------

    def _check_open(self) -> None:
        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")

    def _cancel(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.cancel()
        with self._settled:
            self._settled.notify_all()


def deadline_s(timeout: float | None) -> float | None:
    """When a waiting that begins now ends [s, monotonic]; None: never."""
    if timeout is None:
        return None
    given: object = timeout
    if isinstance(given, bool) or not isinstance(given, (int, float)) or math.isnan(given):
        raise InvalidParameterError(f"timeout is {timeout!r:.60}.", hint="Use a number of seconds, or None.")
    return time.monotonic() + timeout
