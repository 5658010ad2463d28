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
from audiocache_nb.audio.limits import check_channels, check_sample_rate
from audiocache_nb.audio.names import quoted
from audiocache_nb.errors import SourceChangedError, UnsupportedFormatError

FORMATS = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "FLAC", "OGG", "MP3", "CAF"})
# Seeking in these is not exact in libsndfile 1.2.2 (Vorbis can be thousands of samples off, Opus differs in
# the last bit), so going back means starting again and going forward means decoding.
_SEQUENTIAL = frozenset({"VORBIS", "OPUS"})
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
# One read is never larger, whoever asks: memory is bounded by this and not by a header or a caller.
MAX_READ_SAMPLES = 1 << 20
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

    `SoundFile.read` of a seekable file ends with a seek, which makes short reads of FLAC, MP3 and ALAC three
    to five times slower.
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
        self._buffer = np.empty((0, 1), np.float32)
        self._lock = threading.Lock()
        self._stream: Any = None
        self.broke_off = False
        try:
            self._open(descriptor)
        except BaseException:
            self.close()
            raise

    def _open(self, descriptor: int) -> None:
        import soundfile

        container = identify(descriptor, self._label)
        promise = promised_bytes(descriptor, container)
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            # closefd=False: libsndfile also closes the descriptor when it refuses a file, and we could not tell
            self._stream = _stream_class()(descriptor, closefd=False)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise _refused(self._label, container, str(getattr(error, "error_string", error))) from error
        self.format, self.subtype = str(self._stream.format), str(self._stream.subtype)
        if self.format not in FORMATS or (self.format == "OGG" and self.subtype not in _SEQUENTIAL):
            raise _refused(self._label, f"{self.format}/{self.subtype}", "")
        self.channels = check_channels(int(self._stream.channels))
        self.sample_rate = check_sample_rate(int(self._stream.samplerate))
        self._capacity = MAX_READ_SAMPLES // self.channels
        counted = int(self._stream.frames)
        self.promised_frames = counted if 0 <= counted < _UNKNOWN_FRAMES else None
        if promise is not None:
            self.promised_frames = self._from_bytes(*promise)

    def _from_bytes(self, promised: int, present: int) -> int | None:
        """Frames that a header's size of the audio data stands for."""
        counted = self.promised_frames
        size = _SAMPLE_BYTES.get(self.subtype, 0) * self.channels
        if promised <= present or counted is None:
            return counted
        if size:
            return promised // size
        return counted * promised // present if present else None

    @property
    def bits(self) -> int:
        """Resolution, as far as clipping is concerned: 8 or 16."""
        return 8 if self.subtype in {"PCM_S8", "PCM_U8"} else 16

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
        ended = self.format == "OGG" and "End-Of-Stream" in str(self._stream.extra_info)
        return ("possibly truncated: the stream has no end mark",) if ended else ()

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
        import soundfile

        if self._stream is None or self._stream.closed:
            raise ValueError("The reader is closed.")
        if self.broke_off or not frames:
            return 0
        try:
            return len(self._stream.read(frames, out=self._buffer[:frames]))
        except soundfile.SoundFileError:
            # What came before the error is good. It is in the buffer; only the count was lost.
            self.broke_off = True
            return max(0, min(frames, int(self._stream.tell()) - self._position))

    def seek(self, frame: int) -> None:
        """Continue with `frame` (clipped to the recording)."""
        with self._lock:
            frame = max(0, frame if self._frames is None else min(frame, self._frames))
            if self.subtype in _SEQUENTIAL or self.promised_frames is None:
                if frame < self._position:
                    self._jump(0)
                while self._position < frame and len(self._read(frame - self._position)):
                    pass
            else:
                self._jump(frame)

    def _jump(self, frame: int) -> None:
        self.broke_off = False
        self._position = int(self._stream.seek(min(frame, int(self._stream.frames))))

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
