"""JSON with one meaning: no repeated keys, no NaN, no depth or length without end; and stable bytes out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from audiocache_nb.errors import DocumentValidationError
from audiocache_nb.scene.limits import ImportLimits

MAX_DIGITS = 40
_FAR = 10.0 ** (MAX_DIGITS - 2)  # what is beyond it is looked at by its digits


class _Twice(dict[str, Any]):
    """An object in which a key stands more than once."""

    key = ""


class _Refused(ValueError):
    """A number that is none of JSON's, or one without end."""


def parse(data: bytes, limits: ImportLimits, *, name: str = "document") -> Any:
    """What a JSON text says, if it can be read in one way only.

    Parameters
    ----------
    data : bytes
        UTF-8 without a byte order mark.
    limits : ImportLimits
    name : str
        For messages.

    Returns
    -------
    dict, list, str, int, float, bool or None
        Numbers are finite, texts hold no lone surrogates.

    Raises
    ------
    BundleLimitError
        Too long, too deep or with too long a text.
    DocumentValidationError
        Not JSON, or ambiguous; ``context["pointers"]`` names the place.
    """
    limits.check("json_bytes", len(data), f"The length of {name!r:.80}")
    try:
        text = data.decode("utf-8")
        plain = _plain(text, limits)
        if plain is not None:
            return plain
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse,
            parse_int=_integer,
            parse_float=float,
        )
    except UnicodeDecodeError as error:
        raise _invalid(name, "", f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        limits.check("json_depth", 1 << 16, f"The depth of {name!r:.80}")
        raise _invalid(name, "", "it is nested too deeply") from None
    except _Refused as error:
        raise _invalid(name, "", str(error)) from None
    except json.JSONDecodeError as error:
        raise _invalid(name, "", f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    for pointer, depth, item in _walk(value):
        limits.check("json_depth", depth, f"The depth of {name!r:.80} at {pointer[:80]!r}")
        if isinstance(item, _Twice):
            raise _invalid(name, f"{pointer}/{_escaped(item.key)}", "a key stands there twice")
        if isinstance(item, float) and not math.isfinite(item):
            raise _invalid(name, pointer, "the number is too big")
        if isinstance(item, str):
            _check_text(item, pointer, name, limits)
        elif isinstance(item, dict):
            for key in item:
                _check_text(key, f"{pointer}/{_escaped(key)}", name, limits)
    return value


def stable(value: Any) -> bytes:
    """The same bytes for the same value: UTF-8, sorted keys, indented, with a newline at the end."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False, separators=(",", ": "))
    return text.encode("utf-8") + b"\n"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = _Twice(found)
    seen: set[str] = set()
    twice.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return twice


def _refuse(text: str) -> float:
    raise _Refused(f"{text} is no number of JSON")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Refused(f"a whole number has {len(text):,} digits")
    return int(text)


def _plain(text: str, limits: ImportLimits) -> Any:
    """What a text says if nothing in it needs a second look, which costs more and says what is wrong, and where.

    Without a backslash every quotation mark begins or ends a text. A key that stands twice leaves one of its texts out
    of the value, so there are more marks than texts need; half a character cannot be written.
    """
    if "\\" in text:
        return None
    if len(text) > limits.string_length and re.search(f'"[^"]{{{limits.string_length + 1}}}', text):
        return None
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    texts, level, depth = 0, [value], 1
    while level:
        if depth > limits.json_depth:
            return None
        inner: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                texts += 1
            elif kind is dict:
                texts += len(item)
                inner.extend(item.values())
            elif kind is list:
                inner.extend(item)
            elif (kind is int or kind is float) and not -_FAR < item < _FAR:
                return None
        level, depth = inner, depth + 1
    return value if 2 * texts == text.count('"') else None


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _walk(value: Any) -> Iterator[tuple[str, int, Any]]:
    """Every item with its JSON pointer and its depth, without recursion."""
    waiting: list[tuple[str, int, Any]] = [("", 1, value)]
    while waiting:
        pointer, depth, item = waiting.pop()
        yield pointer, depth, item
        if isinstance(item, dict):
            waiting.extend((f"{pointer}/{_escaped(key)}", depth + 1, child) for key, child in item.items())
        elif isinstance(item, list):
            waiting.extend((f"{pointer}/{n}", depth + 1, child) for n, child in enumerate(item))


def _check_text(text: str, pointer: str, name: str, limits: ImportLimits) -> None:
    limits.check("string_length", len(text), f"The length of a text of {name!r:.80} at {pointer[:80]!r}")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _invalid(name, pointer, "the text holds half of a character")


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")[:120].encode("utf-8", "replace").decode()


def _invalid(name: str, pointer: str, problem: str) -> DocumentValidationError:
    return DocumentValidationError(
        f"Cannot read {name!r:.80}: {problem}" + (f" (at {pointer[:200]!r})." if pointer else "."),
        hint="The file is damaged or was not written by this program; nothing was imported.",
        pointers=[pointer],
    )
