"""What a function reads from outside itself, and what it only writes there."""

from __future__ import annotations

import dataclasses
import dis
import types
import weakref

from audiocache_nb.features.syntax import GLOBALS, codes_of

_LOADS = GLOBALS - {"STORE_GLOBAL", "DELETE_GLOBAL"}
_CELLS = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_SIMPLE = frozenset({"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_GLOBAL", "LOAD_DEREF"})
_ITEM_STORES = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR"})
# Methods of Python's own containers that change them and say nothing of what is in them.
CHANGES = frozenset(
    {
        "append", "appendleft", "extend", "extendleft", "insert", "add", "update", "clear", "discard", "remove",
        "reverse", "sort",
    }
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """One place where a name from outside is used.

    Attributes
    ----------
    name : str
    attributes : tuple of str
        What is asked of it there, ``("signal", "lfilter")`` for ``scipy.signal.lfilter``.
    is_free : bool
        Whether it is a variable of an enclosing function, not a global one.
    stores : bool
        Whether the place only puts something in: an item, an attribute, or the sum of itself and something.
    """

    name: str
    attributes: tuple[str, ...]
    is_free: bool
    stores: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Reads:
    """What a function's code says about the world outside.

    Attributes
    ----------
    uses : tuple of Use
    imports : tuple of (int, str, tuple of str)
        Level, module and names of import statements.
    rebinds : frozenset of str
        Names from outside that it assigns to.
    attributes : frozenset of str
        Every attribute it reads, of anything.
    attribute_stores : frozenset of str
        Every attribute that it sets, or whose content it changes.
    """

    uses: tuple[Use, ...]
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    rebinds: frozenset[str]
    attributes: frozenset[str]
    attribute_stores: frozenset[str]


_known: dict[int, tuple[weakref.ref[types.CodeType], Reads]] = {}


def reads_of(code: types.CodeType) -> Reads:
    """What a function reads, with what is defined inside it."""
    known = _known.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    found = _read(code)
    key = id(code)
    _known[key] = (weakref.ref(code, lambda _: _known.pop(key, None)), found)
    return found


def _read(code: types.CodeType) -> Reads:
    uses: list[Use] = []
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    rebinds: set[str] = set()
    attributes: set[str] = set()
    stored: set[str] = set()
    for inner in codes_of(code):
        rows = [row for row in dis.get_instructions(inner) if row.opname not in ("CACHE", "NOP", "EXTENDED_ARG")]
        for at, row in enumerate(rows):
            name, is_free = row.argval, row.opname in _CELLS
            if row.opname in _LOADS or (is_free and name in code.co_freevars):
                chain = _chain(rows, at + 1)
                uses.append(Use(name, chain, is_free, _stores(rows, at, at + 1 + len(chain))))
            elif row.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") or (
                row.opname in ("STORE_DEREF", "DELETE_DEREF") and name in code.co_freevars
            ):
                rebinds.add(name)
            elif row.opname == "IMPORT_NAME":
                names = rows[at - 1].argval
                imports.append((rows[at - 2].argval or 0, name, tuple(names or ())))
            elif row.opname in ("STORE_ATTR", "DELETE_ATTR"):
                stored.add(name)
            elif row.opname in _ATTRIBUTES:
                before = rows[at - 1]
                if before.opname in ("COPY", "DUP_TOP"):  # x.name += 1
                    continue
                following = rows[at + 1] if at + 1 < len(rows) else row
                if (following.opname in _ATTRIBUTES and following.argval in CHANGES) or _stores_item(rows, at + 1):
                    stored.add(name)
                else:
                    attributes.add(name)
    return Reads(tuple(uses), tuple(imports), frozenset(rebinds), frozenset(attributes), frozenset(stored))


def _chain(rows: list[dis.Instruction], at: int) -> tuple[str, ...]:
    found = []
    while at < len(rows) and rows[at].opname in _ATTRIBUTES:
        found.append(rows[at].argval)
        at += 1
    return tuple(found)


def _stores(rows: list[dis.Instruction], at: int, after: int) -> bool:
    """Whether what was loaded at `at` is only stored into by what follows at `after`."""
    following = rows[after : after + 3]
    if not following:
        return False
    if following[0].opname == "STORE_ATTR" or (
        following[0].opname in ("COPY", "DUP_TOP") and len(following) > 1 and following[1].opname in _ATTRIBUTES
    ):
        return True
    if _stores_item(rows, after):
        return True
    name = rows[at].argval  # name += 1
    return (
        len(following) == 3
        and following[0].opname in _SIMPLE
        and following[1].opname in ("BINARY_OP", "INPLACE_ADD")
        and following[2].opname in ("STORE_GLOBAL", "STORE_DEREF")
        and following[2].argval == name
    )


def _stores_item(rows: list[dis.Instruction], at: int) -> bool:
    """Whether ``[key] = ...``, ``[key] += ...`` or ``del [key]`` follows."""
    if at + 1 >= len(rows) or rows[at].opname not in _SIMPLE:
        return False
    follows = rows[at + 1]
    return follows.opname in _ITEM_STORES or (follows.opname in ("COPY", "DUP_TOP_TWO") and follows.arg == 2)
