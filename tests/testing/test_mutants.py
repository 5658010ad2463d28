"""Calculators that break one promise each: the right check says so, in the right words, and says what to do."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import time
from typing import Annotated

import numpy as np
import pytest
from support.passes import made_of

from audiocache_nb.features.builtin.delta import Delta
from audiocache_nb.features.calculator import Calculator, Layout, local, whole
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Range, Schema
from audiocache_nb.features.steps import Channels, Frames, Mono
from audiocache_nb.features.track import Events, Global, Matrix


class Peak(Calculator):
    """The largest sample of each frame: max |x|."""

    id = feature = "peak"
    version = 1
    promises_finite = True

    def used_profile(self, profile):
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def grid(self, profile):
        return Framing(profile.window_size, profile.hop_size, "center")

    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "value"), unit=self.unit)

    def steps(self, audio, profile, params):
        return (Frames(self.grid(profile)),)

    def compute(self, inputs, out, state, context):
        out[:, 0] = np.abs(inputs[0]).max(axis=1)


class Whole(Peak):
    """The magnitude of every sample that starts a frame."""

    locality = whole

    def steps(self, audio, profile, params):
        return (Mono(),)

    def compute_whole(self, inputs, state, context):
        rows, picked = np.zeros((context.frame_count, 1), np.float32), np.abs(inputs[0][:: state["hop_size"]])
        rows[: len(picked), 0] = picked
        return rows


def peaks(frames):
    """Largest sample of each frame."""
    return np.abs(frames).max(axis=1)


# --- what it says about itself --------------------------------------------------------------------


class NoVersion(Peak):
    version = None


class NoUnit(Peak):
    unit = None


class NoName(Peak):
    id = feature = ""


class DefaultOutside(Peak):
    parameters = Schema(Parameter("gain", float, 3.0, minimum=0.0, maximum=1.0))


class RangeUpsideDown(Peak):
    parameters = Schema(Parameter("gain", float, 1.0, minimum=2.0, maximum=0.0))


class OtherUnit(Peak):
    unit = "dB"

    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "value"))


class TooManyAxes(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "channel", "value"))


class FirstAxis(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("time", "value"))


class TooManyCoordinates(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "bin"), axis_coords={"bin": np.arange(3.0)})


class ForeignCoordinates(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "bin"), axis_coords={"pitch": np.arange(1.0)})


class EndlessCoordinates(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "bin"), axis_coords={"bin": np.array([np.inf])})


class EndlessFill(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "value"), fill_value=-math.inf)


class NotMinMax(Peak):
    def layout(self, audio, profile, params):
        return Layout(self.grid(profile), (1,), ("frame", "value"), format="waveform-minmax")


# --- what comes out -------------------------------------------------------------------------------


class Raises(Peak):
    def compute(self, inputs, out, state, context):
        out[0] = 1 // 0


class Refuses8k(Peak):
    def layout(self, audio, profile, params):
        raise ValueError(f"{audio.sample_rate} Hz is too little")


class OtherStep(Peak):
    def steps(self, audio, profile, params):
        return (Channels(),)


class LeavesRows(Peak):
    def compute(self, inputs, out, state, context):
        out[:-1, 0] = np.abs(inputs[0]).max(axis=1)[:-1]


class OneRowMore(Whole):
    def compute_whole(self, inputs, state, context):
        return np.zeros((len(inputs[0]) // state["hop_size"] + 2, 1), np.float32)


def one_row_less(frames):
    """Largest sample of each frame."""
    return np.abs(frames).max(axis=1)[:-1]


def three_dimensions(frames):
    """Every sample of each frame."""
    return frames[:, :, None] + 1.0


def complex_numbers(spectrum):
    """A phase."""
    return spectrum * 1j


def words(frames):
    """A name."""
    return ["loud"] * len(frames)


def masked(frames):
    """Largest sample of each frame."""
    rows = np.abs(frames).max(axis=1)
    return np.ma.masked_less(rows, 10.0)


def logarithm(frames):
    """Decibels: 20 log10 max |x|."""
    return 20 * np.log10(np.abs(frames).max(axis=1) - 1e-6)


def zero_over_zero(frames):
    """Crest factor: max |x| / rms."""
    return np.abs(frames).max(axis=1) / np.sqrt(np.mean(frames**2, axis=1))


def too_large(frames):
    """Squares of large numbers."""
    return (np.abs(frames).max(axis=1).astype(np.float64) + 1) * 1e300


def silence_is_one(frames):
    """Largest sample of each frame, plus 1."""
    return np.abs(frames).max(axis=1) + 1


def wants_samples(samples, *, ctx):
    """Largest sample."""
    return np.full(ctx.frame_count, np.abs(samples).max())


def wants_a_window(samples, *, ctx):
    """Mean of windows."""
    return np.full(ctx.frame_count, np.lib.stride_tricks.sliding_window_view(samples, 256).mean())


def wants_stereo(channels, *, ctx):
    """Difference of two channels."""
    left, right = channels.T
    return np.full(ctx.frame_count, np.mean(left - right)) if len(left) else np.zeros(ctx.frame_count)


def wants_noise(frames):
    """Entropy of the values that occur."""
    if len(np.unique(frames)) < 8:
        raise ValueError("too few values")
    return np.abs(frames).max(axis=1)


def late_events(samples, *, ctx):
    """Clicks."""
    return Events(np.array([0.1, 1000.0]) if len(samples) else [])


def unnamed_events(samples, *, ctx):
    """Clicks."""
    return Events(np.zeros(3), np.zeros((3, 2)), names=("strength",))


def uneven_events(samples, *, ctx):
    """Clicks."""
    return Events(np.zeros(3), np.zeros(2))


def endless_value(samples, *, ctx):
    """Level."""
    return Global(-np.inf)


def oblong(samples, *, ctx):
    """Similarity."""
    return Matrix(np.zeros((3, 4)), np.zeros(3))


# --- how it behaves -------------------------------------------------------------------------------


def doubles_its_input(frames):
    """Twice the largest sample."""
    frames *= 2
    return np.abs(frames).max(axis=1)


class ViewOfInput(Whole):
    def steps(self, audio, profile, params):
        return (Frames(self.grid(profile)),)

    def compute_whole(self, inputs, state, context):
        return inputs[0][:, :1]


SHARED = np.zeros(100_000, np.float32)


def one_buffer_for_all(frames):
    """Largest sample of each frame."""
    return np.max(np.abs(frames), axis=1, out=SHARED[: len(frames)])


def dice(frames):
    """Noise."""
    return np.abs(frames).max(axis=1) * np.random.default_rng().uniform(1, 2)


class Remembers(Peak):
    """The largest sample of each frame, and of the last frame of the call before."""

    last = 0.0

    def compute(self, inputs, out, state, context):
        out[:, 0] = np.abs(inputs[0]).max(axis=1)
        out[0, 0] += self.last
        self.last = float(out[-1, 0])


def every_other(frames):
    """Largest sample of frames, every other one negative."""
    rows = np.abs(frames).max(axis=1)
    rows[::2] *= -1
    return rows


def next_one(frames):
    """Difference to the next frame."""
    rows = np.abs(frames).max(axis=1)
    return np.diff(rows, append=rows[-1:])


def three_before(frames):
    """The frame three frames before."""
    rows = np.abs(frames).max(axis=1)
    return np.concatenate([np.zeros(3), rows])[: len(rows)]


def one_of_two(frames):
    """The sum over five frames."""
    rows = np.pad(np.abs(frames).max(axis=1), 2)
    return np.lib.stride_tricks.sliding_window_view(rows, 5).sum(axis=1)[1:-1]


def normalised(frames):
    """Largest sample, of the largest of all."""
    rows = np.abs(frames).max(axis=1)
    return rows / max(rows.max(initial=0), 1e-9)


def events_of_frames(frames):
    """Clicks."""
    return Events([])


def of_the_loudest(rms):
    """Level, of the loudest there is."""
    return rms / max(rms.max(initial=0), 1e-9)


def counts_rows(rms):
    """Level, the further from the first row received."""
    return rms * np.arange(len(rms))[:, None]


def falls(rms):
    """Level less that of two rows later."""
    return rms - np.concatenate([rms[2:], rms[-2:]])[: len(rms)]


class ShortSighted(Delta):
    """A slope that says nothing of the fits at both ends."""

    id = feature = "short-sighted"

    def halo(self, profile, params):
        return params["width"] // 2, params["width"] // 2


class OneSided(Delta):
    """A slope that takes what it receives before its rows to be none of theirs."""

    id = feature = "one-sided"

    def compute(self, inputs, out, state, context):
        super().compute((inputs[0].part(min(8, context.first_frame), inputs[0].frame_count),), out, state, Start())


class Start:
    """A context that is always at the beginning."""

    first_frame = 0

    def checkpoint(self):
        """Nobody cancels."""


def fades(frames, *, ctx):
    """Largest sample, less the later it is."""
    return np.abs(frames).max(axis=1) * np.exp(-ctx.times_s)


def back_and_forth(samples, *, ctx):
    """Level."""
    for share in (0.2, 0.5, 0.4, 1.0):
        ctx.progress(share)
    return np.zeros(ctx.frame_count)


def per_cent(samples, *, ctx):
    """Level."""
    ctx.progress(50)
    return np.zeros(ctx.frame_count)


def never_looks(samples):
    """Level."""
    until_s = time.thread_time() + (0.4 if len(samples) > 40_000 else 0)
    while time.thread_time() < until_s:
        pass
    return Global(0.0)


def swallows(samples, *, ctx):
    """Level."""
    with contextlib.suppress(BaseException):
        ctx.checkpoint()
    return np.zeros(ctx.frame_count)


def stumbles(samples, *, ctx):
    """Level."""
    try:
        ctx.checkpoint()
    except BaseException as error:
        raise RuntimeError("it was cancelled") from error
    return np.zeros(ctx.frame_count)


def seeds(frames):
    """Largest sample of each frame."""
    np.random.seed(0)  # noqa: NPY002
    return np.abs(frames).max(axis=1)


def lets_errors_raise(frames):
    """Largest sample of each frame."""
    np.seterr(all="raise")
    return np.abs(frames).max(axis=1)


def warns(frames):
    """Mean of no samples."""
    return np.abs(frames).max(axis=1) + (0 if np.isnan(np.mean(frames[:0])) else 1)


# --- keys and parameters --------------------------------------------------------------------------


def divides(frames, *, bands: Annotated[int, Range(0, 8)] = 4):
    """Largest sample, shared out."""
    return np.abs(frames).max(axis=1) * (8 // bands)


def no_ranges(frames, *, gain: float = 1.0):
    """Largest sample, louder."""
    return gain * np.abs(frames).max(axis=1)


class ForgetsTheHop(Peak):
    def used_profile(self, profile):
        return {"window_size": profile.window_size}


class NamesTooMuch(Peak):
    def used_profile(self, profile):
        return {**super().used_profile(profile), "min_decibels": profile.min_decibels}


class HidesTheWindow(Peak):
    parameters = Schema(Parameter("window_size", int, 4, minimum=1, maximum=8))


class AlwaysNew(Peak):
    numbers = itertools.count()

    def used_profile(self, profile):
        return {**super().used_profile(profile), "number": next(self.numbers)}


COUNTED: list[int] = []


def counts(frames):
    """Largest sample of each frame."""
    COUNTED.append(len(frames))
    return np.abs(frames).max(axis=1) + 0 * len(COUNTED)


class SaysItIsPower(Peak):
    gain = "quadratic"


class SaysItIsDecibels(Peak):
    gain = "decibels"


class CountsIt(Peak):
    """How many samples of each frame are beyond a level."""

    gain = "invariant"

    def compute(self, inputs, out, state, context):
        out[:, 0] = (np.abs(inputs[0]) > 0.05).sum(axis=1)


class TwoLaws(Peak):
    gain = ("linear", "invariant")


class OtherLaw(Peak):
    gain = "cubic"


MUTANTS = {
    "no version": (NoVersion, "identity", "version None", "whole number as version"),
    "no unit": (NoUnit, "identity", "unit None", "as a text"),
    "no name": (NoName, "identity", "1 to 120 characters", "an id and a feature"),
    "default outside": (DefaultOutside, "parameters", "gain is 3.0, outside 0.0 to 1.0", "the default or the range"),
    "range upside down": (RangeUpsideDown, "parameters", "gain from 2.0 to 0.0", "smaller bound first"),
    "other unit": (OtherUnit, "layout", "unit '' in the layout and 'dB' in the class", "unit=self.unit"),
    "too many axes": (TooManyAxes, "layout", r"3 axes .* for rows of shape \(1,\)", "one for each of the tail"),
    "first axis": (FirstAxis, "layout", "axes .*'time'", 'the first one "frame"'),
    "too many coordinates": (TooManyCoordinates, "layout", "3 coordinates for the 1 values of 'bin'", "one for each"),
    "foreign coordinates": (ForeignCoordinates, "layout", "coordinates for 'pitch', which is no axis", "one of bin"),
    "endless coordinates": (EndlessCoordinates, "layout", "coordinates of 'bin' that are not finite", "numbers"),
    "endless fill value": (EndlessFill, "layout", "fill value -inf", "finite number what silence is"),
    "not min and max": (NotMinMax, "layout", "'waveform-minmax' with rows of shape", "minimum, maximum"),
    "raises": (Raises, "runs", r"ZeroDivisionError.*raised in compute, test_mutants\.py line", "return a result"),
    "refuses a rate": (Refuses8k, "runs", "ValueError: 8000 Hz is too little", "return a result"),
    "other step": (OtherStep, "shape", "a step that is not known here: Channels", "Derive the step from RowStep"),
    "leaves rows": (LeavesRows, "finite", r"1 values of \d+ are not numbers.*in row \d+", "Write every row"),
    "one row more": (OneRowMore, "shape", r"shape \(\d+, 1\) for \d+ frames", "change its tail"),
    "one row less": (one_row_less, "shape", r"\d+ rows for \d+ frames", "one row per frame"),
    "three dimensions": (three_dimensions, "shape", r"shape \(\d+, 256, 1\)", "one row per frame"),
    "complex": (complex_numbers, "dtype", "rows of dtype complex64", "np.abs"),
    "words": (words, "dtype", "dtype <U4", "real numbers"),
    "masked": (masked, "dtype", "masked values", "Fill them"),
    "logarithm": (logarithm, "silence", "are not numbers", "before a log"),
    "0 / 0": (zero_over_zero, "silence", r"are not numbers, the first \(nan\)", "before a log or a division"),
    "too large": (too_large, "finite", r"e\+30\d, which float32 cannot hold", "decibels"),
    "silence is 1": (silence_is_one, "silence", "1 in row 0, where the fill value is 0", "fill_value=1,"),
    "wants samples": (wants_samples, "lengths", "ValueError: .*wants_samples", "return a result"),
    "wants a window": (wants_a_window, "lengths", "ValueError: .*wants_a_window", "return a result"),
    "wants stereo": (wants_stereo, "channels", "ValueError.*wants_stereo", "return a result"),
    "wants noise": (wants_noise, "signals", "ValueError: too few values", "return a result"),
    "late events": (late_events, "times", r"to 1000\.000 s in \d\.\d+ s of sound", "seconds of the recording"),
    "unnamed events": (unnamed_events, "layout", "1 names for 2 values", "all of them, or none"),
    "uneven events": (uneven_events, "shape", "2 values for 3 events", "one row of values per event"),
    "endless value": (endless_value, "finite", r"\(-inf\)", "before a log"),
    "oblong matrix": (oblong, "shape", r"a matrix of shape \(3, 4\)", "one time per row and column"),
    "writes to its input": (doubles_its_input, "input", "it has written to it", r"a copy \(x = x \* 2"),
    "view of the input": (ViewOfInput, "memory", "a view of the input", "np.array"),
    "one buffer for all": (one_buffer_for_all, "memory", "two calls return the same memory", "a new array"),
    "dice": (dice, "repeats", "other numbers the second time", "Seed random numbers inside"),
    "remembers": (Remembers, "repeats", "other numbers the second time", "keep nothing from call to call"),
    "every other": (every_other, "cutting", "another row 1 when frames 1 to 2 are computed alone", "its own input"),
    "next one": (next_one, "neighbours", "0 before and 1 after it, and declared are 0 and 0", r"acn\.local\(1\)"),
    "three before": (three_before, "neighbours", "3 before and 0 after it, and declared are 0", r"acn\.local\(3\)"),
    "one of two": (one_of_two, "neighbours", "2 before and 2 after it, and declared are 1 and 1", r"acn\.local\(2\)"),
    "normalised": (normalised, "neighbours", "as far as was looked", r"acn\.whole"),
    "of the loudest": (of_the_loudest, "neighbours", "as far as was looked", r"acn\.whole"),
    "falls": (falls, "neighbours", "0 before and 2 after it, and declared are 0 and 0", r"acn\.local\(2\)"),
    "short-sighted": (ShortSighted, "neighbours", "8 before and 8 after it, and declared are 4", r"acn\.local\(8\)"),
    "counts rows": (counts_rows, "cutting", r"another row \d+ when .* are computed alone", "its own input"),
    "one-sided": (OneSided, "cutting", r"another row \d+ when .* are computed alone", "its own input"),
    "events of frames": (events_of_frames, "neighbours", "a Events, which is not rows", r"acn\.whole"),
    "fades": (fades, "shift", r"row \d+ is not row \d+ when the sound comes 1 hop later", "where in the recording"),
    "back and forth": (back_and_forth, "progress", r"0\.4 after 0\.5", "from 0 to 1"),
    "per cent": (per_cent, "progress", "50", "from 0 to 1"),
    "never looks": (never_looks, "looks", r"\d ms without a look, for 12 s", r"checkpoint\(\).*a parameter named ctx"),
    "swallows": (swallows, "cancelling", "it goes on and returns a result", "no bare except"),
    "stumbles": (stumbles, "cancelling", "it raises RuntimeError instead", "no bare except"),
    "says it is power": (SaysItIsPower, "gain", r"at half the gain, the values .*'quadratic': row \d+", "another"),
    "says it is decibels": (SaysItIsDecibels, "gain", "the law 'decibels': none is 12 dB above", "another gain"),
    "counts what is loud": (CountsIt, "gain", "the law 'invariant'", "or none"),
    "two laws": (TwoLaws, "gain", "2 laws for 1 columns", "one for each"),
    "other law": (OtherLaw, "gain", "gain 'cubic'", "another gain"),
    "seeds": (seeds, "surroundings", "it changes numpy's global random numbers", r"np\.random\.default_rng"),
    "lets errors raise": (lets_errors_raise, "surroundings", "handling of floating-point errors", r"np\.errstate"),
    "divides": (divides, "extremes", r"ZeroDivisionError.*bands=0|ZeroDivisionError", "return a result"),
    "forgets the hop": (ForgetsTheHop, "key", "hop_size changes them", "return 'hop_size', too"),
    "hides the window": (HidesTheWindow, "key", "a parameter called 'window_size' hides", "Rename"),
    "always new": (AlwaysNew, "key", "two keys for the same", "the same every time"),
    "counts": (counts, "key", "cannot be kept: it changes COUNTED", "Keep nothing outside"),
}  # fmt: skip
OPTIONS = {
    "complex": {"inputs": "spectrum"},
    "wants stereo": {"inputs": "channels"},
    "one of two": {"locality": local(1)},
    "of the loudest": {"inputs": "rms", "locality": local(1)},
    "falls": {"inputs": "rms", "locality": local()},
    "counts rows": {"inputs": "rms", "locality": local()},
}
OF_SAMPLES = {
    "wants samples", "wants a window", "late events", "unnamed events", "uneven events", "endless value",
    "oblong matrix", "back and forth", "per cent", "never looks", "swallows", "stumbles",
}  # fmt: skip
# What else must be said of them, or follows from the same mistake.
ALSO = {
    "0 / 0": {"lengths", "signals"},
    "logarithm": {"lengths", "signals"},
    "too large": {"lengths", "silence", "cutting"},
    "wants noise": {"lengths", "silence"},
    "one buffer for all": {"key"},  # which is outside, and changes
    "remembers": {"silence"},
    "events of frames": {"lengths"},
}


def calculator_of(name: str) -> Calculator:
    made = MUTANTS[name][0]
    if isinstance(made, type):
        return made()
    return made_of(made, **({"inputs": "samples"} if name in OF_SAMPLES else OPTIONS.get(name, {})))


@pytest.mark.parametrize("name", MUTANTS)
def test_it_is_caught(checked, name):
    _, check, got, advice = MUTANTS[name]
    COUNTED.clear()
    report = checked(calculator_of(name))
    said = [str(finding) for finding in report.findings if finding.state != "ok"]
    assert not report.ok, said
    found = [finding for finding in report.problems if finding.check == check]
    assert found, said
    assert any(_says(finding.got, got) and _says(finding.advice, advice) for finding in found), said
    others = {finding.check for finding in report.problems} - {check}
    assert others <= ALSO.get(name, set()), said


def _says(text: str, pattern: str) -> bool:
    return re.search(pattern, text) is not None


@pytest.mark.parametrize(
    ("calculator", "check", "got"),
    [
        (made_of(warns), "warnings", "RuntimeWarning: Mean of empty slice"),
        (made_of(no_ranges), "parameters", "no range is known of 'gain'"),
        (made_of(lambda frames: np.abs(frames).max(axis=1)), "identity", "no docstring"),
        (NamesTooMuch(), "key", "min_decibels is in the key, but changed nothing"),
        (made_of(peaks, locality=local(2)), "neighbours", "depends on 0 of the 2 frames declared"),
    ],
    ids=lambda value: "" if isinstance(value, Calculator) else None,
)
def test_what_breaks_nothing_is_a_note(checked, calculator, check, got):
    report = checked(calculator)
    report.raise_if_failed()
    assert [finding.check for finding in report.notes] == [check]
    assert got in report.notes[0].got


@pytest.mark.parametrize("kind", [Peak, Whole])
def test_what_they_are_mutants_of_is_fine(checked, kind):
    checked(kind()).raise_if_failed()
