"""What a walk has found so far, and the words that it takes it down in."""

from __future__ import annotations

import abc
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal

from audiocache_nb.features import releases
from audiocache_nb.features.bounds import Bounds
from audiocache_nb.features.kinds import COMPILED, MISSING, NOTEBOOK, PLAIN, hashed, is_fixed, is_short, plain_text

Check = Callable[[], bool]

Functions = Literal["told", "named", "same"]

MAX_SHOWN = 40
MUCH = b"much:"
UNSEEN = b"unseen:"


class Findings(abc.ABC):
    """The books of a walk: what was met, under which number, and what will tell whether it is still the same.

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

    @abc.abstractmethod
    def value(
        self, value: Any, what: str, depth: int = 0, *, entry: bool = False, written: frozenset[str] = frozenset()
    ) -> bytes:
        """Describe one value; `what` is what people call it."""

    @abc.abstractmethod
    def _told(
        self, value: Any, what: str, depth: int = 0, *, entry: bool = False, written: frozenset[str] = frozenset()
    ) -> bytes:
        """Describe one value, or say that it is more than can be described."""

    @staticmethod
    @abc.abstractmethod
    def _digest(
        value: Any, written: frozenset[str] = frozenset(), *, functions: Literal["named", "same"] = "same"
    ) -> bytes:
        """Digest of a value that may change in place; of nothing while it does so just now."""

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
                self.contents.append((value, written, self._digest(value, written)))
            digest = self._digest(value, written, functions="named")
            shown = repr(value) if type(value) in (list, tuple, dict) and is_short(value) else ""
            if not shown or len(shown) > MAX_SHOWN or "#" in shown:
                shown = "#" + digest.hex()[:12]
        self._part(label + (place if place != NOTEBOOK else ""), shown if len(shown) <= MAX_SHOWN else hashed(shown))
        return content

    def _looked_up(self, space: Mapping[str, Any], name: str) -> Any:
        value = space.get(name, MISSING)
        self.checks.append(lambda: space.get(name, MISSING) is value)
        return value

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
