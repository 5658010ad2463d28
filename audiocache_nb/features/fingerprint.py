"""Code fingerprints: the version of a calculator that has no version number.

The fingerprint is a digest of the function's normalised syntax tree, of the values it closes over
or reads from its module where these are plain, and of the functions and classes of the user's own
code that it reaches. Comments, formatting, docstrings and names of local variables do not count.
"""

from __future__ import annotations

import ast
import copy
import dis
import functools
import hashlib
import inspect
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.keys import encode

MAX_DEPTH = 12
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_INSTALLED = (
    *(folder + os.sep for folder in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))),
    str(Path(__file__).parents[1]) + os.sep,
    "<frozen",
)
_NOT_OF_CLASS = frozenset(
    {"__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"}
)


def fingerprint(function: Callable[..., Any]) -> str:
    """Sixteen hexadecimal digits that change when the function's behaviour may have changed."""
    return hashlib.sha256(_describe(function, set(), 0)).hexdigest()[:16]


def _describe(value: Any, seen: set[int], depth: int) -> bytes:
    """Bytes that differ for values that make a function behave differently, as far as can be told."""
    try:
        return encode(value)
    except AudioCacheError:
        pass
    if depth > MAX_DEPTH:
        return b"deep"
    if isinstance(value, types.ModuleType):
        return b"module:" + f"{value.__name__}={getattr(value, '__version__', '')}".encode()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value)).digest()
        return f"array:{value.dtype.str}{value.shape}".encode() + content
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_describe(item, seen, depth + 1) for item in value]
        return _join(type(value).__name__, sorted(items) if isinstance(value, (set, frozenset)) else items)
    if isinstance(value, Mapping):
        pairs = [(_describe(key, seen, depth + 1), _describe(item, seen, depth + 1)) for key, item in value.items()]
        return _join("mapping", [part for pair in sorted(pairs) for part in pair])
    if isinstance(value, functools.partial):
        return _join("partial", [_describe(part, seen, depth + 1) for part in (value.func, value.args, value.keywords)])
    if isinstance(value, types.MethodType):
        return _join("method", [_describe(part, seen, depth + 1) for part in (value.__func__, type(value.__self__))])
    function = value
    while not isinstance(function, (types.FunctionType, type)) and hasattr(function, "__wrapped__"):
        function = function.__wrapped__  # for example what functools.cache makes of a function
    if not isinstance(function, (types.FunctionType, type)):
        return _join("object", _object_parts(value, seen, depth))
    name = f"{function.__module__}.{function.__qualname__}".encode()
    if id(function) in seen or (depth and _is_installed(function)):
        return name
    seen.add(id(function))
    if isinstance(function, type):
        return _join("class", [name, *_class_parts(function, seen, depth)])
    return _join("function", _function_parts(function, seen, depth))


def _function_parts(function: types.FunctionType, seen: set[int], depth: int) -> Iterator[bytes]:
    yield _body(function)
    yield _describe(function.__defaults__, seen, depth + 1)
    yield _describe(function.__kwdefaults__, seen, depth + 1)
    for name, value in sorted(_reached(function).items()):
        yield name.encode()
        yield _describe(value, seen, depth + 1)


def _class_parts(kind: type, seen: set[int], depth: int) -> Iterator[bytes]:
    for base in kind.__bases__:
        yield _describe(base, seen, depth + 1)
    for name, value in sorted(vars(kind).items()):
        if name not in _NOT_OF_CLASS and "__annot" not in name:
            yield name.encode()
            yield _describe(getattr(value, "__func__", getattr(value, "fget", value)), seen, depth + 1)


def _object_parts(value: Any, seen: set[int], depth: int) -> Iterator[bytes]:
    for name in ("__module__", "__qualname__", "__name__"):  # of builtin functions and ufuncs
        yield str(getattr(value, name, "")).encode()
    yield _describe(type(value), seen, depth + 1)
    if id(value) not in seen and not _is_installed(type(value)):
        seen.add(id(value))
        yield _describe(getattr(value, "__dict__", None), seen, depth + 1)


def _reached(function: types.FunctionType) -> dict[str, Any]:
    """Values that the function reads from outside: its closure, globals, attributes of the user's modules."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            found[name] = None
    for code in _codes(function.__code__):
        chain: tuple[str, Any] | None = None
        for step in dis.get_instructions(code):
            if step.opname in _GLOBALS and step.argval in function.__globals__:
                chain = (step.argval, function.__globals__[step.argval])
            elif step.opname in _ATTRIBUTES and chain is not None and _is_own_module(chain[1]):
                chain = (f"{chain[0]}.{step.argval}", getattr(chain[1], step.argval, None))
            else:
                chain = None
            if chain is not None:
                found[chain[0]] = chain[1]
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _is_own_module(value: Any) -> bool:
    path = getattr(value, "__file__", None) if isinstance(value, types.ModuleType) else None
    return path is not None and not _is_installed_path(path)


def _is_installed(value: types.FunctionType | type) -> bool:
    if isinstance(value, types.FunctionType):
        return _is_installed_path(value.__code__.co_filename)
    if value.__module__ == "builtins":
        return True
    module = sys.modules.get(value.__module__)
    path = getattr(module, "__file__", None)
    return path is not None and _is_installed_path(path)


def _is_installed_path(path: str) -> bool:
    return "site-packages" in path or "dist-packages" in path or path.startswith(_INSTALLED)


def _body(function: types.FunctionType) -> bytes:
    return _tree(function.__code__) or _bytecode(function.__code__, function.__doc__)


def _tree(code: types.CodeType) -> bytes:
    """The syntax tree, or nothing where the source is not there or not what runs."""
    if code.co_name == "<lambda>":  # several of them may share a line
        return b""
    try:
        lines, _ = inspect.findsource(code)
        module, codes = _parsed("".join(lines))
    except (OSError, TypeError, ValueError, SyntaxError):
        return b""
    if code not in codes:  # a file that was edited, but not imported again
        return b""
    found = (node for node in ast.walk(module) if isinstance(node, _FUNCTIONS) and _is_of(node, code))
    tree = copy.deepcopy(next(found))
    tree.decorator_list = []  # the decorator's arguments take part in the key by themselves
    named = {*code.co_varnames, *code.co_cellvars} - {arg.arg for arg in tree.args.kwonlyargs} - {"ctx"}
    fresh: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
                node.body = node.body[1:]
        elif isinstance(node, ast.Name) and node.id in named:
            node.id = fresh.setdefault(node.id, f"<{len(fresh)}>")
        elif isinstance(node, ast.arg) and node.arg in named:
            node.arg = fresh.setdefault(node.arg, f"<{len(fresh)}>")
    return ast.dump(tree).encode()


@functools.lru_cache(maxsize=8)
def _parsed(source: str) -> tuple[ast.Module, frozenset[types.CodeType]]:
    module = ast.parse(source)
    return module, frozenset(_codes(compile(source, "<source>", "exec", dont_inherit=True)))


def _is_of(node: ast.FunctionDef | ast.AsyncFunctionDef, code: types.CodeType) -> bool:
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    return node.name == code.co_name and first == code.co_firstlineno


def _bytecode(code: types.CodeType, docstring: str | None) -> bytes:
    parts = [code.co_code, " ".join(code.co_names).encode()]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            parts.append(_bytecode(constant, None))
        elif constant is not docstring or docstring is None:
            parts.append(_describe(constant, set(), 0))
    return _join("code", parts)


def _join(kind: str, parts: Any) -> bytes:
    """Parts with their lengths, so that no two lists of parts look alike."""
    return kind.encode() + b"".join(b"%d:%b" % (len(part), part) for part in parts)
