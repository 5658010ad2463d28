"""Functions whose own text says too little: those that installed decorators made, and those that look anything up."""

from __future__ import annotations

import builtins
import functools
import importlib
import itertools
import types
import weakref
from collections.abc import Iterable
from typing import Any

from audiocache_nb.features import releases
from audiocache_nb.features.kinds import MISSING, cell_content, is_installed_class, is_of_this_package

MAX_DEPTH = 4
MAX_ITEMS = 64
FREE = (eval, exec, globals, __import__, importlib.import_module)
_MEMORIES = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)  # change as they are used


def module_of(function: types.FunctionType) -> str:
    """The module that a function was written in; what `functools.wraps` made says another one's."""
    return str(function.__globals__.get("__name__") or function.__module__ or "__main__")


def held_by(function: types.FunctionType, depth: int = 0) -> tuple[tuple[str, Any], ...]:
    """What an installed function has in its closure, by name; nothing if none of that is the user's own.

    So the function that `contextlib.contextmanager` or another decorator returns does what it was given to decorate.
    """
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found = [(name, cell_content(cell)) for name, cell in cells]
    found.append(("__wrapped__", vars(function).get("__wrapped__", MISSING)))
    if not any(_is_own(value, depth + 1) for _, value in found):
        return ()
    return tuple((name, value) for name, value in found if value is not MISSING and not isinstance(value, _MEMORIES))


def _is_own(value: Any, depth: int) -> bool:
    """Whether a value is of the user's own code, or holds something that is."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, types.FunctionType):
        return not releases.is_installed(module_of(value), value.__code__.co_filename) or bool(held_by(value, depth))
    if isinstance(value, type):
        return not is_installed_class(value)
    if isinstance(value, types.MethodType):
        return _is_own(value.__func__, depth + 1) or _is_own(value.__self__, depth + 1)
    if isinstance(value, functools.partial):
        return any(_is_own(one, depth + 1) for one in (value.func, value.args, value.keywords))
    if isinstance(value, (staticmethod, classmethod)):
        return _is_own(value.__func__, depth + 1)
    if value is None or isinstance(value, types.ModuleType) or is_of_this_package(type(value)):
        return False
    items: Iterable[Any] = ()
    if isinstance(value, (dict, types.MappingProxyType)):
        items = list(value.values())
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)
    if any(_is_own(item, depth + 1) for item in itertools.islice(items, MAX_ITEMS)):
        return True
    return not is_installed_class(type(value))


def is_free(value: Any, attributes: tuple[str, ...]) -> bool:
    """Whether a name, and what is asked of it, stand for a call that may read anything: ``eval``, ``globals``, ..."""
    if (value is builtins or value is importlib) and attributes:
        value = getattr(value, attributes[0], None)
    return any(value is one for one in FREE)
