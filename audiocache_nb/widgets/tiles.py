"""Tiles on request, off the main thread: pictures built once and shared, answers most relevant first."""

from __future__ import annotations

import dataclasses
import functools
import logging
import threading
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from audiocache_nb.errors import AudioCacheError, SourceMissingError
from audiocache_nb.features.track import FeatureTrack, Growing
from audiocache_nb.models.protocol import SessionLike
from audiocache_nb.models.publisher import Publisher
from audiocache_nb.models.text import message_text
from audiocache_nb.sampling.shelf import PyramidShelf
from audiocache_nb.widgets.codec import tile_message
from audiocache_nb.widgets.layers import Picture
from audiocache_nb.widgets.messages import TileRequest, refused
from audiocache_nb.widgets.pictures import make_picture
from audiocache_nb.widgets.pool import Pool, Stopped

log = logging.getLogger("audiocache_nb")

BUDGET_BYTES = 192 << 20
QUEUE_LENGTH = 64
TOO_MANY = "Too many requests; ask again if it is still visible."
CLOSED = "The session is closed."
THREADS = 2  # one may be building a picture, the other answers meanwhile


class TileOwner(Protocol):
    """Who asks for tiles: a plot."""

    def send(self, content: Any, buffers: Any = None) -> None: ...
    def tile_relevance(self, request: TileRequest) -> int: ...


class _Recording:
    """A recording as pictures may keep it: they do not hold its samples when its track is removed."""

    def __init__(self, audio: Any) -> None:
        self.sample_rate, self.channels, self.frames = audio.sample_rate, audio.channels, audio.frames
        self._audio = weakref.ref(audio)

    def read(self, first: int, frames: int) -> Any:
        audio = self._audio()
        if audio is None:
            raise SourceMissingError("The recording is not there any more.", hint="Undo what has removed it.")
        return audio.read(first, frames)


def _not_held(audio: Any) -> Any:
    return audio if audio is None or not hasattr(audio, "read") else _Recording(audio)


@dataclasses.dataclass(eq=False)
class _Request:
    owner: weakref.ref[Any]
    request: TileRequest
    picture: Picture


@dataclasses.dataclass(eq=False)
class _Kept:
    track: weakref.ref[FeatureTrack]
    picture: Picture


@dataclasses.dataclass(eq=False)
class _Build:
    track: FeatureTrack
    ready: list[Callable[[], None]]
    audio: Any = None
    error: str = ""


class TileService:
    """Builds the pictures of feature tracks and answers requests for their tiles.

    Pictures are known by the key of their feature track: plots of the same feature share one. They
    are kept, within a budget of bytes and least recently used first, as long as the session keeps
    the track.

    Parameters
    ----------
    budget_bytes : int
        For pictures that may be wanted again; a plot holds those it shows by itself.
    queue_length : int
        More requests than this are refused, the oldest first; a page asks for at most four at once.
    shelf : PyramidShelf, optional
        Where pyramids of long features are kept between sessions.
    """

    def __init__(
        self,
        *,
        budget_bytes: int = BUDGET_BYTES,
        queue_length: int = QUEUE_LENGTH,
        shelf: PyramidShelf | None = None,
    ) -> None:
        self._shelf = shelf
        self._budget_bytes = budget_bytes
        self._queue_length = queue_length
        self._lock = threading.RLock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._builds: OrderedDict[str, _Build] = OrderedDict()
        self._building: str | None = None
        self._failed: weakref.WeakKeyDictionary[FeatureTrack, str] = weakref.WeakKeyDictionary()
        self._queue: list[_Request] = []
        self._growing: list[Callable[[], None]] = []
        self._looking: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._closed = False
        self.name = uuid.uuid4().hex  # a page may show plots of several sessions
        self._pool = Pool(self._pick, self._lock, threads=THREADS)

    # -- pictures -----------------------------------------------------------------------------------

    def picture(self, track: FeatureTrack) -> Picture | None:
        """The picture of a track, if it is there."""
        with self._lock:
            kept = self._kept.get(track.key)
            if kept is None:
                return None
            self._kept.move_to_end(track.key)
            return kept.picture

    def failure(self, track: FeatureTrack) -> str:
        """Why there is no picture of a track; empty if nothing is known."""
        with self._lock:
            return self._failed.get(track, "")

    def prepare(self, track: FeatureTrack, ready: Callable[[], None], audio: Any = None) -> None:
        """Build the picture of a track in the background, then call `ready`, also after a failure.

        Parameters
        ----------
        audio : AudioSource, optional
            The recording of the track, for what lies below its frames.
        """
        with self._lock:
            if self._closed:
                return
            if track.key not in self._kept and track not in self._failed:
                build = self._builds.setdefault(track.key, _Build(track, [], audio))
                if ready not in build.ready:
                    build.ready.append(ready)
                ready = _nothing
        if ready is not _nothing:
            ready()
            return
        self._pool.wake()

    def grow(
        self, growing: Growing, audio: Any, before: Picture | None, ready: Callable[[Picture | None], None]
    ) -> None:
        """Build a picture of what exists of a track by now, and hand it over; None if that cannot be done."""
        recording = _not_held(audio)

        def work() -> None:
            picture: Picture | None = None
            try:
                picture = make_picture(growing.track, self._checkpoint, recording, growing.done, before)
            except Exception as failure:
                if isinstance(failure, Stopped):
                    raise
                log.debug("a growing feature could not be drawn", exc_info=True)
            ready(picture)

        with self._lock:
            if self._closed:
                return
            self._growing.append(work)
        self._pool.wake()

    def _build(self, key: str, build: _Build) -> None:
        picture: Picture | None = None
        error = ""
        try:
            picture = make_picture(build.track, self._checkpoint, _not_held(build.audio), shelf=self._shelf)
        except Exception as failure:
            if isinstance(failure, Stopped):
                raise
            log.warning("the picture of %s could not be made", build.track.feature, exc_info=True)
            error = f"The picture could not be made ({type(failure).__name__})."  # a path may be in the message
        with self._lock:
            self._building = None
            self._builds.pop(key, None)
            if picture is not None:
                self._keep(build.track, picture)
            else:
                self._failed[build.track] = error
            callbacks, build.ready = build.ready, []
        for callback in callbacks:
            callback()

    def _keep(self, track: FeatureTrack, picture: Picture) -> None:
        key, service = track.key, weakref.ref(self)

        def gone(reference: weakref.ref[FeatureTrack]) -> None:
            alive = service()
            if alive is not None:
                alive._forget(key, reference)

        self._kept[key] = _Kept(weakref.ref(track, gone), picture)
        total = sum(kept.picture.nbytes for kept in list(self._kept.values()))
        while total > self._budget_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            total -= dropped.picture.nbytes

    def _forget(self, key: str, reference: weakref.ref[FeatureTrack]) -> None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.track is reference:
                del self._kept[key]

    def _checkpoint(self) -> None:
        if self._closed:
            raise Stopped

    # -- tiles --------------------------------------------------------------------------------------

    def request(self, owner: TileOwner, request: TileRequest, picture: Picture) -> None:
        """Answer a request soon, with the tile or with the reason why not."""
        dropped: _Request | None = None
        with self._lock:
            asked = _Request(weakref.ref(owner), request, picture)
            if self._closed:
                dropped = asked
            else:
                self._queue.append(asked)
            if len(self._queue) > self._queue_length:
                dropped = self._queue.pop(0)
        if dropped is not None:
            _refuse(dropped, CLOSED if self._closed else TOO_MANY)
        self._pool.wake()

    def look(self, owner: TileOwner, track_id: str | None) -> set[str]:
        """Note which track an owner on the screen shows, None: it is on no screen; returns those of all owners."""
        with self._lock:
            if track_id is None:
                self._looking.pop(owner, None)
            else:
                self._looking[owner] = track_id
            return set(self._looking.values())

    def drop(self, owner: TileOwner) -> None:
        """Forget what an owner asked for."""
        with self._lock:
            self._queue = [waiting for waiting in self._queue if waiting.owner() not in (owner, None)]

    def _pick(self) -> Callable[[], Any] | None:
        while self._queue:
            place = max(range(len(self._queue)), key=lambda k: (_relevance(self._queue[k]), k))
            chosen = self._queue.pop(place)
            if chosen.owner() is not None:
                return functools.partial(_answer, chosen)
        if self._building is None and self._builds:
            key = next(reversed(self._builds))  # what was asked for last is what is looked at
            self._building = key
            return functools.partial(self._build, key, self._builds[key])
        return self._growing.pop(0) if self._growing else None

    def close(self) -> None:
        """Answer nothing more and forget everything."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._builds.clear()
            self._growing.clear()
            self._kept.clear()
            self._failed.clear()
        self._pool.close()


def _nothing() -> None:
    """Stands for: somebody else will call."""


def _relevance(waiting: _Request) -> int:
    owner = waiting.owner()
    return -1 if owner is None else int(owner.tile_relevance(waiting.request))


def _answer(waiting: _Request) -> None:
    owner = waiting.owner()
    if owner is None:
        return
    request = waiting.request
    try:
        start_bucket, values = waiting.picture.pyramid.tile(request.level, request.index)
        header, buffer = tile_message(request, start_bucket, values)
    except AudioCacheError as error:
        _refuse(waiting, error.message)
    except Exception as error:  # a mapped file that went away, memory that ran out
        log.warning("a tile could not be made", exc_info=True)
        _refuse(waiting, f"The tile could not be made ({type(error).__name__}).")
    else:
        owner.send(header, [buffer])


def _refuse(waiting: _Request, message: str) -> None:
    owner = waiting.owner()
    if owner is not None:
        owner.send(refused(waiting.request.id, message_text(message)))


_services: weakref.WeakKeyDictionary[Publisher, TileService] = weakref.WeakKeyDictionary()
_services_lock = threading.Lock()


def tile_service(session: SessionLike) -> TileService:
    """The service of a session; ends with it."""
    publisher = session.publisher
    with _services_lock:
        service = _services.get(publisher)
        if service is None:
            cache = getattr(getattr(session, "cache", None), "store", None)  # of a session that has one
            service = _services[publisher] = TileService(shelf=PyramidShelf(cache))
            publisher.on_close(service.close)
    return service
