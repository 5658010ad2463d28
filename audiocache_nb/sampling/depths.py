"""What lies below and beside the pyramids: single samples under a waveform's cells, and lists of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.sampling.pyramid import MinMaxPyramid, join_extremes

EVENTS_PER_TILE = 4096

ReadSamples = Callable[[int, int], NDArray[np.float32]]
"""Called with (first sample, number of samples); returns them [shape=(n, channels)]."""


class Tiles(Protocol):
    """What can be drawn at several levels of detail; see `Pyramid`."""

    @property
    def buckets(self) -> int: ...
    @property
    def factor(self) -> int: ...
    @property
    def levels(self) -> int: ...
    @property
    def tile_buckets(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    def tile(self, level: int, index: int) -> tuple[int, NDArray[Any]]: ...


class _JoinedCells:
    """Cells joined in pairs; only those that are looked at."""

    def __init__(self, cells: NDArray[Any], factor: int) -> None:
        self._cells, self._factor = cells, factor
        self.shape: tuple[int, ...] = (-(-len(cells) // factor), *cells.shape[1:])
        self.dtype, self.ndim = np.dtype(np.float32), len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice) -> NDArray[np.float32]:
        start, stop, _ = index.indices(len(self))
        return join_extremes(self._cells[start * self._factor : stop * self._factor], self._factor)


class WavePyramid:
    """A waveform from an overview down to single samples, whose extremes are exact at every level.

    Level 0 has one bucket per sample. As long as a bucket is smaller than a cell it is read from the
    recording when it is asked for, a tile at a time; from there on it is joined from the cells.

    Parameters
    ----------
    cells : ndarray [shape=(n, channels, 2)]
        Lowest and highest value of consecutive cells.
    cell_samples : int
        Samples per cell, a power of two.
    frames : int
        Samples of the recording.
    read : callable
        Reads samples, from any thread.
    tile_buckets, checkpoint, kept
        As for :class:`~audiocache_nb.sampling.pyramid.MinMaxPyramid`.

    Raises
    ------
    InvalidParameterError
        These cells are not those of such a recording.
    """

    factor = 4

    def __init__(
        self,
        cells: NDArray[Any],
        *,
        cell_samples: int,
        frames: int,
        read: ReadSamples,
        tile_buckets: int = 2048,
        checkpoint: Callable[[], None] = lambda: None,
        kept: NDArray[Any] | None = None,
    ) -> None:
        if cell_samples < 1 or cell_samples & (cell_samples - 1) or len(cells) != -(-frames // cell_samples):
            raise InvalidParameterError(
                f"{len(cells)} cells of {cell_samples} samples do not hold {frames} samples.",
                hint="Give as many cells as hold all samples.",
            )
        self.depth = -(-(cell_samples.bit_length() - 1) // 2)
        joined = 4**self.depth // cell_samples
        self.cells = MinMaxPyramid(
            cells if joined == 1 else cast("NDArray[Any]", _JoinedCells(cells, joined)),
            tile_buckets=tile_buckets,
            checkpoint=checkpoint,
            kept=kept,
        )
        self._read = read
        self.buckets = frames
        self.tile_buckets = tile_buckets
        self.levels = self.cells.levels + self.depth
        self.extremes = self.cells.extremes

    @property
    def nbytes(self) -> int:
        """Bytes kept, without the data."""
        return self.cells.nbytes

    def bucket_count(self, level: int) -> int:
        """Number of buckets at a level."""
        width: int = self.factor**level
        return -(-self.buckets // width)

    def tile(self, level: int, index: int) -> tuple[int, NDArray[Any]]:
        """One tile; see `Pyramid.tile`.

        Raises
        ------
        InvalidParameterError
            There is no such tile.
        SourceMissingError, SourceChangedError
            The recording cannot be read any more.
        """
        if level >= self.depth:
            return self.cells.tile(level - self.depth, index)
        start, count = index * self.tile_buckets, self.bucket_count(level)
        if level < 0 or not 0 <= start < count:
            raise InvalidParameterError(
                f"Level {level} has {count} buckets; there is no tile {index}.", hint="Ask for a tile that there is."
            )
        width = self.factor**level
        first = start * width
        samples = self._read(first, min(self.tile_buckets * width, self.buckets - first))
        values = np.repeat(samples[:, :, None].astype(np.float32, copy=False), 2, axis=2)
        values[~np.isfinite(values)] = np.nan
        return start, join_extremes(values, width)


class EventTable:
    """A list of events, in order, in tiles.

    Tiles are float64 [shape=(m, fields)]; the first field is the time [s].

    Parameters
    ----------
    rows : ndarray [shape=(n, fields)]
        Rows whose time is not finite are left out.

    Attributes
    ----------
    first_times_s : list of float [s]
        Time of the first event of each tile.
    """

    factor = 2
    levels = 1
    tile_buckets = EVENTS_PER_TILE
    nbytes = 0

    def __init__(self, rows: NDArray[Any]) -> None:
        rows = np.asarray(rows, dtype=np.float64)
        rows = rows[np.isfinite(rows[:, 0])]
        self._rows = rows[np.argsort(rows[:, 0], kind="stable")]
        self.buckets = len(self._rows)
        self.first_times_s: list[float] = self._rows[:: self.tile_buckets, 0].tolist()

    def extremes(self, field: int) -> tuple[float, float] | None:
        """Lowest and highest finite value of a field."""
        values = self._rows[:, field]
        values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if len(values) else None

    def tile(self, level: int, index: int) -> tuple[int, NDArray[Any]]:
        """Some of the events.

        Raises
        ------
        InvalidParameterError
            There is no such tile.
        """
        start = index * self.tile_buckets
        if level != 0 or not 0 <= start < self.buckets:
            raise InvalidParameterError(
                f"There are {self.buckets} events; tile {index} of level {level} is none.",
                hint="Ask for a tile that there is.",
            )
        return start, self._rows[start : start + self.tile_buckets]
