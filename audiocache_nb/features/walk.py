"""A walk through everything of the user's own that a function reaches."""

from __future__ import annotations

import builtins
import collections
import copyreg
import dataclasses
import enum
import functools
import hashlib
import importlib
import itertools
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from audiocache_nb.features import releases
from audiocache_nb.features.bounds import Bounds, TooMuch
from audiocache_nb.features.kinds import (
    COLLECTIONS,
    COMPILED,
    CONTAINERS,
    MISSING,
    NOT_STATE,
    NOTEBOOK,
    PLAIN,
    STATELESS,
    cell_content,
    changed_attributes,
    encoded,
    file_of,
    hashed,
    is_fixed,
    is_frozen,
    is_installed_class,
    is_module,
    is_of_class,
    is_of_this_package,
    is_own_module,
    is_random,
    is_short,
    order_of,
    place_of,
    plain_text,
    reduces,
    state_of,
)
from audiocache_nb.features.reach import CHANGES, Use, reads_of
from audiocache_nb.features.syntax import body_of, join
from audiocache_nb.features.wrapped import held_by, is_free, module_of

Check = Callable[[], bool]

Functions = Literal["told", "named", "same"]

MAX_DEPTH = 40
MAX_SHOWN = 40
MUCH = b"much:"
UNSEEN = b"unseen:"


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


class Walk:
    """Describes values as bytes that differ where a function that reads them may behave differently.

    Attributes
    ----------
    nodes : list of bytes
        Functions, classes and objects in the order they were met; they refer to one another by number.
    parts : dict of str to str
        Names of what was met, with something that differs if it does.
    problems : dict of str to None
        Why some of it cannot be described.
    checks : list of callable
        Each tells whether one name still stands for the same object.
    contents : list of (object, frozenset, bytes)
        What may change in place, with the attributes that do not count, and its digest.

    Parameters
    ----------
    functions : {"told", "named", "same"}
        What stands for a function or class of the user's own: all it does, its name, or that it is this one.
    bounds : Bounds, optional
        How much is looked at. Whatever people know by a name and is more than that is given up as a whole.
    """

    def __init__(self, *, functions: Functions = "told", bounds: Bounds | None = None) -> None:
        self._functions: Functions = functions
        self.bounds = bounds or Bounds()
        self.nodes: list[bytes] = []
        self.parts: dict[str, str] = {}
        self.problems: dict[str, None] = {}
        self.checks: list[Check] = []
        self.contents: list[tuple[Any, frozenset[str], bytes]] = []
        self._met: dict[int, int] = {}
        self._alive: list[Any] = []  # ids mean something only as long as their objects live

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

    # --- values ------------------------------------------------------------------------------

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

    # --- functions ---------------------------------------------------------------------------

    def _function(self, function: types.FunctionType, *, entry: bool = False) -> bytes:
        number = self._number(function)
        if number is not None:
            return number
        module = module_of(function)
        name = function.__qualname__.replace(".<locals>", "")
        if self._functions != "told":
            return f"{module}.{name}".encode() if self._functions == "named" else f"function {id(function)}".encode()
        if releases.is_installed(module, function.__code__.co_filename):
            held = held_by(function)
            if held:
                return self._wrapper(function, held, entry=entry)
            if not entry:
                return join("installed", [f"{module}.{name}".encode(), self._package(module)])
        self.bounds.spend(codes=1)
        at = self._meet(function)
        code, defaults, named_defaults = function.__code__, function.__defaults__, function.__kwdefaults__
        self.checks.append(
            lambda: (
                function.__code__ is code
                and function.__defaults__ is defaults
                and function.__kwdefaults__ is named_defaults
            )
        )
        extra = {key: item for key, item in vars(function).items() if key != "__wrapped__"}
        label = "code" if entry else f"helper {name}{place_of(module, code.co_filename)}"
        text = body_of(code, entry=entry)
        own = [text, *(self._told(part, f"a default of {name}") for part in (defaults, named_defaults, extra))]
        self._part(label, "#" + hashlib.sha256(join("part", own)).hexdigest()[:12])
        reached = [part for name, one in self._reached(function) for part in (name.encode(), one)]
        self.nodes[at] = join("function", [*own, *reached])
        return b"node:%d" % at

    def _wrapper(self, function: types.FunctionType, held: tuple[tuple[str, Any], ...], *, entry: bool) -> bytes:
        """Describe what an installed decorator made of something of the user's own."""
        at = self._meet(function)
        module, name = module_of(function), function.__code__.co_qualname
        content = [f"{module}.{name}".encode(), self._package(module)]

        def unchanged() -> bool:
            now = held_by(function)  # nothing, if all that was the user's own has been replaced
            return len(now) == len(held) and all(one is two for (_, one), (_, two) in zip(held, now, strict=True))

        self.checks.append(unchanged)
        for label, value in held:
            what = f"{label} of {function.__name__}"
            content += [label.encode(), self._told(value, what, entry=entry and callable(value))]
            if isinstance(value, (*CONTAINERS, types.MappingProxyType)):
                self.contents.append((value, frozenset(), content_digest(value)))
        self.nodes[at] = join("wrapper", content)
        return b"node:%d" % at

    def _reached(self, function: types.FunctionType) -> Iterator[tuple[str, bytes]]:
        """Describe what a function reads from outside, name by name."""
        code, module = function.__code__, module_of(function)
        reads = reads_of(code)
        place = place_of(module, code.co_filename)
        found: dict[str, tuple[Any, list[bool]]] = {}
        for use in reads.uses:
            label, value, rest = self._resolved(function, use)
            if value is MISSING:
                yield label, b"undefined"
                continue
            if is_free(value, rest):
                self._problem(f"what {'.'.join((label, *rest))} reads cannot be told")
            stores = use.stores or (bool(rest) and rest[0] in CHANGES and isinstance(value, CONTAINERS))
            found.setdefault(label, (value, []))[1].append(stores)
        for label, (value, only_stores) in sorted(found.items()):
            if any(only_stores) or label in reads.rebinds:
                if not all(only_stores):
                    self._problem(f"it changes {label}, which it also reads")
                yield label, b"state:" + type(value).__name__.encode()
            else:
                yield label, self._named(label, value, place, reads.attribute_stores)
        for level, name, names in reads.imports:
            yield from self._imported(function, level, name, names, reads.attributes)

    def _resolved(self, function: types.FunctionType, use: Use) -> tuple[str, Any, tuple[str, ...]]:
        """The value a name stands for, followed through modules of the user's own, and what is asked of it then."""
        value: Any = MISSING
        if use.is_free:
            cell = (function.__closure__ or ())[function.__code__.co_freevars.index(use.name)]
            value = cell_content(cell)
            before = value
            self.checks.append(lambda: cell_content(cell) is before)
        else:
            space = function.__globals__
            value = self._looked_up(space, use.name)
            if value is MISSING and hasattr(builtins, use.name):
                return use.name, getattr(builtins, use.name), use.attributes
        label, rest = use.name, use.attributes
        while rest and is_own_module(value):
            label = f"{label}.{rest[0]}"
            value = self._looked_up(vars(value), rest[0])
            rest = rest[1:]
        return label, value, rest

    def _looked_up(self, space: Mapping[str, Any], name: str) -> Any:
        value = space.get(name, MISSING)
        self.checks.append(lambda: space.get(name, MISSING) is value)
        return value

    def _named(self, label: str, value: Any, place: str, written: frozenset[str] = frozenset()) -> bytes:
        """Describe a value that people know by a name."""
        content = self._told(value, label, written=written)
        if content.startswith(UNSEEN):
            return content
        if self._functions != "told" or isinstance(value, (types.FunctionType, type, types.ModuleType, *COMPILED)):
            return content
        if content.startswith(MUCH):
            shown = "too much to be looked at"
        elif type(value) in PLAIN:
            shown = plain_text(value)
        else:
            if not is_fixed(value):
                self.contents.append((value, written, content_digest(value, written)))
            digest = content_digest(value, written, functions="named")
            shown = repr(value) if type(value) in (list, tuple, dict) and is_short(value) else ""
            if not shown or len(shown) > MAX_SHOWN or "#" in shown:
                shown = "#" + digest.hex()[:12]
        self._part(label + (place if place != NOTEBOOK else ""), shown if len(shown) <= MAX_SHOWN else hashed(shown))
        return content

    def _imported(
        self, function: types.FunctionType, level: int, name: str, names: tuple[str, ...], attributes: frozenset[str]
    ) -> Iterator[tuple[str, bytes]]:
        """What an import statement inside a function brings in."""
        if level:
            package = str(function.__globals__.get("__package__") or "")
            name = ".".join([*package.split(".")[: len(package.split(".")) - level + 1], *([name] if name else [])])
        installed = releases.is_installed_import(name)
        if is_free(sys.modules.get(name), tuple(attributes & {"import_module"})) or "import_module" in names:
            self._problem(f"what {name}.import_module reads cannot be told")
        if installed is None:
            yield name, b"not there"
        elif installed:
            yield name, self._package(name)
        else:
            try:
                module = importlib.import_module(name)  # as the function itself does when it is called
            except Exception as error:
                self._problem(f"its import of {name} fails: {type(error).__name__}")
                return
            place = place_of(name, str(getattr(module, "__file__", "")))
            wanted = names if names and "*" not in names else sorted(attributes & vars(module).keys())
            for one in wanted:
                value = self._looked_up(vars(module), one)
                if value is not MISSING:
                    yield f"{name}.{one}", self._named(one, value, place)

    # --- classes, objects, modules -----------------------------------------------------------

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
                self.contents.append((item, frozenset(), content_digest(item)))
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

    # --- inside ------------------------------------------------------------------------------

    def _package(self, module: str) -> bytes:
        """The release of an installed package; Python's own modules have none."""
        top = releases.top_of(module)
        release = releases.release_of(top)
        if release and top not in self.parts:
            self.parts[top] = release
            spec = getattr(sys.modules.get(top), "__spec__", None)
            self.checks.append(lambda: getattr(sys.modules.get(top), "__spec__", None) is spec)
        return f"{top} {release}".encode()

    def _part(self, label: str, shown: str) -> None:
        name, n = label, 2
        while name in self.parts:
            name, n = f"{label} ({n})", n + 1
        self.parts[name] = shown

    def _problem(self, text: str) -> None:
        self.problems[text] = None

    def _number(self, value: Any) -> bytes | None:
        at = self._met.get(id(value))
        return None if at is None else b"node:%d" % at

    def _meet(self, value: Any) -> int:
        self._met[id(value)] = len(self.nodes)
        self._alive.append(value)
        self.nodes.append(b"")
        return len(self.nodes) - 1
