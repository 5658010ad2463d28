"""Diagnostics as tables of pandas, and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from audiocache_nb.analysis.report import _size, _time
from audiocache_nb.features.export import package
from audiocache_nb.timeline.diagnostics.history import Entry
from audiocache_nb.timeline.diagnostics.regeneration import Regeneration
from audiocache_nb.timeline.diagnostics.rows import PROBLEMS, WORDS, Group

if TYPE_CHECKING:
    import pandas as pd

ROW_COLUMNS = (
    "tracks",
    "source",
    "profile",
    "feature",
    "calculator",
    "state",
    "reason",
    "owners",
    "requested",
    "cached",
    "bytes",
    "cost_s",
    "warnings",
)
GROUP_COLUMNS = (
    "tracks",
    "source",
    "profile",
    "requested",
    "cached",
    "missing",
    "stale",
    "failed",
    "regenerating",
    "extraneous",
    "bad_requests",
    "owners",
    "bytes",
    "cost_s",
    "cost_bytes",
)
JOB_COLUMNS = (
    "id",
    "track",
    "profile",
    "features",
    "action",
    "state",
    "requested_at",
    "started_at",
    "ended_at",
    "seconds",
    "error",
    "note",
)
HISTORY_COLUMNS = ("timestamp", "action", "track", "profile", "features", "status", "seconds", "note", "error")
MAX_LINES = 40


def rows_table(groups: Iterable[Group]) -> pd.DataFrame:
    """One line per feature."""
    return _table(
        [
            (
                ", ".join(row.tracks),
                row.source_id,
                row.profile,
                row.name,
                row.calculator,
                row.kind,
                row.reason,
                ", ".join(row.owners),
                bool(row.owners),
                row.stored,
                row.nbytes,
                row.cost_s,
                " ".join(row.warnings),
            )
            for group in groups
            for row in group.rows
        ],
        ROW_COLUMNS,
    )


def groups_table(groups: Iterable[Group]) -> pd.DataFrame:
    """One line per source and profile; names joined by commas."""
    lists = (
        "requested",
        "cached",
        "missing",
        "stale",
        "failed",
        "regenerating",
        "extraneous",
        "bad_requests",
        "owners",
    )
    return _table(
        [
            (
                ", ".join(group.tracks),
                group.source_id,
                group.profile,
                *(", ".join(getattr(group, name)) for name in lists),
                group.nbytes,
                group.cost_s,
                group.cost_bytes,
            )
            for group in groups
        ],
        GROUP_COLUMNS,
    )


def jobs_table(jobs: Iterable[Regeneration]) -> pd.DataFrame:
    """One line per regeneration."""
    return _table(
        [
            (
                job.id,
                job.track_id,
                job.profile,
                ", ".join(job.features),
                job.action,
                job.state,
                _moment(job.requested_at),
                _moment(job.started_at),
                _moment(job.ended_at),
                job.seconds,
                job.error,
                job.note,
            )
            for job in jobs
        ],
        JOB_COLUMNS,
    )


def history_table(entries: Iterable[Entry]) -> pd.DataFrame:
    """One line per entry."""
    return _table(
        [
            (
                _moment(entry.timestamp),
                entry.action,
                entry.track,
                entry.profile,
                ", ".join(entry.features),
                entry.status,
                entry.seconds,
                entry.note,
                entry.error,
            )
            for entry in entries
        ],
        HISTORY_COLUMNS,
    )


def _table(rows: Sequence[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    pandas: Any = package("pandas")
    table: pd.DataFrame = pandas.DataFrame(list(rows), columns=list(columns))
    return table


def _moment(seconds: float | None) -> Any:
    return package("pandas").to_datetime(seconds, unit="s", utc=True)


def text(groups: Sequence[Group], banner: str) -> str:
    """Everything on one page."""
    if not groups:
        return "Diagnostics: nothing is asked for and nothing is there."
    lines = [f"Diagnostics: {banner or 'everything that is asked for is there.'}"]
    for group in groups:
        profile = "" if group.profile == "default" else f" @ {group.profile}"
        lines.append(f"{', '.join(group.tracks)}{profile}")
        for row in group.rows:
            cost = f", about {_time(row.cost_s)}" if row.kind in PROBLEMS and row.descriptor is not None else ""
            size = f", {_size(row.nbytes)}" if row.stored else ""
            owners = f" [{', '.join(row.owners)}]" if row.owners else ""
            said = [*([] if row.kind == "current" else [row.reason]), *row.warnings]
            reason = f" - {' '.join(said)}" if said else ""
            lines.append(f"  {WORDS[row.kind]:<13} {row.name}{size}{cost}{owners}{reason}")
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"… {len(lines) - MAX_LINES} lines more; to_pandas() has them all."]
    return "\n".join(lines)
