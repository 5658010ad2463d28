"""Calculators made of functions: what they receive, what they may return."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.passes import analyse, held, made_of, noise, streamed

from audiocache_nb.errors import CalculatorContractError, CalculatorError, InvalidParameterError, InvalidTypeError
from audiocache_nb.features.calculator import Local, Whole, local, whole
from audiocache_nb.features.function import FunctionCalculator, check_rows
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import Events, Global

PROFILE = AnalysisProfile(window_size=256, hop_size=100)
SAMPLES = noise(5000, 2)
MONO = (SAMPLES[:, 0] + SAMPLES[:, 1]) * np.float32(0.5)
SOURCES = [held(SAMPLES, 8000), streamed(SAMPLES, 8000, piece=777)]


def centred(mono: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Centred frames of a signal that is silent outside."""
    padded = np.concatenate([np.zeros(window // 2), mono, np.zeros(window)])
    return np.stack([padded[k * hop : k * hop + window] for k in range(1 + len(mono) // hop)])


# --- inputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=["held", "streamed"])
def test_frames(source):
    seen = analyse(source, [made_of(lambda frames: frames.copy(), feature="seen", inputs="frames")], PROFILE, size=900)
    np.testing.assert_array_equal(seen.data("seen"), centred(MONO, 256, 100))
    assert seen.tracks["seen"].alignment == "center"


@pytest.mark.parametrize("source", SOURCES, ids=["held", "streamed"])
def test_spectrum_is_the_magnitude_of_frames_under_a_periodic_window(source):
    from scipy.signal import get_window

    seen = analyse(source, [made_of(lambda s: s, feature="seen", inputs="spectrum", axes=("frame", "bin"))], PROFILE)
    want = np.abs(np.fft.rfft(centred(MONO, 256, 100) * get_window("hann", 256), axis=1))
    np.testing.assert_allclose(seen.data("seen"), want, atol=2e-5)
    track = seen.tracks["seen"]
    assert track.axes == ("frame", "bin")
    np.testing.assert_allclose(track.coords["bin"], np.fft.rfftfreq(256, 1 / 8000))


@pytest.mark.parametrize("source", SOURCES, ids=["held", "streamed"])
def test_samples_of_the_whole_recording(source):
    def mean(samples, *, ctx):
        assert samples.shape == (5000,)
        assert not samples.flags.writeable
        return Global(samples)

    seen = analyse(source, [made_of(mean, inputs="samples")])
    np.testing.assert_array_equal(seen.data("mean")[0], MONO.astype(np.float64))


@pytest.mark.parametrize("source", SOURCES, ids=["held", "streamed"])
def test_channels_of_the_whole_recording(source):
    seen = analyse(source, [made_of(lambda x: Global(x.sum(axis=0)), feature="sums", inputs="channels")])
    np.testing.assert_allclose(seen.data("sums")[0], SAMPLES.sum(axis=0), rtol=1e-5)


@pytest.mark.parametrize("source", SOURCES, ids=["held", "streamed"])
@pytest.mark.parametrize("inputs", ["samples", "channels"])
def test_samples_and_channels_block_by_block(source, inputs):
    lengths = []

    def first(samples, *, ctx):
        lengths.append(len(samples))
        return samples.reshape(ctx.frame_count, 100, -1)[:, 0]

    calculator = made_of(first, inputs=inputs, locality=local())
    seen = analyse(source, [calculator], PROFILE, size=700)
    want = (MONO[:, None] if inputs == "samples" else SAMPLES)[::100]
    np.testing.assert_array_equal(seen.data("first"), want)
    assert seen.tracks["first"].alignment == "start"
    assert sum(lengths) == 5000
    assert len(lengths) > 1


@pytest.mark.parametrize("inputs", ["frames", "spectrum"])
def test_frames_and_spectrum_of_the_whole_recording_are_those_of_the_blocks(inputs):
    for source in SOURCES:
        blocks = made_of(lambda x: x, feature="blocks", inputs=inputs)
        everything = made_of(lambda x: x, feature="everything", inputs=inputs, locality=whole)
        seen = analyse(source, [blocks, everything], PROFILE, size=600)
        np.testing.assert_array_equal(seen.data("everything"), seen.data("blocks"))


def test_silence_has_no_frames():
    seen = analyse(streamed(noise(0)), [made_of(lambda frames: frames[:, 0], feature="seen")])
    assert seen.data("seen").shape == (0, 1)


# --- neighbours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 99, 100, 1234, 10**6])
@pytest.mark.parametrize("keep_halo", [True, False])
def test_neighbours_are_there_on_both_sides(size, keep_halo):
    def around(frames, *, ctx):
        """Mean of the energies of five frames; silence outside."""
        energy = np.square(frames, dtype=np.float64).sum(axis=1)
        mean = np.convolve(energy, np.ones(5) / 5, mode="same")
        assert len(frames) == ctx.frame_count + 4
        return mean if keep_halo else mean[2:-2]

    energy = np.square(centred(MONO, 256, 100)).sum(axis=1)
    # before and after the recording there are frames, too, which reach into it or are silent
    padded = np.concatenate([np.zeros(1000, np.float32), MONO, np.zeros(1000, np.float32)])
    outside = np.square(centred(padded, 256, 100)).sum(axis=1)[8 : 8 + len(energy) + 4]
    want = np.convolve(outside, np.ones(5) / 5, mode="valid")
    for source in SOURCES:
        seen = analyse(source, [made_of(around, locality=local(2))], PROFILE, size=size)
        np.testing.assert_allclose(seen.data("around")[:, 0], want, rtol=1e-5)


def test_calculators_with_and_without_neighbours_share_a_pass():
    wide = made_of(lambda frames: frames.max(axis=1), feature="wide", locality=local(3))
    plain = made_of(lambda frames: frames.max(axis=1), feature="plain")
    seen = analyse(SOURCES[1], [wide, plain], PROFILE, size=500)
    np.testing.assert_array_equal(seen.data("wide"), seen.data("plain"))


@pytest.mark.parametrize("value", [-1, 1.5, True, "2", None])
def test_a_halo_is_a_number_of_frames(value):
    with pytest.raises(InvalidParameterError, match="halo_frames"):
        local(value)


# --- context --------------------------------------------------------------------------------------


def test_the_context_says_where_one_is():
    seen = []

    def look(frames, *, ctx):
        assert (ctx.sample_rate, ctx.hop_size, ctx.audio_frames, ctx.tempo) == (8000, 100, 5000, None)
        assert len(frames) == ctx.frame_count
        seen.append((ctx.first_frame, ctx.frame_count))
        ctx.progress(0.5)
        ctx.checkpoint()
        return ctx.times_s

    outcome = analyse(SOURCES[1], [made_of(look)], PROFILE, size=1000)
    np.testing.assert_allclose(outcome.data("look")[:, 0], np.arange(51) * 100 / 8000, rtol=1e-6)
    assert [first for first, _ in seen] == list(np.cumsum([0, *(count for _, count in seen[:-1])]))


def test_parameters_arrive_by_name():
    def scaled(frames, *, gain: float = 2.0, ctx=None, mode: str = "x"):
        assert mode == "x"
        return gain * frames[:, 0]

    calculator = made_of(scaled)
    assert list(calculator.parameters) == ["gain", "mode"]
    plain = analyse(SOURCES[0], [made_of(lambda frames: frames[:, 0], feature="plain")], PROFILE).data("plain")
    np.testing.assert_array_equal(analyse(SOURCES[0], [calculator], PROFILE).data("scaled"), 2 * plain)


# --- declarations ---------------------------------------------------------------------------------


def test_what_is_not_declared():
    calculator = made_of(lambda frames: frames)
    assert calculator.locality == Local(0)
    assert (calculator.inputs, calculator.unit, calculator.version, calculator.depends_on_tempo) == (
        "frames",
        "",
        None,
        False,
    )
    assert calculator.version_text.startswith("code-")
    assert made_of(lambda frames: frames, inputs="samples").locality == Whole()
    assert made_of(lambda frames: frames, inputs="channels").locality == Whole()


def test_only_what_changes_the_result_takes_part_in_the_key():
    used = {
        name: set(made_of(lambda x: x, inputs=name).used_profile(PROFILE)) for name in ("samples", "frames", "spectrum")
    }
    assert used == {
        "samples": {"hop_size"},
        "frames": {"hop_size", "window_size"},
        "spectrum": {"hop_size", "window_size", "fft_size", "window"},
    }


def test_declarations_are_a_part_of_the_code():
    def thing(frames):
        return frames[:, 0]

    texts = {
        made_of(thing, **options).version_text
        for options in (
            {}, {"inputs": "spectrum"}, {"locality": local(1)}, {"locality": whole}, {"unit": "dB"},
            {"fill_value": -80}, {"axes": ("frame", "band")},
        )
    }  # fmt: skip
    assert len(texts) == 7
    assert made_of(thing, label="Thing", id="a", feature="b").version_text == made_of(thing).version_text


@pytest.mark.parametrize(
    "options",
    [
        {"inputs": ""},
        {"inputs": None},
        {"axes": ("frame",)},
        {"axes": ("bin", "frame")},
        {"fill_value": math.nan},
        {"fill_value": math.inf},
    ],
    ids=str,
)
def test_a_declaration_that_means_nothing_is_refused(options):
    with pytest.raises(InvalidParameterError):
        made_of(lambda frames: frames, **options)


@pytest.mark.parametrize("options", [{"version": "1"}, {"version": True}, {"version": 1.0}, {"locality": 2}], ids=str)
def test_a_declaration_of_the_wrong_type_is_refused(options):
    with pytest.raises(InvalidTypeError):
        made_of(lambda frames: frames, **options)


def test_a_function_takes_its_input():
    with pytest.raises(InvalidTypeError):
        FunctionCalculator("not a function", feature="x")
    with pytest.raises(InvalidParameterError):
        made_of(lambda: 1)
    with pytest.raises(InvalidParameterError):
        made_of(lambda *, frames=1: 1)


def test_unit_fill_value_label_and_axes_arrive():
    calculator = made_of(
        lambda frames: frames[:, :3], feature="x", unit="dB", fill_value=-80, label="Three", axes=("frame", "band")
    )
    track = analyse(SOURCES[0], [calculator], PROFILE).tracks["x"]
    assert (track.unit, track.fill_value, track.label, track.axes) == ("dB", -80.0, "Three", ("frame", "band"))
    assert track.hop_seconds == 100 / 8000


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        np.arange(4.0),
        np.arange(4),
        np.arange(4, dtype=np.uint8),
        np.arange(4) > 1,
        [0, 1, 2, 3],
        np.arange(8.0).reshape(4, 2),
        np.asfortranarray(np.arange(8.0).reshape(4, 2)),
        np.arange(8.0)[::2],
        np.ma.masked_array(np.arange(4.0), mask=False),
    ],
    ids=lambda value: type(value).__name__ + str(np.shape(value)),
)
def test_rows_of_numbers_are_taken_as_float32(value):
    rows = check_rows("x", value, 4)
    assert type(rows) is np.ndarray
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, np.asarray(value, np.float32).reshape(4, -1))


@pytest.mark.parametrize(
    "value",
    [
        None,
        3.0,
        np.zeros(3),
        np.zeros(5),
        np.zeros((4, 2, 2)),
        np.zeros((4, 0)),
        np.zeros((2, 4)),
        np.zeros(4, complex),
        np.array(["a", "b", "c", "d"]),
        np.array([None] * 4),
        np.array(["2020-01-01"] * 4, "datetime64[D]"),
        [[1], [2, 3], [4], [5]],
        "four",
        {"a": 1},
        np.array([0, np.nan, 0, 0]),
        np.array([0, np.inf, 0, 0]),
        np.array([0, 1e300, 0, 0]),
        np.ma.masked_array(np.arange(4.0), mask=[0, 1, 0, 0]),
        Events([0.0, 1.0]),
        Global(1.0),
        iter([1, 2, 3, 4]),
    ],
    ids=lambda value: type(value).__name__ + str(getattr(value, "shape", "")),
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_anything_else_breaks_the_contract(value):
    with pytest.raises(CalculatorContractError) as caught:
        check_rows("the-calculator", value, 4)
    assert "the-calculator" in caught.value.message


def test_the_message_says_what_was_wanted_and_what_came():
    with pytest.raises(CalculatorContractError, match=r"3 rows for 4 frames"):
        check_rows("x", np.zeros(3), 4)
    with pytest.raises(CalculatorContractError, match=r"complex128 of shape \(4,\)"):
        check_rows("x", np.zeros(4, complex), 4)


def test_a_function_may_keep_and_reuse_what_it_returned():
    kept = np.zeros((64, 1))

    def lazy(frames):
        kept[: len(frames), 0] = frames[:, 128]
        return kept[: len(frames)]

    seen = analyse(SOURCES[1], [made_of(lazy)], AnalysisProfile(window_size=256, hop_size=1), size=64)
    np.testing.assert_array_equal(seen.data("lazy")[:-1, 0], MONO)


def test_a_width_that_changes_on_the_way_breaks_the_contract():
    widths = iter([1, 2, 3, 4, 5, 6, 7, 8])
    calculator = made_of(lambda frames: frames[:, : next(widths)], feature="x")
    error = analyse(SOURCES[0], [calculator], PROFILE, size=1000).errors["x"]
    assert isinstance(error, CalculatorError)
    assert "rows of 2 values after rows of 1" in str(error)


@pytest.mark.parametrize("inputs", ["frames", "spectrum", "samples", "channels"])
@pytest.mark.parametrize("locality", [local(), whole])
def test_an_input_cannot_be_written_to(inputs, locality):
    def vandal(values):
        values *= 0
        return values

    for source in SOURCES:
        error = analyse(source, [made_of(vandal, inputs=inputs, locality=locality)], PROFILE).errors["vandal"]
        assert isinstance(error.__cause__, ValueError)
    np.testing.assert_array_equal(SOURCES[0].array, SAMPLES)
