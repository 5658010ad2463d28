"""The plot in a real JupyterLab: panes, choices, linked plots, selections, samples, and what is not sent."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

DRUMS = """
import numpy as np
import audiocache_nb as acn

session = acn.Session(cache_dir=False, bpm=120)
track = session.add_audio(*acn.examples.load("drum-loop"), name="drums")
"""
COUNTED = """
def counted(plot):
    plot.tiles_sent = []
    original = plot.send
    def send(content, buffers=None):
        if content.get("kind") == "tile":
            plot.tiles_sent.append((content["layer"], content["level"], content["index"]))
        return original(content, buffers)
    plot.send = send
    return plot
"""


def ready(page: Page) -> None:
    """Every pane has something to show."""
    expect(page.locator(".acn-plot").first).to_be_visible()
    expect(page.locator('.acn-plot .acn-pane:not([data-kind="text"]) .acn-overlay:visible')).to_have_count(
        0, timeout=60_000
    )
    page.wait_for_timeout(400)


def value(nb, cell: int):
    """What a cell prints as JSON."""
    return json.loads(nb.run(cell))


def test_panes_share_one_axis_and_follow_the_tempo_without_jobs(notebook, page: Page):
    nb = notebook(
        DRUMS,
        'features = ["spectrogram", "rms", "beats", "tempo"]'
        + chr(10)
        + 'plot = acn.FeaturePlot(session, track, features, time_axis="bars"); plot',
        """
import json
events = []
end = session.subscribe(lambda event: events.append(type(event).__name__))
session.tempo.bpm = 90
session.wait(); session.publisher.flush(); end()
running = [layer["state"] for layer in plot.layers if layer["state"] != "fresh"]
print(json.dumps([len(session.timeline.scheduler.jobs), running, [e for e in events if "Job" in e or "Regener" in e]]))
""",
    )
    nb.run(0)
    nb.run(1)
    ready(page)
    expect(page.locator(".acn-pane")).to_have_count(5)
    expect(page.locator('.acn-pane[data-layer="tempo"]')).to_contain_text("BPM")
    page.locator(".acn-plot").first.scroll_into_view_if_needed()
    axis = "() => document.querySelector('.acn-plot > canvas').toDataURL()"
    before = page.evaluate(axis)
    nb.screenshot("plot-panes-bars")
    assert value(nb, 2) == [0, [], []]
    page.wait_for_function(f"before => ({axis})() !== before", arg=before)
    nb.screenshot("plot-panes-tempo-edit")
    nb.theme(dark=True)
    page.wait_for_timeout(500)
    nb.screenshot("plot-panes-bars-dark")
    nb.theme(dark=False)
