"""Every error says what to do: none is raised without a hint."""

from __future__ import annotations

import ast
import pathlib

import pytest

import audiocache_nb
from audiocache_nb import errors

PACKAGE = pathlib.Path(audiocache_nb.__file__).parent
KINDS = {
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.AudioCacheError)
}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_error_without_a_hint(path: pathlib.Path) -> None:
    missing = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in KINDS and not any(one.arg in ("hint", None) for one in node.keywords):
            missing.append(f"{path.name}:{node.lineno}: {ast.unparse(node)[:100]}")
    assert missing == []
