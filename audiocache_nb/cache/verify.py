"""A look at every byte of every entry."""

from __future__ import annotations

import contextlib
import dataclasses
import zlib
from collections.abc import Iterator

from audiocache_nb.cache import entry
from audiocache_nb.cache.budget import Stored
from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.sweep import set_aside
from audiocache_nb.errors import CacheCorruptionError, CacheVersionError


@dataclasses.dataclass(frozen=True)
class Problem:
    """An entry that is not what it should be.

    Attributes
    ----------
    name : str
        Its file's name.
    reason : str
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name[:16]}…: {self.reason}"


def problems(disk: DiskCache, *, repair: bool) -> Iterator[tuple[Stored, Problem | None]]:
    """Every entry with what is wrong with it; with `repair`, what is damaged is set aside."""
    for one in disk.entries():
        reason, status = "", None
        try:
            descriptor = disk.files.open(disk.place.path_of(one.name))
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError as error:
            yield one, Problem(one.name, f"cannot be opened: {error.strerror or error}")
            continue
        try:
            status = disk.files.status(descriptor)
            _check(disk, descriptor, status.st_size, one.name)
        except CacheVersionError:
            pass
        except (CacheCorruptionError, OSError) as error:
            reason = error.message if isinstance(error, CacheCorruptionError) else f"cannot be read: {error.strerror}"
        finally:
            with contextlib.suppress(OSError):
                disk.files.close(descriptor)
        if reason and repair and disk.place.access == "write":
            set_aside(disk.place, one.name, status)
        yield one, Problem(one.name, reason) if reason else None


def _check(disk: DiskCache, descriptor: int, size: int, name: str) -> None:
    layout, _ = entry.read_layout(disk.files, descriptor, size)
    if disk.place.name_of(str(layout.plain["key"])) != name:
        raise CacheCorruptionError(
            "The cache entry belongs to another key.", hint="It is set aside and computed again."
        )
    first, end = layout.tail
    tail = disk.files.read(descriptor, end - first, first)
    if len(tail) != end - first or zlib.crc32(tail) != layout.tail_crc32:
        raise CacheCorruptionError("The end of the cache entry is damaged.", hint="It is set aside and computed again.")
    _, _, at = layout.arrays["data"]
    for number, check in enumerate(entry.tail_array(layout, tail, "crc32").tolist()):
        chunk = disk.files.read(descriptor, min(layout.chunk_bytes, first - at), at)
        at += len(chunk)
        if zlib.crc32(chunk) != check:
            raise CacheCorruptionError(
                f"Chunk {number} of the cache entry is not what it was.", hint="It is set aside and computed again."
            )
