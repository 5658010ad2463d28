"""Segments: the audio cut into cache-sized pieces that can be worked on independently."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import SourceChangedError

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource, BlockReader

SEGMENT_SAMPLES = 1 << 17
LONG_SEGMENT_SAMPLES = 1 << 18
LONG_FROM_SEGMENTS = 16
READ_SAMPLES = 1 << 16
CLOSE_S = 0.2

Focus = Callable[[], "tuple[int, int] | None"]
"""Returns the samples ``first .. end - 1`` that somebody looks at just now, None: nobody does. Must not raise."""


@dataclasses.dataclass(slots=True, eq=False)
class Segment:
    """Samples ``first - left .. end + right - 1`` of a source, zero outside the recording.

    A frame belongs to the segment that holds its anchor sample; the last segment also owns frames
    anchored at the very end.
    """

    samples: NDArray[np.float32]
    origin: int
    first: int
    end: int
    is_last: bool
    mono: NDArray[np.float32]

    def span(self, values: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
        """The part of `values` (samples or mono) for the sample positions ``start .. stop - 1``."""
        return values[start - self.origin : stop - self.origin]


def segment_samples(source: AudioSource, stride: int = 1) -> int:
    """Samples per segment.

    The longer a segment, the fewer frames are computed a second time as neighbours of the next one. Where neither the
    samples nor their mix are copied, that costs no memory; there must be enough of them for all threads, though.

    Parameters
    ----------
    source : AudioSource
    stride : int > 0 [samples]
        Long segments are a multiple of it, if they can be.
    """
    free = source.array is not None and source.channels == 1
    if not free or source.frames < LONG_FROM_SEGMENTS * LONG_SEGMENT_SAMPLES:
        return SEGMENT_SAMPLES
    return max(1, LONG_SEGMENT_SAMPLES // stride) * stride if stride <= LONG_SEGMENT_SAMPLES else LONG_SEGMENT_SAMPLES


class SegmentBuffers:
    """The memory one thread needs for its segments; reused from segment to segment."""

    def __init__(self, left: int, right: int, channels: int, *, mono: bool, size: int = SEGMENT_SAMPLES) -> None:
        length = left + size + right
        self.samples = np.empty((length, channels), np.float32)
        self.mono = np.empty(length if mono else 0, np.float32)


class Pending:
    """Which segments are still to be handed out, and which of them is next.

    Parameters
    ----------
    count : int >= 0
    """

    def __init__(self, count: int) -> None:
        self._open = np.ones(count, dtype=np.bool_)
        self._numbers = np.arange(count)
        self._first = 0

    def take(self, near: tuple[int, int] | None) -> int | None:
        """The next segment, which is pending no longer; None if there is none.

        Parameters
        ----------
        near : (low, high) or None
            Segments that are looked at, both ends included: the one closest to them is next, and of several
            that are equally close the earliest; None: the earliest of all.
        """
        while self._first < len(self._open) and not self._open[self._first]:
            self._first += 1
        if self._first == len(self._open):
            return None
        chosen = self._first
        if near is not None:
            low, high = (min(max(0, one), len(self._open) - 1) for one in near)
            distances = np.maximum(np.maximum(low - self._numbers, self._numbers - high), 0)
            distances[~self._open] = len(self._open)
            chosen = int(np.argmin(distances))
        self._open[chosen] = False
        return chosen


class SegmentReader:
    """Hands out the segments of a source, to any number of threads: in order, or what is looked at first.

    Decoding happens under a lock, one thread at a time, while the others compute. The samples that
    two neighbouring segments share are decoded once if they are handed out one after the other.

    Parameters
    ----------
    source : AudioSource
    left, right : int [samples]
        How far frames reach before and after their anchors.
    mono : bool
        Whether the mono mix is needed.
    size : int > 0 [samples]
        Anchors per segment.
    focus : callable, optional
        What is looked at; asked for anew with every segment. It counts where any place can be read at once and
        exactly: in arrays, and in files whose decoder finds every sample again.
    """

    def __init__(
        self,
        source: AudioSource,
        left: int,
        right: int,
        *,
        mono: bool,
        size: int = SEGMENT_SAMPLES,
        focus: Focus = lambda: None,
    ) -> None:
        self.left, self.right, self.size = left, right, size
        self.total = source.frames
        self._mono = mono
        self._channels = source.channels
        self._lock = threading.Lock()
        self._pending = Pending(self.count)
        self._following = 0  # the segment that begins with what is carried
        self._decoded = 0
        self._closing = threading.Event()
        self._carry = np.zeros((left + right, source.channels), np.float32)
        self._array = source.array
        self._reader = source.open()
        # A stream that breaks off may not be found again at the place where it was decoded to.
        seeks = getattr(self._reader, "seeks_exactly", False) and not source.health.truncated
        self._focus = focus if self._array is not None or seeks else lambda: None

    @property
    def count(self) -> int:
        """Number of segments."""
        return max(1, -(-self.total // self.size)) if self.total else 0

    def buffers(self) -> SegmentBuffers:
        """New buffers for one thread."""
        return SegmentBuffers(self.left, self.right, self._channels, mono=self._mono, size=self.size)

    def next(self, buffers: SegmentBuffers) -> Segment | None:
        """The next segment, in `buffers` or as a view of the source; None at the end.

        It is valid until the same buffers are used again.
        """
        with self._lock:
            number = None if self._closing.is_set() else self._pending.take(self._near())
            if number is None:
                return None
            first = number * self.size
            end = min(first + self.size, self.total)
            samples = self._view(first, end)
            if samples is None:
                samples = buffers.samples[: end - first + self.left + self.right]
                if self._array is None:
                    self._fill(samples, number)
                else:
                    self._copy(samples, first - self.left)
            if self._closing.is_set():
                self._reader.close()
                return None
        mono = mix(samples, buffers.mono) if self._mono else samples[:, 0]
        return Segment(samples, first - self.left, first, end, end == self.total, mono)

    def close(self) -> None:
        """Close the decoder. A thread that hangs in it is not waited for, but closes it when it comes back."""
        self._closing.set()
        if self._lock.acquire(timeout=CLOSE_S):
            try:
                self._reader.close()
            finally:
                self._lock.release()

    def _view(self, first: int, end: int) -> NDArray[np.float32] | None:
        if self._array is None or first < self.left or end + self.right > self.total:
            return None
        view: NDArray[np.float32] = self._array[first - self.left : end + self.right]
        return view

    def _copy(self, out: NDArray[np.float32], start: int) -> None:
        assert self._array is not None
        low, high = max(0, start), min(self.total, start + len(out))
        out[: low - start] = 0
        out[high - start :] = 0
        out[low - start : high - start] = self._array[low:high]

    def _near(self) -> tuple[int, int] | None:
        """The segments that are looked at."""
        span = self._focus()
        return None if span is None else (span[0] // self.size, max(span[0], span[1] - 1) // self.size)

    def _fill(self, out: NDArray[np.float32], number: int) -> None:
        """The samples of a segment and around it: what the one before it has left, then newly decoded ones."""
        overlap = self.left + self.right
        if number == self._following and number > 0:
            have = overlap
            out[:have] = self._carry
        else:
            start = number * self.size - self.left
            have = max(0, -start)  # before the recording there is silence
            out[:have] = 0
            if self._decoded != start + have:
                self._reader.seek(start + have)
                self._decoded = start + have
        wanted = min(len(out) - have, self.total - self._decoded)
        read_into(out[have : have + wanted], self._reader, self._decoded, self.total)
        self._decoded += wanted
        out[have + wanted :] = 0  # and after it
        self._following = number + 1
        if overlap:
            self._carry[:] = out[len(out) - overlap :]


def read_into(
    out: NDArray[np.float32],
    reader: BlockReader,
    decoded: int,
    total: int,
    checkpoint: Callable[[], None] = lambda: None,
) -> None:
    """Fill `out` [shape=(n, channels)] from a reader that stands at sample `decoded` of `total`.

    Raises
    ------
    SourceChangedError
        If there is less than was taken in.
    """
    have = 0
    while have < len(out):
        checkpoint()
        piece = reader.read(min(READ_SAMPLES, len(out) - have))
        if not len(piece):
            raise SourceChangedError(
                f"The audio ends after {decoded + have:,} of {total:,} samples.", hint="Add it again."
            )
        out[have : have + len(piece)] = piece
        have += len(piece)


def mix(samples: NDArray[np.float32], out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mono mix: the float32 sum of all channels times ``1 / channels`` [shape=(n,)].

    Parameters
    ----------
    samples : ndarray of float32 [shape=(n, channels)]
    out : ndarray of float32 [shape=(m,)], m >= n
        Where the mix is written, unless there is one channel only, which is returned as it is.
    """
    channels = samples.shape[1]
    if channels == 1:
        return np.ascontiguousarray(samples[:, 0])
    mono = out[: len(samples)]
    np.add(samples[:, 0], samples[:, 1], out=mono)
    for c in range(2, channels):
        mono += samples[:, c]
    mono *= np.float32(1 / channels)
    return mono
