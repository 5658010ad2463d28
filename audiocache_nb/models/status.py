"""The status of one track's recording, as traits."""

from __future__ import annotations

from typing import Any

import traitlets

from audiocache_nb.models.locked import LockedMixin
from audiocache_nb.models.protocol import SessionLike, SnapshotLike, StatusLike, require_open, require_track
from audiocache_nb.models.text import display_text, finite, fraction, message_text

STATES = ("idle", "pending", "ready", "failed", "stale")


class StatusModel(LockedMixin):
    """Mirror of the status of one track.

    Parameters
    ----------
    session : Session
    track : Track or str

    Attributes
    ----------
    state : {"idle", "pending", "ready", "failed", "stale"}
    message : str
        One sentence, or empty.
    progress : float in 0 .. 1 or None
        Only while pending.
    label : str
        What is being done.
    eta_s : float [s] or None
        Time to go.
    updated_at : float [s since 1970] or None
        When the status changed. Set last: who observes it finds the other traits in step.

    Notes
    -----
    Observers run on the session's publisher thread, at most 20 times a second. Values between two
    ticks are skipped; the last one always arrives. Without :meth:`close` the mirror lasts as long
    as somebody holds it.

    Raises
    ------
    UnknownTrackError, SessionClosedError
    """

    state = traitlets.Unicode("idle")
    message = traitlets.Unicode("")
    progress = traitlets.Float(None, allow_none=True)
    label = traitlets.Unicode("")
    eta_s = traitlets.Float(None, allow_none=True)
    updated_at = traitlets.Float(None, allow_none=True)

    def __init__(self, session: SessionLike, track: Any) -> None:
        require_open(session)
        self._track_id = require_track(session, track)
        self._store = session.store
        self._publisher = session.publisher
        super().__init__(**self._collect())
        self._publisher.watch(self, self._collect)

    @property
    def track_id(self) -> str:
        """The track this is about."""
        return self._track_id

    def _collect(self) -> dict[str, Any]:
        return status_values(self._store.snapshot(), self._track_id)

    def close(self) -> None:
        """Follow the status no longer."""
        self._publisher.detach(self)


def status_of(snapshot: SnapshotLike, track_id: str) -> StatusLike | None:
    """Status of a track's source; None if the track is gone or nothing was ever done with it."""
    track = snapshot.tracks.get(track_id)
    source = None if track is None else snapshot.sources.get(track.source_id)
    return None if source is None else source.status


def status_values(snapshot: SnapshotLike, track_id: str) -> dict[str, Any]:
    """The traits of :class:`StatusModel`, from a snapshot; numbers are finite or None."""
    status = status_of(snapshot, track_id)
    if status is None:
        gone = track_id not in snapshot.tracks
        message = "The track was removed." if gone else ""
        return {"state": "idle", "message": message, "progress": None, "label": "", "eta_s": None, "updated_at": None}
    progress = status.progress if status.state == "pending" else None
    return {
        "state": status.state if status.state in STATES else "idle",
        "message": message_text(status.message or ""),
        "progress": None if progress is None else fraction(progress.value),
        "label": "" if progress is None else display_text(progress.label or ""),
        "eta_s": None if progress is None else finite(progress.eta),
        "updated_at": finite(status.updated_at),
    }
