"""Cases: a calculator with a sample rate and a profile, and the benches that checks need of it."""

from __future__ import annotations

import dataclasses
import functools
import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import AudioCacheError, InvalidParameterError
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.testing.bench import NO_PARAMS, Bench, Call
from audiocache_nb.testing.report import Log
from audiocache_nb.testing.signals import lively
from audiocache_nb.testing.values import Breach

MIN_FRAMES = 48
MAX_FRAMES = 4000
WHOLE_S = 2.0
GIVEN_S = 10.0


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """Where a calculator is looked at.

    Attributes
    ----------
    calculator : Calculator
    log : Log
        Where findings go.
    sample_rate : int
    profile : AnalysisProfile
    audio : ndarray [shape=(n, channels)] or None
        Somebody's own sound; None: synthesised.
    """

    calculator: Calculator
    log: Log
    sample_rate: int
    profile: AnalysisProfile
    audio: NDArray[np.float32] | None = None

    @property
    def where(self) -> str:
        """The case in words."""
        profile = self.profile
        framing = f"window {profile.window_size}, hop {profile.hop_size}"
        return f"{self.sample_rate / 1000:g} kHz, {framing if profile.id != 'default' else 'default profile'}"

    def bench(self, samples: NDArray[np.float32], params: Mapping[str, Any] = NO_PARAMS) -> Bench:
        """The calculator on these samples."""
        return Bench(self.calculator, samples, self.sample_rate, self.profile, params)

    def sound(self, frames: int = 0, channels: int = 2, *, seed: int = 0) -> NDArray[np.float32]:
        """Enough lively sound for some frames and their neighbours, or the sound that was given."""
        n = self.samples_for(frames)
        if self.audio is None or seed:
            return lively(n, channels, self.sample_rate, seed=seed)
        return self.audio[: max(n, int(GIVEN_S * self.sample_rate))]

    def samples_for(self, frames: int = 0) -> int:
        """Samples that so many frames take; with 0, enough to see whether they depend on one another."""
        probe = self.bench(lively(1, 1, self.sample_rate))
        framing, calculator = probe.framing, self.calculator
        frames = frames or min(MAX_FRAMES, MIN_FRAMES + 6 * max(probe.before, probe.after))
        n = int(framing.window_samples + frames * framing.hop_samples)
        return n if calculator.is_local else max(n, int(WHOLE_S * self.sample_rate))

    @functools.cached_property
    def main(self) -> Bench:
        """The bench with the sound that most checks use."""
        return self.bench(self.sound())

    @functools.cached_property
    def result(self) -> Call:
        """What comes out of it."""
        return self.main.call()

    def attempt(self, bench: Bench, check: str, where: str) -> Call | None:
        """Call the calculator; what goes wrong becomes a finding."""
        try:
            return bench.call()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            self.failed(error, check, where)
            return None

    def try_bench(self, samples: NDArray[np.float32], check: str, where: str, **params: Any) -> Call | None:
        """Bind and call; what goes wrong becomes a finding."""
        try:
            bench = self.bench(samples, params)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            self.failed(error, check, where)
            return None
        return self.attempt(bench, check, where)

    def failed(self, error: BaseException, check: str, where: str) -> None:
        """Write down what went wrong."""
        if isinstance(error, Breach):
            own = error.check if check == "runs" else check
            self.log.problem(own, error.got, error.advice, f"{where}, {self.where}")
            return
        got, advice = explain(error)
        if "read-only" in str(error):
            self.log.problem("input", got, WRITES, f"{where}, {self.where}")
        else:
            self.log.problem(check, got, advice, f"{where}, {self.where}")


WRITES = "Inputs are shared with other calculators: work on a copy (x = x * 2, not x *= 2)."


def is_refusal(error: BaseException) -> bool:
    """Whether an error politely refuses a profile, a sample rate or a parameter."""
    return isinstance(error, InvalidParameterError)


def explain(error: BaseException) -> tuple[str, str]:
    """An exception in words, with the line that raised it, and what to do."""
    cause = error.__cause__ if isinstance(error, AudioCacheError) and error.__cause__ is not None else error
    if isinstance(cause, AudioCacheError):
        return cause.message, cause.hint
    text = f"{type(cause).__name__}: {cause}"[:200]
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if _is_foreign(frame.filename)]
    if frames:
        text += f" (raised in {frames[-1].name}, {PurePath(frames[-1].filename).name} line {frames[-1].lineno})"
    return text, "Make it return a result for this, too."


def _is_foreign(path: str) -> bool:
    folder = str(PurePath(__file__).parents[1])
    built_in = str(PurePath(folder) / "features" / "builtin")
    others = (folder, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<frozen", "<__array_function__")
    return path.startswith(built_in) or not (path.startswith(others) or "site-packages" in path)
