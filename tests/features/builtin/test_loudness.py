"""Loudness: the recommendation's own filters, the test signals of the EBU, and pyloudnorm."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from support.families import compute, named
from support.passes import analyse, held, noise, streamed

from audiocache_nb.audio import examples
from audiocache_nb.features.builtin.kweighting import channel_weights, sections

TOLERANCE_LU = 0.1


def tones(*parts: tuple[float | None, float], rate: int = 48000, channels: int = 2) -> np.ndarray:
    """Sines of 1 kHz, one after the other, as (peak level [dBFS] or None for silence, seconds)."""
    counts = [round(seconds * rate) for _, seconds in parts]
    gains = [0.0 if level is None else 10 ** (level / 20) for level, _ in parts]
    gain = np.repeat(gains, counts)
    sine = gain * np.sin(2 * np.pi * 1000 / rate * np.arange(len(gain)))
    return np.repeat(sine[:, None], channels, axis=1).astype(np.float32)


def measure(samples: np.ndarray, rate: int = 48000) -> dict[str, float]:
    return named(compute(held(samples, rate), "loudness.integrated"))


def test_the_filters_at_48_khz_are_those_of_the_recommendation():
    shelf, high_pass = sections(48000)
    want = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    np.testing.assert_allclose(shelf, want, atol=2e-9)
    np.testing.assert_allclose(high_pass, [1, -2, 1, 1, -1.99004745483398, 0.99007225036621], atol=2e-9)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 96000, 192000])
def test_the_weighting_is_the_same_curve_at_any_rate(rate):
    frequencies_hz = np.geomspace(20, 3000, 50)
    here = scipy.signal.sosfreqz(sections(rate), frequencies_hz, fs=rate)[1]
    there = scipy.signal.sosfreqz(sections(48000), frequencies_hz, fs=48000)[1]
    difference_db = 20 * np.log10(np.abs(here) / np.abs(there))
    assert np.abs(difference_db).max() < (0.05 if rate >= 44100 else 0.5)


def test_low_rates_have_no_shelf():
    assert len(sections(3000)) == 1
    assert np.isfinite(compute(held(noise(5000), 1000), "loudness").data).all()


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_ebu_3341_cases_1_and_2(level):
    samples = tones((level, 20.0))
    values = measure(samples)
    for name in ("integrated_lufs", "momentary_max_lufs", "short_term_max_lufs"):
        assert values[name] == pytest.approx(level, abs=TOLERANCE_LU)
    inside = compute(held(samples, 48000), "loudness").data[15:-15]
    np.testing.assert_allclose(inside, level, atol=TOLERANCE_LU)


@pytest.mark.parametrize(
    "parts",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_ebu_3341_cases_3_to_5(parts):
    assert measure(tones(*parts))["integrated_lufs"] == pytest.approx(-23, abs=TOLERANCE_LU)


def test_ebu_3341_case_6_five_channels():
    gains = 10 ** (np.array([-28.0, -28, -24, -30, -30]) / 20)
    samples = tones((0.0, 20.0), channels=5) * gains.astype(np.float32)
    assert measure(samples)["integrated_lufs"] == pytest.approx(-23, abs=TOLERANCE_LU)


def test_ebu_3341_case_9_short_term_stays():
    samples = tones(*[(-20.0, 1.34), (-30.0, 1.66)] * 5)
    short_term = compute(held(samples, 48000), "loudness").data[15:-15, 1]
    np.testing.assert_allclose(short_term, -23, atol=TOLERANCE_LU)


@pytest.mark.parametrize("n", range(0, 20, 3))
def test_ebu_3341_case_10_short_term_of_three_seconds(n):
    """The silence before the tone, a multiple of 150 ms, moves it across the steps."""
    values = measure(tones((None, 0.15 * n), (-23.0, 3.0), (None, 1.0)))
    assert values["short_term_max_lufs"] == pytest.approx(-23, abs=TOLERANCE_LU)


def test_ebu_3341_case_12_momentary_stays():
    samples = tones(*[(-20.0, 0.18), (-30.0, 0.22)] * 25)
    momentary = compute(held(samples, 48000), "loudness").data[2:-2, 0]
    np.testing.assert_allclose(momentary, -23, atol=TOLERANCE_LU)


@pytest.mark.parametrize("n", range(20))
def test_ebu_3341_case_13_momentary_of_400_ms(n):
    """The silence before the tone, a multiple of 20 ms, moves it across the steps, and a bit between them."""
    values = measure(tones((None, 0.02 * n + 0.003), (-23.0, 0.4), (None, 1.0)))
    assert values["momentary_max_lufs"] == pytest.approx(-23, abs=TOLERANCE_LU)


@pytest.mark.parametrize(
    ("name", "step_s", "tone_s"), [("short_term_max_lufs", 0.15, 3.0), ("momentary_max_lufs", 0.02, 0.4)]
)
def test_ebu_3341_cases_11_and_14_the_maximum_follows_tones_that_become_louder(name, step_s, tone_s):
    """Twenty tones, each 1 dB louder than the last, after silences that move them across the steps."""
    parts = []
    for n in range(20):
        parts += [(None, step_s * n), (-38.0 + n, tone_s), (None, tone_s - step_s * n + 1.0)]
        if n in (0, 1, 2, 5, 9, 14, 19):
            assert measure(tones(*parts))[name] == pytest.approx(-38.0 + n, abs=TOLERANCE_LU)


@pytest.mark.parametrize(
    ("levels", "range_lu"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_ebu_3342_cases_1_to_4(levels, range_lu):
    values = measure(tones(*[(level, 20.0) for level in levels]))
    assert values["range_lu"] == pytest.approx(range_lu, abs=TOLERANCE_LU)


@pytest.mark.parametrize("name", ["vibe_ace.ogg", "brahms_hungarian_dance_5.ogg", "speech_jfk_24bit.flac"])
def test_a_real_recording_has_the_loudness_of_pyloudnorm(recording, name):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    samples, rate = soundfile.read(recording(name), dtype="float32", always_2d=True)
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    values = measure(samples, rate)
    assert values["integrated_lufs"] == pytest.approx(meter.integrated_loudness(samples.astype(float)), abs=0.01)
    # pyloudnorm measures over 1.5 s of silence at the end, too, and moves its window by 90 ms
    longer = np.concatenate([samples, np.zeros((rate * 3 // 2, samples.shape[1]), np.float32)])
    assert measure(longer, rate)["range_lu"] == pytest.approx(meter.loudness_range(samples.astype(float)), abs=0.2)


@pytest.mark.parametrize("name", ["drum-loop", "melody", "vowels"])
def test_synthesised_music_has_the_loudness_of_pyloudnorm(name):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    samples, rate = examples.load(name)
    samples = samples.reshape(len(samples), -1)
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    values = measure(samples, rate)
    assert values["integrated_lufs"] == pytest.approx(meter.integrated_loudness(samples.astype(float)), abs=0.01)
    longer = np.concatenate([samples, np.zeros((rate * 3 // 2, samples.shape[1]), np.float32)])
    assert measure(longer, rate)["range_lu"] == pytest.approx(meter.loudness_range(samples.astype(float)), abs=0.2)


@given(n=st.integers(1, 20_000), size=st.integers(1000, 9000), channels=st.sampled_from([1, 2]))
@settings(max_examples=20)
def test_blocks_of_any_size_give_the_same_power(n, size, channels):
    samples = noise(n, channels)
    whole = compute(held(samples, 8000), "loudness.power").data
    pieces = analyse(streamed(samples, 8000, piece=333), ["loudness.power"], size=size).data("loudness.power")
    np.testing.assert_allclose(pieces, whole, rtol=1e-6)


def test_the_power_is_that_of_the_whole_signal_filtered():
    samples = noise(30_000)
    filtered = scipy.signal.sosfilt(sections(44100), samples[:, 0].astype(np.float64))[: 6 * 4410]
    want = (filtered.reshape(6, 10, 441) ** 2).mean(axis=2)
    np.testing.assert_allclose(compute(held(samples), "loudness.power").data[:6, 0], want, rtol=1e-6)


def test_parts_of_a_step_that_are_not_of_one_length_add_up():
    samples = noise(11025)  # steps of 1102 samples
    power = compute(held(samples, 11025), "loudness.power").data[:, 0].astype(float)
    filtered = scipy.signal.sosfilt(sections(11025), samples[:, 0].astype(np.float64))[: 10 * 1102]
    np.testing.assert_allclose(power[:10].mean(axis=1), (filtered.reshape(10, 1102) ** 2).mean(axis=1), rtol=1e-6)


def test_surround_counts_more_and_the_subwoofer_not_at_all():
    np.testing.assert_array_equal(channel_weights(6), [1, 1, 1, 0, 1.41, 1.41])
    np.testing.assert_array_equal(channel_weights(2), [1, 1])
    np.testing.assert_array_equal(channel_weights(11), np.ones(11))


def test_twice_the_gain_is_six_decibels_more():
    samples = noise(48000 * 4) / 4
    quiet, loud = (compute(held(gain * samples, 48000), "loudness").data for gain in (1, 2))
    np.testing.assert_allclose(loud - quiet, 20 * np.log10(2), atol=1e-4)


@pytest.mark.parametrize("samples", [np.zeros((100_000, 2)), np.zeros((1, 1)), np.zeros((0, 1))])
def test_silence_reads_the_fill_value(samples):
    source = held(samples)
    track = compute(source, "loudness")
    assert track.fill_value == -120
    assert (track.data == -120).all()
    np.testing.assert_array_equal(compute(source, "loudness.integrated").data, [[-120, 0, -120, -120]])


def test_what_is_shorter_than_a_window_has_no_loudness_of_it():
    values = measure(tones((-23.0, 0.399)))
    assert values["integrated_lufs"] == values["momentary_max_lufs"] == -120
    values = measure(tones((-23.0, 2.9)))
    assert values["integrated_lufs"] == pytest.approx(-23, abs=TOLERANCE_LU)
    assert values["short_term_max_lufs"] == -120


def test_names_units_and_times():
    track = compute(held(noise(44100)), "loudness")
    assert (track.unit, track.axes, track.alignment) == ("LUFS", ("frame", "window"), "center")
    assert list(track.coords["window"]) == ["momentary", "short-term"]
    np.testing.assert_allclose(track.times_s, np.arange(11) / 10)
