"""A recording as bytes for a bundle: its own file, or a WAV of its samples."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from audiocache_nb.audio.files import open_regular
from audiocache_nb.audio.origins import BytesOrigin
from audiocache_nb.errors import SourceChangedError
from audiocache_nb.scene.imported_audio import EmbeddedOrigin

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource

PIECE_BYTES = 1 << 20
BLOCK_FRAMES = 1 << 16
_FLOAT = 3  # WAVE_FORMAT_IEEE_FLOAT


class AudioPart(NamedTuple):
    """What stands for a recording in a bundle.

    Attributes
    ----------
    nbytes : int [bytes]
    pieces : iterator of bytes
    """

    nbytes: int
    pieces: Iterator[bytes | memoryview]


def audio_part(source: AudioSource) -> AudioPart:
    """The recording's file as it is; what has no file becomes a WAV or RF64 of its float32 samples.

    The same samples always give the same bytes: a decoder gives back exactly them.

    Raises
    ------
    SourceMissingError, SourceChangedError
        The file is gone, or is another one by now.
    """
    if source.path is not None:
        source.check()
        descriptor, status = open_regular(source.path, source.name)
        return AudioPart(status.st_size, _file(descriptor, status.st_size, source.name))
    if isinstance(source.origin, BytesOrigin):
        return AudioPart(len(source.origin.data), iter([memoryview(source.origin.data)]))
    if isinstance(source.origin, EmbeddedOrigin):
        return AudioPart(source.origin.nbytes, source.origin.pieces())
    source.check()  # an absent recording says so here
    header = wav_header(source.sample_rate, source.channels, source.frames)
    return AudioPart(len(header) + 4 * source.channels * source.frames, _samples(header, source))


def wav_header(sample_rate: int, channels: int, frames: int) -> bytes:
    """The beginning of a WAV file of float32 samples; of an RF64 file (EBU Tech 3306) beyond four gigabytes."""
    size = 4 * channels * frames
    form = struct.pack(
        "<4sL2H2L3H", b"fmt ", 18, _FLOAT, channels, sample_rate, 4 * channels * sample_rate, 4 * channels, 32, 0
    )
    fact = struct.pack("<4s2L", b"fact", 4, min(frames, 0xFFFFFFFF))
    body = 4 + len(form) + len(fact) + 8 + size
    if body < 1 << 32:
        return struct.pack("<4sL4s", b"RIFF", body, b"WAVE") + form + fact + struct.pack("<4sL", b"data", size)
    wide = struct.pack("<4sL3QL", b"ds64", 28, body + 36, size, frames, 0)
    outer = struct.pack("<4sL4s", b"RF64", 0xFFFFFFFF, b"WAVE")
    return outer + wide + form + fact + struct.pack("<4sL", b"data", 0xFFFFFFFF)


def _file(descriptor: int, size: int, name: str) -> Iterator[bytes]:
    try:
        at = 0
        while at < size:
            piece = os.pread(descriptor, min(PIECE_BYTES, size - at), at)
            if not piece:
                raise SourceChangedError(f"{name!r:.80} became shorter while it was copied.", hint="Save again.")
            at += len(piece)
            yield piece
    finally:
        os.close(descriptor)


def _samples(header: bytes, source: AudioSource) -> Iterator[bytes | memoryview]:
    yield header
    reader = source.open()
    try:
        left = source.frames
        while left:
            block = reader.read(min(BLOCK_FRAMES, left))
            if not len(block):
                raise SourceChangedError(f"{source.name!r:.80} became shorter while it was copied.", hint="Save again.")
            left -= len(block)
            yield np.ascontiguousarray(block, "<f4").tobytes()  # the reader uses its buffer again
    finally:
        reader.close()
