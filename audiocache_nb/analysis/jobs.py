"""Jobs: some features of one source, computed together."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from audiocache_nb.analysis.control import Control, Progress
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.segments import Focus

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.features.track import FeatureTrack, Growing

JobState = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]
ENDED = frozenset({"succeeded", "failed", "cancelled"})
_numbers = itertools.count(1)


class Job:
    """A request on its way.

    Attributes
    ----------
    id : str
    source : AudioSource
    items : list of Item
        What to compute; grows only while the job is queued.
    priority : int
        Lower runs first; equal priorities run in the order of submission.
    state : {"queued", "running", "cancelling", "succeeded", "failed", "cancelled"}
    failures : dict of str to BaseException
        By key of the item. A job with any failure ends as ``failed``, its other items are stored.
    seconds : float or None [s]
        How long it ran.
    """

    def __init__(self, source: AudioSource, items: list[Item], *, priority: int = 0) -> None:
        self.id = f"job-{next(_numbers)}"
        self.number = int(self.id[4:])
        self.source = source
        self.items = list(items)
        self.priority = priority
        self.find: Callable[[str], FeatureTrack | None] = lambda _key: None  # what is there already, by key
        self.outputs = Outputs()
        self.focus: Focus = lambda: None  # what of the source is looked at
        self.growing: Callable[[str], Growing | None] = lambda _key: None  # what is being computed, by key
        self.control = Control()
        self.state: JobState = "queued"
        self.failures: dict[str, BaseException] = {}
        self.stored: set[str] = set()
        self.seconds: float | None = None
        self._started_s: float | None = None
        self._ended = threading.Event()
        self.on_cancel: Callable[[], bool] = lambda: False

    @property
    def progress(self) -> Progress:
        """The latest progress."""
        return self.control.progress

    @property
    def ended(self) -> bool:
        """Whether it has reached its final state."""
        return self.state in ENDED

    def cancel(self) -> bool:
        """Ask the job to end. Queued work ends at once, running work at its next block.

        Returns
        -------
        bool
            Whether this call had an effect; False if the job had ended or was being cancelled.
        """
        return self.on_cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the final state, in slices so that Ctrl-C works; False if the time ran out."""
        deadline_s = None if timeout is None else time.monotonic() + timeout
        while not self._ended.wait(_slice(deadline_s)):
            if deadline_s is not None and time.monotonic() >= deadline_s:
                return False
        return True

    def begin(self) -> None:
        """Called by the scheduler when a thread takes the job."""
        self._started_s = time.monotonic()
        self.state = "running"
        self.control.start()

    def end(self, state: JobState) -> None:
        """Called by the scheduler, once."""
        assert state in ENDED
        assert self.state not in ENDED, f"{self.id} ends twice"
        if self._started_s is not None:
            self.seconds = time.monotonic() - self._started_s
        self.state = state

    def announce(self) -> None:
        """Wake whoever waits; called after the results are visible."""
        self._ended.set()
        self.on_cancel = lambda: False  # in no circle any more, the recording goes when nobody holds the job
        self.control.on_enter = lambda: None

    def __repr__(self) -> str:
        names = ", ".join(str(item.descriptor) for item in self.items)
        return f"<Job {self.id} {self.state}: {names} of {self.source.name!r}>"


def _slice(deadline_s: float | None) -> float:
    if deadline_s is None:
        return 0.05
    return max(0.0, min(0.05, deadline_s - time.monotonic()))
