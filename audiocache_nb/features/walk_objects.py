"""What classes, objects and modules consist of."""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import hashlib
import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from audiocache_nb.features import releases
from audiocache_nb.features.findings import Findings
from audiocache_nb.features.kinds import (
    MISSING,
    NOT_STATE,
    changed_attributes,
    encoded,
    file_of,
    is_frozen,
    is_installed_class,
    is_module,
    is_of_class,
    is_own_module,
    order_of,
    place_of,
    reduces,
    state_of,
)
from audiocache_nb.features.syntax import join


class ObjectWalk(Findings):
    """Describes classes by their members, objects by class and state, and modules by what is in them."""

    def _class(self, kind: type, depth: int) -> bytes:
        number = self._number(kind)
        if number is not None:
            return number
        name = f"{kind.__module__}.{kind.__qualname__}".encode()
        if self._functions != "told":
            return name if self._functions == "named" else b"class %d" % id(kind)
        if is_installed_class(kind):
            return join("installed", [name, self._package(kind.__module__)])
        self.bounds.spend(codes=1)
        at = self._meet(kind)
        members = [(key, item) for key, item in sorted(vars(kind).items()) if is_of_class(key)]
        size = len(vars(kind))
        self.checks.append(
            lambda: len(vars(kind)) == size and all(vars(kind).get(key, MISSING) is item for key, item in members)
        )
        parts = [self.value(base, kind.__qualname__, depth + 1) for base in kind.__bases__]
        if not is_installed_class(type(kind)):
            parts.append(self._class(type(kind), depth + 1))
        shown: list[bytes] = []
        for key, item in members:
            if issubclass(kind, enum.Enum) and (
                isinstance(item, kind) or key in ("_member_map_", "_value2member_map_")
            ):
                continue
            described = self._told(item, f"{kind.__qualname__}.{key}", depth + 1)
            parts += [key.encode(), described]
            if not described.startswith(b"node:"):
                shown += [key.encode(), described]
            elif not isinstance(item, (types.FunctionType, type, property, staticmethod, classmethod)):
                self.contents.append((item, frozenset(), self._digest(item)))
        if issubclass(kind, enum.Enum):
            parts += [self.value({one.name: one.value for one in kind}, kind.__qualname__, depth + 1)]
        label = (
            f"class {kind.__qualname__.replace('.<locals>', '')}{place_of(kind.__module__, file_of(kind.__module__))}"
        )
        self._part(label, "#" + hashlib.sha256(join("class", shown)).hexdigest()[:12])
        self.nodes[at] = join("class", parts)
        return b"node:%d" % at

    def _object(self, value: Any, what: str, depth: int, written: frozenset[str]) -> bytes:
        """Describe an object by its class and its state."""
        kind = type(value)
        own = not is_installed_class(kind)
        content = [self.value(kind, what, depth + 1)]
        if kind is types.SimpleNamespace or (own and not reduces(kind)):
            changed, unsafe = changed_attributes(kind)
            for name in sorted(unsafe):
                self._problem(f"{kind.__qualname__}.{name} changes as it is used")
            for name, item in sorted(state_of(value).items()):
                if name not in changed and name not in written:
                    content += [name.encode(), self.value(item, f"{what}.{name}", depth + 1)]
            if isinstance(value, (list, tuple, set, frozenset)):
                content += [self.value(item, what, depth + 1) for item in value]
            elif isinstance(value, Mapping) and isinstance(value, dict):
                content.append(self._mapping(value, lambda part: self.value(part, what, depth + 1)))
            elif isinstance(value, (int, float, str, bytes)):
                content.append(encoded(value))
            return join("object", content)
        try:
            reducer = copyreg.dispatch_table.get(kind)
            reduced = value.__reduce_ex__(4) if reducer is None else reducer(value)
        except Exception:  # as any object may say that it cannot be copied
            self._problem(f"what is in {what}, a {kind.__qualname__}, cannot be told")
            return join("object", content)
        if isinstance(reduced, str):
            return join("object", [*content, reduced.encode()])
        for part in reduced:
            if isinstance(part, Iterator):
                part = list(itertools.islice(part, self.bounds.values + 1))  # noqa: PLW2901 - items of a list or a dict
            if getattr(part, "__module__", "") == "copyreg":  # how an object is made: by its class
                continue
            if isinstance(part, dict) and NOT_STATE in part:
                part = {key: item for key, item in part.items() if key != NOT_STATE}  # noqa: PLW2901 - less of it
            content.append(self.value(part, what, depth + 1))
        return join("object", content)

    def _ours(self, value: Any, what: str, depth: int) -> bytes:
        """Describe an object of this package: what identifies it, if anything does; it is never looked into."""
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}".encode()
        if kind.__name__ == "FeatureTrack":
            return join("ours", [name, str(value.key).encode()])
        function = getattr(value, "function", None)
        if callable(function) and hasattr(value, "version"):  # a calculator, which another one calls
            declared = (value.id, value.version, getattr(value, "_declared", ""))
            return join("ours", [name, *(self.value(one, what, depth + 1) for one in (function, declared))])
        if hasattr(value, "version") and hasattr(value, "feature"):
            return join("ours", [name, f"{value.id} {value.version}".encode()])
        if is_frozen(kind):
            fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
            return join("ours", [name, *(self.value(one, what, depth + 1) for one in fields)])
        self._problem(f"{what} is a {kind.__qualname__}, which may be different whenever it runs")
        return join("ours", [name])

    def _mapping(self, value: Mapping[Any, Any], inner: Callable[[Any], bytes]) -> bytes:
        pairs = sorted(((order_of(key), key, item) for key, item in list(value.items())), key=lambda pair: pair[0])
        return join("dict", itertools.chain.from_iterable((inner(key), inner(item)) for _, key, item in pairs))

    def _compiled(self, value: Any, inner: Callable[[Any], bytes]) -> bytes:
        owner = getattr(value, "__self__", None)
        name = getattr(value, "__qualname__", getattr(value, "__name__", "")).encode()
        if owner is not None and not isinstance(owner, (types.ModuleType, type)):
            return join("compiled", [name, inner(owner)])
        owner = owner if owner is not None else getattr(value, "__objclass__", None)
        module = getattr(value, "__module__", None) or getattr(
            owner, "__name__" if is_module(owner) else "__module__", ""
        )
        return join("compiled", [str(module).encode(), name, self._package(str(module or "builtins"))])

    def _module(self, module: types.ModuleType, what: str, depth: int) -> bytes:
        number = self._number(module)
        if number is not None:
            return number
        if not is_own_module(module):
            return join("module", [module.__name__.encode(), self._package(module.__name__)])
        at = self._meet(module)
        parts = [module.__name__.encode(), releases.compiled_part(module).encode()]
        place = place_of(module.__name__, str(module.__file__))
        for name in sorted(vars(module)):  # the module itself is used: anything in it may be
            if not name.startswith("__"):
                value = self._looked_up(vars(module), name)
                if not is_module(value) and getattr(value, "__module__", module.__name__) == module.__name__:
                    parts += [name.encode(), self._named(name, value, place)]
        self.nodes[at] = join("module", parts)
        return b"node:%d" % at
