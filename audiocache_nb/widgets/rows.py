"""Rows of the caches panel: pure functions from a snapshot to plain dicts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from audiocache_nb.models.protocol import EntryLike, SlotLike, SnapshotLike, SourceLike, TrackLike
from audiocache_nb.models.status import status_values
from audiocache_nb.models.text import display_text, message_text
from audiocache_nb.timeline.gate import Estimate
from audiocache_nb.widgets.words import (
    audio_text,
    cached_text,
    cost_text,
    parameters_text,
    progress_text,
    shape_text,
    size_text,
    state_text,
)

NO_AUDIO = "Audio buffer unavailable for this track."
IN_PROGRESS = "Analysis already in progress."
NO_CALCULATOR = "Calculator metadata unavailable."
REANALYSE = "Re-analyse this feature track."
NOT_RUNNING = "No analysis is running."
WAITING = "Awaiting re-analysis"

Row = dict[str, Any]


def slot_id(slot: SlotLike) -> str:
    """An opaque name for a slot: the page hands it back and can do nothing else with it."""
    text = "\x1f".join(map(repr, (slot.feature, slot.calculator_id, slot.profile_id, slot.params)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


class PanelRows:
    """Makes the rows of successive snapshots; what did not change is the same object again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._features: dict[Any, tuple[EntryLike, bool, Row]] = {}
        self._since: dict[str, tuple[str, float | None]] = {}

    def rows(self, snapshot: SnapshotLike, waiting: Mapping[str, Estimate] = MappingProxyType({})) -> list[Row]:
        """One row per track, in order; `waiting` is what the gate holds back, by source."""
        with self._lock:
            return self._rows(snapshot, waiting)

    def _rows(self, snapshot: SnapshotLike, waiting: Mapping[str, Estimate]) -> list[Row]:
        before, self._features = self._features, {}
        since, self._since = self._since, {}
        rows = []
        for track in snapshot.tracks.values():
            source = snapshot.sources.get(track.source_id)
            if source is None:
                continue
            features = [self._feature(source, entry, before) for entry in source.entries.values()]
            row = panel_row(snapshot, track, source, features, waiting.get(track.source_id))
            if row["state"] == "pending":
                # The store renews this time with every report of progress; the row shows since when.
                known = since.get(track.id)
                if known is not None and known[0] == row["message"]:
                    row["updated_at"] = known[1]
                self._since[track.id] = (row["message"], row["updated_at"])
            rows.append(row)
        return rows

    def _feature(self, source: SourceLike, entry: EntryLike, before: dict[Any, tuple[EntryLike, bool, Row]]) -> Row:
        pending = source.status.state == "pending"
        key = (id(source.source), entry.slot)
        known = before.get(key)
        if known is None or known[0] is not entry or known[1] != pending:
            known = (entry, pending, feature_row(entry, pending=pending))
        self._features[key] = known
        return known[2]


def panel_row(
    snapshot: SnapshotLike,
    track: TrackLike,
    source: SourceLike,
    features: list[Row],
    waiting: Estimate | None = None,
) -> Row:
    """The row of one track."""
    status = status_values(snapshot, track.id)
    pending = status["state"] == "pending"
    message = status["message"] or (WAITING if status["state"] == "stale" else "")
    health = message_text(source.source.health)
    cached = sum(1 for feature in features if feature["bytes"] is not None)
    return {
        "track_id": track.id,
        "name": display_text(track.name),
        "source_id": display_text(track.source_id),
        "state": status["state"],
        "text": state_text(status["state"]),
        "message": message,
        "updated_at": status["updated_at"],
        "audio": audio_text(source.source),
        "health": "" if health == "ok" else health,
        "summary": cached_text(cached, len(features)),
        "can_stop": pending,
        "stop_reason": "Stop analysis" if pending else NOT_RUNNING,
        "can_restart": True,
        "restart_reason": "Restart analysis",
        "stale": sum(1 for feature in features if feature["state"] == "stale"),
        "cost": "" if waiting is None else cost_text(waiting.seconds, waiting.nbytes),
        "features": sorted(features, key=lambda row: (row["label"].casefold(), row["calculator"], row["slot"])),
    }


def feature_row(entry: EntryLike, *, pending: bool) -> Row:
    """The row of one feature of a source."""
    data = entry.track
    why = REANALYSE
    if not entry.slot.calculator_id:
        why = NO_CALCULATOR
    elif entry.state == "bad_request":
        why = message_text(entry.reason) or NO_CALCULATOR
    elif pending or entry.state in ("queued", "running"):
        why = IN_PROGRESS
    return {
        "slot": slot_id(entry.slot),
        "label": display_text(entry.label or entry.slot.feature),
        "feature": display_text(entry.slot.feature),
        "calculator": display_text(entry.slot.calculator_id),
        "version": display_text(data.version, 40) if data is not None else "",
        "unit": display_text(data.unit, 40) if data is not None else "",
        "shape": shape_text(data) if data is not None else "",
        "size": size_text(data.nbytes) if data is not None else "",
        "bytes": data.nbytes if data is not None else None,
        "parameters": parameters_text(data.parameters if data is not None else entry.descriptor.used_profile.values()),
        "state": display_text(entry.state, 40),
        "reason": message_text(entry.reason),
        "error": message_text(entry.error) if entry.error is not None else "",
        "can_reanalyze": why == REANALYSE,
        "why": why,
    }


def live_values(snapshot: SnapshotLike) -> dict[str, Row]:
    """Progress of the tracks that are being analysed: small, and changes often."""
    live = {}
    for track_id in snapshot.tracks:
        status = status_values(snapshot, track_id)
        if status["state"] == "pending":
            live[track_id] = {
                "value": status["progress"] or 0.0,
                "label": progress_text(None if status["progress"] is None else status["label"]),
                "eta_s": status["eta_s"],
            }
    return live
