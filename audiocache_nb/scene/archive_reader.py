"""Reading bundles: an archive is taken apart only if it can be read in one way."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from audiocache_nb.errors import BundleFormatError, BundleIntegrityError
from audiocache_nb.scene import zip_format as z
from audiocache_nb.scene.archive_own import Entry, is_plain_name, leads_nowhere, own_entries
from audiocache_nb.scene.limits import USUAL, ImportLimits

CHUNK_BYTES = 1 << 20
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")  # control characters, backslashes, drives
_RENAMING_FIELDS = frozenset({0x7075, 0x9901})  # another name for the entry; encryption
_ATTRIBUTE_TYPES = {0, stat.S_IFREG}
_DOS_DIRECTORY = 0x10


class Archive:
    """A ZIP file whose every byte is accounted for.

    Parameters
    ----------
    data : bytes, mmap or path
        A path is mapped: entries that are stored can be used in place. The map outlives `close` as
        long as an array made of it lives.
    limits : ImportLimits
    foreign : bool
        Accept what other programs write: compressed entries, names in other alphabets, extra fields.

    Raises
    ------
    BundleFormatError, BundleLimitError

    Notes
    -----
    Refused are: anything before the first or after the last entry, gaps, overlaps, comments, several
    volumes, encryption, data descriptors, links, folders, devices, names that are not relative and
    plain, names that differ in case or in their Unicode form only, and headers that contradict each
    other. Of these, programs make different things.
    """

    def __init__(
        self,
        data: bytes | mmap.mmap | str | os.PathLike[str],
        limits: ImportLimits | None = None,
        *,
        foreign: bool = False,
    ) -> None:
        self._limits = limits or USUAL
        self._foreign = foreign
        self._map: mmap.mmap | None = None
        if isinstance(data, bytes):
            self._limits.check("file_bytes", len(data), "The length of the bundle")
            self._view = memoryview(data)
        else:
            self._map = data if isinstance(data, mmap.mmap) else _mapped(data, self._limits)
            self._view = memoryview(self._map) if self._map is not None else memoryview(b"")
        try:
            self._entries = self._scan()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; arrays that were made of it stay readable."""
        self._view = memoryview(b"")
        self._map = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The entries by name, in the order in which they lie in the file."""
        return self._entries

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def read(self, name: str, *, limit: str = "entry_bytes") -> bytes:
        """The content of an entry, checked against its checksum.

        Parameters
        ----------
        name : str
        limit : str
            The limit that its size must not exceed.

        Raises
        ------
        BundleFormatError, BundleIntegrityError, BundleLimitError
        """
        entry = self._entry(name)
        self._limits.check(limit, entry.size, f"The size of {name!r:.80}")
        content = b"".join(self.chunks(name))
        if zlib.crc32(content) != entry.crc:
            raise _damaged(name, "its checksum is wrong")
        return content

    def chunks(self, name: str) -> Iterator[memoryview | bytes]:
        """The content of an entry in pieces of at most 1 MiB; the checksum is the caller's to check."""
        entry = self._entry(name)
        packed = self._view[entry.data_offset : entry.data_offset + entry.packed]
        if entry.method == z.STORED:
            for start in range(0, entry.size, CHUNK_BYTES):
                yield packed[start : start + CHUNK_BYTES]
            return
        yield from _inflated(packed, entry)

    def place(self, name: str) -> memoryview:
        """The bytes of a stored entry where they lie, nothing is read.

        Raises
        ------
        BundleFormatError
            If it is compressed.
        """
        entry = self._entry(name)
        if entry.method != z.STORED:
            raise BundleFormatError(
                f"{name!r:.80} is compressed and cannot be mapped.", hint="Save the scene again.", entry=name
            )
        return self._view[entry.data_offset : entry.data_offset + entry.size]

    def sha256(self, name: str) -> str:
        """Digest of an entry's content, as hexadecimal text."""
        digest = hashlib.sha256()
        for chunk in self.chunks(name):
            digest.update(chunk)
        return digest.hexdigest()

    # --- scanning ----------------------------------------------------------------------------

    def _entry(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise BundleIntegrityError(
                f"The bundle has no entry {name!r:.80}.", hint="The bundle is not complete; copy it again.", entry=name
            ) from None

    def _scan(self) -> dict[str, Entry]:
        count, start, end = self._end()
        self._limits.check("entries", count, "The number of entries")
        own = own_entries(self._view, count, start, end)
        if own is not None:
            for entry in own.values():
                self._limits.check("entry_bytes", entry.size, "The size of an entry")
            self._limits.check("total_bytes", sum(entry.size for entry in own.values()), "All entries together")
            return own
        entries: dict[str, Entry] = {}
        twins: set[str] = set()
        position = start
        for _ in range(count):
            entry, position = self._central(position, end)
            twin = unicodedata.normalize("NFC", entry.name).casefold()
            if twin in twins:
                raise _ambiguous(f"two entries are called {entry.name!r:.80}", position)
            twins.add(twin)
            entries[entry.name] = entry
        if position != end:
            raise _ambiguous("the list of entries is longer than it says", position)
        self._limits.check("total_bytes", sum(entry.size for entry in entries.values()), "All entries together")
        ordered = sorted(entries.values(), key=lambda entry: entry.offset)
        position, found = 0, {}
        for entry in ordered:
            if entry.offset != position:
                raise _ambiguous(f"{entry.name!r:.80} does not begin where the entry before it ends", entry.offset)
            placed = self._local(entry, start)
            found[entry.name] = placed
            position = placed.data_offset + placed.packed
        if position != start:
            raise _ambiguous("there is something between the last entry and the list of entries", position)
        return found

    def _end(self) -> tuple[int, int, int]:
        """Number of entries, and where the list of entries begins and ends."""
        at = len(self._view) - z.END.size
        if at < 0 or self._view[at : at + 4] != z.END_SIGNATURE:
            raise BundleFormatError(
                "This is no complete bundle: the end of the archive is missing, or something follows it.",
                hint="It may have been cut off on its way. Ask for it again.",
                offset=max(0, at),
            )
        _, disk, start_disk, here, count, size, start, comment = z.END.unpack_from(self._view, at)
        end = at
        if z.FULL_16 in (here, count) or z.FULL_32 in (size, start):
            disk, start_disk, here, count, size, start, end = self._end_64(at, (here, count, size, start))
        if disk or start_disk or here != count:
            raise _ambiguous("it is one of several volumes", at)
        if comment or start + size != end:
            raise _ambiguous("its end says something else than its length", at)
        return count, start, end

    def _end_64(self, at: int, narrow: tuple[int, int, int, int]) -> tuple[int, ...]:
        locator = at - z.LOCATOR_64.size
        record = locator - z.END_64.size
        if record < 0 or self._view[locator : locator + 4] != z.LOCATOR_64_SIGNATURE:
            raise _ambiguous("the wide end record is missing", at)
        _, locator_disk, where, disks = z.LOCATOR_64.unpack_from(self._view, locator)
        if locator_disk or disks != 1 or where != record or self._view[record : record + 4] != z.END_64_SIGNATURE:
            raise _ambiguous("the wide end record is not where it should be", locator)
        _, length, _, _, disk, start_disk, here, count, size, start = z.END_64.unpack_from(self._view, record)
        if length != z.END_64.size - 12:
            raise _ambiguous("the wide end record has another length", record)
        for short, full, wide in zip(
            narrow, (z.FULL_16, z.FULL_16, z.FULL_32, z.FULL_32), (here, count, size, start), strict=True
        ):
            if short not in (full, wide):
                raise _ambiguous("the two end records contradict each other", record)
        return disk, start_disk, here, count, size, start, record

    def _central(self, at: int, end: int) -> tuple[Entry, int]:
        if at + z.CENTRAL.size > end or self._view[at : at + 4] != z.CENTRAL_SIGNATURE:
            raise _ambiguous("the list of entries is damaged", at)
        (
            _,
            _,
            _,
            flags,
            method,
            _,
            _,
            crc,
            packed,
            size,
            name_length,
            extra_length,
            comment,
            disk,
            _,
            attributes,
            offset,
        ) = z.CENTRAL.unpack_from(self._view, at)
        after = at + z.CENTRAL.size + name_length + extra_length
        if comment or disk or after > end:
            raise _ambiguous("an entry has a comment, is on another volume, or is cut off", at)
        raw = bytes(self._view[at + z.CENTRAL.size : at + z.CENTRAL.size + name_length])
        name = self._name(raw, flags, at)
        self._check_kind(name, method, attributes, at)
        fields = _fields(self._view[after - extra_length : after], at)
        if not self._foreign and set(fields) - {z.ZIP64_FIELD}:
            raise _ambiguous(f"{name!r:.80} has fields that nobody needs", at)
        size, packed, offset = _widened(fields, (size, packed, offset), name, at)
        self._limits.check("entry_bytes", size, f"The size of {name!r:.80}")
        if method == z.STORED and size != packed:
            raise _ambiguous(f"{name!r:.80} has two sizes", at)
        if method == z.DEFLATED:
            self._limits.check("packed_entry_bytes", size, f"The size of {name!r:.80}")
            self._limits.check("ratio", -(-size // max(1, packed)), f"The compression of {name!r:.80}")
        return Entry(name, method, crc, packed, size, offset), after

    def _name(self, raw: bytes, flags: int, at: int) -> str:
        if flags & ~z.UTF_8 & ~(0x6 if self._foreign else 0):  # 0x6: how hard a compressor tried
            raise _ambiguous("an entry is encrypted, patched, or has its sizes behind its data", at)
        try:
            name = raw.decode("utf-8" if flags & z.UTF_8 or self._foreign else "ascii")
        except UnicodeDecodeError:
            raise _ambiguous("the name of an entry is no text", at) from None
        strange = self._foreign and 0 < len(name) <= 255 and not _NO_NAME.search(name) and leads_nowhere(name)
        if not strange and not is_plain_name(name):
            raise _ambiguous(f"an entry is called {name!r:.80}", at)
        return name

    def _check_kind(self, name: str, method: int, attributes: int, at: int) -> None:
        if stat.S_IFMT(attributes >> 16) not in _ATTRIBUTE_TYPES or attributes & _DOS_DIRECTORY:
            raise _ambiguous(f"{name!r:.80} is no file but a link, a folder or a device", at)
        if method != z.STORED and not (self._foreign and method == z.DEFLATED):
            raise _ambiguous(f"{name!r:.80} is packed by method {method}", at)

    def _local(self, entry: Entry, end: int) -> Entry:
        at = entry.offset
        if at + z.LOCAL.size > end or self._view[at : at + 4] != z.LOCAL_SIGNATURE:
            raise _ambiguous(f"{entry.name!r:.80} is not where the list of entries says", at)
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = z.LOCAL.unpack_from(self._view, at)
        name_at = at + z.LOCAL.size
        data_at = name_at + name_length + extra_length
        if data_at + entry.packed > end:
            raise _ambiguous(f"{entry.name!r:.80} reaches beyond the archive", at)
        fields = _fields(self._view[name_at + name_length : data_at], at)
        size, packed = _widened(fields, (size, packed), entry.name, at)
        name = self._name(bytes(self._view[name_at : name_at + name_length]), flags, at)
        if (name, method, crc, packed, size) != (entry.name, entry.method, entry.crc, entry.packed, entry.size):
            raise _ambiguous(f"{entry.name!r:.80} is described in two ways", at)
        if not self._foreign:
            padding = fields.pop(z.PADDING_FIELD, b"")
            fields.pop(z.ZIP64_FIELD, None)
            if fields or len(padding) > 2 * z.ALIGNMENT or any(padding):
                raise _ambiguous(f"{entry.name!r:.80} has fields that nobody needs", at)
        return entry._replace(data_offset=data_at)


def _mapped(path: str | os.PathLike[str], limits: ImportLimits) -> mmap.mmap | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        raise BundleFormatError(
            f"{str(path)[-80:]!r} cannot be opened: {getattr(error, 'strerror', None) or error}.",
            hint="Is the path right, and may you read it?",
        ) from error
    try:
        return mapped(descriptor, str(path)[-80:], limits)
    finally:
        os.close(descriptor)


def mapped(descriptor: int, name: str, limits: ImportLimits) -> mmap.mmap | None:
    """The map of an open file; None if there is nothing in it."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BundleFormatError(f"{name!r} is no file.", hint="Give the path of a bundle.")
        limits.check("file_bytes", status.st_size, "The length of the bundle")
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if status.st_size else None
    except OSError as error:
        raise BundleFormatError(
            f"{name!r} cannot be read: {error.strerror}.", hint="Check the path and whether you may read it."
        ) from error


def is_cut_short(place: memoryview) -> bool:
    """Whether the file that bytes are mapped from has become shorter: to touch what is gone would end the process."""
    file = place.obj
    return isinstance(file, mmap.mmap) and file.size() < len(file)


def _fields(extra: memoryview, at: int) -> dict[int, bytes]:
    """The extra fields of a header by number."""
    found: dict[int, bytes] = {}
    position = 0
    while position < len(extra):
        if position + z.EXTRA.size > len(extra):
            raise _ambiguous("the extra fields of an entry are damaged", at)
        number, length = z.EXTRA.unpack_from(extra, position)
        position += z.EXTRA.size
        if position + length > len(extra) or number in found or number in _RENAMING_FIELDS:
            raise _ambiguous("the extra fields of an entry are damaged, repeated, or change its meaning", at)
        found[number] = bytes(extra[position : position + length])
        position += length
    return found


def _widened(fields: Mapping[int, bytes], values: tuple[int, ...], name: str, at: int) -> tuple[int, ...]:
    """Values of 32 bits, or of 64 where they are too big for that."""
    missing = sum(value == z.FULL_32 for value in values)
    wide = fields.get(z.ZIP64_FIELD, b"")
    if len(wide) != 8 * missing:
        raise _ambiguous(f"the sizes of {name!r:.80} are given in two ways", at)
    numbers = iter(int.from_bytes(wide[n : n + 8], "little") for n in range(0, len(wide), 8))
    return tuple(next(numbers) if value == z.FULL_32 else value for value in values)


def _inflated(packed: memoryview, entry: Entry) -> Iterator[bytes]:
    """The content of a compressed entry; never more than it says."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    left, waiting = entry.size, bytes(packed)
    try:
        while not inflater.eof:
            chunk = inflater.decompress(waiting, min(CHUNK_BYTES, left + 1))
            waiting = inflater.unconsumed_tail
            left -= len(chunk)
            if left < 0 or (not chunk and not inflater.eof):
                raise _damaged(entry.name, "it unpacks to another size than it says")
            if chunk:
                yield chunk
    except zlib.error:
        raise _damaged(entry.name, "it cannot be unpacked") from None
    if left or inflater.unused_data or waiting:
        raise _damaged(entry.name, "it unpacks to another size than it says")


def _ambiguous(problem: str, offset: int) -> BundleFormatError:
    return BundleFormatError(
        f"This bundle is not taken apart: {problem} (byte {offset:,}).",
        hint="It is damaged, or was made to mean different things to different programs; nothing was imported.",
        offset=offset,
    )


def _damaged(name: str, problem: str) -> BundleIntegrityError:
    return BundleIntegrityError(
        f"The entry {name!r:.80} of the bundle is damaged: {problem}.",
        hint="Ask for the bundle again.",
        entry=name,
    )
