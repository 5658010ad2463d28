"""Layers of a plot: how a feature track is drawn, and what the page is told about it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np

from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.protocol import AudioLike
from audiocache_nb.models.text import display_text, finite
from audiocache_nb.sampling.depths import Tiles

Kind = Literal["minmax", "image", "curve", "events", "text"]
CURVES_AT_MOST = 8
# Calculators of whole recordings say only with their result what it is; of the built-in ones it is known.
_KNOWN: dict[str, Kind] = {
    **dict.fromkeys(("onsets", "beats", "health.events"), "events"),
    **dict.fromkeys(("tempo", "loudness.integrated", "health", "voice.quality"), "text"),
    "ssm": "image",
}
NO_FACTS: dict[str, Any] = {
    "channels": [],
    "ranges": [],
    "units": [],
    "rows": 0,
    "y_min": 0.0,
    "y_max": 0.0,
    "y_unit": "",
    "y_values": [],
    "y_names": [],
    "row_bins": 1,
    "edges": [],
    "text": "",
    "done": None,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A feature track made ready for drawing.

    Attributes
    ----------
    pyramid : Pyramid
        Of a text: an empty one.
    hop_s, t0_s, aligned
        The grid of level 0, which may be finer than that of the track.
    unit : str
        Of the values in the tiles.
    facts : dict
        What the page needs to know beside that; see `NO_FACTS`.
    """

    kind: Kind
    pyramid: Tiles
    value_min: float
    value_max: float
    facts: dict[str, Any]
    hop_s: float
    t0_s: float
    aligned: str
    unit: str

    @property
    def nbytes(self) -> int:
        """Bytes kept for it, without the data."""
        return self.pyramid.nbytes


def kind_of(track: FeatureTrack) -> Kind | None:
    """How a track is drawn; None for what is empty."""
    if not track.width:
        return None
    if track.format == "events":
        return "events"
    if track.format == "global":
        return "text"
    if track.format == "matrix":
        return "image"
    if track.format == "waveform-minmax" and track.shape[-1] == 2 and len(track.shape) > 1:
        return "minmax"
    return "curve" if track.width <= CURVES_AT_MOST else "image"


def expected_kind(calculator: Calculator, audio: AudioLike, wanted: Descriptor) -> Kind:
    """How a feature will be drawn, as far as its calculator can tell beforehand."""
    if calculator.id in _KNOWN:
        return _KNOWN[calculator.id]
    try:
        params = calculator.parameters.effective(dict(wanted.params))
        layout = calculator.layout(audio, wanted.used_profile, params)
    except Exception:  # somebody else's calculator; it will be seen when the data are there
        return "curve"
    known: dict[str, Kind] = {"waveform-minmax": "minmax", "events": "events", "global": "text", "matrix": "image"}
    return known.get(layout.format) or ("image" if math.prod(layout.tail) > CURVES_AT_MOST else "curve")


def layer_values(
    name: str,
    picture: Picture | None,
    *,
    kind: Kind,
    label: str,
    unit: str,
    state: str,
    reason: str,
    revision: int,
) -> dict[str, Any]:
    """The plot's description of one layer; without a picture it has no buckets."""
    pyramid = None if picture is None else picture.pyramid
    return {
        "name": name,
        "kind": picture.kind if picture else kind,
        "label": display_text(label),
        "unit": display_text(picture.unit if picture else unit, 40),
        "state": state,
        "reason": reason,
        "revision": revision,
        "t0_s": finite(picture.t0_s) or 0.0 if picture else 0.0,
        "hop_s": finite(picture.hop_s) or 0.0 if picture else 0.0,
        "aligned": picture.aligned if picture else "start",
        "buckets": pyramid.buckets if pyramid else 0,
        "factor": pyramid.factor if pyramid else 2 if kind == "image" else 4,
        "levels": pyramid.levels if pyramid else 1,
        "tile_buckets": pyramid.tile_buckets if pyramid else 256 if kind == "image" else 2048,
        "value_min": picture.value_min if picture else 0.0,
        "value_max": picture.value_max if picture else 1.0,
        **NO_FACTS,
        **(picture.facts if picture else {}),
    }


def value_text(track: FeatureTrack) -> str:
    """A global feature in words: every value with its name."""
    values = np.asarray(track.values()).reshape(-1)[:12]
    names = track.axis_coords.get(track.axes[-1], np.array([]))
    known = [display_text(name, 60) for name in names.tolist()] if len(names) == track.width else []
    parts = []
    for k, value in enumerate(values.tolist()):
        number = f"{value:.6g}" if finite(value) is not None else "–"
        unit = f" {track.unit}" if track.unit and (k == 0 or len(values) == 1) else ""
        parts.append(f"{known[k].replace('_', ' ')} {number}{unit}" if known else number + unit)
    return display_text(" · ".join(parts))
