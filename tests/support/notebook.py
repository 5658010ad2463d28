"""An open notebook in JupyterLab, driven through the application's own commands and read from its model."""

from __future__ import annotations

import pathlib
from typing import Any

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

SCREENSHOTS = pathlib.Path(__file__).parents[2] / "screenshots"
OPEN_MS = 90_000
CELL_S = 60.0

READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.sessionContext?.isReady && panel.sessionContext.session?.kernel?.status === "idle";
}"""
RUN = """cell => {
  const app = window.jupyterapp;
  const panel = app.shell.currentWidget;
  panel.content.activeCellIndex = cell;
  panel.content.deselectAll();
  window.runs ??= {};
  const run = (window.runs[cell] = { done: false });
  app.commands.execute("notebook:run-cell").finally(() => { run.done = true; });
}"""
DONE = "cell => window.runs?.[cell]?.done === true"
IDLE = """() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle" """
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells"
THEME = """async theme => {
  await window.jupyterapp.commands.execute("apputils:change-theme", { theme });
}"""
THEMED = "light => document.body.dataset.jpThemeLight === light"


class CellError(AssertionError):
    """A cell ended in an exception; the message is its traceback."""


class Notebook:
    """One open notebook: run its cells, read what they put out, look at it."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    def wait_ready(self) -> None:
        """Wait until the kernel has started and has nothing to do."""
        self.page.wait_for_function(READY, timeout=OPEN_MS)

    def run(self, cell: int, *, wait: bool = True, timeout_s: float = CELL_S) -> str:
        """Run a cell; return its text, or with `wait=False` come back while it runs."""
        self.page.evaluate(RUN, cell)
        return self.wait(cell, timeout_s=timeout_s) if wait else ""

    def wait(self, cell: int, *, timeout_s: float = CELL_S) -> str:
        """Wait for the end of a cell that runs; return its text."""
        try:
            self.page.wait_for_function(DONE, arg=cell, timeout=timeout_s * 1000)
        except PlaywrightTimeoutError:
            raise TimeoutError(f"cell {cell} of {self.name} still ran after {timeout_s} s") from None
        return self.text(cell)

    def is_running(self, cell: int) -> bool:
        """Whether a cell that was started has not ended yet."""
        return not self.page.evaluate(DONE, cell)

    def run_all(self, *, timeout_s: float = CELL_S) -> None:
        """Run every code cell from top to bottom, each within `timeout_s`; the first that raises ends it."""
        for index, cell in enumerate(self.cells()):
            if cell["cell_type"] == "code":
                self.run(index, timeout_s=timeout_s)

    def wait_idle(self, *, timeout_s: float = CELL_S) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE, timeout=timeout_s * 1000)

    def cells(self) -> list[dict[str, Any]]:
        """Every cell as the file would have it."""
        cells: list[dict[str, Any]] = self.page.evaluate(CELLS)
        return cells

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        """What a cell put out, as the file would have it."""
        outputs: list[dict[str, Any]] = self.cells()[cell]["outputs"]
        return outputs

    def text(self, cell: int) -> str:
        """What a cell printed; raises CellError if it ended in an exception."""
        outputs = self.outputs(cell)
        for output in outputs:
            if output["output_type"] == "error":
                raise CellError("\n".join(output["traceback"]))
        return "".join("".join(output.get("text", "")) for output in outputs)

    def theme(self, *, dark: bool) -> None:
        """Switch JupyterLab's theme and wait until the page has it."""
        self.page.evaluate(THEME, "JupyterLab Dark" if dark else "JupyterLab Light")
        self.page.wait_for_function(THEMED, arg="false" if dark else "true")

    def screenshot(self, name: str) -> pathlib.Path:
        """Take a picture of the page into the git-ignored folder screenshots/."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
