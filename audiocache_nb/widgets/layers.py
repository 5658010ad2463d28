"""Layers of a plot: how a feature track is drawn."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.protocol import AudioLike
from audiocache_nb.models.text import display_text, finite
from audiocache_nb.sampling.pyramid import ImagePyramid, MinMaxPyramid, Pyramid, finite_range
from audiocache_nb.widgets.ranges import curve_range, declared_range, image_range, wave_range

Kind = Literal["minmax", "image", "curve"]
CURVES_AT_MOST = 8
TILE_BYTES = 1 << 18  # larger messages would hold up the small ones behind them


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A feature track made ready for drawing."""

    kind: Kind
    pyramid: Pyramid
    value_min: float
    value_max: float
    facts: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """Bytes kept for it, without the data."""
        return self.pyramid.nbytes


def kind_of(track: FeatureTrack) -> Kind | None:
    """How a track is drawn; None for what has no frames."""
    if not track.is_framewise or not track.width:
        return None
    if track.format == "waveform-minmax" and track.shape[-1] == 2 and len(track.shape) > 1:
        return "minmax"
    return "curve" if track.width <= CURVES_AT_MOST else "image"


def expected_kind(calculator: Calculator, audio: AudioLike, wanted: Descriptor) -> Kind:
    """How a feature will be drawn, as far as its calculator can tell beforehand."""
    try:
        params = calculator.parameters.effective(dict(wanted.params))
        layout = calculator.layout(audio, wanted.used_profile, params)
    except Exception:  # somebody else's calculator; it will be seen when the data are there
        return "curve"
    if layout.format == "waveform-minmax":
        return "minmax"
    return "image" if math.prod(layout.tail) > CURVES_AT_MOST else "curve"


def why_not(track: FeatureTrack) -> str:
    """Why a track cannot be drawn over time."""
    kind = {"events": "a list of events", "global": "one value for the whole recording"}.get(track.format, "empty")
    return f"It is {kind}; there is no curve over time to plot."


def make_picture(track: FeatureTrack, checkpoint: Callable[[], None]) -> Picture:
    """Build the pyramid of a framewise track; may take a second or two for an hour of audio.

    Parameters
    ----------
    track : FeatureTrack
    checkpoint : callable
        Called between blocks; what it raises ends the building.
    """
    kind = kind_of(track)
    assert kind is not None  # the caller asked
    frames, width = track.frame_count, track.width
    if kind == "image":
        values = cast("NDArray[Any]", track.decoded.reshape(frames, width))
        declared = declared_range(track)
        low, high = declared or image_range(finite_range(values, checkpoint=checkpoint))
        image = ImagePyramid(values, value_min=low, value_max=high, checkpoint=checkpoint)
        return Picture(kind, image, low, high, _image_facts(track, image))
    shape = (frames, width // 2, 2) if kind == "minmax" else (frames, width)
    series = cast("NDArray[Any]", track.decoded.reshape(shape))
    channels = series.shape[1]
    tile_buckets = 2048
    while tile_buckets > 128 and tile_buckets * channels * 8 > TILE_BYTES:
        tile_buckets //= 2
    curves = MinMaxPyramid(series, tile_buckets=tile_buckets, checkpoint=checkpoint)
    find_range = wave_range if kind == "minmax" else curve_range
    low, high = find_range(curves.extremes)
    names = _names(track, channels)
    return Picture(kind, curves, low, high, {"channels": names, "rows": 0, "y_min": 0.0, "y_max": 0.0, "y_unit": ""})


def layer_values(
    name: str,
    track: FeatureTrack | None,
    picture: Picture | None,
    *,
    kind: Kind,
    label: str,
    state: str,
    reason: str,
    revision: int,
) -> dict[str, Any]:
    """The plot's description of one layer; without a picture it has no buckets."""
    pyramid = None if picture is None else picture.pyramid
    facts = picture.facts if picture else {"channels": [], "rows": 0, "y_min": 0.0, "y_max": 0.0, "y_unit": ""}
    return {
        "name": name,
        "kind": picture.kind if picture else kind,
        "label": display_text(label),
        "unit": display_text(track.unit, 40) if track is not None else "",
        "state": state,
        "reason": reason,
        "revision": revision,
        "t0_s": finite(track.start_seconds) or 0.0 if track is not None else 0.0,
        "hop_s": finite(track.hop_seconds) or 0.0 if track is not None else 0.0,
        "buckets": pyramid.buckets if pyramid else 0,
        "factor": pyramid.factor if pyramid else 2 if kind == "image" else 4,
        "levels": pyramid.levels if pyramid else 1,
        "tile_buckets": pyramid.tile_buckets if pyramid else 256 if kind == "image" else 2048,
        "value_min": picture.value_min if picture else 0.0,
        "value_max": picture.value_max if picture else 1.0,
        "aligned": track.alignment if track is not None else "start",
        **facts,
    }


def _image_facts(track: FeatureTrack, image: ImagePyramid) -> dict[str, Any]:
    """Rows and what they stand for: their coordinate if it is an even scale, else their number."""
    first, last = image.row_bin(0), image.row_bin(image.rows - 1)
    axis = track.axes[1] if len(track.shape) == 2 else "value"
    coordinates = track.axis_coords.get(axis)
    facts: dict[str, Any] = {"channels": [], "rows": image.rows}
    if coordinates is None or not _is_even(coordinates):
        return {**facts, "y_min": first, "y_max": last, "y_unit": display_text(axis, 40)}
    start, step = float(coordinates[0]), float(coordinates[1] - coordinates[0])
    return {**facts, "y_min": start + first * step, "y_max": start + last * step, "y_unit": _axis_unit(axis)}


def _is_even(coordinates: NDArray[Any]) -> bool:
    if len(coordinates) < 2 or not np.issubdtype(coordinates.dtype, np.number):
        return False
    steps = np.diff(np.asarray(coordinates, dtype=np.float64))
    return bool(np.isfinite(steps).all() and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-3))


def _axis_unit(axis: str) -> str:
    return "Hz" if axis in ("bin", "frequency") or axis.endswith("_hz") else display_text(axis, 40)


def _names(track: FeatureTrack, channels: int) -> list[str]:
    axis = track.axes[1] if len(track.shape) > 1 else ""
    names = track.axis_coords.get(axis)
    if names is not None and len(names) == channels:
        return [f"{name:.6g}" if isinstance(name, float) else display_text(name, 60) for name in names.tolist()]
    return [""] if channels == 1 else [str(k + 1) for k in range(channels)]
