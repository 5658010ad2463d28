"""Where a clip lies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing import ClipMap, TempoMap

STEADY = TempoMap.constant(120)  # 1920 ticks per second


def test_an_untouched_clip_is_the_source() -> None:
    clip = ClipMap.from_ticks(STEADY)
    assert clip == ClipMap()
    assert clip.to_source(1.25) == 1.25
    assert not clip.contains(-1e-6)
    assert clip.contains(0.0)
    assert clip.contains(1e9)


def test_offset_and_region() -> None:
    clip = ClipMap.from_ticks(STEADY, offset_ticks=480, region_start_tick=240, region_end_tick=480)
    assert clip == ClipMap(0.25, 0.125, 0.25)
    assert clip.contains([0.2499, 0.25, 0.3, 0.3749, 0.375]).tolist() == [False, True, True, True, False]
    assert clip.to_source([0.25, 0.375]).tolist() == [0.125, 0.25]
    assert clip.to_timeline(clip.to_source(0.3)) == pytest.approx(0.3)
    assert clip.span_s(10.0) == (0.25, 0.375)
    assert clip.span_s(0.2) == pytest.approx((0.25, 0.325))
    assert clip.span_s(0.1) == (0.25, 0.25)


def test_time_within_a_clip_runs_at_the_speed_of_its_sound_under_tempo_changes() -> None:
    """Ten beats at 60 bpm, then 120: a clip at beat 10 has run 1 s at beat 12, not 2."""
    tempo = TempoMap.of([(0, 60), (10, 120)])
    clip = ClipMap.from_ticks(tempo, offset_ticks=9600)
    assert clip.to_source(tempo.ticks_to_seconds(12 * 960)) == pytest.approx(1.0)


def test_moving_a_clip_keeps_its_content() -> None:
    tempo = TempoMap.of([(0, 60), (10, 120)])
    early = ClipMap.from_ticks(tempo, offset_ticks=0, region_start_tick=960, region_end_tick=2880)
    late = ClipMap.from_ticks(tempo, offset_ticks=20_000, region_start_tick=960, region_end_tick=2880)
    assert (early.region_start_s, early.region_end_s) == (late.region_start_s, late.region_end_s) == (1.0, 3.0)


def test_a_clip_may_begin_before_time_zero() -> None:
    clip = ClipMap.from_ticks(STEADY, offset_ticks=-1920)
    assert clip.to_source(0.0) == 1.0
    assert clip.contains(np.array([-1.0, -1.1])).tolist() == [True, False]


@pytest.mark.parametrize("name", ["offset_ticks", "region_start_tick", "region_end_tick"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_ticks_are_finite(name: str, value: float) -> None:
    with pytest.raises(InvalidParameterError, match=name):
        ClipMap.from_ticks(STEADY, **{name: value})


def test_a_region_does_not_start_before_its_source() -> None:
    with pytest.raises(InvalidParameterError, match="region_start_tick"):
        ClipMap.from_ticks(STEADY, region_start_tick=-1)


def test_an_empty_region_never_sounds() -> None:
    clip = ClipMap.from_ticks(STEADY, region_start_tick=480, region_end_tick=480)
    assert not clip.contains(np.linspace(-1, 1, 101)).any()
    assert clip.span_s(9.0) == (0.0, 0.0)
