"""Pictures of real features of real audio, against the samples and the numbers themselves."""

from __future__ import annotations

import types

import numpy as np
import pytest
from widgets.fake import curve_track, waveform_track

import audiocache_nb as acn
from audiocache_nb.sampling.depths import WavePyramid
from audiocache_nb.sampling.pyramid import ImagePyramid, MinMaxPyramid
from audiocache_nb.widgets.growth import DoneRows, runs
from audiocache_nb.widgets.pictures import make_picture


def go_on():
    """Nobody stops it."""


def naive(samples, width):
    """Extremes bucket by bucket, in plain Python."""
    starts = range(0, len(samples), width)
    return np.stack(
        [[samples[k : k + width].min(axis=0), samples[k : k + width].max(axis=0)] for k in starts]
    ).transpose(0, 2, 1)


@pytest.mark.parametrize("cell", [1, 2, 8, 64])
@pytest.mark.parametrize("frames", [1, 63, 5000])
def test_a_waveform_is_exact_from_samples_to_the_overview(cell, frames):
    samples = np.random.default_rng(frames).normal(size=(frames, 2)).astype(np.float32)
    pyramid = WavePyramid(
        naive(samples, cell),
        cell_samples=cell,
        frames=frames,
        read=lambda first, n: samples[first : first + n],
        tile_buckets=16,
    )
    assert pyramid.bucket_count(0) == pyramid.buckets == frames
    for level in range(pyramid.levels):
        count = pyramid.bucket_count(level)
        parts = [pyramid.tile(level, index) for index in range(-(-count // 16))]
        assert [start for start, _ in parts] == [16 * k for k in range(len(parts))]
        assert np.array_equal(np.concatenate([values for _, values in parts]), naive(samples, 4**level)), level
    assert pyramid.bucket_count(pyramid.levels - 1) <= 16
    assert pyramid.extremes == (samples.min(), samples.max())
    for level, index in [(-1, 0), (pyramid.levels, 0), (0, 1 + frames // 16)]:
        with pytest.raises(acn.AudioCacheError):
            pyramid.tile(level, index)


def audio_of(samples, rate=44100):
    return types.SimpleNamespace(
        sample_rate=rate,
        channels=samples.shape[1],
        frames=len(samples),
        read=lambda first, n: samples[first : first + n],
    )


def test_samples_are_shown_only_under_a_waveform_that_was_made_of_them():
    samples = np.random.default_rng(1).normal(size=(6400, 2)).astype(np.float32)
    track = waveform_track(data=naive(samples, 64))
    deep = make_picture(track, go_on, audio_of(samples))
    assert isinstance(deep.pyramid, WavePyramid)
    assert (deep.hop_s, deep.aligned, deep.pyramid.buckets) == (1 / 44100, "center", 6400)
    mono = make_picture(
        waveform_track(data=naive(samples.mean(axis=1, keepdims=True), 64), channels=1), go_on, audio_of(samples)
    )
    assert isinstance(mono.pyramid, WavePyramid)
    for other in (samples + 0.5, samples[:-64], samples[:, :1].repeat(3, axis=1)):
        shallow = make_picture(track, go_on, audio_of(other))
        assert isinstance(shallow.pyramid, MinMaxPyramid)
        assert (shallow.hop_s, shallow.aligned) == (64 / 44100, "start")


def test_complex_spectra_and_steep_powers_are_drawn_in_decibels():
    size = np.geomspace(1e-3, 1, 40, dtype=np.float32)
    spectrum = np.tile(size * np.exp(1j).astype(np.complex64), (30, 1))
    found = make_picture(curve_track(data=spectrum, key="stft", format="complex64", axes=("frame", "bin")), go_on)
    assert (found.unit, found.value_min, found.value_max) == ("dB re max", -80.0, 0.0)
    _, tile = found.pyramid.tile(0, 0)
    assert np.abs(tile[0] / 255 * 80 - 80 - 20 * np.log10(size)).max() < 0.2
    powers = np.tile(np.geomspace(1e-9, 1, 40, dtype=np.float32), (30, 1))
    found = make_picture(curve_track(data=powers, key="mel", axes=("frame", "mel")), go_on)
    assert found.unit == "dB re max"
    even = make_picture(curve_track(data=np.tile(np.linspace(0, 1, 12, dtype=np.float32), (30, 1)), key="c"), go_on)
    assert (even.unit, even.value_max) == ("", 1.0)


def test_every_built_in_feature_of_a_recording_can_be_drawn():
    with acn.Session(cache_dir=False) as session:
        y, rate = acn.examples.load("drum-loop")
        track = session.add_audio(y[: 2 * rate], rate)
        kinds = {}
        for calculator in session.registry:
            picture = make_picture(session.get(track, calculator.id, timeout=60), go_on, track.source)
            kinds.setdefault(picture.kind, set()).add(calculator.id)
            for level in range(picture.pyramid.levels if picture.pyramid.buckets else 0):
                start, values = picture.pyramid.tile(level, 0)
                assert start == 0
                assert len(values) <= picture.pyramid.tile_buckets
            assert picture.value_min < picture.value_max
            if picture.kind == "text":
                assert picture.facts["text"]
        assert {"waveform", "mvmnt.waveform"} == kinds["minmax"]
        assert {"onsets", "beats", "health.events"} <= kinds["events"]
        assert {"tempo", "loudness.integrated"} <= kinds["text"]
        assert {"spectrogram", "stft", "melspectrogram", "cqt", "chroma", "ssm"} <= kinds["image"]
        assert {"rms", "f0.yin", "peaks", "voice"} <= kinds["curve"]


def test_what_does_not_exist_yet_is_open_and_never_looked_at():
    data = np.random.default_rng(2).uniform(-80, 0, (300, 9)).astype(np.float32)
    done = np.zeros(300, bool)
    done[:40] = done[100:150] = True
    grown = np.where(done[:, None], data, 1e30).astype(np.float32)
    found = make_picture(curve_track(data=grown, key="g", axes=("frame", "value")), go_on, None, done)
    assert found.facts["done"] == [[0.0, 40 / 300], [100 / 300, 150 / 300]]
    assert (found.value_min, found.value_max) == (data[done].min(), data[done].max())
    _, tile = found.pyramid.tile(0, 0)
    assert (tile[40:100] == 0).all()
    assert tile[done[:256]].max() == 255
    curves = make_picture(curve_track(data=grown[:, :2], key="c", axes=("frame", "value")), go_on, None, done)
    _, tile = curves.pyramid.tile(0, 0)
    assert np.isnan(tile[~done]).all()
    assert np.array_equal(tile[done][..., 0], data[done][:, :2])
    samples = np.random.default_rng(3).normal(size=(6400, 2)).astype(np.float32)
    cells = naive(samples, 64)
    cells[50:] = 7
    wave = make_picture(waveform_track(data=cells), go_on, audio_of(samples), np.arange(100) < 50)
    assert isinstance(wave.pyramid, WavePyramid)
    assert np.isnan(wave.pyramid.tile(3, 0)[1][50:]).all()
    assert len(runs(np.arange(1000) % 2 == 0)) == 64
    assert runs(np.zeros(5, bool)) == []


def test_fields_of_a_frame_have_their_own_units():
    data = np.ones((30, 2), np.float32)
    made = {"data": data, "unit": "Hz", "axes": ("frame", "value"), "axis_coords": {"value": np.array(["f0", "share"])}}
    assert make_picture(curve_track(key="f0", **made), go_on).facts["units"] == ["Hz", ""]
    assert make_picture(curve_track(key="rms", unit="dBFS", data=data), go_on).facts["units"] == []


def test_a_growing_image_makes_anew_only_what_has_grown():
    data = np.random.default_rng(2).uniform(-80, 0, (6000, 400)).astype(np.float32)
    read = []

    class Noted:
        dtype, shape = data.dtype, data.shape

        def __getitem__(self, index):
            read.append((index.start, index.stop))
            return data[index]

    limits = {"value_min": -80, "value_max": 0, "tile_buckets": 64}
    done = np.arange(6000) < 3950
    before = ImagePyramid(DoneRows(Noted(), done), **limits)
    read.clear()
    more = np.arange(6000) < 5200
    after = ImagePyramid(DoneRows(Noted(), more), previous=before, **limits)
    assert read
    assert min(start for start, _ in read) > 2000, "what was known was made again"
    fresh = ImagePyramid(DoneRows(data, more), **limits)
    for level in range(fresh.levels):
        for index in range(-(-fresh.bucket_count(level) // 64)):
            assert np.array_equal(after.tile(level, index)[1], fresh.tile(level, index)[1])
    other = ImagePyramid(DoneRows(Noted(), more), previous=before, value_min=-60, value_max=0, tile_buckets=64)
    assert not np.array_equal(other.tile(3, 0)[1], fresh.tile(3, 0)[1])
