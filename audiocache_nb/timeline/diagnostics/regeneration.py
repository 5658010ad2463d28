"""Regenerations: jobs that make features right, followed until their data are stored."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from audiocache_nb.analysis.control import Progress
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import Item
from audiocache_nb.errors import InvalidParameterError, said
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline import events
from audiocache_nb.timeline.diagnostics.history import History
from audiocache_nb.timeline.state import Slot, Track

if TYPE_CHECKING:
    from audiocache_nb.timeline.timeline import Timeline

RegenerationState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED = frozenset({"succeeded", "failed", "cancelled"})
KEPT = 1000
_numbers = itertools.count(1)


class Regeneration:
    """Some features of a source that are being computed again.

    Attributes
    ----------
    id, track_id, source_id, profile : str
    features : tuple of str
        As they are asked for.
    descriptors : tuple of Descriptor
    action, note : str
    state : {"queued", "running", "succeeded", "failed", "cancelled"}
        ``succeeded`` when, and only when, all data are stored.
    requested_at, started_at, ended_at : float or None [s since the epoch]
    seconds : float or None [s]
        How long it ran.
    error : str or None
        What went wrong, feature by feature.
    """

    def __init__(
        self, book: Regenerations, track: Track, descriptors: Sequence[Descriptor], *, action: str, note: str
    ) -> None:
        self.id = f"regeneration-{next(_numbers)}"
        self.track_id = track.id
        self.source_id = track.source_id
        self.descriptors = tuple(descriptors)
        self.features = tuple(book.name(descriptor) for descriptor in descriptors)
        self.profile = ", ".join(dict.fromkeys(descriptor.used_profile.id for descriptor in descriptors))
        self.action = action
        self.note = note
        self.state: RegenerationState = "queued"
        self.requested_at = time.time()
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.seconds: float | None = None
        self.errors: dict[Slot, BaseException] = {}
        self._began_s: float | None = None
        self._book = book
        self._slots: dict[tuple[str, str], Slot] = {}  # what is still to come, by job and key
        self._jobs: dict[str, Job] = {}
        self._undone: set[Slot] = set()
        self._over = threading.Event()

    @property
    def ended(self) -> bool:
        """Whether it has reached its final state."""
        return self.state in ENDED

    @property
    def error(self) -> str | None:
        """What went wrong, in words."""
        return " ".join(dict.fromkeys(said(error) for error in self.errors.values())) or None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        jobs = list(self._jobs.values())
        return jobs[0].progress if jobs else Progress(1.0 if self.state == "succeeded" else 0.0, "")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the final state, in slices so that Ctrl-C works; False if the time ran out."""
        deadline_s = None if timeout is None else time.monotonic() + timeout
        while not self._over.wait(0.05 if deadline_s is None else max(0.0, min(0.05, deadline_s - time.monotonic()))):
            if deadline_s is not None and time.monotonic() >= deadline_s:
                return False
            self._book.give_up_if_closed(self)
        return True

    def cancel(self) -> bool:
        """End it. Work that somebody else waits for, too, goes on.

        Returns
        -------
        bool
            Whether this call had an effect.
        """
        return self._book.cancel(self)

    def retry(self) -> Regeneration:
        """Try again what failed or was cancelled; of what succeeded, all.

        Raises
        ------
        InvalidParameterError
            While it has not ended.
        """
        if not self.ended:
            raise InvalidParameterError(f"{self.id} is {self.state}.", hint="Wait for its end, or cancel it.")
        left = {*self.errors, *self._undone}
        again = [one for one in self.descriptors if not left or Slot.of(one) in left]
        return self._book.start(self.track_id, again, action="retry", note=f"of {self.id}")

    def __repr__(self) -> str:
        took = "" if self.seconds is None else f" in {self.seconds:.3g} s"
        why = f": {self.error}" if self.error else ""
        return f"<{self.id} {self.state}{took}: {', '.join(self.features)} of {self.track_id}{why}>"


class Regenerations:
    """All regenerations: those under way, and the latest that have ended.

    Everything happens under the store's lock.
    """

    def __init__(self, timeline: Timeline, history: History, name: Callable[[Descriptor], str]) -> None:
        self._timeline = timeline
        self._history = history
        self.name = name
        self._all: dict[str, Regeneration] = {}
        timeline.listeners.append(self._hear)

    @property
    def jobs(self) -> tuple[Regeneration, ...]:
        """In the order of asking."""
        with self._timeline.store.lock:
            return tuple(self._all.values())

    def start(
        self,
        track: Track | str,
        descriptors: Iterable[Descriptor],
        *,
        action: str = "regenerate",
        note: str = "",
        force: bool = True,
    ) -> Regeneration:
        """Compute features again; without `force`, only those that are not fresh.

        A descriptor that is being regenerated already is not computed twice.
        """
        timeline = self._timeline
        with timeline.store.changing() as change:
            timeline._check_open()
            found = timeline.track(track)
            wanted = list({Slot.of(one): one for one in descriptors}.values())
            if not wanted:
                raise InvalidParameterError("There is nothing to regenerate.", hint='Name features: ["rms"].')
            items = [timeline._bench.item(found.source, one) for one in wanted]
            slots = {Slot.of(one) for one in wanted}
            for other in self._all.values():
                same_source = other.source_id == found.source_id and not other.ended
                if same_source and slots <= set(other._slots.values()) and self._is_current(other, items):
                    return other
            made = Regeneration(self, found, wanted, action=action, note=note)
            self._all[made.id] = made
            message = "reanalysing feature track" + ("s" if len(items) > 1 else "")
            timeline._ensure(change, found.source_id, items, force=force, retry=True, start="now", message=message)
            for item in items:
                job = timeline._work.computing(found.source_id, item.key)
                if job is not None:
                    made._slots[job.id, item.key] = Slot.of(item.descriptor)
                    made._jobs[job.id] = job
                    if job.state != "queued":
                        self._begin(made)
            self._settle(made)
            self._forget()
            change.emit(events.DiagnosticsChanged(reason="regeneration"))
            return made

    def _is_current(self, regeneration: Regeneration, items: Iterable[Item]) -> bool:
        """Whether it will deliver just these results, and nobody has cancelled it."""
        keys = {key for _, key in regeneration._slots}
        alive = not any(job.control.cancelled for job in regeneration._jobs.values())
        return alive and all(item.key in keys for item in items)

    def cancel(self, regeneration: Regeneration) -> bool:
        """See `Regeneration.cancel`."""
        with self._timeline.store.changing() as change:
            if regeneration.ended:
                return False
            mine = {key for _, key in regeneration._slots}
            own = []
            for job in regeneration._jobs.values():
                others = {item.key for item in job.items} - job.stored - set(job.failures) - mine
                shared = any(job.id in other._jobs for other in self._all.values() if other is not regeneration)
                if not others and not shared:
                    own.append(job)
            regeneration._undone |= set(regeneration._slots.values())
            regeneration._slots.clear()
            self._settle(regeneration)
            change.emit(events.DiagnosticsChanged(reason="regeneration"))
        for job in own:
            job.cancel()
        return True

    def give_up_if_closed(self, regeneration: Regeneration) -> None:
        """Nothing is heard any more of what a closed session had begun."""
        if self._timeline.closed:
            with self._timeline.store.lock:
                regeneration._undone |= set(regeneration._slots.values())
                regeneration._slots.clear()
                self._settle(regeneration)

    # --- what jobs say -----------------------------------------------------------------------

    def _hear(self, what: str, job: Job, item: Item | None, error: BaseException | None) -> None:
        concerned = [one for one in self._all.values() if job.id in one._jobs and not one.ended]
        for one in concerned:
            if what == "started":
                self._begin(one)
            elif what == "ended":
                for place in [place for place in one._slots if place[0] == job.id]:
                    one._undone.add(one._slots.pop(place))
            elif item is not None:
                slot = one._slots.pop((job.id, item.key), None)
                if slot is not None and error is not None:
                    one.errors[slot] = error
            self._settle(one)
        if concerned:
            with self._timeline.store.changing() as change:
                self._forget()
                change.emit(events.DiagnosticsChanged(reason="regeneration"))

    def _begin(self, regeneration: Regeneration) -> None:
        if regeneration.state == "queued":
            regeneration.state = "running"
            regeneration.started_at = time.time()
            regeneration._began_s = time.monotonic()

    def _settle(self, regeneration: Regeneration) -> None:
        """Give it its final state, once nothing is to come any more."""
        one = regeneration
        if one._slots or one.ended:
            return
        one.ended_at = time.time()
        one.seconds = None if one._began_s is None else time.monotonic() - one._began_s
        one.state = "failed" if one.errors else "cancelled" if one._undone else "succeeded"
        one._jobs.clear()
        self._history.add(
            one.action,
            one.track_id,
            one.profile,
            one.features,
            one.state,
            seconds=one.seconds,
            note=one.note,
            error=one.error,
        )
        one._over.set()

    def _forget(self) -> None:
        ended = [one.id for one in self._all.values() if one.ended]
        for one in ended[: max(0, len(ended) - KEPT)]:
            del self._all[one]
