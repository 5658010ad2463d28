from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from widgets.fake import Source, curve_track, spectrogram_track, waveform_track

from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.widgets.words import (
    audio_text,
    cached_text,
    duration_text,
    parameters_text,
    progress_text,
    shape_text,
    size_text,
    state_text,
)


def test_states():
    words = [state_text(state) for state in ("ready", "pending", "failed", "stale", "idle", "unheard of")]
    assert words == ["Analysed", "Analysing…", "Failed", "Stale", "Not analysed", "Not analysed"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (None, "Preparing analysis…"),
        ("", "Processing audio features…"),
        ("preparing", "Preparing analysis…"),
        ("start", "Preparing analysis…"),
        ("complete", "Finalising analysis…"),
        ("Spectrogram", "Spectrogram"),
        ("\u202ex", "⟨U+202E⟩x"),
    ],
)
def test_progress(label, expected):
    assert progress_text(label) == expected


def test_cached():
    assert cached_text(0, 0) == "No analysed feature data stored yet."
    assert cached_text(0, 2) == "Cached feature metadata available."
    assert cached_text(1, 2) == "Cached 1 feature track."
    assert cached_text(3, 3) == "Cached 3 feature tracks."


def test_audio():
    assert audio_text(Source()) == "2 channels · 44.1 kHz · 8.00 s"
    assert audio_text(Source(channels=1, sample_rate=48000, duration=3723.4)) == "1 channel · 48 kHz · 1:02:03"
    assert audio_text(Source(sample_rate=11025, duration=187.42)) == "2 channels · 11.025 kHz · 3:07.4"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.00 s"), (59.99, "59.99 s"), (59.999, "1:00.0"), (60, "1:00.0"), (119.96, "2:00.0"),
        (3599.94, "59:59.9"), (3599.96, "1:00:00"), (43200, "12:00:00"), (float("nan"), "0.00 s"),
    ],
)  # fmt: skip
def test_durations(seconds, expected):
    assert duration_text(seconds) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_829_000, "2.8 MB"), (99_949_999, "99.9 MB"),
        (99_960_000, "100 MB"), (999_499_999, "999 MB"), (999_500_000, "1.0 GB"), (5 * 10**18, "5000 PB"),
    ],
)  # fmt: skip
def test_sizes(size, expected):
    assert size_text(size) == expected


@given(st.integers(0, 10**17))
def test_a_size_reads_as_what_it_is(size):
    number, unit = size_text(size).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}[unit]
    assert abs(float(number) * factor - size) <= 0.051 * factor if float(number) < 100 else 0.51 * factor
    assert float(number) < 1000


def test_shapes():
    assert shape_text(spectrogram_track(690)) == "690 frames × 1025 bins"
    assert shape_text(waveform_track(5512)) == "5512 frames × 2 channels (min, max)"
    assert shape_text(curve_track(1, 1)) == "1 frame × 1 channel"
    events = curve_track(3, 2, format="events", axes=("event", "value"))
    assert shape_text(events) == "3 events"
    assert shape_text(curve_track(1, 1, format="global", axes=("frame", "value"))) == "1 value"
    mvmnt = curve_track(data=np.zeros((9, 2), np.float32), axes=("frame", "bound"), axis_coords={})
    assert shape_text(mvmnt) == "9 frames (min, max)"


def test_parameters():
    assert parameters_text(AnalysisProfile().values()) == "window 2048 · hop 512 · hann"
    assert parameters_text({**AnalysisProfile().values(), "fft_size": 2048}) == "window 2048 · hop 512 · hann"
    other = AnalysisProfile(window_size=1000, hop_size=100, fft_size=4096, window="boxcar", min_decibels=-60)
    assert parameters_text(other.values()) == "window 1000 · hop 100 · fft 4096 · boxcar · -60 … 0 dB"
    resampled = AnalysisProfile(sample_rate=22050)
    assert parameters_text(resampled.values()) == "window 2048 · hop 512 · hann · 22050 Hz"
    assert parameters_text({"cell_samples": 64, "eps": 1e-9}) == "cell samples 64 · eps 1e-09"
    assert parameters_text({}) == ""
    assert parameters_text({f"p{k}": k for k in range(50)}).endswith("p7 7 · …")
    assert "\u202e" not in parameters_text({"a\u202e": "b\u202e"})
