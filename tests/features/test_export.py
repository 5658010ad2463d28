"""Feature tracks in xarray and pandas."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from audiocache_nb.errors import AudioCacheError, MissingPackageError
from audiocache_nb.features import export
from audiocache_nb.features.track import FeatureTrack


def make_track(data: Any, axes: tuple[str, ...], **changes: Any) -> FeatureTrack:
    values: dict[str, Any] = {
        "feature": "thing",
        "calculator_id": "test.thing",
        "version": "3",
        "label": "A thing",
        "unit": "dB",
        "data": np.array(data, dtype=np.float32),
        "axes": axes,
        "fill_value": -80.0,
        "hop_seconds": 0.5,
        "start_seconds": 0.25,
        "key": "abc",
        "parameters": {"hop_size": 512},
        "provenance": {"audio": "sha256:00", "decode": {"decoder": "array"}},
        **changes,
    }
    return FeatureTrack(**values)


SPECTRUM = make_track([[1, 2, 3], [4, 5, 6]], ("frame", "bin"), axis_coords={"bin": np.array([0.0, 100.0, 200.0])})
WAVE = make_track(
    np.arange(8).reshape(2, 2, 2),
    ("frame", "channel", "bound"),
    axis_coords={"channel": np.array(["Left", "Right"]), "bound": np.array(["min", "max"])},
)
BARE = make_track([[1], [2]], ("frame", "value"))
EVENTS = make_track(
    [[0.5, 9, 1], [0.7, 8, 2]],
    ("event", "field"),
    format="events",
    axis_coords={"field": np.array(["time", "strength", "kind"])},
)
TIMES = make_track([[0.5], [0.7]], ("event", "field"), format="events", axis_coords={"field": np.array(["time"])})
GLOBAL = make_track([[120, 0.9]], ("frame", "value"), format="global", axis_coords={"value": np.array(["bpm", "sure"])})


def test_xarray_has_axes_coordinates_and_units() -> None:
    array = SPECTRUM.to_xarray()
    assert array.name == "thing"
    assert array.dims == ("frame", "bin")
    assert array.coords["frame"].to_numpy().tolist() == [0.25, 0.75]
    assert array.coords["frame"].attrs == {"long_name": "time", "units": "s"}
    assert array.coords["bin"].attrs["units"] == "Hz"
    assert array.attrs["units"] == "dB"
    assert array.attrs["calculator"] == "test.thing"
    assert float(array.sel(frame=0.75, bin=100.0)) == 5.0
    assert WAVE.to_xarray().sel(channel="Right", bound="max").to_numpy().tolist() == [3.0, 7.0]


def test_xarray_attributes_are_texts_and_numbers() -> None:
    attributes = SPECTRUM.to_xarray().attrs
    assert all(isinstance(value, (str, float)) for value in attributes.values())
    assert json.loads(attributes["provenance"])["decode"] == {"decoder": "array"}
    assert json.loads(attributes["parameters"]) == {"hop_size": 512}


def test_xarray_shares_the_data_and_cannot_change_them() -> None:
    array = SPECTRUM.to_xarray()
    assert np.shares_memory(array.to_numpy(), SPECTRUM.data)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 9


def test_coordinates_of_another_length_are_left_out() -> None:
    odd = make_track([[1, 2]], ("frame", "bin"), axis_coords={"bin": np.array([1.0]), "other": np.array([1.0])})
    assert set(odd.to_xarray().coords) == {"frame"}
    assert odd.to_pandas().columns.tolist() == [0, 1]


@pytest.mark.parametrize("track", [EVENTS, TIMES, GLOBAL, BARE], ids=["events", "times", "global", "bare"])
def test_xarray_of_every_format(track: FeatureTrack) -> None:
    array = track.to_xarray()
    assert array.shape == track.data.shape
    assert array.coords[track.axes[0]].to_numpy().tolist() == track.times_s.tolist()


def test_pandas_of_bins_and_channels() -> None:
    table = SPECTRUM.to_pandas()
    assert table.index.name == "time_s"
    assert table.index.tolist() == [0.25, 0.75]
    assert table.columns.name == "bin"
    assert table.columns.tolist() == [0.0, 100.0, 200.0]
    assert table.loc[0.75, 100.0] == 5.0
    assert table.attrs["units"] == "dB"
    stereo = WAVE.to_pandas()
    assert stereo.columns.names == ["channel", "bound"]
    assert stereo["Right"]["max"].tolist() == [3.0, 7.0]


def test_pandas_of_single_values_events_and_globals() -> None:
    assert BARE.to_pandas().columns.tolist() == ["thing"]
    one_channel = make_track([[1], [2]], ("frame", "channel"), axis_coords={"channel": np.array(["Mono"])})
    assert one_channel.to_pandas().columns.tolist() == ["Mono"]
    flat = make_track([1, 2], ("frame",))
    assert flat.to_pandas()["thing"].tolist() == [1.0, 2.0]
    events = EVENTS.to_pandas()
    assert events.columns.tolist() == ["strength", "kind"]
    assert events.index.tolist() == pytest.approx([0.5, 0.7])
    assert events["strength"].tolist() == [9.0, 8.0]
    assert TIMES.to_pandas().shape == (2, 0)
    assert GLOBAL.to_pandas().loc[0.25].to_dict() == pytest.approx({"bpm": 120.0, "sure": 0.9})
    assert make_track(np.zeros((0, 3)), ("frame", "bin")).to_pandas().shape == (0, 3)


def test_pandas_belongs_to_the_caller() -> None:
    table = BARE.to_pandas()
    table.iloc[0, 0] = 99.0
    assert BARE.data[0, 0] == 1.0


@pytest.mark.parametrize(("name", "convert"), [("xarray", export.to_xarray), ("pandas", export.to_pandas)])
def test_what_is_not_installed_is_said_with_the_way_out(name: str, convert: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # an import of it now fails
    with pytest.raises(MissingPackageError) as caught:
        convert(SPECTRUM)
    assert isinstance(caught.value, AudioCacheError)
    assert isinstance(caught.value, ImportError)
    assert name in str(caught.value)
    assert "pip install" in caught.value.hint


def test_nothing_heavy_is_loaded_until_it_is_used() -> None:
    code = "import sys, audiocache_nb.features.export; print({'pandas', 'xarray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
