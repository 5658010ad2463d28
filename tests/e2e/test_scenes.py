"""A scene is saved, the kernel restarted, the scene loaded: the plots are there, and nothing was computed."""

from __future__ import annotations

import pathlib

from playwright.sync_api import Page, expect

SCENES = pathlib.Path(__file__).parents[2] / "notebooks" / "04_scenes_and_bundles.ipynb"

SAVE = """
import audiocache_nb as acn

session = acn.Session(cache_dir=False)
track = session.add_audio(*acn.examples.load("drum-loop"), track_id="drums", name="drum loop")
plots = [acn.FeaturePlot(session, track, feature) for feature in ("spectrogram", "rms")]
session.wait()
print(len(session.save("scene.zip").kept))
session.save("scene.mvt")
"""
LOAD = """
import audiocache_nb as acn
from audiocache_nb.analysis.scheduler import Scheduler

submitted, submit = [], Scheduler.submit
def counting(self, job):
    submitted.append(job)
    return submit(self, job)
Scheduler.submit = counting
session, report = acn.load("scene.zip", cache_dir=False)
print(len(report.kept), len(report.left_out), session.status("drums").state)
"""
PLOTS = """
from IPython.display import display
plots = [acn.FeaturePlot(session, "drums", feature) for feature in ("spectrogram", "rms")]
display(*plots)
"""
COUNT = """
session.wait()
print(len(submitted), len(session.diagnostics.history), session.status("drums").state)
"""
RESTART = """async () => {
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();
}"""
COLOURS = """plot => {
  let most = 0;
  for (const canvas of plot.querySelectorAll("canvas")) {
    const context = canvas.getContext("2d");
    if (!context || !canvas.width || !canvas.height) continue;
    const data = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    most = Math.max(most, new Set(data).size);
  }
  return most;
}"""


def test_after_a_restart_everything_is_there_and_nothing_is_computed(notebook, page: Page):
    nb = notebook(SAVE, "before = 1", LOAD, PLOTS, COUNT, "print('before' in dir())")
    assert nb.run(0).split() == ["3"]  # the plots ask for the waveform, too
    nb.run(1)
    page.evaluate(RESTART)
    nb.wait_ready()
    assert nb.run(5) == "False\n"  # it is another kernel
    assert nb.run(2).split() == ["3", "0", "ready"]
    nb.run(3)
    plots = page.locator(".acn-plot")
    expect(plots).to_have_count(2)
    for number, least in ((0, 50), (1, 3)):
        plot = plots.nth(number)
        plot.scroll_into_view_if_needed()
        expect(plot.locator(".acn-overlay:visible")).to_have_count(0, timeout=30_000)
        for _ in range(50):
            if plot.evaluate(COLOURS) >= least:
                break
            page.wait_for_timeout(100)
        assert plot.evaluate(COLOURS) >= least, "nothing is painted"
    nb.screenshot("scene-loaded")
    assert nb.run(4).split() == ["0", "0", "ready"]


def test_the_notebook_runs_from_top_to_bottom(notebook, page: Page):
    nb = notebook.file(SCENES)
    nb.run_all(timeout_s=120)
    expect(page.locator(".acn-plot")).to_have_count(1)
