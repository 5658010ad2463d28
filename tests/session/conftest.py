"""Fixtures of the session's tests: a session with calculators of its own, and sounds."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry

RATE = 8000
WAIT_S = 60
BUILTIN = ("mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform", "spectrogram", "rms", "waveform")


@pytest.fixture
def registry() -> Registry:
    """Six built-in calculators, so that tests may call theirs what they like."""
    made = Registry(entry_points=False)
    made._builtin = {name: made._builtin[name] for name in BUILTIN}
    return made


@pytest.fixture
def session(registry):
    made = acn.Session(cache_dir=False, workers=2, registry=registry)
    yield made
    made.close()


@pytest.fixture
def tone() -> np.ndarray:
    """Two seconds of stereo."""
    t = np.arange(2 * RATE) / RATE
    return np.stack([0.5 * np.sin(2 * np.pi * 440 * t), 0.25 * np.sin(2 * np.pi * 660 * t)], axis=1).astype(np.float32)


@pytest.fixture
def track(session, tone):
    return session.add_audio(tone, RATE, name="tone")


@pytest.fixture
def define(registry) -> Callable[..., FunctionCalculator]:
    """Register a function as a calculator, as the decorator does for the common registry."""

    def make(function, feature: str | None = None, **options) -> FunctionCalculator:
        options.setdefault("inputs", "samples")
        return registry.register(FunctionCalculator(function, feature=feature or function.__name__, **options))

    return make


class Gate:
    """A calculator that waits until it is let go, and counts its calls."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.calls = 0

    def __call__(self, samples, ctx):
        """Wait, and look up now and then, as good calculators do."""
        self.calls += 1
        self.entered.set()
        while not self.open.wait(0.002):
            ctx.checkpoint()
        return acn.Global(float(np.abs(samples).max()), ("peak",))


@pytest.fixture
def gate(define):
    """The feature ``gate``, which is computed when the test opens it."""
    made = Gate()

    def gate(samples, *, ctx):
        return made(samples, ctx)

    define(gate, version=1)
    yield made
    made.open.set()


class Stubborn(Gate):
    """One that never looks up."""

    def __call__(self, samples, ctx):
        self.calls += 1
        self.entered.set()
        self.open.wait(WAIT_S)
        return acn.Global(0.0)


@pytest.fixture
def stubborn(define):
    """The feature ``stubborn``, which ignores cancellation."""
    made = Stubborn()

    def stubborn(samples, *, ctx):
        return made(samples, ctx)

    define(stubborn, version=1)
    yield made
    made.open.set()


@pytest.fixture
def broken(define):
    """The feature ``broken``, which raises."""

    def broken(samples):
        raise ZeroDivisionError("oh no")

    return define(broken, version=1)
