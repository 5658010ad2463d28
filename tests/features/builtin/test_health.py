"""Health: counted by hand, and as it was when the audio was taken in."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from support.families import compute, named
from support.passes import analyse, held, noise, streamed

from audiocache_nb.features.builtin.health import KINDS


@pytest.mark.parametrize("name", ["loop_mika_120bpm.flac", "loop_industrial_clipped.flac", "speech_jfk_24bit.flac"])
def test_real_recordings_have_what_was_found_in_them_before(recording, name):
    samples, rate = soundfile.read(recording(name), dtype="float32", always_2d=True)
    source = held(samples, rate)
    values = named(compute(source, "health"))
    assert values["clipped_samples"] == source.health.clipped_samples
    assert values["clipping_runs"] == source.health.clipping_runs
    exact = samples.astype(np.float64)
    assert values["dc_left"] == pytest.approx(exact[:, 0].mean(), abs=1e-8)
    assert values["dc_right"] == pytest.approx(exact[:, 1].mean(), abs=1e-8)
    assert values["correlation"] == pytest.approx(np.corrcoef(exact.T)[0, 1], abs=1e-5)


def test_clipping_is_counted_across_cells():
    samples = np.zeros((2000, 2), np.float32)
    samples[95:105, 0] = 1  # cells of 100 samples
    samples[300:303, 1] = -1
    samples[305, 1] = 1
    cells = compute(held(samples, 1000), "health.cells").data
    assert cells[:3, 0, :2].tolist() == [[5, 1], [5, 0], [0, 0]]
    assert cells[3, 1, :2].tolist() == [4, 2]
    values = named(compute(held(samples, 1000), "health"))
    assert (values["clipped_samples"], values["clipping_runs"]) == (14, 3)
    assert named(compute(held(samples / 2, 1000), "health"))["clipped_samples"] == 0
    assert named(compute(held(samples / 2, 1000), "health", clip_level=0.4))["clipped_samples"] == 14


@given(n=st.integers(1, 6000), size=st.integers(100, 2000), channels=st.sampled_from([1, 2, 3]))
@settings(max_examples=25)
def test_blocks_of_any_size_give_the_same_cells(n, size, channels):
    samples = np.clip(2 * noise(n, channels), -1, 1)
    pieces = analyse(streamed(samples, 8000, piece=333), ["health.cells"], size=size).data("health.cells")
    np.testing.assert_array_equal(pieces, compute(held(samples, 8000), "health.cells").data)
    exact = samples.astype(np.float64)
    values = named(compute(held(samples, 8000), "health"))
    assert values["clipped_samples"] == (np.abs(samples) >= np.float32(0.999)).sum()
    assert list(values.values())[4:] == pytest.approx(exact.mean(axis=0).tolist(), abs=1e-6)


def test_correlation_tells_sound_that_mono_would_lose():
    one, other = noise(10_000)[:, 0], noise(10_000, seed=1)[:, 0]
    for right, want in ((one, 1), (-one, -1), (one + 0.3, 1), (0 * one, 0)):
        values = named(compute(held(np.stack([one, right], axis=1)), "health"))
        assert values["correlation"] == pytest.approx(want, abs=1e-5)
    values = named(compute(held(np.stack([one, other], axis=1)), "health"))
    assert values["correlation"] == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-5)
    assert named(compute(held(one), "health"))["correlation"] == 1


def test_silence_is_where_every_channel_is_quiet():
    samples = np.zeros((8000, 2), np.float32)
    samples[2000:4000, 0] = 0.5
    samples[4000:6000, 1] = 1e-4
    source = held(samples, 8000)
    assert named(compute(source, "health"))["silence_share"] == pytest.approx(0.7)  # cells of 800 samples
    assert named(compute(source, "health", silence_db=-100.0))["silence_share"] == pytest.approx(0.4)


@pytest.mark.parametrize("n", [0, 1, 100])
def test_short_recordings_and_silence(n):
    values = named(compute(held(np.zeros((n, 2))), "health"))
    assert values["silence_share"] == (1 if n else 0)
    assert all(value == 0 for name, value in values.items() if name != "silence_share")
    assert compute(held(np.zeros((n, 2))), "health.cells").data.shape == (min(n, 1), 2, 5)


def test_channels_have_their_names():
    values = named(compute(held(noise(100, 4)), "health"))
    assert list(values)[4:] == ["dc_front_left", "dc_front_right", "dc_rear_left", "dc_rear_right"]


# --- stretches ------------------------------------------------------------------------------------


def stretches(samples: np.ndarray, rate: int = 1000, **params) -> list[list[float]]:
    track = compute(held(samples.astype(np.float32), rate), "health.events", **params)
    assert list(track.coords["field"]) == ["time", "kind", "channel", "duration_s", "amount"]
    return track.data.round(4).tolist()


def test_where_it_is_clipped_silent_and_off_centre():
    samples = 0.5 * noise(10_000, 2)
    samples[1260:1340, 1] = 1.0  # tenths of a second 12 and 13
    samples[4000:5000] = 0
    samples[8000:9999, 0] = samples[8000:9999, 0] / 10 + 0.2
    found = stretches(samples, offset=0.1)
    clipped, silent, offset = found
    assert clipped == [1.2, KINDS.index("clipping"), 1, pytest.approx(0.2), 80]
    assert silent[:4] == [4, KINDS.index("silence"), -1, 1]
    assert offset[1:3] == [KINDS.index("offset"), 0]
    assert offset[0] == pytest.approx(8, abs=0.2)
    assert offset[4] == pytest.approx(0.2, abs=0.05)
    kinds = [row[1] for row in stretches(samples, offset=0.1, least_silence_s=1.5, clip_level=1.0)]
    assert kinds == [KINDS.index("clipping"), KINDS.index("offset")]


def test_a_sound_recording_has_nothing_to_tell_and_silence_one_thing():
    assert stretches(0.5 * noise(10_000, 2), 8000) == []
    assert stretches(np.zeros((2500, 1))) == [[0, KINDS.index("silence"), -1, 2.5, 0]]
    assert stretches(np.zeros((0, 1))) == []


def test_the_clipped_loop_tells_how_much_is_clipped(recording):
    samples, rate = soundfile.read(recording("loop_industrial_clipped.flac"), dtype="float32", always_2d=True)
    source = held(samples, rate)
    track = compute(source, "health.events")
    clipped = track.data[track.data[:, 1] == KINDS.index("clipping")]
    assert clipped[:, 4].sum() == source.health.clipped_samples > 0
