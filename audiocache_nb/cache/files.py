"""The file calls of the cache: the only place in this folder that talks to the operating system."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import sys
from collections.abc import Iterator

_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
# A pipe put in the place of an entry would otherwise hold up whoever opens it.
_READ = os.O_RDONLY | _PLAIN | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN


class Files:
    """File calls, one method each, so that tests can make any one of them fail.

    Symbolic links are never followed at the end of a path, files are never opened for writing
    unless this very call made them, and what is made belongs to its owner alone.
    """

    def before(self, operation: str, path: str) -> None:
        """Called ahead of every operation; tests raise here."""

    def open(self, path: str) -> int:
        """A descriptor to read from."""
        self.before("open", path)
        return os.open(path, _READ)

    def create(self, path: str) -> int:
        """A descriptor of a new file to write to."""
        self.before("create", path)
        return os.open(path, _CREATE, 0o600)

    def write(self, descriptor: int, data: memoryview | bytes) -> int:
        """Bytes written, which may be fewer than given."""
        self.before("write", "")
        return os.write(descriptor, data)

    def read(self, descriptor: int, size: int, at: int) -> bytes:
        """`size` bytes from a place on; fewer only where the file ends."""
        self.before("read", "")
        parts = []
        while size > 0:
            part = _read_once(descriptor, size, at)
            if not part:
                break
            parts.append(part)
            size -= len(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def sync(self, descriptor: int) -> None:
        """Wait until the file's content is on the device."""
        self.before("sync", "")
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor; it counts as closed even if this fails."""
        try:
            self.before("close", "")
        finally:
            os.close(descriptor)

    def status(self, descriptor: int) -> os.stat_result:
        """What is known of an open file."""
        self.before("status", "")
        return os.fstat(descriptor)

    def look(self, path: str, *, follow: bool = False) -> os.stat_result:
        """What is known of a path; of a link itself unless it is to be followed."""
        self.before("look", path)
        return os.stat(path, follow_symlinks=follow)

    def map(self, descriptor: int, size: int) -> mmap.mmap:
        """The first bytes of a file, mapped to be read."""
        self.before("map", "")
        if sys.version_info >= (3, 13):  # the map needs no descriptor of its own there, of which there are few
            return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ, trackfd=False)
        return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)

    def replace(self, path: str, target: str) -> None:
        """Rename; what was there before stays readable for whoever has it open."""
        self.before("replace", path)
        os.replace(path, target)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        self.before("unlink", path)
        os.unlink(path)

    def make_folder(self, path: str) -> None:
        """Make one folder, for its owner alone."""
        self.before("make_folder", path)
        os.mkdir(path, 0o700)

    def make_private(self, path: str) -> None:
        """Take a folder away from everybody but its owner."""
        self.before("make_private", path)
        os.chmod(path, 0o700)

    def touch(self, path: str) -> None:
        """Note that a file was used now."""
        self.before("touch", path)
        os.utime(path, follow_symlinks=os.utime not in os.supports_follow_symlinks)

    def listing(self, path: str) -> Iterator[tuple[str, os.stat_result]]:
        """Names in a folder with what is known of them; what goes meanwhile is left out."""
        self.before("listing", path)
        with os.scandir(path) as found:
            for entry in found:
                try:
                    yield entry.name, entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue

    def writable(self, path: str) -> bool:
        """Whether files could be made in a folder."""
        self.before("writable", path)
        return os.access(path, os.W_OK | os.X_OK)

    def real(self, path: str) -> str:
        """The path with the links on the way resolved."""
        self.before("real", path)
        return os.path.realpath(path)

    def user(self) -> int | None:
        """Whose process this is; None where files have no such owners."""
        return os.geteuid() if hasattr(os, "geteuid") else None

    def process(self) -> int:
        """Number of this process."""
        return os.getpid()

    def host(self) -> str:
        """The machine and, in a container, which numbering of processes this is."""
        import socket  # for a name alone: much to load

        name = socket.gethostname()
        with contextlib.suppress(OSError):
            name += os.readlink("/proc/self/ns/pid")
        return name

    def boot(self) -> str:
        """Which start of the machine this is; empty where that cannot be told."""
        with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
        return ""

    def started(self, process: int) -> str | None:
        """When a process of this machine began, in ticks since the machine did; None if there is no such process.

        Raises
        ------
        NotImplementedError
            This system does not tell.
        """
        if not os.path.isdir("/proc/self"):
            raise NotImplementedError
        try:
            with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return None

    def random(self) -> str:
        """A text that no other call returns."""
        return os.urandom(8).hex()


def join(*parts: str) -> str:
    """A path made of its parts."""
    return os.path.join(*parts)


def parent_of(path: str) -> str:
    """The folder that a path lies in."""
    return os.path.dirname(path)


def is_file(status: os.stat_result) -> bool:
    """Whether this is a plain file."""
    return stat.S_ISREG(status.st_mode)


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether both were the same file, at moments when it was open or had its name."""
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def is_folder(status: os.stat_result) -> bool:
    """Whether this is a folder, and no link to one."""
    return stat.S_ISDIR(status.st_mode)


def _read_once(descriptor: int, size: int, at: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, size)
