"""Feature tracks: one computed feature, with its axes, units and where it came from."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.storage import DecodedRows, decode

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Alignment = Literal["center", "start"]
TrackFormat = Literal[
    "float32", "int16", "uint8", "complex64", "waveform-minmax", "waveform-periodic", "events", "global", "matrix"
]


class StoredRows(Protocol):
    """Rows that lie elsewhere, for example in a file, and are checked when they are touched."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one value."""
        ...

    def read(self, first: int, end: int) -> NDArray[Any]:
        """Rows ``first <= k < end``, read-only; only these are touched.

        Raises
        ------
        CacheCorruptionError
        """
        ...


class _Data:
    """The rows of a track: an array, or stored rows that are read as a whole when somebody asks for the array."""

    def __get__(self, track: FeatureTrack | None, owner: type[FeatureTrack]) -> NDArray[Any]:
        if track is None:
            raise AttributeError("data")
        found = track.rows_or_array
        return found if isinstance(found, np.ndarray) else found.read(0, found.shape[0])

    def __set__(self, track: FeatureTrack, value: NDArray[Any] | StoredRows) -> None:
        track.__dict__["rows_or_array"] = value


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureTrack:
    """One feature of one source.

    Attributes
    ----------
    feature, calculator_id, version, label : str
        What it is and who made it.
    data : ndarray [shape=(frame_count, ...)], read-only
        Time-major, as stored. Event lists have one row per event, global values one row. Of a track that lies
        in the cache directory this reads and checks everything: `rows`, `shape` and `dtype` are cheaper.
    axes : tuple of str
        Names of the axes of `data`; the first is ``frame`` (or ``event``).
    unit : str
        Unit of the values (``dB``, ``Hz``, ``LUFS``, or ``""`` for a plain ratio).
    fill_value : float
        What silence is: the value outside the recording (-80 for decibels, not 0).
    hop_seconds, start_seconds : float [s]
        Frame `k` belongs to ``start_seconds + k * hop_seconds`` in source time.
    alignment : {"center", "start"}
        Whether that time is the centre or the first sample of the frame's window.
    format : {"float32", "int16", "uint8", "complex64", "waveform-minmax", "waveform-periodic", ...}
        Also ``"events"``, ``"global"`` and ``"matrix"``.
        With ``int16`` and ``uint8``, `data` are whole numbers and the values, which `values` and `decoded`
        give, are ``offset + scale * data``.
    scale, offset : float
        In units of `unit`; 1 and 0 unless `format` is ``int16`` or ``uint8``.
    key : str
        Content key: SHA-256 over what was really used to compute it.
    provenance : mapping
        Source digest, decoder, effective parameters, seconds spent, versions.
    """

    feature: str
    calculator_id: str
    version: str
    label: str
    unit: str
    data: NDArray[Any]
    axes: tuple[str, ...]
    fill_value: float
    hop_seconds: float
    start_seconds: float
    key: str
    alignment: Alignment = "center"
    format: TrackFormat = "float32"
    axis_coords: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    profile_id: str = "default"
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.axes):
            raise ValueError(f"{len(self.shape)} dimensions, but {len(self.axes)} axes {self.axes}")
        if isinstance(self.rows_or_array, np.ndarray):
            self.rows_or_array.setflags(write=False)
        for values in self.axis_coords.values():
            values.setflags(write=False)
        for name in ("axis_coords", "parameters", "provenance"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        # To other processes and into deep copies it goes as a whole, also what lies in the cache directory.
        plain = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        plain |= {name: dict(plain[name]) for name in ("axis_coords", "parameters", "provenance")}
        return (_rebuilt, (plain,))

    @property
    def rows_or_array(self) -> NDArray[Any] | StoredRows:
        """Where the data are: in memory, or stored."""
        found: NDArray[Any] | StoredRows = self.__dict__["rows_or_array"]
        return found

    def rows(self, first: int, end: int) -> NDArray[Any]:
        """Some of the rows; of a stored track only these are read and checked.

        Parameters
        ----------
        first, end : int
            The rows ``first <= k < end``; what lies beyond the track is left out.

        Returns
        -------
        ndarray [shape=(n, ...)], read-only

        Raises
        ------
        CacheCorruptionError
            The stored rows are damaged; the entry has been set aside.
        """
        found = self.rows_or_array
        first = min(max(0, first), self.frame_count)
        end = min(max(first, end), self.frame_count)
        return found[first:end] if isinstance(found, np.ndarray) else found.read(first, end)

    def part(self, first: int, end: int) -> FeatureTrack:
        """The same track with the rows ``first <= k < end`` only, as far as it has them; only these are read."""
        first = min(max(0, first), self.frame_count)
        start_seconds = self.start_seconds + first * self.hop_seconds
        return dataclasses.replace(self, data=self.rows(first, end), start_seconds=start_seconds)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `data`."""
        return self.rows_or_array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one value of `data`."""
        return self.rows_or_array.dtype

    @property
    def frame_count(self) -> int:
        """Number of rows."""
        return int(self.shape[0])

    @property
    def width(self) -> int:
        """Number of values in one row."""
        return math.prod(self.shape[1:])

    @property
    def nbytes(self) -> int:
        """Bytes of `data`."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def is_framewise(self) -> bool:
        """Whether rows lie on a regular time grid."""
        return self.format not in ("events", "global", "matrix")

    @property
    def is_quantised(self) -> bool:
        """Whether `data` are whole numbers that stand for values."""
        return self.format in ("int16", "uint8")

    def values(self, first: int = 0, end: int | None = None) -> NDArray[Any]:
        """Rows in units of `unit`, however they are stored.

        Parameters
        ----------
        first, end : int [frames]
            The rows ``first .. end - 1``; without an end, up to the last one.

        Returns
        -------
        ndarray of float32 [shape=(n, ...)]
            Of events and global values float64, of spectra complex64. Read-only where nothing had to be decoded.
        """
        rows = self.data if first == 0 and end is None else self.rows(first, self.frame_count if end is None else end)
        return decode(rows, self.scale, self.offset) if self.is_quantised else rows

    @property
    def decoded(self) -> NDArray[Any] | DecodedRows:
        """`data` in units of `unit`: the array itself, or one that decodes what is asked of it."""
        return DecodedRows(self.data, self.scale, self.offset) if self.is_quantised else self.data

    @functools.cached_property
    def times_s(self) -> NDArray[np.float64]:
        """Time of each row in source seconds [shape=(frame_count,)]."""
        if self.format == "events":
            times = np.array(self.data[:, 0], dtype=np.float64)
        else:
            times = np.arange(self.frame_count, dtype=np.float64) * self.hop_seconds + self.start_seconds
        times.setflags(write=False)
        return times

    @functools.cached_property
    def coords(self) -> Mapping[str, NDArray[Any]]:
        """Coordinates by axis name: seconds for ``frame``, Hz for ``bin``, names for ``channel``..."""
        return MappingProxyType({self.axes[0]: self.times_s, **self.axis_coords})

    def to_xarray(self) -> xr.DataArray:
        """As a labelled array (needs xarray)."""
        from audiocache_nb.features.export import to_xarray

        return to_xarray(self)

    def to_pandas(self) -> pd.DataFrame:
        """As a table, one row per frame, indexed by seconds (needs pandas)."""
        from audiocache_nb.features.export import to_pandas

        return to_pandas(self)

    def __repr__(self) -> str:
        shape = " × ".join(f"{name} {size}" for name, size in zip(self.axes, self.shape, strict=True))
        unit = f" [{self.unit}]" if self.unit else ""
        return (
            f"<FeatureTrack {self.feature} by {self.calculator_id} v{self.version}{unit}: {shape}, "
            f"hop {self.hop_seconds * 1000:.4g} ms, {self.nbytes / 1e6:.3g} MB>"
        )


# Only now: in the class itself it would count as a default.
FeatureTrack.data = _Data()  # type: ignore[assignment]


class Growing(NamedTuple):
    """A track that is still being computed.

    Attributes
    ----------
    track : FeatureTrack
        Its rows are meaningless where they are not done.
    done : ndarray of bool [shape=(frame_count,)]
        Which frames have been computed, at the moment when this was asked for.
    """

    track: FeatureTrack
    done: NDArray[np.bool_]


def _rebuilt(plain: Mapping[str, Any]) -> FeatureTrack:
    return FeatureTrack(**plain)


@dataclasses.dataclass(frozen=True, eq=False)
class Events:
    """What a calculator of events returns.

    Parameters
    ----------
    times_s : array_like [shape=(n,)] [s]
        When they happen, in source time.
    values : array_like [shape=(n,) or (n, k)], optional
        Something about each, for example its strength.
    names : tuple of str
        Names of the `k` values.
    """

    times_s: Any
    values: Any = None
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Global:
    """What a calculator of one value for the whole recording returns.

    Parameters
    ----------
    value : float, array_like [shape=(k,)], or mapping of str to float
    names : tuple of str
        Names of the `k` values; those of a mapping are its own.
    """

    value: Any
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.value, Mapping):
            named = dict(self.value)
            object.__setattr__(self, "value", list(named.values()))
            object.__setattr__(self, "names", tuple(map(str, named)))


@dataclasses.dataclass(frozen=True, eq=False)
class Matrix:
    """What a calculator of a matrix over time returns, for example of self-similarity.

    Parameters
    ----------
    values : array_like [shape=(n, n)]
    times_s : array_like [shape=(n,)] [s]
        What the rows and the columns stand for, in source time.
    """

    values: Any
    times_s: Any
