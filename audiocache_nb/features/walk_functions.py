"""What functions do, and what they read from outside."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from audiocache_nb.features import releases
from audiocache_nb.features.findings import Findings
from audiocache_nb.features.kinds import CONTAINERS, MISSING, cell_content, is_own_module, place_of
from audiocache_nb.features.reach import CHANGES, Use, reads_of
from audiocache_nb.features.syntax import body_of, join
from audiocache_nb.features.wrapped import held_by, is_free, module_of


class FunctionWalk(Findings):
    """Describes functions by their text, by what they hold, and by what the names in them stand for."""

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
                self.contents.append((value, frozenset(), self._digest(value)))
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
