"""Rows, groups and jobs of the diagnostics table: plain dicts for the page, made again only where something changed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from audiocache_nb.models.protocol import SnapshotLike
from audiocache_nb.models.status import status_values
from audiocache_nb.models.text import display_text, finite, fraction, message_text
from audiocache_nb.timeline.diagnostics.history import Entry
from audiocache_nb.timeline.diagnostics.regeneration import Regeneration
from audiocache_nb.timeline.diagnostics.rows import PROBLEMS, Group, Row
from audiocache_nb.timeline.gate import Estimate
from audiocache_nb.widgets.words import cost_text, progress_text, size_text, work_text

STATES = {
    "bad_request": "Bad request",
    "failed": "Failed",
    "missing": "Missing",
    "stale": "Stale",
    "queued": "Queued",
    "running": "Running…",
    "extraneous": "Extraneous",
    "dismissed": "Dismissed",
    "current": "Up to date",
}
FIXABLE = frozenset({"missing", "stale", "failed"})
ACTIONS: dict[str, tuple[str, ...]] = {
    "failed": ("regenerate",),
    "missing": ("regenerate",),
    "stale": ("regenerate",),
    "current": ("regenerate",),
    "extraneous": ("dismiss", "delete"),
    "dismissed": ("restore",),
}
SHOWN_OWNERS = 6
ENDED_JOBS = 5
SHOWN_JOBS = 40
SHOWN_HISTORY = 100

Values = dict[str, Any]


def group_id(group: Group) -> str:
    """An opaque name for a group."""
    return _digest(group.source_id, group.profile)


def row_id(row: Row) -> str:
    """An opaque name for a row; the same whatever becomes of the feature."""
    return _digest(row.source_id, row.profile, *((row.name,) if row.slot is None else map(repr, row.slot)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """One group with its rows, under their opaque names."""

    group: Group
    id: str
    rows: Mapping[str, Row]
    values: Mapping[str, Values]


class Book:
    """The sheets of successive groups; a group that is the same as before is not looked at again."""

    def __init__(self) -> None:
        self._sheets: dict[tuple[str, str], Sheet] = {}

    def sheets(self, groups: Iterable[Group]) -> list[Sheet]:
        """One for each group, in order."""
        before, self._sheets = self._sheets, {}
        for group in groups:
            key = (group.source_id, group.profile)
            known = before.get(key)
            self._sheets[key] = known if known is not None and known.group is group else _sheet(group)
        return list(self._sheets.values())


def _sheet(group: Group) -> Sheet:
    own = group_id(group)
    rows = {row_id(row): row for row in group.rows}
    return Sheet(group, own, rows, {name: row_values(row, own) for name, row in rows.items()})


def row_values(row: Row, group: str) -> Values:
    """One row as the page shows it."""
    state = row.state if row.kind == "regenerating" and row.state in STATES else row.kind
    can = ACTIONS.get(row.kind, ()) if row.tracks else ()
    owners = [display_text(name, 60) for name in row.owners[:SHOWN_OWNERS]]
    if len(row.owners) > SHOWN_OWNERS:
        owners.append(f"{len(row.owners) - SHOWN_OWNERS} more")
    reason = message_text(row.reason)
    error = message_text(row.error) if row.error else ""
    return {
        "group": group,
        "name": display_text(row.name),
        "label": display_text(row.label),
        "calculator": display_text(row.calculator),
        "state": state,
        "word": STATES.get(state, STATES["queued"]),
        "severity": row.severity,
        "issue": row.is_issue,
        "busy": row.kind == "regenerating",
        "reason": reason if not error or error in reason else f"{reason} {error}",
        "notes": [message_text(note) for note in row.warnings],
        "owners": ", ".join(owners),
        "size": size_text(row.nbytes) if row.stored else "",
        "cost": work_text(row.cost_s) if row.kind in PROBLEMS and row.descriptor is not None else "",
        "computed_at": _epoch(row.computed_at),
        "can": list(can),
    }


def group_values(sheet: Sheet, snapshot: SnapshotLike, order: Mapping[str, int]) -> Values:
    """The heading of a group as the page shows it."""
    group = sheet.group
    names = [snapshot.tracks[track].name if track in snapshot.tracks else track for track in group.tracks]
    counts = [
        (len(group.bad_requests), "bad request" if len(group.bad_requests) == 1 else "bad requests"),
        (len(group.failed), "failed"),
        (sum(row.kind == "missing" for row in group.rows), "missing"),
        (sum(row.kind == "stale" for row in group.rows), "stale"),
        (len(group.extraneous), "extraneous"),
    ]
    extraneous = [row for row in group.rows if row.kind == "extraneous"]
    fixable = sum(row.kind in FIXABLE and row.descriptor is not None for row in group.rows)
    return {
        "title": display_text(", ".join(names) or group.source_name),
        "profile": display_text(group.profile),
        "severity": group.severity,
        "order": min((order.get(track, len(order)) for track in group.tracks), default=len(order)),
        "counts": ", ".join(f"{count} {word}" for count, word in counts if count) or f"{len(group.rows)} up to date",
        "size": size_text(group.nbytes),
        "fixable": fixable if group.tracks else 0,
        "cost": cost_text(group.cost_s, group.cost_bytes) if fixable else "",
        "extraneous": len(extraneous),
        "extraneous_size": size_text(sum(row.nbytes for row in extraneous)),
    }


def live_values(sheets: Iterable[Sheet], jobs: Iterable[Regeneration], snapshot: SnapshotLike) -> dict[str, Values]:
    """Progress of what is being computed, by group and by job: small, and changes often."""
    live: dict[str, Values] = {}
    for sheet in sheets:
        if sheet.group.regenerating and sheet.group.tracks:
            status = status_values(snapshot, sheet.group.tracks[0])
            label = progress_text(None if status["progress"] is None else status["label"])
            live[sheet.id] = {"value": status["progress"], "label": label, "eta_s": status["eta_s"]}
    for job in jobs:
        if not job.ended:
            progress = job.progress
            live[job.id] = {
                "value": fraction(progress.value) if job.state == "running" else None,
                "label": progress_text(progress.label) if job.state == "running" else "Waiting for its turn…",
                "eta_s": finite(progress.eta),
            }
    return live


def shown_jobs(jobs: Iterable[Regeneration]) -> list[Regeneration]:
    """Those under way, and the latest that went wrong, unless they were tried again."""
    jobs = list(jobs)
    retried = {job.note.removeprefix("of ") for job in jobs if job.action == "retry"}
    ended = [job for job in jobs if job.state in ("failed", "cancelled") and job.id not in retried]
    return [*[job for job in jobs if not job.ended][-SHOWN_JOBS:], *reversed(ended[-ENDED_JOBS:])]


def job_values(job: Regeneration, snapshot: SnapshotLike) -> Values:
    """One regeneration as the page shows it."""
    track = snapshot.tracks.get(job.track_id)
    return {
        "id": job.id,
        "state": job.state,
        "features": display_text(", ".join(job.features)),
        "track": display_text(job.track_id if track is None else track.name),
        "profile": display_text(job.profile),
        "error": message_text(job.error) if job.error else "",
        "seconds": finite(job.seconds),
        "can": [] if track is None else ["retry"] if job.ended else ["cancel"],
    }


def history_values(entry: Entry) -> Values:
    """One line of the history as the page shows it."""
    return {
        "timestamp": entry.timestamp,
        "action": entry.action.replace("_", " "),
        "features": display_text(", ".join(entry.features)),
        "track": display_text(entry.track),
        "status": entry.status,
        "seconds": finite(entry.seconds),
        "note": message_text(" ".join(part for part in (entry.note, entry.error) if part)),
    }


def waiting_values(waiting: Mapping[str, Estimate], sheets: Iterable[Sheet]) -> list[Values]:
    """What the gate holds back, by recording, with what it would cost."""
    found: dict[str, Values] = {}
    for sheet in sheets:
        cost = waiting.get(sheet.group.source_id)
        if cost is not None and sheet.group.tracks and sheet.group.source_id not in found:
            features = "1 feature" if cost.count == 1 else f"{cost.count} features"
            found[sheet.group.source_id] = {
                "group": sheet.id,
                "title": display_text(sheet.group.source_name),
                "text": f"{features} would take {cost_text(cost.seconds, cost.nbytes)}.",
                "cost": cost_text(cost.seconds, cost.nbytes),
            }
    return list(found.values())


def _epoch(moment: str) -> float | None:
    """Seconds since 1970 of a time in ISO 8601; None for what is none."""
    try:
        return dt.datetime.fromisoformat(moment).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
