"""The text of a function as far as it matters: its normalised syntax tree, or else its instructions.

Comments, docstrings, formatting, annotations and names of local variables do not count.
"""

from __future__ import annotations

import ast
import bisect
import copy
import dis
import functools
import inspect
import types
import weakref
from collections.abc import Iterator
from typing import Any

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IDENTIFIERS = {
    ("Name", "id"),
    ("arg", "arg"),
    ("FunctionDef", "name"),
    ("AsyncFunctionDef", "name"),
    ("ExceptHandler", "name"),
    ("MatchAs", "name"),
    ("MatchStar", "name"),
    ("MatchMapping", "rest"),
    ("alias", "asname"),
}
_NOT_DUMPED = {"ctx", "kind", "type_comment"}
_SEE_NAMES = {"locals", "vars", "dir", "eval", "exec", "globals"}
_NO_WORK = {"CACHE", "RESUME", "NOP", "NOT_TAKEN", "EXTENDED_ARG", "COPY_FREE_VARS", "MAKE_CELL"}
GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
_bodies: dict[tuple[int, bool], tuple[weakref.ref[types.CodeType], bytes]] = {}


def join(kind: str, parts: Any) -> bytes:
    """Parts with their lengths, so that no two lists of parts look alike."""
    return kind.encode() + b"".join(b"%d:%b" % (len(part), part) for part in parts)


def codes_of(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of what is defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)


def body_of(code: types.CodeType, *, entry: bool = False) -> bytes:
    """Bytes that are equal for code that does the same thing in the same words.

    Parameters
    ----------
    code : code
    entry : bool
        Whether it is called by us, with its first argument by position: then that one's name does not count.
        Names of other arguments do, for somebody may pass them by name.
    """
    key = (id(code), entry)
    known = _bodies.get(key)
    if known is not None and known[0]() is code:
        return known[1]
    # Kept as long as the code lives: its file may be edited later, and what runs is still this.
    body = _tree(code, entry=entry) or _instructions(code, entry=entry)
    _bodies[key] = (weakref.ref(code, lambda _: _bodies.pop(key, None)), body)
    return body


# --- with the source ----------------------------------------------------------------------------


def _tree(code: types.CodeType, *, entry: bool) -> bytes:
    """The syntax tree, or nothing where the source is not there or not what runs."""
    if code.co_name == "<lambda>":  # several of them may share a line
        return b""
    try:
        lines, _ = inspect.findsource(code)
        module, codes = _parsed("".join(lines))
    except (OSError, TypeError, ValueError, SyntaxError, RecursionError):
        return b""
    if code not in codes:  # a file that was edited, but not imported again
        return b""
    found = (node for node in ast.walk(module) if isinstance(node, _FUNCTIONS) and _is_of(node, code))
    tree = _Plain().visit(copy.deepcopy(next(found)))
    tree.decorator_list = []  # what they made of it is looked at by itself
    tree.name = ""
    return _dump(tree, _renamed(tree, code, entry=entry), {})


@functools.lru_cache(maxsize=8)
def _parsed(source: str) -> tuple[ast.Module, frozenset[types.CodeType]]:
    module = ast.parse(source)
    return module, frozenset(codes_of(compile(source, "<source>", "exec", dont_inherit=True)))


def _is_of(node: ast.FunctionDef | ast.AsyncFunctionDef, code: types.CodeType) -> bool:
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    return node.name == code.co_name and first == code.co_firstlineno


class _Plain(ast.NodeTransformer):
    """Without docstrings and annotations."""

    def _body(self, node: Any) -> Any:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_FunctionDef(self, node: Any) -> Any:
        node.returns = None
        node = self._body(node)
        node.body = [self._without_type(statement) for statement in node.body]
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - as ast calls it

    def visit_ClassDef(self, node: Any) -> Any:
        return self.generic_visit(self._body(node))  # annotations are fields of a data class

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def _without_type(self, statement: ast.stmt) -> ast.stmt:
        """A statement of a function whose variables have no annotations, in blocks inside it neither."""
        if isinstance(statement, ast.AnnAssign):
            if statement.value is None:
                return ast.Pass()
            return ast.Assign(targets=[statement.target], value=statement.value)
        if not isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            for name, block in ast.iter_fields(statement):
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    setattr(statement, name, [self._without_type(one) for one in block])
                elif name in ("handlers", "cases"):
                    for part in block:
                        part.body = [self._without_type(one) for one in part.body]
        return statement


def _renamed(tree: Any, code: types.CodeType, *, entry: bool) -> set[str]:
    """Names that only the function itself can see."""
    bound: set[str] = set()
    kept = set(code.co_freevars)
    for inner in codes_of(code):
        kept.update(row.argval for row in _globals_of(inner))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) or (isinstance(node, ast.Name) and node.id in _SEE_NAMES):
            return set()
        if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            return set()  # a name may be asked for its name
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            kept.update(node.names)
        elif isinstance(node, ast.keyword) and node.arg is not None:
            kept.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arguments):
            hidden, seen = _arguments(node, entry=entry and node is tree.args)
            bound.update(hidden)
            kept.update(seen)
        elif (name := _bound_by(node)) is not None:
            bound.add(name)
    return bound - kept


def _arguments(node: ast.arguments, *, entry: bool) -> tuple[list[str], list[str]]:
    """Names of arguments that nobody can pass by name, at least not without an error if it is wrong; and the others."""
    hidden = [one.arg for one in (*node.posonlyargs, node.vararg, node.kwarg) if one is not None]
    named = [one.arg for one in (*node.args, *node.kwonlyargs)]
    if node.args and not node.posonlyargs and node.kwarg is None and (entry or len(named) == 1):
        return [*hidden, named[0]], named[1:]
    return hidden, named


def _bound_by(node: ast.AST) -> str | None:
    if isinstance(node, (*_FUNCTIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return node.name
    if isinstance(node, ast.MatchMapping):
        return node.rest
    return node.asname if isinstance(node, ast.alias) else None


def _dump(node: Any, renamed: set[str], fresh: dict[str, str]) -> bytes:
    if isinstance(node, list):
        return join("list", [_dump(item, renamed, fresh) for item in node])
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__}={node!r}".encode("utf-8", "surrogatepass")
    kind = type(node).__name__
    parts = []
    for name, value in ast.iter_fields(node):
        if value is None and kind != "Constant":
            continue
        if value == [] or name in _NOT_DUMPED:
            continue
        shown = value
        if (kind, name) in _IDENTIFIERS and value in renamed:
            shown = fresh.setdefault(value, f"<{len(fresh)}>")
        if isinstance(value, (set, frozenset)):
            shown = sorted(map(repr, value))
        parts += [name.encode(), _dump(shown, renamed, fresh)]
    return join(kind, parts)


def _globals_of(code: types.CodeType) -> Iterator[dis.Instruction]:
    return (row for row in dis.get_instructions(code) if row.opname in GLOBALS)


# --- without ------------------------------------------------------------------------------------


def _instructions(code: types.CodeType, *, entry: bool = False, outer: tuple[str, ...] | None = None) -> bytes:
    """What the interpreter does, with local variables by number and constants by value."""
    free = code.co_freevars if outer is None else outer
    if outer is None and any(row.argval in _SEE_NAMES for one in codes_of(code) for row in _globals_of(one)):
        free = tuple(name for one in codes_of(code) for name in (*one.co_varnames, *one.co_cellvars, *one.co_freevars))
    rows = [row for row in dis.get_instructions(code) if row.opname not in _NO_WORK]
    offsets = [row.offset for row in rows]
    fresh: dict[str, str] = {}

    def variable(name: Any) -> str:
        if isinstance(name, tuple):
            return ",".join(map(variable, name))
        return name if name in free else fresh.setdefault(name, f"<{len(fresh)}>")

    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    hidden = code.co_posonlyargcount or (1 if entry or len(arguments) == 1 else 0)
    for name in (*arguments, *code.co_freevars):  # numbered as callers see them, not as they come up
        variable(name)
    flags = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE)
    shape = f"{code.co_argcount},{code.co_posonlyargcount},{code.co_kwonlyargcount},{flags},{arguments[hidden:]}"
    parts = [shape.encode(), code.co_exceptiontable]
    for row in rows:
        what: Any
        if row.opcode in dis.hasconst:
            what = _constant(row.argval, free)
        elif row.opcode in dis.haslocal or row.opcode in dis.hasfree:
            what = variable(row.argval)
        elif row.opcode in dis.hasname:
            what = row.argval
        elif row.opcode in dis.hasjrel or row.opcode in dis.hasjabs:
            what = bisect.bisect_left(offsets, row.argval)
        else:
            what = row.arg
        parts += [row.opname.encode(), what if isinstance(what, bytes) else str(what).encode("utf-8", "surrogatepass")]
    return join("instructions", parts)


def _constant(value: Any, free: tuple[str, ...]) -> bytes:
    if isinstance(value, types.CodeType):
        return _instructions(value, outer=free)
    if isinstance(value, tuple):
        return join("tuple", [_constant(item, free) for item in value])
    if isinstance(value, frozenset):
        return join("frozenset", sorted(_constant(item, free) for item in value))
    return f"{type(value).__name__}={value!r}".encode("utf-8", "surrogatepass")
