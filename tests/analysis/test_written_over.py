"""Steps that are written over the memory of what nobody reads any more: it saves memory and changes no number."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from support.passes import analyse, held, item_of, noise

import audiocache_nb as acn
from audiocache_nb.analysis import engine, segments, shared
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.plan import make_plan
from audiocache_nb.analysis.program import Program
from audiocache_nb.features.builtin.onset_strength import OnsetStrength
from audiocache_nb.features.builtin.rms import Rms
from audiocache_nb.features.builtin.shape import Centroid, Flatness, Mass
from audiocache_nb.features.builtin.spectra import LogPower, SpectralCalculator, magnitude_of, power_of
from audiocache_nb.features.builtin.spectrogram import Spectrogram

SAMPLES = noise(400_000, 1)
ALL = ["spectrogram", "flatness", "mfcc", "chroma", "flux", "rolloff", "centroid", "onset_strength", "bandwidth"]


def program_of(*names: str) -> Program:
    source = held(SAMPLES)
    return make_plan(source, [item_of(source, name) for name in names]).groups[0].program


def over(program: Program) -> dict[str, str]:
    """Which step is written over which."""
    return {type(one.step).__name__: type(one.over.step).__name__ for one in program.nodes if one.over is not None}


def test_one_array_of_spectra_is_enough_for_many_features():
    program = program_of(*ALL)
    assert over(program) == {"Power": "Magnitude", "LogPower": "Power"}
    assert program.bulky == 1
    first, *_, last = [task.item.calculator for task in program.tasks]
    assert not isinstance(first, (Spectrogram, Flatness))
    assert isinstance(last, Spectrogram)


def test_nothing_is_written_over_what_is_still_read():
    """Moments take the magnitude and the logarithm at the same time."""
    program = program_of("moments", *ALL)
    assert over(program) == {"LogPower": "Power"}
    assert program.bulky == 2


@pytest.mark.parametrize("name", ALL)
def test_the_numbers_are_the_same(name):
    together = analyse(held(SAMPLES), ALL)
    np.testing.assert_array_equal(together.data(name), analyse(held(SAMPLES), [name]).data(name))


@pytest.mark.parametrize("failing", [Centroid, OnsetStrength, Spectrogram])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_failure_changes_no_number_of_others(failing, batch, monkeypatch):
    calls = []
    real = failing.compute

    def fails(self, *arguments):
        calls.append(1)
        if len(calls) == batch:
            raise RuntimeError("no")
        real(self, *arguments)

    monkeypatch.setattr(failing, "compute", fails)
    found = analyse(held(SAMPLES), ALL)
    assert set(found.errors) == {failing.feature}
    monkeypatch.undo()
    for name in set(ALL) - {failing.feature}:
        np.testing.assert_array_equal(found.tracks[name].data, analyse(held(SAMPLES), [name]).data(name))


class First(SpectralCalculator):
    """The first to ask for the masses; it fails."""

    id = feature = "first"

    def steps(self, audio, profile, params):
        return (Mass(magnitude_of(profile)),)

    def compute(self, inputs, out, state, context):
        raise RuntimeError("no")


class Second(SpectralCalculator):
    """Asks for the masses when the magnitudes have been written over, and needs both."""

    id = feature = "second"
    columns = ("level", "mass")

    def steps(self, audio, profile, params):
        return LogPower(power_of(profile)), Mass(magnitude_of(profile))

    def compute(self, inputs, out, state, context):
        levels, mass = inputs
        out[:, 0] = levels.sum(axis=1)
        out[:, 1] = mass[:, 0]


def test_what_a_failure_left_to_be_made_later_does_not_touch_what_lies_there_now():
    source = held(SAMPLES)
    program = make_plan(source, [item_of(source, First()), item_of(source, Second())]).groups[0].program
    assert over(program) == {"Power": "Magnitude", "LogPower": "Power"}
    together = analyse(source, [First(), Second()])
    assert set(together.errors) == {"first"}
    np.testing.assert_array_equal(together.tracks["second"].data, analyse(source, [Second()]).data("second"))
    expected = np.abs(librosa.stft(SAMPLES[:, 0], n_fft=2048, hop_length=512, pad_mode="constant").T)
    np.testing.assert_allclose(together.tracks["second"].data[:, 1], expected.sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(
        together.tracks["second"].data[:, 0], 2 * np.log10(expected).sum(axis=1), rtol=1e-4, atol=0.1
    )


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (16, 3), (17, 0), (0, 40), (100, 100)])
def test_batches_cover_all_frames_in_order(before, after):
    size = 64
    batches = list(engine._batches(1000, 1300, before, after, size))
    frames = [frame for start, stop in batches for frame in range(start, stop)]
    assert frames == list(range(1000 - before, 1300 + after))
    assert max(stop - start for start, stop in batches) <= size + 2 * engine.FEW_FRAMES
    edges = {edge for batch in batches for edge in batch}
    assert (1000 in edges) == (before == 0 or before > engine.FEW_FRAMES)
    assert (1300 in edges) == (after == 0 or after > engine.FEW_FRAMES)


def test_who_reads_no_spectrum_has_its_own_place_in_the_order():
    program = program_of("spectrogram", "rms")
    assert {type(task.item.calculator) for task in program.tasks} == {Spectrogram, Rms}


def test_batches_are_longer_where_one_array_of_spectra_is_enough():
    framing = make_plan(held(SAMPLES), [item_of(held(SAMPLES), "flux")]).groups[0].framing
    assert shared.batch_frames(framing, program_of(*ALL)) == 480
    assert shared.batch_frames(framing, program_of("moments", *ALL)) == 256


def test_long_segments_end_where_a_batch_does(monkeypatch):
    """So no batch is short, and neighbours are computed as few times as can be."""
    monkeypatch.setattr(segments, "LONG_FROM_SEGMENTS", 1)
    lengths = []
    real = shared.Run.advance

    def advance(self, first, end):
        lengths.append(end - first)
        real(self, first, end)

    monkeypatch.setattr(shared.Run, "advance", advance)
    samples = noise(800_000)
    assert not analyse(held(samples), ALL).errors
    assert lengths[:-1] == [480] * (len(lengths) - 1)
    assert segments.segment_samples(held(samples), 10**9) == segments.LONG_SEGMENT_SAMPLES
    assert segments.segment_samples(held(SAMPLES[:1000]), 512) == segments.SEGMENT_SAMPLES


@pytest.mark.parametrize("storage", [None, "uint8"])
@pytest.mark.parametrize("mapped_from_bytes", [1 << 40, 1])
def test_what_does_not_stay_in_memory_is_made_a_few_rows_at_a_time(storage, mapped_from_bytes, monkeypatch):
    counts = []
    real = Spectrogram.compute

    def compute(self, inputs, out, state, context):
        assert len(inputs[0]) == len(out) == context.frame_count == len(context.times_s)
        assert context.times_s[0] == pytest.approx(context.first_frame * 512 / 44100)
        counts.append(len(out))
        real(self, inputs, out, state, context)

    monkeypatch.setattr(Spectrogram, "compute", compute)
    outputs = Outputs(mapped_from_bytes=mapped_from_bytes)
    profile = None if storage is None else acn.AnalysisProfile(storage=storage)
    found = analyse(held(SAMPLES), ["spectrogram", "flux"], profile, outputs=outputs)
    there = storage is None and mapped_from_bytes > 1
    assert (max(counts) > engine.STAGED_FRAMES) == there
    assert sum(counts) == found.tracks["spectrogram"].frame_count
    monkeypatch.undo()
    expected = analyse(held(SAMPLES), ["spectrogram"], profile).data("spectrogram")
    np.testing.assert_array_equal(found.tracks["spectrogram"].data, expected)
