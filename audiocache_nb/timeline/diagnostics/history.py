"""History: what was done about issues, and how it went."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque

LIMIT = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done.

    Attributes
    ----------
    timestamp : float [s since the epoch]
        When it was over.
    action : str
        ``regenerate``, ``regenerate_all``, ``retry``, ``dismiss``, ``restore`` or ``delete_extraneous``.
    track : str
    profile : str
    features : tuple of str
    status : {"succeeded", "failed", "cancelled"}
    seconds : float or None [s]
        How long it really took; None for what takes no time, or never began.
    note : str
    error : str or None
    """

    timestamp: float
    action: str
    track: str
    profile: str
    features: tuple[str, ...]
    status: str
    seconds: float | None = None
    note: str = ""
    error: str | None = None

    def __str__(self) -> str:
        when = time.strftime("%H:%M:%S", time.localtime(self.timestamp))
        took = "" if self.seconds is None else f" in {self.seconds:.3g} s"
        why = f": {self.error}" if self.error else ""
        what = ", ".join(self.features)
        return f"{when} {self.action} {what} of {self.track}: {self.status}{took}{why}"


class History:
    """The latest entries, the oldest first; what is older is forgotten."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=limit)

    def add(
        self,
        action: str,
        track: str,
        profile: str,
        features: tuple[str, ...],
        status: str = "succeeded",
        *,
        seconds: float | None = None,
        note: str = "",
        error: str | None = None,
    ) -> None:
        """Note that something was done."""
        entry = Entry(time.time(), action, track, profile, features, status, seconds, note, error)
        with self._lock:
            self._entries.append(entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        with self._lock:
            return tuple(self._entries)
