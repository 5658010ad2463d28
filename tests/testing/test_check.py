"""`check_calculator`: what it takes, what it looks at, and calculators that are as they should be."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated, Literal

import numpy as np
import pytest
from support.passes import made_of

import audiocache_nb as acn
from audiocache_nb.errors import IngestError, InvalidParameterError, InvalidTypeError, UnknownCalculatorError
from audiocache_nb.features.calculator import local
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import calculators
from audiocache_nb.features.track import Events, Global, Matrix
from audiocache_nb.testing import check_calculator


def level(frames, *, gain: Annotated[float, acn.Range(0, 10)] = 1.0, of: Literal["mean", "max"] = "max"):
    """Largest or mean magnitude of each frame."""
    return gain * getattr(np, of)(np.abs(frames), axis=1)


def flux(spectrum):
    """Sum of what has grown since the frame before."""
    return np.maximum(np.diff(spectrum, axis=0), 0).sum(axis=1)[:-1]


def cells(channels, *, ctx):
    """Largest sample of each cell in each channel."""
    return np.abs(channels).reshape(ctx.frame_count, -1, channels.shape[1]).max(axis=1)


def onsets(samples, *, ctx):
    """Where it is loud."""
    ctx.progress(0.0)
    ctx.checkpoint()
    found = np.flatnonzero(np.abs(samples) > 0.8)
    ctx.progress(1.0)
    return Events(found / ctx.sample_rate, np.abs(samples[found]), names=("strength",))


def total(samples):
    """Energy: sum x^2."""
    return Global(float(np.sum(samples**2, dtype=np.float64)), names=("energy",))


def likeness(samples, *, ctx):
    """Difference of the level of tenths."""
    parts = np.array([np.abs(part).max(initial=0) for part in np.array_split(samples, 10)])
    return Matrix(np.abs(parts[:, None] - parts), np.arange(10.0))


def smooth(rms):
    """Mean of three frames."""
    padded = np.vstack([rms[:1], rms, rms[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


GOOD = {
    "frames": made_of(level),
    "spectrum and neighbours": made_of(flux, inputs="spectrum", locality=local(1)),
    "cells": made_of(cells, inputs="channels", locality=local()),
    "events": made_of(onsets, inputs="samples"),
    "a value": made_of(total, inputs="samples"),
    "a matrix": made_of(likeness, inputs="samples"),
    "derived": made_of(smooth, inputs="rms", locality=local(1)),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_as_it_should_be_passes(name):
    report = check_calculator(GOOD[name])
    report.raise_if_failed()
    assert [finding.check for finding in report.notes if finding.check != "looks"] == []


def test_a_derived_calculator_that_looks_too_far_is_told(checked):
    report = checked(made_of(smooth, inputs="rms"))
    assert [finding.check for finding in report.problems] == ["neighbours"]
    assert "acn.local(1)" in report.problems[0].advice


# --- what it takes --------------------------------------------------------------------------------


@pytest.fixture
def registered():
    yield lambda function: calculators.register(made_of(function))
    for one in calculators.list():
        if one.id == "level":
            calculators.unregister("level")


def test_an_id_an_object_and_a_decorated_function_are_the_same(checked, registered):
    made = registered(level)
    assert str(checked("level")) == str(checked(made))
    assert checked("level").calculator == "level"


@pytest.mark.parametrize("value", [None, level, type(made_of(level)), 3])
def test_what_is_no_calculator_is_refused(value):
    with pytest.raises(InvalidTypeError, match="calculator"):
        check_calculator(value)


def test_there_must_be_something_to_check_with():
    with pytest.raises(UnknownCalculatorError):
        check_calculator("no.such")
    with pytest.raises(InvalidParameterError):
        check_calculator("rms", profiles=[])
    with pytest.raises(InvalidParameterError):
        check_calculator("rms", sample_rates=())
    with pytest.raises(IngestError):
        check_calculator("rms", audio="no_such_file.wav")


# --- what it looks at -----------------------------------------------------------------------------


def test_every_sample_rate_and_every_profile_is_looked_at():
    seen = set()

    class Spy(type(made_of(level))):
        def layout(self, audio, profile, params):
            seen.add((audio.sample_rate, profile.window_size))
            return super().layout(audio, profile, params)

    profiles = [AnalysisProfile(window_size=256, hop_size=64), AnalysisProfile(window_size=100, hop_size=30)]
    check_calculator(Spy(level, feature="level"), sample_rates=(8000, 11025), profiles=profiles).raise_if_failed()
    assert {(8000, 256), (11025, 256), (11025, 100)} <= seen


def test_somebodys_own_sound_is_listened_to():
    def deaf(samples, *, ctx):
        """Level, unless there is a steady tone."""
        if len(samples) > 3000 and 0.6 < np.abs(samples).mean() < 0.7:
            raise ValueError("what a strange sound")
        return np.zeros(ctx.frame_count)

    sine = np.sin(np.arange(30_000) / 3).astype(np.float32)
    assert check_calculator(made_of(deaf, inputs="samples"), sample_rates=(8000,)).ok
    report = check_calculator(made_of(deaf, inputs="samples"), audio=(sine, 16_000))
    assert "what a strange sound" in report.problems[0].got
    assert "16 kHz" in report.problems[0].where


def test_a_calculator_may_refuse_a_profile_but_not_all():
    class Refuses(type(made_of(level))):
        def layout(self, audio, profile, params):
            if profile.window_size < 1000:
                raise InvalidParameterError("The window is too short.", hint="Take 1000.")
            return super().layout(audio, profile, params)

    made = Refuses(level, feature="level")
    short = AnalysisProfile(window_size=256, hop_size=64)
    report = check_calculator(made, sample_rates=(8000,), profiles=[AnalysisProfile(), short])
    report.raise_if_failed()
    assert ["The window is too short" in finding.got for finding in report.notes] == [True]
    report = check_calculator(made, sample_rates=(8000,), profiles=[short])
    assert [finding.got for finding in report.problems] == ["it refuses all that it was given"]


def test_parameters_may_be_refused_with_a_typed_error(checked):
    def picky(frames, *, low: Annotated[float, acn.Range(0, 20_000)] = 100.0):
        """Level above a frequency."""
        if low > 4000:
            raise InvalidParameterError("low is above half the sample rate.")
        return np.abs(frames).max(axis=1)

    checked(made_of(picky)).raise_if_failed()


def test_ctrl_c_ends_it(checked):
    def interrupted(frames):
        """Nothing."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checked(made_of(interrupted))


def test_a_calculator_that_wants_to_leave_is_only_reported(checked):
    def leaves(frames):
        """Nothing."""
        raise SystemExit(3)

    assert "SystemExit: 3" in checked(made_of(leaves)).problems[0].got


def test_waiting_long_counts_as_not_looking(checked):
    def waits(samples, *, ctx):
        """Nothing, slowly."""
        if len(samples) > 60_000:
            time.sleep(1.1)
        return np.zeros(ctx.frame_count)

    assert [finding.check for finding in checked(made_of(waits, inputs="samples")).problems] == ["looks"]


def test_the_import_costs_little():
    program = "import sys, audiocache_nb.testing; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    for name in ("pytest", "scipy.fft", "scipy.signal", "soundfile", "librosa", "matplotlib", "ipywidgets"):
        assert f"'{name}'" not in loaded


def test_a_profile_of_another_sample_rate_is_sound_of_that_rate() -> None:
    heard = set()

    def spy(frames, *, ctx):
        """Largest magnitude of each frame."""
        heard.add(ctx.sample_rate)
        return np.abs(frames).max(axis=1)

    profiles = [AnalysisProfile(sample_rate=16000), AnalysisProfile()]
    check_calculator(made_of(spy), sample_rates=(8000,), profiles=profiles).raise_if_failed()
    assert heard == {8000, 16000}
    heard.clear()
    sound = (np.random.default_rng(1).standard_normal(22050).astype(np.float32) * 0.1, 11025)
    check_calculator(made_of(spy), audio=sound, profiles=profiles[:1]).raise_if_failed()
    assert heard == {16000}
