"""Texts and numbers that are safe to show: in a page, in a table, in a saved notebook."""

from __future__ import annotations

import math

from audiocache_nb.audio import names

MAX_TEXT = 200
MAX_MESSAGE = 600


def display_text(value: object, limit: int = MAX_TEXT) -> str:
    """Anything as a text that may be shown: see :func:`audiocache_nb.audio.names.display_text`.

    Parameters
    ----------
    value : object
        ``str()`` of it is shown, or its type if that fails.
    limit : int
        Longest result in characters; a longer text loses its middle.
    """
    try:
        text = str(value)
    except Exception:  # a foreign __str__ must not break a page
        text = f"<{type(value).__name__}>"
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    if len(text) > 4 * limit:  # the rest cannot be seen anyway
        text = text[: 2 * limit] + text[-2 * limit :]
    return names.display_text(text, limit=limit)


def message_text(value: object) -> str:
    """A message as it may be shown: like :func:`display_text`, with line breaks as spaces."""
    try:
        text = str(value)
    except Exception:
        return display_text(value)
    return display_text(" ".join(text[: 4 * MAX_MESSAGE].split()), MAX_MESSAGE)


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
