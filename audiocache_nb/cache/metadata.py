"""What a feature track says about itself, as canonical JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from audiocache_nb.errors import CacheError
from audiocache_nb.features.track import FeatureTrack

FIELDS = ("feature", "calculator_id", "version", "label", "unit", "alignment", "format", "profile_id", "key")
NUMBERS = ("fill_value", "hop_seconds", "start_seconds", "scale", "offset")
MAPPINGS = ("parameters", "provenance")
MAX_DEPTH = 32
_LEAVES = frozenset({str, int, float, bool, type(None)})


def describe(track: FeatureTrack) -> dict[str, Any]:
    """Everything about a track except its arrays, in plain JSON values.

    Raises
    ------
    CacheError
        Something in it has no plain form.
    """
    plain: dict[str, Any] = {name: str(getattr(track, name)) for name in FIELDS}
    plain |= {name: pack(float(getattr(track, name))) for name in NUMBERS}
    plain |= {name: pack(getattr(track, name)) for name in MAPPINGS}
    plain["axes"] = list(track.axes)
    return plain


def restore(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `FeatureTrack` that `describe` came from, without the arrays.

    Raises
    ------
    KeyError, TypeError, ValueError
        It was not made by `describe`.
    """
    given: dict[str, Any] = {name: _text(plain[name]) for name in FIELDS}
    given |= {name: float(unpack(plain[name])) for name in NUMBERS}
    given |= {name: dict(unpack(plain[name])) for name in MAPPINGS}
    given["axes"] = tuple(_text(name) for name in plain["axes"])
    return given


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(plain: Any) -> bytes:
    """The one JSON text of plain values: ASCII, sorted, without blanks."""
    return _ENCODER.encode(plain).encode("ascii")


def pack(value: Any, depth: int = 0) -> Any:
    """A value in JSON's own types; what JSON has no type for becomes an object with a tag.

    Tuples and lists stay apart, since a parameter that comes back as another type would look changed.

    Raises
    ------
    CacheError
    """
    if depth > MAX_DEPTH:
        raise CacheError(
            "A parameter is nested too deeply to be stored.", hint="Use plain numbers and texts as parameters."
        )
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        return pack(value.item(), depth)
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else {"$int": hex(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, tuple):
        return {"$tuple": [pack(item, depth + 1) for item in value]}
    if isinstance(value, list):
        return [pack(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        if all(isinstance(name, str) and not name.startswith("$") for name in value):
            return {name: pack(item, depth + 1) for name, item in value.items()}
        return {"$pairs": [[pack(name, depth + 1), pack(item, depth + 1)] for name, item in value.items()]}
    raise CacheError(f"A {type(value).__name__} cannot be stored.", hint="Use numbers, texts, lists and dicts.")


def unpack(value: Any) -> Any:
    """What `pack` made the JSON from."""
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "$int":
            return int(inner, 16)
        if tag == "$float":
            return float(inner)
        if tag == "$bytes":
            return bytes.fromhex(inner)
        if tag == "$tuple":
            return tuple(unpack(item) for item in inner)
        if tag == "$pairs":
            return {unpack(name): unpack(item) for name, item in inner}
    return {name: item if type(item) in _LEAVES else unpack(item) for name, item in value.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value
