"""A calculator that fails, fails alone."""

from __future__ import annotations

import errno
import math
import traceback

import numpy as np
import pytest
from support.passes import StreamReader, analyse, held, item_of, made_of, noise, streamed

from audiocache_nb.errors import (
    CalculatorContractError,
    CalculatorError,
    Cancelled,
    IngestError,
    SourceChangedError,
    SourceMissingError,
)
from audiocache_nb.features.calculator import local, whole

SAMPLES = noise(300_000, 2)


def divides(values):
    return 1 / 0


def raises(kind):
    def calculator(values):
        raise kind

    return calculator


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def late(values, *, ctx):
    if ctx.first_frame > 300:
        raise ValueError("late")
    return np.zeros(ctx.frame_count)


BAD = {
    "exception": divides,
    "SystemExit": raises(SystemExit(3)),
    "KeyboardInterrupt": raises(KeyboardInterrupt()),
    "GeneratorExit": raises(GeneratorExit()),
    "MemoryError": raises(MemoryError()),
    "RecursionError": raises(RecursionError()),
    "StopIteration": raises(StopIteration()),
    "Cancelled, though nobody cancelled": raises(Cancelled()),
    "an exception without text": raises(Unprintable()),
    "nothing": lambda values: None,
    "a number": lambda values: 3.0,
    "too few rows": lambda values: np.zeros(len(values) - 1),
    "too many dimensions": lambda values: np.zeros((len(values), 2, 2)),
    "complex": lambda values: np.zeros(len(values), complex),
    "NaN": lambda values: np.full(len(values), math.nan),
    "one infinity": lambda values: np.append(np.zeros(len(values) - 1), math.inf),
    "late": late,
    "wrong arguments": lambda values, more: values,
}
LOCALITIES = {"blocks": local(), "everything": whole}


@pytest.mark.parametrize(
    ("function", "locality"),
    [
        pytest.param(function, locality, id=f"{name}-{where}")
        for name, function in BAD.items()
        for where, locality in LOCALITIES.items()
        if (name, where) != ("late", "everything")  # that is one call only
    ],
)
def test_a_failing_calculator_fails_alone(function, locality):
    bad = made_of(function, feature="bad", locality=locality)
    good = made_of(lambda frames: frames.max(axis=1), feature="good")
    whole_good = made_of(lambda frames: frames.max(axis=1), feature="good too", locality=whole)
    found = analyse(streamed(SAMPLES), ["rms", bad, good, whole_good, "spectrogram"], threads=2)
    assert set(found.errors) == {"bad"}
    assert set(found.tracks) == {"rms", "spectrogram", "good", "good too"}
    np.testing.assert_array_equal(found.tracks["rms"].data, analyse(held(SAMPLES), ["rms"]).data("rms"))
    assert isinstance(found.errors["bad"], CalculatorError)
    assert "bad" in str(found.errors["bad"])


@pytest.mark.parametrize("locality", LOCALITIES.values(), ids=LOCALITIES.keys())
def test_the_original_exception_and_its_traceback_are_kept(locality):
    error = analyse(held(SAMPLES), [made_of(divides, locality=locality)]).errors["divides"]
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert "ZeroDivisionError" in error.message
    assert any(frame.name == "divides" for frame in traceback.extract_tb(error.__cause__.__traceback__))


def test_what_breaks_the_contract_is_told_apart():
    errors = [
        analyse(held(SAMPLES), [made_of(BAD[name], feature="bad")]).errors["bad"] for name in ("NaN", "exception")
    ]
    assert isinstance(errors[0], CalculatorContractError)
    assert not isinstance(errors[1], CalculatorContractError)


def test_a_calculator_that_failed_is_not_called_again():
    calls = []

    def fails_once(values):
        calls.append(1)
        raise ValueError

    analyse(streamed(SAMPLES), [made_of(fails_once), "rms"], size=10_000)
    assert len(calls) == 1


def test_a_pass_ends_when_everything_has_failed():
    reads = []

    class Counting(StreamReader):
        def read(self, frames):
            reads.append(frames)
            return super().read(frames)

    source = streamed(SAMPLES, opener=lambda: Counting(SAMPLES, 10_000))
    found = analyse(source, [made_of(divides), made_of(BAD["NaN"], feature="bad")], size=10_000)
    assert set(found.errors) == {"divides", "bad"}
    assert len(reads) < 5


def test_warnings_of_a_calculator_reach_nobody():
    """Division by zero in numpy code is judged by its result; a warning in a worker thread helps nobody."""

    def safe(frames):
        return np.nan_to_num(np.zeros(len(frames)) / np.zeros(len(frames)))

    assert not analyse(held(SAMPLES), [made_of(safe), made_of(safe, id="whole", locality=whole)]).errors


# --- what a calculator gets is not its own ---------------------------------------------------------


@pytest.mark.parametrize("inputs", ["frames", "spectrum", "samples", "channels"])
@pytest.mark.parametrize("locality", LOCALITIES.values(), ids=LOCALITIES.keys())
def test_writing_into_the_input_fails_and_changes_nothing(inputs, locality):
    def vandal(values):
        values[...] = 0
        return np.zeros(len(values))

    for make in (held, streamed):
        source = make(SAMPLES)
        bad = made_of(vandal, inputs=inputs, locality=locality)
        found = analyse(source, [bad, "rms", "spectrogram", "mvmnt.waveform"])
        assert isinstance(found.errors["vandal"].__cause__, ValueError)
        clean = analyse(source, ["rms", "spectrogram", "mvmnt.waveform"])
        for name in clean.tracks:
            np.testing.assert_array_equal(found.tracks[name].data, clean.tracks[name].data)


@pytest.mark.parametrize("locality", LOCALITIES.values(), ids=LOCALITIES.keys())
@pytest.mark.parametrize("make", [held, streamed])
def test_a_view_of_the_input_is_copied_and_frozen(make, locality):
    source = make(SAMPLES)
    view = made_of(lambda frames: frames[:, 1024:1026], feature="view", locality=locality)
    data = analyse(source, [view, "spectrogram"], size=10_000).tracks["view"].data
    mono = (SAMPLES[:, 0] + SAMPLES[:, 1]) * np.float32(0.5)
    np.testing.assert_array_equal(data[:-1, 0], mono[::512][: len(data) - 1])
    assert not data.flags.writeable
    assert data.base is None or not np.shares_memory(data, source.array if source.array is not None else mono)


@pytest.mark.parametrize("locality", LOCALITIES.values(), ids=LOCALITIES.keys())
def test_a_buffer_that_the_calculator_keeps_is_copied(locality):
    kept = {}

    def keeps(frames):
        kept["data"] = frames.max(axis=1)
        return kept["data"]

    data = analyse(held(SAMPLES), [made_of(keeps, locality=locality)]).data("keeps")
    before = data.copy()
    kept["data"][...] = 99
    np.testing.assert_array_equal(data, before)
    with pytest.raises(ValueError, match="read-only"):
        data[...] = 0


# --- the audio fails ------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 1, 9_999, 150_000, 299_999])
def test_d19_audio_that_ends_early_is_an_error_and_no_silence(kept):
    source = streamed(SAMPLES, opener=lambda: StreamReader(SAMPLES[:kept], 10_000))
    with pytest.raises(SourceChangedError, match=f"{kept:,}"):
        analyse(source, ["rms"])
    everything = made_of(lambda x: x[::512], feature="x", inputs="samples")
    assert isinstance(analyse(source, [everything]).errors["x"], SourceChangedError)


def test_audio_that_grew_is_cut_where_it_ended():
    longer = np.concatenate([SAMPLES, np.ones((50_000, 2), np.float32)])
    source = streamed(SAMPLES, opener=lambda: StreamReader(longer, 10_000))
    for name in ("rms", "spectrogram", "waveform", "mvmnt.waveform"):
        np.testing.assert_array_equal(
            analyse(source, [name], size=10_000).data(name), analyse(held(SAMPLES), [name]).data(name)
        )


class Breaking(StreamReader):
    """A decoder that gives up."""

    error: BaseException = OSError(errno.EIO, "the disk is gone")

    def read(self, frames):
        if self._position > 100_000:
            raise self.error
        return super().read(frames)


def test_a_decoder_that_fails_ends_the_pass():
    source = streamed(SAMPLES, opener=lambda: Breaking(SAMPLES, 10_000))
    with pytest.raises(OSError, match="disk"):
        analyse(source, ["rms"], threads=3)


def test_a_job_whose_audio_cannot_be_read_fails_as_a_whole_and_says_so(desk):
    def missing():
        raise SourceMissingError("'x.wav' does not exist.")

    everything = made_of(lambda x: x[::512], feature="x", inputs="samples")
    for opener, kind in ((missing, IngestError), (lambda: Breaking(SAMPLES, 10_000), CalculatorError)):
        here = desk(2)
        job = here.run(streamed(SAMPLES, opener=opener), "rms", "spectrogram", everything)
        assert job.state == "failed"
        assert len(job.failures) == 3
        assert all(isinstance(error, kind) for error in job.failures.values())
        assert here.sink.of("done") == []


def test_a_source_that_changed_while_it_was_read_counts_for_nothing(desk):
    class Origin:
        def open(self, on_block):
            return StreamReader(SAMPLES, 10_000)

        def check(self, on_block):
            raise SourceChangedError("it is another one now")

    import dataclasses

    source = dataclasses.replace(streamed(SAMPLES), origin=Origin())
    here = desk()
    everything = made_of(lambda x: x[::512], feature="x", inputs="samples")
    job = here.run(source, "rms", everything)
    assert job.state == "failed"
    assert all(isinstance(error, SourceChangedError) for error in job.failures.values())
    assert here.sink.of("done") == []


# --- through the scheduler ------------------------------------------------------------------------


def test_the_others_of_a_failed_job_are_there(desk):
    here = desk(2)
    bad = made_of(divides)
    job = here.run(streamed(SAMPLES), "rms", bad, "waveform")
    assert job.state == "failed"
    assert {name for name, _ in here.sink.of("done", job)} == {"rms", "waveform"}
    assert [name for name, _ in here.sink.of("failed", job)] == ["divides"]
    assert here.sink.of("ended") == ["failed"]
    assert set(job.failures) == {item_of(streamed(SAMPLES), bad).key}


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, Unprintable])
@pytest.mark.parametrize("locality", LOCALITIES.values(), ids=LOCALITIES.keys())
def test_a_thread_survives_whatever_a_calculator_raises(desk, kind, locality):
    here = desk(1)
    assert here.run(held(SAMPLES), made_of(raises(kind()), feature="bad", locality=locality)).state == "failed"
    assert here.run(held(SAMPLES), "rms").state == "succeeded"


def test_a_sink_that_raises_harms_nobody(desk, caplog):
    here = desk(1)
    for name in ("job_started", "job_progress", "item_done", "job_ended"):
        setattr(here.sink, name, raises(ValueError("a subscriber's own mistake")))
    assert here.run(held(SAMPLES), "rms").state == "succeeded"
    assert "a subscriber's own mistake" in caplog.text


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30])
def test_what_a_reader_of_ones_own_hands_out_has_been_measured_by_nobody(value):
    """A promise of finite numbers is one for finite samples."""
    samples = noise(30_000, 2)
    samples[10_000:10_200] = value
    names = ["rms", "logmel", "chroma", "flux", "loudness.power"]
    found = analyse(streamed(samples), [*names, "zcr"])
    for name, track in found.tracks.items():
        assert np.isfinite(track.data).all(), name
    assert set(found.errors) >= set(names)
    assert "reader" in found.errors["rms"].hint
    assert not analyse(streamed(noise(30_000, 2)), names).errors
