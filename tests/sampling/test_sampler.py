"""Sampling against the original's tables where they are right, naive code, and scipy."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline, interp1d
from scipy.signal import fftconvolve
from scipy.signal.windows import hann

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.periodic import padded_periods
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling import ClipMap, FrameSample, Sampler, sample, sample_history, sample_many, sample_range
from audiocache_nb.sampling.blend import weighted_sums

TICK_S = 1 / 1920  # at 120 quarter notes per minute


def make_track(data: Any, **changes: Any) -> FeatureTrack:
    array = np.array(data)
    array = array.astype(np.float32) if array.dtype == np.float64 else array
    if array.ndim == 1:
        array = array[:, None]
    values: dict[str, Any] = {
        "feature": "thing",
        "calculator_id": "test.thing",
        "version": "1",
        "label": "Thing",
        "unit": "",
        "data": array,
        "axes": ("frame", "bin", "bound")[: array.ndim],
        "fill_value": 0.0,
        "hop_seconds": 0.0625,
        "start_seconds": 0.0,
        "key": "k",
        "alignment": "start",
        **changes,
    }
    return FeatureTrack(**values)


SIXTHS = make_track([i / 6 for i in range(6)])
CENTRED = make_track([i / 6 for i in range(6)], alignment="center")
LOUD = make_track([[-10.0, -20.0], [-30.0, -40.0]], unit="dB", fill_value=-80.0)


def value(track: FeatureTrack, tick: float, **options: Any) -> float:
    return float(sample(track, tick * TICK_S, **options).values[0])


# ---- the tables of the original ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("tick", "expected"),
    [(-120, 0), (0, 0), (30, 0.041667), (60, 0.083333), (120, 0.166667), (540, 0.75), (600, 0.833333), (720, 0)],
)
def test_linear_table_of_the_original(tick: float, expected: float) -> None:
    assert value(SIXTHS, tick) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("tick", "expected"), [(60, 0.0), (119, 0.0), (120, 0.166667), (660, 0.833333)])
def test_hold_table_of_the_original(tick: float, expected: float) -> None:
    assert value(SIXTHS, tick, interpolation="hold") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("tick", "expected"), [(60, 0.072917), (300, 0.416667)])
def test_spline_table_of_the_original(tick: float, expected: float) -> None:
    assert value(SIXTHS, tick, interpolation="cubic") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("tick", "radius", "expected"),
    [
        (120, 1, 0.166667),
        (0, 1, 0.055556),
        (0, 2, 0.1),
        (600, 1, 0.5),
        (660, 1, 0.5),
        (240, 2, 0.333333),
        (240, 1.9, 0.333333),
        (300, -3, 0.416667),
    ],
)
def test_smoothing_table_of_the_original(tick: float, radius: float, expected: float) -> None:
    assert value(SIXTHS, tick, smoothing=radius) == pytest.approx(expected, abs=1e-6)


def test_out_of_range_is_a_sample_that_says_so() -> None:
    for tick, index, fractional in ((-120, 0, -1.0), (720, 5, 6.0), (840, 5, 7.0)):
        got = sample(SIXTHS, tick * TICK_S)
        assert (got.in_range, got.frame_index, got.unit) == (False, index, "")
        assert got.fractional_index == pytest.approx(fractional)
        assert got.values.tolist() == [0.0]
    for time_s in (math.nan, math.inf, -math.inf):
        got = sample(LOUD, time_s)
        assert not got.in_range
        assert got.values.tolist() == [-80.0, -80.0]
    assert sample(LOUD, math.inf).frame_index == 1
    assert sample(LOUD, math.nan).frame_index == 0


# ---- defects of the original, corrected --------------------------------------------------------


def test_d2_silence_of_decibels_is_the_fill_value_and_smoothing_never_makes_it_louder() -> None:
    before, after = sample(LOUD, -0.1), sample(LOUD, 10.0)
    assert before.values.tolist() == after.values.tolist() == [-80.0, -80.0]
    smoothed = sample(LOUD, 0.0, smoothing=1).values
    powers = np.array([[1e-8, 1e-8], [1e-1, 1e-2], [1e-3, 1e-4]])  # silence, frame 0, frame 1
    assert smoothed == pytest.approx(10 * np.log10(powers.mean(axis=0)), abs=1e-4)
    assert np.all(smoothed < [-10.0, -20.0])  # the original gave -13.33 and -20 with silence as 0 dB


def test_d2_a_decibel_track_holds_at_its_end_instead_of_rising_to_zero() -> None:
    assert sample(LOUD, 1.5 * 0.0625).values.tolist() == [-30.0, -40.0]  # was [-15, -20]


def test_d28_smoothing_works_with_interpolation() -> None:
    assert value(SIXTHS, 300, smoothing=2) == pytest.approx(2.5 / 6)  # was the staircase's 0.3333
    assert value(SIXTHS, 300, smoothing=1.9) == pytest.approx(2.5 / 6)
    times = np.linspace(2.0, 3.0, 33) * 0.0625
    smooth = sample_many(SIXTHS, times, smoothing=1)[:, 0]
    assert np.all(np.diff(smooth) > 0)


def test_d28_a_radius_in_seconds_lasts_as_long_with_any_hop() -> None:
    for hop, radius in ((0.01, 5), (0.02, 2), (0.05, 1), (0.06, 0)):
        rng = np.random.default_rng(5)
        track = make_track(rng.normal(size=40), hop_seconds=hop)
        for text in ("50 ms", "0.05s", " 50MS "):
            assert value(track, 20 * hop / TICK_S, smoothing=text) == value(track, 20 * hop / TICK_S, smoothing=radius)


def test_hann_smoothing_is_a_convolution_with_scipys_window() -> None:
    rng = np.random.default_rng(6)
    track = make_track(rng.normal(size=(300, 2)))
    for radius in (1, 4, 20, 200):
        window = hann(2 * radius + 3)[1:-1]
        expected = fftconvolve(track.data.astype(np.float64), (window / window.sum())[:, None], mode="full")
        expected = expected[radius : radius + 300]
        got = sample_many(track, track.times_s, smoothing=radius, kernel="hann")
        assert np.max(np.abs(got - expected)) < 1e-5
        one = [sample(track, t, smoothing=radius, kernel="hann").values for t in track.times_s[::7]]
        assert np.max(np.abs(np.array(one) - expected[::7])) < 1e-5


def test_d28_decibels_are_averaged_as_power() -> None:
    track = make_track([-60.0, 0.0, -60.0], unit="dB", fill_value=-80.0)
    got = sample(track, 0.0625, smoothing=1).values[0]
    assert got == pytest.approx(10 * math.log10((1 + 2e-6) / 3), abs=1e-4)  # -4.77, not the -40 of mean decibels


def test_d28_a_step_per_octave_is_no_level() -> None:
    track = make_track([-6.0, 0.0, -6.0], unit="dB/octave")
    assert sample(track, 0.0625, smoothing=1).values[0] == pytest.approx(-4.0)


@pytest.mark.parametrize("track", [SIXTHS, CENTRED])
def test_d29_nearest_is_the_nearest_frame_and_ties_go_to_the_earlier(track: FeatureTrack) -> None:
    for position, frame in ((0.4, 0), (0.5, 0), (0.51, 1), (0.9, 1), (2.5, 2), (4.4, 4), (4.6, 5)):
        got = sample(track, position * 0.0625, interpolation="nearest")
        assert (got.frame_index, got.values[0]) == (frame, track.data[frame, 0])


@pytest.mark.parametrize("interpolation", ["hold", "linear", "nearest", "cubic"])
def test_d29_nothing_fades_at_the_end(interpolation: str) -> None:
    last = float(SIXTHS.data[5, 0])
    for position in (5.0, 5.25, 5.49, 5.5, 5.999):  # was 0.4167 at 5.5 and 0.0069 at 5.99
        got = sample(SIXTHS, position * 0.0625, interpolation=interpolation)
        assert got.in_range
        if interpolation != "cubic":
            assert got.values[0] == pytest.approx(last)
        assert got.values[0] > 0.8
    assert not sample(SIXTHS, 6.0 * 0.0625, interpolation=interpolation).in_range
    for position, inside in ((5.0, True), (5.49, True), (5.51, False)):  # centred frames hold for half a hop
        assert sample(CENTRED, position * 0.0625, interpolation=interpolation).in_range is inside


def test_d29_centred_frames_hold_for_half_a_hop_before_them_but_not_before_the_recording() -> None:
    late = make_track([1.0, 2.0], alignment="center", start_seconds=0.5)
    assert sample(late, 0.5 - 0.031).values.tolist() == [1.0]
    assert not sample(late, 0.5 - 0.032).in_range
    assert not sample(CENTRED, -0.001).in_range


def test_the_last_frame_can_hold_until_the_recording_ends() -> None:
    assert not sample(CENTRED, 5.8 * 0.0625).in_range
    assert sample(CENTRED, 5.8 * 0.0625, duration_s=5.9 * 0.0625).values[0] == CENTRED.data[5, 0]
    assert not sample(CENTRED, 5.95 * 0.0625, duration_s=5.9 * 0.0625).in_range
    assert not sample(CENTRED, 6.5 * 0.0625, duration_s=100.0).in_range  # no frame speaks for so long


def test_d22_nothing_sounds_outside_the_region() -> None:
    """A region of ticks 240 to 480, placed at 480, ends at tick 720."""
    clip = ClipMap(480 * TICK_S, 240 * TICK_S, 480 * TICK_S)
    got = [sample(SIXTHS, tick * TICK_S, clip=clip, interpolation="hold") for tick in (479, 480, 600, 719, 720, 900)]
    assert [s.in_range for s in got] == [False, True, True, True, False, False]
    assert [s.frame_index for s in got[1:4]] == [2, 3, 3]
    assert got[4].values.tolist() == [0.0]  # was .6667
    inside = Sampler(SIXTHS, clip=clip).in_range(np.array([479, 480, 600, 719, 720, 900]) * TICK_S)
    assert inside.tolist() == [s.in_range for s in got]


def test_d1_two_clips_of_one_source_are_two_places() -> None:
    here, there = ClipMap(0.0), ClipMap(240 * TICK_S)
    assert value(SIXTHS, 360, clip=here) == pytest.approx(0.5)
    assert value(SIXTHS, 360, clip=there) == pytest.approx(1 / 6)  # a memo that forgot the clip gave 0.5


# ---- against other implementations --------------------------------------------------------------


def naive(track: FeatureTrack, time_s: float, interpolation: str, radius: int, edges: str, kernel: str) -> Any:
    """The rules, one number at a time, in float64."""
    n = track.frame_count
    rows = track.data.reshape(n, -1).astype(np.float64)
    decibels = track.unit == "dB"
    fill = np.full(rows.shape[1], track.fill_value)

    def frame(k: int) -> Any:
        if 0 <= k < n:
            return rows[k]
        return fill if edges == "fill" else rows[min(max(k, 0), n - 1)]

    def smooth(k: int) -> Any:
        k = min(max(k, 0), n - 1)
        if radius == 0:
            return rows[k]
        window = np.array([frame(k + j) for j in range(-radius, radius + 1)])
        weights = np.ones(2 * radius + 1) if kernel == "box" else hann(2 * radius + 3)[1:-1]
        weights = weights / weights.sum()
        return 10 * np.log10(weights @ 10 ** (window / 10)) if decibels else weights @ window

    position = (time_s - track.start_seconds) / track.hop_seconds
    if abs(position - round(position)) < 1e-6:
        position = round(position)
    i = math.floor(position)
    t = position - i
    if interpolation == "hold":
        return smooth(i)
    if interpolation == "nearest":
        return smooth(i if t <= 0.5 else i + 1)
    if interpolation == "linear":
        return smooth(i) * (1 - t) + smooth(i + 1) * t
    p0, p1, p2, p3 = (smooth(i + j) for j in (-1, 0, 1, 2))
    return 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)


@st.composite
def tracks(draw: st.DrawFn) -> FeatureTrack:
    n = draw(st.integers(1, 12))
    shape = draw(st.sampled_from([(n,), (n, 3), (n, 2, 2)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    decibels = draw(st.booleans())
    data = rng.uniform(-80, 0, shape) if decibels else rng.uniform(-1, 1, shape)
    return make_track(
        data,
        unit="dB" if decibels else "",
        fill_value=-80.0 if decibels else draw(st.sampled_from([0.0, 0.25])),
        hop_seconds=draw(st.sampled_from([0.0625, 512 / 44100, 1.0])),
        start_seconds=draw(st.sampled_from([0.0, 0.7, -0.3])),
        alignment=draw(st.sampled_from(["start", "center"])),
    )


@given(
    track=tracks(),
    interpolation=st.sampled_from(["hold", "nearest", "linear", "cubic"]),
    radius=st.integers(0, 15),
    edges=st.sampled_from(["fill", "hold"]),
    kernel=st.sampled_from(["box", "hann"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_one_many_and_naive_agree(
    track: Any, interpolation: Any, radius: int, edges: Any, kernel: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    on_frames = rng.integers(-2, track.frame_count + 2, 8)
    positions = np.concatenate([rng.uniform(-2, track.frame_count + 2, 24), on_frames, on_frames + 0.5])
    times = track.start_seconds + positions * track.hop_seconds
    sampler = Sampler(track, interpolation=interpolation, smoothing=radius, edges=edges, kernel=kernel)
    many, inside = sampler.many(times), sampler.in_range(times)
    assert many.shape == (len(times), track.width)
    for i, time_s in enumerate(times):
        one = sampler.at(time_s)
        assert one.in_range == inside[i]
        assert one.values.shape == (track.width,)
        assert one.values.dtype == many.dtype == np.float32
        assert many[i] == pytest.approx(one.values, abs=2e-4, rel=1e-5)
        if one.in_range:
            expected = naive(track, time_s, interpolation, radius, edges, kernel)
            assert one.values == pytest.approx(expected, abs=2e-4, rel=1e-5)
        elif edges == "fill":
            assert np.all(one.values == np.float32(track.fill_value))
        else:
            assert np.array_equal(one.values, track.data.reshape(track.frame_count, -1)[one.frame_index])


def test_linear_is_scipys() -> None:
    rng = np.random.default_rng(1)
    track = make_track(rng.normal(size=(50, 7)))
    times = rng.uniform(0, 49 * 0.0625, 500)
    expected = interp1d(track.times_s, track.data.astype(np.float64), axis=0)(times)
    assert np.max(np.abs(sample_many(track, times) - expected)) < 1e-6


def test_cubic_is_scipys_hermite_spline_with_central_slopes() -> None:
    rng = np.random.default_rng(2)
    track = make_track(rng.normal(size=(40, 3)))
    data = track.data.astype(np.float64)
    slopes = np.zeros_like(data)
    slopes[1:-1] = (data[2:] - data[:-2]) / (2 * 0.0625)
    spline = CubicHermiteSpline(track.times_s, data, slopes)
    times = rng.uniform(1 * 0.0625, 38 * 0.0625, 500)
    assert np.max(np.abs(sample_many(track, times, interpolation="cubic") - spline(times))) < 2e-6


def test_smoothing_many_frames_is_a_convolution() -> None:
    rng = np.random.default_rng(3)
    track = make_track(rng.normal(size=(3000, 2)))
    got = sample_many(track, track.times_s, smoothing=20)
    for c in range(2):
        expected = np.convolve(track.data[:, c].astype(np.float64), np.ones(41) / 41, mode="same")
        assert np.max(np.abs(got[:, c] - expected)) < 1e-5


def test_a_radius_beyond_the_track_is_a_mean_with_much_silence() -> None:
    got = sample(SIXTHS, 0.0, smoothing=10**9).values[0]
    assert got == pytest.approx(2.5 / (2 * 10**9 + 1))
    assert sample(SIXTHS, 0.0, smoothing=50, edges="hold").values[0] == pytest.approx((2.5 + 45 * 5 / 6) / 101)
    assert sample_many(SIXTHS, [0.0], smoothing=10**9)[0, 0] == pytest.approx(got)


def test_times_in_any_order_and_more_than_fit_at_once() -> None:
    rng = np.random.default_rng(4)
    track = make_track(rng.normal(size=(300, 1025)))
    times = rng.uniform(-1, 20, 500)
    for options in ({}, {"smoothing": 3}):
        sampler = Sampler(track, **options)  # type: ignore[arg-type]
        many = sampler.many(times)
        order = np.argsort(times)
        assert np.array_equal(many[order], sampler.many(times[order]))
        assert many[17] == pytest.approx(sampler.at(times[17]).values, abs=1e-5)


def test_many_times_cost_the_rows_they_make_and_no_temporary_of_their_size() -> None:
    rng = np.random.default_rng(12)
    track = make_track(rng.normal(size=(50, 1025)))
    complex_track = make_track((track.data + 1j * track.data[::-1]).astype(np.complex64))
    times = rng.uniform(0.0, 3.0, 4000)
    for one, options in (
        (track, {}),
        (track, {"interpolation": "cubic"}),
        (complex_track, {}),
        (track, {"smoothing": 2}),
    ):
        sampler = Sampler(one, **options)  # type: ignore[arg-type]
        sampler.many(times[:10])  # what is imported on the way is not meant
        tracemalloc.start()
        nbytes = sampler.many(times).nbytes
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert nbytes == len(times) * 1025 * one.dtype.itemsize
        assert peak < 1.5 * nbytes


@pytest.mark.parametrize("width", [1, 3, 40, 1030])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_sums_of_rows_are_those_of_a_loop(width: int, dtype: Any) -> None:
    rng = np.random.default_rng(13)
    rows = (rng.normal(size=(20, width)) + 1j * rng.normal(size=(20, width))).astype(np.complex64)
    rows = rows if dtype is np.complex64 else rows.real.astype(dtype)
    rows[7] = np.nan
    count = 70_000 if width == 1 else 300  # more than are done at once
    frames = [rng.integers(0, 20, count) for _ in range(3)]
    weights = [np.where(frame == 7, 0.0, rng.normal(size=count)) for frame in frames]
    got = weighted_sums(rows, frames, weights)
    wide = np.nan_to_num(rows.astype(np.complex128))
    expected = sum(wide[frame] * weight[:, None] for frame, weight in zip(frames, weights, strict=True))
    assert got.dtype == dtype
    assert np.max(np.abs(got - expected)) < 1e-5


# ---- bands and channels ---------------------------------------------------------------------------

STEREO = make_track(
    [[0.0, 10.0], [1.0, 11.0]], axes=("frame", "channel"), axis_coords={"channel": np.array(["Left", "Right"])}
)
WAVE = make_track(
    np.arange(12.0).reshape(3, 2, 2),
    axes=("frame", "channel", "bound"),
    format="waveform-minmax",
    axis_coords={"channel": np.array(["Left", "Right"]), "bound": np.array(["min", "max"])},
)
CHROMA = make_track(
    np.arange(6.0).reshape(2, 3), axes=("frame", "class"), axis_coords={"class": np.array(["C", "C#", "D"])}
)
BINS = make_track(np.arange(6.0).reshape(2, 3), axes=("frame", "bin"), axis_coords={"bin": np.array([0.0, 10.0, 20.0])})
LEVELS = make_track([[-10.0, -20.0]], unit="dBFS", axes=("frame", "channel"))
MONO = make_track([1.0, 2.0], axes=("frame", "channel"), axis_coords={"channel": np.array(["Mono"])})
PERIODS = make_track(
    padded_periods([1.0, 2.0, 3.0, 4.0, 5.0], [0, 2], [2, 3]), axes=("frame", "sample"), format="waveform-periodic"
)


@pytest.mark.parametrize("channel", [1, "1", "Right", "right", " RIGHT ", "r", "R", np.int64(1)])
def test_d17_the_right_channel_can_be_read_by_every_name(channel: Any) -> None:
    assert sample(STEREO, 0.0, channel=channel).values.tolist() == [10.0]
    assert sample(WAVE, 0.0, channel=channel).values.tolist() == [2.0, 3.0]
    assert sample_many(WAVE, [0.0, 0.0625], channel=channel).tolist() == [[2.0, 3.0], [6.0, 7.0]]


def test_rows_are_flat_and_complete_without_a_choice() -> None:
    assert sample(WAVE, 0.0625).values.tolist() == [4.0, 5.0, 6.0, 7.0]
    assert Sampler(WAVE, channel="left").row_shape == (1, 2)
    assert sample_many(WAVE, [0.03125]).tolist() == [[2.0, 3.0, 4.0, 5.0]]


def test_bands_by_index_and_name() -> None:
    assert sample(CHROMA, 0.0, band="c#").values.tolist() == [1.0]
    assert sample(CHROMA, 0.0625, band=2).values.tolist() == [5.0]
    assert sample_many(BINS, [0.0, 0.03125], band=1).tolist() == [[1.0], [2.5]]
    both = make_track(np.arange(12.0).reshape(2, 2, 3), axes=("frame", "channel", "bin"))
    assert sample(both, 0.0, channel="l").values.tolist() == [0.0, 1.0, 2.0]
    assert sample(both, 0.0, band=2).values.tolist() == [2.0, 5.0]
    assert sample(both, 0.0, band=2, channel="right").values.tolist() == [5.0]


@pytest.mark.parametrize(
    ("track", "options", "choices"),
    [
        (STEREO, {"channel": "center"}, "'Left', 'Right'"),
        (STEREO, {"channel": 2}, "0 to 1"),
        (STEREO, {"channel": -1}, "0 to 1"),
        (STEREO, {"channel": True}, "'Left', 'Right'"),
        (STEREO, {"channel": 0.5}, "0 to 1"),
        (STEREO, {"channel": "01"}, "0 to 1"),
        (STEREO, {"band": 0}, "Leave band out"),
        (WAVE, {"band": 0}, "Leave band out"),
        (BINS, {"channel": "right"}, "'Mono'"),
        (BINS, {"band": 3}, "0 to 2"),
        (BINS, {"band": "C"}, "0 to 2"),
        (CHROMA, {"band": "H"}, "'C', 'C#', 'D'"),
        (BINS, {"interpolation": "spline"}, "hold, nearest, linear, cubic"),
        (BINS, {"interpolation": None}, "hold, nearest, linear, cubic"),
        (BINS, {"edges": "wrap"}, "fill, hold"),
        (BINS, {"kernel": "gauss"}, "box, hann"),
        (BINS, {"band": "30 Hz"}, "from 0 to 20 Hz"),
        (BINS, {"band": -6.0}, "from 0 to 20 Hz"),
        (BINS, {"band": "440 bpm"}, "0 to 2"),
        (CHROMA, {"band": 440.0}, "'C', 'C#', 'D'"),
        (LEVELS, {"channel": "side"}, "'Left' or 'Right'"),
        (MONO, {"channel": "side"}, "'Mono'"),
        (PERIODS, {"band": 0}, "Leave band out"),
        (BINS, {"smoothing": "2 min"}, "radius"),
        (BINS, {"smoothing": "-2 s"}, "radius"),
        (BINS, {"smoothing": math.nan}, "radius"),
        (BINS, {"smoothing": "2"}, "radius"),
        (BINS, {"smoothing": True}, "radius"),
    ],
)
def test_a_choice_that_does_not_exist_is_an_error_that_lists_those_that_do(
    track: FeatureTrack, options: dict[str, Any], choices: str
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        sample(track, 0.0, **options)
    assert choices in caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("10 Hz", 1), ("0.01 kHz", 1), (10.0, 1), (np.float32(14.9), 1), ("15.1hz", 2), (25.0, 2), (1, 1)],
)
def test_a_band_by_its_frequency(wanted: Any, index: int) -> None:
    assert sample(BINS, 0.0, band=wanted).values.tolist() == [float(index)]
    assert sample_range(BINS, 0.0, 0.0, band=wanted).data.tolist() == [[float(index)]]


def test_mid_and_side_of_complex_spectra_are_those_of_the_sound() -> None:
    rng = np.random.default_rng(8)
    left, right = rng.normal(size=(2, 400))
    spectra = [np.fft.rfft(x.reshape(4, 100), axis=1) for x in (left, right, (left + right) / 2, (left - right) / 2)]
    track = make_track(np.stack(spectra[:2], axis=1).astype(np.complex64), axes=("frame", "channel", "bin"))
    for name, expected in (("mid", spectra[2]), ("Side", spectra[3])):
        assert np.allclose(sample_many(track, track.times_s, channel=name), expected, atol=1e-4)
        assert np.allclose(sample(track, 0.0625, channel=name).values, expected[1], atol=1e-4)
        assert np.allclose(sample_range(track, 0.0, 0.125, channel=name).data, expected[:3], atol=1e-4)
    assert Sampler(track, channel="mid").row_shape == (1, 51)
    one = sample(track, 0.0, channel="mid", band=7).values
    assert one == pytest.approx(spectra[2][0, 7:8], abs=1e-4)


def test_mid_and_side_of_a_waveform_are_bounds_of_the_sounds() -> None:
    rng = np.random.default_rng(9)
    left, right = rng.normal(size=(2, 6, 50))
    bounds = [np.stack([x.min(axis=1), x.max(axis=1)], axis=1) for x in (left, right)]
    track = make_track(np.stack(bounds, axis=1), axes=("frame", "channel", "bound"), format="waveform-minmax")
    for name, sound in (("mid", (left + right) / 2), ("side", (left - right) / 2)):
        low, high = sample_many(track, track.times_s, channel=name).T
        assert np.all(low <= sound.min(axis=1) + 1e-6)
        assert np.all(high >= sound.max(axis=1) - 1e-6)
        assert np.all(high - low <= (np.ptp(left, axis=1) + np.ptp(right, axis=1)) / 2 + 1e-5)


def test_a_channel_that_is_called_side_is_that_channel() -> None:
    names = {"channel": np.array(["Mid", "Side"])}
    track = make_track([[1.0, 5.0]], axes=("frame", "channel"), axis_coords=names)
    assert sample(track, 0.0, channel="side").values.tolist() == [5.0]


def test_periods_are_read_whole_and_zero_padded() -> None:
    assert PERIODS.data.tolist() == [[1.0, 2.0, 0.0], [3.0, 4.0, 5.0]]
    assert sample(PERIODS, 0.0625).values.tolist() == [3.0, 4.0, 5.0]
    assert sample(PERIODS, 0.0).values.tolist() == [1.0, 2.0, 0.0]
    for broken in (([1.0], [0], [2]), ([1.0], [-1], [1]), ([1.0], [0, 0], [1]), ([1.0], [0], [-1])):
        with pytest.raises(InvalidParameterError):
            padded_periods(*broken)


def test_a_mono_mix_answers_to_mono_and_zero_only() -> None:
    mono = make_track([1.0, 2.0], axes=("frame", "channel"), axis_coords={"channel": np.array(["Mono"])})
    for channel in (0, "0", "mono", "mid"):
        assert sample(mono, 0.0, channel=channel).values.tolist() == [1.0]
    assert sample(BINS, 0.0, channel="mono").values.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(InvalidParameterError):
        sample(mono, 0.0, channel="left")


# ---- other kinds of data ------------------------------------------------------------------------


def test_whole_numbers_become_floats() -> None:
    track = make_track(np.array([[0], [3]], dtype=np.uint8))
    assert sample(track, 0.03125).values.tolist() == [1.5]
    assert sample_many(track, [0.03125, 9.0], smoothing=1).dtype == np.float32
    assert sample_many(track, [0.0]).tolist() == [[0.0]]


def test_doubles_and_complex_numbers_stay_what_they_are() -> None:
    data = np.array([[1 + 1j], [3 + 5j]], dtype=np.complex64)
    assert sample(make_track(data), 0.03125).values.tolist() == [2 + 3j]
    assert sample_many(make_track(data), [0.0, 0.03125], smoothing=1, edges="hold").dtype == np.complex64
    doubles = make_track(np.array([[1], [2]], dtype=np.int8))
    object.__setattr__(doubles, "data", np.array([[1.0], [2.0]]))
    assert sample(doubles, 0.0).values.dtype == np.float64


def test_a_frame_is_exact_whatever_its_neighbours_hold() -> None:
    track = make_track([1.0, math.nan, 3.0], fill_value=math.nan)
    for interpolation in ("hold", "linear", "cubic", "nearest"):
        assert sample(track, 0.125, interpolation=interpolation).values.tolist() == [3.0]
        assert sample_many(track, [0.0, 0.125], interpolation=interpolation)[:, 0].tolist() == [1.0, 3.0]
    assert math.isnan(sample(track, -1.0).values[0])


def test_where_silence_is_not_a_number_the_mean_leaves_it_out() -> None:
    track = make_track([1.0, 2.0, 6.0], fill_value=math.nan)
    assert sample(track, 0.0, smoothing=1).values.tolist() == [1.5]
    assert sample_many(track, [0.0, 0.125], smoothing=1)[:, 0].tolist() == [1.5, 4.0]


def test_a_global_value_holds_for_all_time_of_its_clip() -> None:
    tempo = make_track([[120.0, 0.9]], axes=("frame", "value"), format="global", hop_seconds=0.0)
    for time_s in (-5.0, 0.0, 0.3, 1e6):
        got = sample(tempo, time_s, smoothing=3)
        assert (got.in_range, got.frame_index, got.values.tolist()) == (True, 0, pytest.approx([120.0, 0.9]))
    assert sample_many(tempo, [-1.0, 7.3])[:, 0].tolist() == [120.0, 120.0]
    assert sample_many(tempo, [0.5, 1.5], clip=ClipMap(1.0, 0.0, 2.0))[:, 0].tolist() == [0.0, 120.0]


def test_events_have_no_value_between_them() -> None:
    onsets = make_track([[0.1], [0.9]], axes=("event", "value"), format="events")
    with pytest.raises(InvalidParameterError, match="list of events"):
        sample(onsets, 0.5)


def test_a_track_without_frames_is_silent() -> None:
    empty = make_track(np.zeros((0, 3)), fill_value=-80.0, unit="dB")
    for options in ({}, {"smoothing": 2}, {"edges": "hold"}, {"interpolation": "cubic"}):
        got = sample(empty, 0.0, **options)
        assert (got.in_range, got.frame_index, got.values.tolist()) == (False, 0, [-80.0] * 3)
        assert sample_many(empty, [0.0, 1.0], **options).tolist() == [[-80.0] * 3] * 2


class Elsewhere:
    """Rows that are not in memory; notes which were read."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        self.shape, self.dtype = rows.shape, rows.dtype
        self.read_frames: list[int] = []

    def read(self, first: int, end: int) -> Any:
        self.read_frames += range(first, end)
        return self._rows[first:end]


@pytest.mark.parametrize("options", [{}, {"interpolation": "cubic"}, {"smoothing": 2}, {"band": 1}, {"edges": "hold"}])
def test_of_rows_that_lie_elsewhere_only_those_that_are_needed_are_read(options: Any) -> None:
    rng = np.random.default_rng(11)
    here = make_track(rng.normal(size=(1000, 3)))
    stored = Elsewhere(here.data)
    there = make_track(np.zeros((0, 3)))
    there = dataclasses.replace(there, data=stored)
    times = np.concatenate([rng.uniform(2, 3, 20), rng.uniform(50, 51, 20), [-1.0, 99.0, 100 * 0.0625]])
    assert sample_many(there, times, **options) == pytest.approx(sample_many(here, times, **options), abs=1e-6)
    assert sample(there, 30.2, **options).values == pytest.approx(sample(here, 30.2, **options).values, abs=1e-6)
    assert len(set(stored.read_frames)) < 200
    ranges = [sample_range(one, 3.0, 4.0, band=options.get("band")).data for one in (here, there)]
    assert np.array_equal(*ranges)


def test_of_a_track_that_still_grows_only_what_is_there_is_read() -> None:
    done = np.array([True, True, True, False, False, True])
    growing = Sampler(SIXTHS, done=done)
    expected = {0.0: True, 1.5: True, 2.0: True, 2.1: False, 4.0: False, 4.5: False, 5.0: True, 5.5: True, 9.0: False}
    for position, there in expected.items():
        got = growing.at(position * 0.0625)
        assert (got.in_range, got.partial) == (there, True)
        if not there:
            assert got.values.tolist() == [0.0]
    times = np.array(list(expected)) * 0.0625
    assert growing.in_range(times).tolist() == list(expected.values())
    assert growing.many(times)[:, 0] == pytest.approx([0, 0.25, 2 / 6, 0, 0, 0, 5 / 6, 5 / 6, 0], abs=1e-6)
    smooth = Sampler(SIXTHS, done=done, smoothing=1, interpolation="hold")
    assert smooth.in_range(np.arange(6) * 0.0625).tolist() == [True, True, False, False, False, False]
    cubic = Sampler(SIXTHS, done=done, interpolation="cubic")
    assert cubic.in_range(np.array([0.5, 1.5]) * 0.0625).tolist() == [True, False]
    part = sample_range(SIXTHS, 0.0, 5 * 0.0625, done=done)
    assert (part.mask.tolist(), part.partial) == (done.tolist(), True)
    history = sample_history(SIXTHS, 5 * 0.0625, 6, done=done)
    assert (history.mask.tolist(), history.partial) == (done.tolist(), True)
    assert not sample(SIXTHS, 0.0).partial


def test_no_times_no_rows() -> None:
    assert sample_many(BINS, []).shape == (0, 3)
    with pytest.raises(InvalidParameterError, match="dimensions"):
        sample_many(BINS, [[0.0]])


def test_values_belong_to_the_caller() -> None:
    sampler = Sampler(SIXTHS)
    for time_s in (0.0, 0.03, -1.0):
        first = sampler.at(time_s)
        first.values[:] = 99.0
        assert sampler.at(time_s).values[0] != 99.0
    assert not SIXTHS.data.flags.writeable
    assert isinstance(sampler.at(0.0), FrameSample)


def test_times_computed_with_floats_hit_their_frame() -> None:
    hop = 512 / 44100
    track = make_track(np.arange(20_000.0), hop_seconds=hop)
    k = np.arange(20_000)
    assert np.array_equal(sample_many(track, k * hop, interpolation="hold")[:, 0], k)
    assert np.array_equal(sample_many(track, k * 512 / 44100, interpolation="hold")[:, 0], k)
    shifted = ClipMap(0.1 + 0.2)
    assert np.array_equal(sample_many(track, k * hop + 0.3, interpolation="hold", clip=shifted)[:, 0], k)
