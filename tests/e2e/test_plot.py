"""The plot in a real JupyterLab: panes, choices, linked plots, selections, samples, and what is not sent."""

from __future__ import annotations

import json

import pytest
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


def test_colours_change_without_a_tile_and_few_requests_are_out_at_once(notebook, page: Page):
    nb = notebook(
        DRUMS + COUNTED,
        'plot = counted(acn.FeaturePlot(session, track, "spectrogram")); plot',
        "import json; print(json.dumps(len(plot.tiles_sent)))",
        "print(json.dumps([plot.colormap, plot.value_min, plot.gamma, plot.frequency_axis]))",
        "plot.span = (2.0, 2.5)",
    )
    # Counts requests of tiles that have no answer yet, as the page's own sockets see them.
    page.add_init_script(
        """
        window.most = 0;
        const out = new Set();
        const text = data => typeof data === "string" ? data : new TextDecoder("latin1").decode(data);
        const ids = (words, kind) => [...words.matchAll(/"content": ?{[^{}]*"kind": ?"(\\w+)"[^{}]*}/g)]
          .filter(found => kind.includes(found[1])).map(found => /"id": ?(\\d+)/.exec(found[0])?.[1]);
        window.WebSocket = class extends WebSocket {
          constructor(...given) {
            super(...given);
            // First of all listeners, so that an answer counts before it leads to the next request.
            this.addEventListener("message", event => {
              for (const id of ids(text(event.data), ["tile", "refused"])) out.delete(id);
            });
          }
          send(data) {
            for (const id of ids(text(data), ["tile"])) { out.add(id); window.most = Math.max(window.most, out.size); }
            return super.send(data);
          }
        };
        """
    )
    page.reload()
    nb.wait_ready()
    nb.run(0)
    nb.run(1)
    ready(page)
    sent = value(nb, 2)
    assert sent >= 2
    page.get_by_role("button", name="Axes and colours").click()
    settings = page.get_by_role("group", name="Axes and colours")
    picture = "() => document.querySelector('[data-layer=spectrogram] canvas').toDataURL()"
    seen = {page.evaluate(picture)}
    for act in (
        lambda: settings.get_by_label("Colour map").select_option("sea"),
        lambda: settings.get_by_label("Colours from").fill("-40"),
        lambda: settings.get_by_label("Gamma").fill("0.5"),
        lambda: settings.get_by_label("Frequency axis").select_option("log"),
        lambda: settings.get_by_label("Frequency axis").select_option("mel"),
    ):
        act()
        page.keyboard.press("Tab")
        page.wait_for_timeout(500)
        seen.add(page.evaluate(picture))
    assert len(seen) == 6, "every choice is to be seen"
    nb.screenshot("plot-colours")
    assert value(nb, 2) == sent, "colours were sent again"
    assert value(nb, 3) == ["sea", -40.0, 0.5, "mel"]
    nb.run(4)
    page.wait_for_timeout(600)
    assert value(nb, 2) > sent
    assert 1 <= page.evaluate("window.most") <= 4


def test_zoom_to_samples_and_back(notebook, page: Page):
    nb = notebook(
        DRUMS + COUNTED,
        'plot = counted(acn.FeaturePlot(session, track, "rms")); plot',
        "plot.span = (1.0, 1.0012)",
        "import json; print(json.dumps(sorted({level for name, level, _ in plot.tiles_sent if name == 'waveform'})))",
        "plot.span = (0.0, 8.0)",
        "print(json.dumps(plot.span))",
        "print(json.dumps([at / track.source.sample_rate for at in session.timeline.focus.of(track.source)]))",
    )
    nb.run(0)
    nb.run(1)
    ready(page)
    coarse = value(nb, 3)
    assert 0 not in coarse
    nb.run(2)
    page.wait_for_timeout(800)
    assert 0 in value(nb, 3), "single samples were not asked for"
    page.locator(".acn-plot").scroll_into_view_if_needed()
    nb.screenshot("plot-samples")
    nb.run(4)
    page.wait_for_timeout(500)
    assert value(nb, 5) == [0.0, 8.0]
    page.locator(".acn-plot").click(position={"x": 400, "y": 60})
    page.keyboard.press("+")
    page.wait_for_timeout(600)
    start, end = value(nb, 5)
    assert end - start == pytest.approx(4.0, abs=0.01)
    assert value(nb, 6) == pytest.approx([start, end], abs=0.001), "what is visible is not computed first"


def test_linked_plots_move_together_while_the_kernel_is_busy(notebook, page: Page):
    nb = notebook(
        DRUMS,
        'first = acn.FeaturePlot(session, track, "rms", waveform=False, height=120); first',
        'second = acn.FeaturePlot(session, track, "centroid", waveform=False, height=120); second',
        'alone = acn.FeaturePlot(session, track, "zcr", waveform=False, height=120, linked=False); alone',
        "import time; time.sleep(3)",
        "import json; print(json.dumps([first.span, second.span, alone.span]))",
    )
    for cell in range(4):
        nb.run(cell)
    ready(page)
    plots = page.locator(".acn-plot")
    axes = "() => [...document.querySelectorAll('.acn-plot > canvas')].map(canvas => canvas.toDataURL())"
    before = page.evaluate(axes)
    nb.run(4, wait=False)
    plots.nth(0).click(position={"x": 400, "y": 60})
    page.keyboard.press("+")
    page.wait_for_timeout(300)
    after = page.evaluate(axes)
    assert nb.is_running(4)
    assert [a != b for a, b in zip(after, before, strict=True)] == [True, True, False]
    assert after[0] == after[1]
    nb.wait(4)
    page.wait_for_timeout(500)
    one, two, three = value(nb, 5)
    assert one == two == pytest.approx([2.0, 6.0], abs=0.01)
    assert three == [0.0, 8.0]


def test_a_selection_arrives_and_survives_a_reload(notebook, page: Page):
    nb = notebook(
        DRUMS,
        'plot = acn.FeaturePlot(session, track, ["spectrogram", "onsets"], frequency_axis="log"); plot',
        "import json; print(json.dumps([plot.selection, session.playhead.time]))",
        "plot.selection = None",
    )
    nb.run(0)
    nb.run(1)
    ready(page)
    image = page.locator('[data-layer="spectrogram"] canvas')
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    assert box is not None

    def drag(x0: float, y0: float, x1: float, y1: float, *, shift: bool) -> None:
        if shift:
            page.keyboard.down("Shift")
        page.mouse.move(box["x"] + x0, box["y"] + y0)
        page.mouse.down()
        page.mouse.move(box["x"] + x1, box["y"] + y1, steps=4)
        page.mouse.up()
        if shift:
            page.keyboard.up("Shift")
        page.wait_for_timeout(500)

    drag(300, 50, 500, 150, shift=True)
    selection, playhead_s = value(nb, 2)
    assert len(selection) == 4
    assert 0 < selection[0] < selection[1] < 8
    assert 20 < selection[2] < selection[3] < 22050
    assert playhead_s == 0, "marking does not move the playhead"
    nb.screenshot("plot-selection")
    page.locator(".acn-plot").focus()
    page.keyboard.press("z")
    page.keyboard.press("Delete")
    page.wait_for_timeout(500)
    assert value(nb, 2)[0] is None
    page.get_by_role("button", name="Show everything").click()
    page.get_by_role("button", name="Select by dragging").click()
    drag(300, 50, 500, 52, shift=False)
    selection, _ = value(nb, 2)
    assert len(selection) == 2
    image.click(position={"x": 400, "y": 100})
    page.wait_for_timeout(500)
    assert value(nb, 2)[1] > 0, "a click seeks"
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(500)
    page.reload()
    nb.wait_ready()
    ready(page)
    expect(page.locator(".acn-selection")).to_be_visible()
    assert value(nb, 2)[0] == selection
