from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import AudioLimitError, SourceChangedError
from audiocache_nb.widgets.audio_wave import Heard, StoredFile, WaveFile, fold, mix, resampled, whole


def noise(frames, channels=1, seed=0):
    return (np.random.default_rng(seed).uniform(-0.9, 0.9, (frames, channels))).astype(np.float32)


def decoded(pieces):
    """As libsndfile, which is not ours, reads it."""
    return soundfile.read(io.BytesIO(pieces.read(0, pieces.nbytes)), dtype="float32", always_2d=True)


def test_an_array_becomes_a_wave_file_that_others_read():
    samples = noise(5000, 2)
    pieces = whole(load(samples, sample_rate=8000))
    found, rate = decoded(pieces)
    assert rate == 8000
    assert np.abs(found - samples).max() <= 1.5 / 32768


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_any_way_of_cutting_gives_the_same_bytes(cuts):
    pieces = whole(SOURCE)
    parts, at = [], 0
    for cut in [*cuts, pieces.nbytes]:
        parts.append(pieces.read(at, at + cut))
        at += cut
    assert b"".join(parts) == whole(SOURCE).read(0, 10**9)


SOURCE = load(noise(2000, 1, 5), sample_rate=8000)


def test_what_is_too_loud_is_clipped_and_what_is_no_number_is_silent():
    values = np.array([[2.0], [-3.0], [np.nan], [np.inf], [0.5]], np.float32)
    pieces = WaveFile(lambda start, frames: values[start : start + frames], sample_rate=8000, channels=1, frames=5)
    found, _ = decoded(pieces)
    assert found[:, 0] == pytest.approx([1, -1, 0, 1, 0.5], abs=1e-4)


def test_a_wave_file_that_cannot_be_is_refused():
    with pytest.raises(AudioLimitError, match="hours"):
        WaveFile(lambda start, frames: noise(frames), sample_rate=48000, channels=2, frames=2**31)


def test_channels_are_folded_to_what_a_page_hears():
    surround = noise(100, 6)
    assert fold(surround, 2) == pytest.approx(np.repeat(surround.mean(axis=1, keepdims=True), 2, axis=1), abs=1e-6)
    found, _ = decoded(whole(load(surround, sample_rate=8000)))
    assert found.shape == (100, 2)


def test_a_mix_is_the_sum_with_gains_places_and_regions():
    a, b = noise(8000, 1, 1) * 0.4, noise(4000, 2, 2) * 0.4
    parts = [
        Heard(load(a, sample_rate=8000), 0.25, 0.0, 1.0, 0.5),
        Heard(load(b, sample_rate=8000), 0.0, 0.125, 0.375, 1.5),
    ]
    found, rate = decoded(mix(parts, 1.5))
    expected = np.zeros((12000, 2))
    expected[2000:10000] += 0.5 * a
    expected[:2000] += 1.5 * b[1000:3000]
    assert rate == 8000
    assert found == pytest.approx(np.clip(expected, -1, 1), abs=1e-4)


def test_recordings_of_other_rates_are_resampled_as_scipy_does():
    rng = np.random.default_rng(3)
    slow = scipy.signal.lfilter([0.2] * 5, 1, rng.normal(0, 0.1, 11025)).astype(np.float32)[:, None]
    source = load(slow, sample_rate=11025)
    expected = scipy.signal.resample_poly(slow, 640, 147, axis=0)  # 48000 / 11025
    parts = [resampled(source, 0.0, first, 777, 48000) for first in range(0, 48000, 777)]
    found = np.concatenate(parts)
    assert len(found) == 48000
    assert found == pytest.approx(expected[:48000], abs=1e-5)
    begin = round(0.5 * 11025)
    tail = scipy.signal.resample_poly(slow[begin:], 640, 147, axis=0)
    assert resampled(source, 0.5, 100, 1000, 48000) == pytest.approx(tail[100:1100], abs=1e-5)
    assert len(resampled(source, 0.0, 47990, 100, 48000)) == 10
    assert len(resampled(source, 0.0, 60000, 100, 48000)) == 0


def test_a_file_is_sent_as_it_is_until_it_changes(tmp_path):
    path = tmp_path / "tone.flac"
    soundfile.write(path, noise(4000), 8000)
    source = load(path)
    pieces = StoredFile(path, source.check)
    assert pieces.read(0, 100) + pieces.read(100, 10**9) == path.read_bytes()
    whole_size = pieces.nbytes
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(SourceChangedError):
        pieces.read(0, 100)
    with pytest.raises(SourceChangedError):
        pieces.read(60, whole_size)
