"""Elements that ask: texts, or objects whose wishes end with their lives."""

from __future__ import annotations

import itertools
import queue
import threading
import weakref
from collections.abc import Callable

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timeline.demand import DEFAULT_ELEMENT, checked_element


class Elements:
    """Names of elements.

    A text is its own name. Any other object is given one, is held weakly, and is released when it
    has been garbage-collected.

    Parameters
    ----------
    release : callable
        Called with a name, on a thread of its own: garbage is collected at any moment, also while
        somebody holds a lock.
    """

    def __init__(self, release: Callable[[str], None]) -> None:
        self._release = weakref.WeakMethod(release)
        self._lock = threading.Lock()
        self._known: dict[int, tuple[weakref.ref[object], str]] = {}
        self._numbers = itertools.count(1)
        self._gone: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()  # its put may be called anywhere
        self._thread: threading.Thread | None = None

    def name(self, element: object) -> str:
        """The name of whoever asks; None is the notebook.

        Raises
        ------
        InvalidParameterError
            For an empty text, and for an object that cannot be held weakly.
        """
        if element is None:
            return DEFAULT_ELEMENT
        if isinstance(element, str):
            return checked_element(element)
        with self._lock:
            known = self._known.get(id(element))
            if known is not None and known[0]() is element:
                return known[1]
            name = f"{type(element).__name__} #{next(self._numbers)}"
            put, key = self._gone.put, id(element)
            try:
                reference = weakref.ref(element, lambda _: put((key, name)))
            except TypeError:
                raise InvalidParameterError(
                    f"element is {element!r:.60}, which cannot be held weakly.",
                    hint="Use a text, or an object of a class of yours.",
                ) from None
            self._known[key] = (reference, name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="audiocache_nb elements", daemon=True)
                self._thread.start()
            return name

    def close(self) -> None:
        """Release nobody any more."""
        self._gone.put(None)

    def _work(self) -> None:
        while (gone := self._gone.get()) is not None:
            key, name = gone
            with self._lock:
                if key in self._known and self._known[key][1] == name:  # the address may be another object's by now
                    del self._known[key]
            release = self._release()
            if release is not None:
                release(name)
            del release


def everything_of(track_id: str) -> str:
    """The element that asks for every feature of a track."""
    return f"{track_id} (all)"
