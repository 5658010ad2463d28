"""Formants, harmonicity and intensity: known resonances and noise, scipy's filters, and Praat."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from support.families import compute
from support.passes import analyse, held, noise, streamed

from audiocache_nb.audio import examples
from audiocache_nb.features.builtin.linear_prediction import burg, resampling_matrix, resonances
from audiocache_nb.features.profile import AnalysisProfile

VOWELS = range(5)


def vowels() -> tuple[np.ndarray, int]:
    return examples.load("vowels")


def inside(track, number: int) -> np.ndarray:
    vowel = examples.truth("vowels").vowels[number]
    return track.data[(track.times_s > vowel.start_s + 0.15) & (track.times_s < vowel.end_s - 0.15)]


# --- parts ----------------------------------------------------------------------------------------


def test_burg_finds_the_filter_that_made_the_sound():
    poles = 0.97 * np.exp(1j * np.array([0.3, 0.9, 1.7]))
    want = np.real(np.poly(np.concatenate([poles, poles.conj()])))
    sound = scipy.signal.lfilter([1], want, np.random.default_rng(0).normal(size=20_000))
    np.testing.assert_allclose(burg(sound[None], 6)[0], want, atol=0.02)
    assert burg(np.zeros((2, 50)), 4).tolist() == [[1, 0, 0, 0, 0]] * 2


def test_resonances_are_the_poles():
    rate, hz, width = 11000, np.array([500.0, 1500.0, 2500.0]), np.array([60.0, 90.0, 150.0])
    poles = np.exp(-np.pi * width / rate + 2j * np.pi * hz / rate)
    filters = np.real(np.poly(np.concatenate([poles, poles.conj()])))[None]
    found_hz, found_width = resonances(filters, rate)
    np.testing.assert_allclose(found_hz[0], hz, rtol=1e-6)
    np.testing.assert_allclose(found_width[0], width, rtol=1e-5)
    outside = np.real(np.poly(np.concatenate([1 / poles, 1 / poles.conj()])))[None]
    np.testing.assert_allclose(resonances(outside, rate)[1][0], width, rtol=1e-5)
    assert np.isinf(resonances(np.array([[1.0, 0, 0, 0, 0]]), rate)[0]).all()


@pytest.mark.parametrize("sample_rate", [11000, 16000, 44100, 192000])
def test_resampling_takes_the_values_between_the_samples(sample_rate):
    rate, window = 11000, 2 * int(0.032 * sample_rate)
    matrix = resampling_matrix(sample_rate=sample_rate, window_samples=window, rate=rate, length_s=0.05)
    assert matrix.shape == (550, window)
    times_s = (np.arange(window) - window // 2) / sample_rate
    middles = np.arange(550) - 274.5
    taper = (np.exp(-48 * (middles / 551) ** 2) - np.exp(-12)) / (1 - np.exp(-12))
    for hz in (300.0, 3000.0, 5000.0):
        at = np.cos(2 * np.pi * hz * middles / rate) - np.exp(-2 * np.pi * 50 / rate) * np.cos(
            2 * np.pi * hz * (middles - 1) / rate
        )
        np.testing.assert_allclose(matrix @ np.cos(2 * np.pi * hz * times_s), taper * at, atol=0.02)
    if sample_rate > 2 * rate:
        assert np.abs(matrix @ np.cos(2 * np.pi * 7000 * times_s)).max() < 0.001


# --- what is known --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", VOWELS)
def test_vowels_have_their_formants(number):
    """The lower the harmonics are in number, the more the resonance is drawn to the strongest of them."""
    samples, rate = vowels()
    found = np.median(inside(compute(held(samples, rate), "voice", max_bandwidth=600.0), number), axis=0)
    want = examples.truth("vowels").vowels[number].formants_hz[:3]
    np.testing.assert_allclose(found[:3], want, rtol=0.08, atol=30)


@pytest.mark.parametrize("snr_db", [5.0, 10.0, 20.0])
def test_harmonicity_is_the_distance_of_tone_and_noise(snr_db):
    phase = 2 * np.pi * 150 * np.arange(60_000) / 44100
    tone = 0.2 * sum(np.sin(n * phase) / n for n in range(1, 20))
    hiss = np.random.default_rng(1).normal(size=60_000)
    hiss *= np.sqrt(np.mean(tone**2) / np.mean(hiss**2) / 10 ** (snr_db / 10))
    data = compute(held((tone + hiss).astype(np.float32)), "voice").data[10:-10]
    assert np.median(data[:, 3]) == pytest.approx(snr_db, abs=1)


def test_noise_is_not_harmonic_and_a_tone_is():
    assert np.median(compute(held(noise(40_000)), "voice").data[5:-5, 3]) < 0
    sine = 0.5 * np.sin(2 * np.pi * 220 * np.arange(40_000) / 44100)
    assert compute(held(sine), "voice").data[5:-5, 3].min() > 40


@pytest.mark.parametrize("level_db", [0.0, -6.0, -40.0])
def test_intensity_is_that_of_a_sine(level_db):
    sine = 10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * np.arange(30_000) / 44100)
    data = compute(held(sine + 0.0), "voice").data[8:-8, 4]
    np.testing.assert_allclose(data, 10 * np.log10(0.5 / 4e-10) + level_db, atol=0.01)


# --- Praat ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", VOWELS)
def test_praat_agrees_on_vowels(number):
    parselmouth = pytest.importorskip("parselmouth")
    samples, rate = vowels()
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    formants = sound.to_formant_burg(time_step=0.005)
    harmonicity = sound.to_harmonicity_cc(time_step=0.005)
    intensity = sound.to_intensity(minimum_pitch=100, time_step=0.005)
    track = compute(held(samples, rate), "voice")
    vowel = examples.truth("vowels").vowels[number]
    times_s = [time_s for time_s in track.times_s if vowel.start_s + 0.15 < time_s < vowel.end_s - 0.15]
    want = np.array(
        [
            [*(formants.get_value_at_time(n, time_s) for n in (1, 2, 3)), intensity.get_value(time_s)]
            for time_s in times_s
        ]
    )
    found = inside(track, number)
    assert np.percentile(np.abs(found[:, :3] / want[:, :3] - 1), 90) < 0.01
    assert np.percentile(np.abs(found[:, 4] - want[:, 3]), 95) < 0.1
    theirs = [harmonicity.get_value(time_s) for time_s in times_s]
    assert np.median(np.abs(found[:, 3] - theirs)) < 2.5
    assert np.median(found[:, 3]) == pytest.approx(np.median(theirs), abs=2.5)


def test_praat_agrees_on_speech(recording):
    parselmouth = pytest.importorskip("parselmouth")
    samples, rate = soundfile.read(recording("speech_jfk_24bit.flac"), dtype="float32", frames=5 * 44100)
    mono = samples.mean(axis=1)
    sound = parselmouth.Sound(mono.astype(np.float64), rate)
    formants, harmonicity = sound.to_formant_burg(time_step=0.005), sound.to_harmonicity_cc(time_step=0.005)
    track = compute(held(mono, rate), "voice")
    used = (track.times_s > 0.3) & (track.times_s < 4.7)
    times_s, found = track.times_s[used], track.data[used]
    want = np.array([[formants.get_value_at_time(n, time_s) for n in (1, 2, 3)] for time_s in times_s])
    assert np.nanmedian(np.abs(found[:, :3] / want - 1)) < 0.01
    theirs = np.array([harmonicity.get_value(time_s) for time_s in times_s])
    voiced = theirs > 0
    assert np.median(np.abs(found[voiced, 3] - theirs[voiced])) < 1


# --- edges ----------------------------------------------------------------------------------------


@given(n=st.integers(1, 20_000), size=st.integers(1000, 8000))
@settings(max_examples=10)
def test_blocks_of_any_size_give_the_same_numbers(n, size):
    samples = np.resize(vowels()[0], n) + noise(n)[:, 0] / 100
    pieces = analyse(streamed(samples, 16000, piece=999), ["voice"], size=size).data("voice")
    whole = compute(held(samples, 16000), "voice").data
    np.testing.assert_allclose(pieces, whole, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 22050, 96000])
def test_other_rates(rate):
    samples = scipy.signal.resample_poly(vowels()[0].astype(np.float64), rate, 16000).astype(np.float32)
    track = compute(held(samples, rate), "voice", AnalysisProfile(hop_size=rate // 50))
    a, want = np.median(inside(track, 0), axis=0), (730, 1090)
    if rate > 8000:  # with half the rate at 4 kHz, ten poles are more than four formants need
        np.testing.assert_allclose(a[:2], want, rtol=0.05)
    assert a[4] == pytest.approx(78.2, abs=0.5)


def test_silence_and_nothing():
    assert not compute(held(np.zeros(20_000)), "voice").data.any()
    assert compute(held(np.zeros((0, 1))), "voice").data.shape == (0, 5)
    assert np.isfinite(compute(held(np.full(3000, 0.5)), "voice").data).all()
