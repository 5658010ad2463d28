"""Writing bundles: stored entries at round addresses, the same bytes for the same content."""

from __future__ import annotations

import collections
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from audiocache_nb.scene import zip_format as z

Buffer = bytes | bytearray | memoryview
WAITING_BYTES = 16 << 20
SMALL_BYTES = 1 << 14
OnBytes = Callable[[int], None]


class _Written(NamedTuple):
    name: bytes
    offset: int
    data_offset: int
    nbytes: int
    crc: int


class ArchiveWriter:
    """Writes a ZIP of stored entries, each beginning at a multiple of 64 bytes, so that arrays can be mapped in place.

    Parameters
    ----------
    file : binary file
        Empty, writable and seekable.
    on_bytes : callable (int) -> None, optional
        Told how many bytes were written since the last call; what it raises ends the writing.

    Notes
    -----
    The checksum of an entry stands before its data: it is written when the data have gone by, which
    is why sizes have to be known beforehand and nothing else.
    """

    def __init__(self, file: BinaryIO, *, on_bytes: OnBytes | None = None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._written: dict[str, _Written] = {}
        self._listed: dict[str, int] = {}  # where each entry stands in the list at the end
        # SHA-256 costs more than everything else together: it runs beside the writing
        self._hashing = ThreadPoolExecutor(1, "audiocache_nb digest")
        self._waiting: collections.deque[tuple[Future[None], int]] = collections.deque()
        self._waiting_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._hashing.shutdown(cancel_futures=kind is not None)
        if kind is None and not self._listed:
            self.finish()

    def reserve(self, name: str, nbytes: int) -> None:
        """Leave room for an entry whose content depends on later ones; `fill` writes it."""
        self.add(name, nbytes, [bytes(nbytes)])

    def fill(self, name: str, data: bytes) -> None:
        """Write an entry for which room was left; the list of entries may be there already."""
        entry = self._written[name]
        if len(data) != entry.nbytes:
            raise ValueError(f"{name!r}: {len(data)} bytes for a place of {entry.nbytes}")
        self._patch(entry.data_offset, data)
        self._put_crc(name, entry, zlib.crc32(data))

    def add(
        self, name: str, nbytes: int, chunks: Iterable[Buffer], *, crc: int | None = None, digest: bool = True
    ) -> Future[str]:
        """Write an entry.

        Parameters
        ----------
        name : str
        nbytes : int [bytes]
            How many bytes `chunks` are together.
        chunks : iterable of buffers
            C-contiguous; they must not change any more.
        crc : int, optional
            CRC-32 of the content, if it is known already.
        digest : bool
            Whether anybody wants to know its digest.

        Returns
        -------
        Future of str
            SHA-256 of the content, as hexadecimal text; empty without `digest`.
        """
        if name in self._written:
            raise ValueError(f"two entries {name!r}")
        raw = name.encode("utf-8")
        offset = self._file.tell()
        self._file.write(z.local_header(raw, nbytes, offset))
        data_offset = self._file.tell()
        sha, found, count = hashlib.sha256(), 0, 0
        for chunk in chunks:
            view = memoryview(chunk).cast("B") if len(chunk) else memoryview(b"")
            if digest and count == 0 and len(view) == nbytes < SMALL_BYTES:
                sha.update(view)  # quicker than telling another thread
            elif digest:
                self._hash(sha, view)
            if crc is None:
                found = zlib.crc32(view, found)
            self._file.write(view)
            count += len(view)
            if self._on_bytes is not None:
                self._on_bytes(len(view))
        if count != nbytes:
            raise ValueError(f"{name!r}: {count} bytes instead of {nbytes}")
        entry = _Written(raw, offset, data_offset, nbytes, 0)
        self._written[name] = entry
        self._put_crc(name, entry, found if crc is None else crc)
        return self._hashing.submit(lambda: sha.hexdigest() if digest else "")

    def force(self) -> None:
        """Force what has been written so far to the disk, while digests are still being computed."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def _hash(self, sha: Any, view: memoryview) -> None:
        """Digest a piece in its turn; pieces that only live for this are not kept without end."""
        hashed = self._hashing.submit(sha.update, view)
        if isinstance(view.obj, bytes):  # of what is mapped or held elsewhere, only the address waits
            self._waiting.append((hashed, len(view)))
            self._waiting_bytes += len(view)
            while self._waiting_bytes > WAITING_BYTES:
                done, nbytes = self._waiting.popleft()
                done.result()
                self._waiting_bytes -= nbytes

    def _put_crc(self, name: str, entry: _Written, crc: int) -> None:
        self._patch(entry.offset + z.CRC_OFFSET, crc.to_bytes(4, "little"))
        if name in self._listed:
            self._patch(self._listed[name] + z.CENTRAL_CRC_OFFSET, crc.to_bytes(4, "little"))
        self._written[name] = entry._replace(crc=crc)

    def _patch(self, offset: int, data: bytes) -> None:
        end = self._file.tell()
        self._file.seek(offset)
        self._file.write(data)
        self._file.seek(end)

    def finish(self) -> None:
        """Write the list of entries; after this only `fill` changes the file, and does not make it longer."""
        start = self._file.tell()
        for name, entry in self._written.items():
            self._listed[name] = self._file.tell()
            self._file.write(z.central_header(entry.name, entry.nbytes, entry.offset, entry.crc))
        size = self._file.tell() - start
        count = len(self._written)
        if count >= z.FULL_16 or size >= z.FULL_32 or start >= z.FULL_32:
            self._file.write(
                z.END_64.pack(
                    z.END_64_SIGNATURE,
                    z.END_64.size - 12,
                    (z.UNIX << 8) | 45,
                    45,
                    0,
                    0,
                    count,
                    count,
                    size,
                    start,
                )
            )
            self._file.write(z.LOCATOR_64.pack(z.LOCATOR_64_SIGNATURE, 0, start + size, 1))
        count = min(count, z.FULL_16)
        self._file.write(
            z.END.pack(z.END_SIGNATURE, 0, 0, count, count, min(size, z.FULL_32), min(start, z.FULL_32), 0)
        )
