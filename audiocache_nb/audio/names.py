"""Text from outside made safe to show: no control characters, no reversed reading order, no endless lines."""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 200
# Cc control, Cf format (bidirectional overrides, invisible marks), Cs lone surrogates (bytes that are no
# UTF-8), Zl and Zp line separators. Joiners are kept: emoji and several scripts are spelt with them.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


def display_text(text: str, *, limit: int = MAX_LENGTH) -> str:
    r"""Return `text` so that it can be shown anywhere and encoded as UTF-8.

    Parameters
    ----------
    text : str
        A file name or title; may hold surrogates that stand for undecodable bytes.
    limit : int >= 3 [characters]
        Longer text loses its middle to an ellipsis.

    Returns
    -------
    str
        NFC-normalised; unsafe characters written as ``⟨U+XXXX⟩``.

    Examples
    --------
    >>> display_text("a\u202egpj.wav")
    'a⟨U+202E⟩gpj.wav'
    """
    pieces = [_shown(character) for character in unicodedata.normalize("NFC", text)]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    head = _fill(pieces, limit // 2)
    tail = _fill(pieces[::-1], limit - limit // 2 - 1)[::-1]
    return "".join([*head, "…", *tail])


def quoted(text: str, *, limit: int = 80) -> str:
    """Return `text` as it stands in error messages: made safe, shortened, in quotes."""
    return repr(display_text(text, limit=limit))


def _shown(character: str) -> str:
    if unicodedata.category(character) in _UNSAFE and character not in _JOINERS:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def _fill(pieces: list[str], room: int) -> list[str]:
    """As many whole pieces as fit: an escape is never cut in two."""
    taken = []
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        taken.append(piece)
    return taken
