"""Analysis profiles: what is accepted, and what names them."""

from __future__ import annotations

import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.profile import MAX_WINDOW_SAMPLES, WINDOWS, AnalysisProfile, next_power_of_two

SIZES = st.integers(2, MAX_WINDOW_SAMPLES)
LEVELS = st.floats(-200, 200, allow_subnormal=False)


@st.composite
def profiles(draw):
    window = draw(SIZES)
    low, high = sorted((draw(LEVELS), draw(LEVELS)))
    return AnalysisProfile(
        window_size=window,
        hop_size=draw(st.integers(1, MAX_WINDOW_SAMPLES)),
        fft_size=draw(st.none() | st.integers(window, MAX_WINDOW_SAMPLES)),
        window=draw(st.sampled_from(WINDOWS)),
        min_decibels=low,
        max_decibels=high if high > low else low + 1,
    )


NO_SIZES = [0, -1, -2048, 2048.5, True, False, "2048", None, [2048], math.nan, math.inf, 1j, MAX_WINDOW_SAMPLES + 1]


@pytest.mark.parametrize("name", ["window_size", "hop_size"])
@pytest.mark.parametrize("value", NO_SIZES, ids=repr)
def test_a_size_that_is_none_is_refused_by_name_with_what_is_allowed(name, value):
    with pytest.raises(InvalidParameterError) as caught:
        AnalysisProfile(**{name: value})
    assert name in caught.value.message
    assert str(MAX_WINDOW_SAMPLES) in caught.value.message
    assert caught.value.context["parameter"] == name


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=3), st.none()))
def test_a_window_is_a_whole_number_in_its_range(value):
    fits = not isinstance(value, bool) and isinstance(value, (int, float)) and 2 <= value <= MAX_WINDOW_SAMPLES
    if fits and value == int(value):
        assert AnalysisProfile(window_size=value).window_size == value
    else:
        with pytest.raises(InvalidParameterError):
            AnalysisProfile(window_size=value)


@pytest.mark.parametrize("value", [256, 256.0, np.int64(256), np.uint16(256), np.float32(256), Fraction(256)])
def test_any_kind_of_number_will_do(value):
    profile = AnalysisProfile(hop_size=value, min_decibels=type(value)(0), max_decibels=value)
    assert profile == AnalysisProfile(hop_size=256, min_decibels=0.0, max_decibels=256.0)
    assert type(profile.hop_size) is int
    assert type(profile.min_decibels) is float


@pytest.mark.parametrize("value", [2047, 0, MAX_WINDOW_SAMPLES + 1, "4096", True])
def test_a_transform_is_not_shorter_than_its_window(value):
    with pytest.raises(InvalidParameterError, match="fft_size"):
        AnalysisProfile(fft_size=value)


@pytest.mark.parametrize("value", ["kaiser", "", None, 3, ["hann"], np.array(["hann"])], ids=repr)
def test_an_unknown_window_is_refused_with_those_there_are(value):
    with pytest.raises(InvalidParameterError) as caught:
        AnalysisProfile(window=value)
    assert all(name in caught.value.hint for name in WINDOWS)


@pytest.mark.parametrize(
    "change",
    [
        {"min_decibels": math.nan},
        {"max_decibels": math.inf},
        {"min_decibels": "-80"},
        {"max_decibels": True},
        {"min_decibels": 0},
        {"min_decibels": 10, "max_decibels": -10},
        {"min_decibels": 10**400},
    ],
    ids=str,
)
def test_levels_are_finite_and_in_order(change):
    with pytest.raises(InvalidParameterError):
        AnalysisProfile(**change)


@pytest.mark.parametrize("value", [3, None, "x" * 121])
def test_an_id_is_a_text(value):
    with pytest.raises(InvalidParameterError, match="id"):
        AnalysisProfile(id=value)


def test_the_defaults_are_the_default():
    profile = AnalysisProfile()
    assert profile.id == "default"
    assert (profile.window_size, profile.hop_size, profile.window) == (2048, 512, "hann")
    assert (profile.min_decibels, profile.max_decibels, profile.transform_size) == (-80.0, 0.0, 2048)


@given(profiles(), profiles())
def test_equal_profiles_have_equal_ids_and_others_have_others(a, b):
    assert (a.id == b.id) == (a.values() == b.values())
    assert a == AnalysisProfile(**a.values())
    assert hash(a) == hash(AnalysisProfile(**a.values()))


@given(profiles())
def test_only_the_defaults_are_called_default(profile):
    assert (profile.id == "default") == (profile.values() == AnalysisProfile().values())
    if profile.id != "default":
        assert profile.id.startswith("adhoc-")
        with pytest.raises(InvalidParameterError):
            AnalysisProfile(**profile.values(), id="default")


def test_the_two_zeros_are_one():
    assert AnalysisProfile(max_decibels=-0.0).id == "default"
    assert AnalysisProfile(hop_size=64, max_decibels=-0.0).id == AnalysisProfile(hop_size=64, max_decibels=0.0).id


def test_a_name_of_ones_own_is_kept_and_does_not_outlive_its_values():
    profile = AnalysisProfile(hop_size=256, id="fine")
    assert profile.id == "fine"
    assert profile.replace(hop_size=128).id == AnalysisProfile(hop_size=128).id
    assert profile.replace(hop_size=512).id == "default"
    assert profile.replace(hop_size=128, id="finer").id == "finer"


@given(profiles())
def test_the_transform_is_long_enough(profile):
    assert profile.transform_size >= profile.window_size
    if profile.fft_size is None:
        size = profile.transform_size
        assert size >= 32
        assert size & (size - 1) == 0
        assert size == 32 or size < 2 * profile.window_size
    else:
        assert profile.transform_size == profile.fft_size


@given(st.integers(1, 1 << 40))
def test_the_next_power_of_two_is_the_smallest(n):
    power = next_power_of_two(n)
    assert power.bit_count() == 1
    assert power // 2 < n <= power
