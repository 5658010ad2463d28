"""Local calculators of features: the same numbers in any blocks, each block a place to stop, to show and to report."""

from __future__ import annotations

import threading
import tracemalloc

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.families import BUILTIN
from support.passes import PATIENCE_S, Gate, analyse, held, item_of, made_of, noise

from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.derived import DerivedRows, block_rows
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.plan import make_item
from audiocache_nb.analysis.runner import run_job
from audiocache_nb.errors import CalculatorContractError, CalculatorError, Cancelled
from audiocache_nb.features.calculator import Calculator, Layout, local, whole
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import Global

PROFILE = AnalysisProfile(window_size=64, hop_size=16)
SOURCE = held(noise(16 * 700, 2), 8000)


def item(wanted, source=SOURCE, profile=PROFILE, **params):
    """A calculator's item, and the tracks that it is computed from."""
    made = item_of(source, wanted, profile, **params)
    needed = [(one.key, one.calculator) for one in made.dependencies]
    return made, {key: analyse(source, [one], profile).tracks[one.id] for key, one in needed}


def rows_of(wanted, rows, **params):
    made, known = item(wanted, **params)
    return DerivedRows(SOURCE, made, known, Control(), rows=rows).run().data


def smooth(rms):
    """Mean of five frames, of which those beyond the ends are as the first and the last."""
    padded = np.pad(rms, ((2, 2), (0, 0)), mode="edge")
    return sum(padded[n : n + len(rms)] for n in range(5)) / 5


SMOOTH = made_of(smooth, inputs="rms", locality=local(2))


# --- the same numbers -----------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    rows=st.integers(1, 800),
    width=st.sampled_from([3, 5, 9, 31]),
    order=st.sampled_from([1, 2]),
    of=st.sampled_from(["rms", "waveform"]),
)
def test_a_slope_is_exactly_the_same_in_any_blocks_and_that_of_librosa(rows, width, order, of):
    whole_rows = rows_of("delta", 1 << 20, of=of, width=width, order=order)
    np.testing.assert_array_equal(rows_of("delta", rows, of=of, width=width, order=order), whole_rows)
    data = next(iter(item("delta", of=of)[1].values())).data.astype(np.float64)
    want = librosa.feature.delta(data, width=width, order=order, axis=0)
    np.testing.assert_allclose(whole_rows, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@settings(max_examples=20)
@given(rows=st.integers(1, 800), window=st.sampled_from([2, 7, 64, 384]))
def test_a_tempogram_is_exactly_the_same_in_any_blocks_and_that_of_librosa(rows, window):
    whole_rows = rows_of("tempogram", 1 << 20, window=window)
    np.testing.assert_array_equal(rows_of("tempogram", max(rows, 20), window=window), whole_rows)
    strength = next(iter(item("tempogram")[1].values())).data[:, 0]
    want = librosa.feature.tempogram(onset_envelope=strength, win_length=window).T
    np.testing.assert_allclose(whole_rows, want, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 100, 701])
def test_a_function_of_ones_own_too(rows):
    np.testing.assert_array_equal(rows_of(SMOOTH, rows), rows_of(SMOOTH, 1 << 20))


def test_a_function_may_return_what_it_received_or_what_it_was_asked_for():
    seen = []

    def only_those(rms, *, ctx):
        before = min(2, ctx.first_frame)
        seen.append((ctx.first_frame, ctx.frame_count, len(rms), ctx.times_s[0]))
        return smooth(rms)[before : before + ctx.frame_count]

    np.testing.assert_array_equal(
        rows_of(made_of(only_those, inputs="rms", locality=local(2)), 300), rows_of(SMOOTH, 9)
    )
    assert seen == [(0, 300, 302, 0.0), (300, 300, 304, 300 * 16 / 8000), (600, 101, 103, 600 * 16 / 8000)]


def test_what_declares_nothing_receives_all_rows_at_once():
    seen = []

    def share(rms):
        seen.append(len(rms))
        return rms / rms.max()

    found = analyse(SOURCE, ["rms", made_of(share, inputs="rms")], PROFILE, rows=10).data("share")
    assert seen == [701]
    assert found.max() == 1


def test_several_features_are_cut_alike_and_those_without_frames_are_not():
    def above(level, overall):
        assert overall.shape == (1, 4)
        return level.mean(axis=1) - overall[0, 0]

    made = made_of(above, inputs=("spectrogram", "loudness.integrated"), locality=local())
    found, all_of_it = (analyse(SOURCE, [made], PROFILE, rows=rows).data("above") for rows in (50, 1 << 20))
    np.testing.assert_array_equal(found, all_of_it)


class Levels(Calculator):
    """Decibels that are stored as whole numbers, made of decibels that are, too."""

    id = feature = "levels"
    unit = "dB"
    version = 1
    inputs = ("spectrogram",)
    locality = local(1)

    def used_profile(self, profile):
        return {}

    def dependencies(self, profile, params):
        return (Descriptor("spectrogram", None, profile),)

    def layout(self, audio, profile, params):
        return BUILTIN.get("spectrogram").layout(audio, profile, {})

    def layout_like(self, dependency, audio, profile, params):
        return Layout(dependency.framing, dependency.tail, dependency.axes, "dB", -80.0)

    def stored_range(self, profile, params):
        return -80.0, 0.0

    def steps(self, audio, profile, params):
        return ()

    def compute(self, inputs, out, state, context):
        rows = inputs[0].values()
        first = min(1, context.first_frame)
        out[:] = rows[first : first + len(out)]


def test_what_is_stored_as_whole_numbers_is_read_and_stored_so():
    profile = PROFILE.replace(storage="uint8")
    registry = Registry(entry_points=False)
    made = make_item(SOURCE, Descriptor("levels", "levels", profile), Levels(), registry=registry)
    tracks = {}
    run_job(Job(SOURCE, [made]), 1, lambda one, track: tracks.update({one.calculator.id: track}), pytest.fail)
    of, found = tracks["spectrogram"], tracks["levels"]
    assert of.dtype == found.dtype == np.uint8
    np.testing.assert_array_equal(found.data, of.data)


def test_the_slope_of_a_feature_of_ones_own():
    registry = Registry(entry_points=False)
    registry.register(made_of(lambda frames: np.abs(frames).max(axis=1), feature="loudest"))
    made = make_item(
        SOURCE, Descriptor("delta", "delta", PROFILE, {"of": "loudest"}), registry.get("delta"), registry=registry
    )
    tracks = {}
    run_job(Job(SOURCE, [made]), 1, lambda one, track: tracks.update({one.calculator.id: track}), pytest.fail)
    want = librosa.feature.delta(tracks["loudest"].data.astype(np.float64), axis=0)
    np.testing.assert_allclose(tracks["delta"].data, want, atol=1e-6)


# --- a block at a time ----------------------------------------------------------------------------


class Touched:
    """Stored rows that note which of them are read."""

    def __init__(self, data):
        self._data = data
        self.shape, self.dtype = data.shape, data.dtype
        self.reads = []

    def read(self, first, end):
        self.reads.append((first, end))
        return self._data[first:end]


def test_of_stored_features_only_the_block_and_its_neighbours_are_read():
    made, known = item("delta", of="rms")
    track = next(iter(known.values()))
    touched = Touched(track.data)
    track.__dict__["rows_or_array"] = touched
    DerivedRows(SOURCE, made, known, Control(), rows=100).run()
    assert touched.reads == [(max(0, first - 8), min(701, first + 108)) for first in range(0, 701, 100)]


def test_memory_is_that_of_the_block_whatever_the_length():
    profile = AnalysisProfile(window_size=256, hop_size=64)
    peaks = []
    for seconds in (20, 60):
        source = held(noise(seconds * 16_000), 16_000)
        for wanted, params in (("delta", {"of": "spectrogram"}), ("tempogram", {})):
            made, known = item(wanted, source, profile, **params)
            tracemalloc.start()
            DerivedRows(source, made, known, Control(), outputs=Outputs(mapped_from_bytes=1)).run()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks) < 12 << 20
    assert max(peaks[2:]) < 1.2 * max(peaks[:2])


@pytest.mark.parametrize("width", [1, 20, 384, 1025, 100_000])
@pytest.mark.parametrize("neighbours", [0, 16, 384, 10_000])
def test_blocks_are_neither_big_nor_mostly_neighbours(width, neighbours):
    rows = block_rows(width, neighbours)
    assert rows % 16 == 0
    assert 16 <= rows <= 4096
    assert rows == 16 or rows * width <= 8 << 18
    assert rows * width > 1 << 20 or rows >= min(neighbours, 4096) // 16 * 16


def test_it_ends_between_two_blocks():
    made, known = item(SMOOTH)
    control, blocks = Control(), []

    def report(value):
        blocks.append(value)
        if len(blocks) == 3:
            control.cancel()

    with pytest.raises(Cancelled):
        DerivedRows(SOURCE, made, known, control, rows=100, report=report).run()
    assert len(blocks) == 3


def test_progress_goes_on_within_blocks_and_from_one_to_the_next():
    def tells(rms, *, ctx):
        for value in (0.0, 0.5, "half", 7.0):
            ctx.progress(value)
        return rms

    made, known = item(made_of(tells, inputs="rms", locality=local()))
    said = []
    DerivedRows(SOURCE, made, known, Control(), rows=350, report=said.append).run()
    assert said == sorted(said)
    assert {0.0, 175 / 701, 350 / 701, 525 / 701, 1.0} <= set(said)


def test_a_job_shows_what_is_there_and_what_is_looked_at_comes_first(monkeypatch):
    monkeypatch.setattr("audiocache_nb.analysis.derived.block_rows", lambda *_: 100)
    gate = Gate("gate", inputs="rms", locality=local(), after=2)
    job = Job(SOURCE, [item_of(SOURCE, gate.calculator, PROFILE)])
    job.focus = lambda: (450 * 16, 460 * 16)
    worker = threading.Thread(target=run_job, args=(job, 1, lambda *_: None, lambda *_: None))
    worker.start()
    gate.wait()
    shown = job.growing(job.items[0].key)
    assert np.flatnonzero(shown.done).tolist() == list(range(400, 500))
    assert shown.track.shape == (701, 1)
    assert 0 < job.progress.value < 1
    gate.open()
    worker.join(PATIENCE_S)
    assert job.growing(job.items[0].key) is None


@pytest.fixture
def of_ten_rows(monkeypatch):
    monkeypatch.setattr("audiocache_nb.analysis.derived.block_rows", lambda *_: 10)


@pytest.mark.usefixtures("of_ten_rows")
def test_threads_that_have_nothing_else_to_do_help():
    together = threading.Barrier(2)

    def meet(rms, *, ctx):
        if not together.broken and ctx.first_frame in (20, 30):  # one waits in its block for the other in its own
            together.wait(PATIENCE_S)
        return smooth(rms)[min(2, ctx.first_frame) :][: ctx.frame_count]

    made = item_of(SOURCE, made_of(meet, inputs="rms", locality=local(2)), PROFILE)
    found = []
    job = Job(SOURCE, [made])
    run_job(
        job, 2, lambda one, track: found.append((one.calculator.id, track)), lambda _item, error: pytest.fail(error)
    )
    tracks = dict(found)
    assert len(found) == len(tracks) == 2
    np.testing.assert_array_equal(tracks["meet"].data, rows_of(SMOOTH, 1 << 20))
    assert job.progress.value == 1


@pytest.mark.usefixtures("of_ten_rows")
def test_what_fails_in_one_of_several_threads_fails_once():
    both_there = threading.Barrier(2)

    def breaks(rms, *, ctx):
        if ctx.first_frame < 20:
            both_there.wait(PATIENCE_S)
        if ctx.first_frame == 0:
            raise ZeroDivisionError
        return rms

    made = item_of(SOURCE, made_of(breaks, inputs="rms", locality=local()), PROFILE)
    done, failed = [], []
    run_job(Job(SOURCE, [made]), 2, lambda one, _: done.append(one.calculator.id), lambda *what: failed.append(what))
    assert done == ["rms"]
    ((item_failed, error),) = failed
    assert item_failed is made
    assert isinstance(error.__cause__, ZeroDivisionError)


# --- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "inputs", "text", "hint"),
    [
        (lambda both: both[0], ("rms", "loudness"), "a frame every 0.1 s", "acn.whole"),
        (lambda value: value, ("loudness.integrated",), "has no frames", "on frames"),
        (lambda rms: Global(rms.max()), ("rms",), "returned Global", "acn.whole"),
        (lambda rms: rms[:-1], ("rms",), "rows for", "Return"),
        (lambda rms: rms / 0, ("rms",), "not finite", "division"),
    ],
)
def test_what_is_wrong_is_said(function, inputs, text, hint):
    error = analyse(SOURCE, [made_of(function, feature="bad", inputs=inputs, locality=local(1))], PROFILE).errors["bad"]
    cause = error.__cause__ or error
    assert isinstance(error, CalculatorError)
    assert isinstance(cause, CalculatorContractError)
    assert text in cause.message
    assert hint in cause.hint


def test_a_feature_that_could_not_be_computed_is_named():
    made, _ = item(SMOOTH)
    with pytest.raises(CalculatorError, match="smooth needs rms"):
        DerivedRows(SOURCE, made, {}, Control()).run()


def test_listings_say_how_far_a_frame_looks():
    pytest.importorskip("pandas")
    table = BUILTIN.to_pandas()
    assert len(table) == len(BUILTIN.list())
    assert table.locality[["rms", "delta", "tempogram", "loudness", "beats"]].tolist() == [
        "local(0)", "local(8)", "local(192)", "local(15)", "whole",
    ]  # fmt: skip
    assert made_of(smooth, inputs="rms").locality_text == made_of(smooth, inputs="rms", locality=whole).locality_text
    assert str(len(table)) in repr(BUILTIN)
