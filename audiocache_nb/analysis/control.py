"""Cancellation and progress of one job."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from audiocache_nb.errors import Cancelled

PREPARING, START, COMPLETE = "preparing", "start", "complete"


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    value : float in 0 .. 1
    label : str
        ``preparing``, ``start``, what is being computed, ``complete``.
    eta : float or None [s]
        Estimated time to completion; None while nothing is known.
    """

    value: float = 0.0
    label: str = PREPARING
    eta: float | None = None


class Control:
    """Shared between a job and the threads that work for it.

    `report` may be called as often as one likes: it stores a number. Whoever shows progress reads
    `progress` at its own pace.
    """

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._value = 0.0
        self._label = PREPARING
        self._started_s: float | None = None
        self.on_enter: Callable[[], object] = lambda: None  # labels are few, and each is worth showing

    @property
    def cancelled(self) -> bool:
        """Whether cancellation was asked for."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask for cancellation; may be called from any thread, any number of times."""
        self._cancelled.set()

    def wait_cancelled(self, timeout_s: float) -> bool:
        """Wait until cancellation is asked for."""
        return self._cancelled.wait(timeout_s)

    def checkpoint(self) -> None:
        """Raise `Cancelled` if cancellation was asked for."""
        if self._cancelled.is_set():
            raise Cancelled

    def start(self) -> None:
        """The job has begun to run."""
        self._started_s = time.monotonic()
        self._label = START

    def enter(self, label: str) -> None:
        """Name what is being computed from here on."""
        self._label = label
        self.on_enter()

    def report(self, value: float, start: float = 0.0, width: float = 1.0) -> None:
        """Progress in 0..1 of the part of the work that begins at `start` and is `width` of all.

        Never goes back; values that are no numbers are ignored.
        """
        try:
            done = start + width * min(1.0, max(0.0, float(value)))
        except (TypeError, ValueError, OverflowError):
            return
        if done > self._value:  # of what is reported ten thousand times a second, little is news
            with self._lock:
                self._value = max(self._value, done)

    def finish(self) -> None:
        """Everything is done."""
        with self._lock:
            self._value, self._label = 1.0, COMPLETE

    @property
    def progress(self) -> Progress:
        """The latest state."""
        with self._lock:
            value, label, started_s = self._value, self._label, self._started_s
        eta = None
        if label == COMPLETE:
            eta = 0.0
        elif started_s is not None and value >= 0.01:
            eta = (time.monotonic() - started_s) * (1 - value) / value
        return Progress(value, label, eta)
