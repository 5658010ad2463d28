"""Reports on calculators: what was promised, what came, what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

from audiocache_nb.errors import CalculatorContractError

State = Literal["ok", "note", "problem", "skipped"]


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What came out of one check.

    Attributes
    ----------
    check : str
        Name of the check.
    state : {"ok", "note", "problem", "skipped"}
        A note is worth knowing and breaks nothing.
    expected : str
        What is promised.
    got : str
        What came instead; empty if all is well.
    advice : str
        What to do about it.
    where : str
        The first audio, profile or parameters it happened with.
    more : int
        How many times it happened elsewhere.
    """

    check: str
    state: State
    expected: str
    got: str = ""
    advice: str = ""
    where: str = ""
    more: int = 0

    def __str__(self) -> str:
        text = f"expected: {self.expected}; got: {self.got}" if self.state == "problem" else self.got or self.expected
        if self.where:
            text += f" ({self.where}{f', and {self.more} more' if self.more else ''})"
        if self.advice:
            text += f". {self.advice}"
        return f"{self.state:<8} {self.check:<13} {text}"


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What `check_calculator` found; printing it says one line per check.

    Attributes
    ----------
    calculator : str
        Id of the calculator.
    title : str
        The calculator in words.
    findings : tuple of Finding
    """

    calculator: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The broken promises."""
        return tuple(finding for finding in self.findings if finding.state == "problem")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What is worth knowing, though no promise is broken."""
        return tuple(finding for finding in self.findings if finding.state == "note")

    @property
    def ok(self) -> bool:
        """Whether all promises are kept."""
        return not self.problems

    def raise_if_failed(self) -> None:
        """Raise if a promise is broken.

        Raises
        ------
        CalculatorContractError
            Its text is the report; ``context["problems"]`` has the lines of the problems.
        """
        if self.ok:
            return
        raise CalculatorContractError(
            f"{self.calculator} breaks what it promises.\n{self}\n",
            hint=self.problems[0].advice,
            calculator=self.calculator,
            problems=[str(finding) for finding in self.problems],
        )

    def __str__(self) -> str:
        made = len({finding.check for finding in self.findings if finding.state != "skipped"})
        counts = [_count(made, "check"), _count(len(self.problems), "problem"), _count(len(self.notes), "note")]
        return "\n".join([f"{self.title}: {', '.join(counts)}", *(f"  {finding}" for finding in self.findings)])

    __repr__ = __str__  # what a notebook shows


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


class Log:
    """Findings while they are being made.

    Parameters
    ----------
    promises : mapping of str to str
        What each check expects, in the order of the report.
    """

    def __init__(self, promises: Mapping[str, str]) -> None:
        self._promises = promises
        self._found: dict[tuple[str, State, str], Finding] = {}

    def problem(self, check: str, got: str, advice: str, where: str = "") -> None:
        """A promise is broken; the same advice again only counts."""
        self._add("problem", check, got, advice, where)

    def note(self, check: str, got: str, advice: str = "", where: str = "") -> None:
        """Something is worth knowing."""
        self._add("note", check, got, advice, where)

    def skip(self, check: str, why: str) -> None:
        """The check was not made, unless it has found something already."""
        if not any(name == check for name, _, _ in self._found):
            self._add("skipped", check, why, "", "")

    def _add(self, state: State, check: str, got: str, advice: str, where: str) -> None:
        promise = self._promises[check]  # a check that promises nothing is none
        key = (check, state, advice)
        known = self._found.get(key)
        if known is None:
            self._found[key] = Finding(check, state, promise, got, advice, where)
        else:
            self._found[key] = dataclasses.replace(known, more=known.more + 1)

    def has_problem(self, *checks: str) -> bool:
        """Whether one of these checks, or any if none is named, has found a problem."""
        return any(state == "problem" and (not checks or check in checks) for check, state, _ in self._found)

    def findings(self) -> tuple[Finding, ...]:
        """One for every check, and more for those that found more."""
        found: list[Finding] = []
        for check, promise in self._promises.items():
            own = [finding for (name, _, _), finding in self._found.items() if name == check]
            found += own or [Finding(check, "ok", promise)]
        return tuple(found)
