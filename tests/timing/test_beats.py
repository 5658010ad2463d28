"""Tempo maps from beats: the beats are made from known tempos, and the estimate is compared with those."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing import Tempo, TempoMap


def beats_of(tempo_map: TempoMap, count: int, first: int = 0) -> Any:
    return tempo_map.ticks_to_seconds(np.arange(first, first + count) * 960.0)


def worst_bpm(found: TempoMap, truth: TempoMap, start: float, end: float) -> float:
    times = np.linspace(start, end, 200)
    return float(np.median(np.abs(found.bpm_at(times) / truth.bpm_at(times) - 1)))


@pytest.mark.parametrize("bpm", [40, 60, 97.3, 120, 174, 300])
def test_exact_beats_give_their_tempo(bpm: float) -> None:
    tempo = Tempo()
    found = tempo.from_beats(np.arange(20) * 60 / bpm)
    assert found == tempo.snapshot()
    assert found.is_constant
    assert tempo.bpm == pytest.approx(bpm, rel=1e-6)


@given(
    bpm=st.floats(50, 220),
    first=st.just(0.0) | st.floats(0.15, 3),
    jitter=st.floats(0, 0.04),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=25)
def test_random_deviations_hardly_matter(bpm: float, first: float, jitter: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    beats = first + (np.arange(64) + rng.uniform(-jitter, jitter, 64)) * 60 / bpm
    found = Tempo().from_beats(np.maximum(beats, 0), curve="constant")
    assert found.bpm_at(first + 20) == pytest.approx(bpm, rel=0.005)
    positions = found.seconds_to_ticks(first + np.arange(1, 64) * 60 / bpm) / 960
    assert np.max(np.abs(positions - np.rint(positions))) < 0.05  # beats fall on beats


def test_tapped_beats_of_one_tempo_make_one_tempo() -> None:
    rng = np.random.default_rng(3)
    beats = np.arange(100) * 0.5 + rng.normal(0, 0.015, 100)
    found = Tempo().from_beats(np.maximum(beats, 0))
    assert found.is_constant
    assert found.bpm == pytest.approx(120, rel=0.002)


def test_missing_beats_and_beats_too_many() -> None:
    rng = np.random.default_rng(4)
    beats = np.arange(80) * 0.5
    beats = np.delete(beats, rng.choice(np.arange(1, 79), 20, replace=False))
    beats = np.sort(np.concatenate([beats, rng.uniform(1, 39, 4)]))
    found = Tempo().from_beats(beats)
    assert worst_bpm(found, TempoMap.constant(120), 0, 39) < 0.005
    assert found.seconds_to_ticks(39.0) / 960 == pytest.approx(78, abs=0.3)


@pytest.mark.parametrize("jitter_s", [0.0, 0.01])
def test_a_change_of_tempo_is_found_where_it_is(jitter_s: float) -> None:
    truth = TempoMap.of([(0, 100), (20, 140)])
    beats = beats_of(truth, 90) + np.random.default_rng(5).normal(0, jitter_s, 90)
    found = Tempo().from_beats(np.maximum(beats, 0), curve="step")
    assert worst_bpm(found, truth, 0, 40) < 0.01
    assert np.max(np.abs(found.seconds_to_ticks(beats_of(truth, 90)) / 960 - np.arange(90))) < 0.1
    changes = [entry.time_s for entry in found.entries if entry.time_s > 1]
    assert any(abs(change - 20) < 2 for change in changes)


@pytest.mark.parametrize("jitter_s", [0.0, 0.01])
def test_an_accelerando_is_a_ramp(jitter_s: float) -> None:
    truth = TempoMap.of([(0, 80, "linear"), (40, 160)])
    beats = beats_of(truth, 80) + np.random.default_rng(6).normal(0, jitter_s, 80)
    found = Tempo().from_beats(np.maximum(beats, 0))
    assert found.entries[-2].curve == "linear"
    times = np.linspace(2, 38, 50)
    assert np.max(np.abs(found.bpm_at(times) / truth.bpm_at(times) - 1)) < 0.03
    assert np.max(np.abs(found.seconds_to_ticks(beats_of(truth, 80)) / 960 - np.arange(80))) < 0.1


def test_beats_fall_on_beats_after_a_whole_number_that_leads_up_to_them() -> None:
    beats = 0.37 + np.arange(40) * 0.5
    tempo = Tempo(beats_per_bar=4)
    tempo.from_beats(beats)
    assert tempo.bar_beat(beats).beat == pytest.approx(np.arange(1, 41) % 4 + 1)
    assert tempo.bpm_at(5.0) == pytest.approx(120)
    tempo.from_beats(beats, first_beat=1)
    assert tempo.bar_beat(beats).beat == pytest.approx(np.arange(40) % 4 + 1)
    tempo.from_beats(beats, first_beat=4)
    assert tempo.bar_beat(beats).beat == pytest.approx((np.arange(40) + 3) % 4 + 1)
    loose = tempo.from_beats(beats, align=False, apply=False)
    assert loose.is_constant
    assert tempo.snapshot() != loose


def test_features_and_events_of_beats_are_taken() -> None:
    times = np.arange(16) * 0.6
    assert Tempo().from_beats(acn.Events(times)).bpm == pytest.approx(100)
    sound, rate = acn.examples.load("drum-loop")
    with acn.Session(cache_dir=False) as session:
        track = session.add_audio(sound, rate)
        beats = session.get(track, "beats", timeout=60)
        found = session.tempo.from_beats(beats)
        assert found == session.tempo.snapshot()
        truth = TempoMap.of(acn.examples.truth("drum-loop").tempo_map)
        assert found.bpm_at(2.0) == pytest.approx(truth.bpm_at(2.0), rel=0.02)
        with pytest.raises(InvalidParameterError, match="has no beats"):
            session.tempo.from_beats(session.get(track, "rms", timeout=60))


@pytest.mark.parametrize(
    ("beats", "options"),
    [
        ([], {}),
        ([1.0], {}),
        ([1.0, 1.0], {}),
        ([-2.0, -1.0, 3.0], {}),
        ([0.0, math.nan, 1.0], {}),
        ([[0.0, 1.0]], {}),
        ("0 1 2", {}),
        (None, {}),
        ([0.0, 100.0, 200.0], {}),
        ([0.0, 0.01, 0.02, 0.03], {}),
        ([0.0, 0.5, 1.0], {"curve": "cubic"}),
        ([0.5, 1.0, 1.5], {"first_beat": 5}),
        ([0.5, 1.0, 1.5], {"first_beat": True}),
        ([0.0, 0.5, 1.0], {"first_beat": 2}),
    ],
)
def test_what_makes_no_tempo_is_refused_and_changes_nothing(beats: Any, options: Any) -> None:
    tempo = Tempo(97)
    with pytest.raises(InvalidParameterError):
        tempo.from_beats(beats, **options)
    assert (tempo.bpm, tempo.version) == (97.0, 0)
