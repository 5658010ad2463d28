"""Writing in the background, so that nobody who computes or closes has to wait for the disk."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable

from audiocache_nb.cache.disk import DiskCache, Outcome
from audiocache_nb.cache.notes import log
from audiocache_nb.features.track import FeatureTrack

MAX_TRACKS = 10_000
MAX_BYTES = 1 << 30
IDLE_S = 1.0
EXIT_S = 0.8


class Writer:
    """A queue of tracks, and a thread that lives while there are any.

    What waits is held in memory, so it is bounded; what does not fit is not written, with a note.
    """

    def __init__(self, disk: DiskCache) -> None:
        self._disk = disk
        self._lock = threading.Condition()
        self._waiting: OrderedDict[str, FeatureTrack] = OrderedDict()
        self._bytes = 0
        self._writing: FeatureTrack | None = None
        self._forgotten = False  # what is being written is not wanted any more
        self._deadline_s: float | None = None
        self._thread: threading.Thread | None = None
        self._unwritten: weakref.WeakValueDictionary[str, FeatureTrack] = weakref.WeakValueDictionary()
        _writers.add(self)

    def submit(self, track: FeatureTrack) -> None:
        """Write a track when its turn comes."""
        with self._lock:
            if self._deadline_s is not None:
                return
            self._drop(track.key)
            if self._waiting and (len(self._waiting) >= MAX_TRACKS or self._bytes + track.nbytes > MAX_BYTES):
                self._disk.counters.unwritten += 1
                self._unwritten[track.key] = track
                self._disk.notes.add("slow", "The disk is slower than the analysis: some results stay in memory.")
                return
            self._waiting[track.key] = track
            self._bytes += track.nbytes
            if self._thread is None or not self._thread.is_alive():  # a forked process has none of its parent's threads
                self._thread = threading.Thread(target=self._run, name="audiocache_nb cache", daemon=True)
                self._thread.start()
            self._lock.notify_all()

    def find(self, key: str) -> FeatureTrack | None:
        """A track that is still to be written."""
        with self._lock:
            writing = self._writing
            if writing is not None and writing.key == key and not self._forgotten:
                return writing
            return self._waiting.get(key)

    def forgets(self, key: str) -> bool:
        """Whether this is being written although nobody wants it any more; then it goes as soon as it is there."""
        with self._lock:
            return self._writing is not None and self._writing.key == key and self._forgotten

    def forget(self, wanted: Callable[[FeatureTrack], bool]) -> dict[str, int]:
        """Write none of these tracks; returns their sizes [bytes] by key."""
        with self._lock:
            found = {key: track.nbytes for key, track in self._waiting.items() if wanted(track)}
            for key in found:
                self._drop(key)
            for key, track in list(self._unwritten.items()):
                if wanted(track):
                    self._unwritten.pop(key, None)
            if self._writing is not None and wanted(self._writing):
                found[self._writing.key] = self._writing.nbytes
                self._forgotten = True
        return found

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything has been written; False if the time ran out."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._waiting and self._writing is None, timeout)

    def close(self, timeout: float = EXIT_S) -> None:
        """Write what can be written in this time [s], and nothing any more after it."""
        with self._lock:
            if self._deadline_s is not None:
                return
            self._deadline_s = time.monotonic() + timeout
            self._lock.notify_all()
        if not self.flush(timeout):
            with self._lock:
                self._disk.counters.unwritten += len(self._waiting)
                self._waiting.clear()
                self._bytes = 0
            self.flush(timeout / 4)  # what is being written ends at its next block

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._lock.wait_for(lambda: self._waiting or self._deadline_s is not None, IDLE_S)
                if not self._waiting:
                    self._thread = None
                    return
                _, track = self._waiting.popitem(last=False)
                self._bytes -= track.nbytes
                self._writing, self._forgotten = track, False
            outcome: Outcome = "refused"
            try:
                outcome = self._disk.put(track, go_on=self._goes_on)
                if outcome == "written" and self._forgotten:
                    self._disk.discard(track.key)
            except Exception:  # whatever it was, it costs this entry and no other one
                log.exception("A cache entry could not be written.")
            finally:
                with self._lock:
                    self._writing = None
                    self._lock.notify_all()
            self._after(track, outcome)
            del track
            if not self._waiting and self._deadline_s is None:
                self._disk.tidy()

    def _goes_on(self) -> bool:
        return not self._forgotten and (self._deadline_s is None or time.monotonic() < self._deadline_s)

    def _after(self, track: FeatureTrack, outcome: Outcome) -> None:
        """Once the disk can be written to again, so is what could not be written before."""
        if outcome == "failed" and not self._forgotten:
            self._unwritten[track.key] = track
        elif outcome == "written":
            for key in list(self._unwritten):
                again = self._unwritten.pop(key, None)
                if again is not None and key != track.key:
                    self.submit(again)

    def _drop(self, key: str) -> None:
        track = self._waiting.pop(key, None)
        if track is not None:
            self._bytes -= track.nbytes


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Before the interpreter ends its threads: all writers together have the time of one."""
    deadline_s = time.monotonic() + EXIT_S
    for writer in list(_writers):
        writer.close(max(0.0, deadline_s - time.monotonic()))
