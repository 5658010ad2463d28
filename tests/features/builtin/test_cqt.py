"""The constant-Q spectrum: its formula at the full rate, and librosa."""

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
from audiocache_nb.features.builtin.cqt import C1_HZ, stages
from audiocache_nb.features.profile import AnalysisProfile


def by_formula(samples, rate: int, hop: int = 512, *, fmin: float = C1_HZ, n_bins: int = 84, per_octave: int = 12):
    """The definition, bin by bin, from all samples in float64."""
    ratio = 2 ** (2 / per_octave)
    quality = (ratio + 1) / (ratio - 1)
    columns = []
    for k in range(n_bins):
        hz = fmin * 2 ** (k / per_octave)
        length = quality * rate / hz
        n = np.arange(-int(length / 2), int(length / 2) + 1)
        taper = 0.5 + 0.5 * np.cos(2 * np.pi * n / length)
        taper *= np.sqrt(length) / taper.sum()
        padded = np.concatenate([np.zeros(n[-1]), samples, np.zeros(n[-1] + hop)])
        frames = np.lib.stride_tricks.sliding_window_view(padded, len(n))[::hop][: 1 + len(samples) // hop]
        columns.append(np.abs(frames @ (taper * np.exp(-2j * np.pi * hz / rate * n))))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(("rate", "hop"), [(44100, 512), (22050, 512), (48000, 300), (16000, 441), (96000, 1024)])
def test_the_numbers_are_those_of_the_formula(rate, hop):
    samples = noise(rate)[:, 0]
    data = compute(held(samples, rate), "cqt", AnalysisProfile(hop_size=hop)).data
    want = by_formula(samples.astype(np.float64), rate, hop)
    np.testing.assert_allclose(data, want, atol=2e-5 * want.max())


@pytest.mark.parametrize(
    "params", [{"fmin": 110.0, "n_bins": 60, "bins_per_octave": 24}, {"n_bins": 1}, {"n_bins": 17}]
)
def test_other_bins(params):
    samples = noise(30_000)[:, 0]
    track = compute(held(samples), "cqt", **params)
    facts = {"fmin": C1_HZ, "bins_per_octave": 12} | params
    want = by_formula(
        samples.astype(np.float64),
        44100,
        fmin=facts["fmin"],
        n_bins=facts["n_bins"],
        per_octave=facts["bins_per_octave"],
    )
    np.testing.assert_allclose(track.data, want, atol=2e-5 * want.max())
    steps = np.arange(facts["n_bins"]) / facts["bins_per_octave"]
    np.testing.assert_allclose(track.coords["pitch"], facts["fmin"] * 2**steps)


def librosa_cqt(samples: np.ndarray, rate: int) -> np.ndarray:
    return np.abs(
        librosa.cqt(
            samples.astype(np.float64),
            sr=rate,
            hop_length=512,
            tuning=0,
            sparsity=0,
            pad_mode="constant",
            res_type="soxr_vhq",
        )
    ).T


@pytest.mark.parametrize("name", ["melody", "chords"])
def test_librosa_agrees_to_a_hundredth(name):
    """Its windows are whole samples long, of the rate of each octave, and off the middle by up to one."""
    samples, rate = examples.load(name)
    want = librosa_cqt(samples, rate)
    data = compute(held(samples, rate), "cqt").data
    assert np.abs(data[: len(want)] - want).max() < 0.01 * want.max()
    loud = want > 0.1 * want.max()
    assert np.median(np.abs(data[: len(want)] - want)[loud] / want[loud]) < 0.005


def test_librosa_agrees_on_a_real_recording(recording):
    samples, rate = soundfile.read(recording("trumpet_90bpm.ogg"), dtype="float32", always_2d=True)
    want = librosa_cqt(samples.mean(axis=1), rate)
    data = compute(held(samples, rate), "cqt").data
    assert np.abs(data[: len(want)] - want).max() < 0.01 * want.max()


@pytest.mark.parametrize("k", [0, 11, 12, 45, 83])
def test_a_sine_at_a_centre_reads_its_amplitude(k):
    hz = C1_HZ * 2 ** (k / 12)
    data = compute(held(0.5 * np.sin(2 * np.pi * hz / 44100 * np.arange(88200))), "cqt").data
    ratio = 2 ** (1 / 6)
    length = (ratio + 1) / (ratio - 1) * 44100 / hz
    middle = data[len(data) // 2]
    assert np.argmax(middle) == k
    assert middle[k] == pytest.approx(0.25 * np.sqrt(length), rel=1e-3)
    far = np.abs(np.arange(84) - k) > 4
    assert middle[far].max() < 0.02 * middle[k]


@pytest.mark.parametrize("rate", [1000, 8000])
def test_bins_beyond_half_the_rate_are_zero(rate):
    track = compute(held(noise(2 * rate), rate), "cqt")
    there = track.coords["pitch"] < 0.47 * rate
    assert (track.data[:, there] > 0).all()
    assert not track.data[:, track.coords["pitch"] > 0.5 * rate].any()


def test_low_octaves_are_computed_at_low_rates():
    used = stages(44100, 512, C1_HZ, 84, 12)
    assert len(used) == 7
    assert max(octave.reach for stage in used for octave in stage.octaves) < 200
    assert len(stages(44100, 441, C1_HZ, 84, 12)) == 1


@given(n=st.integers(1, 60_000), size=st.integers(1000, 20_000), hop=st.sampled_from([512, 300, 441]))
@settings(max_examples=12)
def test_blocks_of_any_size_give_the_same_numbers(n, size, hop):
    samples, profile = noise(n), AnalysisProfile(hop_size=hop)
    pieces = analyse(streamed(samples, 22050, piece=1234), ["cqt"], profile, size=size).data("cqt")
    whole = compute(held(samples, 22050), "cqt", profile).data
    np.testing.assert_allclose(pieces, whole, rtol=1e-6, atol=1e-6 * whole.max())


def test_silence_and_nothing():
    assert not compute(held(np.zeros(10_000)), "cqt").data.any()
    assert compute(held(np.zeros((0, 1))), "cqt").data.shape == (0, 84)
