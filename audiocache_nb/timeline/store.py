"""The store: one lock, immutable snapshots, ordered events."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from audiocache_nb.timeline.events import Event, ProgressChanged
from audiocache_nb.timeline.state import Snapshot, SourceState, Track
from audiocache_nb.timing.clip import ClipTable

log = logging.getLogger("audiocache_nb")
Callback = Callable[[Event], None]
PAUSED_AFTER = 3


@dataclasses.dataclass(eq=False)
class _Subscriber:
    callback: Callback
    since: int  # the latest event when it came
    failures: int = 0
    gone: bool = False


@dataclasses.dataclass(eq=False)
class _Replay:
    """What one subscriber hears before anything else."""

    subscriber: _Subscriber
    events: list[Event]


class TimelineStore:
    """Holds the timeline's state.

    Changes are made inside ``with store.changing() as change``; readers take `snapshot()` without
    waiting for anybody. Events are delivered by one thread of the store's own, in order, so that a
    slow or failing subscriber holds up neither a worker nor another subscriber's turn for good.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._snapshot = Snapshot()
        self._clips: tuple[Mapping[str, Track], ClipTable] | None = None
        self._current: Change | None = None
        self._sequence = 0
        self._subscribers: list[_Subscriber] = []
        self._queue: deque[Event | _Replay] = deque()
        self._delivered = 0
        self._wake = threading.Condition(threading.Lock())
        self._dispatcher: threading.Thread | None = None
        self.committed: list[Callable[[Change], None]] = []  # called under the lock after each change: be quick
        self.epoch = 0  # grows with every event that is more than progress

    def snapshot(self) -> Snapshot:
        """The state now."""
        return self._snapshot

    def clips(self, snapshot: Snapshot | None = None) -> ClipTable:
        """Where the tracks lie; made anew only when one of them has changed."""
        tracks = (snapshot or self._snapshot).tracks
        known = self._clips
        if known is None or known[0] is not tracks:
            known = (tracks, ClipTable.of(tracks.values()))
            if tracks is self._snapshot.tracks:  # tracks of earlier hold recordings that may be gone
                self._clips = known
        return known[1]

    @property
    def sequence(self) -> int:
        """Number of the latest event."""
        return self._sequence

    @contextlib.contextmanager
    def changing(self) -> Iterator[Change]:
        """Change the state: all of it or, if the block raises, nothing.

        A change begun inside another one on the same thread is a part of that one.
        """
        with self.lock:
            if self._current is not None:
                yield self._current
                return
            self._current = change = Change(self._snapshot)
            try:
                yield change
            finally:
                self._current = None
            if not change.touched and not change.events:
                return
            if change.tracks is not self._snapshot.tracks:
                self._clips = None
            self._snapshot = Snapshot(self._snapshot.revision + 1, change.tracks, change.sources)
            numbered = []
            for event in change.events:
                self._sequence += 1
                numbered.append(dataclasses.replace(event, sequence=self._sequence))
            self.epoch += any(not isinstance(event, ProgressChanged) for event in numbered)
            for hook in self.committed:
                hook(change)
            self._deliver(numbered)

    # --- events ------------------------------------------------------------------------------

    def subscribe(
        self, callback: Callback, *, replay: Callable[[], Iterable[Event]] | None = None
    ) -> Callable[[], None]:
        """Call `callback(event)` for every later event, on the store's own thread.

        Parameters
        ----------
        callback : callable
        replay : callable, optional
            Returns what the subscriber is to hear first: how things stand at this moment.

        Returns
        -------
        callable
            Ends the subscription; no call begins after it.

        Notes
        -----
        A subscriber that raises three times in a row is left out from then on; the log says so.
        """
        with self.lock, self._wake:
            subscriber = _Subscriber(callback, self._sequence)
            self._subscribers = [*self._subscribers, subscriber]
            if replay is not None:
                first = [dataclasses.replace(event, sequence=self._sequence) for event in replay()]
                self._queue.append(_Replay(subscriber, first))
                self._start()

        def unsubscribe() -> None:
            subscriber.gone = True
            with self._wake:
                self._subscribers = [other for other in self._subscribers if other is not subscriber]

        return unsubscribe

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all events so far have been delivered; False if the time ran out."""
        deadline_s = None if timeout is None else time.monotonic() + timeout
        with self.lock:
            target = self._sequence
        with self._wake:
            while self._queue or self._delivered < target:
                if not self._subscribers or self._dispatcher is threading.current_thread():
                    return True
                left_s = 0.05 if deadline_s is None else deadline_s - time.monotonic()
                if left_s <= 0:
                    return False
                self._wake.wait(min(left_s, 0.05))
        return True

    def _deliver(self, events: list[Event]) -> None:
        if not events:
            return
        with self._wake:
            if not self._subscribers:
                self._queue.clear()
                self._delivered = events[-1].sequence
                return
            self._queue.extend(events)
            self._start()

    def _start(self) -> None:
        if self._dispatcher is None:
            dispatcher = threading.Thread(target=self._dispatch, name="audiocache_nb events", daemon=True)
            dispatcher.start()
            self._dispatcher = dispatcher
        self._wake.notify_all()

    def _dispatch(self) -> None:
        while True:
            with self._wake:
                if not self._queue and not self._wake.wait_for(lambda: bool(self._queue), timeout=1.0):
                    self._dispatcher = None
                    return
                event = self._queue.popleft()
                subscribers = self._subscribers
            if isinstance(event, _Replay):
                for first in event.events:
                    self._call(event.subscriber, first, late=True)
                continue
            for subscriber in subscribers:
                self._call(subscriber, event)
            with self._wake:
                self._delivered = max(self._delivered, event.sequence)
                self._wake.notify_all()

    def _call(self, subscriber: _Subscriber, event: Event, *, late: bool = False) -> None:
        if subscriber.gone or subscriber.failures >= PAUSED_AFTER:
            return
        if event.sequence <= subscriber.since and not late:
            return
        try:
            subscriber.callback(event)
        except BaseException:  # whatever it was, it ends neither this thread nor the others' events
            subscriber.failures += 1
            end = " It is left out from now on." if subscriber.failures >= PAUSED_AFTER else ""
            log.exception("a subscriber of the timeline failed at %s.%s", type(event).__name__, end)
        else:
            subscriber.failures = 0


class Change:
    """A change being made to the state.

    Attributes
    ----------
    of_sources, of_tracks : set of str
        Ids of what was put, dropped or otherwise concerned.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.of_sources: set[str] = set()
        self.of_tracks: set[str] = set()
        # Copied when they are first written to: a change of the tempo, for one, writes to neither.
        self.tracks: Mapping[str, Track] = snapshot.tracks
        self.sources: Mapping[str, SourceState] = snapshot.sources
        self.events: list[Event] = []
        self.touched = False
        self._own_tracks: dict[str, Track] | None = None
        self._own_sources: dict[str, SourceState] | None = None

    def put_source(self, state: SourceState) -> None:
        """Add or replace a source."""
        self._sources_to_write(state.source.id)[state.source.id] = state

    def drop_source(self, source_id: str) -> None:
        """Remove a source."""
        del self._sources_to_write(source_id)[source_id]

    def put_track(self, track: Track) -> None:
        """Add or replace a track."""
        self._tracks_to_write(track.id)[track.id] = track

    def drop_track(self, track_id: str) -> None:
        """Remove a track."""
        del self._tracks_to_write(track_id)[track_id]

    def order_tracks(self, tracks: Iterable[Track]) -> None:
        """Put all tracks there are to be, in their order."""
        ordered = {track.id: track for track in tracks}
        written = self._tracks_to_write(*ordered)
        written.clear()
        written.update(ordered)

    def _sources_to_write(self, source_id: str) -> dict[str, SourceState]:
        if self._own_sources is None:
            self._own_sources = dict(self.sources)
            self.sources = MappingProxyType(self._own_sources)
        self.of_sources.add(source_id)
        self.touched = True
        return self._own_sources

    def _tracks_to_write(self, *track_ids: str) -> dict[str, Track]:
        if self._own_tracks is None:
            self._own_tracks = dict(self.tracks)
            self.tracks = MappingProxyType(self._own_tracks)
        self.of_tracks.update(track_ids)
        self.touched = True
        return self._own_tracks

    def emit(self, event: Event) -> None:
        """Announce what happened, once the change is made."""
        self.events.append(event)
