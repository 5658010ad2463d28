"""Calculators of the whole recording: what they receive, events, global values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.passes import PATIENCE_S, Gate, StreamReader, analyse, held, made_of, noise, streamed

from audiocache_nb.errors import CalculatorContractError
from audiocache_nb.features.calculator import whole
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import Events, Global

SAMPLES = noise(30_000, 2)
MONO = (SAMPLES[:, 0] + SAMPLES[:, 1]) * np.float32(0.5)
PROFILE = AnalysisProfile(window_size=512, hop_size=256)
MAKERS = pytest.mark.parametrize("make", [held, streamed])


@MAKERS
@pytest.mark.parametrize(
    ("inputs", "shape"),
    [("samples", (30_000,)), ("channels", (30_000, 2)), ("frames", (118, 512)), ("spectrum", (118, 257))],
)
def test_they_receive_everything_at_once_and_read_only(make, inputs, shape):
    seen = []

    def look(values, *, ctx):
        seen.append(
            (values.shape, values.dtype, values.flags.writeable, ctx.first_frame, ctx.frame_count, ctx.audio_frames)
        )
        return Global(float(np.abs(values).sum()))

    analyse(make(SAMPLES), [made_of(look, inputs=inputs, locality=whole)], PROFILE)
    assert seen == [(shape, np.float32, False, 0, 118, 30_000)]


@MAKERS
def test_rows_of_the_whole_are_a_framewise_feature(make):
    found = analyse(make(SAMPLES, 8000), [made_of(lambda f: f.max(axis=1), feature="x", locality=whole)], PROFILE)
    track = found.tracks["x"]
    assert track.format == "float32"
    assert track.data.shape == (118, 1)
    assert track.hop_seconds == 256 / 8000
    np.testing.assert_array_equal(
        track.data, analyse(make(SAMPLES), [made_of(lambda f: f.max(axis=1), feature="x")], PROFILE).data("x")
    )


@MAKERS
def test_the_audio_is_read_once_for_all_of_them(make):
    opened = []

    def opener():
        opened.append(1)
        return StreamReader(SAMPLES, 1000)

    source = streamed(SAMPLES, opener=opener) if make is streamed else held(SAMPLES)
    inputs = ("samples", "channels", "frames", "spectrum")
    several = [made_of(lambda x: Global(x.sum()), feature=name, inputs=name, locality=whole) for name in inputs]
    assert set(analyse(source, several).tracks) == set(inputs)
    assert len(opened) == (1 if make is streamed else 0)


def test_a_mono_recording_is_not_copied():
    source = held(SAMPLES[:, :1])
    shared = []

    def look(samples):
        shared.append(np.shares_memory(samples, source.array))
        return Global(0.0)

    analyse(source, [made_of(look, inputs=name, id=name, locality=whole) for name in ("samples", "channels")])
    assert shared == [True, True]


# --- events ---------------------------------------------------------------------------------------


def events(*arguments, **options):
    calculator = made_of(lambda x: Events(*arguments, **options), feature="onsets", unit="s", inputs="samples")
    return analyse(held(SAMPLES), [calculator])


def test_events_are_rows_in_the_order_of_time():
    track = events([0.3, 0.1, 0.2], [3.0, 1.0, 2.0], names=("strength",)).tracks["onsets"]
    assert (track.format, track.axes, track.is_framewise) == ("events", ("event", "field"), False)
    np.testing.assert_array_equal(track.data, [[0.1, 1], [0.2, 2], [0.3, 3]])
    np.testing.assert_array_equal(track.times_s, [0.1, 0.2, 0.3])
    assert list(track.coords["field"]) == ["time", "strength"]


def test_events_with_several_values_or_none():
    many = events([0.1, 0.2], np.ones((2, 3))).tracks["onsets"]
    assert many.data.shape == (2, 4)
    assert list(many.coords["field"]) == ["time", "value 0", "value 1", "value 2"]
    assert events([0.1, 0.2]).tracks["onsets"].data.shape == (2, 1)
    assert events([]).tracks["onsets"].data.shape == (0, 1)


def test_simultaneous_events_keep_their_order():
    track = events([0.1, 0.1, 0.1], [3, 1, 2]).tracks["onsets"]
    assert list(track.data[:, 1]) == [3, 1, 2]


def test_events_keep_double_precision():
    at = 40_000 + 1 / 3
    assert events([at]).tracks["onsets"].data[0, 0] == at


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([[0.1, math.nan]], {}),
        ([[0.1, math.inf]], {}),
        ([[[0.1]]], {}),
        ([0.5], {}),
        (["soon"], {}),
        ([["soon"]], {}),
        ([None], {}),
        ([[0.1, 0.2], [1.0]], {}),
        ([[0.1], [math.nan]], {}),
        ([[0.1], [1.0]], {"names": ("a", "b")}),
        ([[0.1], np.ones((1, 2, 2))], {}),
    ],
    ids=str,
)
def test_events_that_are_none_break_the_contract(arguments, options):
    assert isinstance(events(*arguments, **options).errors["onsets"], CalculatorContractError)


# --- global values --------------------------------------------------------------------------------


def overall(*arguments, **options):
    calculator = made_of(lambda x: Global(*arguments, **options), feature="loudness", unit="LUFS", inputs="channels")
    return analyse(held(SAMPLES, 8000), [calculator])


def test_a_global_value_is_one_row_for_the_whole_recording():
    track = overall(-23.0).tracks["loudness"]
    assert (track.format, track.axes, track.unit, track.is_framewise) == ("global", ("frame", "value"), "LUFS", False)
    np.testing.assert_array_equal(track.data, [[-23.0]])
    assert track.hop_seconds == 30_000 / 8000
    assert track.start_seconds == 0


def test_several_global_values_have_names():
    track = overall([1.0, 2.0, 3.0], names=("low", "mid", "high")).tracks["loudness"]
    assert track.data.shape == (1, 3)
    assert list(track.coords["value"]) == ["low", "mid", "high"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([math.nan], {}),
        ([[1.0, math.inf]], {}),
        (["loud"], {}),
        ([None], {}),
        ([[1.0, 2.0]], {"names": ("one",)}),
        ([1j], {}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_global_values_that_are_none_break_the_contract(arguments, options):
    assert isinstance(overall(*arguments, **options).errors["loudness"], CalculatorContractError)


@pytest.mark.parametrize("value", [Events([0.1]), Global(1.0)])
def test_runs_of_frames_cannot_return_them_and_are_told_how(value):
    error = analyse(held(SAMPLES), [made_of(lambda frames: value, feature="x")]).errors["x"]
    assert isinstance(error, CalculatorContractError)
    assert "acn.whole" in error.hint


def test_results_are_frozen_and_say_where_they_came_from():
    for track in (events([0.1]).tracks["onsets"], overall(1.0).tracks["loudness"]):
        assert not track.data.flags.writeable
        assert track.provenance["audio"].startswith("sha256:")
        assert track.provenance["seconds"] >= 0
        assert track.key


# --- several at once ------------------------------------------------------------------------------


def test_what_does_not_depend_on_one_another_is_computed_at_once(desk):
    here = desk(2)
    gates = [Gate(name, inputs="samples") for name in ("one", "two", "three")]
    job = here.submit(held(SAMPLES), *(gate.calculator for gate in gates))
    gates[0].wait()
    gates[1].wait()  # neither has been opened
    assert not gates[2].reached.is_set()  # no third thread
    gates[1].open()
    gates[2].wait()
    for gate in gates:
        gate.open()
    assert job.wait(PATIENCE_S)
    assert job.state == "succeeded"
    assert sorted(name for name, _ in here.sink.of("done", job)) == sorted(gate.calculator.id for gate in gates)
    assert here.sink.of("done", job)[0][0] == gates[1].calculator.id


def test_one_thread_computes_one_after_the_other(desk):
    here = desk(1)
    gates = [Gate(name, inputs="samples") for name in ("one", "two")]
    job = here.submit(held(SAMPLES), *(gate.calculator for gate in gates))
    gates[0].wait()
    assert not gates[1].reached.wait(0.1)
    for gate in gates:
        gate.open()
    assert job.wait(PATIENCE_S)
