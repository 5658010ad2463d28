"""The floors of the house: a file imports from its own floor or from below, and the lower ones know no notebook."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

import pytest

PACKAGE = pathlib.Path(__file__).parents[2] / "audiocache_nb"

FLOORS = {
    "errors": 0,
    "audio": 1,
    "timing": 1,
    "features": 2,
    "bridges": 3,
    "cache": 3,
    "analysis": 4,
    "timeline": 5,
    "sampling": 6,
    "scene": 7,
    "testing": 7,  # checks of calculators, for tests of others; it uses the engine and nothing uses it
    "models": 8,
    "widgets": 9,
    "plotting": 9,
    "session": 10,
    "session_scene": 10,
    "session_playhead": 10,
    "session_sampling": 10,
    "session_tracks": 10,
    "session_freshness": 10,
    "session_focus": 10,
    "session_diagnostics": 10,
    "cli": 10,
    "__main__": 10,
    "__init__": 10,
}
# Below this floor the code works in a script, in a worker process and in tests without a kernel.
NOTEBOOK_FLOOR = 8
NOTEBOOK_ONLY = {"IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "matplotlib"}


def imports(source: str, module: str) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute dotted name) of every import of `module`, in functions and through importlib as well.

    What stands under `if TYPE_CHECKING:` is left out: it is not there when the code runs.
    """
    tree = ast.parse(source)
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"import_module", "__import__"}


def floor_of(module: str) -> int | None:
    """Return the floor of a dotted name of the package; None for other packages' names."""
    head, _, rest = module.partition(".")
    if head != "audiocache_nb":
        return None
    part = rest.partition(".")[0]
    # A name that is no part of the house is a name in __init__, which is the top floor.
    return FLOORS.get(part, FLOORS["__init__"])


def violations(source: str, module: str) -> list[str]:
    """Say which imports of a module go up, or bring the notebook to where it does not belong."""
    own = floor_of(module)
    assert own is not None
    found = []
    for line, name in imports(source, module):
        floor = floor_of(name)
        if floor is not None and floor > own:
            found.append(f"line {line}: {module} (floor {own}) imports {name} (floor {floor})")
        if own < NOTEBOOK_FLOOR and name.partition(".")[0] in NOTEBOOK_ONLY:
            found.append(f"line {line}: {module} (floor {own}) imports {name}, which only floors {NOTEBOOK_FLOOR}+ may")
    return found


def modules() -> list[tuple[str, pathlib.Path]]:
    """Every module of the package: dotted name (with `__init__` for packages) and file."""
    return [
        (".".join(["audiocache_nb", *path.relative_to(PACKAGE).with_suffix("").parts]), path)
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_no_import_goes_up(module: str, path: pathlib.Path):
    assert violations(path.read_text(encoding="utf-8"), module) == []


def test_every_file_has_a_floor():
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for _, path in modules()}
    assert parts <= set(FLOORS), "name the floor of a new folder here"


@pytest.mark.parametrize(
    "planted",
    [
        "import audiocache_nb.session",
        "from audiocache_nb import session",
        "from audiocache_nb import Session",
        "from audiocache_nb.timeline.store import Store",
        "from ..timeline import store",
        "from ...audiocache_nb.timeline import store",
        "def f():\n    from audiocache_nb.timeline import store",
        "import importlib\nimportlib.import_module('audiocache_nb.timeline.store')",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import audiocache_nb.session",
        "import matplotlib.pyplot as plt",
        "from IPython.display import display",
        "class A:\n    def f(self):\n        import ipywidgets",
        "try:\n    import anywidget\nexcept ImportError:\n    pass",
    ],
)
def test_a_planted_violation_is_found(planted: str):
    assert len(violations(planted, "audiocache_nb.analysis.engine")) == 1


@pytest.mark.parametrize(
    "allowed",
    [
        "from audiocache_nb.features.track import FeatureTrack",
        "from audiocache_nb import errors",
        "from . import plan",
        "from .plan import Plan",
        "from ..cache import entries",
        "import numpy",
        "if TYPE_CHECKING:\n    from audiocache_nb.session import Session",
        "import matplotlib_free_name",
    ],
)
def test_an_allowed_import_is_not_reported(allowed: str):
    assert violations(allowed, "audiocache_nb.analysis.engine") == []


def test_a_package_resolves_relative_imports_to_itself():
    assert list(imports("from .plan import Plan", "audiocache_nb.analysis.__init__")) == [
        (1, "audiocache_nb.analysis.plan.Plan")
    ]
