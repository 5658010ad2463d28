"""Feature tracks as labelled arrays and tables of other libraries."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import MissingPackageError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from audiocache_nb.features.calculator import Calculator
    from audiocache_nb.features.track import FeatureTrack

_AXIS_UNITS = {"frame": "s", "event": "s", "bin": "Hz"}
_AXIS_TITLES = {"frame": "time", "event": "time", "bin": "frequency"}


def to_xarray(track: FeatureTrack) -> xr.DataArray:
    """Convert a feature track to a labelled array.

    Parameters
    ----------
    track : FeatureTrack

    Returns
    -------
    xarray.DataArray
        Dimensions are the track's axes and coordinates its coordinates: seconds along ``frame``, Hz
        along ``bin``, names along ``channel``. Attributes are texts and numbers only, so that the
        array can be written to netCDF; what is nested (parameters, provenance) is JSON. The data
        are shared with the track and cannot be written to, unless they had to be decoded.

    Raises
    ------
    MissingPackageError
        If xarray is not installed.
    """
    xarray: Any = package("xarray")
    coords = {}
    for axis, values in _coordinates(track).items():
        attributes = {"long_name": _AXIS_TITLES.get(axis, axis)}
        if axis in _AXIS_UNITS:
            attributes["units"] = _AXIS_UNITS[axis]
        coords[axis] = (axis, values, attributes)
    array: xr.DataArray = xarray.DataArray(
        track.values(), dims=track.axes, coords=coords, name=track.feature, attrs=_attributes(track)
    )
    return array


def to_pandas(track: FeatureTrack) -> pd.DataFrame:
    """Convert a feature track to a table with one row per frame.

    Parameters
    ----------
    track : FeatureTrack

    Returns
    -------
    pandas.DataFrame
        The index is ``time_s``, in source seconds. A single value per frame is a column with the
        feature's name; otherwise columns carry the coordinates of the axis (Hz of a bin, name of a
        channel), with one level per axis. Events have one row each, without their time as a column.
        ``.attrs`` holds what `to_xarray` keeps as attributes.

    Raises
    ------
    MissingPackageError
        If pandas is not installed.
    """
    pandas: Any = package("pandas")
    data, labels = track.values(), _labels(track)
    if track.format == "events":
        data, labels = data[:, 1:], [values[1:] for values in labels]
    names = list(track.axes[1:])
    if len(labels) > 1:
        columns = pandas.MultiIndex.from_product(labels, names=names)
    elif labels and (data.shape[1] != 1 or names[0] in track.axis_coords):
        columns = pandas.Index(labels[0], name=names[0])
    else:
        columns = [track.feature]
    rows = data.reshape(len(data), len(columns))
    table: pd.DataFrame = pandas.DataFrame(
        rows, index=pandas.Index(track.times_s, name="time_s"), columns=columns, copy=True
    )
    table.attrs = _attributes(track)
    return table


def calculators_to_pandas(calculators: Iterable[Calculator]) -> pd.DataFrame:
    """Calculators as a table, one row each, indexed by id; see `Registry.to_pandas`.

    Raises
    ------
    MissingPackageError
        If pandas is not installed.
    """
    pandas: Any = package("pandas")
    rows = [
        {
            "id": one.id,
            "feature": one.feature,
            "label": one.title,
            "unit": one.unit,
            "version": one.version_text,
            "inputs": one.inputs if isinstance(one.inputs, str) else ", ".join(one.inputs),
            "locality": one.locality_text,
            "parameters": ", ".join(one.parameters),
        }
        for one in calculators
    ]
    table: pd.DataFrame = pandas.DataFrame(rows).set_index("id")
    return table


def package(name: str) -> Any:
    """A package that only tables need.

    Raises
    ------
    MissingPackageError
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{name} is not installed.", hint='Install it: pip install "audiocache_nb[tables]".', package=name
        ) from error


def _coordinates(track: FeatureTrack) -> dict[str, NDArray[Any]]:
    sizes = dict(zip(track.axes, track.shape, strict=True))
    return {
        axis: np.asarray(values)
        for axis, values in track.coords.items()
        if axis in sizes and len(values) == sizes[axis]
    }


def _labels(track: FeatureTrack) -> list[NDArray[Any]]:
    """What each axis behind the first is labelled with: its coordinates, else whole numbers."""
    coords = _coordinates(track)
    return [coords.get(axis, np.arange(size)) for axis, size in zip(track.axes[1:], track.shape[1:], strict=True)]


def _attributes(track: FeatureTrack) -> dict[str, str | float]:
    return {
        "long_name": track.label or track.feature,
        "units": track.unit,
        "calculator": track.calculator_id,
        "version": track.version,
        "fill_value": float(track.fill_value),
        "hop_seconds": float(track.hop_seconds),
        "start_seconds": float(track.start_seconds),
        "alignment": track.alignment,
        "format": track.format,
        "profile": track.profile_id,
        "key": track.key,
        "parameters": _json(dict(track.parameters)),
        "provenance": _json(dict(track.provenance)),
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
