"""JupyterLab, the browser and the fixtures themselves: what every other test in this folder stands on."""

from __future__ import annotations

import pathlib
import sys

import nbformat
import pytest
from support.notebook import CellError

COUNTER = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """export default { render({ model, el, signal }) {
      const button = document.createElement("button");
      button.ariaLabel = "count";
      const draw = () => { button.textContent = `count is ${model.get("value")}`; };
      const add = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
      button.addEventListener("click", add, { signal });
      model.on("change:value", draw);
      draw();
      el.append(button);
    } };"""
    value = traitlets.Int(0).tag(sync=True)

w = Counter()
w
'''


def test_a_widget_talks_both_ways(notebook, page):
    nb = notebook(COUNTER, "print(w.value)", "w.value = 41")
    nb.run(0)
    page.get_by_role("button", name="count").click()
    page.get_by_text("count is 1").wait_for()
    assert nb.run(1).strip() == "1"
    nb.run(2)
    page.get_by_text("count is 41").wait_for()
    assert nb.screenshot("smoke-counter").stat().st_size > 0


def test_the_kernel_runs_in_the_projects_environment(notebook):
    nb = notebook("import sys, importlib.util; print(sys.prefix, bool(importlib.util.find_spec('audiocache_nb')))")
    assert nb.run(0).split() == [sys.prefix, "True"]


def test_a_long_cell_can_be_watched_while_it_runs(notebook):
    nb = notebook("import time; print('begin', flush=True); time.sleep(1.5); print('end')")
    nb.run(0, wait=False)
    assert nb.is_running(0)
    with pytest.raises(TimeoutError, match="still ran"):
        nb.wait(0, timeout_s=0.2)
    assert nb.wait(0).split() == ["begin", "end"]


def test_an_exception_in_a_cell_is_not_overlooked(notebook):
    nb = notebook("1 / 0")
    with pytest.raises(CellError, match="ZeroDivisionError"):
        nb.run(0)


def test_a_notebook_file_is_opened_as_a_copy(notebook, tmp_path: pathlib.Path):
    path = tmp_path / "lesson.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("x = 6 * 7; print(x)")]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    before = path.read_bytes()
    nb = notebook.file(path)
    nb.run_all()
    assert nb.text(1).strip() == "42"
    assert path.read_bytes() == before


def test_themes_can_be_switched(notebook, page):
    nb = notebook("pass")
    colour = "() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')"
    nb.theme(dark=True)
    dark = page.evaluate(colour)
    nb.theme(dark=False)
    assert page.evaluate(colour) != dark


def test_errors_and_requests_that_leave_are_noticed(notebook, page, watch):
    notebook("pass")
    page.evaluate("() => console.error('planted in the console')")
    page.evaluate("() => { setTimeout(() => { throw new Error('planted on the page'); }); }")
    page.evaluate("() => fetch('http://127.0.0.1:9/planted').catch(() => null)")
    page.wait_for_timeout(200)
    problems, outside = watch.take()
    assert any("planted in the console" in problem for problem in problems)
    assert any("planted on the page" in problem for problem in problems)
    assert outside == ["http://127.0.0.1:9/planted"]
