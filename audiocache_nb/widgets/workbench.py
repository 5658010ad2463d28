"""Everything about one track on one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.models.protocol import SessionLike, SnapshotLike, require_open, require_track
from audiocache_nb.widgets.base import AcnWidget, track_title
from audiocache_nb.widgets.caches_panel import CachesPanel
from audiocache_nb.widgets.composite import CompositeWidget
from audiocache_nb.widgets.diagnostics_table import DiagnosticsTable
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.frame_inspector import FrameInspector
from audiocache_nb.widgets.status_badge import StatusBadge
from audiocache_nb.widgets.transport import Transport

FEATURES = ("spectrogram", "rms")
EMPTY = "There is no audio yet: session.add_audio(...) adds some. Then run this cell again."


class Workbench(CompositeWidget):
    """Badge, transport and plot of a track; below them, one at a time, the frame at the playhead, caches, diagnostics.

    Parameters
    ----------
    session : Session
    track : Track or str, optional
        Default: the first one on the timeline. Without any, there are caches and diagnostics only.
    features : sequence of str or Descriptor
        What is plotted; the first is what the inspector shows.

    Attributes
    ----------
    parts : dict of str to widget
        ``badge``, ``transport``, ``plot``, ``inspector``, ``caches`` and ``diagnostics``, as far as they are there.
    tab : str
        Which of the last three is shown.

    Raises
    ------
    UnknownTrackError, UnknownFeatureError, UnknownCalculatorError, SessionClosedError, WidgetError

    Examples
    --------
    >>> acn.Workbench(session, track, ["spectrogram", "rms", "onsets"])  # doctest: +SKIP
    """

    view_name = "workbench"
    page_traits = CompositeWidget.page_traits | {"tab"}

    title = traitlets.Unicode().tag(sync=True)
    empty = traitlets.Unicode().tag(sync=True)
    issues = traitlets.Int(0).tag(sync=True)
    tab = traitlets.Unicode().tag(sync=True, echo_update=False)

    def __init__(
        self, session: SessionLike, track: Any = None, features: Sequence[str | Descriptor] = FEATURES
    ) -> None:
        require_open(session)
        if track is None:
            track = next(iter(session.store.snapshot().tracks), None)
        self._track_id = None if track is None else require_track(session, track)
        self._diagnostics: Any = getattr(session, "diagnostics", None)
        made: dict[str, AcnWidget] = {}
        try:
            _make(made, session, self._track_id, features)
            super().__init__(
                session,
                parts=made,
                tab=next(name for name in ("inspector", "caches") if name in made),
                **self._bench_values(session.store.snapshot()),
            )
        except BaseException:
            for widget in made.values():
                widget.close()
            raise

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._bench_values(snapshot)

    def _bench_values(self, snapshot: SnapshotLike) -> dict[str, Any]:
        values: dict[str, Any] = {"issues": 0 if self._diagnostics is None else len(self._diagnostics.issues)}
        if self._track_id is None:
            return {**values, "title": "Workbench", "empty": EMPTY}
        return {**values, "title": track_title(snapshot, self._track_id)}

    def _accepts(self, name: str, value: Any) -> bool:
        if name == "tab":
            return isinstance(value, str) and value in self.parts
        return super()._accepts(name, value)

    def _fallback(self) -> Fallback:
        shown = [(name, child._fallback()) for name, child in self.parts.items()]
        rows = [(name, fallback.title, fallback.summary) for name, fallback in shown]
        issues = f"{self.issues} issue{'' if self.issues == 1 else 's'}"
        return Fallback(self.title, self.empty or issues, ("Part", "Title", "Summary"), rows)


def _make(
    made: dict[str, AcnWidget], session: SessionLike, track_id: str | None, features: Sequence[str | Descriptor]
) -> None:
    """The widgets, one after the other, into `made`: whoever called can close those that are there."""
    if track_id is not None:
        listed = [features] if isinstance(features, (str, Descriptor)) else list(features)
        made["badge"] = StatusBadge(session, track_id)
        if hasattr(session, "playhead"):
            made["transport"] = Transport(session, track_id)
        made["plot"] = FeaturePlot(session, track_id, listed)
        if hasattr(session, "sampler"):
            made["inspector"] = FrameInspector(session, track_id, listed[0])
    made["caches"] = CachesPanel(session)
    if hasattr(session, "diagnostics"):
        made["diagnostics"] = DiagnosticsTable(session)


def workbench(session: SessionLike, track: Any = None) -> Workbench:
    """Everything about one track: see `Workbench`."""
    return Workbench(session, track)
