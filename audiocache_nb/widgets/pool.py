"""A few daemon threads for the widgets' own work, which come when there is some and go again."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger("audiocache_nb")

IDLE_S = 1.0


class Pool:
    """Runs what `pick` chooses.

    Parameters
    ----------
    pick : callable () -> callable or None
        Takes the next piece of work out of wherever it waits; None: nothing to do. Called while
        `lock` is held.
    lock : RLock
    threads : int
        How many at most; 0: run within the call of `wake`, for platforms without threads.
    """

    def __init__(
        self, pick: Callable[[], Callable[[], Any] | None], lock: Any, *, threads: int, idle_s: float = IDLE_S
    ) -> None:
        self._pick = pick
        self._lock = lock
        self._work = threading.Condition(lock)
        self._most = 0 if sys.platform == "emscripten" else threads
        self._idle_s = idle_s
        self._threads: set[threading.Thread] = set()
        self._waiting = 0
        self._closed = False

    def wake(self) -> None:
        """There is work."""
        with self._lock:
            if self._closed:
                return
            if self._waiting:
                self._work.notify()
                return
            if len(self._threads) < self._most:
                thread = threading.Thread(target=self._run, name="audiocache_nb tiles", daemon=True)
                self._threads.add(thread)
                try:
                    thread.start()
                except RuntimeError:  # no more threads: whoever is there does it
                    self._threads.discard(thread)
            if self._threads:
                return
        self._drain()

    def close(self) -> None:
        """Start nothing more; threads end after what they are doing."""
        with self._lock:
            self._closed = True
            self._work.notify_all()

    def _next(self) -> Callable[[], Any] | None:
        return None if self._closed else self._pick()

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    work = self._next()
                    if work is None and not self._closed:
                        self._waiting += 1
                        try:
                            self._work.wait(self._idle_s)
                        finally:
                            self._waiting -= 1
                        work = self._next()
                    if work is None:
                        self._threads.discard(threading.current_thread())
                        return
                self._do(work)
                del work  # what it holds (a widget, an array) must not outlive it here
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _drain(self) -> None:
        while True:
            with self._lock:
                work = self._next()
            if work is None:
                return
            self._do(work)

    def _do(self, work: Callable[[], Any]) -> None:
        with contextlib.suppress(Stopped):
            try:
                work()
            except Stopped:
                raise
            except Exception:  # of one piece of work; the next one is not to blame
                log.exception("a tile could not be made")


class Stopped(Exception):
    """The work is no longer wanted."""
