"""Sampling a track of the timeline: its place, its region and the tempo."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.timeline import (
    sample_at,
    sample_history_at,
    sample_many_at,
    sample_range_at,
    sampler_at,
)
from audiocache_nb.timing import Tempo


@dataclasses.dataclass
class Source:
    duration: float = 2.5


@dataclasses.dataclass
class Track:
    offset_ticks: int = 0
    region_start_tick: int | None = None
    region_end_tick: int | None = None
    source: Source = dataclasses.field(default_factory=Source)


RAMP = FeatureTrack(
    feature="ramp",
    calculator_id="test.ramp",
    version="1",
    label="Ramp",
    unit="s",
    data=np.arange(25, dtype=np.float32)[:, None] / 10,  # the value is the source time
    axes=("frame", "value"),
    fill_value=-1.0,
    hop_seconds=0.1,
    start_seconds=0.0,
    key="k",
    alignment="center",
)


def test_place_and_region() -> None:
    tempo, track = Tempo(120), Track(offset_ticks=960, region_start_tick=1920, region_end_tick=3840)
    times = [0.49, 0.5, 1.0, 1.49, 1.5]
    assert sample_many_at(RAMP, track, tempo, times)[:, 0] == pytest.approx([-1, 1.0, 1.5, 1.99, -1], abs=1e-5)
    assert sample_at(RAMP, track, tempo, 1.0).values[0] == pytest.approx(1.5)
    assert sample_range_at(RAMP, track, tempo, 0.5, 0.7).data[:, 0] == pytest.approx([1.0, 1.1, 1.2])
    assert sample_history_at(RAMP, track, tempo, 0.7, 2, spacing=0.1).data[:, 0] == pytest.approx([1.1, 1.2])


def test_d13_under_a_ramp_the_value_is_that_of_the_sound() -> None:
    tempo = Tempo()
    tempo.set_map([(0, 120, "linear"), (2, 180)])
    assert sample_at(RAMP, Track(), tempo, 1.0).values[0] == pytest.approx(1.0)  # the original showed about 0.9
    tick = tempo.seconds_to_ticks(1.5)
    assert sample_at(RAMP, Track(), tempo, tempo.ticks_to_seconds(tick)).values[0] == pytest.approx(1.5)


def test_a_tempo_change_before_a_clip_moves_it_and_one_within_it_does_not_stretch_it() -> None:
    tempo = Tempo()
    tempo.set_map([(0, 60), (10, 120)])
    track = Track(offset_ticks=9600)
    at_beat_12 = tempo.ticks_to_seconds(12 * 960)
    assert sample_at(RAMP, track, tempo, at_beat_12).values[0] == pytest.approx(1.0)
    tempo.bpm = 120
    assert sample_at(RAMP, track, tempo, 5.0).values[0] == 0.0


def test_the_last_frame_holds_until_the_source_ends() -> None:
    assert sample_at(RAMP, Track(), Tempo(), 2.47).values[0] == pytest.approx(2.4)
    assert not sample_at(RAMP, Track(), Tempo(), 2.5).in_range


def test_options_reach_the_sampler() -> None:
    sampler = sampler_at(RAMP, Track(), Tempo(), interpolation="hold", smoothing=1)
    assert sampler.at(0.55).values[0] == pytest.approx(0.5)
