"""One entry: a feature track as a safetensors file.

The file is what the safetensors format says: the length of a JSON header, the header, and the arrays
one after another, so that any reader of that format can open it. On top of that the header is
canonical - there is exactly one header for given content, and a file with any other is refused -
and says what must be true of the rest: the data in chunks of about 128 KiB, each with its CRC-32 in a
table of its own, so that a few rows can be checked without reading the others. A disk reads as much at
once whatever it is asked for. What was written when chunks were of a megabyte is read as well.

::

    8 bytes   length of the header
    header    JSON, padded with blanks so that the data begin at a multiple of 64 bytes
    data      (frame_count, ...), little-endian
    coords    coordinates of the axes that have numbers
    crc32     uint32, one for each chunk of `data`
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import zlib
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.cache.files import Files
from audiocache_nb.cache.metadata import canonical, describe, restore
from audiocache_nb.errors import CacheCorruptionError, CacheError, CacheVersionError
from audiocache_nb.features.track import FeatureTrack, StoredRows

FORMAT = 1
CHUNK_BYTES = 1 << 17
EARLIER_CHUNK_BYTES = 1 << 20
CHUNKS_AT_ONCE = 8  # when everything is read or written
ALIGNMENT = 64
START_BYTES = 1 << 16  # read at once: the header of all but very long features, and all of short ones
MAX_HEADER_BYTES = 16 << 20
MAX_DIMENSIONS = 32
_DTYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "C64": "<c8",
    "I8": "|i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "|u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "BOOL": "|b1",
}
_TYPES = {name: np.dtype(code) for name, code in _DTYPES.items()}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_BEFORE = b'{"__metadata__":{"audiocache_nb":"'
_MIDDLE = b'","audiocache_nb.format":"%d","audiocache_nb.sha256":"'
Table = dict[str, tuple[np.dtype[Any], tuple[int, ...]]]  # types and shapes of the arrays, one after the other


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the header of an entry says.

    Attributes
    ----------
    plain : dict
        The track without its arrays.
    arrays : dict of str to (dtype, shape, first byte in the file)
    rows_per_chunk : int
    tail : (int, int)
        First byte and end of all that follows the data.
    tail_crc32 : int
    """

    plain: dict[str, Any]
    arrays: dict[str, tuple[np.dtype[Any], tuple[int, ...], int]]
    rows_per_chunk: int
    tail: tuple[int, int]
    tail_crc32: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.tail[1]

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk; the last one may be shorter."""
        dtype, shape, _ = self.arrays["data"]
        return self.rows_per_chunk * math.prod(shape[1:]) * dtype.itemsize


def rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype[Any], chunk_bytes: int = CHUNK_BYTES) -> int:
    """How many rows make a chunk of about so many bytes."""
    return max(1, chunk_bytes // max(1, math.prod(shape[1:]) * dtype.itemsize))


def chunks(track: FeatureTrack, first_chunk: int = 0, end_chunk: int | None = None) -> Iterator[memoryview]:
    """The data of a track as little-endian bytes, some chunks at once; all, or ``first_chunk <= n < end_chunk``."""
    dtype = track.dtype.newbyteorder("<")
    step = rows_per_chunk(track.shape, dtype)
    end = track.frame_count if end_chunk is None else min(end_chunk * step, track.frame_count)
    for first in range(first_chunk * step, end, CHUNKS_AT_ONCE * step):
        yield as_bytes(np.ascontiguousarray(track.rows(first, min(first + CHUNKS_AT_ONCE * step, end)), dtype))


def as_bytes(array: NDArray[Any]) -> memoryview:
    """The bytes of a contiguous array, without a copy."""
    return memoryview(array.reshape(-1).view(np.uint8))


def chunk_checks(track: FeatureTrack, first_chunk: int = 0, end_chunk: int | None = None) -> list[int]:
    """CRC-32 of each chunk; of other chunks, another thread can see to it at the same time."""
    step = rows_per_chunk(track.shape, track.dtype)
    size = step * track.nbytes // max(1, track.frame_count)
    end = track.frame_count if end_chunk is None else min(end_chunk * step, track.frame_count)
    checks: list[int] = []
    for piece in chunks(track, first_chunk, end_chunk):
        checks += [zlib.crc32(piece[at : at + size]) for at in range(0, len(piece), max(1, size))]
    return checks or [0] * -(-(end - first_chunk * step) // step)  # of rows without values there is nothing to read


def write_plan(track: FeatureTrack, checks: list[int] | None = None) -> tuple[bytes, bytes]:
    """What stands before the data of an entry and what follows them.

    Parameters
    ----------
    track : FeatureTrack
    checks : list of int, optional
        Its `chunk_checks`, if they are known already.

    Raises
    ------
    CacheError
        The track cannot be stored: its type, or something in its parameters.
    """
    dtype = _storable(track.dtype)
    table_of_checks = np.array(chunk_checks(track) if checks is None else checks, "<u4")
    plain = describe(track)
    plain["names"] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for axis, values in track.axis_coords.items():
        if values.dtype.kind in "UO":
            plain["names"][axis] = [str(value) for value in values]
        else:
            arrays[f"coords.{axis}"] = np.ascontiguousarray(values, _storable(values.dtype))
    arrays["crc32"] = table_of_checks
    tail = b"".join(array.tobytes() for array in arrays.values())
    table = {"data": (dtype, track.shape)} | {name: (array.dtype, array.shape) for name, array in arrays.items()}
    plain |= {"rows_per_chunk": rows_per_chunk(track.shape, dtype), "tail_crc32": zlib.crc32(tail)}
    return _header(plain, table), tail


def read_layout(files: Files, descriptor: int, size: int) -> tuple[Layout, bytes]:
    """The header of an open entry, and what was read for it: the beginning of the file.

    Raises
    ------
    CacheCorruptionError, CacheVersionError
    OSError
    """
    start = files.read(descriptor, min(size, START_BYTES), 0)
    length = header_bytes(start)
    if len(start) < length <= size:
        start += files.read(descriptor, length - len(start), len(start))
    return parse(start, size), start


def parse(start: bytes, file_bytes: int) -> Layout:
    """Read the header of an entry and make sure that it can be trusted.

    Parameters
    ----------
    start : bytes
        The file's beginning: with the whole header, or as much of it as there is.
    file_bytes : int
        Size of the file.

    Raises
    ------
    CacheCorruptionError
    CacheVersionError
        It was written by a later version of this package.
    """
    try:
        return _parse(start, file_bytes)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, MemoryError, AttributeError) as error:
        raise CacheCorruptionError(
            f"The cache entry's header is damaged: {type(error).__name__}.", hint="Ask for the feature again."
        ) from error


def header_bytes(start: bytes) -> int:
    """Bytes that come before the data, as the first eight bytes say; 0 if they say nonsense."""
    length = 8 + int.from_bytes(start[:8], "little")
    return length if len(start) >= 8 and length <= MAX_HEADER_BYTES else 0


def track_of(layout: Layout, data: NDArray[Any] | StoredRows, tail: bytes) -> FeatureTrack:
    """The track of an entry, once its tail has been checked."""
    coords: dict[str, NDArray[Any]] = {}
    for name in layout.arrays:
        if name.startswith("coords."):
            coords[name.removeprefix("coords.")] = tail_array(layout, tail, name)
    coords |= {axis: np.array(names, dtype=np.str_) for axis, names in layout.plain["names"].items()}
    return FeatureTrack(data=cast("NDArray[Any]", data), axis_coords=coords, **restore(layout.plain))


def tail_array(layout: Layout, tail: bytes, name: str) -> NDArray[Any]:
    """One of the arrays that follow the data."""
    dtype, shape, at = layout.arrays[name]
    return np.frombuffer(tail, dtype, math.prod(shape), at - layout.tail[0]).reshape(shape)


def _storable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    little = dtype.newbyteorder("<")
    if little not in _NAMES:
        raise CacheError(f"Values of type {dtype} are not stored.", hint="Use float32, float64 or complex64.")
    return little


def _header(plain: dict[str, Any], table: Table) -> bytes:
    arrays = _listed(table)
    header = _wrapped(canonical({**plain, "arrays": arrays}), arrays)
    if len(header) > MAX_HEADER_BYTES:
        raise CacheError(
            "What is known of a feature is too much to be stored.",
            hint="Shorten what the calculator says about its result.",
        )
    return header


def _listed(table: Table) -> dict[str, Any]:
    """Where the arrays lie, as the container says it."""
    at = 0
    found: dict[str, Any] = {}
    for name, (dtype, shape) in table.items():
        end = at + math.prod(shape) * dtype.itemsize
        found[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [at, end]}
        at = end
    return found


def _wrapped(said: bytes, arrays: dict[str, Any]) -> bytes:
    """The container's header around what is said of a track: its canonical JSON, too.

    The container wants texts beside the arrays, so that JSON stands in JSON, where a quotation mark and a
    backslash have a backslash before them. Names of arrays are sorted behind what begins with ``_``.
    """
    escaped = said.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    digest = _digest(FORMAT, said).encode()
    text = b"".join((_BEFORE, escaped, _MIDDLE % FORMAT, digest, b'"},', canonical(arrays)[1:]))
    padding = -(8 + len(text)) % ALIGNMENT
    return b"".join(((len(text) + padding).to_bytes(8, "little"), text, b" " * padding))


def _digest(stated: int, said: bytes) -> str:
    return hashlib.sha256(b"%d:%b" % (stated, said)).hexdigest()


def _parse(start: bytes, file_bytes: int) -> Layout:
    length = header_bytes(start)
    if not length or length > len(start):
        raise ValueError("no header")
    header = start[:length]
    said = _said(header)
    plain = json.loads(said.decode("ascii"))  # bytes would be read as UTF-16 or UTF-32, too
    table = {name: (_TYPES[one["dtype"]], _shape(one["shape"])) for name, one in _in_order(plain["arrays"])}
    if not all(name in ("data", "crc32") or name.startswith("coords.") for name in table):
        raise ValueError("unknown arrays")
    plain["arrays"] = written = _listed(table)
    # What is said is written again, and so is what stands around it: one bit that differs, and nothing is believed.
    if canonical(plain) != said or _wrapped(said, written) != header:
        raise ValueError("not canonical")
    del plain["arrays"]
    arrays, at = {}, length
    for name, (dtype, shape) in table.items():
        arrays[name] = (dtype, shape, at)
        at += math.prod(shape) * dtype.itemsize
    if at != file_bytes:
        raise ValueError(f"{file_bytes} bytes instead of {at}")
    dtype, shape, first = arrays["data"]
    step = plain["rows_per_chunk"]
    usual = step == rows_per_chunk(shape, dtype) or step == rows_per_chunk(shape, dtype, EARLIER_CHUNK_BYTES)
    if not usual or type(step) is not int or arrays["crc32"][1] != (-(-shape[0] // step),):
        raise ValueError("another number of chunks")
    return Layout(plain, arrays, step, (first + math.prod(shape) * dtype.itemsize, at), int(plain["tail_crc32"]))


def _said(header: bytes) -> bytes:
    """What a header says of its track, as it stands there; that nothing else stands there is for others to see."""
    end = header.find(_MIDDLE % FORMAT)
    if end < 0:
        raise _unreadable(header)
    escaped = header[8 + len(_BEFORE) : end]
    if b"\\\\" in escaped:
        return str(json.loads('"' + escaped.decode("ascii") + '"')).encode("ascii")
    return escaped.replace(b'\\"', b'"')


def _unreadable(header: bytes) -> Exception:
    """Why there is nothing in a header that this version knows: it is damaged, or of a later one."""
    metadata = json.loads(header[8:].decode("ascii"))["__metadata__"]
    stated = int(metadata["audiocache_nb.format"])
    whole = metadata["audiocache_nb.sha256"] == _digest(stated, metadata["audiocache_nb"].encode())
    if whole and stated > FORMAT:
        return CacheVersionError(
            "A cache entry was written by a later version of audiocache_nb.", hint="Install that version."
        )
    return ValueError("unknown format")


def _in_order(table: dict[str, Any]) -> list[tuple[str, Any]]:
    """The arrays in the order in which they lie in the file; JSON has sorted their names."""
    return sorted(table.items(), key=lambda item: (item[1]["data_offsets"], item[0] != "data", item[0] == "crc32"))


def _shape(values: Any) -> tuple[int, ...]:
    if not 0 < len(values) <= MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in values):
        raise ValueError("no shape")
    return tuple(values)
