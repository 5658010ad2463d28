"""All tracks with their caches: what exists, how big it is, and the buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from audiocache_nb.models.protocol import SessionLike, SnapshotLike, require_open
from audiocache_nb.widgets.base import AcnWidget
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.rows import PanelRows, live_values

FACTS = ("shape", "size", "unit", "parameters", "state")
EMPTY = "Add an audio track to begin analysing audio features."


class CachesPanel(AcnWidget):
    """Shows every track's status and feature tracks; stops, restarts and re-analyses.

    What is stale says why, and can be computed again without the rest; what was too big to start by
    itself is offered with its cost.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    rows : list of dict
        One per track; sent when something about a track or a feature changes.
    live : dict
        Track id to progress, only of those that are being analysed.

    Raises
    ------
    SessionClosedError, WidgetError

    Examples
    --------
    >>> acn.CachesPanel(session)  # doctest: +SKIP
    """

    view_name = "panel"

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    live = traitlets.Dict().tag(sync=True)

    def __init__(self, session: SessionLike) -> None:
        require_open(session)
        self._panel_rows = PanelRows()
        super().__init__(session, **self._panel_values(session, session.store.snapshot()))

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._panel_values(self._session, snapshot)

    def _panel_values(self, session: SessionLike, snapshot: SnapshotLike) -> dict[str, Any]:
        diagnostics = getattr(session, "diagnostics", None)
        waiting = {} if diagnostics is None else diagnostics.waiting
        return {"rows": self._panel_rows.rows(snapshot, waiting), "live": live_values(snapshot)}

    def _fallback(self) -> Fallback:
        columns = ("Track", "Status", "Feature", "Shape", "Size", "Unit", "Parameters", "State")
        table = []
        for row in self.rows:
            status = " · ".join(part for part in (row["text"], row["message"]) if part)
            table.append((row["name"], status, row["summary"], row["audio"], "", "", "", row["health"]))
            for feature in row["features"]:
                label = f"{feature['label']} ({feature['calculator']})"
                table.append(("", "", label, *(feature[name] for name in FACTS)))
        count = len(self.rows)
        summary = f"{count} track{'' if count == 1 else 's'}" if count else EMPTY
        return Fallback("Analysis Caches", summary, columns, table)
