"""Checks of what a calculator says about itself."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.calculator import Calculator, Layout, Local, Whole
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.parameters import Parameter
from audiocache_nb.testing.cases import Case
from audiocache_nb.testing.report import Log

MAX_CHOICES = 8


def identity(log: Log, calculator: Calculator) -> None:
    """Id, feature, version, unit, locality."""
    try:
        Descriptor(calculator.feature, calculator.id)
    except (AudioCacheError, AttributeError) as error:
        log.problem("identity", str(error), "Give it an id and a feature, both short texts.")
    version: Any = calculator.version
    if isinstance(calculator, FunctionCalculator):
        pass  # without a version, its code is the version
    elif isinstance(version, bool) or not isinstance(version, int):
        log.problem(
            "identity",
            f"version {version!r:.40}",
            "Give the class a whole number as version; raise it when results change.",
        )
    unit: Any = calculator.unit
    if not isinstance(unit, str):
        log.problem("identity", f"unit {unit!r:.40}", 'Give the unit as a text, "" for a plain ratio.')
    locality: Any = calculator.locality
    if not isinstance(locality, (Local, Whole)):
        log.problem("identity", f"locality {locality!r:.60}", "Declare acn.local(halo_frames) or acn.whole.")
    made_of_function = isinstance(calculator, FunctionCalculator)
    said = calculator.__doc__ if made_of_function else inspect.getdoc(type(calculator))
    if (said or "").strip() in ("", inspect.getdoc(Calculator)):
        log.note("identity", "no docstring", "Say in one what it computes: formula, unit, source.")


def parameters(log: Log, calculator: Calculator) -> None:
    """Defaults, ranges, names."""
    unbounded = []
    for name, parameter in calculator.parameters.items():
        low, high = parameter.minimum, parameter.maximum
        if name != parameter.name:
            log.problem("parameters", f"{parameter.name!r} under the name {name!r}", "Use one name.")
        if low is not None and high is not None and low > high:
            log.problem("parameters", f"{name} from {low} to {high}", "Put the smaller bound first.")
            continue
        try:
            parameter.coerce(parameter.default)
        except AudioCacheError as error:
            log.problem(
                "parameters", f"a default that is not allowed: {error.message}", "Change the default or the range."
            )
        if parameter.kind is not bool and not parameter.choices and low is None and high is None:
            unbounded.append(name)
    if unbounded:
        log.note(
            "parameters",
            f"no range is known of {', '.join(map(repr, unbounded))}",
            "Annotated[float, acn.Range(low, high)] or Literal[...] makes sliders, and errors that help.",
        )


def other_values(parameter: Parameter) -> list[Any]:
    """Values at the ends of what a parameter allows, other than its default."""
    if parameter.kind is bool:
        found: list[Any] = [False, True]
    elif parameter.choices:
        found = list(parameter.choices[:MAX_CHOICES])
    else:
        found = [bound for bound in (parameter.minimum, parameter.maximum) if bound is not None]
        if parameter.kind is int:  # bounds between whole numbers
            found = [math.ceil(found[0]), math.floor(found[-1])] if found else []
    return [value for value in dict.fromkeys(found) if value != parameter.default]


def layout(case: Case) -> None:
    """Axes, coordinates, unit and silence of the layout."""
    log, bench = case.log, case.main
    if not case.result.is_rows:
        return  # events and values bring their own
    found: Layout = bench.layout
    if isinstance(case.calculator, FunctionCalculator):
        found = found.with_width(case.result.rows.shape[1])

    def problem(got: str, advice: str) -> None:
        log.problem("layout", got, advice, case.where)

    axes, tail = found.axes, found.tail
    if len(axes) != 1 + len(tail):
        problem(
            f"{len(axes)} axes {axes} for rows of shape {tail}", "Name the rows' axis and one for each of the tail."
        )
        return
    if axes[0] != "frame" or len(set(axes)) != len(axes):
        problem(f"axes {axes}", 'Call the first one "frame", and no two alike.')
    sizes = dict(zip(axes[1:], tail, strict=True))
    for name, values in found.axis_coords.items():
        if name not in sizes:
            problem(f"coordinates for {name!r}, which is no axis of a row", f"Use one of {', '.join(sizes) or 'none'}.")
        elif len(values) != sizes[name]:
            problem(f"{len(values)} coordinates for the {sizes[name]} values of {name!r}", "Give one for each value.")
        elif np.asarray(values).dtype.kind in "fc" and not np.isfinite(values).all():
            problem(f"coordinates of {name!r} that are not finite", "Give numbers.")
    if found.unit != case.calculator.unit:
        problem(
            f"unit {found.unit!r} in the layout and {case.calculator.unit!r} in the class", "Pass unit=self.unit on."
        )
    if not math.isfinite(found.fill_value):
        problem(f"fill value {found.fill_value}", "Say by a finite number what silence is.")
    if found.format == "waveform-minmax" and (not tail or tail[-1] != 2):
        problem(f"format {found.format!r} with rows of shape {tail}", "Make the last axis (minimum, maximum).")
