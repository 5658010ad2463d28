"""Freshness in a session: whether results are right, and what was edited or replaced outside it."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable
from typing import Literal

from audiocache_nb.errors import AudioCacheError, InvalidTypeError, UnknownCalculatorError, UnknownFeatureError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.freshness import Freshness
from audiocache_nb.timeline.state import Track
from audiocache_nb.timeline.timeline import Timeline

SALT_VARIABLE = "AUDIOCACHE_NB_SALT"


class SessionFreshness:
    """What a session says about whether its results are right."""

    timeline: Timeline
    _registry: Registry
    _stop_watching: Callable[[], None] | None = None
    _looking: threading.Thread | None = None

    def freshness(
        self, track: Track | str, feature: str | Descriptor, profile: AnalysisProfile | None = None
    ) -> Freshness:
        """Whether a feature is there and right, and if not, why.

        Code that was edited, and a file that was written to, are noticed now at the latest.

        Examples
        --------
        >>> import audiocache_nb as acn
        >>> with acn.Session(cache_dir=False) as session:
        ...     track = session.add_audio(*acn.examples.load("sweep"))
        ...     session.freshness(track, "rms").explain()
        'Nobody has computed it yet.'

        Raises
        ------
        UnknownTrackError
        UnknownFeatureError, UnknownCalculatorError
            If nobody asks for it either; what is asked for in vain, or has lost its calculator, is a ``bad_request``.
        """
        try:
            descriptor = self._registry.resolve(feature, profile)
        except (UnknownFeatureError, UnknownCalculatorError):
            wanted = feature if isinstance(feature, Descriptor) else Descriptor(feature, profile=profile)
            found = self.timeline.bad_request(track, wanted.calculator or wanted.feature, wanted.used_profile.id)
            if found is None:
                raise
            return found
        return self.timeline.freshness(track, descriptor)

    def refresh(
        self,
        track: Track | str,
        *,
        nonfinite: Literal["refuse", "zero"] | None = None,
        allow_partial: bool = False,
    ) -> Track:
        """Read a track's file again, if its content is not what was taken in.

        Its place on the timeline and what elements ask of it stay; what was computed is stale then, and
        what is asked for is computed again. If the samples are the same, nothing is. All tracks that
        play this recording follow. A track of an array or of bytes is what it was: nothing happens.

        Parameters
        ----------
        track : Track or str
        nonfinite : {"refuse", "zero"}, optional
            As for `add_audio`; None: as when the track was added.
        allow_partial : bool
            As for `add_audio`.

        Returns
        -------
        Track
            The track as it is now.

        Raises
        ------
        IngestError
            Nothing was changed; the subclass says why.
        """
        from audiocache_nb.audio.ingest import load

        found = self.timeline.track(track)
        source = found.source
        if source.path is None:
            return found
        if nonfinite is None:
            nonfinite = "zero" if source.decode.get("nonfinite") == "zero" else "refuse"
        again = load(source.path, name=source.name, nonfinite=nonfinite, allow_partial=allow_partial)
        self.timeline.take_in(source.id, again)
        return self.timeline.track(found.id)

    def _watch_cells(self) -> None:
        """Look at the calculators' code, and at the files of recordings, after every cell of a notebook."""
        from audiocache_nb.models.cells import after_every_cell

        self._stop_watching = after_every_cell(self._look_around)

    def _look_around(self) -> None:
        self.timeline.look_at_code()
        snapshot = self.timeline.store.snapshot()
        tracks = {track.source_id: track for track in snapshot.tracks.values() if track.source.path is not None}
        files = [track.id for source_id, track in tracks.items() if not snapshot.sources[source_id].changed]
        if files and not (self._looking is not None and self._looking.is_alive()):
            # On a thread: a file that was written to is read to know whether its content is another.
            work = functools.partial(_look_at_files, self.timeline, files)
            self._looking = threading.Thread(target=work, name="audiocache_nb files", daemon=True)
            self._looking.start()

    def _unwatch_cells(self) -> None:
        if self._stop_watching is not None:
            self._stop_watching()


def _look_at_files(timeline: Timeline, track_ids: list[str]) -> None:
    for track_id in track_ids:
        with contextlib.suppress(AudioCacheError):  # it is not there any more
            if not timeline.closed:
                timeline.look_at_audio(track_id)


def checked_salt(salt: object) -> str:
    """The salt that was given, or that the environment names.

    Raises
    ------
    InvalidTypeError
    """
    if salt is None:
        return os.environ.get(SALT_VARIABLE, "")
    if not isinstance(salt, str):
        raise InvalidTypeError(f"salt is a {type(salt).__name__}.", hint="Use a text, for example a date.")
    return salt
