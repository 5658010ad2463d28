"""The frame of a feature at the playhead."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from audiocache_nb.errors import AudioCacheError, InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry, calculators
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.protocol import EntryLike, SnapshotLike, require_open, require_track
from audiocache_nb.models.sampler import playhead_sampler
from audiocache_nb.models.text import display_text, finite, message_text
from audiocache_nb.sampling.options import check_interpolation
from audiocache_nb.widgets.base import AcnWidget, track_title
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.playhead_view import PlayheadTraits, playhead_values
from audiocache_nb.widgets.plot_parts import find_entry
from audiocache_nb.widgets.ranges import curve_range, declared_range
from audiocache_nb.widgets.words import duration_text

KINDS = ("bars", "spectrum", "chroma", "numbers")
FREQUENCY_AXES = frozenset({"bin", "mel", "band", "frequency"})
MOST_VALUES = 4096
MOST_BARS = 128
TRAIL_COLUMNS = 128
TRAIL_S = 4.8
LINES = 4  # as many values are drawn as lines; more are a picture, of fewer columns and of bytes
LINE_SPACING_S = 0.02
PICTURE_SPACING_S = 0.05
LOWEST_HZ = 20.0
SCANNED_ROWS = 2000
EVENTS = "It is a list of events, which has no value at a time."
WHOLE = "It describes the recording as a whole."
NOT_YET = "It has not been computed yet."


class FrameInspector(PlayheadTraits, AcnWidget):
    """Shows a feature's values at the playhead: as bars, spectrum, chroma wheel or numbers.

    Showing it asks for the feature; while it cannot be seen, and after `close`, the wish is
    withdrawn. Values are sampled in the background, at most 20 times a second; the newest counts.

    Parameters
    ----------
    session : Session
    track : Track or str
    feature : str or Descriptor
        Any framewise feature.
    profile : AnalysisProfile, optional
    kind : {"bars", "spectrum", "chroma", "numbers"}, optional
        How it is shown; default: what fits the feature's axes. May be changed in the widget.
    interpolation : {"linear", "hold", "nearest", "cubic"}

    Attributes
    ----------
    kind : str
        May be set and observed; empty: what fits.
    axis : dict
        Names or frequencies of the values, their unit, and the range of the drawing.
    frame : dict
        The values now (``values``, bytes of float32) and the trail behind them (``trail``).
    state : dict
        Whether the feature is there, and why not.

    Raises
    ------
    UnknownTrackError, UnknownFeatureError, UnknownCalculatorError, InvalidParameterError, SessionClosedError,
    WidgetError

    Examples
    --------
    >>> acn.FrameInspector(session, track, "chroma")  # doctest: +SKIP
    """

    view_name = "inspector"
    page_traits = AcnWidget.page_traits | {"kind"}

    title = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode("").tag(sync=True)
    axis = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        session: Any,
        track: Any,
        feature: str | Descriptor = "chroma",
        *,
        profile: AnalysisProfile | None = None,
        kind: str | None = None,
        interpolation: str = "linear",
    ) -> None:
        require_open(session)
        self._session = session
        self._track_id = require_track(session, track)
        registry: Registry = getattr(session, "registry", calculators)
        self._wanted = registry.resolve(feature, profile)
        calculator = registry.get(str(self._wanted.calculator))
        self._label = calculator.label or self._wanted.feature
        check_interpolation(interpolation)
        self._sampler = session.sampler(self._track_id, self._wanted, interpolation=interpolation)
        self._growing = session.growing
        self._element = f"inspector-{uuid.uuid4().hex[:12]}"
        self._asked = False
        self._ask_lock = threading.Lock()
        self._data: FeatureTrack | None = None
        self._axis: tuple[str, dict[str, Any]] = ("", {})
        if kind is not None and kind not in KINDS:
            raise InvalidParameterError(f"kind is {kind!r:.60}.", hint=f"Use one of {', '.join(KINDS)}, or None.")
        super().__init__(session, kind=kind or "", **self._inspector_values(session.store.snapshot()))
        try:
            self._ask()
        except BaseException:
            self.close()
            raise
        self._background = playhead_sampler(session)
        self._background.watch(self, "_sample")

    # -- state ----------------------------------------------------------------------------------------

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        values = self._inspector_values(snapshot)
        if "_background" in self.__dict__:
            self._background.wake()
        return values

    def _inspector_values(self, snapshot: SnapshotLike) -> dict[str, Any]:
        track = snapshot.tracks.get(self._track_id)
        entry: EntryLike | None = None
        if track is not None:
            entry = find_entry(snapshot.sources[track.source_id].entries, self._wanted)
        state, reason, data = self._standing(track, entry)
        done = None
        if data is None and state == "running":
            growing = self._growing(self._track_id, self._wanted)
            if growing is not None and growing.track.is_framewise and growing.done.any():
                data, done = growing.track, growing.done
        self._data = data
        if data is not None and (done is not None or self._axis[0] != data.key):
            self._axis = ("" if done is not None else data.key, axis_values(data, done))
        if entry is not None and entry.label:
            self._label = entry.label
        title = f"{track_title(snapshot, self._track_id)} · {display_text(self._label)}"
        told = {"state": state, "reason": reason, "there": data is not None}
        return {"title": title, "state": told, "axis": self._axis[1], **playhead_values(self._session)}

    def _standing(self, track: Any, entry: EntryLike | None) -> tuple[str, str, FeatureTrack | None]:
        """State, reason and data of the feature."""
        if track is None:
            return "missing", "The track was removed.", None
        if entry is None:
            return "missing", NOT_YET, None
        state = "failed" if entry.state == "bad_request" else entry.state
        reason = message_text(entry.error or entry.reason or "")
        data = entry.track
        if data is not None and data.format in ("events", "global", "matrix"):
            return "failed", EVENTS if data.format == "events" else WHOLE, None
        if data is None and not reason:
            reason = NOT_YET
        return state, reason, data

    # -- values ---------------------------------------------------------------------------------------

    def _sample(self, time_s: float) -> dict[str, Any] | None:
        """What is shown of the feature at a time; None while nobody looks."""
        data = self._data
        if data is None or self._ended or self._is_unseen():
            return None
        found = self._sampler.at(time_s)
        if found is None:
            return None
        values = _plain(np.asarray(found.values))[:MOST_VALUES]
        lines = len(values) <= LINES
        spacing_s = max(data.hop_seconds, LINE_SPACING_S if lines else PICTURE_SPACING_S)
        rows = max(2, round(TRAIL_S / spacing_s))
        found_before = self._sampler.many(time_s - spacing_s * np.arange(rows - 1, -1, -1))
        trail = _plain(values[None] if found_before is None else found_before[:, :MOST_VALUES])
        axis = self._axis[1]
        if not lines:
            trail = levels(pooled(trail, trail_starts(axis, trail.shape[1])), axis["low"], axis["high"])
        return {
            "frame": {
                "time_s": time_s,
                "in_range": bool(found.in_range),
                "partial": bool(getattr(found, "partial", False)),
                "index": int(found.frame_index),
                "frames": data.frame_count,
                "values": _bytes(values),
                "trail": _bytes(trail) if lines else trail.tobytes(),
                "trail_rows": len(trail),
                "trail_columns": trail.shape[1],
                "spacing_s": spacing_s,
            }
        }

    # -- demand ---------------------------------------------------------------------------------------

    def _ask(self) -> None:
        with self._ask_lock:
            if self._asked or self._ended:
                return
            self._asked = True
        self._session.request(self._track_id, [self._wanted], element=self._element)

    def _withdraw(self) -> None:
        with self._ask_lock:
            asked, self._asked = self._asked, False
        if asked:
            self._session.release(self._element)

    @traitlets.observe("_view_count")
    def _shown_again(self, change: Any) -> None:
        if change["new"] and change["new"] > 0 and not self._ended:
            try:
                self._ask()
            except AudioCacheError:
                return  # the track has gone, and the state says so
            if "_background" in self.__dict__:
                self._background.wake()

    def _unseen(self) -> None:
        self._withdraw()

    def _end(self) -> None:
        if "_background" in self.__dict__:
            self._background.forget(self)
        self._withdraw()

    # -- page -----------------------------------------------------------------------------------------

    @traitlets.validate("kind")
    def _valid_kind(self, proposal: Any) -> str:
        kind: str = proposal["value"]
        if kind and kind not in KINDS:
            raise traitlets.TraitError(f"kind is {kind!r:.60}; use one of {', '.join(KINDS)}, or an empty text.")
        return kind

    def _accepts(self, name: str, value: Any) -> bool:
        return value in ("", *KINDS) if name == "kind" else super()._accepts(name, value)

    def _fallback(self) -> Fallback:
        state = self.state["state"]
        at = f"at {duration_text(self._session.playhead.time)}"
        summary = f"{state}, {at}" + (f" · {self.state['reason']}" if self.state["reason"] else "")
        values = self._last_values()
        names = self.axis.get("names") or [f"{value:.5g}" for value in self.axis.get("coords", ())]
        rows = [(name, f"{value:.6g} {self.axis['unit']}".strip()) for name, value in zip(names, values, strict=False)]
        return Fallback(self.title, summary, ("Value of", "Now"), rows[:64])

    def _last_values(self) -> list[float]:
        try:
            found = self._sampler.at(self._session.playhead.time) if self._data is not None else None
        except AudioCacheError:
            found = None
        return [] if found is None else [float(value) for value in _plain(np.asarray(found.values))[:MOST_VALUES]]


def axis_values(data: FeatureTrack, done: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """What the values of a frame are: names or frequencies, unit, range, and which ways of showing them fit.

    Parameters
    ----------
    done : ndarray of bool [shape=(frame_count,)], optional
        Which rows are there; None: all.
    """
    width = min(data.width, MOST_VALUES)
    inner = data.axes[1:]
    coords = {name: np.asarray(data.coords[name]) for name in inner if name in data.coords}
    frequencies = _frequencies(inner, coords)
    chroma = inner == ("pitch_class",) and data.width == 12
    kinds = [
        *(["chroma"] if chroma else []),
        *(["spectrum"] if frequencies is not None else []),
        *(["bars"] if 1 < width <= MOST_BARS else []),
        *(["numbers"] if width <= MOST_BARS else []),
    ]
    if width <= 2:
        kinds = ["numbers", "bars"]
    names = [] if frequencies is not None and width > MOST_BARS else _names(data, inner, coords)[:width]
    low, high = _range(data, done)
    return {
        "unit": display_text(data.unit, 40),
        "names": names,
        "coords": [] if frequencies is None else frequencies[:width].tolist(),
        "width": width,
        "total": data.width,
        "low": low,
        "high": high,
        "fill": finite(data.fill_value),
        "kinds": kinds or ["bars"],
    }


def trail_starts(axis: Mapping[str, Any], width: int) -> NDArray[np.int64]:
    """First value of each column of a trail's picture: evenly spaced, frequencies by their logarithm."""
    columns = min(width, TRAIL_COLUMNS)
    coords = np.asarray(axis["coords"])
    if len(coords) != width:
        return np.arange(columns) * width // columns
    low_hz = max(LOWEST_HZ, float(coords[coords > 0][0]))
    edges = np.geomspace(low_hz, coords[-1], columns, endpoint=False)
    return np.minimum(np.searchsorted(coords, edges * (1 - 1e-9)), width - 1)


def pooled(rows: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Neighbouring columns put together, the largest of each group counts [shape=(n, len(starts))]."""
    return np.asarray(np.maximum.reduceat(np.asarray(rows, dtype=np.float32), starts, axis=1))


def levels(rows: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Values as bytes, 0 at the lower end of a range and 255 at the upper one; what is no number is 0."""
    shares = np.nan_to_num((rows - np.float32(low)) / np.float32(high - low), nan=0.0, posinf=1.0, neginf=0.0)
    return np.asarray(np.rint(np.clip(shares, 0, 1) * 255), dtype=np.uint8)


def _frequencies(inner: tuple[str, ...], coords: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
    if len(inner) != 1 or inner[0] not in FREQUENCY_AXES or inner[0] not in coords:
        return None
    found = coords[inner[0]]
    if found.dtype.kind != "f" or len(found) < 8 or np.any(np.diff(found) <= 0):
        return None
    return np.asarray(found, dtype=np.float64)


def _names(data: FeatureTrack, inner: tuple[str, ...], coords: Mapping[str, NDArray[Any]]) -> list[str]:
    """A name for each value of a flattened row: the names along all axes, one after the other."""
    names = [""]
    for axis, size in zip(inner, data.shape[1:], strict=True):
        found = coords.get(axis)
        own = [_name(axis, k, found) for k in range(size)]
        names = [f"{name} {other}".strip() for name in names for other in own][: MOST_VALUES + 1]
    return [display_text(name, 60) for name in names] if inner else [display_text(data.feature, 60)]


def _name(axis: str, k: int, coords: NDArray[Any] | None) -> str:
    if coords is None or k >= len(coords):
        return ("min", "max")[k] if axis == "bound" and k < 2 else f"{axis} {k + 1}"
    if coords.dtype.kind != "f":
        return str(coords[k])
    return f"{coords[k]:.5g} Hz" if axis in FREQUENCY_AXES else f"{axis} {coords[k]:.5g}"


def _range(data: FeatureTrack, done: NDArray[np.bool_] | None) -> tuple[float, float]:
    """The range that the drawing spans: what was declared, else what occurs in rows all over the recording."""
    declared = declared_range(data)
    if declared is not None:
        return declared
    count = data.frame_count
    if not count:
        return 0.0, 1.0
    block = 64
    starts = np.unique(np.linspace(0, max(0, count - block), SCANNED_ROWS // block).astype(int))
    blocks = [slice(int(start), min(count, int(start) + block)) for start in starts]
    parts = [_plain(data.rows(part.start, part.stop)) for part in blocks]
    if done is not None:
        parts = [rows[done[part]] for rows, part in zip(parts, blocks, strict=True)]
    rows = np.concatenate(parts)
    found = rows[np.isfinite(rows)]
    return curve_range((float(found.min()), float(found.max())) if len(found) else None)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Real numbers: of complex ones their magnitude is shown."""
    return np.abs(values) if np.iscomplexobj(values) else values


def _bytes(values: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()
