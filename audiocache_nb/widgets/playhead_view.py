"""What a widget tells its page about the playhead, so that cursors move there without the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

MOST_SEGMENTS = 10_000


class PlayheadTraits(traitlets.HasTraits):
    """Two traits that follow the session's playhead and tempo; `playhead_values` fills them.

    Attributes
    ----------
    playhead : dict
        What the playhead does since the last thing that happened to it. It does not change while it
        simply plays: the page works out the rest, at its own rate.
    tempo : dict
        The tempo map, for bars and beats.
    """

    playhead = traitlets.Dict().tag(sync=True)
    tempo = traitlets.Dict().tag(sync=True)


def playhead_values(session: Any) -> dict[str, Any]:
    """The traits of `PlayheadTraits`; nothing for a session without a playhead."""
    if getattr(session, "playhead", None) is None:
        return {}
    return {"playhead": session.playhead.page_state(), "tempo": tempo_values(session.tempo.snapshot())}


def tempo_values(tempo: Any) -> dict[str, Any]:
    """A tempo map as a page needs it: rows of start [s], start [ticks], rate [ticks/s] and slope [ticks/s²]."""
    rows = np.asarray(tempo._segments)[:MOST_SEGMENTS]
    return {"beats_per_bar": tempo.beats_per_bar, "segments": rows.tolist()}
