"""The tempo map against the rule, the recorded numbers of the original, and numerical integration."""

from __future__ import annotations

import itertools
import math
import threading
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing import Tempo, TempoMap
from audiocache_nb.timing.rounding import round_half_up

BPMS = st.floats(1.0, 1000.0)
NOT_A_TEMPO = [math.nan, math.inf, -math.inf, 0, 0.0, -120, 1e300, 10**400, True, None, "120", [120], 1j]


@st.composite
def entry_lists(draw: st.DrawFn) -> list[tuple[float, float, str]]:
    gaps = draw(st.lists(st.floats(0.01, 30.0), min_size=1, max_size=8))
    first = draw(st.sampled_from([0.0, 0.0, 1.5]))
    times = first + np.concatenate([[0.0], np.cumsum(gaps)])
    return [(float(t), draw(st.floats(20.0, 300.0)), draw(st.sampled_from(["step", "linear"]))) for t in times]


# ---- hop ticks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample_rate", "bpm", "hop", "waveform_hop"),
    [
        (44100, 120, 22, 3),
        (48000, 120, 20, 3),
        (22050, 120, 45, 6),
        (8000, 120, 123, 15),
        (44100, 60, 11, 1),
        (44100, 90, 17, 2),
        (44100, 128, 24, 3),
        (44100, 174, 32, 4),
    ],
)
def test_hop_ticks_of_the_original(sample_rate: int, bpm: float, hop: int, waveform_hop: int) -> None:
    tempo = Tempo(bpm)
    assert tempo.hop_ticks(512 / sample_rate) == hop
    assert tempo.hop_ticks(64 / sample_rate) == waveform_hop
    assert isinstance(tempo.hop_ticks(512 / sample_rate), int)


def test_hop_ticks_round_halves_up_where_python_rounds_to_even() -> None:
    tempo = Tempo(60)  # 960 ticks per second
    assert [tempo.hop_ticks(n / 1920) for n in (1, 3, 5, 7)] == [1, 2, 3, 4]
    assert [round(n / 2) for n in (1, 3, 5, 7)] == [0, 2, 2, 4]


@given(hop_size=st.integers(1, 1 << 20), sample_rate=st.integers(1000, 768_000), bpm=st.integers(1, 1000))
def test_hop_ticks_rule(hop_size: int, sample_rate: int, bpm: int) -> None:
    exact = Fraction(hop_size, sample_rate) * bpm * 16
    ticks = Tempo(bpm).hop_ticks(hop_size / sample_rate)
    distance_to_half = abs(exact - math.floor(exact) - Fraction(1, 2))
    if distance_to_half > Fraction(1, 10**6):
        assert ticks == max(1, math.floor(exact + Fraction(1, 2)))
    else:
        assert ticks in {max(1, math.floor(exact)), math.floor(exact) + 1}


def test_hop_ticks_of_many() -> None:
    hops = np.array([1e-6, 512 / 44100, 1.0])
    ticks = Tempo(120).hop_ticks(hops)
    assert ticks.dtype == np.int64
    assert ticks.tolist() == [1, 22, 1920]


@pytest.mark.parametrize("hop", [0.0, -1.0, math.nan, math.inf, [0.1, -0.1]])
def test_hop_ticks_refuse_what_is_no_hop(hop: Any) -> None:
    with pytest.raises(InvalidParameterError, match="hop_seconds"):
        Tempo().hop_ticks(hop)


def test_rounding_just_below_a_half() -> None:
    below = math.nextafter(0.5, 0.0)
    assert math.floor(below + 0.5) == 1  # the trap
    assert round_half_up(below) == 0
    assert round_half_up(-0.5) == 0
    assert round_half_up(np.array([below, 0.5, -0.5, -0.6, 2.5])).tolist() == [0, 1, 0, -1, 3]


# ---- conversions ------------------------------------------------------------------------------


def test_step_of_the_original() -> None:
    tempo = Tempo()
    tempo.set_map([(0, 120), (2, 60)])
    assert tempo.seconds_to_ticks([0.5, 2, 3]).tolist() == [960, 3840, 4800]


def test_ramp_of_the_original() -> None:
    tempo = Tempo()
    tempo.set_map([(0, 120, "linear"), (2, 180)])
    assert tempo.seconds_to_ticks([0.5, 1, 1.5, 2, 3]).tolist() == [1020, 2160, 3420, 4800, 7680]
    assert tempo.ticks_to_seconds([1020, 2160, 3420, 4800, 7680]) == pytest.approx([0.5, 1, 1.5, 2, 3], abs=1e-12)
    assert tempo.bpm_at([0, 1, 2, 9]).tolist() == [120, 150, 180, 180]


def test_batch_of_the_original() -> None:
    assert Tempo(90).seconds_to_ticks([0, 0.667, 1.333, 2]) == pytest.approx([0, 960.48, 1919.52, 2880])


def test_a_linear_last_entry_holds() -> None:
    assert TempoMap.of([(0, 120), (8, 140, "linear")]) == TempoMap.of([(0, 120), (8, 140)])


def test_d13_one_engine_for_steps_and_ramps() -> None:
    """The original turned time into ticks by one engine and back by another: 0.1 s off in this ramp."""
    tempo = Tempo()
    tempo.set_map([(0, 120, "linear"), (2, 180)])
    times = np.linspace(-3, 6, 1001)
    assert np.max(np.abs(tempo.ticks_to_seconds(tempo.seconds_to_ticks(times)) - times)) < 1e-12
    assert tempo.seconds_to_ticks(1.0) == 2160.0  # not the 1920 of an engine without ramps


def test_d14_a_late_first_entry_holds_before_it() -> None:
    tempo = Tempo()
    tempo.set_map([(2, 120)])
    assert tempo.seconds_to_ticks(1.0) == 1920.0  # was -1920
    assert tempo.hop_ticks(512 / 44100) == 22  # was 1
    ramp = TempoMap.of([(2, 120, "linear"), (4, 240)])
    assert ramp.seconds_to_ticks([-1, 1, 2]).tolist() == [-1920, 1920, 3840]


def test_negative_time_goes_on_at_the_first_tempo() -> None:
    ramp = TempoMap.of([(0, 120, "linear"), (2, 180)])
    assert ramp.seconds_to_ticks([-2.0, -1.0]).tolist() == [-3840, -1920]
    assert ramp.ticks_to_seconds([-3840, -1920]).tolist() == [-2.0, -1.0]
    assert ramp.bpm_at(-5.0) == 120.0


def test_scalars_give_floats_and_arrays_keep_their_shape() -> None:
    for tempo_map in (TempoMap.constant(120), TempoMap.of([(0, 60), (1, 90, "linear"), (3, 70)])):
        for convert in (tempo_map.seconds_to_ticks, tempo_map.ticks_to_seconds, tempo_map.bpm_at):
            assert type(convert(1)) is float
            assert type(convert(np.float32(1))) is float
            assert convert(np.ones((2, 3))).shape == (2, 3)
            assert convert([]).shape == (0,)
        assert math.isnan(tempo_map.seconds_to_ticks(math.nan))
        assert tempo_map.seconds_to_ticks(math.inf) == math.inf
        assert tempo_map.ticks_to_seconds(-math.inf) == -math.inf


@given(entries=entry_lists(), seed=st.integers(0, 2**32 - 1))
def test_ticks_are_the_integral_of_tempo(entries: list[tuple[float, float, str]], seed: int) -> None:
    tempo_map = TempoMap.of(entries)
    start, end = sorted(np.random.default_rng(seed).uniform(-5, entries[-1][0] + 5, 2))
    edges = np.unique(np.clip([start, *(e[0] for e in entries), end], start, end))
    # the rate is linear between entries, so the trapezoid of its one-sided values is the integral
    inside = (edges[1:] - edges[:-1]) * 1e-7
    left, right = tempo_map.bpm_at(edges[:-1] + inside), tempo_map.bpm_at(edges[1:] - inside)
    area = float(np.sum((left + right) / 2 * np.diff(edges))) * 16
    got = tempo_map.seconds_to_ticks(end) - tempo_map.seconds_to_ticks(start)
    assert got == pytest.approx(area, rel=1e-6, abs=1e-3)


@given(entries=entry_lists())
def test_round_trip_and_monotony(entries: list[tuple[float, float, str]]) -> None:
    tempo_map = TempoMap.of(entries)
    times = np.linspace(-10, entries[-1][0] + 10, 257)
    ticks = tempo_map.seconds_to_ticks(times)
    assert np.all(np.diff(ticks) > 0)
    assert np.max(np.abs(tempo_map.ticks_to_seconds(ticks) - times)) < 1e-9
    assert tempo_map.seconds_to_ticks(0.0) == 0.0


# ---- bars and beats -----------------------------------------------------------------------------


def test_bars_and_beats() -> None:
    tempo = Tempo(120, beats_per_bar=3)
    assert tempo.bar_beat(0.0) == (1, 1.0)
    assert tempo.bar_beat(0.25) == (1, 1.5)
    assert tempo.bar_beat(1.5) == (2, 1.0)
    assert tempo.bar_beat(-0.5) == (0, 3.0)
    bars, beats = tempo.bar_beat([0, 1.5, -0.5])
    assert bars.tolist() == [1, 2, 0]
    assert beats.tolist() == [1, 1, 3]
    with pytest.raises(InvalidParameterError):
        tempo.bar_beat(math.nan)


@given(bpm=BPMS, beats_per_bar=st.integers(1, 64), beat=st.integers(-10_000, 1_000_000))
def test_a_beat_time_is_on_its_beat(bpm: float, beats_per_bar: int, beat: int) -> None:
    bar, in_bar = Tempo(bpm, beats_per_bar).bar_beat(beat * 60 / bpm)
    assert (bar, in_bar) == (beat // beats_per_bar + 1, beat % beats_per_bar + 1)


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", NOT_A_TEMPO)
def test_t1_a_bad_bpm_is_refused_and_changes_nothing(value: Any) -> None:
    tempo = Tempo(97)
    heard: list[int] = []
    tempo.subscribe(lambda: heard.append(tempo.version))
    with pytest.raises(InvalidParameterError, match="bpm"):
        tempo.bpm = value
    with pytest.raises(InvalidParameterError):
        Tempo(value)
    assert (tempo.bpm, tempo.version, heard) == (97.0, 0, [])


@pytest.mark.parametrize(
    ("entries", "index"),
    [
        ([], 0),
        ([(0, 120), (4, 100), (2, 90)], 2),
        ([(0, 120), (2, 100), (2, 90)], 2),
        ([(-1, 120)], 0),
        ([(0, 120), (math.nan, 100)], 1),
        ([(0, 120), (math.inf, 100)], 1),
        ([(True, 120)], 0),
        ([("0", 120)], 0),
        *[([(0, 120), (1, bpm)], 1) for bpm in NOT_A_TEMPO],
        ([(0, 120, "spline")], 0),
        ([(0, 120, None)], 0),
        ([(0, 120), 7], 1),
        ([(0, 120), (1,)], 1),
        ([(0, 120), (1, 2, "step", 4)], 1),
        (["ab"], 0),
    ],
)
def test_t2_a_bad_map_is_refused_with_its_index(entries: Any, index: int) -> None:
    tempo = Tempo(97)
    with pytest.raises(InvalidParameterError) as caught:
        tempo.set_map(entries)
    assert caught.value.context["index"] == index
    assert (tempo.bpm, tempo.version) == (97.0, 0)


@pytest.mark.parametrize("entries", [None, 120, "120", {"bpm": 120}])
def test_t2_what_is_no_list_is_refused(entries: Any) -> None:
    with pytest.raises(InvalidParameterError):
        Tempo().set_map(entries)


def test_t2_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 100_000
    tempo_map = TempoMap.of((i * 0.5, 60.0 + i % 2 * 60.0) for i in range(count))
    assert tempo_map.seconds_to_ticks(count * 0.5) == pytest.approx(count * 720.0)
    monkeypatch.setattr("audiocache_nb.timing.tempo_entries.MAX_ENTRIES", 1000)
    with pytest.raises(InvalidParameterError, match="at most 1000"):
        TempoMap.of((i * 0.5, 60.0) for i in itertools.count())


@pytest.mark.parametrize("value", [0, -1, 65, 3.5, True, math.nan, "4", None])
def test_beats_per_bar_are_checked(value: Any) -> None:
    tempo = Tempo(beats_per_bar=7)
    with pytest.raises(InvalidParameterError, match="beats_per_bar"):
        tempo.beats_per_bar = value
    assert tempo.beats_per_bar == 7


# ---- identity and changes --------------------------------------------------------------------------


def test_equal_tempo_has_an_equal_digest_however_it_is_written() -> None:
    constant = TempoMap.constant(120).digest
    for entries in (
        [(0, 120)],
        [(0, 120.0, "linear")],
        [(-0.0, 120)],
        [(5, 120)],
        [(0, 120), (1, 120)],
        [(0, 120, "linear"), (1, 120)],
    ):
        assert TempoMap.of(entries).digest == constant
    for other in (TempoMap.constant(121), TempoMap.constant(120, beats_per_bar=3), TempoMap.of([(0, 120), (1, 121)])):
        assert other.digest != constant
    assert TempoMap.of([(0, 120, "linear"), (1, 130)]) != TempoMap.of([(0, 120), (1, 130)])


def test_t6_a_tempo_that_is_set_back_has_its_old_digest() -> None:
    tempo = Tempo(120)
    before = tempo.digest
    tempo.bpm = 90
    assert tempo.digest != before
    tempo.bpm = 120
    assert tempo.digest == before
    assert tempo.version == 2


def test_subscribers_hear_changes_and_only_changes() -> None:
    tempo = Tempo(120)
    heard: list[tuple[int, TempoMap]] = []

    def broken() -> None:
        raise RuntimeError(tempo.version)

    tempo.subscribe(broken)
    unsubscribe = tempo.subscribe(lambda: heard.append((tempo.version, tempo.snapshot())))
    tempo.bpm = 128
    tempo.bpm = 128
    tempo.set_map([(0, 128)])
    tempo.set_map([(0, 128), (4, 64)])
    tempo.beats_per_bar = 3
    assert [version for version, _ in heard] == [1, 2, 3]
    assert heard[-1][1] is tempo.snapshot()
    assert heard[-1][1].beats_per_bar == 3
    assert tempo.entries[1].bpm == 64
    unsubscribe()
    unsubscribe()
    tempo.bpm = 60
    assert len(heard) == 3


def test_setting_bpm_replaces_the_map_and_keeps_the_metre() -> None:
    tempo = Tempo(beats_per_bar=5)
    tempo.set_map([(0, 100), (1, 200)])
    assert tempo.bpm == 100
    tempo.bpm = 80
    assert tempo.snapshot() == TempoMap.constant(80, beats_per_bar=5)


def test_a_snapshot_outlives_changes() -> None:
    tempo = Tempo(120)
    old = tempo.snapshot()
    tempo.bpm = 60
    assert old.seconds_to_ticks(1.0) == 1920.0
    assert tempo.seconds_to_ticks(1.0) == 960.0


def test_readers_never_see_half_a_change() -> None:
    tempo = Tempo(60)
    stop = threading.Event()
    seen: set[float] = set()

    def read() -> None:
        while not stop.is_set():
            seen.add(float(tempo.seconds_to_ticks(np.array([0.0, 10.0]))[1]))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for i in range(200):
            tempo.set_map([(0, 120), (5, 60)] if i % 2 else [(0, 60)])
            time.sleep(0.0001)
    finally:
        stop.set()
        reader.join()
    assert seen <= {9600.0, 14400.0}


def test_bars_of_another_metre_or_of_one_for_each_time() -> None:
    tempo = Tempo(120, beats_per_bar=4)
    assert tempo.bar_beat(1.5, beats_per_bar=3) == (2, 1.0)
    bars, beats = tempo.bar_beat([1.5, 1.5, 3.0], beats_per_bar=[4, 3, 6])
    assert (bars.tolist(), beats.tolist()) == ([1, 2, 2], [4, 1, 1])
    assert tempo.bar_beat(1.5, beats_per_bar=[2, 3]).bar.tolist() == [2, 2]
    for metre in (0, 65, 3.5, [4, 0]):
        with pytest.raises(InvalidParameterError, match="beats_per_bar"):
            tempo.bar_beat(1.0, beats_per_bar=metre)


def test_bar_lines_and_beats_between_two_times() -> None:
    tempo = Tempo(120, beats_per_bar=3)
    assert tempo.bar_lines(0.0, 4.5).tolist() == [0.0, 1.5, 3.0, 4.5]
    assert tempo.bar_lines(-1.6, 0.1).tolist() == [-1.5, 0.0]
    assert tempo.bar_lines(0.1, 1.4).tolist() == []
    assert tempo.bar_lines(0.2, 1.0, every="beat").tolist() == [0.5, 1.0]
    tempo.set_map([(0.0, 120.0, "linear"), (2.0, 180.0)])
    lines = tempo.bar_lines(-3.0, 9.0)
    assert tempo.bar_beat(lines).beat.tolist() == [1.0] * len(lines)
    assert np.diff(tempo.bar_beat(lines).bar).tolist() == [1] * (len(lines) - 1)
    for limits in ((0.0, math.inf), (math.nan, 1.0), (0.0, 1e9)):
        with pytest.raises(InvalidParameterError):
            tempo.bar_lines(*limits, every="beat")
    with pytest.raises(InvalidParameterError):
        tempo.bar_lines(0.0, 1.0, every="tick")


def test_a_map_can_be_set_as_it_is() -> None:
    tempo = Tempo(beats_per_bar=3)
    tempo.set_map(TempoMap.of([(0, 90), (4, 120)], beats_per_bar=7))
    assert tempo.snapshot() == TempoMap.of([(0, 90), (4, 120)], beats_per_bar=3)
    assert tempo.snapshot().bpm == 90


def test_a_ramp_that_takes_no_time_is_a_step():
    ramp = TempoMap.of([(0.0, 100.0, "linear"), (1e-320, 140.0)])
    step = TempoMap.of([(0.0, 140.0)])
    times = np.array([0.5, 1.0, 1000.0])
    np.testing.assert_allclose(ramp.seconds_to_ticks(times), step.seconds_to_ticks(times))
    np.testing.assert_allclose(ramp.ticks_to_seconds(step.seconds_to_ticks(times)), times)
