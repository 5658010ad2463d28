"""Kinds of values, as far as a description of them has to tell them apart."""

from __future__ import annotations

import collections
import copyreg
import enum
import functools
import hashlib
import itertools
import sys
import threading
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features import releases
from audiocache_nb.features.keys import encode
from audiocache_nb.features.reach import reads_of

MISSING = object()
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
CONTAINERS = (list, dict, set, bytearray, collections.deque, collections.defaultdict, collections.Counter)
COLLECTIONS = (list, tuple, set, frozenset, dict, types.MappingProxyType, collections.deque)
STATELESS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Event,
    threading.Condition,
    threading.Semaphore,
    threading.Barrier,
    threading.local,
)
COMPILED = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
NOT_OF_CLASS = frozenset(
    {
        "__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__qualname__",
        "__dataclass_fields__", "__dataclass_params__", "__match_args__", "__orig_bases__", "__parameters__",
        "__type_params__", "__abstractmethods__", "_abc_impl", "__slotnames__", "__hash__",
    }
)  # fmt: skip
BEFORE_USE = frozenset({"__init__", "__new__", "__post_init__", "__setstate__", "__set_name__", "__init_subclass__"})

_THIS_PACKAGE = __name__.partition(".")[0] + "."
_OF_VALUES = tuple(f"{_THIS_PACKAGE}{floor}." for floor in ("audio", "timing", "features"))

LONG_BITS = 1024
NOT_STATE = "_watched"  # where a calculator keeps what this walk has found
NOTEBOOK = " in the notebook"


def place_of(module: str, path: str) -> str:
    """Where something stands, for people."""
    if module == "__main__" and (not path or path != file_of("__main__")):
        return NOTEBOOK
    name = Path(path).name
    return f" in {name}" if name and not name.startswith("<") else f" in {module}"


def file_of(module: str) -> str:
    """The file of a module that is imported; empty without one."""
    return str(getattr(sys.modules.get(module), "__file__", None) or "")


def is_installed_class(kind: type) -> bool:
    """Whether a class is Python's or of an installed package."""
    module: object = kind.__module__
    if module == "builtins" or not isinstance(module, str):  # compiled classes may have a descriptor there
        return True
    return releases.is_installed(module, file_of(module) or None)


def is_of_this_package(kind: type) -> bool:
    """Whether what objects of a class are is this package's business, also where the user's own class adds to it.

    A calculator of the user's own is the user's, though its base is not.
    """
    bases = [base for base in kind.__mro__ if str(base.__module__).startswith(_THIS_PACKAGE)]
    if not bases or issubclass(kind, (enum.Enum, BaseException)):
        return False
    return bases[0] is kind or not any(base.__name__ == "Calculator" for base in bases)


def is_frozen(kind: type) -> bool:
    """Whether objects of a class are values: what is in them never changes."""
    parameters = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and parameters.frozen and kind.__module__.startswith(_OF_VALUES)


def is_module(value: Any) -> bool:
    """Whether a value is a module."""
    return isinstance(value, types.ModuleType)


def is_own_module(value: Any) -> bool:
    """Whether a value is a module of the user's own."""
    if not isinstance(value, types.ModuleType) or not getattr(value, "__file__", None):
        return False
    return not releases.is_installed(value.__name__, str(value.__file__))


def is_of_class(name: str) -> bool:
    """Whether a member of a class is something that somebody wrote."""
    return name not in NOT_OF_CLASS and "__annot" not in name


def cell_content(cell: types.CellType) -> Any:
    """What a variable of an enclosing function holds, if anything."""
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return MISSING


def is_random(value: Any) -> bool:
    """Whether a value is a random generator; there are none of a module that nobody has loaded."""
    if "random" in sys.modules:
        import random  # few calculators draw anything

        if isinstance(value, random.Random):
            return True
    if "numpy.random" in sys.modules:
        return isinstance(value, (np.random.Generator, np.random.RandomState, np.random.BitGenerator))
    return False


def is_fixed(value: Any, depth: int = 0) -> bool:
    """Whether a value cannot change in place."""
    if type(value) in PLAIN or isinstance(value, (np.generic, np.dtype, *STATELESS, *COMPILED)) or is_random(value):
        return True
    if type(value) in (tuple, frozenset):
        return depth < 4 and all(is_fixed(item, depth + 1) for item in value)
    if type(value) is np.ndarray:
        return not value.flags.writeable and (value.base is None or is_fixed(value.base, depth + 1))
    return False


def is_short(value: Any) -> bool:
    """Whether a container can be shown as it is."""
    items: Iterable[Any] = itertools.chain.from_iterable(value.items()) if isinstance(value, dict) else value
    return len(value) <= 8 and all(type(item) in PLAIN for item in items)


def hashed(text: str) -> str:
    """A digest to show in place of a text."""
    return "#" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def plain_text(value: Any) -> str:
    """A plain value as text; Python refuses to write down integers of many decimal digits."""
    return f"{value:#x}" if type(value) is int and value.bit_length() > LONG_BITS else repr(value)


def order_of(key: Any) -> tuple[str, bytes | str]:
    """What to sort keys of mappings by, whatever they are."""
    return type(key).__name__, encoded(key)


def encoded(value: Any) -> bytes:
    """The canonical encoding of a plain value, or the name of its type."""
    try:
        return encode(value)
    except AudioCacheError:
        name = getattr(value, "__qualname__", "")
        return f"{type(value).__name__} {name}".encode()


def reduces(kind: type) -> bool:
    """Whether a class says itself what its objects consist of."""
    own: Any = (kind.__reduce_ex__, kind.__reduce__)
    return own != (object.__reduce_ex__, object.__reduce__) or kind in copyreg.dispatch_table


def state_of(value: Any) -> dict[str, Any]:
    """An object's attributes, those in slots too."""
    found = {name: one for name, one in getattr(value, "__dict__", {}).items() if name != NOT_STATE}
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return found


def changed_attributes(kind: type) -> tuple[set[str], set[str]]:
    """Attributes that methods set after an object was made, and those of them that some method also reads."""
    changed: set[str] = set()
    read: set[str] = set()
    cached: set[str] = set()
    for base in kind.__mro__:
        if is_installed_class(base):
            continue
        for name, member in vars(base).items():
            if isinstance(member, functools.cached_property):
                changed.add(member.attrname or name)
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(function, types.FunctionType):
                reads = reads_of(function.__code__)
                read |= reads.attributes
                if name not in BEFORE_USE:
                    changed |= reads.attribute_stores
    cached = {
        name for base in kind.__mro__ for name, one in vars(base).items() if isinstance(one, functools.cached_property)
    }
    return changed, (changed & read) - cached
