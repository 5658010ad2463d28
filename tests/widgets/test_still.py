"""The still picture of a plot, read back by a decoder that is not ours."""

from __future__ import annotations

import base64
import io

import matplotlib.image
import numpy as np
import pytest
from widgets.conftest import until
from widgets.fake import curve_track, spectrogram_track, waveform_track

from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.pictures import make_picture
from audiocache_nb.widgets.still import GAP, MOST_BYTES, WIDTH, still_png


def picture(track):
    return make_picture(track, lambda: None)


def pixels(png):
    return matplotlib.image.imread(io.BytesIO(png), format="png")[..., :3]


def test_a_waveform_is_where_it_sounds():
    data = np.zeros((6000, 1, 2), np.float32)
    data[2000:4000] = [-0.5, 1.0]
    wave = picture(waveform_track(data=data, channels=1, axis_coords={}))
    end_s = 6000 * 64 / 44100
    image = pixels(still_png([wave], 0, end_s))
    assert image.shape == (40, WIDTH, 3)
    blue = np.abs(image - np.array([31, 102, 181]) / 255).max(axis=2) < 0.01
    heights = blue.sum(axis=0)
    assert (heights[10 : WIDTH // 3 - 5] <= 2).all()
    middle = heights[WIDTH // 3 + 5 : 2 * WIDTH // 3 - 5]
    assert (middle == middle[0]).all()
    assert middle[0] == pytest.approx(0.75 * 40, abs=2)
    half = pixels(still_png([wave], end_s / 3, end_s * 2 / 3))
    assert (np.abs(half - np.array([31, 102, 181]) / 255).max(axis=2) < 0.01).sum(axis=0)[5:-5].min() >= 28


def test_an_image_is_bright_where_it_is_loud_and_low_frequencies_are_below():
    data = np.full((400, 64), -80, np.float32)
    data[:, 60:] = 0
    data[200:, :32] = -40
    image = pixels(still_png([picture(spectrogram_track(data=data))], 0, 400 * 512 / 44100)).mean(axis=2)
    top, left, right = image[2:6].mean(), image[80:110, 20:300].mean(), image[80:110, 420:700].mean()
    assert top > 0.8 > right > 0.2 > left


def test_it_is_small_even_where_nothing_repeats_itself():
    rng = np.random.default_rng(5)
    loud = [picture(spectrogram_track(3000, 512, key=f"s{k}")) for k in range(4)]
    curve = picture(curve_track(data=rng.normal(size=(9000, 3)).astype(np.float32)))
    rows = np.stack([np.sort(rng.uniform(0, 30, 900)), rng.uniform(0, 1, 900)], axis=1)
    events = picture(curve_track(data=rows, key="e", format="events", axes=("event", "field")))
    png = still_png([*loud, curve, events], 0.5, 30.0)
    assert len(png) <= MOST_BYTES
    assert pixels(png).shape[1] in (WIDTH, WIDTH // 2)
    small = pixels(still_png([curve, events], 0, 30))
    assert small.shape == (64 + GAP + 28, WIDTH, 3)


@pytest.mark.parametrize("span", [(0, 0.001), (-50.0, -40.0), (7.9, 500.0), (1, 1)])
def test_any_span_can_be_drawn(span):
    values = np.full((690, 2), np.nan, np.float32)
    for track in (waveform_track(), spectrogram_track(), curve_track(), curve_track(data=values, key="nan")):
        png = still_png([picture(track)], *span)
        assert png is None if span[0] == span[1] else png is not None


def test_the_plot_brings_it_along_where_it_has_something(session, track):
    data, _ = FeaturePlot(session, track, "rms", waveform=False)._repr_mimebundle_()
    assert "image/png" not in data
    assert "<img" not in data["text/html"]
    session.set_entry(track, "rms", "fresh", curve_track())
    plot = FeaturePlot(session, track, "rms", waveform=False, span=(1.0, 3.0))
    data, _ = plot._repr_mimebundle_()
    png = base64.b64decode(data["image/png"])
    assert pixels(png).shape == (64, WIDTH, 3)
    assert f'src="data:image/png;base64,{data["image/png"]}"' in data["text/html"]
    assert 'alt="RMS of drums.wav, from 1.00 s to 3.00 s"' in data["text/html"]


def test_it_does_not_wait_for_what_cannot_be_drawn(session, track, monkeypatch, caplog):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("audiocache_nb.widgets.tiles.make_picture", fail)
    session.set_entry(track, "rms", "fresh", curve_track())
    plot = FeaturePlot(session, track, "rms", waveform=False)
    until(lambda: plot.layers[0]["state"] == "failed")
    slept = []
    monkeypatch.setattr("audiocache_nb.widgets.feature_plot.time.sleep", slept.append)
    assert "image/png" not in plot._repr_mimebundle_()[0]
    assert slept == []
