"""Recordings heard at another sample rate: resampled block by block, the same numbers however they are read."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.limits import check_sample_rate
from audiocache_nb.audio.source import AudioSource, BlockReader, OnBlock
from audiocache_nb.errors import SourceChangedError

RESAMPLER = "kaiser-sinc/1"  # part of every key; another filter needs another name
STOP_DB = 100.0  # what lies above the new band is at least that much softer
HALF_LENGTH = 71  # of the filter, in samples of the lower rate
CUTOFF = 0.4775  # in cycles per sample of the lower rate; flat to 0.455, nothing is left from 0.5 on
ROW_SAMPLES = 64  # one row of products makes at most so many samples of one ratio
ROW_GROUP = 16
BLOCK_SAMPLES = 1 << 13
PRODUCT_SIZE = 200_000  # multiplications in one product: BLAS starts no threads of its own for so few
MATRIX_VALUES = 1 << 20
PHASES = 1 << 10  # of a sample of the lower rate
CHUNK_SAMPLES = 1 << 9


def at_rate(source: AudioSource, sample_rate: int | None) -> AudioSource:
    """The recording as it is at a sample rate; itself if that is its own, or None.

    Sample `m` of the result is what the band-limited recording is at ``m / sample_rate`` seconds:

    ``y[m] = sum_n x[n] h(m r - n)``, ``h(t) = 2 f sinc(2 f t) kaiser(t / w)``, each row of `h` scaled to the sum 1

    with ``r`` samples of the recording per sample of the result, ``f = 0.4775 / max(1, r)`` and ``w = 71 max(1, r)``.
    The filter is symmetric, so nothing is delayed; it is flat up to 91 % of the lower of the two bands, and 100 dB
    down from its end on. Outside the recording there is silence. There are ``ceil(n / r)`` samples.

    The blocks that are computed lie at the same places whoever reads, so the numbers do not depend on how. As matrix
    products they take a tenth of what ``scipy.signal.upfirdn`` takes for a filter of this length.

    Parameters
    ----------
    source : AudioSource
    sample_rate : int [Hz] or None

    Raises
    ------
    AudioLimitError
        For a rate that is not accepted.

    References
    ----------
    J. O. Smith, "Digital Audio Resampling", CCRMA, 2002.
    """
    if sample_rate is None or sample_rate == source.sample_rate:
        return source
    rate = check_sample_rate(sample_rate)
    return dataclasses.replace(
        source,
        sample_rate=rate,
        frames=-(-source.frames * rate // source.sample_rate),
        decode={**source.decode, "resampler": RESAMPLER, "resampled_from": source.sample_rate},
        origin=_Resampled(source, rate),
        array=None,
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Resampled:
    source: AudioSource
    rate: int

    def open(self, on_block: OnBlock | None) -> BlockReader:
        return _Reader(self.source, self.rate, self.source.open(on_block=on_block))

    def check(self, on_block: OnBlock | None) -> None:
        self.source.check(on_block=on_block)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Filter:
    """How `outputs` samples are made of `advance` new ones and those around them.

    Attributes
    ----------
    reach : int [samples]
        How far the filter looks before and after a place in the recording.
    bands : list of (int, ndarray of float32 [shape=(length, columns)]) or None
        All weights, some columns at a time, and the first sample they are for; if they are not too many.
    table : ndarray of float32 [shape=(phases + 1, taps)] or None
        Else the weights for so many places between two samples; those between are interpolated.
    """

    up: int
    down: int
    reach: int
    outputs: int
    advance: int
    bands: list[tuple[int, NDArray[np.float32]]] | None
    table: NDArray[np.float32] | None

    def apply(self, samples: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
        """`rows` times `outputs` samples [shape=(m,)] from the samples that begin `reach` before the first."""
        if self.bands is not None:
            size, step = samples.itemsize, self.advance * samples.itemsize
            shape = (rows // ROW_GROUP, ROW_GROUP, self.needed(1))
            windows = np.ndarray(shape, samples.dtype, samples, 0, (ROW_GROUP * step, step, size)).copy()
            made = np.empty((*shape[:2], self.outputs), np.float32)
            column = 0
            for first, weights in self.bands:
                length, columns = weights.shape
                out = made[:, :, column : column + columns]
                np.matmul(windows[:, :, first : first + length], weights, out=out)
                column += columns
            return made.ravel()
        assert self.table is not None
        phases, taps = len(self.table) - 1, self.table.shape[1]
        near = np.lib.stride_tricks.sliding_window_view(samples, taps)
        found = np.empty(rows * self.outputs, np.float32)
        for first in range(0, len(found), CHUNK_SAMPLES):
            places = np.arange(first, min(first + CHUNK_SAMPLES, len(found)), dtype=np.int64) * self.down
            phase = (places % self.up) * (phases / self.up)
            index = phase.astype(np.int64)
            part = (phase - index).astype(np.float32)[:, None]
            weights = self.table[index] * (1 - part) + self.table[index + 1] * part
            found[first : first + len(places)] = np.einsum("mt,mt->m", near[places // self.up], weights)
        return found

    def needed(self, rows: int) -> int:
        """Samples that `apply` takes for so many rows."""
        return _length(rows * self.outputs, self.up, self.down, self.reach)


def _length(outputs: int, up: int, down: int, reach: int) -> int:
    return ((outputs - 1) * down) // up + 2 * reach + 2


@functools.lru_cache(maxsize=8)
def _filter(source_rate: int, rate: int) -> _Filter:
    divisor = math.gcd(source_rate, rate)
    up, down = rate // divisor, source_rate // divisor
    reach = math.ceil(HALF_LENGTH * max(1.0, down / up))
    taps = 2 * reach + 2
    columns = 2
    while columns < ROW_SAMPLES and ROW_GROUP * 2 * columns * (taps + 2 * columns * down // up) < PRODUCT_SIZE:
        columns *= 2
    repeats = max(1, columns // up)
    outputs, advance = repeats * up, repeats * down
    if outputs * (taps + columns * down // up) > MATRIX_VALUES:
        phases = max(2, math.ceil(PHASES * min(1.0, up / down)))
        table = _weights(np.arange(phases + 1) / phases, reach, down / up)
        return _Filter(up, down, reach, outputs, advance, None, table)
    places = np.arange(outputs, dtype=np.int64) * down
    rows, firsts = _weights((places % up) / up, reach, down / up), places // up
    bands = []
    for start in range(0, outputs, columns):
        low, end = int(firsts[start]), min(start + columns, outputs)
        band = np.zeros((int(firsts[end - 1]) - low + taps, end - start), np.float32)
        for column in range(start, end):
            first = int(firsts[column]) - low
            band[first : first + taps, column - start] = rows[column]
        bands.append((low, band))
    return _Filter(up, down, reach, outputs, advance, bands, None)


def _weights(fractions: NDArray[np.float64], reach: int, ratio: float) -> NDArray[np.float32]:
    """Weights of the samples ``-reach .. reach + 1`` around places `fractions` after sample 0 [shape=(n, taps)]."""
    wide = max(1.0, ratio)
    times = np.arange(-reach, reach + 2) - fractions[:, None]
    inside = np.clip(1 - np.square(times / (HALF_LENGTH * wide)), 0, None)
    beta = 0.1102 * (STOP_DB - 8.7)
    window = np.where(inside > 0, np.i0(beta * np.sqrt(inside)), 0.0)
    values = np.sinc(2 * CUTOFF / wide * times) * window
    values /= values.sum(axis=1, keepdims=True)
    return values.astype(np.float32)


class _Reader:
    """A pass over a recording at another rate."""

    def __init__(self, source: AudioSource, rate: int, reader: BlockReader) -> None:
        self._filter = _filter(source.sample_rate, rate)
        self._reader = reader
        # What the engine asks: whether any place is found again.
        self.seeks_exactly = source.array is not None or bool(getattr(reader, "seeks_exactly", False))
        self._total = source.frames
        self._channels = source.channels
        self._frames = -(-source.frames * rate // source.sample_rate)
        one = self._filter
        groups = 1 if one.bands is None else ROW_GROUP  # whole groups of rows round alike
        self._rows = max(1, BLOCK_SAMPLES // max(one.advance, one.outputs) // groups) * groups
        self._window = np.zeros((one.needed(self._rows), source.channels), np.float32)
        self._start = -one.reach  # of the recording, where the window begins
        self._filled = self._start  # up to where it is
        self._read_to = 0
        self._position = 0
        self._block = -1
        self._made = np.empty((0, source.channels), np.float32)

    def read(self, frames: int) -> NDArray[np.float32]:
        """The next samples, at most `frames` [shape=(m, channels)]."""
        size = self._rows * self._filter.outputs
        wanted = min(frames, self._frames - self._position)
        if wanted <= 0:
            return np.empty((0, self._channels), np.float32)
        block, offset = divmod(self._position, size)
        if block != self._block:
            self._compute(block)
        piece = self._made[offset : offset + wanted]
        self._position += len(piece)
        return piece

    def seek(self, frame: int) -> None:
        """Continue with `frame`."""
        self._position = min(max(0, frame), self._frames)

    def close(self) -> None:
        """Give back the decoder."""
        self._reader.close()

    def _compute(self, block: int) -> None:
        one = self._filter
        self._slide(block * self._rows * one.advance - one.reach)
        made = np.empty((self._rows * one.outputs, self._channels), np.float32)
        for channel in range(self._channels):
            made[:, channel] = one.apply(np.ascontiguousarray(self._window[:, channel]), self._rows)
        self._made, self._block = made, block

    def _slide(self, start: int) -> None:
        """Let the window begin at sample `start` of the recording, silent where there is none."""
        window, length = self._window, len(self._window)
        kept = max(0, min(length, self._filled - start)) if start >= self._start else 0
        if kept:
            first = start - self._start
            window[:kept] = window[first : first + kept].copy()
        window[kept:] = 0
        low, high = max(0, start + kept), min(self._total, start + length)
        if low < high:
            if low != self._read_to:
                self._reader.seek(low)
            self._read_to = low
            while self._read_to < high:
                piece = self._reader.read(high - self._read_to)
                if not len(piece):
                    raise SourceChangedError(
                        f"The audio ends after {self._read_to:,} of {self._total:,} samples.", hint="Add it again."
                    )
                at = self._read_to - start
                window[at : at + len(piece)] = piece
                self._read_to += len(piece)
        self._start, self._filled = start, start + length
