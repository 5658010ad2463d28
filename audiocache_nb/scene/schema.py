"""Checks of plain JSON values that name the place of every problem by a JSON pointer (RFC 6901)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from audiocache_nb.errors import DocumentValidationError

SHOWN = 5


class Problem(NamedTuple):
    """What is wrong, and where."""

    pointer: str
    text: str


Check = Callable[[Any, str, list[Problem]], None]


def validate(value: Any, check: Check, *, name: str) -> None:
    """Make sure that a value is as it has to be.

    Raises
    ------
    DocumentValidationError
        With all places, of which the message shows the first few.
    """
    problems: list[Problem] = []
    check(value, "", problems)
    if problems:
        shown = "; ".join(f"{problem.pointer or '/'}: {problem.text}" for problem in problems[:SHOWN])
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise DocumentValidationError(
            f"{name!r:.80} is not as it has to be: {shown:.600}{more}.",
            hint="The file is damaged or was not written by this program; nothing was changed.",
            pointers=[problem.pointer for problem in problems[:100]],
        )


def text(longest: int = 4096, *, empty: bool = True) -> Check:
    """A text of at most so many characters."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if not isinstance(value, str):
            problems.append(Problem(at, f"a text is needed, not {_kind(value)}"))
        elif len(value) > longest or not (value or empty):
            problems.append(Problem(at, f"a text of {len(value)} characters"))

    return check


def one_of(*choices: Any) -> Check:
    """One of these values."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            problems.append(Problem(at, f"{value!r:.60} is none of {', '.join(map(repr, choices))}"))

    return check


def boolean(value: Any, at: str, problems: list[Problem]) -> None:
    """True or false."""
    if not isinstance(value, bool):
        problems.append(Problem(at, f"true or false is needed, not {_kind(value)}"))


def integer(low: int = 0, high: int = (1 << 53) - 1) -> Check:
    """A whole number in a range, ends included."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            problems.append(Problem(at, f"a whole number is needed, not {_kind(value)}"))
        elif not low <= value <= high:
            problems.append(Problem(at, f"{value:.6g} is not in {low:.6g} .. {high:.6g}"))

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Check:
    """A finite number in a range, ends included."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            problems.append(Problem(at, f"a number is needed, not {_kind(value)}"))
        elif not low <= value <= high:
            problems.append(Problem(at, f"{value:.6g} is not in {low:.6g} .. {high:.6g}"))

    return check


def nullable(inner: Check) -> Check:
    """Null is fine, too."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if value is not None:
            inner(value, at, problems)

    return check


def array(of: Check, longest: int, *, length: int | None = None) -> Check:
    """A list of such values."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if not isinstance(value, list):
            problems.append(Problem(at, f"a list is needed, not {_kind(value)}"))
        elif len(value) > longest or (length is not None and len(value) != length):
            problems.append(Problem(at, f"a list of {len(value)} items"))
        else:
            for n, item in enumerate(value):
                of(item, f"{at}/{n}", problems)

    return check


def unique(inner: Check, key: str) -> Check:
    """A list whose objects differ in a member."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        inner(value, at, problems)
        seen: set[Any] = set()
        for n, item in enumerate(value if isinstance(value, list) else ()):
            found = item.get(key) if isinstance(item, dict) else None
            if isinstance(found, str) and found in seen:
                problems.append(Problem(f"{at}/{n}/{key}", f"{found!r:.60} stands there twice"))
            elif isinstance(found, str):
                seen.add(found)

    return check


def members(of: Check, longest: int) -> Check:
    """An object with any names and such values."""

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem(at, f"an object is needed, not {_kind(value)}"))
        elif len(value) > longest:
            problems.append(Problem(at, f"an object of {len(value)} members"))
        elif of is not anything:
            for name, item in value.items():
                of(item, f"{at}/{escaped(name)}", problems)

    return check


def anything(_value: Any, _at: str, _problems: list[Problem]) -> None:
    """Any JSON value."""


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these members; others are kept and not looked at."""
    known = {**required, **(optional or {})}

    def check(value: Any, at: str, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem(at, f"an object is needed, not {_kind(value)}"))
            return
        problems += [Problem(f"{at}/{name}", "it is missing") for name in required if name not in value]
        for name, inner in known.items():
            if name in value:
                inner(value[name], f"{at}/{name}", problems)

    return check


def escaped(name: str) -> str:
    """A member's name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")[:120]


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), f"{value!r:.40}")
