from __future__ import annotations

import array

import numpy as np
import pytest

from audiocache_nb.audio.arrays import own_samples
from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import AudioLimitError, InvalidParameterError, InvalidTypeError


class TorchLike:
    """Something of another library that can become an array."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype=dtype)


class OnAnotherDevice:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


# multiples of 1/8: exact in every type here
EIGHTHS = np.arange(-8, 8).repeat(2).reshape(16, 2) / 8


def strided(values):
    wide = np.zeros((values.shape[0] * 3, values.shape[1] * 2), values.dtype)
    wide[::3, ::2] = values
    return wide[::3, ::2]


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f4", ">f8", "i1", "i2", "i4", "i8", ">i2", ">i4", "u1"])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, strided, read_only, TorchLike, np.flipud])
def test_a14_every_dtype_and_layout_gives_the_same_samples(dtype, layout):
    dtype = np.dtype(dtype)
    wanted = EIGHTHS[::-1] if layout is np.flipud else EIGHTHS
    if dtype.kind == "f":
        values = EIGHTHS.astype(dtype)
    elif dtype.kind == "i":
        values = (EIGHTHS * 2.0 ** (8 * dtype.itemsize - 1)).astype(dtype)
    else:
        values = (EIGHTHS * 128 + 128).astype(dtype)
    samples, _ = own_samples(layout(values))
    assert samples.dtype == np.float32
    assert samples.flags.c_contiguous
    np.testing.assert_array_equal(samples, wanted)


def test_a14_one_dimension_is_one_channel():
    samples, _ = own_samples(np.linspace(-1, 1, 9))
    assert samples.shape == (9, 1)
    assert own_samples(array.array("f", [0.0, 0.5]))[0].tolist() == [[0.0], [0.5]]
    assert own_samples([0.0, 0.5])[0].tolist() == [[0.0], [0.5]]


def test_a14_masked_samples_are_silent():
    masked = np.ma.MaskedArray([0.5, 0.5, 0.5], mask=[False, True, False])
    assert own_samples(masked)[0].ravel().tolist() == [0.5, 0.0, 0.5]
    unsigned = np.ma.MaskedArray(np.array([192, 255], np.uint8), mask=[False, True])
    assert own_samples(unsigned)[0].ravel().tolist() == [0.5, 0.0]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, None, 2.0]),
        np.array([1j, 2]),
        np.array([True, False]),
        np.array([1, 2], np.uint16),
        np.array([1, 2], np.uint64),
        np.array(["a", "b"]),
        np.array([b"a"]),
        np.zeros(3, [("left", "f4"), ("right", "f4")]),
        np.array(["2020-01-01"], "M8[D]"),
        {"samples": [1.0]},
        None,
        object(),
    ],
    ids=lambda values: str(getattr(values, "dtype", type(values).__name__)),
)
def test_a14_other_dtypes_are_refused_by_name(values):
    with pytest.raises(InvalidTypeError) as caught:
        own_samples(values)
    assert str(np.asarray(values).dtype)[:20] in str(caught.value)


@pytest.mark.parametrize("values", [[[1.0], [1.0, 2.0]], OnAnotherDevice()], ids=["ragged", "device"])
def test_a14_what_is_no_array_is_refused(values):
    with pytest.raises(InvalidTypeError):
        own_samples(values)


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_a14_wrong_number_of_dimensions(shape):
    with pytest.raises(InvalidParameterError):
        own_samples(np.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 44100), (1, 65), (64, 100)])
def test_a14_channels_first_is_refused_with_a_hint(shape):
    with pytest.raises(AudioLimitError) as caught:
        own_samples(np.zeros(shape))
    assert "transpose" in caught.value.hint


@pytest.mark.parametrize("channels", [1, 2, 63, 64])
def test_a04_up_to_64_channels(channels):
    source = load(np.full((100, channels), 0.25), sample_rate=8000)
    assert source.channels == channels
    assert str(source.health).startswith("DC offset")


@pytest.mark.parametrize("shape", [(100, 65), (2000, 1024), (100, 0), (0, 0)])
def test_a04_more_channels_or_none_are_refused(shape):
    with pytest.raises(AudioLimitError):
        own_samples(np.zeros(shape))


def test_a14_values_too_large_for_float32_count_as_infinite():
    with np.errstate(all="raise"):
        source = load(np.array([0.0, 1e300]), sample_rate=8000, nonfinite="zero")
    assert source.health.infinite_samples == 1


def test_a15_the_array_is_ours():
    values = np.linspace(-0.5, 0.5, 1000, dtype=np.float32)
    source = load(values, sample_rate=8000)
    before = source.read(0, 1000)
    values[:] = 9.0
    np.testing.assert_array_equal(source.read(0, 1000), before)
    assert source.digest == load(before, sample_rate=8000).digest
    assert not np.shares_memory(source.array, values)


def test_a15_nobody_can_write_into_a_source():
    source = load(np.zeros(10), sample_rate=8000)
    with pytest.raises(ValueError, match="read-only"):
        source.array[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        source.open().read(5)[0] = 1
    source.read(0, 5)[:] = 1  # a copy
    assert not source.array.any()


def test_a15_an_iterator_of_the_caller_is_not_consumed_twice():
    with pytest.raises(InvalidTypeError):
        load(iter([0.0, 1.0]), sample_rate=8000)
