"""What buttons do: one verb of the session each."""

from __future__ import annotations

from typing import Any

from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.models.protocol import SessionLike
from audiocache_nb.widgets.messages import ActionRequest, PlayheadRequest, done, refused
from audiocache_nb.widgets.rows import slot_id


def perform(session: SessionLike, request: ActionRequest) -> dict[str, Any]:
    """Carry out what a page asked for.

    A page names tracks by their id and features by the opaque names its rows came with; what it
    cannot have got from us is refused.

    Returns
    -------
    dict
        The reply: ``done`` or ``refused``.

    Raises
    ------
    AudioCacheError
        Whatever the session refuses.
    """
    snapshot = session.store.snapshot()
    track = snapshot.tracks.get(request.track_id)
    if track is None:
        return refused(request.id, "The track is no longer on the timeline.")
    if request.verb == "reanalyze":
        wanted = _descriptors(session, track.source_id, request.slots)
        if not wanted:
            return refused(request.id, "This feature is no longer there.")
        session.reanalyze(track.id, wanted)
        return done(request.id, f"Re-analysing {len(wanted)} feature track{'' if len(wanted) == 1 else 's'}.")
    if request.slots is not None:
        return refused(request.id, "This is done to whole tracks only.")
    if request.verb == "stop":
        session.stop(track.id)
        return done(request.id, "Analysis stopped.")
    if request.verb == "restart":
        session.restart(track.id)
        return done(request.id, "Analysis restarted.")
    if request.verb == "compute":
        session.compute(track.id)
        return done(request.id, "Computing.")
    if request.verb == "refresh_stale":
        stale = _stale(session, track.source_id)
        if not stale:
            return refused(request.id, "Nothing is stale any more.")
        session.reanalyze(track.id, stale)
        return done(request.id, f"Re-analysing {len(stale)} stale feature track{'' if len(stale) == 1 else 's'}.")
    session.clear(track.id)
    return done(request.id, "Cleared.")


def move_playhead(session: Any, request: PlayheadRequest) -> dict[str, Any]:
    """Carry out what a page asked of the playhead.

    Returns
    -------
    dict
        The reply: ``done``, or to "sync" where the playhead is.
    """
    if getattr(session, "playhead", None) is None:
        return refused(request.id, "This session has no playhead.")
    if request.verb == "sync":
        return {"kind": "playhead", "id": request.id, **session.playhead.page_answer()}
    session.playhead.control(**request.change)
    return done(request.id, "")


def _stale(session: SessionLike, source_id: str) -> list[Descriptor]:
    """The features of a source that are there and not right; what is being computed is not among them."""
    source = session.store.snapshot().sources.get(source_id)
    entries = [] if source is None else list(source.entries.values())
    return [entry.descriptor for entry in entries if entry.state == "stale"]


def _descriptors(session: SessionLike, source_id: str, slots: tuple[str, ...] | None) -> list[Descriptor]:
    """The features of a source that opaque names stand for; all of them for None."""
    source = session.store.snapshot().sources.get(source_id)
    entries = [] if source is None else list(source.entries.values())
    if slots is not None:
        names = set(slots)
        entries = [entry for entry in entries if slot_id(entry.slot) in names]
    return [entry.descriptor for entry in entries]
