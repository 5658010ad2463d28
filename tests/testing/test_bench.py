"""The bench calls calculators as the engine does, with its own hands."""

from __future__ import annotations

import numpy as np
import pytest
from support.passes import BUILTIN, held, made_of, noise

from audiocache_nb.errors import CalculatorError, Cancelled
from audiocache_nb.features.calculator import local
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.testing.bench import Bench
from audiocache_nb.testing.values import differing_rows, same

PROFILE = AnalysisProfile(window_size=300, hop_size=70)


@pytest.mark.parametrize("name", ["mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform", "spectrogram", "rms", "waveform"])
@pytest.mark.parametrize("channels", [1, 3])
def test_rows_are_those_of_the_engine(name, channels):
    bench = Bench(BUILTIN.get(name), noise(5000, channels), 8000, PROFILE)
    whole = bench.call().rows
    assert len(whole) == bench.count
    assert same(whole, bench.by_engine().data)
    assert same(whole, bench.by_engine(size=777, threads=2, piece_samples=50).data)
    assert same(whole[3:9], bench.call(3, 9).rows)


def test_neighbours_are_given():
    def sums(samples, *, ctx):
        return samples.reshape(ctx.frame_count + 4, -1).sum(axis=1)[2:-2]

    bench = Bench(made_of(sums, inputs="samples", locality=local(2)), noise(700), 8000, PROFILE)
    assert (bench.before, bench.after) == (2, 2)
    np.testing.assert_allclose(bench.call().rows[:, 0], noise(700)[:, 0].reshape(-1, 70).sum(axis=1), rtol=1e-6)


def test_inputs_are_copies_that_may_be_written_to():
    def scale(frames):
        frames *= 2
        return frames[:, 0]

    bench = Bench(made_of(scale), noise(700), 8000, PROFILE)
    call = bench.call()
    assert call.wrote
    assert same(call.rows, bench.call().rows)
    assert not Bench(made_of(lambda frames: frames[:, 0]), noise(700), 8000, PROFILE).call().wrote


def test_what_is_said_and_looked_at_is_noted():
    def talks(samples, *, ctx):
        ctx.progress(0.5)
        ctx.checkpoint()
        ctx.checkpoint()
        return np.zeros(ctx.frame_count)

    bench = Bench(made_of(talks, inputs="samples"), noise(700), 8000, PROFILE)
    watch = bench.call().watch
    assert watch.said == [0.5]
    assert len(watch.looks_s) == 2
    with pytest.raises(Cancelled):
        bench.call(cancel_at=2)


def test_what_it_is_derived_from_is_computed():
    double = made_of(lambda rms: 2 * rms, feature="double", inputs="rms")
    bench = Bench(double, noise(5000), 8000, PROFILE)
    rms = Bench(BUILTIN.get("rms"), noise(5000), 8000, PROFILE).call().rows
    assert same(bench.call().rows, 2 * rms)
    assert same(bench.by_engine().data, 2 * rms)


def test_the_engines_errors_arrive():
    bench = Bench(made_of(lambda frames: 1 // 0, feature="zero"), noise(700), 8000, PROFILE)
    with pytest.raises(CalculatorError, match="zero"):
        bench.by_engine()


def test_the_recording_is_the_one_given():
    assert Bench(BUILTIN.get("rms"), noise(700), 8000).source.digest == held(noise(700), 8000).digest


def test_rows_differ_by_more_than_a_millionth_of_their_column():
    a = np.array([[1000.0, 1.0], [10.0, 0.5]], np.float32)
    b = a.copy()
    assert same(a, b)
    b[1, 0] += 0.0009  # of 1000
    assert same(a, b)
    b[1, 1] += 0.0001  # of 1
    assert differing_rows(a, b).tolist() == [False, True]
    assert not same(a, b[:1])
    assert same(np.empty((0, 3)), np.empty((0, 3)))
