"""Archives as this program writes them: compared with what it would write, and not taken apart."""

from __future__ import annotations

import functools
import re
import struct
from typing import NamedTuple

from audiocache_nb.scene import zip_format as z

NAME = re.compile(r"[A-Za-z0-9._/-]{1,120}")
_ELSEWHERE = frozenset({"", ".", ".."})


class Entry(NamedTuple):
    """Where one part of an archive lies."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    data_offset: int = 0


def is_plain_name(name: str) -> bool:
    """Whether an entry may have this name: relative, and of letters that mean the same everywhere."""
    return NAME.fullmatch(name) is not None and leads_nowhere(name)


def leads_nowhere(name: str) -> bool:
    """Whether a name stays below where it begins, and has one way of writing it."""
    return _ELSEWHERE.isdisjoint(name.split("/"))


def own_entries(view: memoryview, count: int, start: int, end: int) -> dict[str, Entry] | None:
    """The entries of an archive in which no byte outside of them is another one than this program writes.

    From the names, the sizes and the checksums follows everything else, so that comparing it is all there is
    to check. Entries of 4 GiB and more, or beyond that, are left to others.

    Parameters
    ----------
    view : memoryview
        The archive.
    count : int
        How many entries there are to be.
    start, end : int [bytes]
        Where the list of entries begins and ends.

    Returns
    -------
    dict of str to Entry or None
        None: something differs, and has to be looked at.
    """
    listed = bytes(view[start:end])
    found: dict[str, Entry] = {}
    twins: set[str] = set()
    at = position = 0
    for _ in range(count):
        name_at = at + z.CENTRAL.size
        if name_at > len(listed):
            return None
        head, crc, packed, size, length, tail, offset = _LISTED.unpack_from(listed, at)
        raw = listed[name_at : name_at + length]
        before, after = _padding(-(position + z.LOCAL.size + length) % z.ALIGNMENT)
        local = b"".join((_LOCAL_HEAD, listed[at + _FACTS.start : at + _FACTS.stop], before, raw, after))
        data_at = position + len(local)
        if (head, tail, packed, offset) != (_CENTRAL_HEAD, _CENTRAL_TAIL, size, position) or size >= z.FULL_32:
            return None
        if view[position:data_at] != local or not raw.isascii():
            return None
        name = raw.decode()
        if not is_plain_name(name):
            return None
        twins.add(name.lower())
        found[name] = Entry(name, z.STORED, crc, size, size, position, data_at)
        at, position = name_at + length, data_at + size
    return found if (at, position, len(twins)) == (len(listed), start, count) else None


# What the list of entries says of each: first what is the same of all, then checksum, sizes and length of the name,
# which stand before the entry as well, and after more of the same where it begins.
_LISTED = struct.Struct("<16s3LH12sL")
_FACTS = slice(16, 30)
_CENTRAL_HEAD, *_, _CENTRAL_TAIL, _ = _LISTED.unpack(z.central_header(b"", 0, 0, 0))
_LOCAL_HEAD = z.local_header(b"", 0, 0)[:14]


@functools.lru_cache(z.ALIGNMENT)
def _padding(gap: int) -> tuple[bytes, bytes]:
    """What stands before and after the name of an entry whose data would begin `gap` bytes before a round address."""
    offset = -(z.LOCAL.size + gap) % z.ALIGNMENT
    header = z.local_header(b"", 0, offset)
    return header[z.LOCAL.size - 2 : z.LOCAL.size], header[z.LOCAL.size :]
