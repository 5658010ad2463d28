"""What a plot shows of each of its layers now: the finished picture, one that grows, or why there is none."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.protocol import EntryLike, SessionLike
from audiocache_nb.models.text import message_text
from audiocache_nb.widgets.layers import Picture, kind_of, layer_values
from audiocache_nb.widgets.plot_parts import Part

if TYPE_CHECKING:
    from audiocache_nb.widgets.tiles import TileService

PREPARING = "Preparing the picture…"
EMPTY = "It is empty; there is nothing to plot."
GROWING = "growing"
GROW_S = 0.4  # between two pictures of a growing feature
GROW_SHARE = 1.0  # and so many times as long as the last one took: the analysis goes on meanwhile


class PlotLayers:
    """The part of a plot that keeps its layers in step with the session."""

    _session: SessionLike
    _track_id: str
    _tiles: TileService
    _parts_lock: threading.RLock

    def _picture_ready(self) -> None:
        """Have the traits set anew."""
        raise NotImplementedError

    def _layer(self, part: Part, entry: EntryLike | None, gone: str) -> dict[str, Any]:
        state = entry.state if entry is not None else "missing"
        reason = message_text(entry.reason) if entry is not None else gone
        track = entry.track if entry is not None else None
        if entry is not None and entry.label:
            part.label = entry.label
        if state == "bad_request":
            state = "failed"
        if track is not None and kind_of(track) is None:
            state, reason, track = "failed", EMPTY, None
        if track is not None:
            self._show(part, track)
            if part.picture is None or part.key != track.key:
                failure = self._tiles.failure(track)
                state, reason = ("failed", failure) if failure else ("running", PREPARING)
        elif state == "running":
            self._grow(part)
        elif part.picture is not None or part.key:
            part.key, part.picture, part.revision = "", None, part.revision + 1
        if part.picture is not None:
            part.kind = part.picture.kind
        return layer_values(
            part.name,
            part.picture,
            kind=part.kind,
            label=part.label,
            unit=track.unit if track is not None else "",
            state=state,
            reason=reason,
            revision=part.revision,
        )

    def _show(self, part: Part, track: FeatureTrack) -> None:
        """Take the picture of a track if it is there, and have it made otherwise; until then the last one stays."""
        if part.key == track.key and part.picture is not None:
            return
        picture = self._tiles.picture(track)
        if picture is None and not self._tiles.failure(track):
            self._tiles.prepare(track, self._picture_ready, self._audio())
        elif part.key == track.key:
            part.picture = picture  # it was let go while nobody saw it
        else:
            part.key, part.picture, part.revision = track.key, picture, part.revision + 1

    def _grow(self, part: Part) -> None:
        """Have what exists of a running feature drawn, now and then."""
        if part.key not in ("", GROWING):
            part.key, part.picture, part.revision = "", None, part.revision + 1
        growth, now_s = part.growth, time.monotonic()
        if growth.building or now_s < growth.next_s:
            return
        growing = self._session.growing(self._track_id, part.wanted)
        if growing is None or kind_of(growing.track) is None:
            return
        frames = int(growing.done.sum())
        if frames == growth.frames and part.picture is not None:
            return
        growth.building = True

        def ready(picture: Picture | None) -> None:
            with self._parts_lock:
                took_s = time.monotonic() - now_s
                growth.building, growth.next_s = False, now_s + took_s + max(GROW_S, GROW_SHARE * took_s)
                if picture is None or part.key not in ("", GROWING):
                    return
                growth.frames = frames
                part.key, part.picture, part.revision = GROWING, picture, part.revision + 1
            self._picture_ready()

        self._tiles.grow(growing, self._audio(), part.picture if part.key == GROWING else None, ready)

    def _audio(self) -> Any:
        track = self._session.store.snapshot().tracks.get(self._track_id)
        return None if track is None else track.source
