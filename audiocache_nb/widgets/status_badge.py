"""The status of one track, as a badge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from audiocache_nb.models.protocol import SessionLike, SnapshotLike, require_open, require_track
from audiocache_nb.models.status import status_values
from audiocache_nb.widgets.base import AcnWidget, track_title
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.words import progress_text, state_text


class StatusBadge(AcnWidget):
    """Shows whether a track's recording is analysed, and how far.

    Parameters
    ----------
    session : Session
    track : Track or str

    Raises
    ------
    UnknownTrackError, SessionClosedError, WidgetError

    Examples
    --------
    >>> acn.StatusBadge(session, track)  # doctest: +SKIP
    """

    view_name = "badge"

    track_id = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode("idle").tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Float(None, allow_none=True).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    eta_s = traitlets.Float(None, allow_none=True).tag(sync=True)
    updated_at = traitlets.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, session: SessionLike, track: Any) -> None:
        require_open(session)
        track_id = require_track(session, track)
        values = badge_values(session.store.snapshot(), track_id)
        super().__init__(session, track_id=track_id, **values)

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return badge_values(snapshot, self.track_id)

    def _fallback(self) -> Fallback:
        parts = [self.text]
        if self.progress is not None:
            parts.append(f"{round(100 * self.progress)} % {self.label}")
        return Fallback(self.name, " · ".join([*parts, self.message] if self.message else parts))


def badge_values(snapshot: SnapshotLike, track_id: str) -> dict[str, Any]:
    """The traits of a badge."""
    values = status_values(snapshot, track_id)
    values["text"] = state_text(values["state"])
    if values["state"] == "pending":
        values["label"] = progress_text(None if values["progress"] is None else values["label"])
    if track_id in snapshot.tracks:  # a removed track keeps its name
        values["name"] = track_title(snapshot, track_id)
    return values
