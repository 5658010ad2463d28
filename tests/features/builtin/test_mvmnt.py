"""The three MVMNT calculators: numbers measured on the original, and the formulas worked out in float64."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from support.passes import MVMNT, analyse, held, item_of, noise, streamed

from audiocache_nb.features.profile import AnalysisProfile

SPECTROGRAM, RMS, WAVEFORM = MVMNT
N = np.arange(8820)
TONES = (0.8 * np.sin(2 * np.pi * 1000 * N / 44100) + 0.1 * np.cos(2 * np.pi * 5000 * N / 44100)).astype(np.float32)
DB, LINEAR = 1e-3, 1e-6


# --- the original's formulas, in float64, one frame at a time -------------------------------------


def mix(samples: np.ndarray) -> np.ndarray:
    """Mono mix: a float32 sum times one over the number of channels."""
    total = np.zeros(len(samples), np.float32)
    for c in range(samples.shape[1]):
        total = total + samples[:, c]
    return (total * np.float32(1 / samples.shape[1])).astype(np.float64)


def frame_count(n: int, window: int, hop: int) -> int:
    return 1 if n <= window else max(1, math.floor((n - window) / hop) + 1)


def slow_spectrogram(mono: np.ndarray, window: int, hop: int, low: float = -80, high: float = 0) -> np.ndarray:
    size = 32
    while size < window:
        size *= 2
    taper = 0.5 * (1 - np.cos(2 * np.pi * np.arange(window) / (window - 1)))
    rows = []
    for k in range(frame_count(len(mono), window, hop)):
        frame = np.zeros(size)
        piece = mono[k * hop : k * hop + window]
        frame[: len(piece)] = piece * taper[: len(piece)]
        rows.append(np.clip(20 * np.log10(np.abs(np.fft.rfft(frame)) * 2 / window + 1e-8), low, high))
    return np.array(rows)


def slow_rms(mono: np.ndarray, window: int, hop: int) -> np.ndarray:
    pieces = [mono[k * hop : k * hop + window] for k in range(frame_count(len(mono), window, hop))]
    return np.array([math.sqrt(sum(piece * piece) / max(1, len(piece))) for piece in pieces])


def slow_waveform(mono: np.ndarray, hop: int) -> np.ndarray:
    step = max(1.0, hop / 8)
    bounds = []
    for k in range(max(1, math.ceil(len(mono) / step))):
        piece = mono[math.floor(k * step) : math.ceil((k + 1) * step)]
        bounds.append((piece.min(), piece.max()))
    return np.array(bounds)


# --- golden numbers, measured on the original -----------------------------------------------------


@pytest.fixture(scope="module")
def golden():
    return analyse(held(TONES), MVMNT)


def test_golden_shapes(golden):
    assert golden.data(SPECTROGRAM).shape == (14, 1025)
    assert golden.data(RMS).shape == (14, 1)
    assert golden.data(WAVEFORM).shape == (138, 2)


@pytest.mark.parametrize(
    ("frame", "bin", "level"),
    [
        (0, 45, -21.8262), (0, 46, -9.0598), (0, 47, -9.7554), (0, 48, -25.0324),
        (0, 232, -26.2482), (0, 233, -29.7719),
        (0, 0, -80), (0, 500, -80), (0, 1024, -80), (5, 46, -9.0598), (5, 232, -26.2483),
    ],
)  # fmt: skip
def test_golden_spectrogram(golden, frame, bin, level):
    assert golden.data(SPECTROGRAM)[frame, bin] == pytest.approx(level, abs=DB)


def test_golden_maximum(golden):
    assert golden.data(SPECTROGRAM).max() == pytest.approx(-9.05979, abs=DB)
    assert golden.data(SPECTROGRAM)[0].argmax() == 46


def test_golden_rms(golden):
    want = [0.5704018, 0.5703635, 0.5697512, 0.5699137]
    np.testing.assert_allclose(golden.data(RMS)[:4, 0], want, rtol=0, atol=LINEAR)


def test_golden_rms_of_less_than_a_window():
    rms = analyse(held(TONES[:500]), [RMS]).data(RMS)
    assert rms.shape == (1, 1)
    assert rms[0, 0] == pytest.approx(0.5711029, abs=LINEAR)


def test_golden_waveform(golden):
    lows = [-0.864865, -0.865682, -0.867721, -0.870039, -0.870284]
    highs = [0.866113, 0.864451, 0.868524, 0.869685, 0.870239]
    np.testing.assert_allclose(golden.data(WAVEFORM)[:5], np.transpose([lows, highs]), rtol=0, atol=LINEAR)


def test_golden_stereo_with_a_silent_channel():
    found = analyse(held(np.stack([TONES, 0 * TONES], axis=1)), MVMNT)
    assert found.data(SPECTROGRAM)[0, 46] == pytest.approx(-15.0804, abs=DB)
    assert found.data(RMS)[0, 0] == pytest.approx(0.2852009, abs=LINEAR)
    assert found.data(RMS).shape == (14, 1)


def test_golden_sine_and_direct_current():
    """A sine of amplitude 1 reads -6 dB, as the original's does; so does half of a direct current."""
    n = np.arange(2048)
    sine = analyse(held(np.sin(2 * np.pi * 64 * n / 2048)), [SPECTROGRAM]).data(SPECTROGRAM)[0]
    np.testing.assert_allclose(sine[62:67], [-80, -12.0391, -6.0248, -12.0391, -80], atol=DB)
    constant = analyse(held(np.ones(2048)), [SPECTROGRAM, RMS])
    np.testing.assert_allclose(constant.data(SPECTROGRAM)[0, :4], [-0.0042, -6.018, -75.76, -80], atol=5e-3)
    assert constant.data(RMS)[0, 0] == pytest.approx(1, abs=LINEAR)


@pytest.mark.parametrize(
    ("window", "hop", "frames", "bins"),
    [(1024, 256, 31, 513), (2048, 2048, 4, 1025), (1000, 300, 27, 513), (16, 8, 1101, 17), (512, 1024, 9, 257)],
)
def test_golden_windows_and_hops(window, hop, frames, bins):
    found = analyse(held(TONES), [SPECTROGRAM, RMS], AnalysisProfile(window_size=window, hop_size=hop))
    assert found.data(SPECTROGRAM).shape == (frames, bins)
    assert found.data(RMS).shape == (frames, 1)


@pytest.mark.parametrize(
    ("n", "frames"),
    [
        (1, 1), (2047, 1), (2048, 1), (2049, 1), (2559, 1), (2560, 2), (2561, 2),
        (3071, 2), (3072, 3), (4096, 5), (11025, 18), (44100, 83),
    ],
)  # fmt: skip
def test_golden_lengths(n, frames):
    found = analyse(held(noise(n)), [SPECTROGRAM, RMS])
    assert len(found.data(SPECTROGRAM)) == len(found.data(RMS)) == frames


@pytest.mark.parametrize(("n", "cells"), [(44100, 690), (11025, 173), (4096, 64), (100, 2), (1, 1)])
def test_golden_waveform_lengths(n, cells):
    assert len(analyse(held(noise(n)), [WAVEFORM]).data(WAVEFORM)) == cells


# --- against the formulas -------------------------------------------------------------------------

PROFILES = [(2048, 512), (1024, 256), (1000, 300), (16, 8), (512, 1024), (777, 77), (2, 1), (33, 12), (4096, 4096)]


def check_all(source, samples, window, hop):
    found = analyse(source, MVMNT, AnalysisProfile(window_size=window, hop_size=hop))
    mono = mix(samples)
    np.testing.assert_allclose(found.data(SPECTROGRAM), slow_spectrogram(mono, window, hop), rtol=0, atol=DB)
    np.testing.assert_allclose(found.data(RMS)[:, 0], slow_rms(mono, window, hop), rtol=0, atol=LINEAR)
    np.testing.assert_allclose(found.data(WAVEFORM), slow_waveform(mono, hop), rtol=0, atol=LINEAR)


@pytest.mark.parametrize(("window", "hop"), PROFILES)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_noise(window, hop, channels):
    samples = noise(6000, channels)
    check_all(held(samples), samples, window, hop)
    check_all(streamed(samples, piece=501), samples, window, hop)


@settings(max_examples=40)
@given(
    n=st.integers(1, 1500), channels=st.integers(1, 8), window=st.integers(2, 300), hop=st.integers(1, 300),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_any_length_window_and_hop(n, channels, window, hop, seed):
    samples = noise(n, channels, seed)
    check_all(held(samples), samples, window, hop)


@pytest.mark.parametrize("name", ["loop_mika_120bpm.flac", "brahms_hungarian_dance_5.ogg", "speech_jfk_24bit.flac"])
def test_real_recordings(recording, name):
    samples, rate = soundfile.read(recording(name), dtype="float32", always_2d=True, frames=4 * 44100)
    check_all(held(samples, rate), samples, 2048, 512)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000, 192000])
def test_times_and_frequencies_follow_the_sample_rate(rate):
    found = analyse(held(noise(5000), rate), MVMNT)
    assert found.tracks[SPECTROGRAM].hop_seconds == found.tracks[RMS].hop_seconds == 512 / rate
    assert found.tracks[WAVEFORM].hop_seconds == 64 / rate
    np.testing.assert_allclose(found.tracks[SPECTROGRAM].coords["bin"], np.fft.rfftfreq(2048, 1 / rate))
    np.testing.assert_allclose(found.tracks[RMS].times_s, np.arange(6) * 512 / rate)
    assert {track.alignment for track in found.tracks.values()} == {"start"}


def test_what_the_tracks_say_of_themselves():
    found = analyse(held(noise(5000, 2)), MVMNT).tracks
    assert [(found[name].feature, found[name].version, found[name].label) for name in MVMNT] == [
        ("spectrogram", "3", "Spectrogram"),
        ("rms", "1", "rms"),
        ("waveform", "1", "waveform"),
    ]
    assert (found[SPECTROGRAM].unit, found[SPECTROGRAM].fill_value) == ("dB", -80)
    assert found[WAVEFORM].format == "waveform-minmax"
    assert [found[name].axes for name in MVMNT] == [("frame", "bin"), ("frame", "channel"), ("frame", "bound")]
    assert list(found[RMS].coords["channel"]) == ["Mono"]
    assert list(found[WAVEFORM].coords["bound"]) == ["min", "max"]


def test_anti_phase_channels_cancel_in_the_mix():
    samples = np.stack([TONES, -TONES], axis=1)
    found = analyse(held(samples), MVMNT)
    assert found.data(SPECTROGRAM).max() == -80
    assert np.abs(found.data(RMS)).max() == 0
    assert np.abs(found.data(WAVEFORM)).max() == 0


def test_the_range_of_the_decibels_is_the_profile_s():
    profile = AnalysisProfile(min_decibels=-40, max_decibels=-12)
    data = analyse(held(TONES), [SPECTROGRAM], profile)
    np.testing.assert_allclose(
        data.data(SPECTROGRAM), slow_spectrogram(mix(TONES[:, None]), 2048, 512, -40, -12), atol=DB, rtol=0
    )
    assert data.tracks[SPECTROGRAM].fill_value == -40


def test_no_samples_no_rows():
    found = analyse(streamed(noise(0)), MVMNT)
    assert [found.data(name).shape for name in MVMNT] == [(0, 1025), (0, 1), (0, 2)]


@pytest.mark.parametrize(
    ("name", "used"),
    [
        (SPECTROGRAM, {"window_size", "hop_size", "min_decibels", "max_decibels"}),
        (RMS, {"window_size", "hop_size"}),
        (WAVEFORM, {"hop_size"}),
    ],
)
def test_only_what_changes_the_numbers_is_in_the_key(name, used):
    source = held(noise(100))
    assert set(item_of(source, name).used) == used
    other = AnalysisProfile(window="blackman", fft_size=4096)
    assert item_of(source, name, other).key == item_of(source, name).key
