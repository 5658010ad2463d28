"""Tests in a real JupyterLab and a real browser; a page error, a console error or a request that leaves fails them."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import urllib.parse
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import BrowserContext, Page
from support import browser as this_machines
from support.lab import Lab, serve
from support.notebook import SCREENSHOTS, Notebook

HERE = pathlib.Path(__file__).parent
OUTCOME = pytest.StashKey[dict[str, pytest.TestReport]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Let fixtures know how their test went."""
    report = yield
    item.stash.setdefault(OUTCOME, {})[report.when] = report
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict, tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = this_machines.find()
    if path is None:
        pytest.skip("no Chromium and no Google Chrome on this machine")
    # A home of its own: the browser leaves settings and caches there.
    environment = {**os.environ, "HOME": str(tmp_path_factory.mktemp("browser-home"))}
    arguments = [*this_machines.ARGUMENTS, *browser_type_launch_args.get("args", ())]
    return {**browser_type_launch_args, "executable_path": str(path), "args": arguments, "env": environment}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all tests."""
    with serve(tmp_path_factory.mktemp("lab")) as running:
        yield running


def _is_splash(stack: str) -> bool:
    """Whether JupyterLab has tried to take its splash screen away twice, as it does on a busy machine."""
    message, *frames = stack.splitlines()
    return "'removeChild'" in message and len(frames) == 1 and "/static/lab/jlab_core." in frames[0]


class Watch:
    """Notes what a page must not do."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._host = urllib.parse.urlsplit(origin).netloc
        self.problems: list[str] = []
        self.outside: list[str] = []
        context.on("weberror", self._error)
        context.on("console", self._console)
        context.on("request", lambda request: self._request(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._request(socket.url)))

    def _error(self, event) -> None:
        stack = str(getattr(event.error, "stack", None) or event.error)
        if not _is_splash(stack):
            self.problems.append(f"page error: {stack}")

    def _page_error(self, error) -> None:
        self.problems.append(f"page error: {getattr(error, 'stack', None) or error}")

    def _console(self, message) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in {"data", "blob", "about"} and parts.netloc != self._host:
            self.outside.append(url)

    def take(self) -> tuple[list[str], list[str]]:
        """Hand over what was noted, for a test that provokes it."""
        noted = (self.problems[:], self.outside[:])
        self.problems.clear()
        self.outside.clear()
        return noted


@pytest.fixture
def watch(context: BrowserContext, lab: Lab) -> Watch:
    return Watch(context, lab.url)


class Opener:
    """Opens notebooks in the page of a test."""

    def __init__(self, page: Page, lab: Lab, test: str) -> None:
        self._page, self._lab, self._test = page, lab, test
        self._count = 0

    def __call__(self, *cells: str) -> Notebook:
        """Write a notebook of these code cells and open it."""
        self._count += 1
        name = f"{self._test}-{self._count}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self._lab.root / name)
        return self._open(name)

    def file(self, path: str | os.PathLike[str]) -> Notebook:
        """Open a copy of a notebook file; the original is not written to."""
        source = pathlib.Path(path)
        self._count += 1
        name = f"{self._test}-{self._count}-{source.name}"
        shutil.copyfile(source, self._lab.root / name)
        return self._open(name)

    def _open(self, name: str) -> Notebook:
        self._page.goto(f"{self._lab.url}/lab/tree/{name}?reset")
        notebook = Notebook(self._page, name)
        notebook.wait_ready()
        return notebook


@pytest.fixture
def notebook(watch: Watch, page: Page, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Open notebooks with `notebook("cell", "cell")` or `notebook.file(path)`.

    After the test the page must have raised nothing, logged no error and asked nobody but this server.
    """
    test = re.sub(r"\W+", "-", request.node.name).strip("-")
    yield Opener(page, lab, test)
    call = request.node.stash.get(OUTCOME, {}).get("call")
    if call is not None and call.failed:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"failed-{test}.png")
    problems, outside = watch.take()
    page.close()
    lab.end_sessions()
    assert not problems, "the page complained:\n" + "\n".join(problems)
    assert not outside, "the page left this machine:\n" + "\n".join(outside)
