"""Features of a scene that was loaded: mapped where they lie, and believed as far as they fit what is asked for."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from audiocache_nb.cache.entry import Layout, header_bytes, parse, tail_array, track_of
from audiocache_nb.cache.mapped import Checked, MappedRows
from audiocache_nb.cache.metadata import unpack
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.archive_reader import Archive, is_cut_short
from audiocache_nb.scene.limits import ImportLimits

_LONGEST_TEXT = 4096
_LONGEST_NAME = 200
_GREATEST = 1e30  # times any int16, still a float32
_LONGEST_S = 1e9
_INTEGER_BITS = 1023  # a greater one is no float, and a much greater one cannot be shown
_PROVENANCE: dict[str, type | tuple[type, ...]] = {
    "audio": str,
    "sample_rate": (int, float),
    "calculator": str,
    "version": str,
    "seconds": (int, float),
    "computed_at": str,
    "numpy": str,
    "tempo": str,
    "salt": str,
    "key_format": str,
}
_FLOATS = frozenset({"f2", "f4", "f8"})
_TYPES = {
    "float32": _FLOATS,
    "int16": frozenset({"i2"}),
    "uint8": frozenset({"u1"}),
    "complex64": frozenset({"c8"}),
    "waveform-minmax": _FLOATS,
    "waveform-periodic": _FLOATS,
    "events": _FLOATS,
    "global": _FLOATS,
    "matrix": _FLOATS,
}
_PROVENANCE_MAPPINGS = ("decode", "parameters", "dependencies")


OTHER_AUDIO = "its data are those of another recording"


def marked(origin: Mapping[str, Any], claimed: Mapping[str, Any] | None) -> dict[str, Any]:
    """Where a feature came from: this file, and by its own account the one before; nothing else of it is believed."""
    before = (claimed or {}).get("before", (claimed or {}).get("from"))
    return {**origin, **({"before": before[:_LONGEST_NAME]} if isinstance(before, str) else {})}


def mapped_track(
    archive: Archive, entry: str, origin: Mapping[str, Any], limits: ImportLimits, damaged: Callable[[str], None]
) -> FeatureTrack:
    """The track of an entry; of its data nothing is read yet.

    Raises
    ------
    CacheCorruptionError, CacheVersionError, ValueError
        It is damaged, or no feature that this program could have made.
    """
    place = archive.place(entry)
    if is_cut_short(place):
        raise ValueError("the file was cut short")
    layout = parse(bytes(place[: header_bytes(bytes(place[:8]))]), len(place))
    problem = _form_problem(layout, limits)
    if problem:
        raise ValueError(problem)
    tail = bytes(place[layout.tail[0] : layout.tail[1]])
    if zlib.crc32(tail) != layout.tail_crc32:
        raise ValueError("its coordinates are damaged")
    layout.plain["provenance"] = {**_plain_provenance(unpack(layout.plain["provenance"])), "imported": dict(origin)}
    return track_of(layout, _rows(place, layout, tail, damaged), tail)


def _form_problem(layout: Layout, limits: ImportLimits) -> str:
    """What is wrong with the shape and the types of an entry's arrays; nothing of them is read or allocated."""
    plain, (dtype, shape, _) = layout.plain, layout.arrays["data"]
    axes, form = plain["axes"], plain["format"]
    if len(shape) > limits.dimensions:
        return f"its array has {len(shape)} axes, more than the limit dimensions = {limits.dimensions}"
    if math.prod(max(1, size) for size in shape) * dtype.itemsize > limits.entry_bytes:  # of nothing, but that often
        return f"its array is over the limit entry_bytes = {limits.entry_bytes:,}"
    if len(axes) != len(shape) or len(set(axes)) != len(axes):
        return "its array has other axes than it says"
    if form not in _TYPES or dtype.str[1:] not in _TYPES[form] or plain["alignment"] not in ("center", "start"):
        return f"{dtype} is no type of the form {form!r:.40}"
    width = {"events": (2, 1), "global": (2, 0), "matrix": (2, 0)}.get(form)
    if width and (len(shape) != width[0] or shape[1] < width[1] or (form == "matrix" and shape[0] != shape[1])):
        return f"its array cannot be {form}"
    if layout.arrays["crc32"][0] != np.uint32:
        return "its checksums are none"
    sizes = dict(zip(axes, shape, strict=True))
    for name, (kind, length, _) in layout.arrays.items():
        axis = name.removeprefix("coords.")
        if name not in ("data", "crc32") and (kind.kind not in "fiu" or length != (sizes.get(axis),) or axis == name):
            return "its coordinates do not fit its array"
    for axis, names in plain["names"].items():
        if type(names) is not list or len(names) != sizes.get(axis) or not all(type(name) is str for name in names):
            return "its coordinates do not fit its array"
    return ""


def _plain_provenance(claimed: Mapping[str, Any]) -> dict[str, Any]:
    """What a track says of its origin, as far as it has the shape that everybody expects of it."""
    found: dict[str, Any] = {}
    for name, kind in _PROVENANCE.items():
        value = claimed.get(name)
        if isinstance(value, kind) and _is_moderate(value):
            found[name] = value
    for name in _PROVENANCE_MAPPINGS:
        value = claimed.get(name)
        if isinstance(value, Mapping) and all(
            type(item) in (str, int, float, bool, type(None)) and not _is_beyond(item) for item in value.values()
        ):
            found[name] = {str(key)[:_LONGEST_TEXT]: item for key, item in value.items()}
    return found


def _is_moderate(value: Any) -> bool:
    """Whether a text is short enough, or a number is one that can be reckoned with."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return not isinstance(value, bool) and abs(value) <= _GREATEST


def _is_beyond(value: Any) -> bool:
    """Whether there is an integer anywhere in a value that nobody can reckon with."""
    if isinstance(value, int):
        return value.bit_length() > _INTEGER_BITS
    if isinstance(value, Mapping):
        return any(_is_beyond(name) or _is_beyond(one) for name, one in value.items())
    return isinstance(value, (list, tuple)) and any(map(_is_beyond, value))


def _rows(place: memoryview, layout: Layout, tail: bytes, damaged: Callable[[str], None]) -> MappedRows:
    dtype, shape, at = layout.arrays["data"]
    data = np.frombuffer(place, dtype, math.prod(shape), at).reshape(shape)
    checks = np.asarray(tail_array(layout, tail, "crc32"), np.uint32)
    key = str(layout.plain["key"])

    def read(first_byte: int, nbytes: int) -> memoryview:
        return place[:0] if is_cut_short(place) else place[first_byte : first_byte + nbytes]

    return MappedRows(data, at, layout.rows_per_chunk, checks, Checked(len(checks)), read, lambda: damaged(key))


def mismatch(track: FeatureTrack, descriptor: Descriptor, key: str) -> str:
    """Why the data are not those that the document speaks of; empty if they are."""
    if (track.feature, track.calculator_id, track.key) != (descriptor.feature, descriptor.calculator, key):
        return "its data are those of another feature"
    if track.profile_id != descriptor.used_profile.id:
        return "its data are those of another profile"
    if not isinstance(track.provenance.get("audio"), str):
        return OTHER_AUDIO
    values, times_s = (track.fill_value, track.scale, track.offset), (track.hop_seconds, track.start_seconds)
    if not all(abs(value) <= _GREATEST for value in values) or not all(abs(time_s) <= _LONGEST_S for time_s in times_s):
        return "its times or values cannot be"  # nor are they numbers, if they are NaN
    if track.hop_seconds < 0 or (track.is_framewise and not track.hop_seconds):
        return "its times or values cannot be"
    if _is_beyond(track.parameters):
        return "its parameters cannot be"
    texts = (track.label, track.unit, track.version, *track.axes)
    if any(len(one) > _LONGEST_TEXT for one in texts):
        return "it says too much about itself"
    return ""
