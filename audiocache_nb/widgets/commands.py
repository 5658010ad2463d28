"""What the buttons of the diagnostics table do: one verb of diagnostics each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audiocache_nb.timeline.diagnostics.regeneration import Regeneration
from audiocache_nb.timeline.diagnostics.rows import Row
from audiocache_nb.widgets.diagnostic_rows import FIXABLE, Sheet
from audiocache_nb.widgets.messages import CommandRequest, done, refused
from audiocache_nb.widgets.words import size_text

GONE = "This is no longer there."
NOTHING = "There is nothing to do."
Reply = dict[str, Any]


def carry_out(session: Any, request: CommandRequest, sheets: list[Sheet]) -> Reply:
    """Carry out what a page asked for.

    A page names groups, rows and jobs by the opaque names they came with; what it cannot have got from us
    is refused.

    Parameters
    ----------
    session : Session
    request : CommandRequest
    sheets : list of Sheet
        The groups as they are now.

    Returns
    -------
    dict
        The reply: ``done`` or ``refused``.

    Raises
    ------
    AudioCacheError
        Whatever the session refuses.
    """
    verb = request.verb
    if verb == "dismiss_banner":
        session.diagnostics.banner.dismiss()
        return done(request.id, "")
    if verb in ("cancel", "retry"):
        return _with_job(session, request)
    if request.target and not any(sheet.id == request.target for sheet in sheets):
        return refused(request.id, GONE)
    chosen = [sheet for sheet in sheets if request.target in ("", sheet.id) and sheet.group.tracks]
    if verb in ("compute", "stop"):
        return _with_sources(session, request, chosen)
    rows = _rows(request, chosen)
    if request.rows is not None and len(rows) < len(request.rows):
        return refused(request.id, GONE)
    message = ROW_VERBS[verb](session, rows)
    return done(request.id, message) if message else refused(request.id, NOTHING)


def _with_job(session: Any, request: CommandRequest) -> Reply:
    job: Regeneration | None = next((job for job in session.diagnostics.jobs if job.id == request.target), None)
    if job is None:
        return refused(request.id, GONE)
    if request.verb == "retry":
        job.retry()
        return done(request.id, "Trying again.")
    return done(request.id, "Cancelled." if job.cancel() else "It had ended before.")


def _with_sources(session: Any, request: CommandRequest, chosen: list[Sheet]) -> Reply:
    tracks = {sheet.group.source_id: sheet.group.tracks[0] for sheet in chosen}
    if not tracks:
        return refused(request.id, NOTHING)
    for track in tracks.values():
        if request.verb == "compute":
            session.compute(track)
        else:
            session.stop(track)
    return done(request.id, "Computing." if request.verb == "compute" else "Stopped.")


def _rows(request: CommandRequest, chosen: list[Sheet]) -> list[Row]:
    """The rows that are meant: those that were named, or all."""
    if request.rows is None:
        return [row for sheet in chosen for row in sheet.rows.values()]
    return [sheet.rows[name] for sheet in chosen for name in request.rows if name in sheet.rows]


def _by_track(rows: list[Row], *kinds: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.kind in kinds and row.descriptor is not None:
            found.setdefault(row.tracks[0], []).append(row)
    return found


def _regenerate(session: Any, rows: list[Row]) -> str:
    """Compute some features again; of each group one job, so that one profile's trouble is not another's."""
    count = 0
    named: dict[tuple[str, str], list[Row]] = {}
    for track, several in _by_track(rows, *FIXABLE, "current").items():
        for row in several:
            named.setdefault((track, row.profile), []).append(row)
    for (track, _), several in named.items():
        session.diagnostics.regenerate(track, several)
        count += len(several)
    return f"Computing {_features(count)} again." if count else ""


def _fix(session: Any, rows: list[Row]) -> str:
    return _regenerate(session, [row for row in rows if row.kind in FIXABLE])


def _dismiss(session: Any, rows: list[Row]) -> str:
    found = _by_track(rows, "extraneous")
    count = sum(session.diagnostics.dismiss(track, *several) for track, several in found.items())
    return f"Dismissed {_features(count)}." if count else ""


def _restore(session: Any, rows: list[Row]) -> str:
    found = _by_track(rows, "dismissed")
    count = sum(session.diagnostics.restore(track, *several) for track, several in found.items())
    return f"Restored {_features(count)}." if count else ""


def _delete(session: Any, rows: list[Row]) -> str:
    found = _by_track(rows, "extraneous")
    if not found:
        return ""
    freed = sum(session.diagnostics.delete_extraneous(track, several) for track, several in found.items())
    return f"Deleted {_features(sum(map(len, found.values())))}, {size_text(freed)} freed."


def _features(count: int) -> str:
    return f"{count} feature{'' if count == 1 else 's'}"


ROW_VERBS: dict[str, Callable[[Any, list[Row]], str]] = {
    "regenerate": _regenerate,
    "regenerate_all": _fix,
    "dismiss": _dismiss,
    "restore": _restore,
    "delete": _delete,
}
