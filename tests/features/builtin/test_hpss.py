"""Harmonic and percussive power, against librosa's decomposition."""

from __future__ import annotations

import hypothesis.strategies as st
import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from support.families import compute
from support.passes import analyse, held, noise, streamed

from audiocache_nb.audio import examples
from audiocache_nb.errors import CalculatorError
from audiocache_nb.features.builtin.hpss import _mirror
from audiocache_nb.features.profile import AnalysisProfile


def librosa_powers(samples: np.ndarray, kernel: int | tuple[int, int] = 31, size: int = 2048, hop: int = 512):
    magnitude = np.abs(librosa.stft(samples, n_fft=size, hop_length=hop, pad_mode="constant"))
    parts = librosa.decompose.hpss(magnitude.astype(np.float64), kernel_size=kernel)
    weights = np.full(len(magnitude), 2 / (size * (librosa.filters.get_window("hann", size) ** 2).sum()))
    weights[[0, -1]] /= 2
    return np.stack([weights @ part**2 for part in parts], axis=1)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 2.0])
@pytest.mark.parametrize("kernel", [31, (5, 17), (1, 1)])
def test_powers_are_those_of_librosa_from_end_to_end(seconds, kernel):
    samples = examples.load("drum-loop")[0][: int(44100 * seconds)].mean(axis=1)
    time_kernel, frequency_kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    data = compute(held(samples), "hpss", time_kernel=time_kernel, frequency_kernel=frequency_kernel).data
    want = librosa_powers(samples, kernel)
    np.testing.assert_allclose(data[:, :2], want, rtol=1e-4, atol=1e-7 * want.max())
    total = want.sum(axis=1)
    share = np.divide(want[:, 0], total, out=np.zeros(len(want)), where=total > 0)
    loud = total > 1e-6 * total.max()
    np.testing.assert_allclose(data[loud, 2], share[loud], rtol=1e-4)


def test_a_real_recording_has_librosa_s_powers(recording):
    samples, rate = soundfile.read(recording("trumpet_90bpm.ogg"), dtype="float32", always_2d=True)
    want = librosa_powers(samples.mean(axis=1))
    data = compute(held(samples, rate), "hpss").data
    np.testing.assert_allclose(data[:, :2], want, rtol=1e-3, atol=1e-6 * want.max())


def test_other_frames():
    profile = AnalysisProfile(window_size=512, hop_size=100)
    samples = noise(9000)[:, 0]
    want = librosa_powers(samples, size=512, hop=100)
    np.testing.assert_allclose(compute(held(samples), "hpss", profile).data[:, :2], want, rtol=1e-4)


@given(n=st.integers(1, 40_000), size=st.integers(2000, 15_000))
@settings(max_examples=10)
def test_blocks_of_any_size_give_the_same_numbers(n, size):
    samples = noise(n)
    pieces = analyse(streamed(samples, piece=1111), ["hpss"], size=size).data("hpss")
    np.testing.assert_array_equal(pieces, compute(held(samples), "hpss").data)


def test_what_is_harmonic_and_what_is_percussive():
    sine = 0.5 * np.sin(2 * np.pi * 1000 / 44100 * np.arange(88200))
    tone = compute(held(sine), "hpss").data[20:-20]
    np.testing.assert_allclose(tone[:, 0], 0.125, rtol=1e-3)
    assert tone[:, 2].min() > 0.999
    clicks = np.zeros(88200)
    clicks[::22050] = 1
    hit = compute(held(clicks), "hpss").data
    assert hit[hit[:, 1] > 0.1 * hit[:, 1].max(), 2].max() < 0.01
    melody, rate = examples.load("melody")
    drums, _ = examples.load("drum-loop")
    shares = [compute(held(sound, rate), "hpss").data[:, :2].sum(axis=0) for sound in (melody, drums)]
    assert shares[0][0] / shares[0].sum() > 0.9
    assert shares[1][0] / shares[1].sum() < 0.5


def test_mirrors_reflect_as_often_as_it_takes():
    assert _mirror(np.arange(-4, 8), 3).tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]
    np.testing.assert_array_equal(
        np.pad(np.arange(5), 13, mode="symmetric"), np.arange(5)[_mirror(np.arange(-13, 18), 5)]
    )


def test_silence_and_even_kernels():
    assert not compute(held(np.zeros(20_000)), "hpss").data.any()
    assert compute(held(np.zeros((0, 1))), "hpss").data.shape == (0, 3)
    for name in ("time_kernel", "frequency_kernel"):
        with pytest.raises(CalculatorError, match=name):
            compute(held(noise(5000)), "hpss", **{name: 30})
