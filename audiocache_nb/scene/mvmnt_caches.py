"""Feature caches of MVMNT, version 3: numbers with their shape, read and written."""

from __future__ import annotations

import dataclasses
import math
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.periodic import padded_periods
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.limits import ImportLimits

VERSION = 3
METADATA = "feature_caches.json"
DTYPES = {"float32": "<f4", "uint8": "|u1", "int16": "<i2"}
ENDINGS = {"float32": ".f32", "uint8": ".u8", "int16": ".i16"}
PERIODIC = "waveform-periodic"
PIECE_VALUES = 1 << 18
SCALES = {"uint8": 1 / 255, "int16": 1 / 32768}
ReadFile = Callable[[str], bytes | None]


class Unreadable(Exception):
    """A feature of a cache cannot be read; says why."""


@dataclasses.dataclass(frozen=True)
class CachedFeature:
    """One feature of a cache as it stands there.

    Attributes
    ----------
    name : str
        The key in the cache: ``rms`` or ``rms:profile``.
    feature, calculator, profile_id : str
    version : str
    data : ndarray [shape=(frame_count, channels) or (frame_count, channels, 2)]
        Two values per channel: minimum and maximum.
    kind : str
        ``float32``, ``uint8``, ``int16``, ``waveform-minmax`` or ``waveform-periodic``.
    hop_seconds, start_seconds : float [s]
    profile : AnalysisProfile
    fill_value : float
    """

    name: str
    feature: str
    calculator: str
    profile_id: str
    version: str
    data: NDArray[Any]
    kind: str
    hop_seconds: float
    start_seconds: float
    profile: AnalysisProfile
    fill_value: float


def folder_of(source_id: str) -> str:
    """Where the cache of a source lies; the id is percent-encoded as ``encodeURIComponent`` does it."""
    return f"assets/audio-features/{urllib.parse.quote(source_id, safe='-_.!~*()' + chr(39))}/"


def split_key(key: str) -> tuple[str, str]:
    """Feature and profile of a track key; the last colon counts."""
    at = key.rfind(":")
    if at <= 0:
        return key or "unknown", "default"
    return key[:at], key[at + 1 :] or "default"


def read_feature(
    key: str, plain: Mapping[str, Any], cache: Mapping[str, Any], read: ReadFile, limits: ImportLimits
) -> CachedFeature:
    """One feature of a cache.

    Raises
    ------
    Unreadable
    """
    try:
        return _read_feature(key, plain, cache, read, limits)
    except (AudioCacheError, KeyError, TypeError, ValueError, OverflowError) as error:
        message = error.message if isinstance(error, AudioCacheError) else f"{type(error).__name__}: {error}"
        raise Unreadable(message[:200]) from error


def _read_feature(
    key: str, plain: Mapping[str, Any], cache: Mapping[str, Any], read: ReadFile, limits: ImportLimits
) -> CachedFeature:
    feature, key_profile = split_key(str(plain.get("key") or key))
    profile_id = str(plain.get("analysisProfileId") or key_profile or "default")
    frames, channels = _count(plain["frameCount"]), _count(plain["channels"])
    kind = str(plain["format"])
    if kind not in (*DTYPES, "waveform-minmax", PERIODIC):
        raise Unreadable(f"the format {kind!r:.40} is not read")
    limits.check("entry_bytes", 8 * frames * channels, "The size of a feature")
    if kind == "waveform-minmax":
        low, high = _extremes(plain, read)
        data = np.stack([_shaped(low, frames, channels), _shaped(high, frames, channels)], axis=2)
    elif kind == PERIODIC:
        data = _periods(plain, frames, read, limits)
    else:
        data = _shaped(_values(plain, DTYPES[kind], read), frames, channels)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise Unreadable("it holds values that are not finite")
    hop_seconds = float(plain.get("hopSeconds", cache.get("hopSeconds", 0)))
    start_seconds = float(plain.get("startTimeSeconds", cache.get("startTimeSeconds", 0)))
    if not (math.isfinite(hop_seconds) and hop_seconds > 0 and math.isfinite(start_seconds)):
        raise Unreadable("its hop is no positive number of seconds")
    profile = profile_of(plain, cache, profile_id)
    said = {**_mapping(plain.get("analysisParams")), **_mapping(plain.get("metadata"))}
    floor = said.get("minDecibels")
    is_level = feature.startswith("spectrogram")
    fill = float(floor) if floor is not None and _is_number(floor) else (-80.0 if is_level else 0.0)
    return CachedFeature(
        name=key,
        feature=feature,
        calculator=str(plain.get("calculatorId") or f"mvmnt.{feature}"),
        profile_id=profile_id,
        version=str(plain.get("version", "")),
        data=data,
        kind=kind,
        hop_seconds=hop_seconds,
        start_seconds=start_seconds,
        profile=profile,
        fill_value=fill,
    )


def profile_of(plain: Mapping[str, Any], cache: Mapping[str, Any], profile_id: str) -> AnalysisProfile:
    """The parameters that a feature was really computed with.

    The track's own parameters come before those of the run and of the profile that it names: in
    MVMNT a profile can be a label that nothing was computed with.
    """
    named = _mapping(_mapping(cache.get("analysisProfiles")).get(profile_id))
    run = _mapping(cache.get("analysisParams"))
    own = {**_mapping(plain.get("metadata")), **_mapping(plain.get("analysisParams"))}
    found: dict[str, Any] = {}
    for ours, theirs in (
        ("window_size", "windowSize"),
        ("hop_size", "hopSize"),
        ("min_decibels", "minDecibels"),
        ("max_decibels", "maxDecibels"),
    ):
        value = next((one[theirs] for one in (own, run, named) if _is_number(one.get(theirs))), None)
        if value is not None:
            found[ours] = value
    if plain.get("format") == "waveform-minmax":  # its own hop is an eighth of the one it was asked for
        value = next((one["hopSize"] for one in (run, named) if _is_number(one.get("hopSize"))), None)
        found["hop_size"] = 512 if value is None else value
    return AnalysisProfile(**found)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1 << 40:
        raise Unreadable(f"a number of frames or channels is {value!r:.40}")
    return value


def _shaped(values: NDArray[Any], frames: int, channels: int) -> NDArray[Any]:
    if values.size != frames * channels:
        raise Unreadable(f"its data have another length (expected {frames * channels:,}, got {values.size:,})")
    return values.reshape(frames, channels)


def _values(plain: Mapping[str, Any], dtype: str, read: ReadFile) -> NDArray[Any]:
    reference = plain.get("dataRef")
    if reference is None:
        return _numbers(_mapping(plain["data"])["values"], dtype)
    return _file(reference, dtype, read)


def _extremes(plain: Mapping[str, Any], read: ReadFile) -> tuple[NDArray[Any], NDArray[Any]]:
    reference = plain.get("dataRef")
    if reference is None:
        inline = _mapping(plain["data"])
        return _numbers(inline["min"], "<f4"), _numbers(inline["max"], "<f4")
    both = _file(reference, "<f4", read)
    low = _count(reference["minLength"])
    if low + _count(reference["maxLength"]) != both.size:
        raise Unreadable("its file has another length than it says")
    return both[:low], both[low:]


def _periods(plain: Mapping[str, Any], frames: int, read: ReadFile, limits: ImportLimits) -> NDArray[np.float32]:
    """Periods that lie one after the other, as rows of the length of the longest [shape=(frames, longest)]."""
    said = _mapping(plain.get("metadata"))
    offsets, lengths = ([_count(one) for one in _listed(said.get(name))] for name in ("frameOffsets", "frameLengths"))
    if len(offsets) != frames or len(lengths) != frames:
        raise Unreadable("it does not say where each of its periods begins and how long it is")
    longest = max(_count(said.get("maxFrameLength", 0)), *lengths, 0)
    limits.check("entry_bytes", 8 * frames * longest, "The size of a feature")
    rows = padded_periods(_values(plain, "<f4", read), offsets, lengths)
    return np.pad(rows, ((0, 0), (0, longest - rows.shape[1])))


def _listed(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise Unreadable("it does not say where its periods begin")
    return value


def _file(reference: object, dtype: str, read: ReadFile) -> NDArray[Any]:
    reference = _mapping(reference)
    data = read(str(reference["filename"]))
    if data is None:
        raise Unreadable("its data file is not in the package")
    if len(data) % np.dtype(dtype).itemsize:
        raise Unreadable("its data file is cut off")
    values = np.frombuffer(data, dtype)
    said = reference.get("valueCount")
    if isinstance(said, int) and said and said != values.size:
        raise Unreadable(f"its data file has another length (expected {said:,}, got {values.size:,})")
    return values


def _numbers(values: object, dtype: str) -> NDArray[Any]:
    if not isinstance(values, list) or not all(type(one) in (int, float) for one in values):
        raise Unreadable("its data are no list of numbers")
    return np.array(values, np.dtype(dtype))


# --- writing -------------------------------------------------------------------------------------


def file_stem(feature: str, taken: set[str]) -> str:
    """The name of a feature's file: plain characters, at most 80, each name once."""
    stem = re.sub(r"[^a-zA-Z0-9_-]+", "_", feature).strip("_")[:80] or f"track_{len(taken)}"
    name, n = stem, 1
    while name in taken:
        name, n = f"{stem}_{n}", n + 1
    taken.add(name)
    return name


Pieces = Callable[[], Iterator[memoryview]]


def write_feature(track: FeatureTrack, key: str, hop_ticks: int, stem: str) -> tuple[dict[str, Any], str, int, Pieces]:
    """A feature as a cache of version 3 holds it.

    Returns
    -------
    dict
        Its description.
    str
        Its file's name.
    int [bytes]
        Its file's length.
    callable
        Gives its file piece by piece.

    Raises
    ------
    Unreadable
        MVMNT has no form for it.
    """
    plain: dict[str, Any] = {
        "key": track.feature,
        "calculatorId": track.calculator_id,
        "version": int(track.version) if track.version.isdigit() else 1,
        "frameCount": track.frame_count,
        "hopTicks": hop_ticks,
        "hopSeconds": track.hop_seconds,
        "startTimeSeconds": track.start_seconds,
        "tempoProjection": {"hopTicks": hop_ticks, "startTick": 0},
        "analysisProfileId": split_key(key)[1],
        "channelAliases": None,
        "metadata": _metadata(track),
        "analysisParams": _metadata(track),
    }
    name, length = stem + ENDINGS["float32"], math.prod(track.shape)
    if track.format == "waveform-minmax":  # all the minima, then all the maxima
        reference = {"kind": "waveform-minmax", "type": "float32", "minLength": length // 2, "maxLength": length // 2}
        plain |= {"channels": track.width // 2, "format": "waveform-minmax"}
        parts: tuple[int | slice, ...] = (0, 1)
    elif track.is_framewise and track.dtype.kind != "c":
        reference = {"kind": "typed-array", "type": "float32", "valueCount": length}
        plain |= {"channels": track.width, "format": "float32"}
        parts = (slice(None),)
        if track.format == PERIODIC:  # with the zeros behind each period, so that all are equally long
            lengths = [track.width] * track.frame_count
            where = {"frameOffsets": list(range(0, length, max(1, track.width))), "frameLengths": lengths}
            plain |= {"channels": 1, "format": PERIODIC}
            plain["metadata"] = {**plain["metadata"], **where, "maxFrameLength": track.width}
    else:
        raise Unreadable(f"MVMNT has no form for {track.format}")
    step = max(1, PIECE_VALUES // max(1, track.width))

    def pieces() -> Iterator[memoryview]:
        for part in parts:
            for first in range(0, track.frame_count, step):
                rows = track.values(first, min(first + step, track.frame_count))
                rows = rows.reshape(len(rows), -1, 2)[:, :, part] if len(parts) == 2 else rows
                yield memoryview(np.ascontiguousarray(rows, "<f4").reshape(-1)).cast("B")

    return {**plain, "dataRef": {**reference, "filename": name}}, name, 4 * length, pieces


def _metadata(track: FeatureTrack) -> dict[str, Any]:
    names = {
        "window_size": "windowSize",
        "hop_size": "hopSize",
        "fft_size": "fftSize",
        "window": "window",
        "min_decibels": "minDecibels",
        "max_decibels": "maxDecibels",
        "sample_rate": "sampleRate",
    }
    return {theirs: track.parameters[ours] for ours, theirs in names.items() if track.parameters.get(ours) is not None}
