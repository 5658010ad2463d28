"""One lock for every trait of this package.

Traitlets objects are not thread safe: `hold_trait_notifications` swaps a method of the instance,
`hold_sync` iterates a live set. Updates from a page arrive on whatever thread the kernel serves
comms on, the publisher writes from its own, and cells write from the main thread; without a lock
a last value is lost now and then. The lock is one for the whole process, because traits get
linked (``traitlets.link`` of two plots' spans, in both directions), and two locks taken in two
orders would stop for ever.

What may be done while holding it: set traits, run observers, hand messages to the comm. The
publisher reads the store *before* it takes the lock.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import traitlets

_lock = threading.RLock()


def trait_lock() -> threading.RLock:
    """The lock that everybody who sets traits of this package holds."""
    return _lock


def _renew_after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it when the process was copied
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_after_fork)


class LockedMixin(traitlets.HasTraits):
    """Takes the trait lock wherever traits are set; comes first among the bases of a class.

    Traits have their values from the start: traitlets would make a default when it is first read and
    then store it without a lock, over what another thread has set in that moment.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self._traits.keys() - self._trait_values.keys():
            with contextlib.suppress(Exception):  # it needs what a subclass sets later; whoever reads it will see
                getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        with _lock:
            super().__setattr__(name, value)

    def set_trait(self, name: str, value: Any) -> None:
        """Set a trait, read-only ones too."""
        with _lock:
            super().set_trait(name, value)

    @contextlib.contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Tell observers at the end, once per trait."""
        with _lock, super().hold_trait_notifications():
            yield

    @contextlib.contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Send all changes as one message at the end (nothing to send for a plain model)."""
        hold = getattr(super(), "hold_sync", contextlib.nullcontext)
        with _lock, hold():
            yield

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what a page sent."""
        with _lock:
            super().set_state(sync_data)  # type: ignore[misc]

    def send_state(self, key: Any = None) -> None:
        """Send traits to the page."""
        with _lock:
            super().send_state(key)  # type: ignore[misc]
