"""Spectra that only become magnitudes are made a few rows at a time, and that changes no number."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import scipy.fft
from support.passes import analyse, held, item_of, noise

from audiocache_nb.analysis import shared
from audiocache_nb.analysis.plan import make_plan
from audiocache_nb.analysis.program import Memory, Node, NodeScratch
from audiocache_nb.features.steps import RowStep

SAMPLES = noise(300_000, 1)


@pytest.fixture
def rows_at_once(monkeypatch):
    """How many rows each transform had."""
    counts: list[int] = []
    real = scipy.fft.rfft

    def counting(x, *arguments, **options):
        counts.append(len(x))
        return real(x, *arguments, **options)

    monkeypatch.setattr(scipy.fft, "rfft", counting)
    return counts


@pytest.mark.parametrize("wanted", [("spectrogram",), ("centroid", "flux", "mfcc"), ("mvmnt.spectrogram",)])
def test_a_few_rows_at_a_time_where_only_the_magnitude_counts(wanted, rows_at_once):
    assert not analyse(held(SAMPLES), list(wanted)).errors
    assert max(rows_at_once) == shared.PIECE_FRAMES < 300_000 // 512


def test_all_rows_where_the_spectrum_itself_is_asked_for(rows_at_once):
    assert not analyse(held(SAMPLES), ["stft", "spectrogram"]).errors
    assert max(rows_at_once) > shared.PIECE_FRAMES


@pytest.mark.parametrize("name", ["spectrogram", "flux", "mfcc", "onset_strength"])
def test_the_numbers_are_the_same(name):
    alone = analyse(held(SAMPLES), [name])
    with_spectrum = analyse(held(SAMPLES), [name, "stft"])
    np.testing.assert_array_equal(alone.data(name), with_spectrum.data(name))


@dataclasses.dataclass(frozen=True, slots=True)
class Doubled(RowStep):
    """Twice its rows, in memory of its own or where it is expected, as `kind` says for the first piece and later."""

    kind: str
    bulky: ClassVar[bool] = False

    def compute(self, inputs, scratch):
        rows = inputs[0] * 2
        there = {"own": False, "given": True, "given first": rows[0, 0] == 0, "own first": rows[0, 0] > 0}[self.kind]
        if not there:
            return rows
        out = scratch.array(self, rows.shape)
        out[...] = rows
        return out


@pytest.mark.parametrize("kind", ["own", "given", "given first", "own first"])
@pytest.mark.parametrize("kept", [0, 2])
def test_pieces_are_gathered_wherever_a_step_puts_them(kind, kept):
    node = Node(0, Doubled(kind), ())
    node.kept = kept
    scratch = Memory().of(node)
    assert isinstance(scratch, NodeScratch)
    values = np.arange(30, dtype=np.float32).reshape(10, 3)
    for _ in range(2):  # memory is used again
        pieces = [(values[first : first + 4],) for first in range(0, 10, 4)]
        made = scratch.gathered(pieces, 10)
        np.testing.assert_array_equal(made, values * 2)
        both = scratch.joined(values[:kept], made)
        np.testing.assert_array_equal(both, np.concatenate([values[:kept], values * 2]))


def test_only_what_one_step_alone_takes_passes_through():
    program = make_plan(held(SAMPLES), [item_of(held(SAMPLES), "spectrogram")]).groups[0].program
    assert [type(node.step).__name__ for node in program.nodes if node.passing] == ["Spectrum", "Magnitude"]
    program = make_plan(held(SAMPLES), [item_of(held(SAMPLES), "mfcc")]).groups[0].program
    assert [type(node.step).__name__ for node in program.nodes if node.passing] == ["Spectrum", "Magnitude"]
    program = make_plan(held(SAMPLES), [item_of(held(SAMPLES), "centroid")]).groups[0].program
    assert [type(node.step).__name__ for node in program.nodes if node.passing] == ["Spectrum", "Magnitude"]
    items = [item_of(held(SAMPLES), name) for name in ("rolloff", "stft")]
    assert not any(node.passing for node in make_plan(held(SAMPLES), items).groups[0].program.nodes)
