"""What of a session is looked at, and is therefore computed first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from audiocache_nb.errors import InvalidParameterError

if TYPE_CHECKING:
    from audiocache_nb.timeline.state import Track
    from audiocache_nb.timeline.timeline import Timeline


class SessionFocus:
    """Tracks and ranges that are to be computed first."""

    timeline: Timeline

    if TYPE_CHECKING:

        @property
        def tracks(self) -> Mapping[str, Track]: ...

    def prefer(self, tracks: Iterable[Track | str]) -> None:
        """Compute what is asked of these tracks first; plots say so of what is on the screen.

        Replaces what was preferred before. Tracks that are not there (any more) do not matter.
        """
        known = self.tracks
        ids = [track if isinstance(track, str) else track.id for track in tracks]
        self.timeline.scheduler.prefer(known[one].source_id for one in ids if one in known)

    def focus(self, track: Track | str, start: float, end: float, *, element: object = None) -> None:
        """Compute the part of a track between two times first, also of what is being computed already.

        Plots say so of their visible range. The rest follows from there outwards; the results are the same. It
        counts from the next segment on, and for features that are computed block by block from an array or from
        a file in which any place can be found exactly (WAV, FLAC and other lossless ones).

        Parameters
        ----------
        track : Track or str
        start, end : float [s]
            Timeline times, in either order.
        element : str or object, optional
            Who looks: another call replaces its range, `unfocus` takes it away. The latest range of a recording
            counts, and the one before it again when that is taken away.

        Raises
        ------
        UnknownTrackError, InvalidParameterError
        """
        found = self.timeline.track(track)
        try:
            low, high = sorted((float(start), float(end)))
        except (TypeError, ValueError):
            low = high = math.nan
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InvalidParameterError(f"The times {start!r:.40} and {end!r:.40} are no range.", hint="Use seconds.")
        self.timeline.focus.publish(self.timeline.elements.name(element), found.id, low, high)

    def unfocus(self, element: object = None) -> None:
        """An element looks at nothing any more: see `focus`."""
        self.timeline.focus.withdraw(self.timeline.elements.name(element))
