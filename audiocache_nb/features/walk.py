"""A walk through everything of the user's own that a function reaches."""

from __future__ import annotations

import collections
import enum
import functools
import hashlib
import types
from typing import Any, Literal

import numpy as np

from audiocache_nb.features.bounds import TooMuch
from audiocache_nb.features.findings import MUCH, UNSEEN
from audiocache_nb.features.kinds import (
    COLLECTIONS,
    COMPILED,
    PLAIN,
    STATELESS,
    is_of_this_package,
    is_random,
    plain_text,
)
from audiocache_nb.features.syntax import body_of, join
from audiocache_nb.features.walk_functions import FunctionWalk
from audiocache_nb.features.walk_objects import ObjectWalk

MAX_DEPTH = 40


def content_digest(
    value: Any, written: frozenset[str] = frozenset(), *, functions: Literal["named", "same"] = "same"
) -> bytes:
    """Digest of a value that may change in place; of nothing while it does so just now.

    Functions and classes in it count by their names alone, or only as being these very ones.
    """
    walk = Walk(functions=functions)
    try:
        content = walk.value(value, "", written=written)
    except Exception:  # it changes while it is looked at, has become too much for that, or does not let itself
        return b""
    return hashlib.sha256(join("whole", [content, *walk.nodes])).digest()


class Walk(FunctionWalk, ObjectWalk):
    """Describes values as bytes that differ where a function that reads them may behave differently."""

    _digest = staticmethod(content_digest)

    def whole(self, function: Any) -> bytes:
        """Describe a function, class or object with all it reaches."""
        bounds = self.bounds.copy()
        for _ in range(3):
            try:
                content = self._told(function, "it", entry=True)
                break
            except RuntimeError:  # something changes while it is looked at
                self.__init__(bounds=bounds.copy())  # type: ignore[misc]  # from the beginning
        else:
            content = b"restless"
            self.problems["what it reads changes all the time"] = None
        return join("whole", [content, *self.nodes])

    def _told(
        self, value: Any, what: str, depth: int = 0, *, entry: bool = False, written: frozenset[str] = frozenset()
    ) -> bytes:
        """Describe one value, or say that it is more than can be described."""
        before, nodes, checks, contents = self.bounds.copy(), len(self.nodes), len(self.checks), len(self.contents)
        try:
            return self.value(value, what, depth, entry=entry, written=written)
        except TooMuch:
            self._problem(f"{what} has too much in it to be looked at")
            given_up = MUCH
        except RuntimeError:  # see `whole`
            raise
        except Exception as error:  # objects of others may do what they like when they are looked at
            self._problem(f"what is in {what} cannot be looked at ({type(error).__name__})")
            given_up = UNSEEN
        self.bounds.fall_back(before)
        del self.nodes[nodes:], self.checks[checks:], self.contents[contents:]
        self._met = {key: at for key, at in self._met.items() if at < nodes}
        return given_up + type(value).__qualname__.encode()

    def value(
        self, value: Any, what: str, depth: int = 0, *, entry: bool = False, written: frozenset[str] = frozenset()
    ) -> bytes:
        """Describe one value; `what` is what people call it."""
        kind = type(value)
        if kind in PLAIN:
            self.bounds.spend(values=1, nbytes=len(value) if kind in (str, bytes) else 0)
            return f"{kind.__name__}={plain_text(value)}".encode("utf-8", "surrogatepass")
        if isinstance(value, types.FunctionType):
            return self._function(value, entry=entry)
        if depth > MAX_DEPTH:
            raise TooMuch
        if isinstance(value, type):
            return self._class(value, depth)
        if isinstance(value, types.ModuleType):
            return self._module(value, what, depth)
        known = id(value) in self._met
        self.bounds.spend(objects=0 if known else 1, values=1)
        if isinstance(value, np.ndarray) and not known:
            self.bounds.spend(nbytes=value.nbytes, values=value.size if value.dtype.hasobject else 0)
        if kind is np.ndarray and not value.dtype.hasobject:
            content = hashlib.sha256(np.ascontiguousarray(value)).digest()
            return f"array:{value.dtype.str}{value.shape}".encode() + content
        if isinstance(value, (np.generic, np.dtype)):
            return f"{kind.__name__}={value!r}".encode()
        if isinstance(value, STATELESS):
            return f"{kind.__module__}.{kind.__qualname__}".encode()
        if is_random(value):
            self._problem(f"{what} is a random generator")
            return kind.__qualname__.encode()
        return self._compound(value, what, depth, written)

    def _compound(self, value: Any, what: str, depth: int, written: frozenset[str]) -> bytes:
        kind = type(value)

        def inner(part: Any) -> bytes:
            return self.value(part, what, depth + 1)

        if isinstance(value, functools.partial):
            return join("partial", map(inner, (value.func, value.args, value.keywords)))
        if isinstance(value, types.MethodType):
            return join("method", map(inner, (value.__func__, value.__self__)))
        if isinstance(value, (staticmethod, classmethod)):
            return join(kind.__name__, [inner(value.__func__)])
        if isinstance(value, property):
            return join("property", map(inner, (value.fget, value.fset, value.fdel)))
        if isinstance(value, types.CodeType):
            return body_of(value)
        if isinstance(value, COMPILED):
            return self._compiled(value, inner)
        if isinstance(value, enum.Enum):
            return join("enum", [inner(kind), value.name.encode()])
        if isinstance(value, np.ufunc) and value.__name__.endswith("(vectorized)"):
            self._problem(f"what {what} calls, which np.frompyfunc made, cannot be told")
        number = self._number(value)
        if number is not None:
            return number
        if is_of_this_package(kind):
            return self._ours(value, what, depth)
        at = self._meet(value)
        if kind in COLLECTIONS:  # at once: sorting comes before looking
            self.bounds.spend(values=len(value))
        wrapped = getattr(value, "__wrapped__", None) if not isinstance(value, type) else None
        if wrapped is not None and callable(wrapped):  # for example what functools.cache makes of a function
            content = join("wrapper", [inner(kind), inner(wrapped)])
        elif kind in (list, tuple, collections.deque):
            content = join(kind.__name__, map(inner, list(value)))
        elif kind in (set, frozenset):
            content = join(kind.__name__, sorted(map(inner, list(value))))
        elif kind in (dict, types.MappingProxyType):
            content = self._mapping(value, inner)
        else:
            content = self._object(value, what, depth, written)
        self.nodes[at] = content
        return b"node:%d" % at
