"""What is asked for beside what is there, as a table with buttons, and a banner above it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Literal

import traitlets

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.models.protocol import SessionLike, SnapshotLike, require_open
from audiocache_nb.models.text import message_text
from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics
from audiocache_nb.widgets.base import AcnWidget
from audiocache_nb.widgets.commands import carry_out
from audiocache_nb.widgets.deltas import Deltas
from audiocache_nb.widgets.diagnostic_rows import (
    SHOWN_HISTORY,
    Book,
    Sheet,
    group_values,
    history_values,
    job_values,
    live_values,
    shown_jobs,
    waiting_values,
)
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.messages import CommandRequest, Request, refused

EMPTY = "Nothing is asked for and nothing is there."
FINE = "Everything that is asked for is there."
COLUMNS = ("Track", "Profile", "Feature", "State", "Why", "Asked for by", "Size", "Cost to fix")
FACTS = ("label", "word", "reason", "owners", "size", "cost")
SORTS = ("severity", "track")


class DiagnosticsTable(AcnWidget):
    """Shows what elements ask for beside what is there, why, and what to do about it.

    One row for each feature of a recording in a profile: its state and the reason, who asks for it, its size, what
    it costs to make it right, and its age. Rows can be computed again; what nobody asks for can be dismissed,
    restored and deleted. A banner appears when something needs somebody, and after it was waved away only for
    something new. What is too big to start by itself is offered with its cost.

    Parameters
    ----------
    session : Session
    issues_only : bool
        Whether rows that are as they should be are left out.
    sort : {"severity", "track"}
        What comes first: what needs somebody most, or the first track.

    Attributes
    ----------
    summary : str
        One line: how many issues there are.
    banner : dict
        ``visible`` and ``text``.

    Notes
    -----
    The page gets the whole table once, and then what changes, at most 20 times a second.

    Raises
    ------
    SessionClosedError, WidgetError, InvalidParameterError

    Examples
    --------
    >>> acn.DiagnosticsTable(session)  # doctest: +SKIP
    """

    view_name = "diagnostics"
    page_traits = AcnWidget.page_traits | {"issues_only", "sort"}

    delta = traitlets.Dict().tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    jobs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    history: traitlets.List[Any] = traitlets.List().tag(sync=True)
    waiting: traitlets.List[Any] = traitlets.List().tag(sync=True)
    banner = traitlets.Dict().tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)
    issues_only = traitlets.Bool(True).tag(sync=True, echo_update=False)
    sort = traitlets.Enum(SORTS, "severity").tag(sync=True, echo_update=False)

    def __init__(
        self, session: SessionLike, *, issues_only: bool = True, sort: Literal["severity", "track"] = "severity"
    ) -> None:
        require_open(session)
        if sort not in SORTS:
            raise InvalidParameterError(f"sort is {sort!r:.60}.", hint='Use "severity" or "track".')
        self._diagnostics: Diagnostics = session.diagnostics  # type: ignore[attr-defined]  # only real sessions have it
        self._book = Book()
        self._deltas = Deltas()
        self._book_lock = threading.RLock()
        self._seen: tuple[int, Any] | None = None
        self._steady: dict[str, Any] = {}
        self._sheets: list[Sheet] = []
        self._table: dict[str, dict[str, Any]] = {}
        values = self._table_values(session.store.snapshot())
        super().__init__(session, issues_only=bool(issues_only), sort=sort, **values)

    # -- state ----------------------------------------------------------------------------------------

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._table_values(snapshot)

    def _table_values(self, snapshot: SnapshotLike) -> dict[str, Any]:
        with self._book_lock:
            revision = self._diagnostics.revision
            if self._seen is None or self._seen[0] != revision or self._seen[1] is not snapshot.tracks:
                # Read before the rest: what changes meanwhile has another number, and is looked at again.
                self._seen = (revision, snapshot.tracks)
                self._steady = self._read(snapshot)
            live = live_values(self._sheets, self._diagnostics.jobs, snapshot)
            return {**self._steady, "delta": self._deltas.next(self._table), "live": live}

    def _read(self, snapshot: SnapshotLike) -> dict[str, Any]:
        """What changes seldom."""
        diagnostics = self._diagnostics
        self._sheets = self._book.sheets(diagnostics.groups)
        order = {track: n for n, track in enumerate(snapshot.tracks)}
        self._table = {
            "groups": {sheet.id: group_values(sheet, snapshot, order) for sheet in self._sheets},
            "rows": {name: values for sheet in self._sheets for name, values in sheet.values.items()},
        }
        issues = sum(len(sheet.group.issues) for sheet in self._sheets)
        rows = any(sheet.rows for sheet in self._sheets)
        history = [history_values(entry) for entry in reversed(diagnostics.history[-SHOWN_HISTORY:])]
        return {
            "jobs": [job_values(job, snapshot) for job in shown_jobs(diagnostics.jobs)],
            "history": history,
            "waiting": waiting_values(diagnostics.waiting, self._sheets),
            "banner": {"visible": diagnostics.banner.visible, "text": message_text(diagnostics.banner.text)},
            "summary": f"{issues} issue{'' if issues == 1 else 's'}" if issues else FINE if rows else EMPTY,
        }

    def get_state(self, key: Any = None, **options: Any) -> Any:
        """The traits for a page; one that opens gets the whole table."""
        state = super().get_state(key=key, **options)
        if key is None and "delta" in state:
            state["delta"] = self._deltas.whole()
        return state

    def _accepts(self, name: str, value: Any) -> bool:
        if name == "issues_only":
            return isinstance(value, bool)
        if name == "sort":
            return isinstance(value, str) and value in SORTS
        return super()._accepts(name, value)

    # -- buttons --------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> bool:
        if not isinstance(request, CommandRequest):
            return False
        if request.verb == "resync":
            self._deltas.ask_for_whole()
            self._session.publisher.poke(self)
        else:
            self._reply(request.id, lambda: self._carry_out(request))
        return True

    def _carry_out(self, request: CommandRequest) -> dict[str, Any]:
        if self._session.closed:
            return refused(request.id, "The session is closed.")
        with self._book_lock:
            sheets = self._book.sheets(self._diagnostics.groups)
        return carry_out(self._session, request, sheets)

    # -- without a page -------------------------------------------------------------------------------

    def to_pandas(self, what: Literal["features", "groups", "jobs", "history"] = "features") -> Any:
        """As a table of pandas: see `Diagnostics.to_pandas`."""
        return self._diagnostics.to_pandas(what)

    def _fallback(self) -> Fallback:
        with self._book_lock:
            sheets = list(self._sheets)
        snapshot = self._session.store.snapshot()
        table = []
        for sheet in sheets:
            group = group_values(sheet, snapshot, {})
            shown = [one for one in sheet.values.values() if one["issue"] or one["busy"] or not self.issues_only]
            table += [(group["title"], group["profile"], *(values[name] for name in FACTS)) for values in shown]
        summary = " · ".join([self.summary, *(f"{one['title']}: {one['text']}" for one in self.waiting)])
        return Fallback("Diagnostics", summary, COLUMNS, table)
