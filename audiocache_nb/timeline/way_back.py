"""Ways back to recordings that are not on the timeline any more, for an undo that may want them."""

from __future__ import annotations

import collections
import dataclasses
import logging
import threading
import weakref
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, Literal

from audiocache_nb.cache.notes import Notes

if TYPE_CHECKING:
    import mmap
    import pathlib

    from audiocache_nb.audio.source import AudioSource

KEPT_BYTES: Final = 64 << 20
ASIDE_BYTES: Final = 4 << 30
BUNDLE_BYTES: Final = 256 << 20
CLOSE_S: Final = 0.2
log = logging.getLogger("audiocache_nb")


@dataclasses.dataclass(eq=False)
class _Kept:
    """A recording that is kept.

    Attributes
    ----------
    source : AudioSource
    where : {"waiting", "aside", "memory"}
        In memory until it is written; in a file; in memory because it could not be written.
    made_of : weak reference
        The recording that was in memory.
    """

    source: AudioSource
    where: Literal["waiting", "aside", "memory"]
    made_of: weakref.ref[AudioSource]

    @property
    def nbytes(self) -> int:
        return content_bytes(self.source)


class Sources:
    """Ways back to sources that are not on the timeline any more.

    Files, and what else is read from somewhere, are referred to. What is held in memory, arrays and encoded bytes,
    is written into files without names by a thread that lives while there is something to write, and referred
    to there: then nothing of it is in memory. If that fails it stays in memory, within bounds. Whatever is not
    kept can come back as long as somebody else holds it.

    Parameters
    ----------
    kept_bytes : int >= 0 [bytes]
        What may stay in memory that cannot be set aside, the latest first.
    aside_bytes : int >= 0 [bytes]
        What may be set aside in files, the latest first; a recording longer than that is not set aside.

    Attributes
    ----------
    folder : Path or None
        Where the files take up room; None: where the system keeps temporary files.
    notes : Notes
        Where it is said that recordings stay in memory.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES, aside_bytes: int = ASIDE_BYTES) -> None:
        self.kept_bytes = kept_bytes
        self.aside_bytes = aside_bytes
        self.folder: pathlib.Path | None = None
        self.notes = Notes()
        self._lock = threading.Condition()  # under it nothing is waited for
        self._light: dict[str, AudioSource] = {}
        self._heavy: collections.OrderedDict[str, _Kept] = collections.OrderedDict()
        self._elsewhere: weakref.WeakValueDictionary[str, AudioSource] = weakref.WeakValueDictionary()
        self._gone: list[_Kept] = []  # let go by the thread: where a file ends, the disk has work to do
        self._thread: threading.Thread | None = None
        self._closed = False

    def keep(self, *sources: AudioSource) -> None:
        """Keep sources that leave the timeline."""
        with self._lock:
            if self._closed:
                return
            for source in sources:
                if content_bytes(source):
                    self._keep_heavy(source)
                    continue
                let_go = getattr(source.origin, "let_go", None)
                if let_go is not None:
                    let_go()
                self._light[source.id] = source
            self._keep_budgets()
            self._start()

    def get(self, source_id: str) -> AudioSource | None:
        """The source, if there is still a way to it: as somebody holds it, else as it is kept."""
        with self._lock:
            kept = self._heavy.get(source_id)
            found = self._light.get(source_id) or self._elsewhere.get(source_id)
            return found or (None if kept is None else kept.source)

    def retain(self, source_ids: AbstractSet[str], returned_ids: AbstractSet[str] = frozenset()) -> None:
        """Forget all others, except for files of sources that came back and may go again."""
        for source_id in [one for one in self._light if one not in source_ids]:
            del self._light[source_id]
        with self._lock:
            for source_id, kept in list(self._heavy.items()):
                if source_id not in source_ids and (source_id not in returned_ids or kept.where != "aside"):
                    self._drop(self._heavy.pop(source_id))
            self._start()

    @property
    def nbytes(self) -> int:
        """Bytes of audio that are kept for an undo, in memory and in files."""
        with self._lock:
            return sum(kept.nbytes for kept in self._heavy.values())

    @property
    def memory_bytes(self) -> int:
        """Bytes of audio that are kept in memory: until they are written, or because they cannot be."""
        with self._lock:
            return sum(kept.nbytes for kept in self._heavy.values() if kept.where != "aside")

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until nothing is to be written any more; False if the time [s] ran out."""
        with self._lock:
            return self._lock.wait_for(lambda: self._thread is None, timeout)

    def close(self, timeout: float = CLOSE_S) -> None:
        """Forget everything, and end the writing; waits for that up to this time [s]."""
        with self._lock:
            self._closed = True
            self._light.clear()
            self._gone += self._heavy.values()
            self._heavy.clear()
            if self._thread is None:
                self._gone.clear()
        self.flush(timeout)

    # --- inside, under the lock --------------------------------------------------------------

    def _keep_heavy(self, source: AudioSource) -> None:
        self._elsewhere[source.id] = source
        known = self._heavy.pop(source.id, None)
        if known is None or known.where == "memory" or source not in (known.source, known.made_of()):
            self._drop(known)
            known = _Kept(source, "waiting", weakref.ref(source))
            if aside_file(source) is not None:
                known.where = "aside"
            elif known.nbytes > self.aside_bytes:
                known.where = "memory"
        self._heavy[source.id] = known

    def _keep_budgets(self) -> None:
        """Keep the latest that fit; a file counts as a whole if anything in it is kept."""
        memory = disk = 0
        files: set[int] = set()
        for source_id, kept in reversed(list(self._heavy.items())):
            file = aside_file(kept.source)
            if kept.where == "memory":
                memory += kept.nbytes
            elif file is None:
                disk += kept.nbytes
            elif id(file) not in files:
                files.add(id(file))
                disk += len(file)
            if memory > self.kept_bytes if kept.where == "memory" else disk > self.aside_bytes:
                self._drop(self._heavy.pop(source_id))

    def _drop(self, kept: _Kept | None) -> None:
        if kept is not None and kept.where == "aside":
            self._gone.append(kept)

    def _start(self) -> None:
        if not self._gone and not any(kept.where == "waiting" for kept in self._heavy.values()):
            return
        if self._thread is None or not self._thread.is_alive():  # a forked process has none of its parent's threads
            self._thread = threading.Thread(target=self._work, name="audiocache_nb undo", daemon=True)
            self._thread.start()

    # --- the thread --------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._lock:
                gone, self._gone = self._gone, []
                bundle = self._bundle()
                if not gone and not bundle:
                    self._thread = None
                    self._lock.notify_all()
                    return
            gone.clear()
            if bundle:
                self._set_aside(bundle)
            del bundle

    def _bundle(self) -> list[_Kept]:
        """What goes into one file: open files are few, and many short recordings may be removed at once."""
        found: list[_Kept] = []
        size = 0
        for kept in self._heavy.values():
            if kept.where == "waiting" and (not found or size + kept.nbytes <= BUNDLE_BYTES):
                found.append(kept)
                size += kept.nbytes
        return found

    def _set_aside(self, bundle: list[_Kept]) -> None:
        from audiocache_nb.audio.set_aside import set_aside  # few sessions remove what is in memory

        def goes_on() -> bool:
            return any(self._heavy.get(kept.source.id) is kept for kept in bundle)

        copies: list[AudioSource] | None = None
        failed = False
        try:
            copies = set_aside([kept.source for kept in bundle], self.folder, goes_on)
        except Exception as error:  # whatever it was, it costs this file and no later one
            failed = True
            if not isinstance(error, OSError):
                log.exception("A removed recording could not be set aside.")
            bound = f"up to {self.kept_bytes >> 20:,} MB for all of them"
            why = f"could not be set aside in a file ({error})"
            self.notes.add("undo", f"What was removed stays in memory for an undo, {bound}: it {why}.")
        with self._lock:
            for n, kept in enumerate(bundle):
                if self._heavy.get(kept.source.id) is not kept:
                    continue
                if failed:
                    kept.where = "memory"
                elif copies is not None:
                    kept.source, kept.where = copies[n], "aside"
            self._keep_budgets()


def content_bytes(source: AudioSource) -> int:
    """Bytes of audio that a source holds, in memory or in a file of ours; none if it is read from elsewhere."""
    if source.array is not None:
        return source.array.nbytes
    encoded = getattr(source.origin, "data", None)
    return len(encoded) if isinstance(encoded, bytes | memoryview) else 0


def aside_file(source: AudioSource) -> mmap.mmap | None:
    """The file that a source was set aside in; None if it was not."""
    return getattr(source.origin, "aside", None)
