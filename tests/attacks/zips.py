"""Archives that different programs read differently, or that cost more than they look."""

from __future__ import annotations

import dataclasses
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator


@dataclasses.dataclass
class Part:
    """An entry, every field of which can be made to lie; None: the truth."""

    name: bytes = b"a.bin"
    data: bytes = b"0123456789"
    method: int = 0
    flags: int = 0
    local_name: bytes | None = None
    local_flags: int | None = None
    local_method: int | None = None
    local_crc: int | None = None
    local_size: int | None = None
    local_packed: int | None = None
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    offset: int | None = None
    attributes: int = 0o100644 << 16
    extra: bytes = b""
    local_extra: bytes = b""
    comment: bytes = b""
    disk: int = 0
    gap: bytes = b""


def archive(
    *parts: Part,
    before: bytes = b"",
    between: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    count: int | None = None,
    start: int | None = None,
    disk: int = 0,
    made_by: int = 20,
) -> bytes:
    """An archive of these entries, with something before, between and after, and an end record that may lie."""
    body, central = bytearray(before), bytearray()
    for part in parts:
        packed = part.data
        if part.method == 8:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = packer.compress(part.data) + packer.flush()
        crc, offset = zlib.crc32(part.data), len(body)
        local = part.name if part.local_name is None else part.local_name

        def value(chosen, *others):
            return next(one for one in (chosen, *others) if one is not None)

        body += (
            struct.pack(
                "<4s5H3L2H",
                b"PK\x03\x04",
                20,
                value(part.local_flags, part.flags),
                value(part.local_method, part.method),
                0,
                33,
                value(part.local_crc, crc),
                value(part.local_packed, part.packed, len(packed)),
                value(part.local_size, part.size, len(part.data)),
                len(local),
                len(part.local_extra),
            )
            + local
            + part.local_extra
            + packed
            + part.gap
        )
        central += (
            struct.pack(
                "<4s6H3L5H2L",
                b"PK\x01\x02",
                (3 << 8) | made_by,
                20,
                part.flags,
                part.method,
                0,
                33,
                value(part.crc, crc),
                value(part.packed, len(packed)),
                value(part.size, len(part.data)),
                len(part.name),
                len(part.extra),
                len(part.comment),
                part.disk,
                0,
                part.attributes,
                value(part.offset, offset),
            )
            + part.name
            + part.extra
            + part.comment
        )
    body += between
    at = len(body) if start is None else start
    number = len(parts) if count is None else count
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, number, number, len(central), at, len(comment))
    return bytes(body + central + end + comment + after)


def field(number: int, body: bytes) -> bytes:
    """An extra field."""
    return struct.pack("<2H", number, len(body)) + body


def ambiguous() -> Iterator[tuple[str, bytes]]:
    """Archives that no reader of ours takes apart, by what is wrong with them."""
    one = Part()
    good = archive(one)
    yield "nothing", b""
    yield "no archive", b"RIFF....WAVEfmt " * 8
    yield "only an end", b"PK\x05\x06" + bytes(17)
    yield "trailing byte", good + b"\0"
    yield "trailing archive", good + archive(Part(name=b"b.bin"))
    yield "prepended bytes", archive(one, before=b"#!/bin/sh\n")
    yield "prepended, offsets as if not", b"#!/bin/sh\n" + good
    yield "comment", archive(one, comment=b"hello")
    yield "end record in the comment", archive(one, comment=archive()[-22:])
    yield "gap before the list", archive(one, between=b"hidden")
    yield "gap between entries", archive(dataclasses.replace(one, gap=b"hidden"), Part(name=b"b.bin"))
    yield "several volumes", archive(one, disk=1)
    yield "fewer entries than there are", archive(one, Part(name=b"b.bin"), count=1)
    yield "more entries than there are", archive(one, count=2)
    yield "list somewhere else", archive(one, start=0)
    for name in (
        b"../a",
        b"a/../b",
        b"/etc/passwd",
        b"C:/a",
        b"a\\b",
        b"\\\\host\\a",
        b"a//b",
        b"./a",
        b"",
        b"a/",
        b"a\0.bin",
        b"a\n",
        b"\xff\xfe",
    ):
        yield f"name {name!r}", archive(dataclasses.replace(one, name=name))
    yield "the same name twice", archive(one, one)
    yield "case twins", archive(one, Part(name=b"A.BIN"))
    yield "unicode twins", archive(Part("\u00e9".encode(), flags=0x800), Part("e\u0301".encode(), flags=0x800))
    for kind in (0o120777, 0o040755, 0o060644, 0o020644, 0o010644):
        yield f"type {kind:o}", archive(dataclasses.replace(one, attributes=kind << 16))
    yield "dos folder", archive(dataclasses.replace(one, attributes=0x10))
    yield "encrypted", archive(dataclasses.replace(one, flags=1))
    yield "strongly encrypted", archive(dataclasses.replace(one, flags=0x41))
    yield "sizes behind the data", archive(dataclasses.replace(one, flags=8))
    for method in (1, 9, 12, 14, 93, 98):
        yield f"method {method}", archive(dataclasses.replace(one, method=method))
    yield "entry comment", archive(dataclasses.replace(one, comment=b"hi"))
    yield "entry on another volume", archive(dataclasses.replace(one, disk=1))
    yield "two names", archive(dataclasses.replace(one, local_name=b"b.bin"))
    yield "two methods", archive(dataclasses.replace(one, local_method=8))
    yield "two checksums", archive(dataclasses.replace(one, local_crc=1))
    yield "two sizes", archive(dataclasses.replace(one, local_size=9))
    yield "stored, but two sizes", archive(dataclasses.replace(one, size=11))
    yield "entry inside another", archive(one, dataclasses.replace(one, name=b"b.bin", offset=0))
    yield "entry beyond the end", archive(dataclasses.replace(one, offset=1 << 30))
    yield "longer than the archive", archive(dataclasses.replace(one, size=1 << 20, packed=1 << 20))
    yield "another name in a field", archive(dataclasses.replace(one, extra=field(0x7075, b"\1\0\0\0\0b.bin")))
    yield "encryption field", archive(dataclasses.replace(one, extra=field(0x9901, b"\2\0AE\3\0\0")))
    yield "wide sizes that nobody needs", archive(dataclasses.replace(one, extra=field(1, bytes(8))))
    yield "wide sizes missing", archive(dataclasses.replace(one, size=0xFFFFFFFF, packed=0xFFFFFFFF))
    yield "half an extra field", archive(dataclasses.replace(one, extra=b"\1"))
    yield "an extra field twice", archive(dataclasses.replace(one, extra=field(0x5455, b"") * 2))


def only_for_strict() -> Iterator[tuple[str, bytes]]:
    """Archives that are fine from another program, but that we never write."""
    yield "compressed", archive(Part(method=8))
    yield "time of the file", archive(Part(extra=field(0x5455, b"\1\0\0\0\0")))
    yield "data in an extra field", archive(Part(local_extra=field(0xD935, b"hidden")))
    yield "padding without end", archive(Part(local_extra=field(0xD935, bytes(1000))))
    yield "space in the name", archive(Part(name=b"a b.bin"))


def bomb(size: int = 32 << 20) -> bytes:
    """A thousand times smaller than what it unpacks to."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        made.writestr(zipfile.ZipInfo("zeros.bin"), bytes(size), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def understating_bomb(size: int = 1 << 20) -> bytes:
    """Unpacks to a thousand times what its headers say."""
    return archive(Part(data=bytes(size), method=8, size=1000))


def overlapping(count: int = 1000, size: int = 1 << 20) -> bytes:
    """Entries that all unpack the same bytes: a gigabyte out of a few thousand."""
    kernel = Part(name=b"0", data=bytes(size), method=8)
    return archive(
        kernel, *(dataclasses.replace(kernel, name=b"%d" % n, data=b"", method=8, offset=0) for n in range(1, count))
    )


def nested(depth: int = 4) -> bytes:
    """An archive in an archive in an archive, each as harmless as the next."""
    inner = bomb(1 << 20)
    for _ in range(depth):
        inner = archive(Part(name=b"inner.zip", data=inner))
    return inner


def wide(path: str, size: int) -> None:
    """A file that says it has an entry of `size` bytes, and takes a few hundred on the disk where holes are free."""
    name = b"huge.bin"
    sizes = struct.pack("<2Q", size, size)
    with open(path, "wb") as file:  # noqa: PTH123
        head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 33, 0, 2**32 - 1, 2**32 - 1, len(name), 20)
        file.write(head + name + field(1, sizes))
        file.truncate(file.tell() + size)
        start = file.seek(0, 2)
        central = struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            (3 << 8) | 45,
            45,
            0,
            0,
            0,
            33,
            0,
            2**32 - 1,
            2**32 - 1,
            len(name),
            20,
            0,
            0,
            0,
            0,
            0,
        )
        central += name + field(1, sizes)
        file.write(central)
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(central), start))
        file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(central), 1))
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(central), 2**32 - 1, 0))
