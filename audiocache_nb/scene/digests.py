"""Checksums and digests of what is saved, on all processors: they take longer than the writing."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from audiocache_nb.cache.entry import chunk_checks, chunks, rows_per_chunk
from audiocache_nb.features.track import FeatureTrack

ALONE_BYTES = 4 << 20  # less than this is done before a thread has started
THREADS = 4
CHUNKS_AT_ONCE = 64


class Digests:
    """Computes them while something else goes on; who leaves with an error waits for no more than a piece.

    Parameters
    ----------
    nbytes : int [bytes]
        How much there will be in all.
    """

    def __init__(self, nbytes: int) -> None:
        self._given_up = threading.Event()
        self._pool: ThreadPoolExecutor | None = None
        if nbytes >= ALONE_BYTES:
            self._pool = ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1), "audiocache_nb digest")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        if kind is not None:
            self._given_up.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=kind is not None)

    def checks(self, track: FeatureTrack) -> Callable[[], list[int]]:
        """Begin with the checksums of a track's chunks; the function that is returned waits for them."""
        if self._pool is None:
            return functools.partial(chunk_checks, track)
        count = -(-track.frame_count // rows_per_chunk(track.shape, track.dtype))
        runs = [(first, first + CHUNKS_AT_ONCE) for first in range(0, count, CHUNKS_AT_ONCE)]
        waiting = [self._pool.submit(chunk_checks, track, first, end) for first, end in runs]
        return lambda: [check for future in waiting for check in future.result()]

    def sha256(self, header: bytes, track: FeatureTrack, tail: bytes) -> Future[str]:
        """Begin with the digest, as hexadecimal text, of a feature's file, unless it is known.

        Data never change, and `tail` holds the checksums that were just taken of them: while the same
        object has the same checksums, its digest is the one it had when it was saved before.
        """
        known = _known.get(id(track.rows_or_array))
        if known is not None and known.data() is track.rows_or_array and (known.header, known.tail) == (header, tail):
            done: Future[str] = Future()
            done.set_result(known.digest)
            return done
        if self._pool is not None:
            return self._pool.submit(self._sha256, header, track, tail)
        done = Future()
        done.set_result(self._sha256(header, track, tail))
        return done

    def _sha256(self, header: bytes, track: FeatureTrack, tail: bytes) -> str:
        digest = hashlib.sha256(header)
        for piece in chunks(track):
            if self._given_up.is_set():
                return ""
            digest.update(piece)
        digest.update(tail)
        data = track.rows_or_array
        found = _Known(weakref.ref(data, functools.partial(_forget, id(data))), header, tail, digest.hexdigest())
        _known[id(data)] = found
        return found.digest


def _forget(identity: int, reference: weakref.ref[object]) -> None:
    known = _known.get(identity)
    if known is not None and known.data is reference:  # another object may have the number by now
        _known.pop(identity, None)


class _Known(NamedTuple):
    """The digest of a feature's file, and what that file was."""

    data: weakref.ref[object]
    header: bytes
    tail: bytes
    digest: str


_known: dict[int, _Known] = {}
