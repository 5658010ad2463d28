"""Code fingerprints: the version of a calculator that has no version number.

The fingerprint is a digest of the function's normalised syntax tree, of the values it closes over
or reads from its module where these are plain, and of the functions of the user's own code that it
reaches. Comments, formatting and docstrings do not count.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
import types
from collections.abc import Callable
from typing import Any

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.keys import encode

MAX_DEPTH = 8


def fingerprint(function: Callable[..., Any]) -> str:
    """Sixteen hexadecimal digits that change when the function's behaviour may have changed."""
    seen: dict[int, bytes] = {}
    return hashlib.sha256(_describe(function, seen, 0)).hexdigest()[:16]


def _describe(value: Any, seen: dict[int, bytes], depth: int) -> bytes:
    try:
        return encode(value)
    except AudioCacheError:
        pass
    if isinstance(value, types.ModuleType):
        return b"module:" + f"{value.__name__}={getattr(value, '__version__', '')}".encode()
    function = inspect.unwrap(value) if callable(value) else value
    if not isinstance(function, types.FunctionType):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return f"{type(value).__module__}.{name}".encode()
    if id(function) in seen or depth > MAX_DEPTH:
        return seen.get(id(function), b"deep")
    seen[id(function)] = function.__qualname__.encode()
    if depth and _is_installed(function):
        return f"{function.__module__}.{function.__qualname__}".encode()
    parts = [_body(function), _describe(function.__defaults__, seen, depth + 1)]
    parts.append(_describe(function.__kwdefaults__, seen, depth + 1))
    reached = inspect.getclosurevars(function)
    for names in (reached.nonlocals, reached.globals):
        parts += [name.encode() + b"=" + _describe(item, seen, depth + 1) for name, item in sorted(names.items())]
    return b"|".join(parts)


def _is_installed(function: types.FunctionType) -> bool:
    path = function.__code__.co_filename
    return "site-packages" in path or path.startswith("<frozen")


def _body(function: types.FunctionType) -> bytes:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        code = function.__code__
        constants = [item for item in code.co_consts if not isinstance(item, types.CodeType)]
        return code.co_code + repr(constants).encode() + repr(code.co_names).encode()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.decorator_list = []  # the decorator's arguments take part in the key by themselves
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
                node.body = node.body[1:]
    return ast.dump(tree).encode()
