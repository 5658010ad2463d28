"""Archives as this program writes them: compared with what it would write, and not taken apart."""

from __future__ import annotations

import re
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
        if at + z.CENTRAL.size > len(listed):
            return None
        fields = z.CENTRAL.unpack_from(listed, at)
        crc, size, length, offset = fields[7], fields[9], fields[10], fields[16]
        raw = listed[at + z.CENTRAL.size : at + z.CENTRAL.size + length]
        header = z.central_header(raw, size, position, crc)
        if offset != position or size >= z.FULL_32 or listed[at : at + len(header)] != header or not raw.isascii():
            return None
        name = raw.decode()
        local = z.local_header(raw, size, position, crc)
        data_at = position + len(local)
        if not is_plain_name(name) or view[position:data_at] != local:
            return None
        twins.add(name.lower())
        found[name] = Entry(name, z.STORED, crc, size, size, position, data_at)
        at, position = at + len(header), data_at + size
    return found if (at, position, len(twins)) == (len(listed), start, count) else None
