"""How long an MP3 really is.

libsndfile believes the frame count of the Xing/Info header, or guesses one from the file's size and the first
frames, and **stops there**: a file of variable bit rate without header loses most of its sound without a word.
Counting the frames takes a few per cent of the time of decoding them; where the count shows that libsndfile would
stop too early, it is given a copy with another header, or with an empty tag at the end that makes the guess higher.
The samples are the same then as those of a decoder that reads to the end.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator

from audiocache_nb.audio.files import anonymous_file, read_at

_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_CHUNK_BYTES = 1 << 20
_LONGEST_FRAME_BYTES = 1500
_TAG_BYTES = 1 << 20  # the decoder takes one tag at a time into memory
# Tags after the last frame can look like a frame or two.
_TOLERANCE_FRAMES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Mended:
    """A file whose length libsndfile gets right.

    Attributes
    ----------
    descriptor : int
        The file that was given, or the mended copy.
    excess_frames : int or None
        Samples per channel by which libsndfile's count is above what the original header promised; None if
        no header promised anything.
    """

    descriptor: int
    excess_frames: int | None


def mend(descriptor: int) -> Mended:
    """Return `descriptor`, or a copy of its content if libsndfile would stop before the end.

    Parameters
    ----------
    descriptor : int
        An open MP3 file. If there is a copy, it is a new descriptor and the given one stays open.
    """
    start = _after_tags(descriptor)
    head = read_at(descriptor, start, _LONGEST_FRAME_BYTES)
    length = _frame_length(head)
    if not length:  # another layer, free bit rate or no MP3: libsndfile decides
        return Mended(descriptor, 0)
    counted, end = _count(descriptor, start)
    place = _header_place(head)
    if head[place : place + 4] in {b"Xing", b"Info"} and head[place + 7] & 1:
        promised = int.from_bytes(head[place + 8 : place + 12], "big")
        counted -= 1  # the header's own frame
        if counted <= promised + _TOLERANCE_FRAMES:
            return Mended(descriptor, 0)
        patched = head[: place + 8] + counted.to_bytes(4, "big") + head[place + 12 : length]
        copy = anonymous_file([patched, *_pieces(descriptor, start + length, None)])
        return Mended(copy, (counted - promised) * _samples_per_frame(head))
    missing = (counted + _TOLERANCE_FRAMES) * length - os.fstat(descriptor).st_size
    if missing <= 0:
        return Mended(descriptor, None)
    return Mended(anonymous_file(_lengthened(_pieces(descriptor, start, end), missing)), None)


@functools.cache
def _lengths() -> dict[int, int]:
    """Bytes of a layer III frame by the second and third byte of its header."""
    lengths = {}
    for version, rates in _RATES_HZ.items():
        for rest in range(256):
            bits, rate, padding = rest >> 4, (rest >> 2) & 3, (rest >> 1) & 1
            if 0 < bits < 15 and rate < 3:
                bits_per_s = _KBITS[version == 3][bits] * 1000
                length = (144 if version == 3 else 72) * bits_per_s // rates[rate] + padding
                for unprotected in (0, 1):
                    second = 0xE0 | version << 3 | 1 << 1 | unprotected
                    lengths[second << 8 | rest] = length
    return lengths


def _frame_length(data: bytes, position: int = 0) -> int:
    """Bytes of the frame at `position`; 0 if there is none."""
    if len(data) < position + 4 or data[position] != 0xFF:
        return 0
    return _lengths().get(data[position + 1] << 8 | data[position + 2], 0)


def _count(descriptor: int, start: int) -> tuple[int, int]:
    """Number of frames, and where the last one ends."""
    counted, end = 0, start
    for end in _frames(descriptor, start):  # noqa: B007 - the last one is what counts
        counted += 1
    return counted, end


def _frames(descriptor: int, start: int) -> Iterator[int]:
    """Where the complete frames end; what lies between frames is passed over."""
    lengths, size = _lengths(), os.fstat(descriptor).st_size
    for offset, data, last in _chunks(descriptor, start):
        position, end = 0, len(data) - (4 if last else 2 * _LONGEST_FRAME_BYTES)
        while position < end:
            length = lengths.get(data[position + 1] << 8 | data[position + 2], 0) if data[position] == 0xFF else 0
            if length:
                position += length
                if offset + position <= size:
                    yield offset + position
            else:
                position = _resync(data, position + 1, end)
        os.lseek(descriptor, offset + position, os.SEEK_SET)  # the next chunk starts with the next frame


def _chunks(descriptor: int, start: int) -> Iterator[tuple[int, bytes, bool]]:
    os.lseek(descriptor, start, os.SEEK_SET)
    while True:
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        data = os.read(descriptor, _CHUNK_BYTES)
        last = len(data) <= 2 * _LONGEST_FRAME_BYTES
        yield offset, data, last
        if last:
            return


def _resync(data: bytes, position: int, end: int) -> int:
    """Where the next frame begins that is followed by another one."""
    while (position := data.find(b"\xff", position, end)) >= 0:
        length = _frame_length(data, position)
        if length and _frame_length(data, position + length):
            return position
        position += 1
    return end


def _after_tags(descriptor: int) -> int:
    """Where the audio begins after any ID3v2 tags."""
    position = 0
    while (head := read_at(descriptor, position, 10))[:3] == b"ID3" and len(head) == 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        position += 10 + size + (10 if head[5] & 0x10 else 0)
    return position


def _header_place(head: bytes) -> int:
    """Offset of a Xing header: after the frame's header and its side information."""
    long, mono = head[1] >> 3 & 3 == 3, head[3] >> 6 == 3
    return 4 + ((17 if mono else 32) if long else (9 if mono else 17))


def _samples_per_frame(head: bytes) -> int:
    return 1152 if head[1] >> 3 & 3 == 3 else 576


def _lengthened(audio: Iterator[bytes], missing: int) -> Iterator[bytes | int]:
    """Audio and so much of empty tags after it that libsndfile's guess from the size cannot be too low."""
    yield from audio
    sizes = bytes(_TAG_BYTES >> shift & 0x7F for shift in (21, 14, 7, 0))
    for _ in range(-(-missing // _TAG_BYTES)):
        yield b"ID3\x04\0\0" + sizes
        yield _TAG_BYTES


def _pieces(descriptor: int, start: int, end: int | None) -> Iterator[bytes]:
    """The bytes from `start` to `end`."""
    os.lseek(descriptor, start, os.SEEK_SET)
    while piece := os.read(descriptor, _CHUNK_BYTES if end is None else min(_CHUNK_BYTES, end - start)):
        start += len(piece)
        yield piece
