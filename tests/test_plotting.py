"""Figures: labels, extents, colours and data against the track that was drawn."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.plotting import MAX_COLUMNS, plot_feature

PNG = b"\x89PNG\r\n\x1a\n"


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
        "hop_seconds": 0.01,
        "start_seconds": 0.0,
        "key": "k",
        **changes,
    }
    return FeatureTrack(**values)


RNG = np.random.default_rng(1)
SPECTRUM = make_track(
    RNG.uniform(-70, -5, (200, 65)),
    ("frame", "bin"),
    axis_coords={"bin": np.linspace(0, 22050, 65)},
    parameters={"min_decibels": -80.0, "max_decibels": 0.0},
)
STEREO = make_track(
    RNG.uniform(0, 1, (300, 2)),
    ("frame", "channel"),
    unit="",
    label="RMS",
    axis_coords={"channel": np.array(["Left", "Right"])},
)
LEVELS = np.sort(RNG.uniform(-1, 1, (400, 2, 2)), axis=2)
WAVE = make_track(
    LEVELS,
    ("frame", "channel", "bound"),
    unit="",
    format="waveform-minmax",
    alignment="start",
    axis_coords={"channel": np.array(["Left", "Right"]), "bound": np.array(["min", "max"])},
)


def colour_bar_of(ax: Any) -> Any:
    bars = [other for other in ax.figure.axes if other is not ax]
    assert len(bars) == 1
    return bars[0]


def test_an_image_has_axes_units_and_a_colour_bar() -> None:
    ax = plot_feature(SPECTRUM)
    assert ax.get_title() == "A thing — test.thing v3"
    assert ax.get_xlabel() == "time [s]"
    assert ax.get_ylabel() == "frequency [Hz]"
    assert colour_bar_of(ax).get_ylabel() == "A thing [dB]"
    (image,) = ax.get_images()
    step = 22050 / 64
    assert image.get_extent() == pytest.approx([-0.005, 1.995, -step / 2, 22050 + step / 2])
    assert ax.get_xlim() == pytest.approx((-0.005, 1.995))
    assert np.array_equal(np.asarray(image.get_array()), SPECTRUM.data.T)
    assert image.get_clim() == (-80.0, 0.0)
    assert image.origin == "lower"


def test_without_a_declared_range_the_colours_span_the_data() -> None:
    track = make_track(SPECTRUM.data.copy(), ("frame", "bin"))
    (image,) = plot_feature(track).get_images()
    assert image.get_clim() == pytest.approx((SPECTRUM.data.min(), SPECTRUM.data.max()))
    flat = make_track(np.full((5, 9), -7.0), ("frame", "bin"))
    (image,) = plot_feature(flat).get_images()
    assert image.get_clim() == (-7.5, -6.5)


def test_uneven_bands_are_drawn_evenly_and_labelled() -> None:
    mel = make_track(SPECTRUM.data.copy(), ("frame", "mel"), axis_coords={"mel": np.geomspace(50, 8000, 65)})
    ax = plot_feature(mel)
    assert ax.get_ylim() == (-0.5, 64.5)
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert (labels[0], labels[-1]) == ("50", "8000")
    names = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    chroma = make_track(RNG.uniform(0, 1, (30, 12)), ("frame", "class"), axis_coords={"class": np.array(names)})
    assert [text.get_text() for text in plot_feature(chroma).get_yticklabels()] == names


def test_curves_per_channel_with_a_legend() -> None:
    ax = plot_feature(STEREO)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Left", "Right"]
    for i, line in enumerate(ax.get_lines()):
        assert np.array_equal(line.get_xdata(), STEREO.times_s)
        assert np.array_equal(line.get_ydata(), STEREO.data[:, i])
    assert ax.get_ylabel() == "RMS"
    assert len(ax.figure.axes) == 1


def test_one_curve_has_no_legend_and_its_unit() -> None:
    ax = plot_feature(make_track([[1], [2], [3]], ("frame", "value"), unit="Hz", label="Centroid"))
    assert ax.get_legend() is None
    assert ax.get_ylabel() == "Centroid [Hz]"
    assert len(plot_feature(make_track([1, 2, 3], ("frame",))).get_lines()) == 1


def test_a_waveform_is_a_filled_band_per_channel() -> None:
    ax = plot_feature(WAVE)
    left, right = ax.collections
    assert left.get_label() == "Left"
    for i, band in enumerate((left, right)):
        heights = np.concatenate([path.vertices[:, 1] for path in band.get_paths()])
        assert heights.min() == pytest.approx(LEVELS[:, i].min())
        assert heights.max() == pytest.approx(LEVELS[:, i].max())
    assert ax.get_ylabel() == "amplitude"
    assert ax.get_xlim() == pytest.approx((0.0, 4.0))
    flat = make_track(LEVELS[:, 0], ("frame", "bound"), unit="", format="waveform-minmax")
    assert len(plot_feature(flat).collections) == 1


def test_events_are_vertical_lines() -> None:
    ax = plot_feature(
        make_track(
            [[0.5, 1], [1.25, 2], [3.0, 3]],
            ("event", "field"),
            format="events",
            unit="s",
            label="Onsets",
            axis_coords={"field": np.array(["time", "strength"])},
        )
    )
    (lines,) = ax.collections
    assert [float(path.vertices[0, 0]) for path in lines.get_paths()] == [0.5, 1.25, 3.0]
    assert ax.get_xlabel() == "time [s]"
    low, high = ax.get_xlim()
    assert low < 0.5
    assert high > 3.0


def test_global_values_are_bars() -> None:
    track = make_track(
        [[120.5, 0.9]], ("frame", "value"), format="global", unit="", axis_coords={"value": np.array(["bpm", "sure"])}
    )
    ax = plot_feature(track)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([120.5, 0.9])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["bpm", "sure"]


def test_the_version_of_edited_code_is_shown_as_it_is() -> None:
    track = make_track([[1], [2]], ("frame", "value"), version="code-0123456789abcdef", label="")
    assert plot_feature(track).get_title() == "thing — test.thing code-0123456789abcdef"


# ---- size ----------------------------------------------------------------------------------------


def test_millions_of_frames_keep_their_extremes() -> None:
    values = np.zeros((3_000_000, 1), dtype=np.float32)
    values[1_234_567], values[7], values[2_999_999] = 5.0, -3.0, 4.0
    track = make_track(values, ("frame", "value"))
    (line,) = plot_feature(track).get_lines()
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert len(x) <= 2 * MAX_COLUMNS
    assert (y.min(), y.max(), y[-1]) == (-3.0, 5.0, 4.0)
    assert np.all(np.diff(x) >= 0)
    assert x[np.argmax(y)] == pytest.approx(12_345.67, abs=0.01 * 3_000_000 / MAX_COLUMNS)
    wave = make_track(np.stack([-values, values], axis=-1)[:, 0], ("frame", "bound"), format="waveform-minmax")
    (band,) = plot_feature(wave).collections
    assert sum(len(path.vertices) for path in band.get_paths()) < 12 * MAX_COLUMNS
    assert max(path.vertices[:, 1].max() for path in band.get_paths()) == 5.0


def test_a_long_image_keeps_its_peaks_in_place() -> None:
    data = np.full((50_001, 40), -80.0, dtype=np.float32)
    data[31_000, 17] = -3.0
    data[50_000, 39] = -6.0
    ax = plot_feature(make_track(data, ("frame", "bin")))
    (image,) = ax.get_images()
    picture = np.asarray(image.get_array())
    assert picture.shape[1] <= MAX_COLUMNS
    left, right, bottom, top = image.get_extent()
    row, column = np.unravel_index(np.argmax(picture), picture.shape)
    width, height = (right - left) / picture.shape[1], (top - bottom) / picture.shape[0]
    assert abs(left + (column + 0.5) * width - 310.0) <= width
    assert bottom + (row + 0.5) * height == pytest.approx(17)
    assert picture[-1, -1] == -6.0
    assert ax.get_xlim()[1] == pytest.approx(500.005)
    tall = make_track(RNG.uniform(-80, 0, (8, 5000)), ("frame", "bin"))
    assert np.asarray(plot_feature(tall).get_images()[0].get_array()).max() == tall.data.max()


@pytest.mark.parametrize(
    "track",
    [
        make_track(np.zeros((0, 9)), ("frame", "bin")),
        make_track(np.zeros((0, 1)), ("frame", "value")),
        make_track(np.zeros((0, 2)), ("frame", "bound"), format="waveform-minmax"),
        make_track(np.zeros((0, 1)), ("event", "field"), format="events"),
        make_track(np.full((4, 9), np.nan), ("frame", "bin")),
        make_track([[1.0]], ("frame", "value")),
    ],
    ids=["image", "curve", "wave", "events", "nan", "one frame"],
)
def test_nothing_to_see_is_drawn_too(track: FeatureTrack) -> None:
    assert plot_feature(track)._repr_png_().startswith(PNG)  # type: ignore[attr-defined]


# ---- what is refused, and where things are drawn -----------------------------------------------------


def test_several_channels_of_an_image() -> None:
    track = make_track(np.arange(60.0).reshape(2, 3, 10), ("frame", "channel", "bin"))
    (image,) = plot_feature(track, channel=2).get_images()
    assert np.array_equal(np.asarray(image.get_array()), track.data[:, 2].T)
    with pytest.raises(InvalidParameterError):
        plot_feature(track, channel=3)
    with pytest.raises(InvalidParameterError, match="more than a picture"):
        plot_feature(make_track(np.zeros((2, 3, 10)), ("frame", "lag", "bin")))
    with pytest.raises(InvalidTypeError):
        plot_feature(np.zeros(3))  # type: ignore[arg-type]


def test_complex_values_are_drawn_as_magnitudes() -> None:
    track = make_track([[0.0]], ("frame", "bin"))
    object.__setattr__(track, "data", np.full((3, 9), 3 + 4j, dtype=np.complex64))
    assert np.all(np.asarray(plot_feature(track).get_images()[0].get_array()) == 5.0)


def test_given_axes_are_drawn_into_and_returned() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    first, second = figure.subplots(2)
    assert plot_feature(STEREO, first) is first
    assert plot_feature(SPECTRUM, ax=second) is second
    assert len(first.get_lines()) == 2
    assert len(figure.axes) == 3


def test_a_saved_figure_is_not_blank(tmp_path: Any) -> None:
    from matplotlib import image as reader

    for name, track in (("image", SPECTRUM), ("wave", WAVE), ("curves", STEREO)):
        path = tmp_path / f"{name}.png"
        plot_feature(track).figure.savefig(path)
        pixels = reader.imread(path)
        assert pixels.shape[0] > 200
        assert pixels.shape[1] > 600
        assert pixels[..., :3].std() > 0.05
        assert len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) > 20


def test_a_notebook_shows_axes_or_figure_once_with_and_without_pyplot() -> None:
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
import numpy as np
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.plotting import plot_feature
shell = InteractiveShell.instance()
shell.display_formatter.active_types = list(shell.display_formatter.format_types)
track = FeatureTrack("f", "c", "1", "l", "", np.zeros((3, 1), "f4"), ("frame", "value"), 0.0, 0.1, 0.0, "k")
ax = plot_feature(track)
def shown(thing):
    data, _ = shell.display_formatter.format(thing)
    return sorted(kind for kind in data if kind != "text/plain")
print(shown(ax), shown(ax.figure), "matplotlib.pyplot" in sys.modules)
import matplotlib.pyplot as plt
from IPython.core.pylabtools import select_figure_formats
select_figure_formats(shell, {"png"})
print(shown(ax), shown(ax.figure), shown(plot_feature(track)), plt.get_fignums())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "['image/png'] ['image/png'] False",
        "['image/png'] ['image/png'] ['image/png'] []",
    ]


def test_matplotlib_is_loaded_when_the_first_figure_is_made() -> None:
    code = "import sys, audiocache_nb, audiocache_nb.plotting; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
