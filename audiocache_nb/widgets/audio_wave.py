"""Recordings as bytes that a page plays, made piece by piece: nothing is ever there as a whole."""

from __future__ import annotations

import dataclasses
import functools
import math
import pathlib
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import AudioLimitError, SourceChangedError

PIECE_BYTES = 256_000
HEADER_BYTES = 44
MOST_BYTES = 2**32 - 1 - HEADER_BYTES  # what the header's 32 bits can say
AHEAD_FRAMES = 1 << 20  # read at once: going to a place in a compressed file costs more than reading on from it
_FILTER_RADIUS = 10  # of the resampling filter, in periods of the lower rate

Fill = Callable[[int, int], NDArray[np.float32]]


class Pieces(Protocol):
    """Bytes of which any part can be had."""

    @property
    def nbytes(self) -> int: ...
    def read(self, start: int, stop: int) -> bytes: ...


class WaveFile:
    """A WAV file of 16 bits, made as it is read.

    Parameters
    ----------
    fill : callable (start, frames) -> ndarray of float32 [shape=(frames, channels)]
        The samples; what is beyond -1 .. 1 is clipped.
    sample_rate : int [Hz]
    channels, frames : int

    Raises
    ------
    AudioLimitError
        If it would be longer than a WAV file can be.
    """

    def __init__(self, fill: Fill, *, sample_rate: int, channels: int, frames: int) -> None:
        self._fill = fill
        self._sample_rate, self._channels, self._frames = sample_rate, channels, frames
        self._frame_bytes = 2 * channels
        self._lock = threading.Lock()
        self._known: tuple[int, bytes] = (0, b"")
        size = frames * self._frame_bytes
        if size > MOST_BYTES:
            raise AudioLimitError(
                f"{frames / sample_rate / 3600:.1f} hours of sound are too long to be sent to the page.",
                hint="Put the file below the folder that Jupyter was started in, or play a part of it.",
                limit=MOST_BYTES,
            )
        self.nbytes = HEADER_BYTES + size

    def header(self) -> bytes:
        """The 44 bytes before the samples."""
        size, rate = self.nbytes - HEADER_BYTES, self._sample_rate
        form = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        kind = struct.pack(
            "<4sIHHIIHH", b"fmt ", 16, 1, self._channels, rate, rate * self._frame_bytes, self._frame_bytes, 16
        )
        return form + kind + struct.pack("<4sI", b"data", size)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` up to, not including, `stop`."""
        stop = min(stop, self.nbytes)
        head = self.header()[start:stop] if start < HEADER_BYTES else b""
        low, high = max(0, start - HEADER_BYTES), stop - HEADER_BYTES
        parts = [head]
        while low < high:
            part = self._samples(low)[: high - low]
            parts.append(part)
            low += len(part)
        return b"".join(parts)

    def _samples(self, low: int) -> bytes:
        """Some bytes of the samples from `low` on."""
        with self._lock:
            begin, data = self._known
            if not begin <= low < begin + len(data):
                first = low // self._frame_bytes
                count = min(AHEAD_FRAMES, self._frames - first)
                begin, data = first * self._frame_bytes, self._encoded(first, count)
                self._known = (begin, data)
        return data[low - begin :]

    def _encoded(self, first: int, count: int) -> bytes:
        samples = np.zeros((count, self._channels), np.float32)
        found = self._fill(first, count)
        samples[: len(found)] = found
        np.nan_to_num(samples, copy=False)
        return bytes((np.rint(np.clip(samples, -1, 1) * 32767)).astype("<i2").tobytes())


class StoredFile:
    """A file as it is on disk, as long as it is the one that was taken in.

    Parameters
    ----------
    path : Path
    check : callable
        Raises once the content is another one.
    """

    def __init__(self, path: pathlib.Path, check: Callable[[], object]) -> None:
        self._path, self._check = path, check
        self.nbytes = path.stat().st_size

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` up to, not including, `stop`.

        Raises
        ------
        SourceChangedError, SourceMissingError
        """
        if start == 0:
            self._check()
        with self._path.open("rb") as file:
            file.seek(start)
            data = file.read(max(0, min(stop, self.nbytes) - start))
        if len(data) < min(stop, self.nbytes) - start:
            raise SourceChangedError(
                f"{self._path.name!r:.80} became shorter while it was sent.",
                hint="session.refresh(track) takes the file in as it is now.",
            )
        return data


@dataclasses.dataclass(frozen=True)
class Heard:
    """A part of a recording in a mix.

    Attributes
    ----------
    source : AudioSource
    begin_s : float [s]
        When it is heard, from the mix's beginning.
    start_s, end_s : float [s]
        What is heard of it.
    gain : float
    """

    source: Any
    begin_s: float
    start_s: float
    end_s: float
    gain: float = 1.0


def heard_channels(channels: int) -> int:
    """How many channels a page gets of a recording: at most two."""
    return 1 if channels == 1 else 2


def fold(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """As many channels as wanted: mono to both sides, more than two by their mean to both."""
    if samples.shape[1] == channels:
        return samples
    mono = samples if samples.shape[1] == 1 else samples.mean(axis=1, keepdims=True, dtype=np.float32)
    return np.repeat(mono, channels, axis=1)


def whole(source: Any) -> WaveFile:
    """A recording from its first to its last sample."""
    channels = heard_channels(source.channels)
    return WaveFile(
        lambda start, frames: fold(source.read(start, frames), channels),
        sample_rate=source.sample_rate,
        channels=channels,
        frames=source.frames,
    )


def mix(parts: Sequence[Heard], duration_s: float) -> WaveFile:
    """Recordings together, at the highest of their rates.

    Each is placed on the nearest sample; one with another rate is resampled by
    `scipy.signal.resample_poly`.
    """
    rate = max((part.source.sample_rate for part in parts), default=44100)
    channels = max((heard_channels(part.source.channels) for part in parts), default=1)
    fills = [functools.partial(_part, part, rate, channels) for part in parts]

    def fill(start: int, frames: int) -> NDArray[np.float32]:
        total = np.zeros((frames, channels), np.float32)
        for one in fills:
            one(start, total)
        return total

    return WaveFile(fill, sample_rate=rate, channels=channels, frames=max(1, round(duration_s * rate)))


def _part(part: Heard, rate: int, channels: int, start: int, total: NDArray[np.float32]) -> None:
    """Add what is heard of one recording between `start` and the end of `total`, in samples of the mix."""
    begin = round(part.begin_s * rate)
    length = round((part.end_s - part.start_s) * rate)
    low, high = max(start, begin), min(start + len(total), begin + length)
    if low >= high:
        return
    samples = resampled(part.source, part.start_s, low - begin, high - low, rate)
    total[low - start : low - start + len(samples)] += part.gain * fold(samples, channels)


def resampled(source: Any, start_s: float, first: int, frames: int, rate: int) -> NDArray[np.float32]:
    """`frames` samples at `rate`, from sample `first` after `start_s` on; the same for any way of cutting.

    Returns
    -------
    ndarray of float32 [shape=(m, channels)]
        m < `frames` at the end of the recording.
    """
    begin = round(start_s * source.sample_rate)
    if source.sample_rate == rate:
        return np.asarray(source.read(begin + first, frames))
    from scipy.signal import resample_poly

    divisor = math.gcd(rate, source.sample_rate)
    up, down = rate // divisor, source.sample_rate // divisor
    margin = (-(-_FILTER_RADIUS * max(up, down) // (up * down)) + 1) * down
    origin = first // up * down - margin  # a whole number of periods of both rates before the first sample
    stop = -(-(first + frames) // up) * down + margin
    data = source.read(max(0, begin + origin), begin + stop - max(0, begin + origin))
    missing = max(0, -(begin + origin))
    padded = np.concatenate([np.zeros((missing, data.shape[1]), np.float32), data])
    if not len(data):
        return np.zeros((0, source.channels), np.float32)
    out = np.asarray(resample_poly(padded, up, down, axis=0), dtype=np.float32)
    skipped = first - origin // down * up
    left = math.ceil((source.frames - begin) * rate / source.sample_rate) - first
    return out[skipped : skipped + max(0, min(frames, left))]
