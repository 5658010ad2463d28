"""``@acn.calculator`` as a notebook uses it: every option, every input, every kind of result, through a session."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Annotated, Literal

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.errors import CalculatorError, InvalidParameterError
from audiocache_nb.testing import check_calculator

RATE = 8000
N = 16_000
FRAMES = 1 + N // 512
RNG = np.random.default_rng(0)
SAMPLES = (0.4 * RNG.uniform(-1, 1, (N, 2))).astype(np.float32)
MONO = (SAMPLES[:, 0] + SAMPLES[:, 1]) * np.float32(0.5)


@pytest.fixture
def session():
    before = {one.id for one in acn.calculators.list()}
    with acn.Session(cache_dir=False, workers=2) as made:
        yield made
    for one in acn.calculators.list():
        if one.id not in before:
            acn.calculators.unregister(one.id)


@pytest.fixture
def track(session):
    return session.add_audio(SAMPLES, sample_rate=RATE, analyze="none")


# --- what it receives -----------------------------------------------------------------------------


@pytest.mark.parametrize("locality", [None, acn.whole, acn.local(0)], ids=["default", "whole", "local"])
@pytest.mark.parametrize(
    ("inputs", "shape"),
    [
        ("frames", (2048,)),
        ("spectrum", (1025,)),
        ("samples", ()),
        ("channels", (2,)),
        ("rms", (2,)),
        ("centroid", (1,)),
    ],
)
def test_it_receives_what_it_asks_for(session, track, inputs, shape, locality):
    seen = []

    @acn.calculator(feature="seen", inputs=inputs, locality=locality)
    def seen_so(values, *, ctx):
        seen.append((values.shape[1:], values.flags.writeable, len(values), ctx.frame_count))
        return np.full(ctx.frame_count, float(ctx.sample_rate))

    data = session.get(track, "seen").data
    assert data.min() == data.max() == RATE
    assert {(tail, writeable) for tail, writeable, _, _ in seen} == {(shape, False)}
    if inputs in ("samples", "channels"):
        local = isinstance(locality, type(acn.local()))
        assert sum(length for _, _, length, _ in seen) == (len(data) * 512 if local else N)
    else:
        assert sum(length for _, _, length, _ in seen) == FRAMES == len(data)


def test_several_features_come_as_a_tuple_in_the_order_asked_for(session, track):
    @acn.calculator(feature="weighted", inputs=("centroid", "rms"), unit="Hz")
    def weighted(both):
        centroid, level = both
        return centroid[:, 0] * level.mean(axis=1)

    found = session.get(track, "weighted")
    want = session.get(track, "centroid").data[:, 0] * session.get(track, "rms").data.mean(axis=1)
    np.testing.assert_allclose(found.data[:, 0], want, rtol=1e-6)
    assert found.unit == "Hz"
    assert len(found.provenance["dependencies"]) == 2


def test_several_features_come_one_by_one_to_a_function_that_takes_as_many(session, track):
    @acn.calculator(feature="weighted", inputs=("centroid", "rms"), locality=acn.whole)
    def weighted(centroid, level, *, ctx, power: float = 1.0):
        assert ctx.sample_rate == RATE
        return acn.Global(float((centroid[:, 0] * level.mean(axis=1) ** power).sum()))

    want = session.get(track, "centroid").data[:, 0] * session.get(track, "rms").data.mean(axis=1)
    assert session.get(track, "weighted").data[0, 0] == pytest.approx(want.sum(), rel=1e-6)


def test_a_parameter_needs_no_star_before_it(session, track):
    @acn.calculator(feature="scaled")
    def scaled(frames, factor: float = 2.0):
        return factor * np.abs(frames).max(axis=1)

    assert list(acn.calculators.get("scaled").parameters) == ["factor"]
    twice = session.get(track, "scaled").data
    thrice = session.get(track, acn.Descriptor("scaled", params={"factor": 3.0})).data
    np.testing.assert_allclose(thrice, 1.5 * twice, rtol=1e-6)


def test_features_of_ones_own_can_be_built_upon(session, track):
    @acn.calculator(feature="first")
    def first(frames):
        return np.abs(frames).max(axis=1)

    @acn.calculator(feature="second", inputs="first")
    def second(first):
        return 2 * first

    one = session.get(track, "second")
    np.testing.assert_array_equal(one.data, 2 * session.get(track, "first").data)

    @acn.calculator(feature="first")
    def edited(frames):
        return np.abs(frames).min(axis=1)

    assert session.freshness(track, "second").state == "stale"
    assert session.get(track, "second").data.max() < one.data.max()


def test_the_context_says_where_and_when(session, track):
    @acn.calculator(feature="where", inputs="frames")
    def where(frames, *, ctx):
        assert (ctx.sample_rate, ctx.hop_size, ctx.tempo) == (RATE, 256, None)
        ctx.progress(0.5)
        ctx.checkpoint()
        return ctx.times_s

    profile = acn.AnalysisProfile(window_size=512, hop_size=256)
    found = session.get(track, "where", profile=profile)
    np.testing.assert_allclose(found.data[:, 0], np.arange(1 + N // 256) * 256 / RATE, rtol=1e-6)
    np.testing.assert_allclose(found.times_s, found.data[:, 0], rtol=1e-6)


def test_the_tempo_is_there_for_who_depends_on_it_and_makes_only_that_stale(session, track):
    @acn.calculator(feature="beat", depends_on_tempo=True)
    def beat(frames, *, ctx):
        return np.array([ctx.tempo.bpm] * len(frames))

    @acn.calculator(feature="steady")
    def steady(frames):
        return frames[:, 0]

    assert session.get(track, "beat").data[0, 0] == 120
    session.get(track, "steady")
    session.tempo.bpm = 90
    assert session.freshness(track, "beat").state == "stale"
    assert session.freshness(track, "steady").state == "fresh"
    assert session.get(track, "beat").data[0, 0] == 90


def test_who_is_cancelled_is_told(session, track):
    @acn.calculator(feature="endless", inputs="samples")
    def endless(samples, *, ctx):
        while True:
            ctx.checkpoint()

    session.request(track, ["endless"], element="e")
    session.stop(track)
    session.wait(timeout=60)
    assert session.freshness(track, "endless").state != "fresh"


# --- what it returns ------------------------------------------------------------------------------


def test_numbers_for_frames_with_names(session, track):
    @acn.calculator(
        feature="three", unit="dB", label="Three", id="my.three", fill_value=-80, axes=("frame", "band"), version=7
    )
    def three(frames):
        return np.clip(frames[:, :3], -1, 1) - 40

    found = session.get(track, "three")
    assert (found.unit, found.label, found.calculator_id, found.version) == ("dB", "Three", "my.three", "7")
    assert (found.axes, found.fill_value, found.data.shape) == (("frame", "band"), -80, (FRAMES, 3))
    assert session.get(track, "my.three") is found or session.get(track, "my.three").key == found.key


def test_a_spectrum_s_bins_have_their_frequencies(session, track):
    @acn.calculator(feature="bins", inputs="spectrum", axes=["frame", "bin"])
    def bins(spectrum):
        return spectrum

    found = session.get(track, "bins")
    np.testing.assert_allclose(found.coords["bin"], np.fft.rfftfreq(2048, 1 / RATE))


@pytest.mark.parametrize("inputs", ["samples", "rms"])
def test_events_and_values_for_the_whole(session, track, inputs):
    @acn.calculator(feature="found", inputs=inputs, locality=acn.whole)
    def found(values, *, ctx):
        return acn.Events([0.5, 0.25], [[1.0, 2.0], [3.0, 4.0]], names=("a", "b"))

    @acn.calculator(feature="total", inputs=inputs, unit="J", locality=acn.whole)
    def total(values):
        return acn.Global([float(np.square(values).sum()), len(values)], names=("energy", "count"))

    events = session.get(track, "found")
    np.testing.assert_array_equal(events.times_s, [0.25, 0.5])
    np.testing.assert_array_equal(events.data[:, 1:], [[3, 4], [1, 2]])
    value = session.get(track, "total")
    assert (value.format, value.unit, list(value.coords["value"])) == ("global", "J", ["energy", "count"])


@pytest.mark.parametrize("wrong", [None, "nothing", np.zeros(3), np.full(FRAMES, np.nan), np.zeros((FRAMES, 2, 2))])
def test_what_is_no_result_fails_alone_and_says_why(session, track, wrong):
    @acn.calculator(feature="wrong")
    def returns_wrong(frames):
        return wrong

    with pytest.raises(CalculatorError, match="wrong"):
        session.get(track, "wrong")
    assert session.get(track, "rms").frame_count == FRAMES


# --- parameters -----------------------------------------------------------------------------------


def test_keyword_parameters_are_the_schema_and_take_part_in_the_key(session, track):
    @acn.calculator(feature="level")
    def level(
        frames,
        *,
        gain: Annotated[float, acn.Range(0, 10, "How loud.")] = 1.0,
        order: int = 2,
        of: Literal["max", "mean"] = "max",
        squared: bool = False,
        ceiling: float | None = None,
        ctx=None,
    ):
        values = gain * getattr(np, of)(np.abs(frames) ** (order if squared else 1), axis=1)
        return values if ceiling is None else np.minimum(values, ceiling)

    schema = level.parameters
    assert list(schema) == ["gain", "order", "of", "squared", "ceiling"]
    assert (schema["gain"].minimum, schema["gain"].maximum, schema["gain"].description) == (0, 10, "How loud.")
    assert (schema["order"].kind, schema["of"].choices, schema["squared"].kind) == (int, ("max", "mean"), bool)
    plain = session.get(track, "level")
    for params, want in (
        ({"gain": 2}, 2 * plain.data),
        ({"squared": True}, plain.data**2),
        ({"ceiling": 0.01}, np.minimum(plain.data, np.float32(0.01))),
    ):
        other = session.get(track, acn.Descriptor("level", params=params))
        np.testing.assert_allclose(other.data, want, rtol=1e-5)
        assert other.key != plain.key
    # the default, said aloud, is no other feature
    assert session.get(track, acn.Descriptor("level", params={"gain": 1.0})).key == plain.key
    for params in ({"gain": 11.0}, {"of": "median"}, {"order": 1.5}, {"loud": 1}, {"squared": 1}):
        with pytest.raises(InvalidParameterError):
            session.get(track, acn.Descriptor("level", params=params))


# --- cells ----------------------------------------------------------------------------------------


def test_a_cell_that_is_run_again_makes_stale_what_really_changed(session, track):
    def cell(text: str) -> None:
        exec(compile(textwrap.dedent(text), "<cell>", "exec"), {"acn": acn, "np": np})

    first = """
        @acn.calculator(feature="mine", version={version})
        def mine(frames):
            return np.abs(frames).max(axis=1) * {factor}
        """
    cell(first.format(version=1, factor=1))
    before = session.get(track, "mine")
    rms = session.get(track, "rms")
    cell(first.format(version=1, factor=1))
    assert session.freshness(track, "mine").state == "fresh"
    cell(first.format(version=2, factor=2))
    assert session.freshness(track, "mine").state == "stale"
    np.testing.assert_array_equal(session.get(track, "mine").data, 2 * before.data)
    assert session.freshness(track, "rms").state == "fresh"
    assert session.get(track, "rms").key == rms.key


NOTEBOOK = '''
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()

def run(cell):
    shell.run_cell(cell, store_history=True).raise_error()

run("import numpy as np, audiocache_nb as acn\\nfrom audiocache_nb.testing import check_calculator")
run("""
def helper(x):
    return np.abs(x)

@acn.calculator(feature="mine", unit="")
def mine(frames):
    "The largest sample: max |x|."
    return helper(frames).max(axis=1)
""")
one = shell.user_ns["mine"].version_text
run("report = check_calculator(mine, sample_rates=(8000,))")
print(shell.user_ns["report"].ok)
run("""
def helper(x):
    # a remark
    return np.abs(x)
""")
print(acn.calculators.get("mine").version_text == one) if (acn := shell.user_ns["acn"]) else None
run("""
@acn.calculator(feature="mine", unit="")
def mine(frames):
    "The largest sample: max |x|."
    return frames[:, 0] * 0 + float(np.random.default_rng().uniform())
""")
run("report = check_calculator('mine', sample_rates=(8000,))")
print("repeats" in [finding.check for finding in shell.user_ns["report"].problems])
'''


def test_a_notebook_checks_the_calculator_of_its_cell():
    pytest.importorskip("IPython")
    done = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-3:] == ["True", "True", "True"]


def test_what_is_checked_is_what_the_session_runs(session, track):
    @acn.calculator(feature="rising", inputs="rms", locality=acn.local(1))
    def rising(rms):
        """Difference to the frame before: rms[t] - rms[t - 1]."""
        return np.diff(rms, axis=0, prepend=rms[:1])

    check_calculator(rising, sample_rates=(RATE,)).raise_if_failed()
    want = np.diff(session.get(track, "rms").data, axis=0)
    np.testing.assert_allclose(session.get(track, "rising").data[1:], want, atol=1e-7)
