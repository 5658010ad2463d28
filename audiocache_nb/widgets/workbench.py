"""Badge, transport, plot and panel of a track, one below the other."""

from __future__ import annotations

from typing import Any

from audiocache_nb.models.protocol import SessionLike, require_open
from audiocache_nb.widgets.caches_panel import CachesPanel
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.status_badge import StatusBadge
from audiocache_nb.widgets.transport import Transport


def workbench(session: SessionLike, track: Any = None) -> Any:
    """Everything about one track.

    Parameters
    ----------
    session : Session
    track : Track or str, optional
        Default: the first one on the timeline; with an empty timeline only the panel is shown.

    Returns
    -------
    ipywidgets.VBox

    Raises
    ------
    UnknownTrackError, SessionClosedError, WidgetError
    """
    import ipywidgets

    require_open(session)
    if track is None:
        track = next(iter(session.store.snapshot().tracks), None)
    parts: list[Any] = [CachesPanel(session)]
    if track is not None:
        sound = [Transport(session, track)] if hasattr(session, "playhead") else []
        parts = [StatusBadge(session, track), *sound, FeaturePlot(session, track), *parts]
    return ipywidgets.VBox(parts)
