"""Timing several things in turn, so that whatever slows the machine down slows all of them."""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some measurements of one thing.

    Attributes
    ----------
    values : tuple of float
    processor_s : tuple of float [s]
        What all threads together used of the processors meanwhile, where that was measured. On a machine that
        has other things to do, it says more than the time that passed.
    """

    values: tuple[float, ...]
    processor_s: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def best(self) -> float:
        return min(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """First and third quartile."""
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high

    def quantile(self, share: float) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_turn(
    things: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    warm_up: int = 1,
    put_away: Mapping[str, Callable[[Any], object]] | None = None,
) -> dict[str, Sample]:
    """Seconds that each thing takes, measured one after the other in every round; the order turns round.

    What `put_away` does with the result of a thing is not measured.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in things}
    names = list(things)
    for number in range(-warm_up, rounds):
        for name in names if number % 2 else reversed(names):
            gc.collect()
            began_s, used_s = time.perf_counter(), time.process_time()
            result = things[name]()
            passed_s, used_s = time.perf_counter() - began_s, time.process_time() - used_s
            if put_away is not None and name in put_away:
                put_away[name](result)
            del result  # giving memory back is not what is measured
            if number >= 0:
                seconds[name].append((passed_s, used_s))
    return {name: Sample(*map(tuple, zip(*pairs, strict=True))) for name, pairs in seconds.items()}


def ratios(one: Sample, other: Sample) -> Sample:
    """How many times longer `one` took than `other`, round by round."""
    return Sample(tuple(a / b for a, b in zip(one.values, other.values, strict=True)))
