"""Notes: what went wrong with the disk, said at most once a minute for each kind."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

log = logging.getLogger("audiocache_nb")
INTERVAL_S = 60.0
KEPT = 20


class Notes:
    """What a user should know about the cache directory, newest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said_s: dict[str, float] = {}
        self._texts: deque[str] = deque(maxlen=KEPT)

    def add(self, kind: str, text: str) -> bool:
        """Note something, unless something of its kind was noted within the last minute."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._said_s.get(kind, -INTERVAL_S) < INTERVAL_S:
                return False
            self._said_s[kind] = now_s
            self._texts.append(text)
        log.warning("%s", text)
        return True

    @property
    def texts(self) -> tuple[str, ...]:
        """The latest notes."""
        with self._lock:
            return tuple(self._texts)
