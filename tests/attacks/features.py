"""Features of a bundle whose headers lie about types, shapes and sizes, with a digest that is right."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Plain = dict[str, Any]


def rewritten(data: bytes, change: Callable[[Plain], object], *, body: bytes | None = None) -> bytes:
    """A feature's file after `change(what it says)`, with a header whose digest fits, and other data if given."""
    length = 8 + int.from_bytes(data[:8], "little")
    plain = json.loads(json.loads(data[8:length])["__metadata__"]["audiocache_nb"])
    body = data[length:] if body is None else body
    change(plain)
    said = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    metadata = {
        "audiocache_nb": said,
        "audiocache_nb.format": "1",
        "audiocache_nb.sha256": hashlib.sha256(f"1:{said}".encode()).hexdigest(),
    }
    table = plain.get("arrays")
    outer = {"__metadata__": metadata, **(table if isinstance(table, dict) else {})}
    text = json.dumps(outer, sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text + body


def with_array(data: bytes, *, axes: list[str] | None = None, **fields: Any) -> bytes:
    """The feature with another type, shape or place of its data, and nothing else that gives it away."""

    def change(plain: Plain) -> None:
        plain["arrays"]["data"] |= fields
        if axes is not None:
            plain["axes"] = axes

    return rewritten(data, change)


def with_values(data: bytes, values: np.ndarray[Any, Any], dtype: str, *, axes: list[str], **said: Any) -> bytes:
    """The feature with these values as its data, consistent down to the last checksum."""
    checks = np.array([zlib.crc32(values.tobytes())] if len(values) else [], "<u4")
    size = values.nbytes

    def change(plain: Plain) -> None:
        plain["axes"], plain["names"] = axes, {}
        plain["rows_per_chunk"] = max(1, (1 << 20) // max(1, values.nbytes // max(1, len(values))))
        plain["tail_crc32"] = zlib.crc32(checks.tobytes())
        plain["arrays"] = {
            "data": {"dtype": dtype, "shape": list(values.shape), "data_offsets": [0, size]},
            "crc32": {"dtype": "U32", "shape": [len(checks)], "data_offsets": [size, size + checks.nbytes]},
        }
        plain |= said

    return rewritten(data, change, body=values.tobytes() + checks.tobytes())


def shapes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Row B9: shapes that are none, that do not fit the data, or that overflow where somebody multiplies."""
    for name, shape in (
        ("negative", [-1, 2]),
        ("twice negative", [-2, -2]),
        ("true", [True, 2]),
        ("a float", [2.0, 1]),
        ("a text", ["2", "1"]),
        ("nested", [[2], 1]),
        ("null", None),
        ("one number", 4),
        ("no axes", []),
        ("2**63", [1 << 63, 1]),
        ("2**64", [1 << 64, 1]),
        ("wraps around 64 bits", [1 << 32, 1 << 32]),
        ("wraps around to the true size", [(1 << 62) + 1, 4]),
        ("10**40", [10**40, 1]),
        ("one row too many", [10_000, 1]),
        ("one row too few", [1, 1]),
    ):
        yield name, with_array(data, shape=shape)
    for name, shape in (
        ("32 axes", [1] * 32),
        ("five axes", [1] * 5),
        ("nothing, 2**40 times", [0, 1 << 40]),
        ("nothing, 2**63 times", [0, 1 << 63]),
    ):
        values = np.zeros(1 if 0 not in shape else 0, "<f4").reshape([min(size, 1) for size in shape])
        axes = [f"axis {n}" for n in range(len(shape))]
        made = with_values(data, values, "F32", axes=axes)
        chunk = max(1, (1 << 20) // max(1, int(np.prod(shape[1:], dtype=object)) * 4))
        yield name, rewritten(made, lambda plain, shape=shape, chunk=chunk: _claim(plain, shape, chunk))
    yield "another place", with_array(data, data_offsets=[1 << 40, 1 << 41])
    yield "a place that is no number", with_array(data, data_offsets=["0", True])
    yield "fewer axes than dimensions", with_array(data, axes=["frame"])
    yield "an axis twice", with_array(data, axes=["frame", "frame"])


def _claim(plain: Plain, shape: list[int], rows_per_chunk: int) -> None:
    plain["arrays"]["data"]["shape"] = shape
    plain["rows_per_chunk"] = rows_per_chunk


def types(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Row B10: types that hold objects, have fields or another byte order, or are no values of a feature."""
    names = ["O", "|O", "V", "V8", ">f4", ">i8", "M8[s]", "<m8[ns]", "S4", "<U4", "f4,i4", "[('a','f4')]", "object"]
    for name in (*names, "float32", "BF16", "F8_E4M3", "F128", "", None, True, 4, ["F32"], {"F32": 1}):
        yield f"{name!r}", with_array(data, dtype=name)
    for name, dtype in (("BOOL", "?"), ("C64", "<c8"), ("I64", "<i8"), ("U64", "<u8"), ("I8", "i1"), ("U32", "<u4")):
        values = np.zeros((3, 1), dtype)
        yield f"{name} as the format float32", with_values(data, values, name, axes=["frame", "channel"])
    for form, dtype, name, shape in (
        ("uint8", "<f4", "F32", (3, 1)),
        ("int16", "u1", "U8", (3, 1)),
        ("events", "<c8", "C64", (3, 1)),
        ("events", "<f8", "F64", (3, 0)),
        ("events", "<f8", "F64", (3,)),
        ("matrix", "<f4", "F32", (3, 2)),
        ("no such", "<f4", "F32", (3, 1)),
    ):
        axes = ["frame", "channel"][: len(shape)]
        yield (
            f"{name} {shape} as the format {form}",
            with_values(data, np.zeros(shape, dtype), name, axes=axes, format=form),
        )


def odd(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What a feature may say of itself and cannot be, with every checksum right."""
    for name, said in (
        ("hop_seconds", 0.0),
        ("hop_seconds", -1.0),
        ("hop_seconds", 1e308),
        ("hop_seconds", {"$float": "nan"}),
        ("start_seconds", {"$float": "inf"}),
        ("fill_value", {"$float": "-inf"}),
        ("scale", 1e308),
        ("offset", 1e39),
        ("label", ["a list"]),
        ("label", "x" * 10_000),
        ("unit", None),
        ("alignment", "sideways"),
        ("axes", [["frame"], "channel"]),
        ("axes", ["frame", "\x1b[31m" * 2000]),
        ("names", {"channel": ["a", "b", "c", "d", "e", "f", "g"]}),
        ("names", ["channel"]),
        ("names", {"channel": "a"}),
        ("names", {"channel": [1]}),
        ("parameters", {"$tuple": 3}),
        ("provenance", ["none"]),
        ("provenance", {"audio": 3}),
        ("key", 3),
        ("tail_crc32", "0"),
        ("tail_crc32", -1),
        ("rows_per_chunk", 0),
    ):
        yield (
            f"{name} = {str(said)[:40]}",
            rewritten(data, lambda plain, name=name, said=said: plain.update({name: said})),
        )
    for name in ("label", "axes", "provenance", "names", "arrays"):
        yield f"no {name}", rewritten(data, lambda plain, name=name: plain.pop(name))


def code(canary: str) -> Iterator[tuple[str, bytes]]:
    """Row B11: what would create the file `canary`, if anybody unpickled it."""
    command = f"touch {canary}".encode()
    pickled = b"cposix\nsystem\n(V" + command + b"\ntR."
    yield "pickle", pickled
    yield "pickle, protocol 4", b"\x80\x04cposix\nsystem\n(V" + command + b"\ntR."
    for version in (1, 2):
        header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
        size = struct.pack("<H" if version == 1 else "<L", len(header) + 1)
        yield f"npy of objects, version {version}", b"\x93NUMPY" + bytes([version, 0]) + size + header + b"\n" + pickled
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    yield "npz", file.getvalue()
    huge = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3000000000,), }\n"
    yield "npy of 22 GB in 100 bytes", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(huge)) + huge
