"""One period of the waveform: known tones, whose period and phase are known."""

from __future__ import annotations

import numpy as np
import pytest
from support.families import compute
from support.passes import held, noise

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.profile import AnalysisProfile

RATE = 22050
N = np.arange(RATE // 2)


def tone(period: float, *, offset: float = 0.0, phases=(0.3, 2.0, 4.4, 1.1)) -> np.ndarray:
    """A fundamental that is 0 at sample 0 and rises there, and four harmonics of any phase."""
    angle = 2 * np.pi * N / period
    harmonics = sum(0.2 / k * np.sin(k * angle + phase) for k, phase in enumerate(phases, 2))
    return (0.4 * np.sin(angle) + harmonics + offset).astype(np.float32)


def row_lengths(data: np.ndarray) -> np.ndarray:
    """Samples of each row up to the last that is not 0."""
    return data.shape[1] - np.argmax(data[:, ::-1] != 0, axis=1)


@pytest.mark.parametrize("period", [64, 101, 300])
@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_rows_are_the_samples_from_where_the_fundamental_rises_through_zero(period, offset):
    samples = tone(period, offset=offset)
    track = compute(held(samples, RATE), "waveform.period")
    inside = track.data[3:-3]
    np.testing.assert_array_equal(
        inside[:, :period], np.broadcast_to(samples[period : 2 * period], (len(inside), period))
    )
    assert not inside[:, period:].any()


def test_the_period_shown_is_around_the_middle_of_the_frame():
    """A tone that grows: what is shown has the size of that moment."""
    growth = np.linspace(0.1, 1.0, len(N)).astype(np.float32)
    samples = tone(100) * growth
    track = compute(held(samples, RATE), "waveform.period")
    middles = np.round(track.times_s * RATE).astype(int)
    for row, middle in list(zip(track.data, middles, strict=True))[4:-4]:
        start = int(np.flatnonzero((samples[: len(samples) - 1] == row[0]) & (samples[1:] == row[1]))[0])
        assert middle - 101 <= start <= middle


@pytest.mark.parametrize("period", [72.3, 150.75, 210.5])
def test_the_picture_stands_still_though_periods_are_no_whole_numbers_of_samples_and_there_is_noise(period):
    samples = tone(period, offset=0.1) + 0.02 * noise(len(N))[:, 0]
    data = compute(held(samples, RATE), "waveform.period").data[3:-3, : int(period)]
    assert np.corrcoef(data).min() > 0.99


def test_a_voice_that_glides_stays_in_phase():
    phase = 2 * np.pi * np.cumsum(np.geomspace(110, 220, len(N))) / RATE
    samples = (0.5 * np.sin(phase) + 0.3 * np.sin(2 * phase + 1) + 0.2 * np.sin(3 * phase + 2)).astype(np.float32)
    track = compute(held(samples, RATE), "waveform.period")
    lengths = row_lengths(track.data)[3:-3]
    assert (np.diff(lengths) <= 1).all()
    turns = np.linspace(0, 1, 50, endpoint=False)
    rows = zip(track.data[3:-3], lengths, strict=True)
    shown = np.stack([np.interp(turns * length, np.arange(length), row[:length]) for row, length in rows])
    assert np.corrcoef(shown).min() > 0.98


def test_rows_are_as_long_as_the_period_that_yin_finds():
    samples = held(tone(97.4) + 0.01 * noise(len(N))[:, 0], RATE)
    f0 = compute(samples, "f0.yin", threshold=0.2).data[:, 0]
    lengths = row_lengths(compute(samples, "waveform.period").data)
    assert (np.abs(lengths - RATE / f0)[3:-3] <= 0.5 + 1e-3).all()


@pytest.mark.parametrize("samples", [np.zeros(8000), noise(8000)[:, 0], np.full(8000, 0.5)])
def test_what_has_no_period_is_zero(samples):
    data = compute(held(samples, RATE), "waveform.period").data[3:-3]
    assert not data.any()


def test_the_longest_period_is_that_of_the_lowest_pitch():
    track = compute(held(tone(100), RATE), "waveform.period", AnalysisProfile(hop_size=256), fmin=100.0)
    assert track.data.shape == (1 + len(N) // 256, 221)
    assert (track.format, track.axes, track.unit) == ("waveform-periodic", ("frame", "sample"), "")
    np.testing.assert_allclose(track.coords["sample"], np.arange(221) / RATE)


def test_it_is_sampled_row_by_row_and_survives_a_scene(tmp_path):
    with acn.Session(cache_dir=False) as session:
        track = session.add_audio(tone(100), sample_rate=RATE)
        data = session.get(track, "waveform.period").data
        sample = session.sample(track, "waveform.period", time=10 * 512 / RATE, interpolation="nearest")
        np.testing.assert_array_equal(sample.values, data[10])
        with pytest.raises(InvalidParameterError, match="no single axis of bands"):
            session.sample(track, "waveform.period", time=0.1, band=3)
        session.save(tmp_path / "scene.zip")
    loaded, _ = acn.load(tmp_path / "scene.zip", trust=True)
    with loaded:
        again = loaded.get(next(iter(loaded.tracks)), "waveform.period")
        assert again.format == "waveform-periodic"
        np.testing.assert_array_equal(again.data, data)
