"""Level-of-detail pyramids: what a view draws at any zoom without touching all data.

Level 0 has one bucket per frame of the feature track; each level above joins `factor` buckets of
the one below. Levels that would need much memory are not kept but made from the data when a tile
of them is asked for, which costs no more than the kept ones: such a tile covers few frames.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError

KEPT_BYTES = 48 << 20
BLOCK_VALUES = 1 << 19  # one block of float32 fits the second-level cache
MAX_ROWS = 512

Checkpoint = Callable[[], None]


def _go_on() -> None:
    """Nobody wants to stop the building."""


class Pyramid:
    """Tiles of one feature at all levels.

    Attributes
    ----------
    buckets : int
        Buckets of level 0.
    factor : int
        Buckets of one level that make one of the next.
    levels : int
        Number of levels; the last one is a single tile.
    tile_buckets : int
        Buckets of a full tile.
    nbytes : int
        Bytes kept, without the data.
    kept_rows : ndarray or None
        The kept levels one after another; None if there are none. Given to another pyramid of the same data
        and choices as `kept`, they save it the building.
    """

    factor: ClassVar[int]

    def __init__(self, data: NDArray[Any], *, tile_buckets: int, bucket_bytes: int, kept_bytes: int) -> None:
        self._data = data
        self.buckets = len(data)
        self.tile_buckets = tile_buckets
        self.levels = 1
        while self.bucket_count(self.levels - 1) > tile_buckets:
            self.levels += 1
        # All levels from the kept one on take factor / (factor - 1) of what that one takes.
        kept = 1
        while kept < self.levels - 1 and (
            self.bucket_count(kept) * bucket_bytes * self.factor > kept_bytes * (self.factor - 1)
        ):
            kept += 1
        self._kept_from = kept
        self._kept: list[NDArray[Any]] = []
        self.kept_rows: NDArray[Any] | None = None

    @property
    def nbytes(self) -> int:
        return sum(int(level.nbytes) for level in self._kept)

    def bucket_count(self, level: int) -> int:
        """Number of buckets at a level."""
        width: int = self.factor**level
        return -(-self.buckets // width)

    def tile(self, level: int, index: int) -> tuple[int, NDArray[Any]]:
        """One tile.

        Parameters
        ----------
        level : int in 0 .. levels - 1
        index : int >= 0
            Tile `index` begins with bucket ``index * tile_buckets``.

        Returns
        -------
        start : int
            Its first bucket.
        values : ndarray [shape=(m, ...)]
            ``m <= tile_buckets``; less only at the end of the level.

        Raises
        ------
        InvalidParameterError
            There is no such tile.
        """
        if not 0 <= level < self.levels:
            raise InvalidParameterError(f"There is no level {level}.", hint=f"Levels are 0 to {self.levels - 1}.")
        start, count = index * self.tile_buckets, self.bucket_count(level)
        if not (0 <= start < count or start == count == 0):
            raise InvalidParameterError(
                f"Level {level} has {count} buckets; tile {index} begins at {start}.",
                hint="Ask for a tile that there is.",
            )
        stop = min(start + self.tile_buckets, count)
        if level >= self._kept_from:
            return start, self._kept[level - self._kept_from][start:stop]
        return start, self._made(level, start, stop)

    def _build(self, checkpoint: Checkpoint, kept: NDArray[Any] | None = None) -> None:
        if self.levels <= self._kept_from:
            return
        counts = [self.bucket_count(level) for level in range(self._kept_from, self.levels)]
        if kept is not None and self._fits(kept, sum(counts)):
            self._split(kept, counts)
            return
        step = max(1, BLOCK_VALUES // max(1, self._values_per_frame() * self.factor**self._kept_from))
        rows: NDArray[Any] | None = None
        for start in range(0, counts[0], step):
            checkpoint()
            stop = min(start + step, counts[0])
            made = self._unchanged(start, stop)
            if made is None:
                made = self._made(self._kept_from, start, stop)
            if rows is None:
                rows = np.empty((sum(counts), *made.shape[1:]), made.dtype)
            rows[start : start + len(made)] = made
        assert rows is not None  # this level has more than one tile below it
        self._split(rows, counts)
        for lower, level in itertools.pairwise(self._kept):
            checkpoint()
            level[...] = self._joined(lower)
        for level in (rows, *self._kept):
            level.setflags(write=False)

    def _split(self, rows: NDArray[Any], counts: list[int]) -> None:
        self.kept_rows = rows
        self._kept = np.split(rows, np.cumsum(counts[:-1]))

    def _fits(self, kept: NDArray[Any], count: int) -> bool:
        """Whether these can be the kept levels."""
        like = self._made(0, 0, 0)
        return bool(kept.shape == (count, *like.shape[1:]) and kept.dtype == like.dtype)

    def _unchanged(self, start: int, stop: int) -> NDArray[Any] | None:
        """Buckets of the first kept level that are already known; None: they have to be made."""
        return None

    def _made(self, level: int, start: int, stop: int) -> NDArray[Any]:
        """Buckets of a level, made from the data."""
        width = self.factor**level
        values = self._base(start * width, min(stop * width, self.buckets))
        for _ in range(level):
            values = self._joined(values)
        return values

    def _values_per_frame(self) -> int:
        return math.prod(self._data.shape[1:])

    def _base(self, start: int, stop: int) -> NDArray[Any]:
        raise NotImplementedError

    def _joined(self, values: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError


class MinMaxPyramid(Pyramid):
    """Extremes of curves or of a waveform, per channel.

    Tiles are float32 [shape=(m, channels, 2)], lowest and highest value. NaN marks buckets without
    any finite value; single values that are not finite are left out.

    Parameters
    ----------
    data : ndarray [shape=(n, channels) or (n, channels, 2)]
        Values, or lowest and highest values.
    tile_buckets : int
    kept_bytes : int
        Memory for the levels that are kept.
    checkpoint : callable
        Called between blocks; what it raises ends the building.
    kept : ndarray, optional
        `kept_rows` of an earlier pyramid; what does not fit is not used.
    """

    factor = 4

    def __init__(
        self,
        data: NDArray[Any],
        *,
        tile_buckets: int = 2048,
        kept_bytes: int = KEPT_BYTES,
        checkpoint: Checkpoint = _go_on,
        kept: NDArray[Any] | None = None,
    ) -> None:
        if data.ndim not in (2, 3) or (data.ndim == 3 and data.shape[2] != 2):
            raise InvalidParameterError(
                f"Extremes need shape (n, channels) or (n, channels, 2), not {data.shape}.",
                hint="Pass lowest and highest values of each channel.",
            )
        self.channels = int(data.shape[1])
        super().__init__(data, tile_buckets=tile_buckets, bucket_bytes=8 * self.channels, kept_bytes=kept_bytes)
        self._build(checkpoint, kept)
        self.extremes = self._extremes(checkpoint)

    def _extremes(self, checkpoint: Checkpoint) -> tuple[float, float] | None:
        """Lowest and highest finite value; None if there is none."""
        if self._kept:
            blocks: Iterator[NDArray[Any]] = iter(self._kept[-1:])
        else:
            step = max(1, BLOCK_VALUES // max(1, self._values_per_frame()))
            blocks = (self._base(k, min(k + step, self.buckets)) for k in range(0, self.buckets, step))
        return _joined_range(blocks, checkpoint)

    def _base(self, start: int, stop: int) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and then NaN
            values = np.array(self._data[start:stop], dtype=np.float32)
        values[~np.isfinite(values)] = np.nan
        return values if values.ndim == 3 else np.repeat(values[:, :, None], 2, axis=2)

    def _joined(self, values: NDArray[Any]) -> NDArray[np.float32]:
        return join_extremes(values, self.factor)


class ImagePyramid(Pyramid):
    """A picture with one column per frame, as bytes.

    Tiles are uint8 [shape=(m, rows)]: 0 is `value_min` or lower (or NaN), 255 is `value_max` or
    higher. Buckets and rows are joined by their maximum, so that a thin line stays visible.

    Parameters
    ----------
    data : ndarray [shape=(n, bins)]
    value_min, value_max : float
        The range that is spread over 0 .. 255.
    max_rows : int
        More bins than this are joined into fewer rows.
    tile_buckets, kept_bytes, checkpoint, kept
        As for :class:`MinMaxPyramid`.
    previous : ImagePyramid, optional
        Of the same data when less of them was computed; `data` then say what is the same (`same_as`).

    Attributes
    ----------
    rows, bins_per_row : int
        Row `r` is centred on bin ``row_bin(r)``. One row may reach beyond a full group: the
        last takes a remainder of at most half a group in, a longer remainder is a row of its own.
    """

    factor = 2

    def __init__(
        self,
        data: NDArray[Any],
        *,
        value_min: float,
        value_max: float,
        max_rows: int = MAX_ROWS,
        tile_buckets: int = 256,
        kept_bytes: int = KEPT_BYTES,
        checkpoint: Checkpoint = _go_on,
        previous: ImagePyramid | None = None,
        kept: NDArray[Any] | None = None,
    ) -> None:
        if data.ndim != 2 or not data.shape[1]:
            raise InvalidParameterError(
                f"A picture needs shape (n, bins), not {data.shape}.", hint="Pass one row per frame."
            )
        if not (np.isfinite(value_min) and np.isfinite(value_max) and value_min < value_max):
            raise InvalidParameterError(
                f"A picture needs a range of values, not {value_min!r} to {value_max!r}.",
                hint="Let the first be the lower one, both finite.",
            )
        self.rows, self.bins_per_row = row_groups(data.shape[1], max_rows)
        self._low, self._high = float(value_min), float(value_max)
        super().__init__(data, tile_buckets=tile_buckets, bucket_bytes=self.rows, kept_bytes=kept_bytes)
        like = (self.buckets, self.rows, self._low, self._high, self._kept_from)
        fits = previous is not None and like == (
            previous.buckets, previous.rows, previous._low, previous._high, previous._kept_from
        )  # fmt: skip
        self._previous = previous if fits else None
        self._build(checkpoint, kept)
        self._previous = None

    def _unchanged(self, start: int, stop: int) -> NDArray[Any] | None:
        previous = self._previous
        if previous is None or not previous._kept:
            return None
        width = self.factor**self._kept_from
        same = self._data.same_as(previous._data, start * width, min(stop * width, self.buckets))  # type: ignore[attr-defined]
        return previous._kept[0][start:stop] if same else None

    def row_bin(self, row: int) -> float:
        """The (fractional) bin that a row is centred on."""
        return row * self.bins_per_row + (self.bins_per_row - 1) / 2

    def _base(self, start: int, stop: int) -> NDArray[np.uint8]:
        quantised = np.empty((stop - start, self.rows), np.uint8)
        step = max(1, BLOCK_VALUES // self._data.shape[1])
        holds = getattr(self._data, "holds", None)  # of rows that are still being computed
        for k in range(0, len(quantised), step):
            if holds is not None and not holds(start + k, min(start + k + step, stop)):
                quantised[k : k + step] = 0
                continue
            self._quantise(self._data[start + k : min(start + k + step, stop)], quantised[k : k + step])
        return quantised

    def _quantise(self, block: NDArray[Any], out: NDArray[np.uint8]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            values = self._pooled(block)
            values -= np.float32(self._low)
            values *= np.float32(255.0 / (self._high - self._low))
            values += np.float32(0.5)
            np.fmax(values, np.float32(0), out=values)  # also turns NaN into 0
            np.fmin(values, np.float32(255), out=values)
            out[...] = values

    def _pooled(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """A copy of a block with bins joined into rows."""
        group = self.bins_per_row
        if group == 1 and self.rows == block.shape[1]:
            return np.array(block, dtype=np.float32)
        whole = min(block.shape[1] // group, self.rows) * group
        pooled = np.empty((len(block), self.rows), np.float32)
        full = pooled[:, : whole // group]
        full[...] = block[:, 0:whole:group]
        for k in range(1, group):
            np.fmax(full, block[:, k:whole:group], out=full, casting="same_kind")
        rest = block[:, whole:]
        if whole // group < self.rows:
            pooled[:, -1:] = np.fmax.reduce(rest, axis=1, keepdims=True)
        elif rest.shape[1]:
            last = pooled[:, -1:]
            np.fmax(last, np.fmax.reduce(rest, axis=1, keepdims=True), out=last, casting="same_kind")
        return pooled

    def _joined(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        joined = np.empty((-(-len(values) // self.factor), self.rows), np.uint8)
        _join(values, self.factor, np.maximum, joined)
        return joined


def join_extremes(values: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Extremes of groups of `factor` buckets [shape=(n, channels, 2)]; the last group may be shorter."""
    if factor == 1:
        return np.asarray(values, dtype=np.float32)
    joined = np.empty((-(-len(values) // factor), *values.shape[1:]), np.float32)
    _join(values[..., 0], factor, np.fmin, joined[..., 0])
    _join(values[..., 1], factor, np.fmax, joined[..., 1])
    return joined


def row_groups(bins: int, max_rows: int = MAX_ROWS) -> tuple[int, int]:
    """How bins are joined into rows: ``(rows, bins_per_row)`` with at most `max_rows` rows.

    A transform of ``2**k`` samples has ``2**(k - 1) + 1`` bins; the odd one joins the last row, so
    that 1025 bins make 512 rows of 2 rather than 342 of 3.
    """
    group = max(1, -(-(bins - 1) // max_rows))
    rows = min(bins // group, max_rows)
    if bins - rows * group > max(1, group // 2):
        rows += 1
    return rows, group


def finite_range(data: NDArray[Any], *, checkpoint: Checkpoint = _go_on) -> tuple[float, float] | None:
    """Lowest and highest finite value; None if there is none.

    Parameters
    ----------
    data : ndarray [shape=(n, ...)]
        Read block by block: it may be a mapped file.
    checkpoint : callable
    """
    step = max(1, BLOCK_VALUES // max(1, math.prod(data.shape[1:])))
    return _joined_range((data[k : k + step] for k in range(0, len(data), step)), checkpoint)


def _joined_range(blocks: Iterator[NDArray[Any]], checkpoint: Checkpoint) -> tuple[float, float] | None:
    low, high = np.inf, -np.inf
    for block in blocks:
        checkpoint()
        if not block.size:
            continue
        bottom = float(np.fmin.reduce(block, axis=None, keepdims=True).item())
        top = float(np.fmax.reduce(block, axis=None, keepdims=True).item())
        if not (np.isfinite(bottom) and np.isfinite(top)):
            finite = block[np.isfinite(block)]
            if not finite.size:
                continue
            bottom, top = float(finite.min()), float(finite.max())
        low, high = min(low, bottom), max(high, top)
    return (low, high) if low <= high else None


def _join(values: NDArray[Any], factor: int, take: np.ufunc, out: NDArray[Any]) -> None:
    """Join groups of `factor` rows; the last group may be shorter."""
    whole = len(values) // factor
    if whole:
        grouped = values[: whole * factor]
        take(grouped[0::factor], grouped[1::factor], out=out[:whole])
        for k in range(2, factor):
            take(out[:whole], grouped[k::factor], out=out[:whole])
    if whole * factor < len(values):
        out[whole] = take.reduce(values[whole * factor :], axis=0)
