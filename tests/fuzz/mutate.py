"""Mutations of bytes, of JSON and of packages: what checksums would stop is made to fit again."""

from __future__ import annotations

import copy
import json
import random

from support.scenes import archived

from audiocache_nb.errors import BundleError
from audiocache_nb.scene.archive_reader import Archive

NUMBERS = [-1, 0, 1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63, 2**64, -(2**63)]
FLOATS = [0.5, -0.0, 1e-320, 1e308, -1e308, 1e15]
TEXTS = ["", "a", "x" * 5000, "\u202e", "\x00", "../../etc/passwd", "os.system", "default", "<script>", "ü" * 300]
TOKENS = [
    b"NaN",
    b"1e999",
    b"-Infinity",
    b'"\\ud800"',
    b"[" * 300,
    b'{"a":' * 60,
    b"9" * 60,
    b"PK\x05\x06",
    b"PK\x01\x02",
]


def values(rng: random.Random) -> object:
    """Some JSON value that was not expected."""
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(FLOATS)
    if kind == 2:
        return rng.choice(TEXTS)
    if kind == 3:
        return [values(rng) for _ in range(rng.randrange(4))]
    if kind == 4:
        return {rng.choice(TEXTS)[:20]: values(rng) for _ in range(rng.randrange(4))}
    return rng.choice([None, True, False])


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, insert, remove, repeat or cut; a few times."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        at = rng.randrange(len(made) + 1)
        size = rng.choice((1, 1, 2, 4, 8, 30, 200))
        kind = rng.randrange(8)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            made[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            made[at : at + 4] = (rng.choice(NUMBERS) & 0xFFFFFFFF).to_bytes(4, "little")
        elif kind == 3:
            made[at : at + 8] = (rng.choice(NUMBERS) & (2**64 - 1)).to_bytes(8, "little")
        elif kind == 4:
            del made[at : at + size]
        elif kind == 5:
            made[at:at] = made[at : at + size]
        elif kind == 6:
            made[at:at] = rng.choice(TOKENS)
        elif rng.random() < 0.2:
            del made[at:]
    return bytes(made)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Change a few places of a document; now and then its text."""
    if rng.random() < 0.15:
        return mutate_bytes(data, rng)
    try:
        document = json.loads(data)
    except ValueError:
        return mutate_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 2, 4))):
        document = mutated(document, rng)
    try:
        return json.dumps(document, ensure_ascii=rng.random() < 0.5, sort_keys=True).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return data


def mutated(document: object, rng: random.Random) -> object:
    """A plain value with one place of it changed."""
    places: list[tuple[object, object]] = []
    waiting = [document]
    while waiting:
        item = waiting.pop()
        keys = item.keys() if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            places.append((item, key))
            waiting.append(item[key])
    if not places:
        return values(rng)
    holder, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        other, other_key = rng.choice(places)
        try:
            holder[key] = copy.deepcopy(other[other_key])
        except (KeyError, IndexError):
            holder[key] = None
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == 3 and isinstance(holder, dict):
        holder[rng.choice(TEXTS)[:40]] = values(rng)
    elif kind == 4 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = holder[key] * rng.choice((-1, 2, 10, 0.5)) + rng.choice((-1, 0, 1))
    else:
        holder[key] = values(rng)
    return document


def mutate_package(data: bytes, rng: random.Random) -> bytes:
    """A package of MVMNT: bytes, its JSON, or its payloads."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    try:
        parts = _foreign_parts(data)
    except BundleError:
        return mutate_bytes(data, rng)
    if not parts:
        return mutate_bytes(data, rng)
    name = rng.choice(sorted(parts))
    if name.endswith(".json"):
        parts[name] = mutate_json(parts[name], rng)
    elif rng.random() < 0.3:
        del parts[name]
    else:
        parts[name] = mutate_bytes(parts[name], rng)
    return archived(parts)


def _foreign_parts(data: bytes) -> dict[str, bytes]:
    with Archive(data, foreign=True) as archive:
        return {name: archive.read(name) for name in archive.entries}
