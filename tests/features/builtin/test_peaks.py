"""The finest level of the pyramid, and those above it."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from support.families import compute
from support.passes import analyse, held, noise, streamed

from audiocache_nb.features.builtin.peaks import coarser


def by_hand(samples: np.ndarray, cell: int) -> np.ndarray:
    cells = [samples[start : start + cell].astype(np.float64) for start in range(0, len(samples), cell)]
    rows = [np.stack([one.min(axis=0), one.max(axis=0), (one**2).sum(axis=0)], axis=-1) for one in cells]
    return np.array(rows)


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 10_000])
def test_every_sample_is_in_its_cell(n, channels):
    samples = noise(n, channels)
    np.testing.assert_allclose(compute(held(samples), "peaks").data, by_hand(samples, 64), rtol=1e-6)


@given(n=st.integers(1, 5000), size=st.integers(200, 3000), base=st.integers(16, 300))
@settings(max_examples=30)
def test_blocks_of_any_size_give_the_same_numbers(n, size, base):
    samples = noise(n, 2)
    from_segments = analyse(streamed(samples, piece=701), ["peaks"], size=size).data("peaks")
    np.testing.assert_array_equal(from_segments, compute(held(samples), "peaks").data)
    np.testing.assert_allclose(compute(held(samples), "peaks", base=base).data, by_hand(samples, base), rtol=1e-6)


def test_all_rows_together_are_the_energy_of_the_recording():
    samples = noise(123_457, 2)
    total = compute(held(samples), "peaks", base=65536).data[..., 2].sum(axis=0)
    np.testing.assert_allclose(total, (samples.astype(np.float64) ** 2).sum(axis=0), rtol=1e-6)


@pytest.mark.parametrize("factor", [2, 4, 7])
def test_a_coarser_level_is_that_of_longer_cells(factor):
    samples = noise(20_001, 2)
    rows = coarser(compute(held(samples), "peaks").data, factor)
    np.testing.assert_allclose(rows, by_hand(samples, 64 * factor), rtol=1e-6)
    assert coarser(rows[:0]).shape == (0, 2, 3)


def test_names_and_times():
    track = compute(held(noise(6400, 2)), "peaks")
    assert track.axes == ("frame", "channel", "value")
    assert list(track.coords["value"]) == ["min", "max", "sum of squares"]
    assert track.hop_seconds == 64 / 44100
    assert track.alignment == "start"


def test_silence_and_nothing():
    assert not compute(held(np.zeros((1000, 1))), "peaks").data.any()
    assert compute(held(np.zeros((0, 2))), "peaks").data.shape == (0, 2, 3)
