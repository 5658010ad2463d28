"""The gate: what is cheap starts by itself, what is not waits until somebody says so."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, get_args

from audiocache_nb.analysis.costs import DECODING, CostModel
from audiocache_nb.errors import InvalidParameterError

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource

Policy = Literal["auto", "ask", "never", "all"]
ASK_ABOVE_S = 30.0
ASK_ABOVE_MB = 500.0


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """What it would cost to compute some features of one source.

    Attributes
    ----------
    count : int
        Features, without those that they are computed from.
    seconds : float [s]
        With all workers.
    nbytes : int
        Of the results, as far as known beforehand.
    """

    count: int = 0
    seconds: float = 0.0
    nbytes: int = 0

    @property
    def text(self) -> str:
        """The cost in words."""
        from audiocache_nb.analysis.report import _size, _time

        return f"about {_time(self.seconds)} and {_size(self.nbytes)}"


def estimate(
    source: AudioSource,
    items: Iterable[Item],
    *,
    costs: CostModel,
    workers: int,
    stored: Callable[[str], bool] = lambda _key: False,
) -> Estimate:
    """What it would cost to compute these items, and what they depend on as far as it is not stored."""
    from audiocache_nb.analysis.report import _bytes  # knows every step; nothing is estimated before the first request

    asked = {item.key: item for item in items}
    todo: dict[str, Item] = {}

    def add(item: Item) -> None:
        if item.key not in todo:
            todo[item.key] = item
            for needed in item.dependencies:
                if needed.key in asked or not stored(needed.key):
                    add(needed)

    for item in asked.values():
        add(item)
    if not todo:
        return Estimate()
    shared = after = 0.0
    nbytes = 0
    for item in todo.values():
        calculator = item.calculator
        in_pass, blocks = calculator.is_in_pass, calculator.is_local
        seconds = costs.estimate(calculator.id, calculator.version_text, source.duration, local=in_pass)
        shared, after = (shared + seconds, after) if blocks else (shared, after + seconds)
        nbytes += _bytes(source, item) or 0
    decoding = 0.0 if source.array is not None else DECODING * source.duration
    return Estimate(len(asked), max(decoding, shared / workers) + after, nbytes)


class Gate:
    """Decides whether work that elements ask for starts by itself.

    Parameters
    ----------
    policy : {"auto", "ask", "never", "all"}
        Start what is cheap; ask about everything; start nothing and say nothing; start everything
        that is asked for, and ask for every feature of new tracks.
    ask_above_s : float >= 0 [s]
        With ``"auto"``: what takes longer than this waits.
    ask_above_mb : float >= 0 [MB]
        With ``"auto"``: what fills more than this waits.
    """

    def __init__(
        self, policy: Policy = "auto", *, ask_above_s: float = ASK_ABOVE_S, ask_above_mb: float = ASK_ABOVE_MB
    ) -> None:
        self.policy: Policy = checked_policy(policy)
        self.ask_above_s = _limit("ask_above_s", ask_above_s)
        self.ask_above_mb = _limit("ask_above_mb", ask_above_mb)

    @property
    def needs_estimate(self) -> bool:
        """Whether the decision depends on the cost."""
        return self.policy == "auto" and not math.isinf(max(self.ask_above_s, self.ask_above_mb))

    def opens(self, cost: Estimate) -> bool:
        """Whether work of this cost starts by itself."""
        if self.policy == "auto":
            return cost.seconds <= self.ask_above_s and cost.nbytes <= self.ask_above_mb * 1e6
        return self.policy == "all"

    def call(self, cost: Estimate) -> str | None:
        """What to tell people about work that waits; None if they wanted to hear nothing."""
        if self.policy == "never":
            return None
        features = "1 feature" if cost.count == 1 else f"{cost.count} features"
        return f"{features} would take {cost.text}: session.compute() starts"


def checked_policy(policy: object) -> Policy:
    """A policy, or an error.

    Raises
    ------
    InvalidParameterError
    """
    for known in get_args(Policy):
        if policy == known:
            return known  # type: ignore[no-any-return]  # one of the literals
    raise InvalidParameterError(f"policy is {policy!r:.60}.", hint='Use "auto", "ask", "never" or "all".')


def _limit(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise InvalidParameterError(f"{name} is {value!r:.60}.", hint="Use a number from 0 on; math.inf: no limit.")
    return float(value)
