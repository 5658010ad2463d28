"""Content keys: one digest over everything a result was really computed from."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError

KEY_FORMAT = "audiocache_nb/feature/1"
_PLAIN = frozenset({bool, int, float, str, type(None)})
_REMEMBERED = 4096
_memory: dict[str, str] = {}


def encode(value: Any) -> bytes:
    """Canonical bytes of a plain value: every item carries its type and its length.

    Two values encode alike exactly if they are equal *and* of one type: ``1``, ``1.0`` and
    ``True`` differ, ``-0.0`` and ``0.0`` are one, mappings have no order, lists and tuples are
    one, numpy scalars count as Python's. NaN has no equal and is refused.

    Parameters
    ----------
    value : None, bool, int, float, str, bytes, sequence or mapping of these

    Raises
    ------
    InvalidParameterError
        For NaN.
    InvalidTypeError
        For anything else; such a value cannot take part in a key.
    """
    try:
        return _encode(value)
    except RecursionError:
        raise InvalidTypeError(
            "A list or dict that contains itself cannot take part in a key.",
            hint="Use plain numbers, texts and lists of these as parameters.",
        ) from None


def _encode(value: Any) -> bytes:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return b"n0:"
    if isinstance(value, bool):
        return b"b1:1" if value else b"b1:0"
    if isinstance(value, int):
        return _frame(b"i", b"%x" % value)  # decimal digits are limited in number
    if isinstance(value, float):
        if math.isnan(value):
            raise InvalidParameterError("NaN cannot take part in a key.", hint="Use None for 'not given'.")
        return _frame(b"f", struct.pack(">d", value + 0.0))  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, str):
        return _frame(b"s", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return _frame(b"y", value)
    if isinstance(value, (list, tuple)):
        return _frame(b"l", b"".join(map(_encode, value)))
    if isinstance(value, Mapping):
        pairs = sorted((_encode(key), _encode(item)) for key, item in value.items())
        return _frame(b"d", b"".join(key + item for key, item in pairs))
    raise InvalidTypeError(
        f"A {type(value).__name__} cannot take part in a key.",
        hint="Use numbers, texts, and lists or dicts of these as parameters.",
    )


def _frame(tag: bytes, body: bytes) -> bytes:
    return tag + str(len(body)).encode() + b":" + body


def digest(value: Any) -> str:
    """SHA-256 of the canonical encoding, as hexadecimal text."""
    return hashlib.sha256(encode(value)).hexdigest()


def feature_key(
    *,
    audio: str,
    decode: Mapping[str, Any],
    calculator: str,
    version: str,
    parameters: Mapping[str, Any],
    dependencies: Mapping[str, str] | None = None,
    tempo: str | None = None,
    salt: str = "",
) -> str:
    """The key of one result.

    Parameters
    ----------
    audio : str
        Digest of the audio content.
    decode : mapping
        How the file became samples.
    calculator, version : str
        Who computed it; for a calculator without an explicit version, its code's fingerprint.
    parameters : mapping
        The values really used, of the profile and of the calculator.
    dependencies : mapping of str to str
        Keys of the features it was computed from.
    tempo : str or None
        Digest of the tempo map, only for a calculator that reads it.
    salt : str
        A way out of a cache that is known to be wrong.
    """
    needed = dependencies or {}
    memo = None
    if all(type(value) in _PLAIN for value in (*decode.values(), *parameters.values())):
        # Equal texts of plain values mean equal values of one type. A timeline asks for the same keys at every event.
        memo = repr((audio, dict(decode), calculator, version, dict(parameters), dict(needed), tempo, salt))
        known = _memory.get(memo)
        if known is not None:
            return known
    key = digest(
        {
            "format": KEY_FORMAT,
            "audio": audio,
            "decode": dict(decode),
            "calculator": calculator,
            "version": version,
            "parameters": dict(parameters),
            "dependencies": dict(needed),
            "tempo": tempo,
            "salt": salt,
        }
    )
    if memo is not None:
        if len(_memory) >= _REMEMBERED:
            _memory.clear()
        _memory[memo] = key
    return key
