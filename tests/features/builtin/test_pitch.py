"""Fundamental frequencies: known pitches, the definition by hand, and librosa."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import librosa
import numpy as np
import pytest
import scipy.stats
import soundfile
from hypothesis import given, settings
from support.families import compute
from support.passes import analyse, held, noise, streamed

from audiocache_nb.audio import examples
from audiocache_nb.errors import CalculatorError, InvalidParameterError
from audiocache_nb.features.builtin.pitch_path import BLOCK_FRAMES, PitchPath
from audiocache_nb.features.builtin.yin import Difference, refined, troughs, vertices
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.track import FeatureTrack


def cents(hz, reference_hz):
    return 1200 * np.log2(np.asarray(hz, np.float64) / reference_hz)


def sine(hz: float, rate: int = 44100, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def truth_at(name: str, track: FeatureTrack) -> tuple[np.ndarray, np.ndarray]:
    """Known frequencies of the frames, and which frames lie well within a note between fmin and fmax."""
    truth = examples.truth(name)
    hz, earlier, later = (
        np.interp(track.times_s + shift, truth.f0_times_s, truth.f0_hz) for shift in (0, -0.045, 0.045)
    )
    inside = np.isfinite(hz + earlier + later)
    return hz, inside & (np.nan_to_num(hz) > 67) & (np.nan_to_num(hz) < 2000)


# --- YIN ------------------------------------------------------------------------------------------


def test_the_difference_function_is_that_of_the_paper():
    frames, longest = noise(3 * 300)[:, 0].reshape(3, 300), 100
    out = Difference(Framing(300, 100), longest).compute((frames,), Scratch())
    x = frames.astype(np.float64)
    n = np.arange(50, 200)
    d = np.stack([((x[:, n] - x[:, n + k]) ** 2).sum(axis=1) for k in range(longest + 1)], axis=1)
    np.testing.assert_allclose(out[:, 0], d, atol=1e-9)
    means = np.cumsum(d, axis=1)[:, 1:] / np.arange(1, longest + 1)
    np.testing.assert_allclose(out[:, 1, 1:], d[:, 1:] / means, rtol=1e-6)
    assert (out[:, 1, 0] == 1).all()


def test_minima_and_vertices_of_a_parabola():
    k = np.arange(12.0)
    curve = np.stack([0.3 * (k - 4.3) ** 2 + 0.2, 0.5 * (k - 7.0) ** 2])
    assert np.argwhere(troughs(curve)).tolist() == [[0, 4], [1, 7]]
    np.testing.assert_allclose(refined(curve, np.array([0, 1]), np.array([4, 7])), [4.3, 7.0])
    np.testing.assert_allclose(vertices(curve)[[0, 1], [4, 7]], [0.2, 0.0], atol=1e-12)
    np.testing.assert_allclose(vertices(curve)[0, 6:], curve[0, 6:])


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000, 192000])
@pytest.mark.parametrize("hz", [66.0, 110.0, 440.0, 1000.0, 2000.0])
def test_sines_have_their_pitch_at_any_rate(hz, rate):
    data = compute(held(sine(hz, rate), rate), "f0.yin").data
    inside = data[len(data) // 4 : -len(data) // 4]
    assert np.abs(cents(inside[:, 0], hz)).max() < (0.3 if rate > 8000 else 5)
    assert inside[:, 1].max() < 0.05


def test_the_melody_s_pitches_are_known():
    samples, rate = examples.load("melody")
    track = compute(held(samples, rate), "f0.yin")
    hz, inside = truth_at("melody", track)
    assert inside.sum() > 500
    error = np.abs(cents(track.data[inside, 0], hz[inside]))
    assert error.max() < 5  # where a note is struck
    assert np.percentile(error, 95) < 0.1
    assert np.median(track.data[inside, 1]) < 0.001


@pytest.mark.parametrize(("name", "within"), [("vowels", 12), ("sweep", 10)])
def test_gliding_pitches_are_followed(name, within):
    samples, rate = examples.load(name)
    track = compute(held(samples, rate), "f0.yin")
    hz, inside = truth_at(name, track)
    assert np.percentile(np.abs(cents(track.data[inside, 0], hz[inside])), 98) < within


def test_librosa_finds_the_same_pitches():
    """It takes the sum to the end of the frame, where samples have no partner: 1 cent flat, here."""
    samples, rate = examples.load("melody")
    track = compute(held(samples, rate), "f0.yin")
    _, inside = truth_at("melody", track)
    theirs = librosa.yin(samples.astype(np.float64), fmin=65, fmax=2093, sr=rate, hop_length=512)
    assert np.abs(cents(track.data[inside, 0], theirs[inside])).max() < 5


def test_noise_is_not_periodic():
    assert compute(held(noise(44100)), "f0.yin").data[5:-5, 1].mean() > 0.7


def test_the_range_is_kept_and_checked():
    source = held(sine(110, 8000), 8000)
    data = compute(source, "f0.yin", fmin=150.0, fmax=900.0).data
    assert data[:, 0].max() < 950
    for params in ({"fmin": 500.0, "fmax": 400.0}, {"fmin": 3000.0, "fmax": 5000.0}):
        with pytest.raises(CalculatorError, match="fmin is") as caught:
            compute(source, "f0.yin", **params)
        assert isinstance(caught.value.__cause__, InvalidParameterError)


@given(n=st.integers(1, 12_000), size=st.integers(600, 6000))
@settings(max_examples=15)
def test_blocks_of_any_size_give_the_same_pitch(n, size):
    samples = sine(220.0, seconds=0.3)[:n] + noise(n)[: len(sine(220.0, seconds=0.3)[:n]), 0] / 50
    for name in ("f0.yin", "f0.candidates"):
        pieces = analyse(streamed(samples, piece=777), [name], size=size).data(name)
        np.testing.assert_allclose(pieces, compute(held(samples), name).data, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_what_does_not_change_has_no_pitch(value):
    source = held(np.full(10_000, value))
    inside = compute(source, "f0.yin").data[3:-3]
    np.testing.assert_array_equal(inside, np.tile(np.float32([0, 1]), (len(inside), 1)))
    assert not compute(source, "f0.candidates").data[3:-3].any()
    assert not compute(held(np.zeros(5000)), "f0.pyin").data.any()


@pytest.mark.parametrize("n", [0, 1, 512, 2047])
def test_short_recordings(n):
    source = held(noise(n) if n else np.zeros((0, 1)))
    rows = 1 + n // 512 if n else 0
    for name, tail in (("f0.yin", (2,)), ("f0.candidates", (8, 2)), ("f0.pyin", (3,))):
        data = compute(source, name).data
        assert data.shape == (rows, *tail)
        assert np.isfinite(data).all()


# --- pYIN -----------------------------------------------------------------------------------------


def test_candidates_have_the_probabilities_of_the_paper():
    samples = (sine(220.0, seconds=0.2) + noise(8820)[:, 0] / 5).astype(np.float32)
    rows = compute(held(samples), "f0.candidates").data[4]
    padded = np.concatenate([np.zeros(1024), samples, np.zeros(1024)]).astype(np.float32)
    step = Difference(Framing(2048, 512), 679)
    relative = step.compute((padded[None, 4 * 512 : 4 * 512 + 2048],), Scratch())[0, 1, 21:]
    lags = np.flatnonzero(troughs(relative[None])[0])
    heights = relative[lags]
    edges = np.linspace(0, 1, 101)
    want = np.zeros(len(lags))
    for threshold, weight in zip(edges[1:], np.diff(scipy.stats.beta.cdf(edges, 2, 18)), strict=True):
        below = np.flatnonzero(heights < threshold)
        if len(below):
            want[below] += weight * scipy.stats.boltzmann.pmf(np.arange(len(below)), 2, len(below))
        else:
            want[np.argmin(heights)] += 0.01 * weight
    np.testing.assert_allclose(rows[:, 1], np.sort(want)[::-1][:8], rtol=1e-4, atol=1e-9)
    assert cents(rows[0, 0], 220.0) == pytest.approx(0, abs=15)


def test_the_path_is_the_likeliest_of_all_paths():
    """Every path through four frames of few pitches, added up by hand from the model's own definition."""
    path = PitchPath(100.0, 100.0 * 2 ** (0.45 / 12), hop_s=0.002, switch=0.2)
    bins, reach = 5, 5
    rng = np.random.default_rng(3)
    hz = 100 * 2 ** (np.array([[0, 3], [4, 1], [2, 3], [0, 4]]) / 120)
    probability = rng.uniform(0.05, 0.45, (4, 2))
    found = path.follow(np.stack([hz, probability], axis=2).astype(np.float32), _Nobody())
    observed = np.full((4, 2 * bins), 1e-300)
    for t, (row, weights) in enumerate(zip(hz, probability, strict=True)):
        observed[t, np.rint(120 * np.log2(row / 100)).astype(int)] = weights
        observed[t, bins:] = (1 - weights.sum()) / bins
    moves = np.maximum(0, 1 - np.abs(np.arange(bins)[:, None] - np.arange(bins)) / (reach + 1))
    moves /= moves.sum(axis=1, keepdims=True)
    model = np.kron([[0.8, 0.2], [0.2, 0.8]], moves)
    paths = np.array(list(itertools.product(range(2 * bins), repeat=4)))
    score = np.log(observed[np.arange(4), paths]).sum(axis=1) + np.log(model[paths[:, :-1], paths[:, 1:]]).sum(axis=1)
    best = paths[np.argmax(score)]
    np.testing.assert_allclose(found, np.where(best < bins, 100 * 2 ** (best / 120), 0), rtol=1e-6)


def test_a_long_path_is_the_likeliest_also_from_block_to_block():
    """By the textbook, with whole matrices of transitions, and more frames than are looked at together."""
    bins, n = 60, BLOCK_FRAMES + 500
    path = PitchPath(100.0, 100.0 * 2 ** ((bins - 0.5) / 120), hop_s=0.01, switch=0.01)
    reach = 20
    rng = np.random.default_rng(4)
    walk = np.cumsum(rng.integers(-8, 9, n)) % bins
    places = np.stack([walk, rng.integers(0, bins, n)], axis=1)
    places[:, 1] += places[:, 1] == walk
    places %= bins
    probability = np.float32([[0.5, 0.25]]) * rng.choice([0.0, 1.0], (n, 1), p=[0.3, 0.7])
    probability = (probability * rng.uniform(0.8, 1.2, (n, 2))).astype(np.float32)
    hz = np.where(probability > 0, 100 * 2 ** (places / 120), 0)
    found = path.follow(np.stack([hz, probability], axis=2).astype(np.float32), _Nobody())

    moves = np.maximum(0, 1 - np.abs(np.arange(bins)[:, None] - np.arange(bins)) / (reach + 1))
    with np.errstate(divide="ignore"):
        model = np.log(np.kron([[0.99, 0.01], [0.01, 0.99]], moves / moves.sum(axis=1, keepdims=True)))
    observed = np.full((n, 2 * bins), -700.0)
    for t in range(n):
        for place, weight in zip(places[t], probability[t], strict=True):
            if weight > 0:
                observed[t, place] = np.log(np.float64(weight))
    observed[:, bins:] = np.log((1 - probability.astype(np.float64).sum(axis=1)) / bins)[:, None]
    score, choices = observed[0], []
    for row in observed[1:]:
        chains = score[:, None] + model
        choices.append(chains.argmax(axis=0))
        score = chains.max(axis=0) + row
    states = [int(score.argmax())]
    for choice in reversed(choices):
        states.append(int(choice[states[-1]]))
    want = np.array(states[::-1])
    assert 0.2 < (want < bins).mean() < 0.9
    np.testing.assert_allclose(found, np.where(want < bins, 100 * 2 ** (want / 120), 0), rtol=1e-6)


class _Nobody:
    def checkpoint(self) -> None: ...
    def progress(self, value: float) -> None: ...


@pytest.mark.parametrize(("name", "within"), [("melody", 2), ("vowels", 12)])
def test_voiced_frames_have_their_pitch(name, within):
    samples, rate = examples.load(name)
    track = compute(held(samples, rate), "f0.pyin")
    hz, inside = truth_at(name, track)
    assert track.data[inside, 1].mean() > 0.99
    error = np.abs(cents(track.data[inside & (track.data[:, 1] > 0), 0], hz[inside & (track.data[:, 1] > 0)]))
    assert np.percentile(error, 99) < within


def test_the_path_does_not_depend_on_how_many_frames_there_are():
    """More frames than a block of the way back."""
    samples = np.tile(examples.load("vowels")[0], 3)
    profile = AnalysisProfile(window_size=1024, hop_size=128)
    track = compute(held(samples, 16000), "f0.pyin", profile)
    assert track.frame_count > 2048
    part = compute(held(samples[: len(samples) // 3], 16000), "f0.pyin", profile).data
    same = np.isclose(track.data[: len(part) - 50], part[:-50], atol=1e-3).all(axis=1)
    assert same.mean() > 0.99


@pytest.mark.parametrize("name", ["trumpet_90bpm.ogg", "speech_jfk_24bit.flac"])
def test_librosa_agrees_on_voices_and_pitches(recording, name):
    samples, rate = soundfile.read(recording(name), dtype="float32", always_2d=True, frames=4 * 44100)
    f0, voiced, _ = compute(held(samples, rate), "f0.pyin").data.T
    theirs, flag, _ = librosa.pyin(samples.mean(axis=1), fmin=65, fmax=2093, sr=rate, hop_length=512)
    assert ((voiced > 0) == flag).mean() > 0.85
    both = (voiced > 0) & flag
    assert np.median(np.abs(cents(f0[both], theirs[both]))) < 10
    assert np.percentile(np.abs(cents(f0[both], theirs[both])), 90) < 40
