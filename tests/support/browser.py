"""Finds the browser of this machine; run as a script, prints its path."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = (
    "--no-sandbox",  # root, and containers without user namespaces; only our own pages are opened
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    "--disable-background-networking",  # the browser's own errands are not part of a test
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",  # steadier pictures
)


def find() -> pathlib.Path | None:
    """Return the Chromium to test with, or None.

    The one in AUDIOCACHE_NB_BROWSER, else the first on PATH, else an application of macOS, else Playwright's own.
    """
    named = os.environ.get("AUDIOCACHE_NB_BROWSER")
    if named:
        return pathlib.Path(named)
    for name in NAMES:
        found = shutil.which(name)
        if found and not _is_snap_stub(pathlib.Path(found)):
            return pathlib.Path(found)
    for application in map(pathlib.Path, MAC_APPLICATIONS):
        if application.is_file():
            return application
    return _playwrights_own()


def _is_snap_stub(path: pathlib.Path) -> bool:
    """Whether `path` starts a snap, which cannot see temporary folders, or only tells how to install one."""
    target = path.resolve()
    if "snap" in target.parts or target.name == "snap":
        return True
    with target.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and b"/snap/" in head


def _playwrights_own() -> pathlib.Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = pathlib.Path(playwright.chromium.executable_path)
    return path if path.is_file() else None


if __name__ == "__main__":
    browser = find()
    if browser is None:
        sys.exit("no Chromium and no Google Chrome found")
    print(browser)  # noqa: T201
