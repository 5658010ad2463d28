"""Pictures of feature tracks: the pyramid that fits, and what its axes mean."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.text import display_text
from audiocache_nb.sampling.depths import EventTable, WavePyramid
from audiocache_nb.sampling.pyramid import ImagePyramid, MinMaxPyramid, Pyramid, finite_range
from audiocache_nb.sampling.rows import TrackRows
from audiocache_nb.sampling.shelf import PyramidShelf, Shelved
from audiocache_nb.widgets.growth import DoneRows, runs
from audiocache_nb.widgets.layers import Picture, kind_of, value_text
from audiocache_nb.widgets.ranges import curve_range, declared_range, image_range, wave_range

log = logging.getLogger("audiocache_nb")

TILE_BYTES = 1 << 18  # larger messages would hold up the small ones behind them
FLOOR_DB = -80.0
HZ_AXES = frozenset({"bin", "frequency", "mel", "pitch"})
MOST_NAMES = 128

Checkpoint = Callable[[], None]


def make_picture(
    track: FeatureTrack,
    checkpoint: Checkpoint,
    audio: Any = None,
    done: NDArray[np.bool_] | None = None,
    before: Picture | None = None,
    shelf: PyramidShelf | None = None,
) -> Picture:
    """Build what is drawn of a track; may take a second or two for an hour of audio.

    Parameters
    ----------
    track : FeatureTrack
    checkpoint : callable
        Called between blocks; what it raises ends the building.
    audio : AudioSource, optional
        The recording, so that a waveform can be zoomed down to its samples.
    done : ndarray of bool [shape=(frame_count,)], optional
        Which frames of a track exist that is still being computed.
    before : Picture, optional
        Of the same track when less of it existed: what it knows is taken over.
    shelf : PyramidShelf, optional
        Where pyramids are kept between sessions.
    """
    kind = kind_of(track)
    assert kind is not None  # the caller asked
    if kind == "text":
        return _picture(track, "text", EventTable(np.empty((0, 1))), (0.0, 1.0), {"text": value_text(track)})
    if kind == "events":
        return _events(track)
    known = None if shelf is None or done is not None else shelf.find(track)
    began_s = time.perf_counter()
    if kind == "image":
        picture, facts = _image(track, checkpoint, done, before, known)
    elif kind == "minmax":
        picture, facts = _wave(track, checkpoint, audio, done, known), {}
    else:
        picture, facts = _curves(track, checkpoint, done, known), {}
    if shelf is not None and done is None:
        pyramid = picture.pyramid.cells if isinstance(picture.pyramid, WavePyramid) else picture.pyramid
        if isinstance(pyramid, Pyramid) and (known is None or pyramid.kept_rows is not known.rows):
            shelf.keep(track, pyramid, facts, time.perf_counter() - began_s)
    return picture


def _rows(track: FeatureTrack, shape: tuple[int, ...], done: NDArray[np.bool_] | None) -> NDArray[Any]:
    in_memory = isinstance(track.rows_or_array, np.ndarray)
    values: Any = track.decoded.reshape(shape) if in_memory else TrackRows(track, shape)
    return cast("NDArray[Any]", values if done is None else DoneRows(values, done))


def _growth(done: NDArray[np.bool_] | None) -> dict[str, Any]:
    return {} if done is None else {"done": runs(done)}


def _picture(
    track: FeatureTrack, kind: Any, pyramid: Any, values: tuple[float, float], facts: dict[str, Any], **grid: Any
) -> Picture:
    own = {"hop_s": track.hop_seconds, "t0_s": track.start_seconds, "aligned": track.alignment, "unit": track.unit}
    return Picture(kind, pyramid, *values, facts, **{**own, **grid})


# -- waveforms and curves -----------------------------------------------------------------------------------


def _tile_buckets(channels: int) -> int:
    tile_buckets = 2048
    while tile_buckets > 128 and tile_buckets * channels * 8 > TILE_BYTES:
        tile_buckets //= 2
    return tile_buckets


def _wave(
    track: FeatureTrack, checkpoint: Checkpoint, audio: Any, done: NDArray[np.bool_] | None, shelved: Shelved | None
) -> Picture:
    channels = track.width // 2
    cells = _rows(track, (track.frame_count, channels, 2), done)
    facts = {"channels": _names(track, channels), **_growth(done)}
    tile_buckets = _tile_buckets(channels)
    known = len(cells) // 2 if done is None else int(np.argmax(done))
    kept = None if shelved is None else shelved.rows
    deep = _samples_below(track, cells, known, audio, tile_buckets, checkpoint, kept)
    if deep is not None:
        # A sample is at its time, not behind it.
        grid = {"hop_s": 1 / audio.sample_rate, "t0_s": 0.0, "aligned": "center"}
        return _picture(track, "minmax", deep, wave_range(deep.extremes), facts, **grid)
    pyramid = MinMaxPyramid(cells, tile_buckets=tile_buckets, checkpoint=checkpoint, kept=kept)
    return _picture(track, "minmax", pyramid, wave_range(pyramid.extremes), facts)


def _samples_below(
    track: FeatureTrack,
    cells: NDArray[Any],
    known: int,
    audio: Any,
    tile_buckets: int,
    checkpoint: Checkpoint,
    kept: NDArray[Any] | None,
) -> WavePyramid | None:
    """The waveform down to its samples; None if they cannot be read, or are not what a known cell was made of."""
    channels = cells.shape[1]
    if not hasattr(audio, "read") or track.start_seconds != 0 or channels not in (1, audio.channels):
        return None
    cell = track.hop_seconds * audio.sample_rate
    if abs(cell - round(cell)) > 1e-6:
        return None

    def read(first: int, frames: int) -> NDArray[np.float32]:
        samples = cast("NDArray[np.float32]", audio.read(first, frames))
        return samples if channels == audio.channels else samples.mean(axis=1, keepdims=True, dtype=np.float32)

    try:
        pyramid = WavePyramid(
            cells,
            cell_samples=round(cell),
            frames=audio.frames,
            read=read,
            tile_buckets=tile_buckets,
            checkpoint=checkpoint,
            kept=kept,
        )
        samples = read(known * round(cell), round(cell))
    except (AudioCacheError, OSError):
        log.debug("no samples below the waveform", exc_info=True)
        return None
    found = np.stack([samples.min(axis=0), samples.max(axis=0)], axis=1) if len(samples) else cells[known]
    return pyramid if np.allclose(found, cells[known], rtol=0, atol=1e-5) else None


def _curves(
    track: FeatureTrack, checkpoint: Checkpoint, done: NDArray[np.bool_] | None, shelved: Shelved | None
) -> Picture:
    series = _rows(track, (track.frame_count, track.width), done)
    kept = None if shelved is None else shelved.rows
    pyramid = MinMaxPyramid(series, tile_buckets=_tile_buckets(track.width), checkpoint=checkpoint, kept=kept)
    top = pyramid.tile(pyramid.levels - 1, 0)[1]
    each = [finite_range(top[:, channel]) for channel in range(track.width)]
    facts = {
        "channels": _names(track, track.width),
        "units": _units(track),
        "ranges": [list(curve_range(one)) for one in each],
        **_growth(done),
    }
    return _picture(track, "curve", pyramid, curve_range(pyramid.extremes), facts)


def _names(track: FeatureTrack, channels: int) -> list[str]:
    """Names of the curves: their coordinates, of several axes all together."""
    axes = [name for name in track.axes[1:] if name != "bound"]
    known = [track.axis_coords.get(name) for name in axes]
    if known and all(names is not None for names in known):
        lists = [[_name(value) for value in names.tolist()] for names in known if names is not None]
        if math.prod(map(len, lists)) == channels:
            return [display_text(" ".join(parts), 60) for parts in itertools.product(*lists)]
    return [""] if channels == 1 else [str(k + 1) for k in range(channels)]


def _units(track: FeatureTrack) -> list[str]:
    """The unit of each curve: fields of a frame are different things, and the feature's unit is that of the first."""
    fields = track.shape[-1] if track.axes[-1] == "value" else 1
    if fields == 1 or not track.unit:
        return []
    return [display_text(track.unit, 40) if channel % fields == 0 else "" for channel in range(track.width)]


def _name(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else display_text(value, 60)


# -- events -------------------------------------------------------------------------------------------------


def _events(track: FeatureTrack) -> Picture:
    table = EventTable(np.asarray(track.values()).reshape(track.frame_count, track.width))
    fields = _names(track, track.width)
    strongest = table.extremes(1) if track.width > 1 else None
    top = strongest[1] if strongest is not None and strongest[1] > 0 else 1.0
    return _picture(
        track,
        "events",
        table,
        (0.0, top),
        {"channels": [name or "time" for name in fields], "edges": table.first_times_s},
        hop_s=1.0,
        t0_s=0.0,
        aligned="start",
    )


# -- images -------------------------------------------------------------------------------------------------


class _Levels:
    """Values that span many powers of ten, as decibels below the largest; only what is indexed is converted."""

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, values: NDArray[Any], *, factor: float, reference: float) -> None:
        self._values, self._factor, self._reference = values, factor, reference
        self.shape = values.shape

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        size = np.abs(self._values[index]).astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            level: NDArray[np.float32] = np.float32(self._factor) * np.log10(size / np.float32(self._reference))
        return level


@dataclasses.dataclass(frozen=True)
class _Scale:
    """What the bytes of a picture stand for.

    Attributes
    ----------
    low, high : float
    unit : str
    factor, reference : float
        If `factor` is not 0, values are shown as ``factor * log10(abs(value) / reference)``.
    """

    low: float
    high: float
    unit: str
    factor: float = 0.0
    reference: float = 1.0

    @classmethod
    def known(cls, shelved: Shelved | None) -> _Scale | None:
        """As it was found out when the pyramid was made."""
        try:
            return None if shelved is None else cls(**shelved.facts)
        except TypeError:  # of another version
            return None

    @classmethod
    def of(cls, track: FeatureTrack, values: NDArray[Any], checkpoint: Checkpoint) -> _Scale:
        """As the track says, or else as its values are."""
        limits = declared_range(track)
        if limits is not None:
            return cls(*limits, track.unit)
        complex_valued = track.dtype.kind == "c"
        extremes = _size_range(values, checkpoint) if complex_valued else finite_range(values, checkpoint=checkpoint)
        if extremes is not None and (complex_valued or _is_steep(values, extremes)):
            reference = extremes[1] if extremes[1] > 0 else 1.0
            return cls(FLOOR_DB, 0.0, "dB re max", 20.0 if complex_valued else 10.0, reference)
        return cls(*image_range(extremes), track.unit)


def _image(
    track: FeatureTrack,
    checkpoint: Checkpoint,
    done: NDArray[np.bool_] | None,
    before: Picture | None,
    shelved: Shelved | None,
) -> tuple[Picture, dict[str, Any]]:
    """The picture, and its scale in plain values."""
    values = _rows(track, (track.frame_count, track.width), done)
    known_scale = _Scale.known(shelved)
    scale = known_scale or _Scale.of(track, values, checkpoint)
    if scale.factor:
        values = cast("NDArray[Any]", _Levels(values, factor=scale.factor, reference=scale.reference))
    known = None if before is None else before.pyramid
    previous = known if isinstance(known, ImagePyramid) and isinstance(values, DoneRows) else None
    image = ImagePyramid(
        values,
        value_min=scale.low,
        value_max=scale.high,
        checkpoint=checkpoint,
        previous=previous,
        kept=None if shelved is None or known_scale is None else shelved.rows,
    )
    grid: dict[str, Any] = {"unit": scale.unit}
    if track.format == "matrix":
        times = np.asarray(track.axis_coords.get(track.axes[0], np.arange(track.frame_count)), dtype=np.float64)
        step = float(times[1] - times[0]) if len(times) > 1 else 1.0
        grid |= {"hop_s": step, "t0_s": float(times[0]) if len(times) else 0.0, "aligned": "start"}
    facts = {**_image_facts(track, image), **_growth(done)}
    return _picture(track, "image", image, (scale.low, scale.high), facts, **grid), dataclasses.asdict(scale)


def _size_range(values: NDArray[Any], checkpoint: Checkpoint) -> tuple[float, float] | None:
    largest = 0.0
    for start in range(0, len(values), 512):
        checkpoint()
        largest = max(largest, float(np.nanmax(np.abs(values[start : start + 512]), initial=0.0)))
    return (0.0, largest) if math.isfinite(largest) and largest > 0 else None


def _is_steep(values: NDArray[Any], extremes: tuple[float, float]) -> bool:
    """Whether most of a picture of powers would be black, because a little of it is so much stronger."""
    if extremes[0] < 0 or extremes[1] <= 0:
        return False
    step = max(1, len(values) // 256)
    some = np.asarray(values[::step][:256], dtype=np.float32)
    some = some[np.isfinite(some)]
    return bool(len(some)) and float(np.median(some)) < 1e-3 * extremes[1]


def _image_facts(track: FeatureTrack, image: ImagePyramid) -> dict[str, Any]:
    """Rows and what they stand for: frequencies, other numbers, names, or else their own number."""
    first, last = image.row_bin(0), image.row_bin(image.rows - 1)
    axis = track.axes[1] if len(track.shape) == 2 else "value"
    coordinates = track.axis_coords.get(axis)
    facts: dict[str, Any] = {"rows": image.rows, "row_bins": image.bins_per_row}
    numbered = {**facts, "y_min": first, "y_max": last, "y_unit": display_text(axis.replace("_", " "), 40)}
    if coordinates is None or len(coordinates) != track.width:
        return numbered
    if not np.issubdtype(coordinates.dtype, np.number):
        names = [display_text(name, 24) for name in coordinates.tolist()]
        return {**numbered, "y_names": names} if image.bins_per_row == 1 and len(names) <= MOST_NAMES else numbered
    values = np.asarray(coordinates, dtype=np.float64)
    if not _is_rising(values):
        return numbered
    at = [
        float(value) for value in np.interp([image.row_bin(row) for row in range(image.rows)], _count(values), values)
    ]
    whole = np.issubdtype(coordinates.dtype, np.integer)
    unit = _axis_unit(axis, uneven=not _is_even(values) and not whole)
    known = {**facts, "y_min": at[0], "y_max": at[-1], "y_unit": unit}
    return known if _is_even(values) else {**known, "y_values": [float(f"{value:.7g}") for value in at]}


def _count(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.arange(len(values), dtype=np.float64)


def _is_rising(values: NDArray[np.float64]) -> bool:
    return len(values) > 1 and bool(np.isfinite(values).all() and (np.diff(values) > 0).all())


def _is_even(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values)
    return bool(np.allclose(steps, steps[0], rtol=1e-3))


def _axis_unit(axis: str, *, uneven: bool) -> str:
    # Bands that are not evenly spaced are those of frequency.
    if axis in HZ_AXES or axis.endswith("_hz") or (axis in ("band", "channel") and uneven):
        return "Hz"
    return "s" if axis in ("lag", "row", "column") else display_text(axis.replace("_", " "), 40)
