"""Parameter schemas: a calculator's own parameters, typed, documented and checked."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError

MAX_FLOAT = sys.float_info.max
KINDS: dict[type, str] = {float: "number", int: "whole number", bool: "yes or no", str: "text"}


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Allowed range, used as ``Annotated[float, acn.Range(0, 1)]``."""

    minimum: float | None = None
    maximum: float | None = None
    description: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a calculator; enough to make a slider from it."""

    name: str
    kind: type
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    description: str = ""

    def coerce(self, given: Any) -> Any:
        """The value as the declared type, or an error that names the parameter and what is allowed."""
        value: Any = given.item() if hasattr(given, "item") and getattr(given, "ndim", None) == 0 else given
        if value is None and self.default is None:
            return None
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value) if abs(value) < MAX_FLOAT else math.inf
        if self.kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        right = type(value) is self.kind and not (isinstance(value, float) and not math.isfinite(value))
        if not right:
            raise InvalidParameterError(
                f"{self.name} is {value!r:.60}, not a {KINDS[self.kind]}.",
                hint=f"Pass a {KINDS[self.kind]}.",
                parameter=self.name,
            )
        if self.choices and value not in self.choices:
            raise InvalidParameterError(
                f"{self.name} is {value!r:.60}.",
                hint=f"Use one of {', '.join(map(repr, self.choices))}.",
                parameter=self.name,
            )
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise InvalidParameterError(
                f"{self.name} is {value!r:.60}, outside {low} to {high}.",
                hint=f"Choose {self.name} in that range.",
                parameter=self.name,
            )
        return value


class Schema(Mapping[str, Parameter]):
    """The parameters of a calculator by name."""

    def __init__(self, *parameters: Parameter) -> None:
        self._items = {parameter.name: parameter for parameter in parameters}

    def __getitem__(self, name: str) -> Parameter:
        return self._items[name]

    def __iter__(self) -> typing.Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def effective(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults overlaid with the given values, all checked.

        Raises
        ------
        InvalidParameterError
            For a name that is not in the schema or a value outside its range.
        """
        for name in given:
            if name not in self._items:
                known = ", ".join(self._items) or "none"
                raise InvalidParameterError(f"There is no parameter {name!r:.60}.", hint=f"Known: {known}.")
        return {
            name: parameter.coerce(given[name]) if name in given else parameter.default
            for name, parameter in self._items.items()
        }

    @classmethod
    def from_function(cls, function: Callable[..., Any], skip: tuple[str, ...] = ()) -> Schema:
        """Read the schema off a function's parameters that can be given by name: annotations and defaults.

        The first parameter is the input; others without a star before them count if they have a default.
        """
        hints = _hints(function)
        found = []
        for n, parameter in enumerate(inspect.signature(function).parameters.values()):
            by_name = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and n > 0
            optional = by_name and parameter.default is not parameter.empty
            if not (parameter.kind is parameter.KEYWORD_ONLY or optional) or parameter.name in skip:
                continue
            if parameter.default is parameter.empty:
                raise InvalidParameterError(
                    f"Parameter {parameter.name!r:.60} has no default.", hint="Give every keyword parameter a default."
                )
            found.append(_parameter(parameter.name, parameter.default, hints.get(parameter.name)))
        return cls(*found)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        one = types.SimpleNamespace(__annotations__={name: annotation})
        with contextlib.suppress(Exception):  # an annotation that cannot be resolved tells nothing
            found |= typing.get_type_hints(one, getattr(function, "__globals__", {}), include_extras=True)
    return found


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    return kinds[0] if kinds else None


def _parameter(name: str, default: Any, hint: Any) -> Parameter:
    extra = Range()
    choices: tuple[Any, ...] = ()
    hint = _without_none(hint)
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        extra = next((note for note in notes if isinstance(note, Range)), extra)
        hint = _without_none(hint)
    if typing.get_origin(hint) is typing.Literal:
        choices = typing.get_args(hint)
        hint = type(choices[0])
    kind = next((kind for kind in (hint, type(default)) if isinstance(kind, type) and kind in KINDS), None)
    if kind is None:
        raise InvalidTypeError(
            f"Parameter {name!r:.60} is neither a number nor a text.",
            hint="Annotate it as float, int, bool, str or Literal[...].",
        )
    parameter = Parameter(name, kind, default, extra.minimum, extra.maximum, choices, extra.description)
    return dataclasses.replace(parameter, default=parameter.coerce(default))
