"""Plans: equal steps become one, and each is really done once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
from support.passes import CALIBRATED, MVMNT, analyse, held, item_of, made_of, noise, streamed

from audiocache_nb.analysis import segments
from audiocache_nb.analysis.plan import make_plan
from audiocache_nb.errors import CalculatorContractError
from audiocache_nb.features.builtin.rms import Rms
from audiocache_nb.features.builtin.spectra import centred, magnitude_of
from audiocache_nb.features.builtin.spectrogram import Spectrogram
from audiocache_nb.features.calculator import Layout, local, whole
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Frames, Mono, Span, Spectrum

N = 60_000
SAMPLES = noise(N, 2)


def plan_of(*wanted, profile=None):
    source = held(SAMPLES)
    return make_plan(source, [item_of(source, one, profile) for one in wanted])


def test_equal_steps_are_one():
    plan = plan_of(*MVMNT, *CALIBRATED, made_of(lambda s: s[:, 0], feature="low", inputs="spectrum"))
    start, center = Framing(2048, 512, "start"), Framing(2048, 512, "center")
    assert sorted(group.framing.mode for group in plan.groups) == ["cells", "center", "start"]
    spectra = {step for step in plan.steps if isinstance(step, Spectrum)}
    assert spectra == {Spectrum(start, "hann", False, 2048), Spectrum(center, "hann", True, 2048)}
    assert {step for step in plan.steps if isinstance(step, Frames)} == {Frames(start), Frames(center)}
    assert {Mono(), Channels()} <= plan.steps
    assert plan.needs_mono


def test_the_mono_mix_is_made_only_where_it_is_needed():
    assert not plan_of("rms", "waveform").needs_mono
    assert plan_of("rms", "spectrogram").needs_mono


def test_reach_is_that_of_the_widest_frame_with_its_neighbours():
    assert plan_of("waveform").reach_samples[0] == 0
    assert plan_of("spectrogram").reach_samples == (1024, 1024)
    assert plan_of(made_of(lambda f: f[:, 0], locality=local(3))).reach_samples == (1024 + 3 * 512, 1024 + 3 * 512)


def test_the_title_names_the_calculators_of_the_pass():
    assert plan_of("spectrogram", "rms", made_of(lambda f: f, feature="x", locality=whole)).title == "Spectrogram · RMS"


@pytest.fixture
def transformed(monkeypatch):
    """Rows transformed so far, by length of the transform."""
    counts: dict[int, int] = {}
    real = scipy.fft.rfft

    def counting(x, *arguments, **options):
        counts[x.shape[1]] = counts.get(x.shape[1], 0) + len(x)
        return real(x, *arguments, **options)

    monkeypatch.setattr(scipy.fft, "rfft", counting)
    return counts


@pytest.fixture
def mixed(monkeypatch):
    """Lengths of the pieces that were mixed."""
    lengths: list[int] = []
    real = segments.mix

    def counting(samples, out):
        lengths.append(len(samples))
        return real(samples, out)

    monkeypatch.setattr(segments, "mix", counting)
    return lengths


SPECTRAL = [
    made_of(lambda s: s.sum(axis=1), feature="sum", inputs="spectrum"),
    made_of(lambda s: s.argmax(axis=1), feature="peak", inputs="spectrum"),
    made_of(lambda s: s[1:-1].max(axis=1), feature="max", inputs="spectrum", locality=local(1)),
]


@pytest.mark.parametrize("source", [held(SAMPLES), streamed(SAMPLES)], ids=["held", "streamed"])
def test_one_transform_for_all_that_need_it(transformed, source):
    frames = 1 + N // 512
    analyse(source, ["spectrogram"])
    alone = transformed.pop(2048)
    assert frames <= alone < frames + 16 * math.ceil(frames / 64)  # runs are filled up to whole groups of rows
    analyse(source, ["spectrogram", *SPECTRAL[:2], "rms"])
    assert transformed == {2048: alone}


def test_neighbours_cost_only_themselves(transformed):
    analyse(held(SAMPLES), ["spectrogram", *SPECTRAL], AnalysisProfile(hop_size=64))
    frames = 1 + N // 64
    assert frames + 2 <= transformed[2048] <= frames + 3 * 16  # on both sides of a segment, not of every run


class Neighbour(Spectrogram):
    """Level at one frequency, of another frame."""

    promises_finite = False

    def __init__(self, before, after):
        self.id = self.feature = f"{before} before, {after} after"
        self.sides = before, after

    def halo(self, profile, params):
        return self.sides

    def layout(self, audio, profile, params):
        return Layout(centred(profile), (1,), ("frame", "value"))

    def steps(self, audio, profile, params):
        return (magnitude_of(profile),)

    def compute(self, inputs, out, state, context):
        before, after = self.sides
        assert len(inputs[0]) == len(out) + before + after
        out[:, 0] = inputs[0][-len(out) :, 100] if after else inputs[0][: len(out), 100]


@pytest.mark.parametrize("size", [1, 700, 5000, 1 << 17])
def test_a_calculator_may_need_frames_on_one_side_only(size):
    samples = noise(30_000 if size > 1 else 2000)
    profile = AnalysisProfile(window_size=256, hop_size=50)
    asked = [Neighbour(before, after) for before, after in [(0, 0), (170, 0), (0, 170), (3, 0), (2, 9)]]
    found = analyse(streamed(samples), [*asked, "spectrogram"], profile, size=size)
    plain = found.data("0 before, 0 after")[:, 0]
    count = len(plain)
    assert plain.all()
    padded = np.zeros(count + 2 * 170)
    padded[170 : 170 + count] = plain
    for before, after in [(170, 0), (0, 170), (3, 0), (2, 9)]:
        shifted = found.data(f"{before} before, {after} after")[:, 0]
        want = padded[170 + (after or -before) :][:count]
        inside = want != 0  # outside the recording frames may still reach into it
        np.testing.assert_array_equal(shifted[inside], want[inside])


def test_every_framing_has_its_own_transform(transformed):
    analyse(held(SAMPLES), ["spectrogram", *SPECTRAL[:1]], AnalysisProfile(window_size=512, hop_size=256))
    analyse(held(SAMPLES), ["mvmnt.spectrogram", "spectrogram"])
    assert set(transformed) == {512, 2048}
    assert transformed[2048] >= 1 + N // 512 + 1 + (N - 2048) // 512


@pytest.mark.parametrize("source", [held(SAMPLES), streamed(SAMPLES)], ids=["held", "streamed"])
def test_one_mono_mix(mixed, source):
    analyse(source, [*MVMNT, *CALIBRATED, *SPECTRAL], size=10_000)
    assert len(mixed) == 6  # one per segment, whoever uses it
    assert sum(mixed) < N + 6 * 5000


def test_without_need_no_mix(mixed):
    analyse(held(SAMPLES), ["rms", "waveform"])
    assert mixed == []


class Odd(Rms):
    """A calculator with one thing wrong."""

    id = feature = "odd"
    promises_finite = False


def odd(**methods):
    return type("Odd", (Odd,), methods)()


def fails(*arguments):
    raise SystemExit("no")


@pytest.mark.parametrize(
    "broken",
    [
        odd(layout=fails),
        odd(steps=fails),
        odd(prepare=fails),
        odd(steps=lambda *a: (Mono(),)),
        odd(steps=lambda *a: (Span(Mono(), Framing(64, 64, "start")),)),
        odd(locality=whole),
        odd(layout=lambda *a: Layout(Framing(2048, 512, "center"), (-1,), ("frame", "value"))),
        odd(layout=lambda *a: Layout(Framing(2048, 512, "center"), (1 << 50,), ("frame", "value"))),
        odd(layout=lambda *a: Layout(Framing(2048, 512, "center"), ("many",), ("frame", "value"))),
        odd(layout=lambda *a: Layout(Framing(2048, 512, "center"), (2,), ("frame", "value", "third"))),
        odd(layout=lambda *a: Layout(Framing(2048, 512, "center"), (), ("frame", "value"))),
        odd(compute=lambda *a: None),
        odd(compute=lambda self, inputs, out, state, context: out.fill(np.inf)),
    ],
    ids=lambda calculator: "-".join(name for name in vars(type(calculator)) if not name.startswith("_")),
)
def test_a_calculator_with_a_mistake_fails_alone(broken):
    found = analyse(held(SAMPLES), ["rms", broken, "waveform"])
    assert set(found.errors) == {"odd"}
    assert set(found.tracks) == {"rms", "waveform"}
    assert "odd" in str(found.errors["odd"])


def test_rows_that_were_never_written_are_noticed():
    def half(self, inputs, out, state, context):
        out[::2] = 1

    error = analyse(held(SAMPLES), [odd(compute=half)]).errors["odd"]
    assert isinstance(error, CalculatorContractError)
    assert "not finite" in error.message
