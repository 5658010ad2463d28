"""The parts of the ZIP format that bundles use (PKWARE's APPNOTE 6.3, sections 4.3 and 4.5).

Fields are little-endian. Everything that lets two programs read one archive differently is left out.
"""

from __future__ import annotations

import struct

LOCAL = struct.Struct("<4s5H3L2H")  # signature, version, flags, method, time, date, crc, packed, size, name, extra
CENTRAL = struct.Struct("<4s6H3L5H2L")  # the same, with a version before and comment, disk, attributes, offset after
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
EXTRA = struct.Struct("<2H")

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
END_64_SIGNATURE = b"PK\x06\x06"
LOCATOR_64_SIGNATURE = b"PK\x06\x07"

STORED, DEFLATED = 0, 8
UTF_8 = 0x800
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
ZIP64_FIELD = 0x0001
PADDING_FIELD = 0xD935  # the one that Android's zipalign uses to move data to a round address
UNIX, REGULAR_FILE = 3, 0o100644
DATE_1980 = (1 << 5) | 1  # the first of January: the same scene gives the same bytes
ALIGNMENT = 64  # a cache line, and more than any dtype asks for
CRC_OFFSET = 14  # of the checksum within a local header
CENTRAL_CRC_OFFSET = 16  # and within one of the list of entries


def local_header(name: bytes, nbytes: int, offset: int, crc: int = 0) -> bytes:
    """What stands before a stored entry that begins at `offset`, so that its data lie at a round address."""
    big = nbytes >= FULL_32
    extra = _zip64(nbytes, nbytes) if big else b""
    gap = -(offset + LOCAL.size + len(name) + len(extra)) % ALIGNMENT
    if gap:
        gap += ALIGNMENT if gap < EXTRA.size else 0
        extra += EXTRA.pack(PADDING_FIELD, gap - EXTRA.size) + bytes(gap - EXTRA.size)
    shown = FULL_32 if big else nbytes
    version = 45 if big else 20
    fixed = LOCAL.pack(
        LOCAL_SIGNATURE, version, _flags(name), STORED, 0, DATE_1980, crc, shown, shown, len(name), len(extra)
    )
    return fixed + name + extra


def central_header(name: bytes, nbytes: int, offset: int, crc: int) -> bytes:
    """What stands in the list of entries about a stored one."""
    wide = [value for value in (nbytes, nbytes, offset) if value >= FULL_32]
    extra = _zip64(*wide) if wide else b""
    shown = min(nbytes, FULL_32)
    version = 45 if nbytes >= FULL_32 else 20
    fixed = CENTRAL.pack(
        CENTRAL_SIGNATURE,
        (UNIX << 8) | 45,
        version,
        _flags(name),
        STORED,
        0,
        DATE_1980,
        crc,
        shown,
        shown,
        len(name),
        len(extra),
        0,
        0,
        0,
        REGULAR_FILE << 16,
        min(offset, FULL_32),
    )
    return fixed + name + extra


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else UTF_8


def _zip64(*values: int) -> bytes:
    body = b"".join(value.to_bytes(8, "little") for value in values)
    return EXTRA.pack(ZIP64_FIELD, len(body)) + body
