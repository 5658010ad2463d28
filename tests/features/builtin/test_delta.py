"""Change of any feature, against librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from support.families import compute
from support.passes import held, noise

from audiocache_nb.errors import CalculatorError, InvalidParameterError
from audiocache_nb.features.profile import AnalysisProfile

SHORT = AnalysisProfile(window_size=64, hop_size=16)


@pytest.mark.parametrize("of", ["spectrogram", "rms", "loudness"])
@pytest.mark.parametrize(("width", "order"), [(9, 1), (3, 1), (9, 2), (31, 1), (5, 4)])
def test_the_change_is_that_of_librosa(of, width, order):
    source = held(noise(44100 * 5, 2))
    data = compute(source, of).data
    want = librosa.feature.delta(data.astype(np.float64), axis=0, width=width, order=order, mode="interp")
    np.testing.assert_allclose(
        compute(source, "delta", of=of, width=width, order=order).data, want, rtol=1e-5, atol=1e-5 * np.abs(want).max()
    )


def test_many_frames_are_worked_on_in_blocks():
    source = held(noise(16 * 9000))
    data = compute(source, "rms", SHORT).data
    want = librosa.feature.delta(data.astype(np.float64), axis=0)
    np.testing.assert_allclose(compute(source, "delta", SHORT, of="rms").data, want, atol=1e-6)


def test_shape_axes_and_times_are_those_of_the_feature():
    source = held(noise(20_000, 2))
    track, of = compute(source, "delta", of="waveform"), compute(source, "waveform")
    assert (track.data.shape, track.axes, track.hop_seconds) == (of.data.shape, of.axes, of.hop_seconds)
    assert track.format == "float32"
    assert compute(source, "delta", of="spectrogram").unit == "dB/frame"
    assert compute(source, "delta", of="spectrogram", order=2).unit == "dB/frame^2"


def test_a_slope_is_found_everywhere():
    ramp = held(np.linspace(0, 1, 64 * 100).astype(np.float32))
    slope = compute(ramp, "delta", of="peaks").data[:, 0, 0]
    np.testing.assert_allclose(slope, 64 / 6399, rtol=1e-4)


@pytest.mark.parametrize("frames", range(1, 12))
def test_short_features_make_one_fit(frames):
    source = held(noise(64 * frames))
    data = compute(source, "peaks").data[:, 0, 2]
    slope = compute(source, "delta", of="peaks").data[:, 0, 2]
    assert slope.shape == (frames,)
    assert np.isfinite(slope).all()
    if frames == 1:
        assert slope[0] == 0
    if frames in (3, 5, 7):
        np.testing.assert_allclose(slope, np.polyfit(np.arange(frames), data, 1)[0], rtol=1e-4)


def test_nothing_changes_in_silence_and_there_is_nothing_of_nothing():
    assert not compute(held(np.zeros(10_000)), "delta", of="spectrogram").data.any()
    assert compute(held(np.zeros((0, 1))), "delta", of="spectrogram").data.shape == (0, 1025)


@pytest.mark.parametrize("params", [{"width": 8}, {"width": 3, "order": 3}])
def test_what_cannot_be_fitted_is_refused(params):
    with pytest.raises(InvalidParameterError, match="width"):
        compute(held(noise(1000)), "delta", of="rms", **params)


@pytest.mark.parametrize(("of", "why"), [("loudness.integrated", "has no frames"), ("stft", "is complex")])
def test_some_features_have_no_change(of, why):
    with pytest.raises(CalculatorError, match=why):
        compute(held(noise(1000)), "delta", of=of)


def test_the_change_of_itself_is_a_circle():
    with pytest.raises(InvalidParameterError, match="circle"):
        compute(held(noise(1000)), "delta", of="delta")
