"""What must be true after a file of others was read, whether it was taken or refused."""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
import zlib

import numpy as np

import audiocache_nb as acn
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.errors import AudioCacheError, CacheError
from audiocache_nb.features.registry import calculators

LONGEST_MESSAGE = 2000
OUTCOMES = {"loaded", "missing"}


def check_error(error: BaseException) -> None:
    """An error has a code and a hint, can be shown as it is, and survives a way through another process."""
    assert isinstance(error, AudioCacheError), repr(error)
    assert error.code.startswith("ACN-")
    assert error.code != AudioCacheError.code
    assert error.hint, error.message
    assert _is_showable(error.message), repr(error.message)
    assert len(error.message) < LONGEST_MESSAGE, len(error.message)
    json.dumps(error.context, allow_nan=False)
    rebuild, arguments = error.__reduce__()
    copy = rebuild(*arguments)
    assert (type(copy), str(copy), copy.context) == (type(error), str(error), error.context)


class Witness:
    """A session with tracks, a history and a cache on disk, which no import may change."""

    def __init__(self, folder: str) -> None:
        self.cache_dir = f"{folder}/witness"
        self.session = acn.Session(cache_dir=self.cache_dir, workers=1, bpm=97)
        sound = np.cos(np.arange(2000) / 7).astype(np.float32)
        self.session.add_audio(sound, 8000, track_id="mine")
        self.session.get("mine", "rms")
        self.session.move("mine", offset_ticks=960)
        self.session.move("mine", offset_ticks=480)
        self.session.undo()
        self.session.wait()
        self.session.cache.store.flush()
        _saved(self.session, folder)  # so that everything is imported
        _looked_at(self.session)
        self._before = self._print()

    def check(self, *, files: bool = True) -> None:
        """Tracks, tempo, demand, undo, calculators and the cache's files are what they were."""
        assert self._print(files=files)[: None if files else -1] == self._before[: None if files else -1]

    def close(self) -> None:
        """End the session."""
        self.session.close()

    def _print(self, *, files: bool = True) -> tuple[object, ...]:
        timeline = self.session.timeline
        return (
            id(timeline.store.snapshot()),
            self.session.tempo.snapshot(),
            {element: timeline.demand.of(element) for element in timeline.demand.elements},
            (len(timeline.history._done), len(timeline.history._undone)),
            (len(calculators._listeners), len(calculators._own), len(calculators._plugins)),
            _files(self.cache_dir) if files else {},
        )


def _files(folder: str) -> dict[str, tuple[int, int]]:
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            status = os.stat(os.path.join(root, name))  # noqa: PTH116, PTH118 - quick
            found[f"{root}/{name}"] = (status.st_size, status.st_mtime_ns)
    return found


def check_session(session: acn.Session, report: object, data: bytes, folder: str) -> None:
    """A scene that was taken: everything can be looked at, and nothing counts as computed here."""
    chance = zlib.crc32(data)
    assert {one.outcome for one in report.features} <= OUTCOMES
    assert _is_showable(str(report)), str(report)
    assert isinstance(session.timeline.cache, MemoryCache)
    assert not session.timeline.cache._tracks
    assert session.timeline.history.undoable is None
    shown = session.store.snapshot()
    for source_id, state in shown.sources.items():
        assert _is_showable(state.source.name)
        for slot, entry in state.entries.items():
            if entry.track is None:
                continue
            assert "imported" in entry.track.provenance
            try:
                entry.track.values()
            except CacheError as error:
                check_error(error)
                now = session.store.snapshot().sources[source_id].entries.get(slot)
                assert now is None or now.track is not entry.track  # told at once, and never shown
            else:
                _ = (entry.track.coords, repr(entry.track))
    if chance % 4 == 0:
        _looked_at(session)
    if chance % 64 == 1:
        _saved(session, folder)
    assert not session.timeline.cache._tracks


def _looked_at(session: acn.Session) -> None:
    for track in session.tracks.values():
        assert _is_showable(session.status(track).message or "")
        entries = session.store.snapshot().sources[track.source_id].entries
        for entry in list(entries.values()):
            sentence = session.timeline.freshness(track, entry.descriptor).explain()
            assert sentence
            assert _is_showable(sentence), sentence
            with contextlib.suppress(AudioCacheError):  # there is no such calculator here
                session.sample(track, entry.descriptor, time=0.05)
    _ = (session.diagnostics.groups, session.diagnostics.banner, repr(session))


def _saved(session: acn.Session, folder: str) -> None:
    """What was taken can be saved, and taken again."""
    path = f"{folder}/again.zip"
    session.save(path, prune=False)
    acn.load(path, cache_dir=False, workers=1)[0].close()


def _is_showable(text: str) -> bool:
    """Whether text has no control characters, no half characters, and does not change the direction of reading."""
    return text.isprintable() or not any(
        unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in "\u200c\u200d\n" for sign in text
    )
