"""Schemas of functions that were not written for us: what of a signature can be a parameter."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.parameters import Parameter

# In the order in which a kind is chosen if an annotation allows several.
_KINDS: tuple[tuple[type, tuple[type, ...]], ...] = (
    (float, (float, np.floating)),
    (int, (int, np.integer)),
    (str, (str,)),
    (bool, (bool, np.bool_)),
)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, as far as they can be resolved."""
    plain = inspect.unwrap(function)
    try:
        return typing.get_type_hints(plain)
    except Exception:  # an annotation that cannot be resolved tells nothing
        return dict(getattr(plain, "__annotations__", {}))


def parameter_of(name: str, default: Any, hint: Any) -> Parameter | None:
    """A parameter of unknown range; None if it can be neither a number, nor a text, nor a yes or no."""
    default = default.item() if isinstance(default, np.generic) else default
    allowed = _members(hint)
    choices = [value for member in allowed if typing.get_origin(member) is typing.Literal for value in member.__args__]
    if choices and default in choices and len({type(value) for value in choices}) == 1:
        return _checked(Parameter(name, type(default), default, choices=tuple(choices)))
    kinds = {ours for ours, theirs in _KINDS for member in allowed if isinstance(member, type) and member in theirs}
    kinds |= {type(value) for value in choices}
    if default is None:
        kind = next((ours for ours, _ in _KINDS if ours in kinds), None)
    else:
        kind = type(default)
        if kind is int and float in kinds:
            kind = float
    if kind is None or all(kind is not ours for ours, _ in _KINDS):
        return None
    return _checked(Parameter(name, kind, default))


def _checked(parameter: Parameter) -> Parameter | None:
    try:
        value = parameter.coerce(parameter.default)
    except AudioCacheError:  # infinite, for example
        return None
    return Parameter(parameter.name, parameter.kind, value, choices=parameter.choices)


def _members(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(hint) for inner in _members(member)]
    return [hint]


def accepts_any(signature: inspect.Signature) -> bool:
    """Whether there is a ``**kwargs``."""
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())


def named(signature: inspect.Signature) -> Mapping[str, inspect.Parameter]:
    """The parameters that can be given by name."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: parameter for name, parameter in signature.parameters.items() if parameter.kind in kinds}
