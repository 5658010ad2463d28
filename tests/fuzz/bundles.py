"""Mutations of whole bundles that reach every layer: checksums, sizes and digests above the change fit again."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import struct
import zlib
from collections.abc import Mapping

from attacks.zips import Part, archive, field
from fuzz.mutate import NUMBERS, TEXTS, mutate_bytes, mutate_json, mutated

from audiocache_nb.errors import BundleError
from audiocache_nb.scene import zip_format as z
from audiocache_nb.scene.archive_reader import Archive

DTYPES = ["F16", "F32", "F64", "C64", "I8", "I64", "U8", "BOOL", "O", "V8", ">f4", "<M8", "BF16", "|S4", "", None, 4]
SHAPES = [
    [],
    [0],
    [-1],
    [True],
    [1.5],
    [2**63],
    [2**31, 2**31],
    [1] * 40,
    [0, 2**63],
    [0, 2**40],
    ["3"],
    7,
    None,
    [[1]],
    [2**64],
]
METHODS = [0, 1, 8, 9, 12, 14, 93, 98, 99, 65535]
FLAGS = [0, 1, 2, 6, 8, 0x40, 0x41, 0x800, 0x2000, 0xFFFF]
ATTRIBUTES = [0, 0o120777 << 16, 0o040755 << 16, 0o060644 << 16, 0o010644 << 16, 0x10, 0o100777 << 16, 0xFFFFFFFF]
NAMES = [
    b"../a",
    b"/etc/passwd",
    b"C:/a",
    b"a\\b",
    b"a//b",
    b"./document.json",
    b"DOCUMENT.JSON",
    b"document.json",
    b"manifest.json",
    b"features/00000.safetensors",
    b"a\0.json",
    b"\xff",
    b"",
    b"a/",
    b"x" * 130,
    "\u00e9".encode(),
]
WIDE = [0, 1, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]


def mutate_bundle(data: bytes, rng: random.Random) -> bytes:
    """One change, now and then two, of a layer that chance chooses: bytes, archive, manifest, document, features."""
    found = parts_of(data)
    if found is None or rng.random() < 0.12:
        return mutate_bytes(data, rng)
    parts = dict(found)
    manifest = True
    for _ in range(1 if rng.random() < 0.85 else 2):
        kind = rng.random()
        names = [name for name in parts if name != "manifest.json"]
        features = [name for name in names if name.startswith("features/")]
        if kind < 0.30 and "document.json" in parts:
            parts["document.json"] = mutate_json(parts["document.json"], rng)
        elif kind < 0.55 and features:
            name = rng.choice(features)
            parts[name] = mutate_feature(parts[name], rng)
        elif kind < 0.65 and names:
            name = rng.choice(names)
            parts[name] = mutate_bytes(parts[name], rng)
        elif kind < 0.70 and names:
            parts[rng.choice(names)] = parts[rng.choice(names)]
        elif kind < 0.74 and names:
            del parts[rng.choice(names)]
        elif kind < 0.78:
            parts[rng.choice(["extra", "audio/00009", "features/00009.safetensors"])] = rng.randbytes(rng.randrange(99))
        elif kind < 0.86 and "manifest.json" in parts:
            parts["manifest.json"] = mutate_json(parts["manifest.json"], rng)
            manifest = False
        else:
            return mutate_archive(fitting(parts) if manifest else parts, rng)
    made = built(fitting(parts) if manifest else parts)
    return mutate_bytes(made, rng) if rng.random() < 0.03 else made


@functools.lru_cache(256)
def parts_of(data: bytes) -> Mapping[str, bytes] | None:
    """The entries of a bundle by name, damaged or not; None: it is no archive."""
    try:
        with Archive(data) as archive:
            return {name: bytes(archive.place(name)) for name in archive.entries}
    except BundleError:
        return None


def fitting(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The parts with a manifest that fits them."""
    rest = {name: data for name, data in parts.items() if name != "manifest.json"}
    lines = [{"bytes": len(data), "name": name, "sha256": _sha256(data)} for name, data in rest.items()]
    manifest = {"entries": lines, "format": "audiocache_nb.bundle", "version": [1, 0]}
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1, separators=(",", ": "))
    return {"manifest.json": text.encode("utf-8", "replace") + b"\n", **rest}


@functools.lru_cache(1024)
def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entries(parts: Mapping[str, bytes]) -> list[Part]:
    """The parts as entries at round addresses, as the writer of bundles places them."""
    made, at = [], 0
    for name, data in parts.items():
        raw = name.encode("utf-8", "surrogateescape")
        gap = -(at + z.LOCAL.size + len(raw)) % z.ALIGNMENT
        gap += z.ALIGNMENT if 0 < gap < z.EXTRA.size else 0
        made.append(Part(raw, data, local_extra=field(z.PADDING_FIELD, bytes(gap - z.EXTRA.size)) if gap else b""))
        at += z.LOCAL.size + len(raw) + gap + len(data)
    return made


def built(parts: Mapping[str, bytes]) -> bytes:
    """An archive of these parts; byte for byte what the writer of bundles makes of them."""
    return archive(*entries(parts), made_by=45)


# --- the archive ---------------------------------------------------------------------------------


def mutate_archive(parts: Mapping[str, bytes], rng: random.Random) -> bytes:
    """Records that lie, entries that lie elsewhere, twice, or in another order."""
    made = entries(parts)
    options: dict[str, object] = {"made_by": 45}
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        part = rng.choice(made)
        kind = rng.randrange(16)
        if kind == 0:
            part.name = rng.choice(NAMES)
        elif kind == 1:
            part.local_name = rng.choice(NAMES)
        elif kind == 2:
            part.method = rng.choice(METHODS)
        elif kind == 3:
            part.local_method = rng.choice(METHODS)
        elif kind == 4:
            part.flags = rng.choice(FLAGS)
        elif kind == 5:
            part.local_flags = rng.choice(FLAGS)
        elif kind == 6:
            setattr(part, rng.choice(("crc", "local_crc")), rng.choice(WIDE))
        elif kind in (7, 8):
            which = rng.choice(("size", "packed", "local_size", "local_packed", "offset"))
            setattr(part, which, rng.choice((*WIDE, len(part.data) + 1, max(0, len(part.data) - 1), len(part.data))))
        elif kind == 9:
            part.attributes = rng.choice(ATTRIBUTES)
        elif kind == 10:
            setattr(part, rng.choice(("extra", "local_extra")), _extra(rng))
        elif kind == 11:
            setattr(part, rng.choice(("comment", "gap")), rng.randbytes(rng.randrange(1, 9)))
        elif kind == 12:
            options[rng.choice(("count", "disk"))] = rng.choice((0, 1, len(made) - 1, len(made) + 1, 65535))
        elif kind == 13:
            options["start"] = rng.choice(WIDE)
        elif kind == 14:
            options[rng.choice(("before", "between", "after", "comment"))] = rng.choice(
                (b"\0", b"PK\x05\x06" + bytes(18), rng.randbytes(5), archive()[-22:])
            )
        else:
            order = rng.randrange(3)
            if order == 0:
                rng.shuffle(made)
            elif order == 1:
                made.insert(rng.randrange(len(made)), part)
            else:
                made.remove(part)
                if not made:
                    break
    return archive(*made, **options) if rng.random() < 0.85 else _widened(archive(*made, **options), rng)


def _extra(rng: random.Random) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        return field(1, b"".join(rng.choice(NUMBERS).to_bytes(9, "little", signed=True)[:8] for _ in range(3)))
    if kind == 1:
        return field(rng.choice((0x7075, 0x9901, 0x5455, z.PADDING_FIELD)), rng.randbytes(rng.randrange(12)))
    if kind == 2:
        return field(z.PADDING_FIELD, bytes(rng.choice((0, 60, 128, 129, 1000)))) * rng.choice((1, 2))
    return rng.randbytes(rng.randrange(12)) if kind == 3 else field(1, b"")


def _widened(data: bytes, rng: random.Random) -> bytes:
    """The archive with a wide end record before the usual one, true or not."""
    head, end = data[:-22], data[-22:]
    _, disk, start_disk, here, count, size, start, _ = struct.unpack("<4s4H2LH", end)
    fields = [disk, start_disk, here, count, size, start]
    if rng.random() < 0.5:
        fields[rng.randrange(6)] = rng.choice((*WIDE, 2**63, 2**64 - 1))
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, *(n & 0xFFFFFFFF for n in fields[:2]), *fields[2:])
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(head) if rng.random() < 0.8 else rng.choice(WIDE), 1)
    full = rng.random() < 0.7
    count, size, start = (65535, 2**32 - 1, 2**32 - 1) if full else (count, size, start)
    return (
        head + wide + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", disk, start_disk, count, count, size, start, 0)
    )


# --- features ------------------------------------------------------------------------------------


def mutate_feature(data: bytes, rng: random.Random) -> bytes:
    """A feature's file: its header with a fitting digest, its table of arrays, or its data."""
    length = 8 + int.from_bytes(data[:8], "little")
    try:
        outer = json.loads(data[8:length])
        inner = json.loads(outer["__metadata__"]["audiocache_nb"])
        table = inner["arrays"]
        sizes = sorted(int(one["data_offsets"][1]) for one in table.values())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError):
        return mutate_bytes(data, rng)
    body = data[length:]
    kind = rng.randrange(8)
    if kind < 3:
        inner = mutated(inner, rng)
    elif kind < 6 and isinstance(table, dict) and table:
        name = rng.choice(sorted(table))
        one = table[name] if isinstance(table[name], dict) else {}
        table[name] = one
        which = rng.randrange(6)
        if which == 0:
            one["dtype"] = rng.choice(DTYPES)
        elif which == 1:
            one["shape"] = rng.choice(SHAPES)
        elif which == 2:
            one["shape"] = [rng.choice(NUMBERS) for _ in range(rng.randrange(4))]
        elif which == 3:
            one["data_offsets"] = [rng.choice((*NUMBERS, *sizes)), rng.choice((*NUMBERS, *sizes))]
        elif which == 4:
            table[rng.choice(("coords.bin", "crc32", "data", "coords.", "../x", *TEXTS[:3]))] = dict(one)
        else:
            del table[name]
    else:
        body = mutate_bytes(body, rng)
        if isinstance(inner.get("tail_crc32"), int) and rng.random() < 0.7:
            inner["tail_crc32"] = zlib.crc32(body[sizes[0] :] if len(sizes) > 1 else b"")
    return _with_header(inner, body, rng)


def _with_header(inner: object, body: bytes, rng: random.Random) -> bytes:
    try:
        said = json.dumps(inner, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError):
        said = "{}"
    metadata = {"audiocache_nb": said, "audiocache_nb.format": rng.choice(("1",) * 30 + ("2", "0", "x", ""))}
    metadata["audiocache_nb.sha256"] = hashlib.sha256(
        f"{metadata['audiocache_nb.format']}:{said}".encode("utf-8", "replace")
    ).hexdigest()
    table = inner.get("arrays") if isinstance(inner, dict) else None
    outer = {"__metadata__": metadata, **(table if isinstance(table, dict) else {})}
    text = json.dumps(outer, sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-(8 + len(text)) % 64 if rng.random() < 0.97 else rng.randrange(64))
    return len(text).to_bytes(8, "little") + text + body
