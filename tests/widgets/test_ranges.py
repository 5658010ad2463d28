from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from widgets.fake import curve_track, spectrogram_track

from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.widgets.ranges import curve_range, declared_range, image_range, nice_ceiling, wave_range

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.tuples(FINITE, FINITE).map(sorted))
def test_ranges_are_finite_not_empty_and_hold_everything(extremes):
    low, high = extremes
    for find in (curve_range, image_range):
        bottom, top = find((low, high))
        assert math.isfinite(bottom)
        assert math.isfinite(top)
        assert bottom < top
        if abs(low) < 1e300 and abs(high) < 1e300:
            assert bottom <= low
            assert high <= top


@given(st.tuples(FINITE, FINITE).map(sorted))
def test_a_waveform_is_symmetrical(extremes):
    bottom, top = wave_range(tuple(extremes))
    assert bottom == -top
    assert 0 < top < math.inf or max(map(abs, extremes)) > 1e300
    assert top >= min(max(map(abs, extremes)), 1e300) * (1 - 1e-9)


def test_waveforms_end_on_round_numbers():
    assert wave_range((-0.8, 0.79)) == (-1.0, 1.0)
    assert wave_range((-1.0, 1.0)) == (-1.0, 1.0)
    assert wave_range((-0.03, 0.041)) == (-0.05, 0.05)
    assert wave_range((-1.3, 0.1)) == (-2.0, 2.0)
    assert wave_range((0.0, 0.0)) == wave_range(None) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("extremes", "expected"),
    [
        ((0.0, 0.62), (0.0, 0.7)),
        ((0.1, 0.62), (0.0, 0.7)),
        ((-60.0, -12.0), (-65.0, 0.0)),
        ((-1.0, 1.0), (-1.1, 1.1)),
        ((440.0, 440.0), (220.0, 660.0)),
        ((0.0, 0.0), (-0.5, 0.5)),
        (None, (0.0, 1.0)),
    ],
)
def test_curves_get_some_air_and_round_ends(extremes, expected):
    assert curve_range(extremes) == pytest.approx(expected)


@given(st.floats(1e-12, 1e12))
def test_nice_numbers(value):
    nice = nice_ceiling(value)
    assert value * (1 - 1e-8) <= nice <= 2.5 * value
    assert round(nice / 10.0 ** math.floor(math.log10(nice) + 1e-9), 6) in (1, 2, 2.5, 5, 10)


def test_decibels_say_their_own_range():
    assert declared_range(spectrogram_track(4)) == (-80.0, 0.0)
    assert declared_range(spectrogram_track(4, profile=AnalysisProfile(min_decibels=-60))) == (-60.0, 0.0)
    assert declared_range(curve_track()) is None
    assert declared_range(spectrogram_track(4, parameters={"min_decibels": 0, "max_decibels": 0})) is None
