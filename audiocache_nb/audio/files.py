"""Opening audio files: regular files only, never waiting, and knowing whether one is still the same."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterable

from audiocache_nb.audio.limits import MAX_FILE_BYTES
from audiocache_nb.audio.names import quoted
from audiocache_nb.errors import AudioLimitError, IngestError, SourceMissingError, UnsupportedFormatError

# Time stamps of file systems are as coarse as 2 s: a file written this close to its digest may have been
# written again without a trace.
RACY_NS = 2_000_000_000

# Non-blocking: opening a FIFO that nobody writes to must not hang. It has no effect on regular files.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_REASONS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EACCES: "may not be read",
    errno.EPERM: "may not be read",
    errno.ELOOP: "is a loop of links",
    errno.ENAMETOOLONG: "has a name that is too long",
}


@dataclasses.dataclass(frozen=True, slots=True)
class FileStamp:
    """What the file system said about a file when its content was last known.

    Attributes
    ----------
    identity : tuple of int
        Device, inode, size, mtime [ns] and ctime [ns].
    taken_ns : int [ns since 1970]
        When reading of the content began.
    """

    identity: tuple[int, ...]
    taken_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """Stamp of an open file, now."""
        # ctime cannot be set back by os.utime, so a rewrite of equal size with an old mtime is seen too.
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return cls(identity, time.time_ns())

    @property
    def settled(self) -> bool:
        """Whether a later write must have changed the time stamps."""
        return all(abs(self.taken_ns - stamp_ns) >= RACY_NS for stamp_ns in self.identity[-2:])

    def same_content_as(self, status: os.stat_result) -> bool:
        """Whether nobody wrote to the file since (a link or a change of permission does not matter)."""
        return self.identity[:-1] == FileStamp.of(status).identity[:-1]

    def vouches_for(self, status: os.stat_result) -> bool:
        """Whether the file is known to be the same without reading it."""
        return self.settled and self.identity == FileStamp.of(status).identity


def open_regular(path: str | os.PathLike[str], label: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading.

    Parameters
    ----------
    path : path
    label : str
        The name to use in messages; paths do not appear in them.

    Returns
    -------
    descriptor : int
        To be closed by the caller.
    status : os.stat_result
        Of the opened file itself, so that nothing can be swapped in between.

    Raises
    ------
    SourceMissingError
        If it is missing or may not be read.
    UnsupportedFormatError
        If it is a folder, a pipe, a device or a socket.
    AudioLimitError
        If it is larger than 256 GiB.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise unreadable(error, label) from error
    try:
        status = os.fstat(descriptor)
        _check_kind(status, label)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def read_at(descriptor: int, offset: int, count: int) -> bytes:
    """Return up to `count` bytes at `offset`; empty where no file reaches (headers claim such places)."""
    if not 0 <= offset <= MAX_FILE_BYTES:
        return b""
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


def anonymous_file(pieces: Iterable[bytes | memoryview | int]) -> int:
    """Return the descriptor of a nameless file, at its beginning, that holds `pieces`.

    A number stands for so many zeros, which take no room.

    The decoder then reads by itself. If it had to call back into Python for every few kilobytes, Ctrl-C in
    such a call would be swallowed there and look like the end of the recording.

    Raises
    ------
    IngestError
        If there is no room for it.
    """
    try:
        descriptor = _nameless()
        try:
            for piece in pieces:
                if isinstance(piece, int):
                    os.ftruncate(descriptor, os.lseek(descriptor, piece, os.SEEK_CUR))
                    continue
                view = memoryview(piece)
                while view:
                    view = view[os.write(descriptor, view) :]
            os.lseek(descriptor, 0, os.SEEK_SET)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise IngestError("No temporary file could be made for the encoded audio.", hint=_said(error)) from error
    return descriptor


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("audio")
    with tempfile.TemporaryFile() as file:  # not on Linux
        return os.dup(file.fileno())


def _check_kind(status: os.stat_result, label: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in _KINDS if test(status.st_mode)), "a special file")
        raise UnsupportedFormatError(
            f"{quoted(label)} is {kind}, not an audio file.", hint="Give the path of a regular file.", kind=kind
        )
    if status.st_size > MAX_FILE_BYTES:
        raise AudioLimitError(
            f"{quoted(label)} has {status.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read.",
            hint="Cut the recording into shorter files.",
            size_bytes=status.st_size,
            maximum_bytes=MAX_FILE_BYTES,
        )


def unreadable(error: OSError | ValueError, label: str) -> IngestError:
    """What to raise when opening or reading failed."""
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.ENXIO, errno.ENODEV}:
        return UnsupportedFormatError(
            f"{quoted(label)} is a socket or device, not an audio file.", hint="Give the path of a regular file."
        )
    if number is None:
        return SourceMissingError(f"{quoted(label)} is no possible file name.", hint="Check the path.")
    if reason := _REASONS.get(number):
        hint = "Check the path; a relative one starts at the notebook's working directory."
        return SourceMissingError(f"{quoted(label)} {reason}.", hint=hint)
    return SourceMissingError(f"{quoted(label)} could not be read.", hint=_said(error))


def _said(error: OSError | ValueError) -> str:
    return f"The system said: {quoted(str(getattr(error, 'strerror', None) or 'no reason'))}."
