"""Features over time, zoomable, above them the waveform."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import traitlets

from audiocache_nb.errors import AudioCacheError, InvalidParameterError
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.models.protocol import EntryLike, SessionLike, SnapshotLike, require_open, require_track
from audiocache_nb.models.text import finite
from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.widgets.base import AcnWidget, track_title
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.layers import Picture, kind_of
from audiocache_nb.widgets.messages import TileRequest, refused
from audiocache_nb.widgets.playhead_view import PlayheadTraits, playhead_values
from audiocache_nb.widgets.plot_layers import PlotLayers
from audiocache_nb.widgets.plot_parts import Features, find_entry, make_parts
from audiocache_nb.widgets.plot_traits import PlotTraits, is_choice
from audiocache_nb.widgets.status_badge import badge_values
from audiocache_nb.widgets.still import still_png
from audiocache_nb.widgets.tiles import tile_service
from audiocache_nb.widgets.words import duration_text, shape_text

STALE_REVISION = "The feature has changed meanwhile."
NOTHING = "There is nothing to draw."
TITLE_FEATURES = 3
STILL_WAIT_S = 0.3


class FeaturePlot(PlotLayers, PlotTraits, PlayheadTraits, AcnWidget):
    """Plots features of a track over time, one below the other; zoom and pan with wheel, drag and keys.

    Making the plot asks for the features; closing it withdraws the wish. Data travel as tiles that
    the page fetches for what it shows, so that an hour of audio is as quick as a second. A waveform
    can be zoomed down to its samples.

    Parameters
    ----------
    session : Session
    track : Track or str
    feature : str, Descriptor or a list of them
        Up to 8 values per frame are drawn as curves, more as an image; lists of events as marks.
    profile : AnalysisProfile, optional
    waveform : bool
        Whether to show the waveform as well.
    height : int > 0 [pixels], optional
        Of all drawings together; default: each has its own.
    **choices
        Any of the attributes below that can be set, for example ``colormap="grey"``.

    Attributes
    ----------
    span : tuple of float (t0, t1) [s]
        The visible range. May be set, observed and linked with another plot's.
    selection : None, (t0, t1) or (t0, t1, f0, f1) [s and Hz]
        What was marked, by dragging with the shift key or after a click on the tool for it.
    linked : bool
        Whether it moves together with the other linked plots of the session.
    time_axis : {"seconds", "bars"}
    frequency_axis : {"auto", "linear", "log", "mel"}
    colormap : {"heat", "sea", "grey", "paper", "balance"}
    value_min, value_max : float, optional
        Range of the colours of the first image and of all others of its unit.
    gamma : float in 0.1 .. 10
    layers : list of dict
        What is drawn, and why something is not.

    Notes
    -----
    All times are those of the timeline. A clip that lies elsewhere is drawn where it lies; the part
    of its recording that its region leaves out is shown, but dimmed.

    Raises
    ------
    UnknownTrackError, UnknownFeatureError, UnknownCalculatorError, SessionClosedError, WidgetError
    InvalidParameterError, InvalidTypeError

    Examples
    --------
    >>> acn.FeaturePlot(session, track, ["spectrogram", "rms", "onsets"])  # doctest: +SKIP
    """

    view_name = "plot"
    page_traits = AcnWidget.page_traits | PlotTraits.page_choices

    title = traitlets.Unicode().tag(sync=True)
    duration_s = traitlets.Float(0.0).tag(sync=True)
    clip = traitlets.Dict().tag(sync=True)
    link = traitlets.Unicode().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    layers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    height = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        session: SessionLike,
        track: Any,
        feature: Features = "spectrogram",
        *,
        profile: AnalysisProfile | None = None,
        waveform: bool = True,
        height: int | None = None,
        **choices: Any,
    ) -> None:
        require_open(session)
        track_id = require_track(session, track)
        self._session = session
        self._track_id = track_id
        self._parts_lock = threading.RLock()
        self._element = f"plot-{uuid.uuid4().hex[:12]}"
        _check_choices(choices)
        self._waveform = waveform
        self._parts = make_parts(session, track_id, feature, profile, waveform=waveform)
        self._tiles = tile_service(session)
        drawn = 0 if height is None else _checked_height(height)
        snapshot = session.store.snapshot()
        values = self._plot_values(session, snapshot)
        start_s = -values["clip"]["shift_s"]
        whole = (start_s, start_s + max(values["duration_s"], 1e-3))
        super().__init__(session, **{"span": whole, **choices}, height=drawn, link=self._tiles.name, **values)
        try:
            session.request(track_id, [part.wanted for part in self._parts], element=self._element, profile=profile)
        except BaseException:
            self.close()
            raise

    def show(self, feature: Features, *, profile: AnalysisProfile | None = None) -> None:
        """Show other features in place of those that are shown; the visible range stays.

        Raises
        ------
        UnknownFeatureError, UnknownCalculatorError, InvalidParameterError
            It shows what it has shown before.
        """
        parts = make_parts(self._session, self._track_id, feature, profile, waveform=self._waveform)
        self._session.request(self._track_id, [part.wanted for part in parts], element=self._element, profile=profile)
        with self._parts_lock:
            revision = 1 + max(part.revision for part in self._parts)
            for part in parts:
                part.revision = revision  # tiles of the former feature are none of this one
            self._parts = parts
        self._session.publisher.poke(self)

    # -- state ----------------------------------------------------------------------------------------

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._plot_values(self._session, snapshot)

    def _plot_values(self, session: SessionLike, snapshot: SnapshotLike) -> dict[str, Any]:
        status = badge_values(snapshot, self._track_id)
        names = ("state", "text", "message", "progress", "label", "eta_s")
        values: dict[str, Any] = {"status": {name: status[name] for name in names}, **playhead_values(session)}
        track = snapshot.tracks.get(self._track_id)
        source = None if track is None else snapshot.sources.get(track.source_id)
        if source is not None:
            values["title"] = f"{track_title(snapshot, self._track_id)} · {self._features_text()}"
            values["duration_s"] = finite(source.source.duration) or 0.0
            values["clip"] = _clip_values(track, values["duration_s"])
        entries = {} if source is None else source.entries
        gone = "The track was removed." if source is None else ""
        with self._parts_lock:
            values["layers"] = [self._layer(part, find_entry(entries, part.wanted), gone) for part in self._parts]
        return values

    def _features_text(self) -> str:
        labels = [part.label for part in self._parts]
        shown = labels[1:] if len(labels) > 1 and self._parts[0].kind == "minmax" else labels
        more = f" and {len(shown) - TITLE_FEATURES} more" if len(shown) > TITLE_FEATURES else ""
        return ", ".join(shown[:TITLE_FEATURES]) + more

    def _picture_ready(self) -> None:
        self._session.publisher.poke(self)

    # -- tiles ----------------------------------------------------------------------------------------

    def _answer_tile(self, request: TileRequest) -> bool:
        part = next((part for part in self._parts if part.name == request.layer), None)
        if part is None:
            return False
        picture = part.picture  # read before the revision: a new picture comes with a new one
        if part.revision != request.revision or picture is None:
            self.send(refused(request.id, STALE_REVISION if picture is not None else NOTHING))
        else:
            self._tiles.request(self, request, picture)
        return True

    def tile_relevance(self, request: TileRequest) -> int:
        """2: needed for what is visible; 1: an overview; 0: neither; -1: outdated."""
        part = next((part for part in self._parts if part.name == request.layer), None)
        if part is None or part.picture is None or part.revision != request.revision:
            return -1
        pyramid = part.picture.pyramid
        layer = next((layer for layer in self.layers if layer["name"] == request.layer), None)
        if layer is None:
            return 0
        if part.kind == "events":
            return 2  # they are few
        tile_s = layer["hop_s"] * pyramid.factor**request.level * pyramid.tile_buckets
        start_s = layer["t0_s"] - self.clip.get("shift_s", 0.0) + request.index * tile_s
        if start_s < self.span[1] and start_s + tile_s > self.span[0]:
            return 2
        return 1 if request.level == pyramid.levels - 1 else 0

    # -- what is looked at comes first -----------------------------------------------------------------

    @traitlets.observe("in_view")
    def _in_view_changed(self, change: Any) -> None:
        if "_tiles" not in self.__dict__ or self._session.closed:
            return
        self._session.prefer(self._tiles.look(self, self._track_id if change["new"] else None))
        self._look(seen=change["new"])

    @traitlets.observe("span")
    def _span_changed(self, _change: Any) -> None:
        if "_tiles" in self.__dict__ and self.in_view and not self._session.closed:
            self._look(seen=True)

    def _look(self, *, seen: bool) -> None:
        """Have the visible part of what is being computed come first."""
        if seen and self._track_id in self._session.store.snapshot().tracks:
            self._session.focus(self._track_id, *self.span, element=self._element)
        else:
            self._session.unfocus(self._element)

    # -- page and end ---------------------------------------------------------------------------------

    def _accepts(self, name: str, value: Any) -> bool:
        return is_choice(name, value) if name in self.page_choices else super()._accepts(name, value)

    def _unseen(self) -> None:
        self._tiles.drop(self)
        with self._parts_lock:
            for part in self._parts:
                part.picture = None

    def _end(self) -> None:
        self._unseen()
        if not self._session.closed:
            self._session.prefer(self._tiles.look(self, None))
            self._session.unfocus(self._element)
        self._session.release(self._element)

    def _fallback(self) -> Fallback:
        source = self._session.store.snapshot().tracks.get(self._track_id)
        entries: Mapping[Any, EntryLike] = {}
        if source is not None:
            entries = self._session.store.snapshot().sources[source.source_id].entries
        rows = []
        for part, layer in zip(self._parts, self.layers, strict=True):
            entry = find_entry(entries, part.wanted)
            track = None if entry is None else entry.track
            shape = shape_text(track) if track is not None else ""
            low, high = layer["value_min"], layer["value_max"]
            span = f"{low:g} … {high:g} {layer['unit']}".strip() if layer["buckets"] else ""
            rows.append((layer["label"], layer["state"], layer["reason"], shape, span))
        summary = f"{duration_text(self.duration_s)} · {self.status['text']}"
        return Fallback(self.title, summary, ("Layer", "State", "Why", "Shape", "Range"), rows)

    def _still(self) -> tuple[bytes, str]:
        track = self._session.store.snapshot().tracks.get(self._track_id)
        if track is None:
            return b"", ""
        pictures = self._pictures(STILL_WAIT_S)
        shift_s = self.clip.get("shift_s", 0.0)
        try:
            png = still_png(list(pictures.values()), self.span[0] + shift_s, self.span[1] + shift_s)
        except (AudioCacheError, OSError):  # what it would show has gone meanwhile
            png = None
        times = f"from {duration_text(self.span[0])} to {duration_text(self.span[1])}"
        return png or b"", f"{', '.join(pictures)} of {self.title.partition(' · ')[0]}, {times}"

    def _pictures(self, wait_s: float) -> dict[str, Picture]:
        """What can be drawn by now, by label; what is computed but not prepared is waited for a moment."""
        snapshot = self._session.store.snapshot()
        entries = snapshot.sources[snapshot.tracks[self._track_id].source_id].entries
        until_s = time.monotonic() + wait_s
        found: dict[str, Picture] = {}
        for part in self._parts:
            entry = find_entry(entries, part.wanted)
            track = None if entry is None else entry.track
            while track is not None and kind_of(track) is not None:
                picture = self._tiles.picture(track)
                if picture is not None:
                    found[part.label] = picture
                if picture is not None or self._tiles.failure(track) or time.monotonic() >= until_s:
                    break
                time.sleep(0.005)
        return found


def _check_choices(choices: Mapping[str, Any]) -> None:
    unknown = sorted(choices.keys() - PlotTraits.choices)
    if unknown:
        known = ", ".join(sorted(PlotTraits.choices))
        raise InvalidParameterError(f"A plot has no choice {unknown[0]!r:.40}.", hint=f"There are: {known}.")


def _clip_values(track: Any, duration_s: float) -> dict[str, float]:
    """Where the clip lies, in timeline seconds; add `shift_s` to get source seconds."""
    clip: ClipMap = getattr(track, "clip", None) or ClipMap()
    start_s, end_s = clip.span_s(duration_s)
    return {"shift_s": clip.shift_s, "start_s": start_s, "end_s": end_s}


def _checked_height(height: object) -> int:
    if isinstance(height, bool) or not isinstance(height, (int, float)) or not 40 <= height <= 10_000:
        raise InvalidParameterError(f"height is {height!r:.60}.", hint="Use pixels, from 40 to 10000.")
    return round(height)
