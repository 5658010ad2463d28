from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.sampling.pyramid import ImagePyramid, MinMaxPyramid, finite_range, row_groups

VALUES = st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf]))


def whole_level(pyramid, level):
    tiles = -(-pyramid.bucket_count(level) // pyramid.tile_buckets) or 1
    parts = [pyramid.tile(level, index) for index in range(tiles)]
    assert [start for start, _ in parts] == [k * pyramid.tile_buckets for k in range(tiles)]
    return np.concatenate([values for _, values in parts])


def naive_extremes(low, high, width):
    """Bucket by bucket, in plain Python."""
    rows = []
    for start in range(0, len(low), width):
        row = []
        for c in range(low.shape[1]):
            bottom = [v for v in low[start : start + width, c] if np.isfinite(v)]
            top = [v for v in high[start : start + width, c] if np.isfinite(v)]
            row.append([min(bottom, default=np.nan), max(top, default=np.nan)])
        rows.append(row)
    return np.array(rows, np.float32).reshape(-1, low.shape[1], 2)


@settings(max_examples=150, deadline=None)
@given(
    data=hnp.arrays(np.float32, st.tuples(st.integers(1, 90), st.integers(1, 3)), elements=VALUES),
    tile_buckets=st.integers(1, 9),
    kept_bytes=st.sampled_from([1, 200, 1 << 20]),
)
def test_curves_against_plain_python(data, tile_buckets, kept_bytes):
    pyramid = MinMaxPyramid(data, tile_buckets=tile_buckets, kept_bytes=kept_bytes)
    for level in range(pyramid.levels):
        assert np.array_equal(whole_level(pyramid, level), naive_extremes(data, data, 4**level), equal_nan=True)
    finite = data[np.isfinite(data)]
    assert pyramid.extremes == ((finite.min(), finite.max()) if finite.size else None)
    assert finite_range(data) == pyramid.extremes
    assert pyramid.bucket_count(pyramid.levels - 1) <= tile_buckets


@settings(max_examples=60, deadline=None)
@given(
    data=hnp.arrays(np.float64, st.tuples(st.integers(1, 70), st.just(2), st.just(2)), elements=VALUES),
    kept_bytes=st.sampled_from([1, 1 << 20]),
)
def test_waveforms_against_plain_python(data, kept_bytes):
    pyramid = MinMaxPyramid(data, tile_buckets=4, kept_bytes=kept_bytes)
    data = data.astype(np.float32)
    for level in range(pyramid.levels):
        expected = naive_extremes(data[..., 0], data[..., 1], 4**level)
        assert np.array_equal(whole_level(pyramid, level), expected, equal_nan=True)


def naive_image(data, low, high, rows, group, width):
    data = np.where(np.isnan(data), -np.inf, data).astype(np.float64)
    edges = [r * group for r in range(rows)] + [data.shape[1]]
    pooled = np.stack([data[:, a:b].max(axis=1) for a, b in itertools.pairwise(edges)], axis=1)
    pooled = np.stack([pooled[k : k + width].max(axis=0) for k in range(0, len(pooled), width)])
    return np.clip((pooled - low) * 255 / (high - low), 0, 255)


@settings(max_examples=150, deadline=None)
@given(
    data=hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=VALUES),
    max_rows=st.integers(1, 16),
    kept_bytes=st.sampled_from([1, 64, 1 << 20]),
)
def test_images_against_plain_numpy(data, max_rows, kept_bytes):
    pyramid = ImagePyramid(data, value_min=-80, value_max=0, max_rows=max_rows, tile_buckets=4, kept_bytes=kept_bytes)
    for level in range(pyramid.levels):
        tiles = whole_level(pyramid, level)
        assert tiles.dtype == np.uint8
        expected = naive_image(data, -80, 0, pyramid.rows, pyramid.bins_per_row, 2**level)
        assert tiles.shape == expected.shape
        assert np.abs(tiles - expected).max() <= 0.5 + 1e-3


def test_the_ends_of_the_range_are_0_and_255():
    data = np.array([[-80.0, 0.0, -40.0, -1e9, 1e9, np.nan, np.inf, -np.inf]], np.float32)
    _, tile = ImagePyramid(data, value_min=-80, value_max=0).tile(0, 0)
    assert tile.tolist() == [[0, 255, 128, 0, 255, 0, 255, 0]]


@given(st.integers(1, 5000), st.integers(1, 600))
def test_rows_cover_all_bins_and_stay_below_the_limit(bins, max_rows):
    rows, group = row_groups(bins, max_rows)
    assert 1 <= rows <= max_rows
    last = bins - (rows - 1) * group
    assert 0 < last <= group + max(1, group // 2)


@pytest.mark.parametrize(("bins", "expected"), [(1025, (512, 2)), (513, (512, 1)), (2049, (512, 4)), (257, (257, 1))])
def test_bins_of_a_transform_are_joined_in_powers_of_two(bins, expected):
    assert row_groups(bins) == expected


def test_row_centres_are_where_the_bins_are():
    """A line in one bin must be drawn at that bin's frequency, within half a row."""
    bins = 1025
    data = np.full((bins, bins), -80, np.float32)
    np.fill_diagonal(data, 0)
    pyramid = ImagePyramid(data, value_min=-80, value_max=0, tile_buckets=2000)
    _, tile = pyramid.tile(0, 0)
    centres = np.array([pyramid.row_bin(row) for row in tile.argmax(axis=1)])
    assert np.abs(centres - np.arange(bins))[:-1].max() <= 0.5
    assert abs(centres[-1] - 1024) <= 1.5  # the last row took the odd bin in


def test_a_click_of_one_frame_is_seen_at_every_level():
    data = np.zeros((100_000, 1), np.float32)
    data[77_777] = 1
    pyramid = MinMaxPyramid(data)
    for level in range(pyramid.levels):
        assert whole_level(pyramid, level)[..., 1].argmax() == 77_777 // 4**level


def test_memory_stays_within_what_was_allowed():
    """8 hours of a spectrogram, most of it never touched: what is kept and made in passing stays small."""
    data = np.broadcast_to(np.float32(-40), (200_000, 1025))
    tracemalloc.start()
    pyramid = ImagePyramid(data, value_min=-80, value_max=0, kept_bytes=4 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pyramid.nbytes <= 4 << 20
    assert peak <= pyramid.nbytes + (24 << 20)
    _, tile = pyramid.tile(0, 700)
    assert tile.shape == (256, 512)


def test_tiles_that_do_not_exist_are_refused():
    pyramid = MinMaxPyramid(np.zeros((5000, 1), np.float32))
    for level, index in [(-1, 0), (99, 0), (0, 3), (0, -1), (0, 10**12), (1, 1)]:
        with pytest.raises(InvalidParameterError):
            pyramid.tile(level, index)


def test_nothing_at_all():
    pyramid = MinMaxPyramid(np.zeros((0, 2), np.float32))
    start, tile = pyramid.tile(0, 0)
    assert (start, tile.shape, pyramid.extremes, pyramid.levels) == (0, (0, 2, 2), None, 1)
    _, image = ImagePyramid(np.zeros((0, 5), np.float32), value_min=0, value_max=1).tile(0, 0)
    assert image.shape == (0, 5)


@pytest.mark.parametrize("data", [np.zeros(5), np.zeros((5, 2, 3)), np.zeros((2, 2, 2, 2))])
def test_extremes_of_something_else_are_refused(data):
    with pytest.raises(InvalidParameterError):
        MinMaxPyramid(data)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 0), (np.nan, 1), (0, np.inf)])
def test_a_picture_without_a_range_is_refused(low, high):
    with pytest.raises(InvalidParameterError):
        ImagePyramid(np.zeros((4, 4)), value_min=low, value_max=high)
    with pytest.raises(InvalidParameterError):
        ImagePyramid(np.zeros((4, 4, 2)), value_min=0, value_max=1)


def test_building_can_be_ended():
    calls = []

    def checkpoint():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ImagePyramid(np.zeros((100_000, 64), np.float32), value_min=0, value_max=1, checkpoint=checkpoint)


@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.uint8, np.float16])
def test_other_kinds_of_numbers(dtype):
    data = np.arange(40).reshape(20, 2).astype(dtype)
    pyramid = MinMaxPyramid(data, tile_buckets=2)
    assert whole_level(pyramid, 0).dtype == np.float32
    assert pyramid.extremes == (0, 39)
    _, tile = ImagePyramid(data, value_min=0, value_max=39, max_rows=1).tile(0, 0)
    assert tile[-1, 0] == 255


def test_values_beyond_float32_count_as_missing():
    pyramid = MinMaxPyramid(np.array([[1e300], [1.0]]), tile_buckets=1)
    assert np.array_equal(pyramid.tile(1, 0)[1], [[[1, 1]]])
