"""Reports on plans: what would be done, what it would cost, and what is there already."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from audiocache_nb.analysis.costs import DECODING, CostModel
from audiocache_nb.analysis.plan import Item, Plan, heard_by, layout_of
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.steps import Channels, Frames, Magnitude, Mono, Power, Span, Spectrum, Step

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource


AFTER = "Then, several at once, each after what it needs:"


@dataclasses.dataclass(frozen=True)
class PlannedFeature:
    """One feature of a plan.

    Attributes
    ----------
    name : str
    how : {"cached", "pass", "after"}
        There already, computed in the pass over the audio, or computed after it.
    seconds : float [s]
        Expected work on one thread.
    nbytes : int or None
        Size of the result; None if only computing it tells.
    measured : bool
        Whether `seconds` rests on a measurement on this machine.
    in_blocks : bool
        Whether it is computed block by block, which any number of threads can do at once.
    """

    name: str
    how: str
    seconds: float
    nbytes: int | None
    measured: bool
    in_blocks: bool = False


class PlanReport:
    """What a request would do.

    Attributes
    ----------
    features : list of PlannedFeature
    seconds : float [s]
        Expected time with all workers.
    nbytes : int
        Bytes of the results that would be new.
    """

    def __init__(self, plan: Plan, cached: Sequence[Item], costs: CostModel, workers: int) -> None:
        self._plan = plan
        self._workers = workers
        self.features = [PlannedFeature(str(item.descriptor), "cached", 0.0, 0, True) for item in cached]
        local = [task.item for one in plan.passes for group in one.groups for task in group.tasks]
        self.features += [_planned(plan.source, item, "pass", costs) for item in local]
        self.features += [_planned(plan.source, item, "after", costs) for item in plan.whole]
        self.problems = [f"{item.descriptor}: {error}" for item, error in plan.broken]

    @property
    def cached(self) -> list[str]:
        """Names of the features that are there already."""
        return [feature.name for feature in self.features if feature.how == "cached"]

    @property
    def missing(self) -> list[str]:
        """Names of the features that would be computed."""
        return [feature.name for feature in self.features if feature.how != "cached"]

    @property
    def seconds(self) -> float:
        """Expected time with all workers [s]; decoding is not shared out."""
        if not self.missing:
            return 0.0
        source = self._plan.source
        decoding = 0.0 if source.array is not None else DECODING * source.duration
        shared = sum(feature.seconds for feature in self.features if feature.how == "pass") / self._workers
        after = [feature.seconds for feature in self.features if feature.how == "after"]
        alone = [feature.seconds for feature in self.features if feature.how == "after" and not feature.in_blocks]
        return max(decoding, shared) + max(sum(after) / self._workers, max(alone, default=0.0))

    @property
    def nbytes(self) -> int:
        """Bytes of new results, as far as known beforehand."""
        return sum(feature.nbytes or 0 for feature in self.features)

    def explain(self) -> str:
        """The graph of steps, the cost, and what is cached, as text."""
        source = self._plan.source
        head = f"Plan for {source.name}: {source.channels} ch, {source.sample_rate} Hz, {source.duration:.2f} s"
        lines = [head]
        if not self.missing:
            lines.append("Everything is there; nothing would be computed.")
        else:
            lines.append(f"About {_time(self.seconds)} on {self._workers} threads, {_size(self.nbytes)} of results.")
        for plan in self._plan.passes:
            at = "" if plan is self._plan else f", resampled to {plan.source.sample_rate} Hz"
            lines += ["", f"One pass over the audio{at}:", *self._tree(plan)]
        after = [feature for feature in self.features if feature.how == "after"]
        if after:
            lines += ["", AFTER, *(f"  {_line(feature)}" for feature in after)]
        if self._plan.given:
            names = sorted({track.calculator_id for track in self._plan.given.values()})
            lines += ["", "Read from the cache for these: " + ", ".join(names)]
        if self.cached:
            lines += ["", "Cached already: " + ", ".join(self.cached)]
        if self.problems:
            lines += ["", "Cannot be planned:", *(f"  {problem}" for problem in self.problems)]
        return "\n".join(lines)

    def _tree(self, plan: Plan) -> list[str]:
        """Each step once, under what it is computed from; features under their steps."""
        steps = plan.steps
        children: dict[Step | None, list[Step]] = {}
        for step in sorted(steps, key=repr):
            children.setdefault(step.inputs[0] if step.inputs else None, []).append(step)
        users: dict[Step, list[PlannedFeature]] = {}
        by_name = {feature.name: feature for feature in self.features}
        for group in plan.groups:
            for task in group.tasks:
                users.setdefault(task.steps[0], []).append(by_name[str(task.item.descriptor)])
        lines: list[str] = []

        def walk(step: Step, depth: int) -> None:
            more = ", resample" if step == Channels() and plan is not self._plan else ""
            lines.append("  " * depth + describe(step) + more)
            lines.extend("  " * (depth + 1) + "→ " + _line(feature) for feature in users.get(step, ()))
            for child in children.get(step, ()):
                walk(child, depth + 1)

        for root in children.get(None, ()):
            walk(root, 1)
        return lines

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        return f"<Plan: {len(self.missing)} to compute, {len(self.cached)} cached, about {_time(self.seconds)}>"


def describe(step: Step) -> str:
    """A step in words."""
    match step:
        case Channels():
            return "decode"
        case Mono():
            return "mix to mono"
        case Span(framing=framing):
            return f"samples of {_grid(framing)}"
        case Frames(framing=framing):
            return f"frames of {_grid(framing)}"
        case Spectrum(window=window, periodic=periodic, fft_size=fft_size):
            return f"{'periodic' if periodic else 'symmetric'} {window} window, FFT of {fft_size}"
        case Magnitude():
            return "magnitude"
        case Power():
            return "power"
    names: tuple[str, ...] = tuple(getattr(step, "__dataclass_fields__", ()))  # steps of families
    plain = [(name, getattr(step, name)) for name in names]
    text = ", ".join(f"{name} {value:g}" for name, value in plain if isinstance(value, (int, float)))
    name = type(step).__name__.lower()
    return f"{name} ({text})" if text else name


def _grid(framing: Framing) -> str:
    modes = {"center": "centred", "start": "from their first sample", "cells": "side by side"}
    return f"{framing.window_samples}, hop {framing.hop_samples:g}, {modes[framing.mode]}"


def _planned(source: AudioSource, item: Item, how: str, costs: CostModel) -> PlannedFeature:
    calculator = item.calculator
    seconds = costs.estimate(calculator.id, calculator.version_text, source.duration, local=how == "pass")
    measured = costs.knows(calculator.id, calculator.version_text)
    return PlannedFeature(str(item.descriptor), how, seconds, _bytes(source, item), measured, calculator.is_local)


def _bytes(source: AudioSource, item: Item) -> int | None:
    try:
        layout = layout_of(source, item)
    except Exception:  # a user's calculator may raise anything
        return None
    if not layout.tail:
        return None
    dtype = layout.dtype if item.storage is None else item.storage.dtype
    return layout.framing.frame_count(heard_by(source, item).frames) * math.prod(layout.tail) * dtype.itemsize


def _line(feature: PlannedFeature) -> str:
    guess = "" if feature.measured else " (a guess)"
    how = ", block by block" if feature.how == "after" and feature.in_blocks else ""
    return f"{feature.name}: {_time(feature.seconds)}{guess}, {_size(feature.nbytes)}{how}"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _size(nbytes: int | None) -> str:
    if nbytes is None:
        return "size known afterwards"
    for unit in ("B", "kB", "MB"):
        if nbytes < 1000:
            return f"{nbytes:.3g} {unit}"
        nbytes /= 1000  # type: ignore[assignment]
    return f"{nbytes:.3g} GB"
