"""Which container a file is, and how much audio its header promises. Only a few bytes are read."""

from __future__ import annotations

import os

from audiocache_nb.audio.files import read_at
from audiocache_nb.audio.names import quoted
from audiocache_nb.errors import UnsupportedFormatError

_W64_GUID = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_OTHERS = (
    (b"RIFF", "a RIFF file without WAVE audio"),
    (b"MATLAB", "a MATLAB file"),
    (b".snd", "a Sun/NeXT AU file"),
    (b"Creative Voice File", "a VOC file"),
    (b" paf", "an Ensoniq PARIS file"),
    (b"fap ", "an Ensoniq PARIS file"),
    (b"NIST_1A", "a NIST SPHERE file"),
    (b"Extended Instrument", "an XI instrument"),
    (b"2BIT", "an AVR file"),
    (b"\xf0\x7e", "a MIDI sample dump"),
    (b"FORM", "an IFF file without AIFF audio"),
    (b"MThd", "a MIDI file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "text"),
    (b"\xfe\xff", "text"),
)
_MAX_CHUNKS = 1000
# What programs write that stream a WAV into a pipe and cannot come back to its header.
_NOT_KNOWN = frozenset({0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x7FFFF000})
_HINT = "These can be read: WAV, RF64, W64, AIFF, FLAC, Ogg Vorbis, Ogg Opus, MP3 and CAF."


def identify(descriptor: int, label: str) -> str:
    """Return the container's name, from the first bytes and never from the file's name.

    Parameters
    ----------
    descriptor : int
        An open file.
    label : str
        Its name, for messages.

    Raises
    ------
    UnsupportedFormatError
        If nothing that is read begins like this. The decoder then never sees the file.
    """
    head = read_at(descriptor, 0, 512)
    if not head:
        raise UnsupportedFormatError(
            f"{quoted(label)} is empty: it has 0 bytes.",
            hint="The recording may not have been finished, or a file object may have to be rewound with seek(0).",
        )
    name = _container(head)
    if name is None:
        kind = next((text for magic, text in _OTHERS if head.startswith(magic)), _guess(head))
        raise UnsupportedFormatError(f"{quoted(label)} is {kind}, not audio that can be read.", hint=_HINT, kind=kind)
    return name


def _container(head: bytes) -> str | None:
    four, kind = head[:4], head[8:12]
    if four in {b"RIFF", b"RIFX"} and kind == b"WAVE":
        return "WAV"
    if four == b"RF64" and kind == b"WAVE":
        return "RF64"
    if head[:16] == _W64_GUID:
        return "W64"
    if four == b"FORM" and kind in {b"AIFF", b"AIFC"}:
        return "AIFF"
    # frame sync, layer III; ff fe, which text files in UTF-16 begin with, would be layer I
    if head[:3] == b"ID3" or (len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "MP3"
    return {b"fLaC": "FLAC", b"OggS": "OGG", b"caff": "CAF"}.get(four)


def _guess(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return "an MP4 or M4A file"
    printable = sum(byte in b"\t\n\r" or 32 <= byte < 127 or byte >= 128 for byte in head)
    if b"\0" not in head and printable == len(head):
        return "text"
    return "a file of an unknown kind"


def promised_bytes(descriptor: int, container: str) -> tuple[int, int] | None:
    """How many bytes of audio data a chunked file's header promises.

    libsndfile corrects such a promise silently to what is there.

    Returns
    -------
    (promised, present) : tuple of int [bytes], or None
        None if the container makes no such promise, or says that the size is not known.
    """
    size = os.fstat(descriptor).st_size
    found = {
        "WAV": _riff,
        "RF64": _riff,
        "W64": _w64,
        "AIFF": _aiff,
        "CAF": _caf,
    }
    walk = found.get(container)
    chunk = walk(descriptor) if walk else None
    if chunk is None:
        return None
    start, promised = chunk
    return promised, max(0, size - start)


def _riff(descriptor: int) -> tuple[int, int] | None:
    order = "big" if read_at(descriptor, 0, 4) == b"RIFX" else "little"
    position, long_size = 12, None
    for _ in range(_MAX_CHUNKS):
        head = read_at(descriptor, position, 8)
        if len(head) < 8:
            return None
        length = int.from_bytes(head[4:], order)  # type: ignore[arg-type]
        if head[:4] == b"ds64":
            long_size = int.from_bytes(read_at(descriptor, position + 16, 8), "little")
        elif head[:4] == b"data":
            if length == 0xFFFFFFFF and long_size is not None:
                return position + 8, long_size
            if length in _NOT_KNOWN:
                return None
            return position + 8, length
        position += 8 + length + (length & 1)
    return None


def _w64(descriptor: int) -> tuple[int, int] | None:
    position = 40
    for _ in range(_MAX_CHUNKS):
        head = read_at(descriptor, position, 24)
        length = int.from_bytes(head[16:24], "little")
        if len(head) < 24 or length < 24:
            return None
        if head[:4] == b"data":
            return position + 24, length - 24
        position += (length + 7) & ~7
    return None


def _aiff(descriptor: int) -> tuple[int, int] | None:
    position = 12
    for _ in range(_MAX_CHUNKS):
        head = read_at(descriptor, position, 16)
        if len(head) < 8:
            return None
        length = int.from_bytes(head[4:8], "big")
        if head[:4] == b"SSND":
            offset = int.from_bytes(head[8:12], "big")
            return position + 16 + offset, length - 8 - offset
        position += 8 + length + (length & 1)
    return None


def _caf(descriptor: int) -> tuple[int, int] | None:
    position = 8
    for _ in range(_MAX_CHUNKS):
        head = read_at(descriptor, position, 12)
        if len(head) < 12:
            return None
        length = int.from_bytes(head[4:], "big", signed=True)
        if head[:4] == b"data":
            return None if length < 0 else (position + 16, length - 4)
        if length < 0:
            return None
        position += 12 + length
    return None
