"""Demand: which element asks for which features."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline.state import Slot

DEFAULT_ELEMENT = "notebook"


class Demand:
    """What elements ask for, by element and track; the order of asking does not matter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_element: dict[str, dict[str, dict[Slot, Descriptor]]] = {}

    def publish(self, element: str, track_id: str, descriptors: Iterable[Descriptor], *, add: bool = False) -> bool:
        """Say what an element wants of a track; replaces what it said before unless `add`.

        Returns
        -------
        bool
            Whether that is something else than before.
        """
        name: object = element
        if not isinstance(name, str) or not name.strip():
            raise InvalidParameterError(
                f"element is {name!r:.60}.", hint="Name who asks, or leave it out: then wishes add up."
            )
        wanted = {Slot.of(descriptor): descriptor for descriptor in descriptors}
        with self._lock:
            tracks = self._by_element.setdefault(element, {})
            before = tracks.get(track_id, {})
            after = {**before, **wanted} if add else wanted
            if after:
                tracks[track_id] = after
            else:
                tracks.pop(track_id, None)
            if not tracks:
                del self._by_element[element]
            return before != after

    def withdraw(self, element: str) -> bool:
        """The element asks for nothing any more; False if it did not before."""
        with self._lock:
            return self._by_element.pop(element, None) is not None

    def forget_track(self, track_id: str) -> None:
        """Drop what anybody asked of a track."""
        with self._lock:
            for element in list(self._by_element):
                self._by_element[element].pop(track_id, None)
                if not self._by_element[element]:
                    del self._by_element[element]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._by_element.clear()

    def wanted(self, track_ids: Iterable[str]) -> dict[Slot, Descriptor]:
        """What is asked of any of these tracks."""
        ids = set(track_ids)
        with self._lock:
            return {
                slot: descriptor
                for tracks in self._by_element.values()
                for track_id, slots in tracks.items()
                if track_id in ids
                for slot, descriptor in slots.items()
            }

    def owners(self, track_id: str, slot: Slot) -> list[str]:
        """The elements that ask for a feature of a track."""
        with self._lock:
            return sorted(name for name, tracks in self._by_element.items() if slot in tracks.get(track_id, {}))
