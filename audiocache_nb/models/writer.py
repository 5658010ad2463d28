"""Setting traits so that one bad value or observer stops no other."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("audiocache_nb")


class TraitWriter:
    """Writes values into traits; complains once per target."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._complained: weakref.WeakSet[Any] = weakref.WeakSet()

    def write(self, target: Any, values: Mapping[str, Any]) -> bool:
        """Set those traits that differ, as one message; the caller holds the trait lock.

        Returns
        -------
        bool
            Whether there was a message to send.

        Raises
        ------
        Exception
            Whatever the comm raises. A refused value or a failing observer is logged instead.
        """
        changed = {name: value for name, value in values.items() if differs(target, name, value)}
        if not changed:
            return False
        with getattr(target, "hold_sync", contextlib.nullcontext)():
            for name, value in changed.items():
                if not target.has_trait(name):
                    self.complain(target, f"it has no trait {name!r}")
                    continue
                try:
                    target.set_trait(name, value)
                except Exception:  # the value was refused; or an observer failed, after it was set
                    self.complain(target, f"setting {name!r} failed")
        return getattr(target, "comm", None) is not None

    def complain(self, target: Any, what: str) -> None:
        """Log once per target: twenty tracebacks a second would help nobody."""
        with self._lock:
            if target in self._complained:
                return
            self._complained.add(target)
        log.warning(
            "%s: %s (further errors of it are not shown)",
            type(target).__name__,
            what,
            exc_info=True,  # noqa: LOG014 - called from handlers; without an exception it logs none
        )


def differs(target: Any, name: str, value: Any) -> bool:
    """Whether a trait has another value; what cannot be compared counts as different."""
    try:
        return not target.has_trait(name) or bool(getattr(target, name) != value)
    except Exception:
        return True
