from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.audio.health import CLIP_LEVEL, HealthMeter, HealthReport
from audiocache_nb.audio.ingest import load


def measured(samples, cuts=(), bits=16):
    samples = np.array(samples, np.float32)
    meter = HealthMeter(samples.shape[1], bits=bits)
    for block in np.split(samples, sorted(cuts)):
        meter.update(block)
    return meter.report()


def runs_by_hand(channel):
    return [len(list(group)) for clipped, group in itertools.groupby(np.abs(channel) >= CLIP_LEVEL) if clipped]


@st.composite
def clipped_sound(draw):
    channels = draw(st.integers(1, 3))
    levels = st.sampled_from([0.0, 0.5, -0.25, 1.0, -1.0, 0.9995, -2.0])
    frames = draw(st.integers(0, 40))
    values = draw(st.lists(levels, min_size=frames * channels, max_size=frames * channels))
    samples = np.array(values, np.float32).reshape(frames, channels)
    return samples, draw(st.lists(st.integers(0, frames), max_size=8))


@given(clipped_sound())
def test_every_number_is_right_however_the_audio_is_cut(case):
    samples, cuts = case
    report = measured(samples, cuts)
    runs = [length for channel in samples.T for length in runs_by_hand(channel)]
    assert report.decoded_frames == len(samples)
    assert report.clipped_samples == int((np.abs(samples) >= CLIP_LEVEL).sum())
    assert report.clipping_runs == len(runs)
    assert report.longest_clipping_frames == max(runs, default=0)
    assert report.peak == (np.abs(samples).max() if len(samples) else 0)
    if len(samples):
        np.testing.assert_allclose(report.dc_offset, samples.mean(axis=0), atol=1e-6)
        assert report.silent_channels == tuple(np.flatnonzero(~samples.any(axis=0)))
        identical = samples.shape[1] > 1 and bool((samples == samples[:, :1]).all())
        assert report.identical_channels == identical


@given(st.lists(st.integers(0, 30), max_size=6))
def test_nan_and_infinity_are_counted_and_silenced(cuts):
    samples = np.full((30, 2), 0.5, np.float32)
    samples[7, 1] = np.nan
    samples[8] = [np.inf, -np.inf]
    samples[29, 0] = np.nan
    report = measured(samples, cuts)
    assert (report.nan_samples, report.infinite_samples, report.first_nonfinite_frame) == (2, 2, 7)
    assert report.peak == 0.5
    np.testing.assert_allclose(report.dc_offset, [0.5 * 28 / 30, 0.5 * 28 / 30])
    assert "4 NaN or infinite samples set to zero" in str(report)


@pytest.mark.parametrize(("name", "clipped"), [("loop_industrial_clipped.flac", 31), ("loop_mika_120bpm.flac", 2)])
def test_clipped_samples_of_real_recordings(recording, name, clipped):
    health = load(recording(name)).health
    assert health.clipped_samples == clipped
    assert str(health) == f"{clipped} clipped samples"


@pytest.mark.parametrize("name", ["guitar_em9.flac", "speech_jfk_24bit.flac", "vibe_ace.ogg"])
def test_healthy_recordings_are_ok(recording, name):
    source = load(recording(name))
    assert str(source.health) == "ok"
    assert source.health.issues == ()
    assert source.health.decoded_frames == source.health.promised_frames == source.frames


def test_eight_bits_clip_at_their_own_full_scale():
    loudest = np.array([255, 0, 128, 200], np.uint8)
    assert load(loudest, sample_rate=8000).health.clipped_samples == 2
    assert load((loudest.astype(float) - 128) / 128, sample_rate=8000).health.clipped_samples == 1


def test_integers_of_the_wrong_width_are_noticed():
    sixteen_bits = np.array([0, 12_000, -12_000], np.int16)
    assert str(load(sixteen_bits, sample_rate=8000).health) == "ok"
    assert str(load(sixteen_bits.astype(np.int64), sample_rate=8000).health) == "nearly silent: peak -298 dBFS"


def test_absurd_levels_do_not_overflow():
    report = measured(np.full((70_000, 1), 3e38))
    assert report.dc_offset == (pytest.approx(3e38, rel=1e-6),)
    assert report.clipped_samples == 70_000


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (HealthReport(decoded_frames=10, channels=1, peak=0.5), "ok"),
        (HealthReport(decoded_frames=10, channels=1, promised_frames=10, peak=0.5), "ok"),
        (
            HealthReport(decoded_frames=437_807, channels=2, promised_frames=882_000, peak=1.0, clipped_samples=31),
            "truncated: decoded 437,807 of 882,000 frames; 31 clipped samples",
        ),
        (
            HealthReport(decoded_frames=12, channels=1, promised_frames=10, peak=0.5),
            "longer than promised: decoded 12 of 10 frames",
        ),
        (HealthReport(decoded_frames=0, channels=2), "empty: no samples"),
        (HealthReport(decoded_frames=5, channels=2, silent_channels=(0, 1)), "silent: every sample is zero"),
        (HealthReport(decoded_frames=5, channels=2, silent_channels=(1,), peak=0.1), "channel 2 of 2 is silent"),
        (
            HealthReport(decoded_frames=5, channels=1, peak=2.0, clipped_samples=1),
            "1 clipped sample (peak +6.0 dBFS)",
        ),
        (HealthReport(decoded_frames=5, channels=1, peak=0.1, dc_offset=(-0.02,)), "DC offset -0.020"),
        (
            HealthReport(decoded_frames=5, channels=2, peak=0.1, dc_offset=(0.001, 0.25)),
            "DC offset +0.250 on channel 2",
        ),
        (HealthReport(decoded_frames=5, channels=1, peak=1e-6), "nearly silent: peak -120 dBFS"),
        (HealthReport(decoded_frames=5, channels=1, measured=False), "not measured"),
        (HealthReport(decoded_frames=5, channels=1, peak=0.1, notes=("a note",)), "a note"),
    ],
)
def test_one_honest_line(report, line):
    assert str(report) == line
    assert "; ".join(report.issues) == (line if line not in {"ok", "not measured"} else "")


def test_truncated_and_silent_are_questions_too():
    assert HealthReport(decoded_frames=1, channels=1, promised_frames=2).truncated
    assert not HealthReport(decoded_frames=1, channels=1).truncated
    assert measured(np.zeros((3, 2))).silent
    assert not measured([[0.0, 0.1]]).silent
    assert not HealthReport(decoded_frames=1, channels=1, measured=False).silent
