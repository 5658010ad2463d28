"""Self-similarity and novelty: by hand, and where chords change."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from support.families import compute
from support.passes import held, noise

from audiocache_nb.audio import examples
from audiocache_nb.errors import CalculatorError
from audiocache_nb.features.builtin.structure import checkerboard


def cosines(values: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(values.astype(np.float64), axis=1)
    return values @ values.T.astype(np.float64) / np.outer(length, length)


def test_without_pooling_it_is_the_cosine_of_any_two_frames():
    source = held(noise(30_000, 2))
    track = compute(source, "ssm", step_s=0.0)
    np.testing.assert_allclose(track.data, cosines(compute(source, "chroma").data), atol=1e-6)
    np.testing.assert_allclose(track.coords["row"], np.arange(59) * 512 / 44100)
    np.testing.assert_array_equal(track.data, track.data.T)
    assert track.format == "matrix"


def test_columns_are_means_around_their_time():
    source = held(noise(200_000))
    chroma = compute(source, "chroma").data
    track = compute(source, "ssm", step_s=0.1)  # nine hops of 11.6 ms
    starts = range(0, len(chroma), 9)
    means = np.stack([chroma[max(0, start - 4) : start + 5].mean(axis=0) for start in starts])
    np.testing.assert_allclose(track.data, cosines(means), atol=1e-6)
    np.testing.assert_allclose(np.diff(track.coords["column"]), 9 * 512 / 44100)


@pytest.mark.parametrize("of", ["loudness", "peaks", "spectrogram"])
@pytest.mark.parametrize("n", [1, 100, 4410, 50_000, 131_000])
def test_any_feature_at_any_length_fits_into_the_size(of, n):
    source = held(noise(n, 2))
    for params in ({"step_s": 0.05}, {"step_s": 0.0, "max_columns": 20}):
        matrix = compute(source, "ssm", of=of, **params)
        novelty = compute(source, "novelty", of=of, kernel=8, **params)
        assert matrix.data.shape == (novelty.frame_count, novelty.frame_count)
        assert len(matrix.data) <= params.get("max_columns", 2000)
        np.testing.assert_allclose(novelty.times_s, matrix.coords["row"])
        assert np.abs(matrix.data).max() <= 1


def test_novelty_is_foote_s_correlation():
    source = held(noise(100_000))
    similarity = compute(source, "ssm", step_s=0.02).data.astype(np.float64)
    found = compute(source, "novelty", step_s=0.02, kernel=20).data[:, 0]
    for t in (0, 1, 4, 10, 50, len(similarity) - 11, len(similarity) - 3, len(similarity) - 1):
        reach = min(10, t, len(similarity) - 1 - t)
        total = weight = 0.0
        for i in range(-reach, reach + 1):
            for j in range(-reach, reach + 1):
                k = np.sign(i) * np.sign(j) * np.exp(-(i**2 + j**2) / (2 * (max(1, reach) / 2) ** 2))
                total, weight = total + k * similarity[t + i, t + j], weight + abs(k)
        assert found[t] == pytest.approx(total / max(weight, 1e-9), abs=1e-6)


@pytest.mark.parametrize("half", [1, 5, 32])
def test_the_checkerboard(half):
    board = checkerboard(half)
    assert board.shape == (2 * half + 1,) * 2
    assert np.abs(board).sum() == pytest.approx(1, abs=1e-5)
    assert board.sum() == pytest.approx(0, abs=1e-6)
    assert (board[:half, :half] > 0).all()
    assert (board[:half, half + 1 :] < 0).all()


def test_novelty_peaks_where_chords_change():
    samples, rate = examples.load("chords")
    changes_s = [chord.start_s for chord in examples.truth("chords").chords][1:]
    track = compute(held(samples, rate), "novelty", kernel=20)
    curve = track.data[:, 0]
    peaks = 1 + np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:]))
    strongest = np.sort(peaks[np.argsort(curve[peaks])[-len(changes_s) :]])
    np.testing.assert_allclose(track.times_s[strongest], changes_s, atol=0.15)


def test_a_chord_is_like_itself_and_unlike_others():
    samples, rate = examples.load("chords")
    track = compute(held(samples, rate), "ssm")
    at = [int(np.searchsorted(track.coords["row"], 2 * number + 1)) for number in range(5)]
    assert track.data[at[0], at[4]] > 0.95  # C major again
    assert track.data[at[0], at[2]] < 0.8


def test_silence_and_nothing():
    source = held(np.zeros(50_000))
    assert not compute(source, "ssm").data.any()
    assert not compute(source, "novelty").data.any()
    assert compute(held(np.zeros((0, 1))), "ssm").data.shape == (0, 0)
    assert compute(held(np.zeros((0, 1))), "novelty").data.shape == (0, 1)


def test_events_and_complex_numbers_cannot_be_compared():
    for of, why in (("onsets", "has no frames"), ("stft", "is complex")):
        with pytest.raises(CalculatorError, match=why):
            compute(held(noise(10_000)), "ssm", of=of)


# --- one column for every beat --------------------------------------------------------------------


@pytest.mark.parametrize("of", ["chroma", "mfcc", "loudness", "peaks"])
def test_columns_are_means_from_beat_to_beat_as_librosa_takes_them(of):
    samples, rate = examples.load("drum-loop")
    source = held(samples, rate)
    feature, beats_s = compute(source, of), compute(source, "beats").times_s
    track = compute(source, "ssm", of=of, sync="beats")
    assert track.data.shape == (len(beats_s),) * 2
    np.testing.assert_allclose(track.coords["row"], beats_s)
    table = feature.data.reshape(len(feature.data), -1).astype(np.float64)
    starts = np.searchsorted(feature.times_s, beats_s - 1e-9)
    means = librosa.util.sync(table.T, starts.tolist(), aggregate=np.mean, pad=True).T
    np.testing.assert_allclose(track.data, cosines(means[1:]), atol=2e-6)
    curve = compute(source, "novelty", of=of, sync="beats", kernel=8)
    assert (curve.format, list(curve.coords["field"])) == ("events", ["time", "novelty"])
    np.testing.assert_allclose(curve.times_s, beats_s)


def test_the_novelty_of_beats_is_that_of_their_matrix():
    samples, rate = examples.load("drum-loop")
    source = held(samples, rate)
    similarity = compute(source, "ssm", sync="beats").data.astype(np.float64)
    found = compute(source, "novelty", sync="beats", kernel=6).data[:, 1]
    for t in (4, len(similarity) // 2):
        part = similarity[t - 3 : t + 4, t - 3 : t + 4]
        assert found[t] == pytest.approx((part * checkerboard(3)).sum(), abs=1e-6)


def test_many_beats_are_taken_in_steps_and_silence_has_none():
    samples, rate = examples.load("drum-loop")
    source = held(samples, rate)
    beats_s = compute(source, "beats").times_s
    track = compute(source, "ssm", sync="beats", max_columns=6)
    assert len(track.data) <= 6
    step = -(-len(beats_s) // 6)
    np.testing.assert_allclose(track.coords["row"], beats_s[::step])
    for quiet in (np.zeros(50_000), np.zeros((0, 1))):
        assert compute(held(quiet), "ssm", sync="beats").data.shape == (0, 0)
        assert len(compute(held(quiet), "novelty", sync="beats").data) == 0
