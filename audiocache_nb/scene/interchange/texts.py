"""Reading and writing small text files of others: limits first, the old file until the new one is whole."""

from __future__ import annotations

import os
import pathlib

from audiocache_nb.errors import DocumentValidationError
from audiocache_nb.scene.atomic import replacing
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.scene_file import content

Path = str | os.PathLike[str]


def read_text(path: Path, limits: ImportLimits) -> str:
    """A file's text, in UTF-8 with or without a byte order mark.

    Raises
    ------
    DocumentError, BundleLimitError
    """
    try:
        return content(path, limits).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentValidationError(
            f"{name_of(path)!r:.80} is no text in UTF-8 (byte {error.start:,}).", hint="Save it as UTF-8.", pointers=[]
        ) from None


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text, whole or not at all.

    Raises
    ------
    DocumentError
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))


def name_of(path: Path) -> str:
    """What to call a file in messages."""
    return pathlib.Path(os.fspath(path)).name


def finite(text: str, path: Path, line: int, what: str) -> float:
    """A number in a line.

    Raises
    ------
    DocumentValidationError
    """
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = float("nan")
    if not abs(value) <= 1e9 or "_" in text:
        raise wrong_line(path, line, f"{what} is {text.strip()!r:.40}")
    return value


def wrong_line(path: Path, line: int, problem: str) -> DocumentValidationError:
    """What to raise for a line that is not as it has to be."""
    return DocumentValidationError(
        f"{name_of(path)!r:.80}, line {line}: {problem}.", hint="Nothing was read.", pointers=[f"/{line}"], line=line
    )


def check_label(text: str, limits: ImportLimits, path: Path) -> str:
    """A label that is not too long."""
    limits.check("string_length", len(text), f"The length of a label in {name_of(path)!r:.80}")
    return text
