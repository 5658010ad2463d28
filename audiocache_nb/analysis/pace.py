"""Pace: how much may be said in a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A purse that fills steadily and pays for what is said.

    In any second, at most ``per_second + burst`` is said.

    Parameters
    ----------
    per_second : float > 0
    burst : int > 0
        What the purse holds, for when several things happen at once.
    clock : callable, optional
        Returns the time [s].
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(burst)
        self._paid_s = clock()

    def pay(self, count: int = 1, *, credit: bool = False) -> bool:
        """Pay for `count` things.

        Parameters
        ----------
        count : int
            What exceeds a full purse is said at once, and paid by silence afterwards.
        credit : bool
            Say it in any case, and be silent the longer afterwards.

        Returns
        -------
        bool
            Whether they may be said.
        """
        with self._lock:
            now_s = self._clock()
            self._left = min(self._burst, self._left + (now_s - self._paid_s) * self._per_second)
            self._paid_s = now_s
            if not credit and self._left < min(count, self._burst):
                return False
            self._left -= count
            return True
