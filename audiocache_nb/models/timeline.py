"""The timeline, as traits."""

from __future__ import annotations

from typing import Any

import traitlets

from audiocache_nb.models.locked import LockedMixin
from audiocache_nb.models.protocol import SessionLike, SnapshotLike, TrackLike, require_open
from audiocache_nb.models.status import status_values
from audiocache_nb.models.text import display_text, finite


class TimelineModel(LockedMixin):
    """Mirror of a session's tracks and of the states of their recordings.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    tracks : list of dict
        In order: ``id``, ``name``, ``source_id``, ``offset_ticks``, ``region_start_tick``,
        ``region_end_tick``, ``gain``, ``mute``, ``enabled``.
    states : dict of str to str
        Track id to ``idle``, ``pending``, ``ready``, ``failed`` or ``stale``.
    revision : int
        Revision of the store's snapshot. Set last: who observes it finds the others in step.

    Notes
    -----
    Observers run on the session's publisher thread, at most 20 times a second.

    Raises
    ------
    SessionClosedError
    """

    tracks = traitlets.List(traitlets.Dict())
    states = traitlets.Dict()
    revision = traitlets.Int(0)

    def __init__(self, session: SessionLike) -> None:
        require_open(session)
        self._store = session.store
        self._publisher = session.publisher
        super().__init__(**self._collect())
        self._publisher.watch(self, self._collect)

    def _collect(self) -> dict[str, Any]:
        return timeline_values(self._store.snapshot())

    def close(self) -> None:
        """Follow the timeline no longer."""
        self._publisher.detach(self)


def timeline_values(snapshot: SnapshotLike) -> dict[str, Any]:
    """The traits of :class:`TimelineModel`, from a snapshot."""
    return {
        "tracks": [_track_values(track) for track in snapshot.tracks.values()],
        "states": {track_id: status_values(snapshot, track_id)["state"] for track_id in snapshot.tracks},
        "revision": int(snapshot.revision),
    }


def _track_values(track: TrackLike) -> dict[str, Any]:
    return {
        "id": track.id,
        "name": display_text(track.name),
        "source_id": track.source_id,
        "offset_ticks": finite(track.offset_ticks),
        "region_start_tick": finite(track.region_start_tick),
        "region_end_tick": finite(track.region_end_tick),
        "gain": finite(track.gain),
        "mute": bool(track.mute),
        "enabled": bool(track.enabled),
    }
