"""Something to do again and again, as long as there is a reason to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable

log = logging.getLogger("audiocache_nb")


class Ticker:
    """Calls `tick` about every `interval_s` while it returns True; `wake` begins anew.

    A daemon thread that comes with the first `wake` and goes when there is nothing more to do.
    Where there are no threads a running event loop does it, and without one nobody.

    Parameters
    ----------
    tick : callable () -> bool
    interval_s : float [s]
    name : str
        Of the thread.
    """

    def __init__(self, tick: Callable[[], bool], *, interval_s: float, name: str, threads: bool | None = None) -> None:
        self._tick = tick
        self._interval_s = interval_s
        self._name = name
        self._threads = sys.platform != "emscripten" if threads is None else threads
        self._lock = threading.Lock()
        self._asked = False
        self._running = False
        self._stop = threading.Event()

    def wake(self) -> None:
        """There is a reason to tick; returns at once."""
        with self._lock:
            if self._stop.is_set():
                return
            self._asked = True
            if self._running:
                return
            self._running = True
            if self._threads:
                try:
                    threading.Thread(target=self._run, name=self._name, daemon=True).start()
                except RuntimeError:  # no threads here, or no more of them
                    self._threads = False
                else:
                    return
        self._later(0.0)

    def close(self) -> None:
        """Tick no more."""
        self._stop.set()

    def _once(self) -> bool:
        """One tick; False when that was the last one."""
        with self._lock:
            self._asked = False
        again = False
        try:
            again = self._tick()
        except Exception:
            log.exception("%s failed", self._name)
        with self._lock:
            self._running = (again or self._asked) and not self._stop.is_set()
            return self._running

    def _run(self) -> None:
        due_s = time.monotonic()
        while self._once():
            due_s = max(due_s + self._interval_s, time.monotonic())
            self._stop.wait(due_s - time.monotonic())

    def _later(self, wait_s: float) -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(wait_s, self._inline)
            return
        self._running = False  # positions are worked out when they are read; only nobody is told

    def _inline(self) -> None:
        if self._once():
            self._later(self._interval_s)
