"""Encoded audio to samples, through libsndfile, in blocks of a size we choose."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.containers import identify, promised_bytes
from audiocache_nb.audio.files import unreadable
from audiocache_nb.audio.limits import check_channels, check_sample_rate
from audiocache_nb.audio.mpeg import Mended, mend
from audiocache_nb.audio.names import quoted
from audiocache_nb.errors import AudioCacheError, SourceChangedError, UnsupportedFormatError

FORMATS = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "FLAC", "OGG", "MP3", "CAF"})
_SUBTYPES = {"OGG": {"VORBIS", "OPUS"}, "MP3": {"MPEG_LAYER_III"}}
# Only in these is seeking exact in libsndfile 1.2.2. Vorbis and MP3 of variable bit rate give other samples after a
# seek, Opus and MP3 differ in the last bit, a damaged ADPCM loses its state. There, going back means starting again
# and going forward means decoding.
_SAMPLE_BYTES = {
    "PCM_S8": 1,
    "PCM_U8": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
    "ULAW": 1,
    "ALAW": 1,
}
# libsndfile is asked for pieces on a fixed grid: what is lost of an MP3 that breaks off must not depend on the
# sizes of the blocks that were asked of us.
_PIECE_FRAMES = 1 << 14
# One read is never larger, whoever asks: memory is bounded by this and not by a header or a caller.
MAX_READ_SAMPLES = 1 << 20
# What libFLAC may leave unread of a file that was decoded to its end, tags by other programs included.
_FLAC_LOOKAHEAD_BYTES = 1 << 16
# Counts above this are libsndfile's way to say "unknown".
_UNKNOWN_FRAMES = 1 << 56


@functools.cache
def library_version() -> str:
    """Version of libsndfile."""
    import soundfile

    return str(soundfile.__libsndfile_version__)


@functools.cache
def _stream_class() -> Any:
    """A SoundFile that does not seek to where it already is after every read.

    `SoundFile.read` of a seekable file ends with a seek. That makes short reads of FLAC, MP3 and ALAC three to
    five times slower, and the samples of an MP3 depend on where the blocks end.
    """
    import soundfile

    class Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no annotations
        def seekable(self) -> bool:
            return False

    return Stream


class SoundFileReader:
    """One open pass over an encoded file.

    Samples come out of `read` in a buffer that is used again by the next `read`.

    Parameters
    ----------
    descriptor : int
        An open file at its beginning; it is closed with the reader, and if there is an error.
    label : str
        Its name, for messages.
    clean : bool
        Set NaN and infinite samples to zero.
    frames : int or None
        End here, and if the stream ends earlier raise `SourceChangedError`; None: go on until nothing comes.

    Raises
    ------
    UnsupportedFormatError
        If it is no audio, or of a kind that is not read.
    AudioLimitError
        If sample rate or number of channels are outside the limits.
    """

    def __init__(self, descriptor: int, label: str, *, clean: bool = False, frames: int | None = None) -> None:
        self._descriptor: int | None = descriptor
        self._label = label
        self._clean = clean
        self._frames = frames
        self._position = 0
        self._lock = threading.Lock()
        self._stream: Any = None
        self.broke_off = False
        try:
            self._open(descriptor)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError) and not isinstance(error, AudioCacheError):
                raise unreadable(error, label) from error
            raise

    def _open(self, descriptor: int) -> None:
        import soundfile

        container = identify(descriptor, self._label)
        promise = promised_bytes(descriptor, container)
        mended = mend(descriptor) if container == "MP3" else Mended(descriptor, 0)
        if mended.descriptor != descriptor:
            os.close(descriptor)
            self._descriptor = mended.descriptor
        os.lseek(mended.descriptor, 0, os.SEEK_SET)
        try:
            # closefd=False: libsndfile also closes the descriptor when it refuses a file, and we could not tell
            self._stream = _stream_class()(mended.descriptor, closefd=False)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise _refused(self._label, container, str(getattr(error, "error_string", error))) from error
        self.format, self.subtype = str(self._stream.format), str(self._stream.subtype)
        if self.format not in FORMATS or self.subtype not in _SUBTYPES.get(self.format, {self.subtype}):
            raise _refused(self._label, f"{self.format} with {self.subtype}", "this codec is not read")
        self.channels = check_channels(int(self._stream.channels), label=self._label)
        self.sample_rate = check_sample_rate(int(self._stream.samplerate), label=self._label)
        self._capacity = MAX_READ_SAMPLES // self.channels
        self._buffer = np.empty((0, self.channels), np.float32)
        self._unclaimed_bytes = promise[1] if promise is not None and promise[0] == 0 else 0
        counted = int(self._stream.frames)
        if mended.excess_frames is None or not 0 <= counted < _UNKNOWN_FRAMES:
            self.promised_frames = None
        elif promise is None:
            self.promised_frames = counted - mended.excess_frames
        else:
            self.promised_frames = self._from_bytes(counted, *promise)

    def _from_bytes(self, counted: int, promised: int, present: int) -> int | None:
        """Frames that a header's size of the audio data stands for, if `counted` stand for what is there."""
        size = _SAMPLE_BYTES.get(self.subtype, 0) * self.channels
        if promised <= present:
            return counted
        if size:
            return promised // size
        return counted * promised // present if present else None

    @property
    def bits(self) -> int:
        """Resolution, as far as clipping is concerned: 8 or 16."""
        return 8 if self.subtype in {"PCM_S8", "PCM_U8"} else 16

    @property
    def seeks_exactly(self) -> bool:
        """Whether `seek` is quick, and followed by the same samples to the last bit as without it."""
        return self.subtype in _SAMPLE_BYTES

    @property
    def recipe(self) -> dict[str, str | int]:
        """How the file becomes samples."""
        return {
            "decoder": "libsndfile",
            "version": library_version(),
            "format": self.format,
            "subtype": self.subtype,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What the decoder noticed; complete after the last read."""
        if self._unclaimed_bytes:
            return (f"unfinished: the header speaks of no audio, but {self._unclaimed_bytes:,} bytes follow",)
        if self.format == "OGG" and "end-of-stream" in str(self._stream.extra_info).lower():
            return ("possibly truncated: the stream has no end mark",)
        if self.format == "FLAC" and self._position == self.promised_frames and self._descriptor is not None:
            rest = os.fstat(self._descriptor).st_size - os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if rest > _FLAC_LOOKAHEAD_BYTES:
                return (f"{rest:,} bytes after the promised end were not decoded",)
        return ()

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return the next samples, at most `frames` of them.

        Returns
        -------
        ndarray of float32 [shape=(m, channels)]
            A view of a buffer that the next read overwrites; m is 0 at the end only.
        """
        with self._lock:
            return self._read(frames)

    def _read(self, frames: int) -> NDArray[np.float32]:
        if self._frames is not None:
            frames = min(frames, self._frames - self._position)
        frames = max(0, min(frames, self._capacity))
        if len(self._buffer) < frames:
            self._buffer = np.empty((frames, self.channels), np.float32)
        block = self._buffer[: self._decode(frames)]
        if not len(block) and frames and self._frames is not None:
            raise SourceChangedError(
                f"{quoted(self._label)} ended after {self._position:,} of {self._frames:,} frames.",
                hint="The file changed while it was read; add it again.",
                decoded_frames=self._position,
                claimed_frames=self._frames,
            )
        self._position += len(block)
        if self._clean:
            set_nonfinite_to_zero(block)
        return block

    def _decode(self, frames: int) -> int:
        """Fill the beginning of the buffer, and return how far."""
        if self._stream is None or self._stream.closed:
            raise ValueError("The reader is closed.")
        filled = 0
        while filled < frames and not self.broke_off:
            start = self._position + filled
            size = min(frames - filled, _PIECE_FRAMES - start % _PIECE_FRAMES)
            count = self._decode_piece(self._buffer[filled : filled + size], start)
            filled += count
            if count < size:
                break
        return filled

    def _decode_piece(self, out: NDArray[np.float32], start: int) -> int:
        import soundfile

        try:
            return len(self._stream.read(out=out))
        except soundfile.SoundFileError:
            # What came before the error is good. It is in the buffer; only the count was lost.
            self.broke_off = True
            return max(0, min(len(out), int(self._stream.tell()) - start))

    def seek(self, frame: int) -> None:
        """Continue with `frame` (clipped to the recording)."""
        with self._lock:
            frame = max(0, frame if self._frames is None else min(frame, self._frames))
            if self.seeks_exactly:
                if self._jump(frame):
                    return
                self._rewind()  # where a failed seek has left the decoder is not known
            elif frame < self._position:
                self._rewind()
            while self._position < frame and len(self._read(frame - self._position)):
                pass

    def _jump(self, frame: int) -> bool:
        """Let libsndfile seek; False if it cannot."""
        import soundfile

        try:
            position = int(self._stream.seek(min(frame, int(self._stream.frames))))
        except soundfile.SoundFileError:
            return False
        self.broke_off = False
        self._position = position
        return True

    def _rewind(self) -> None:
        """Start again with a new decoder: only that gives the same samples to the last bit."""
        assert self._descriptor is not None
        self._stream.close()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._stream = _stream_class()(self._descriptor, closefd=False)
        self.broke_off = False
        self._position = 0

    def close(self) -> None:
        """Close the file; more than once does nothing."""
        with self._lock:
            stream, self._stream = self._stream, None
            descriptor, self._descriptor = self._descriptor, None
            if stream is not None:
                stream.close()
            if descriptor is not None:
                os.close(descriptor)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


def set_nonfinite_to_zero(block: NDArray[np.float32]) -> None:
    """Replace NaN and infinite samples in place."""
    if len(block) and not (np.isfinite(np.min(block)) and np.isfinite(np.max(block))):
        block[~np.isfinite(block)] = 0.0


def _refused(label: str, container: str, reason: str) -> UnsupportedFormatError:
    # libsndfile's texts about files and the system are wrong here: the file is open and was read.
    told = reason.rstrip(". ") if reason and "exist" not in reason and "System" not in reason else ""
    return UnsupportedFormatError(
        f"{quoted(label)} begins like {container} but could not be decoded{f': {quoted(told)}' if told else ''}.",
        hint="The file may be damaged, or hold a codec that is not read. Convert it to WAV or FLAC and try again.",
        container=container,
    )
