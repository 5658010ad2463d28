"""Ranges and histories."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling import ClipMap, sample_history, sample_range

TICK_S = 1 / 1920


def make_track(data: Any, **changes: Any) -> FeatureTrack:
    array = np.asarray(data, dtype=np.float32)
    array = array[:, None] if array.ndim == 1 else array
    values: dict[str, Any] = {
        "feature": "thing",
        "calculator_id": "test.thing",
        "version": "1",
        "label": "Thing",
        "unit": "",
        "data": array,
        "axes": ("frame", "bin"),
        "fill_value": -1.0,
        "hop_seconds": 0.0625,
        "start_seconds": 0.0,
        "key": "k",
        "alignment": "start",
        **changes,
    }
    return FeatureTrack(**values)


SIXTHS = make_track([i / 6 for i in range(6)])
LONG = make_track(np.arange(40))


def test_a_range_includes_both_frames() -> None:
    got = sample_range(SIXTHS, 0.0, 360 * TICK_S)
    assert got.data[:, 0] == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6])
    assert got.times_s.tolist() == [0.0, 0.0625, 0.125, 0.1875]
    assert got.mask.all()
    assert (len(got), got.first_frame, got.unit) == (4, 0, "")
    assert len(sample_range(SIXTHS, 120 * TICK_S, 120 * TICK_S)) == 1
    assert np.array_equal(sample_range(SIXTHS, 360 * TICK_S, 0.0).data, got.data)


def test_frames_after_the_recording_are_masked_silence() -> None:
    got = sample_range(SIXTHS, 720 * TICK_S, 960 * TICK_S)
    assert got.data.tolist() == [[-1.0]] * 3
    assert not got.mask.any()


def test_d29_frames_before_the_recording_are_treated_as_those_after_it() -> None:
    """The original squashed negative times to zero: one frame for -240..0, and frame 0 for -240..-120."""
    got = sample_range(SIXTHS, -240 * TICK_S, 0.0)
    assert got.times_s.tolist() == [-0.125, -0.0625, 0.0]
    assert got.mask.tolist() == [False, False, True]
    assert got.data[:, 0].tolist() == [-1.0, -1.0, 0.0]
    assert not sample_range(SIXTHS, -240 * TICK_S, -120 * TICK_S).mask.any()


def test_padding_is_the_same_on_both_sides() -> None:
    got = sample_range(SIXTHS, 0.0, 120 * TICK_S, padding=2)
    assert got.first_frame == -2
    assert got.mask.tolist() == [False, False, True, True, True, True]


def test_d22_frames_outside_the_region_are_masked() -> None:
    """A region of ticks 240 to 480 at tick 480: the original went on returning frames at 780 and 900."""
    clip = ClipMap(480 * TICK_S, 240 * TICK_S, 480 * TICK_S)
    got = sample_range(SIXTHS, 480 * TICK_S, 960 * TICK_S, clip=clip)
    assert got.times_s == pytest.approx([0.25, 0.3125, 0.375, 0.4375, 0.5])
    assert got.mask.tolist() == [True, True, False, False, False]
    assert got.data[:, 0] == pytest.approx([2 / 6, 3 / 6, -1, -1, -1])


def test_a_frame_that_holds_into_the_region_is_part_of_it() -> None:
    clip = ClipMap(0.0, 0.07, 0.13)
    assert sample_range(SIXTHS, -0.07, 0.3, clip=clip).times_s[0] == pytest.approx(-0.07)
    for alignment, frames in (("start", [1, 2]), ("center", [1, 2])):
        track = make_track(SIXTHS.data.copy(), alignment=alignment)
        got = sample_range(track, -0.07, 0.3, clip=clip)
        assert (np.flatnonzero(got.mask) + got.first_frame).tolist() == frames
    centred = make_track(SIXTHS.data.copy(), alignment="center")
    narrow = sample_range(centred, 0.0, 0.0, clip=ClipMap(0.0, 0.1, 0.11), padding=3)
    assert (np.flatnonzero(narrow.mask) + narrow.first_frame).tolist() == [2]


def test_a_range_inside_the_track_copies_nothing_and_cannot_be_written() -> None:
    got = sample_range(LONG, 0.5, 1.0)
    assert np.shares_memory(got.data, LONG.data)
    with pytest.raises(ValueError, match="read-only"):
        got.data[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        sample_range(LONG, -0.5, 1.0).data[0] = 1.0


def test_bands_and_limits() -> None:
    track = make_track(np.arange(12.0).reshape(4, 3))
    assert sample_range(track, 0.0, 0.0625, band=2).data.tolist() == [[2.0], [5.0]]
    with pytest.raises(InvalidParameterError, match="more than 8 values"):
        sample_range(track, 0.0, 0.2, max_values=8)
    with pytest.raises(InvalidParameterError, match="values"):
        sample_range(track, 0.0, 1e9)


@pytest.mark.parametrize(
    ("start", "end", "padding"),
    [(math.nan, 1.0, 0), (0.0, math.inf, 0), (0.0, 1.0, -1), (0.0, 1.0, 0.5), ("a", 1.0, 0)],
)
def test_ranges_that_make_no_sense_are_refused(start: Any, end: Any, padding: Any) -> None:
    with pytest.raises(InvalidParameterError):
        sample_range(SIXTHS, start, end, padding=padding)


# ---- histories ----------------------------------------------------------------------------------


def test_history_of_frames() -> None:
    got = sample_history(LONG, 1.0, 3)
    assert got.data[:, 0].tolist() == [14.0, 15.0, 16.0]
    assert got.times_s.tolist() == [0.875, 0.9375, 1.0]
    assert got.mask.all()


def test_d23_history_is_in_timeline_seconds() -> None:
    """Clip at 0.5 s, time 1.5 s: the original gave frame 18 three times."""
    got = sample_history(LONG, 1.5, 3, clip=ClipMap(0.5))
    assert got.data[:, 0].tolist() == [14.0, 15.0, 16.0]
    assert got.times_s.tolist() == [1.375, 1.4375, 1.5]


def test_history_before_the_clip_is_masked_silence_not_its_first_frame_again() -> None:
    got = sample_history(LONG, 0.5625, 4, clip=ClipMap(0.5))
    assert got.mask.tolist() == [False, False, True, True]
    assert got.data[:, 0].tolist() == [-1.0, -1.0, 0.0, 1.0]


def test_history_spacing_and_interpolation() -> None:
    got = sample_history(LONG, 1.0, 3, spacing=0.1, interpolation="linear")
    assert got.data[:, 0] == pytest.approx([12.8, 14.4, 16.0], abs=1e-5)
    assert len(sample_history(LONG, 1.0, 1)) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0},
        {"count": 1.5},
        {"count": True},
        {"spacing": 0.0},
        {"spacing": -1.0},
        {"spacing": math.nan},
        {"time_s": math.nan},
        {"count": 1 << 40},
    ],
)
def test_histories_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        sample_history(**{"track": LONG, "time_s": 1.0, "count": 3, **options})
