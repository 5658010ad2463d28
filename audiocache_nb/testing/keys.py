"""Checks of keys and parameters: what changes the result changes the key, and nothing allowed breaks the calculator."""

from __future__ import annotations

from typing import Any

import numpy as np

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.fingerprint import fingerprint
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.testing.bench import Bench
from audiocache_nb.testing.cases import Case, is_refusal
from audiocache_nb.testing.declared import other_values
from audiocache_nb.testing.signals import lively
from audiocache_nb.testing.values import Breach

FRAMES = 12


def code_of(case: Case) -> str:
    """What stands for the version of a calculator that has none."""
    calculator = case.calculator
    if isinstance(calculator, FunctionCalculator) and calculator.version is None:
        return fingerprint(calculator.function)
    return ""


def key(case: Case, code: str) -> None:
    """Keys are stable, and tell apart what is not the same.

    Parameters
    ----------
    code : str
        `code_of`, from before the calculator ran.
    """
    log, calculator = case.log, case.calculator
    if calculator.uncacheable_reason:
        log.problem(
            "key",
            f"results that cannot be kept: {calculator.uncacheable_reason}",
            "Keep nothing outside from call to call, or give it version=1.",
        )
    if code_of(case) != code:
        log.problem(
            "key",
            "another version after it ran than before: something it reads from outside has changed",
            "Keep nothing outside from call to call, or give it version=1.",
        )
    used = calculator.used_profile(case.profile)
    for name in used.keys() & calculator.parameters.keys():
        log.problem("key", f"a parameter called {name!r} hides that of the profile", "Rename the parameter.")
    samples = lively(case.samples_for(FRAMES), 2, case.sample_rate)
    base = case.bench(samples)
    if case.bench(samples).item.key != base.item.key:
        log.problem("key", "two keys for the same", "Let used_profile and version_text return the same every time.")
        return
    for name, parameter in calculator.parameters.items():
        for value in other_values(parameter):
            try:
                other = case.bench(samples, {name: value})
            except AudioCacheError:
                continue  # which is looked at elsewhere
            if other.item.key == base.item.key:
                log.problem("key", f"one key for two values of {name!r}", "Let every parameter enter the key.")
                break
    for field, value in _other_profile(case.profile).items():
        _compare_profiles(case, base, field, value)


def _other_profile(profile: AnalysisProfile) -> dict[str, Any]:
    return {
        "window_size": max(2, profile.window_size // 2),
        "hop_size": profile.hop_size // 2 or 2,
        "fft_size": 2 * profile.transform_size,
        "window": "hamming" if profile.window == "hann" else "hann",
        "min_decibels": profile.min_decibels + (profile.max_decibels - profile.min_decibels) / 2,
        "max_decibels": profile.max_decibels - (profile.max_decibels - profile.min_decibels) / 2,
    }


def _compare_profiles(case: Case, base: Bench, field: str, value: Any) -> None:
    profile = case.profile.replace(**{field: value})
    try:
        other = Bench(case.calculator, base.samples, case.sample_rate, profile)
        differs = _differ(base, other)
    except (AudioCacheError, Breach) as error:
        if not is_refusal(error):
            case.failed(error, "runs", f"{field}={value!r}")
        return
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        case.failed(error, "runs", f"{field}={value!r}")
        return
    if differs and other.item.key == base.item.key:
        case.log.problem(
            "key",
            f"one key for results that differ: {field} changes them",
            f"Let used_profile return {field!r}, too.",
            case.where,
        )
    elif not differs and other.item.key != base.item.key and not isinstance(case.calculator, FunctionCalculator):
        case.log.note("key", f"{field} is in the key, but changed nothing", "", case.where)


def _differ(a: Bench, b: Bench) -> bool:
    one, other = a.call(), b.call()
    if one.rows.shape != other.rows.shape or not np.array_equal(one.rows, other.rows):
        return True
    if not one.is_rows:
        return False
    mine, yours = a.layout, b.layout
    if (mine.framing.hop_samples, mine.fill_value, mine.unit) != (
        yours.framing.hop_samples,
        yours.fill_value,
        yours.unit,
    ):
        return True
    coords = mine.axis_coords.keys() | yours.axis_coords.keys()
    return any(not np.array_equal(mine.axis_coords.get(name, ()), yours.axis_coords.get(name, ())) for name in coords)


def extremes(case: Case) -> None:
    """Values at the ends of what parameters allow."""
    for name, parameter in case.calculator.parameters.items():
        for value in other_values(parameter):
            samples = lively(case.samples_for(FRAMES), 2, case.sample_rate)
            where = f"{name}={value!r:.40}"
            try:
                bench = case.bench(samples, {name: value})
                # neighbours may be more than before, but there is no need to see them all
                bench.call()
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as error:
                if not is_refusal(error):
                    case.failed(error, "extremes", where)
