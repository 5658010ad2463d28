"""Plays the real sound, and moves the session's playhead with it."""

from __future__ import annotations

import collections
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.models.clock import Command, Report
from audiocache_nb.models.playhead_values import MAX_RATE, MIN_RATE
from audiocache_nb.models.protocol import SnapshotLike, require_open, require_track
from audiocache_nb.models.text import finite, message_text
from audiocache_nb.widgets.audio_media import HEAD_BYTES, Media, describe, opened
from audiocache_nb.widgets.audio_wave import PIECE_BYTES, Pieces
from audiocache_nb.widgets.base import AcnWidget, track_title
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.messages import (
    MAX_ID,
    MAX_NAME,
    PieceRequest,
    PlayheadRequest,
    Request,
    SoundRequest,
    done,
    is_time,
    refused,
)
from audiocache_nb.widgets.playhead_view import PlayheadTraits, playhead_values
from audiocache_nb.widgets.pool import Pool
from audiocache_nb.widgets.words import duration_text

QUEUE_LENGTH = 32
_POSITION = frozenset({"client", "heard", "time_s", "playing", "moving", "rate", "stamp_s", "synced"})


class Transport(PlayheadTraits, AcnWidget):
    """Plays a track, or all tracks together; every plot and inspector follows.

    The sound is in the page. A file below the folder that Jupyter was started in is fetched from the
    server as it is needed; everything else is sent there in pieces, with 16 bits. The track's
    place, region, gain and mute are heard; several tracks are mixed.

    Keys within the widget: space plays and pauses, the arrow keys go a second back and forth (a beat
    with shift), Home and End go to the ends, ``[`` and ``]`` set the loop's ends, ``l`` switches it.

    Parameters
    ----------
    session : Session
    track : Track or str, optional
        Default: everything on the timeline that is not muted.
    volume : float in 0 .. 1

    Attributes
    ----------
    volume : float in 0 .. 1
        May be set and observed.
    media : dict
        What is played, and why nothing is.
    client : str
        The page that plays; empty if none has been shown.

    Raises
    ------
    UnknownTrackError, SessionClosedError, WidgetError

    Examples
    --------
    >>> acn.Transport(session)  # doctest: +SKIP
    """

    view_name = "transport"
    page_traits = AcnWidget.page_traits | {"position", "volume"}

    title = traitlets.Unicode().tag(sync=True)
    media = traitlets.Dict().tag(sync=True)
    volume = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True, echo_update=False)
    position = traitlets.Dict().tag(sync=True, echo_update=False)

    client = ""

    def __init__(self, session: Any, track: Any = None, *, volume: float = 1.0) -> None:
        require_open(session)
        self._session = session
        self._track_id = None if track is None else require_track(session, track)
        self._refused: frozenset[str] = frozenset()
        self._media = Media()
        self._facts: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()
        self._open: tuple[str, Pieces | None, str] = ("", None, "")
        self._queue: collections.deque[PieceRequest] = collections.deque()
        self._pool = Pool(self._pick, self._lock, threads=1)
        self._playhead = session.playhead
        super().__init__(session, volume=volume, **self._transport_values(session.store.snapshot()))

    # -- state ----------------------------------------------------------------------------------------

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._transport_values(snapshot)

    def _transport_values(self, snapshot: SnapshotLike) -> dict[str, Any]:
        title = self._title(snapshot)
        media = describe(snapshot, self._session.tempo.snapshot(), self._track_id, self._refused, title)
        self._media = media
        return {"title": title, "media": {**media.values(), **self._known(media)}, **playhead_values(self._session)}

    def _title(self, snapshot: SnapshotLike) -> str:
        if self._track_id is not None:
            return track_title(snapshot, self._track_id)
        names = [track_title(snapshot, name) for name, track in snapshot.tracks.items() if track.enabled]
        return names[0] if len(names) == 1 else f"{len(names)} tracks" if names else "No tracks"

    def _known(self, media: Media) -> dict[str, Any]:
        """Size and first bytes of a file, by which the page sees that its server has the same one."""
        if media.way != "file":
            return {"nbytes": 0, "head": ""}
        known = self._facts.get(media.key)
        if known is None:
            pieces, _ = opened(media)
            try:
                head = b"" if pieces is None else pieces.read(0, HEAD_BYTES)
            except (AudioCacheError, OSError):
                head = b""
            known = {"nbytes": 0 if pieces is None else pieces.nbytes, "head": head.hex()}
            self._facts = {media.key: known}
        return known

    # -- the page's sound -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether a page is there that could play now."""
        return bool(self.client) and not self._ended and (self._view_count or 0) > 0

    def command(self, command: Command) -> None:
        """Have the page do it."""
        self._tell(self.client, command)

    def _tell(self, client: str, command: Command) -> None:
        loop = None if command.loop is None else list(command.loop)
        self.send(
            {
                "kind": "command",
                "client": client,
                "id": command.id,
                "time_s": command.time_s,
                "playing": command.playing,
                "rate": command.rate,
                "loop": loop,
            }
        )

    @traitlets.observe("position")
    def _positioned(self, change: Any) -> None:
        said = change["new"]
        if not said or "_playhead" not in self.__dict__ or self._ended:
            return
        names = ("heard", "time_s", "playing", "moving", "rate", "stamp_s", "synced")
        report = Report(**{name: said[name] for name in names})
        if said["client"] != self.client:
            if not report.playing:
                return
            former, self.client = self.client, said["client"]
            if former:  # another page shows the same transport: only one of them is heard
                self._tell(former, Command(report.heard, None, playing=False, rate=report.rate, loop=None))
        self._playhead.report(self, report)

    def _move(self, request: PlayheadRequest) -> dict[str, Any]:
        if not request.done:
            return super()._move(request)
        self._playhead.adopt(self, **request.change)
        return done(request.id, "")

    def _answer(self, request: Request) -> bool:
        if isinstance(request, PieceRequest):
            self._enqueue(request)
            return True
        if not isinstance(request, SoundRequest):
            return False
        if request.verb == "hello":
            if not self.client or self._playhead.welcome(self):
                self.client = request.client
                self._playhead.attach(self)
            self._session.publisher.poke(self)
        elif request.key == self._media.key:
            self._refused |= {request.key}
            if request.verb == "unplayable":  # the bytes themselves are of no use to it
                self._refused |= {request.key.rpartition("-")[0] + "-bytes"}
            self._session.publisher.poke(self)
        self.send(done(request.id, ""))
        return True

    # -- pieces ---------------------------------------------------------------------------------------

    def _enqueue(self, request: PieceRequest) -> None:
        dropped = None
        with self._lock:
            self._queue.append(request)
            if len(self._queue) > QUEUE_LENGTH:
                dropped = self._queue.popleft()
        if dropped is not None:
            self.send(refused(dropped.id, "Too many requests."))
        self._pool.wake()

    def _pick(self) -> Callable[[], Any] | None:
        return functools.partial(self._send_piece, self._queue.popleft()) if self._queue else None

    def _send_piece(self, request: PieceRequest) -> None:
        media = self._media
        if request.key != media.key:
            self.send(refused(request.id, "Something else is to be heard now."))
            return
        key, pieces, reason = self._open
        if key != media.key:
            pieces, reason = opened(media)
            self._open = (media.key, pieces, reason)
        if pieces is None:
            self.send(refused(request.id, reason))
            return
        start = request.index * PIECE_BYTES
        try:
            data = pieces.read(start, start + PIECE_BYTES) if start < pieces.nbytes else b""
        except AudioCacheError as error:
            self.send(refused(request.id, message_text(f"{error.message} {error.hint}".strip())))
            return
        except Exception as error:  # memory that ran out, a reader of somebody's own
            self.send(refused(request.id, f"The sound could not be read ({type(error).__name__})."))
            return
        header = {"kind": "piece", "id": request.id, "key": media.key, "index": request.index, "nbytes": pieces.nbytes}
        self.send(header, [data])

    # -- page and end ---------------------------------------------------------------------------------

    def _accepts(self, name: str, value: Any) -> bool:
        if name == "volume":
            return is_time(value) and 0 <= value <= 1
        return is_position(value) if name == "position" else super()._accepts(name, value)

    def _unseen(self) -> None:
        with self._lock:
            self._queue.clear()
            self._open = ("", None, "")
        self._playhead.detach(self)

    def _end(self) -> None:
        self._unseen()
        self._pool.close()

    def _fallback(self) -> Fallback:
        playhead = self._playhead
        now = playhead.page_state_now()
        state = "playing" if now["playing"] else "paused"
        place = f"{state} at {duration_text(now['time_s'])}"
        if now["end_s"] is not None:
            place += f" of {duration_text(now['end_s'])}"
        musical = f"bar {playhead.bar}, beat {playhead.beat:.2f}"
        parts = [place, musical] + ([message_text(self.media["reason"])] if self.media["reason"] else [])
        return Fallback(f"Transport: {self.title}", " · ".join(parts))


def is_position(value: object) -> bool:
    """Whether this is what a page says about its sound."""
    if not isinstance(value, dict) or value.keys() != _POSITION:
        return False
    client, heard, rate = value["client"], value["heard"], finite(value["rate"])
    if not isinstance(client, str) or not 0 < len(client) <= MAX_NAME:
        return False
    if not isinstance(heard, int) or isinstance(heard, bool) or not 0 <= heard <= MAX_ID:
        return False
    if not all(isinstance(value[name], bool) for name in ("playing", "moving", "synced")):
        return False
    return is_time(value["time_s"]) and is_time(value["stamp_s"]) and rate is not None and MIN_RATE <= rate <= MAX_RATE
