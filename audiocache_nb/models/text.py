"""Texts and numbers that are safe to show: in a page, in a table, in a saved notebook."""

from __future__ import annotations

import math
import unicodedata

MAX_TEXT = 200
MAX_MESSAGE = 600
# Cc controls, Cf format characters (bidirectional overrides among them), Cs lone surrogates,
# Co and Cn code points without a meaning, Zl and Zp line separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def display_text(value: object, limit: int = MAX_TEXT) -> str:
    """A text as it may be shown: composed, without invisible characters, of bounded length.

    Controls, bidirectional overrides and lone surrogates are written as ``⟨U+202E⟩``, so that a
    name cannot pretend to be another and can always be sent as UTF-8. A text over the limit
    loses its middle.

    Parameters
    ----------
    value : object
        Anything; ``str()`` of it is shown, or its type if that fails.
    limit : int
        Longest result in characters.
    """
    try:
        text = str(value)
    except Exception:  # a foreign __str__ must not break a page
        text = f"<{type(value).__name__}>"
    if len(text) > 4 * limit:  # the rest cannot be seen anyway
        text = text[: 2 * limit] + text[-2 * limit :]
    if not text.isascii() or not text.isprintable():
        text = "".join(map(_visible, unicodedata.normalize("NFC", text)))
    if len(text) <= limit:
        return text
    head = limit // 2
    tail = limit - 1 - head
    return text[:head] + "…" + (text[-tail:] if tail else "")


def message_text(value: object) -> str:
    """A message as it may be shown: like :func:`display_text`, with line breaks as spaces."""
    try:
        text = str(value)
    except Exception:
        return display_text(value)
    return display_text(" ".join(text[: 4 * MAX_MESSAGE].split()), MAX_MESSAGE)


def _visible(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def finite(value: object) -> float | None:
    """The number, or None for what JSON has no word for (NaN, infinities, no number)."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def fraction(value: object) -> float:
    """The number clamped to 0 .. 1; what is no number counts as 0."""
    number = finite(value)
    return 0.0 if number is None else min(1.0, max(0.0, number))
