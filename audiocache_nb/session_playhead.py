"""The playhead of a session."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiocache_nb.models.playhead import Playhead
    from audiocache_nb.models.publisher import Publisher
    from audiocache_nb.timeline.store import TimelineStore
    from audiocache_nb.timing.tempo import Tempo

_making = threading.RLock()  # one is made once per session, and takes no time


class SessionPlayhead:
    """`Session.playhead`, made when it is first asked for."""

    tempo: Tempo
    _playhead: Playhead | None = None

    if TYPE_CHECKING:

        @property
        def store(self) -> TimelineStore: ...
        @property
        def publisher(self) -> Publisher: ...

    def playhead_made(self, playhead: Playhead) -> None:
        """Called once, with the new playhead."""

    @property
    def playhead(self) -> Playhead:
        """Where the session is in time: `time`, `playing`, `rate`, `loop_start`, `loop_end`, `tick`, `bar`, `beat`.

        Raises
        ------
        SessionClosedError
            If the session was closed before anybody asked for it.
        """
        with _making:
            if self._playhead is None:
                from audiocache_nb.models.playhead import Playhead

                self._playhead = Playhead(self)
                self.playhead_made(self._playhead)
            return self._playhead
