"""The file of a scene, opened once: what is looked at, mapped and read is one and the same file."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from audiocache_nb.audio.files import open_regular
from audiocache_nb.errors import DocumentError, IngestError, InvalidTypeError
from audiocache_nb.scene.archive_reader import Archive, mapped
from audiocache_nb.scene.limits import ImportLimits

BEGINNING_BYTES = 64


class SceneFile:
    """A scene that somebody wants to read.

    Parameters
    ----------
    path : path or bytes
    limits : ImportLimits

    Attributes
    ----------
    name : str
        For messages, and what features that come out of it are marked with.
    size : int [bytes]
    start : bytes
        How it begins.

    Raises
    ------
    DocumentError
        It cannot be opened, or is no file.
    """

    def __init__(self, path: str | os.PathLike[str] | bytes, limits: ImportLimits) -> None:
        self.limits = limits
        self._descriptor: int | None = None
        self._data = path if isinstance(path, bytes) else b""
        self.name, self.size, self.start = "the scene", len(self._data), self._data[:BEGINNING_BYTES]
        if not isinstance(path, bytes):
            self._open(path)

    def _open(self, path: str | os.PathLike[str]) -> None:
        given: object = path
        if not isinstance(given, (str, os.PathLike)):
            kind = type(path).__name__
            raise InvalidTypeError(f"A scene cannot be loaded from a {kind}.", hint="Give a path or bytes.")
        plain = os.fspath(path)
        self.name = os.path.basename(plain)  # noqa: PTH119 - a fifth of the time, and this is one of the first steps
        try:
            self._descriptor, status = open_regular(plain, self.name)
        except IngestError as error:
            message = error.message.replace("an audio file", "a scene")
            raise DocumentError(message, hint="Check the path.") from error
        self.size = status.st_size
        self.start = os.read(self._descriptor, BEGINNING_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; an archive that was made of it stays readable."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def is_archive(self) -> bool:
        """Whether it begins like one."""
        return self.start[:2] == b"PK"

    def archive(self, *, foreign: bool = False) -> Archive:
        """It as an archive.

        Raises
        ------
        BundleFormatError, BundleLimitError
        """
        if self._descriptor is None:
            return Archive(self._data, self.limits, foreign=foreign)
        found = mapped(self._descriptor, self.name, self.limits)
        return Archive(b"" if found is None else found, self.limits, foreign=foreign)

    def content(self) -> bytes:
        """All of it.

        Raises
        ------
        BundleLimitError
        """
        if self._descriptor is None:
            return self._data
        self.limits.check("json_bytes", self.size, "The length of the document")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with open(self._descriptor, "rb", closefd=False) as file:
            return file.read()


def content(path: str | os.PathLike[str], limits: ImportLimits) -> bytes:
    """All of a file.

    Raises
    ------
    DocumentError, BundleLimitError
    """
    with SceneFile(path, limits) as file:
        return file.content()
