"""Writing a file so that at every moment either the old one or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from typing import BinaryIO

from audiocache_nb.errors import DocumentError

SUFFIX = ".part"
ABANDONED_S = 3600
_RANDOM = re.compile(r"[0-9a-f]{16}")
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when all went well.

    The content goes to a temporary file beside it, is forced to the disk, and is renamed; then the
    folder is forced to the disk too. A crash or a loss of power at any point leaves the previous
    file or the new one. Whatever is raised inside leaves the previous file and no trace.

    Parameters
    ----------
    path : path
        A link is followed: what it points at is replaced.

    Raises
    ------
    DocumentError
        If the file cannot be written; the previous one is untouched.
    """
    target = os.path.realpath(os.fspath(path))
    folder, name = os.path.split(target)
    _sweep(folder, f".{name[:80]}.")
    temporary = os.path.join(folder, f".{name[:80]}.{secrets.token_hex(8)}{SUFFIX}")  # noqa: PTH118 - as bytes of any kind
    try:
        _refuse_other_than_files(target)
        descriptor = os.open(temporary, _FLAGS, _mode(target))
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        try:
            with open(descriptor, "w+b", buffering=1 << 17) as file:  # noqa: PTH123 - it is open already
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)  # noqa: PTH105 - beside the other calls of os
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - beside the other calls of os
            raise
        _force_folder(folder)
    except OSError as error:
        raise _unwritable(path, error) from error


def _sweep(folder: str, prefix: str) -> None:
    """Remove what processes that were killed have left of this file, if nobody has written to it for an hour."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            middle = entry.name.removeprefix(prefix).removesuffix(SUFFIX)
            if entry.name != f"{prefix}{middle}{SUFFIX}" or not _RANDOM.fullmatch(middle):
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > ABANDONED_S:
                    os.unlink(entry.path)  # noqa: PTH108 - beside the other calls of os


def _mode(target: str) -> int:
    """The permissions of the file that is replaced, or those of a new file."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)  # noqa: PTH116 - beside the other calls of os
    except OSError:
        return 0o666  # less what the process masks


def _refuse_other_than_files(target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(target).st_mode):  # noqa: PTH116 - beside the other calls of os
            raise FileExistsError(17, "there is something that is no file", target)


def _force_folder(folder: str) -> None:
    """Make the new name survive a loss of power, on systems whose folders can be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: str | os.PathLike[str], error: OSError) -> DocumentError:
    return DocumentError(
        f"{str(path)[-80:]!r} could not be written: {error.strerror or error}.",
        hint="What was there before is untouched. Is there room, and may you write there?",
        errno=error.errno,
    )
