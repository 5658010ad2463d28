"""The checks in order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.resampled import at_rate
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import calculators
from audiocache_nb.testing import conduct, declared, gain, keys, locality, outcome
from audiocache_nb.testing.cases import Case
from audiocache_nb.testing.report import Log, Report

PROMISES = {
    "identity": "an id, a feature, a version, a unit and a locality",
    "parameters": "defaults within their ranges",
    "runs": "a result for every sample rate and profile",
    "shape": "one row per frame, of the declared shape",
    "dtype": "real numbers, or complex ones where the layout says so",
    "finite": "finite numbers only",
    "layout": "axes, coordinates, unit and fill value that fit the result",
    "times": "events within the recording",
    "input": "the input stays as it is",
    "lengths": "a result for no sample, one sample, and less than a window",
    "channels": "a result for 1, 2 and 8 channels",
    "signals": "a result for DC, a full-scale square, a click in silence and faint noise",
    "silence": "silence gives the fill value",
    "memory": "the result has memory of its own",
    "repeats": "the same numbers every time",
    "neighbours": "a row depends on no more neighbouring frames than declared",
    "cutting": "the same numbers however the sound is cut and whatever thread computes",
    "shift": "sound that comes a hop later gives rows one later",
    "gain": "values that follow a gain as declared",
    "progress": "progress from 0 to 1 that never goes back",
    "looks": "a look at least every 100 ms whether the job was cancelled",
    "cancelling": "it ends when it finds the job cancelled",
    "surroundings": "settings of the process stay as they are",
    "extremes": "a result, or an InvalidParameterError, for all that its parameters allow",
    "key": "a key that is stable, and another where the result is another",
    "warnings": "no warnings",
}
PROFILES = (AnalysisProfile(), AnalysisProfile(window_size=1000, hop_size=300))


def check_calculator(
    calculator: Calculator | str,
    *,
    audio: Any = None,
    sample_rates: Sequence[int] = (8000, 44100),
    profiles: Sequence[AnalysisProfile] | None = None,
) -> Report:
    """Find out whether a calculator keeps the contract, on synthesised sound.

    Numbers count as the same if they are equal, or differ by no more than 1e-6 of the largest of
    their column.

    Parameters
    ----------
    calculator : Calculator or str
        A calculator, which a function decorated with ``@acn.calculator`` is, or the id of one.
    audio : path, (ndarray, sample rate) or AudioSource, optional
        Sound to use in place of the liveliest of the synthesised; its first seconds are taken, and
        its own sample rate.
    sample_rates : sequence of int [Hz]
    profiles : sequence of AnalysisProfile, optional
        Default: the default profile, and one with a window of 1000 and a hop of 300 samples.

    Returns
    -------
    Report
        ``.ok``, ``.problems``, ``.raise_if_failed()``; as text, one line per check.

    Raises
    ------
    InvalidTypeError
        If it is no calculator.
    UnknownCalculatorError
        If there is none of this id.
    IngestError
        If the sound cannot be read.

    Examples
    --------
    >>> import numpy as np, audiocache_nb as acn
    >>> @acn.calculator(feature="loudest")
    ... def loudest(frames):
    ...     "The largest sample: max |x|."
    ...     return np.abs(frames).max(axis=1)
    >>> check_calculator(loudest).ok
    True
    >>> acn.calculators.unregister("loudest")
    """
    if isinstance(calculator, str):
        calculator = calculators.get(calculator)
    if not isinstance(calculator, Calculator):
        raise InvalidTypeError(
            f"A {type(calculator).__name__} is not a calculator.",
            hint="Decorate the function with @acn.calculator, or make an instance of the class.",
        )
    used = PROFILES if profiles is None else tuple(profiles)
    if not used or (audio is None and not sample_rates):
        raise InvalidParameterError("There is nothing to check it with.", hint="Give a sample rate and a profile.")
    log = Log(PROMISES)
    source: AudioSource | None = None
    if audio is not None:
        source = load(audio)
        sample_rates = (source.sample_rate,)
    cases = [_case(calculator, log, sample_rates[-1], profile, source) for profile in used]
    cases += [_case(calculator, log, rate, used[0], source) for rate in sample_rates[:-1] if not used[0].sample_rate]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        _check(calculator, log, cases)
    for text in dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in heard):
        log.note("warnings", text[:200])
    return Report(calculator.id, _title(calculator), log.findings())


def _case(calculator: Calculator, log: Log, rate: int, profile: AnalysisProfile, source: AudioSource | None) -> Case:
    """A profile's sample rate is that of the sound: a calculator never sees another one."""
    if profile.sample_rate is not None:
        rate, profile = profile.sample_rate, profile.replace(sample_rate=None)
    heard = None if source is None else at_rate(source, rate)
    return Case(calculator, log, rate, profile, None if heard is None else heard.read(0, heard.frames))


def _title(calculator: Calculator) -> str:
    return f"{calculator.id} (feature {calculator.feature!r}, version {calculator.version_text})"


def _check(calculator: Calculator, log: Log, cases: list[Case]) -> None:
    declared.identity(log, calculator)
    declared.parameters(log, calculator)
    if log.has_problem("identity"):
        _skip(log, "see identity")
        return
    code = keys.code_of(cases[0])
    running = [case for case in cases if outcome.runs(case)]
    if not running and not log.has_problem():
        log.problem("runs", "it refuses all that it was given", "Let it accept the default profile, or say with what.")
    if not running:
        _skip(log, "there is no result to look at")
        return
    first, *others = running
    for check, look in (_ONCE | _EVERYWHERE).items():
        _guarded(log, first, check, look)
    for case in others:
        for check, look in _EVERYWHERE.items():
            _guarded(log, case, check, look)
    _guarded(log, first, "key", lambda case: keys.key(case, code))


def _guarded(log: Log, case: Case, check: str, look: Callable[[Case], None]) -> None:
    """Make one check; what the calculator raises in it is a finding, too."""
    needs = [other for other in _NEEDS.get(check, ()) if log.has_problem(other)]
    if needs:
        log.skip(check, f"see {needs[0]}")
        return
    try:
        look(case)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        case.failed(error, check, "lively sound")


def _skip(log: Log, why: str) -> None:
    for check in PROMISES:
        if check not in ("identity", "parameters", "warnings"):
            log.skip(check, why)


_EVERYWHERE: dict[str, Callable[[Case], None]] = {
    "layout": declared.layout,
    "times": outcome.within,
    "input": conduct.input_kept,
    "lengths": outcome.lengths,
    "silence": outcome.silent,
    "repeats": conduct.repeats,
    "neighbours": locality.neighbours,
    "cutting": locality.cutting,
    "shift": locality.shift,
    "extremes": keys.extremes,
}
_ONCE: dict[str, Callable[[Case], None]] = {
    "channels": outcome.channels,
    "signals": outcome.signals,
    "memory": conduct.own_memory,
    "gain": gain.law,
    "progress": conduct.progress,
    "looks": conduct.looks,
    "cancelling": conduct.cancelling,
    "surroundings": conduct.surroundings,
}
# What would only say again what another check has said.
_NEEDS = {
    "lengths": ("layout", "input"),
    "repeats": ("input",),
    "neighbours": ("input", "repeats", "surroundings"),
    "cutting": ("layout", "input", "memory", "repeats", "neighbours", "surroundings"),
    "shift": ("input", "memory", "repeats", "neighbours", "cutting"),
    "gain": ("input", "repeats"),
    "key": ("repeats",),
}
