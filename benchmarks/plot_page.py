"""An hour of audio in a plot, in a real JupyterLab and a real browser: time per frame while panning, time per tile.

``python benchmarks/plot_page.py`` prints the rows. What the browser draws with (a graphics card, or the
processor) decides about the first of them; in a container it is the processor.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import sys
import tempfile
from typing import Any

import nbformat
from playwright.sync_api import Page, sync_playwright
from report import Row, Section
from rounds import Sample

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests"))

from support import browser as this_machines
from support.lab import serve
from support.notebook import Notebook

FRAME_TARGET_MS = 16.0
TILE_TARGET_MS = 5.0
FRAMES = 240
HOUR = """
import json, math, time
import numpy as np
import audiocache_nb as acn
from audiocache_nb.widgets import tiles

rate = 22050
t = np.arange(int({seconds} * rate), dtype=np.float32) / rate
y = np.random.default_rng(0).normal(0, 0.1, len(t)).astype(np.float32)
y *= 0.2 + 0.8 * np.abs(np.sin(t / 7))
y += 0.3 * np.sin(2 * np.pi * (200 + 3 * (t % 300)) * t)
session = acn.Session(cache_dir=False, ask_above_s=math.inf, ask_above_mb=math.inf)
track = session.add_audio(y, sample_rate=rate, name="an hour")
profile = acn.AnalysisProfile(storage="uint8")
took, answer = [], tiles._answer
def timed(waiting):
    pyramid, began = waiting.picture.pyramid, time.perf_counter()
    pyramid.tile(waiting.request.level, waiting.request.index)
    took.append((time.perf_counter() - began) * 1000)
    answer(waiting)
tiles._answer = timed
"""
PLOT = """
plot = acn.FeaturePlot(session, track, ["spectrogram", "rms"], profile=profile)
plot
"""
# Every frame's own work: what all callbacks of one animation frame take together.
WATCH = """() => {
  window.frames = [];
  const request = window.requestAnimationFrame.bind(window);
  let stamp = -1, spent = 0;
  window.requestAnimationFrame = callback => request(now => {
    if (now !== stamp) { if (stamp >= 0) window.frames.push(spent); stamp = now; spent = 0; }
    const began = performance.now();
    callback(now);
    spent += performance.now() - began;
  });
}"""
# Moves a held pointer by some pixels in every frame, to and fro.
PAN = """async ([count, step]) => {
  window.frames.length = 0;
  const plot = document.querySelector(".acn-plot");
  const box = plot.getBoundingClientRect();
  const y = box.top + box.height / 2;
  let x = box.left + box.width / 2;
  const send = (type, clientX) => plot.dispatchEvent(new PointerEvent(type, {
    pointerId: 7, button: 0, clientX, clientY: y, bubbles: true,
  }));
  plot.setPointerCapture = () => {};
  send("pointerdown", x);
  for (let k = 0; k < count; k++) {
    x += k % 80 < 40 ? -step : step;
    send("pointermove", x);
    await new Promise(done => requestAnimationFrame(done));
  }
  send("pointerup", x);
  return window.frames.slice(5);
}"""


def _open(page: Page, root: pathlib.Path, url: str, cells: list[str]) -> Notebook:
    name = "plot_page.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), root / name)
    page.goto(f"{url}/lab/tree/{name}?reset")
    notebook = Notebook(page, name)
    notebook.wait_ready()
    return notebook


def _measure(page: Page, notebook: Notebook, shown: str) -> Sample:
    notebook.run(3)
    page.wait_for_timeout(1500)
    values: list[float] = page.evaluate(PAN, [FRAMES, 9])
    assert len(values) > FRAMES / 2, f"no frames {shown}"
    return Sample(tuple(values))


def _row(name: str, sample: Sample, share: float, unit: str, target: float) -> Row:
    return Row(
        name, sample.quantile(share), unit, target, detail=f"median {sample.median:.2g}, {len(sample.values)} of them"
    )


def plot_page(seconds: float = 3600.0) -> Section:
    """Measure; takes a minute or two, most of it for computing the hour."""
    zooms = {"everything": (0.0, seconds), "five minutes": (600.0, 900.0), "ten seconds": (600.0, 610.0)}
    zooms = {name: (start % seconds, min(end, seconds)) for name, (start, end) in zooms.items()}
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="acn")))
        lab = stack.enter_context(serve(folder))
        player = stack.enter_context(sync_playwright())
        opened = player.chromium.launch(executable_path=str(this_machines.find()), args=[*this_machines.ARGUMENTS])
        stack.callback(opened.close)
        page = opened.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        spans = f"zooms = iter({[*zooms.values()]!r})"
        cells = [
            HOUR.format(seconds=seconds) + spans,
            PLOT,
            "session.wait(600)",
            "plot.span = next(zooms); took.clear()",
        ]
        notebook = _open(page, lab.root, lab.url, [*cells, "print(json.dumps(took))", "print(len(took))"])
        notebook.run(0, timeout_s=300)
        page.evaluate(WATCH)
        notebook.run(1)
        notebook.run(2, timeout_s=600)
        page.wait_for_timeout(3000)
        per_tile: list[float] = []
        for name in zooms:
            found = _measure(page, notebook, name)
            rows.append(_row(f"frame while panning, p95, {name} visible", found, 0.95, "ms", FRAME_TARGET_MS))
            page.wait_for_timeout(500)
            per_tile += json.loads(notebook.run(4))
        tiles = Sample(tuple(per_tile))
        rows.append(_row("tile in the kernel, p95", tiles, 0.95, "ms", TILE_TARGET_MS))
        before = int(notebook.run(5))
        _recolour(page)
        sent = int(notebook.run(5)) - before
        rows.append(Row("tiles sent when colours change", float(sent), "tiles", 0.0))
    return Section("An hour in a plot", rows, note=f"{seconds:g} s of audio; waveform, spectrogram and RMS")


def _recolour(page: Page) -> None:
    page.get_by_role("button", name="Axes and colours").click()
    settings = page.get_by_role("group", name="Axes and colours")
    for colours in ("sea", "grey", "heat"):
        settings.get_by_label("Colour map").select_option(colours)
        page.wait_for_timeout(300)
    settings.get_by_label("Gamma").fill("0.5")
    page.wait_for_timeout(500)


def main() -> None:
    parser: Any = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    print(plot_page(parser.parse_args().seconds).text())


if __name__ == "__main__":
    main()
