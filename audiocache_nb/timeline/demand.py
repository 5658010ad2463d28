"""Demand: which element asks for which features."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable
from typing import TypeVar

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline.state import Slot

DEFAULT_ELEMENT = "notebook"
V = TypeVar("V")


@dataclasses.dataclass(frozen=True, slots=True)
class BadWish:
    """Something that an element asked for and nobody can compute.

    Attributes
    ----------
    name : str
        What was asked for, as it was written.
    profile_id : str
    reason : str
        Why it cannot be computed, and what may have been meant.
    wanted : str or Descriptor
        The same as it was given.
    """

    name: str
    profile_id: str
    reason: str
    wanted: str | Descriptor = dataclasses.field(default="", compare=False)


class Demand:
    """What elements ask for, by track and element; the order of asking does not matter.

    What is asked of a track belongs to the element, not to the track: it is kept while the track is
    away, so that a track that comes back is asked for what it was asked for before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_track: dict[str, dict[str, dict[Slot, Descriptor]]] = {}
        self._bad: dict[str, dict[str, tuple[BadWish, ...]]] = {}
        self._tracks: dict[str, set[str]] = {}  # of each element
        self._parked: dict[str, dict[str, dict[Slot, Descriptor]]] = {}  # until everything that was cleared comes back

    def publish(self, element: str, track_id: str, descriptors: Iterable[Descriptor], *, add: bool = False) -> bool:
        """Say what an element wants of a track; replaces what it said before unless `add`.

        Returns
        -------
        bool
            Whether that is something else than before.
        """
        checked_element(element)
        wanted = {Slot.of(descriptor): descriptor for descriptor in descriptors}
        with self._lock:
            before = self._by_track.get(track_id, {}).get(element, {})
            after = {**before, **wanted} if add else wanted
            had_bad = self._bad.get(track_id, {}).get(element) is not None
            if before == after and not had_bad:
                return False
            _put(self._bad, track_id, element, None)
            _put(self._by_track, track_id, element, after or None)
            self._note(element, track_id)
            return True

    def refuse(self, element: str, track_id: str, bad: Iterable[BadWish]) -> bool:
        """Keep what an element asked for in vain, until it asks that track for something else.

        Returns
        -------
        bool
            Whether that is something else than before.
        """
        checked_element(element)
        wishes = tuple(dict.fromkeys(bad))
        with self._lock:
            if self._bad.get(track_id, {}).get(element, ()) == wishes:
                return False
            _put(self._bad, track_id, element, wishes or None)
            self._note(element, track_id)
            return True

    def withdraw(self, element: str) -> set[str]:
        """The element asks for nothing any more; returns the ids of the tracks that it asked before."""
        with self._lock:
            for track_id in list(self._parked):
                _put(self._parked, track_id, element, None)
            tracks = self._tracks.pop(element, set())
            for track_id in tracks:
                _put(self._by_track, track_id, element, None)
                _put(self._bad, track_id, element, None)
            return tracks

    def forget_track(self, track_id: str, element: str | None = None) -> None:
        """Drop what anybody, or one element, asked of a track."""
        with self._lock:
            asking = {*self._by_track.get(track_id, ()), *self._bad.get(track_id, ())}
            for name in asking if element is None else asking & {element}:
                _put(self._by_track, track_id, name, None)
                _put(self._bad, track_id, name, None)
                self._note(name, track_id)

    def park(self) -> None:
        """Drop everything, unless tracks come back and elements have not withdrawn meanwhile; see `unpark`."""
        with self._lock:
            self._parked, self._by_track = self._by_track, {}
            self._bad.clear()
            self._tracks.clear()

    def unpark(self, track_id: str) -> list[str]:
        """What was asked of a track is asked again; returns the elements that do."""
        with self._lock:
            parked = self._parked.pop(track_id, {})
            for element, slots in parked.items():
                _put(self._by_track, track_id, element, slots)
                self._note(element, track_id)
            return sorted(parked)

    def forget_parked(self, track_id: str) -> None:
        """Another track has this id now."""
        with self._lock:
            self._parked.pop(track_id, None)

    # --- questions ---------------------------------------------------------------------------

    def wanted(self, track_ids: Iterable[str]) -> dict[Slot, Descriptor]:
        """What is asked of any of these tracks."""
        with self._lock:
            return {
                slot: descriptor
                for track_id in track_ids
                for slots in self._by_track.get(track_id, {}).values()
                for slot, descriptor in slots.items()
            }

    def owners(self, track_id: str, slot: Slot) -> list[str]:
        """The elements that ask for a feature of a track."""
        with self._lock:
            return sorted(name for name, slots in self._by_track.get(track_id, {}).items() if slot in slots)

    def all_owners(self, track_ids: Iterable[str]) -> dict[Slot, list[str]]:
        """The elements that ask for each feature of any of these tracks."""
        found: dict[Slot, set[str]] = {}
        with self._lock:
            for track_id in track_ids:
                for name, slots in self._by_track.get(track_id, {}).items():
                    for slot in slots:
                        found.setdefault(slot, set()).add(name)
        return {slot: sorted(names) for slot, names in found.items()}

    def bad(self, track_ids: Iterable[str]) -> dict[BadWish, list[str]]:
        """What was asked of any of these tracks in vain, and by whom."""
        found: dict[BadWish, set[str]] = {}
        with self._lock:
            for track_id in track_ids:
                for name, wishes in self._bad.get(track_id, {}).items():
                    for wish in wishes:
                        found.setdefault(wish, set()).add(name)
        return {wish: sorted(names) for wish, names in found.items()}

    def of(self, element: str) -> dict[str, tuple[Descriptor, ...]]:
        """What an element asks for, by track."""
        with self._lock:
            asked = {one: self._by_track.get(one, {}).get(element, {}) for one in self._tracks.get(element, ())}
            return {track_id: tuple(slots.values()) for track_id, slots in sorted(asked.items()) if slots}

    @property
    def elements(self) -> list[str]:
        """Whoever asks for anything."""
        with self._lock:
            return sorted(self._tracks)

    # --- inside, under the lock --------------------------------------------------------------

    def _note(self, element: str, track_id: str) -> None:
        asks = element in self._by_track.get(track_id, ()) or element in self._bad.get(track_id, ())
        if asks:
            self._tracks.setdefault(element, set()).add(track_id)
        elif element in self._tracks:
            self._tracks[element].discard(track_id)
            if not self._tracks[element]:
                del self._tracks[element]


def checked_element(element: object) -> str:
    """The name of an element.

    Raises
    ------
    InvalidParameterError
    """
    if not isinstance(element, str) or not element.strip():
        raise InvalidParameterError(
            f"element is {element!r:.60}.", hint="Name who asks, or leave it out: then wishes add up."
        )
    return element


def _put(books: dict[str, dict[str, V]], track_id: str, element: str, value: V | None) -> None:
    """Set or delete one item of a dict of dicts, without leaving empty ones."""
    if value is not None:
        books.setdefault(track_id, {})[element] = value
    elif element in books.get(track_id, ()):
        del books[track_id][element]
        if not books[track_id]:
            del books[track_id]
