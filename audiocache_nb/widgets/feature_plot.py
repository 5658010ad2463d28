"""A feature over time, zoomable, above it the waveform."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Mapping
from typing import Any

import traitlets

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry, calculators
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.protocol import EntryLike, SessionLike, SnapshotLike, require_open, require_track
from audiocache_nb.models.text import finite, message_text
from audiocache_nb.widgets.base import AcnWidget, track_title
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.layers import Kind, Picture, expected_kind, kind_of, layer_values, why_not
from audiocache_nb.widgets.messages import TileRequest, refused
from audiocache_nb.widgets.status_badge import badge_values
from audiocache_nb.widgets.tiles import tile_service
from audiocache_nb.widgets.words import duration_text, shape_text

PREPARING = "Preparing the picture…"
STALE_REVISION = "The feature has changed meanwhile."
NOTHING = "There is nothing to draw."


@dataclasses.dataclass
class _Layer:
    """One layer: what is wanted, and what is shown of it now."""

    name: str
    wanted: Descriptor
    kind: Kind
    label: str
    key: str = ""
    revision: int = 0
    picture: Picture | None = None


class FeaturePlot(AcnWidget):
    """Plots a feature of a track over time; zoom and pan with wheel, drag and keys.

    Making the plot asks for the feature; closing it withdraws the wish. Data travel as tiles that
    the page fetches for what it shows, so that an hour of audio is as quick as a second.

    Parameters
    ----------
    session : Session
    track : Track or str
    feature : str or Descriptor
        Any framewise feature. Up to 8 values per frame are drawn as curves, more as an image.
    profile : AnalysisProfile, optional
    waveform : bool
        Whether to show the waveform as well.
    height : int > 0 [pixels], optional
        Of all drawings together; default: each has its own.

    Attributes
    ----------
    span : tuple of float (t0, t1) [s]
        The visible range, in source time. May be set, observed and linked with another plot's.
    layers : list of dict
        What is drawn, and why something is not.

    Raises
    ------
    UnknownTrackError, UnknownFeatureError, UnknownCalculatorError, SessionClosedError, WidgetError

    Examples
    --------
    >>> acn.FeaturePlot(session, track, "spectrogram")  # doctest: +SKIP
    """

    view_name = "plot"
    page_traits = AcnWidget.page_traits | {"span"}

    title = traitlets.Unicode().tag(sync=True)
    duration_s = traitlets.Float(0.0).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    layers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    height = traitlets.Int(0).tag(sync=True)
    span = traitlets.Tuple(traitlets.Float(), traitlets.Float()).tag(sync=True, echo_update=False)

    def __init__(
        self,
        session: SessionLike,
        track: Any,
        feature: str | Descriptor = "spectrogram",
        *,
        profile: AnalysisProfile | None = None,
        waveform: bool = True,
        height: int | None = None,
    ) -> None:
        require_open(session)
        track_id = require_track(session, track)
        self._session = session
        self._track_id = track_id
        self._parts_lock = threading.RLock()
        self._element = f"plot-{uuid.uuid4().hex[:12]}"
        self._parts = _parts(session, track_id, feature, profile, waveform=waveform)
        self._tiles = tile_service(session)
        drawn = 0 if height is None else _checked_height(height)
        snapshot = session.store.snapshot()
        values = self._plot_values(session, snapshot)
        super().__init__(session, span=(0.0, max(values["duration_s"], 1e-3)), height=drawn, **values)
        try:
            session.request(track_id, [part.wanted for part in self._parts], element=self._element, profile=profile)
        except BaseException:
            self.close()
            raise

    # -- state ----------------------------------------------------------------------------------------

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._plot_values(self._session, snapshot)

    def _plot_values(self, session: SessionLike, snapshot: SnapshotLike) -> dict[str, Any]:
        status = badge_values(snapshot, self._track_id)
        names = ("state", "text", "message", "progress", "label", "eta_s")
        values: dict[str, Any] = {"status": {name: status[name] for name in names}}
        track = snapshot.tracks.get(self._track_id)
        source = None if track is None else snapshot.sources.get(track.source_id)
        if source is not None:
            feature = self._parts[-1].label
            values["title"] = f"{track_title(snapshot, self._track_id)} · {feature}"
            values["duration_s"] = finite(source.source.duration) or 0.0
        entries = {} if source is None else source.entries
        gone = "The track was removed." if source is None else ""
        with self._parts_lock:
            values["layers"] = [self._layer(part, find_entry(entries, part.wanted), gone) for part in self._parts]
        return values

    def _layer(self, part: _Layer, entry: EntryLike | None, gone: str) -> dict[str, Any]:
        state = entry.state if entry is not None else "missing"
        reason = message_text(entry.reason) if entry is not None else gone
        track = entry.track if entry is not None else None
        if entry is not None and entry.label:
            part.label = entry.label
        if state == "bad_request":
            state = "failed"
        if track is not None and kind_of(track) is None:
            state, reason, track = "failed", why_not(track), None
        if track is not None:
            self._show(part, track)
            if part.picture is None:
                failure = self._tiles.failure(track)
                state, reason = ("failed", failure) if failure else ("running", PREPARING)
        elif part.picture is not None or part.key:
            part.key, part.picture, part.revision = "", None, part.revision + 1
        if part.picture is not None:
            part.kind = part.picture.kind
        return layer_values(
            part.name,
            track,
            part.picture,
            kind=part.kind,
            label=part.label,
            state=state,
            reason=reason,
            revision=part.revision,
        )

    def _show(self, part: _Layer, track: FeatureTrack) -> None:
        """Take the picture of a track if it is there, and have it made otherwise."""
        if part.key != track.key:
            part.key, part.picture, part.revision = track.key, None, part.revision + 1
        if part.picture is None:
            part.picture = self._tiles.picture(track)
        if part.picture is None and not self._tiles.failure(track):
            self._tiles.prepare(track, self._picture_ready)

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
        tile_s = layer["hop_s"] * pyramid.factor**request.level * pyramid.tile_buckets
        start_s = layer["t0_s"] + request.index * tile_s
        if start_s < self.span[1] and start_s + tile_s > self.span[0]:
            return 2
        return 1 if request.level == pyramid.levels - 1 else 0

    # -- page and end ---------------------------------------------------------------------------------

    @traitlets.validate("span")
    def _valid_span(self, proposal: Any) -> tuple[float, float]:
        start_s, end_s = (finite(value) for value in proposal["value"])
        if start_s is None or end_s is None or not start_s < end_s:
            raise traitlets.TraitError("A span is a pair of finite times in seconds, the first below the second.")
        return start_s, end_s

    def _accepts(self, name: str, value: Any) -> bool:
        if name != "span":
            return super()._accepts(name, value)
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            return False
        return all(isinstance(time_s, (int, float)) and finite(time_s) is not None for time_s in value)

    def _unseen(self) -> None:
        self._tiles.drop(self)
        with self._parts_lock:
            for part in self._parts:
                part.picture = None

    def _end(self) -> None:
        self._unseen()
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


def find_entry(entries: Mapping[Any, EntryLike], wanted: Descriptor) -> EntryLike | None:
    """The entry of a resolved descriptor."""
    for entry in entries.values():
        slot = entry.slot
        if (
            slot.feature == wanted.feature
            and slot.calculator_id == wanted.calculator
            and slot.profile_id == wanted.used_profile.id
            and tuple(slot.params) == wanted.params
        ):
            return entry
    return None


def _parts(
    session: SessionLike,
    track_id: str,
    feature: str | Descriptor,
    profile: AnalysisProfile | None,
    *,
    waveform: bool,
) -> list[_Layer]:
    registry: Registry = getattr(session, "registry", calculators)
    wanted = [registry.resolve(feature, profile)]
    if waveform:
        wave = registry.resolve("waveform", profile)
        wanted = wanted if wave == wanted[0] else [wave, *wanted]
    audio = session.store.snapshot().tracks[track_id].source
    parts = []
    for descriptor in wanted:
        calculator = registry.get(str(descriptor.calculator))
        default = registry.default_for(descriptor.feature).id == calculator.id
        name = descriptor.feature if default else calculator.id
        kind = expected_kind(calculator, audio, descriptor)
        parts.append(_Layer(name, descriptor, kind, calculator.label or descriptor.feature))
    return parts


def _checked_height(height: object) -> int:
    if isinstance(height, bool) or not isinstance(height, (int, float)) or not 40 <= height <= 10_000:
        raise InvalidParameterError(f"height is {height!r:.60}.", hint="Use pixels, from 40 to 10000.")
    return round(height)
