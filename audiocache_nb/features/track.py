"""Feature tracks: one computed feature, with its axes, units and where it came from."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Alignment = Literal["center", "start"]
TrackFormat = Literal["float32", "complex64", "waveform-minmax", "events", "global", "matrix"]


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureTrack:
    """One feature of one source.

    Attributes
    ----------
    feature, calculator_id, version, label : str
        What it is and who made it.
    data : ndarray [shape=(frame_count, ...)], read-only
        Time-major. Event lists have one row per event, global values one row.
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
    format : {"float32", "complex64", "waveform-minmax", "events", "global", "matrix"}
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

    def __post_init__(self) -> None:
        if self.data.ndim != len(self.axes):
            raise ValueError(f"{self.data.ndim} dimensions, but {len(self.axes)} axes {self.axes}")
        self.data.setflags(write=False)
        for values in self.axis_coords.values():
            values.setflags(write=False)
        for name in ("axis_coords", "parameters", "provenance"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def frame_count(self) -> int:
        """Number of rows."""
        return int(self.data.shape[0])

    @property
    def width(self) -> int:
        """Number of values in one row."""
        return int(np.prod(self.data.shape[1:], dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of `data`."""
        return int(self.data.nbytes)

    @property
    def is_framewise(self) -> bool:
        """Whether rows lie on a regular time grid."""
        return self.format not in ("events", "global", "matrix")

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
        shape = " × ".join(f"{name} {size}" for name, size in zip(self.axes, self.data.shape, strict=True))
        unit = f" [{self.unit}]" if self.unit else ""
        return (
            f"<FeatureTrack {self.feature} by {self.calculator_id} v{self.version}{unit}: {shape}, "
            f"hop {self.hop_seconds * 1000:.4g} ms, {self.nbytes / 1e6:.3g} MB>"
        )


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
    value : float or array_like [shape=(k,)]
    names : tuple of str
        Names of the `k` values.
    """

    value: Any
    names: tuple[str, ...] = ()


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
