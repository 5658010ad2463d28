"""The widgets in a real JupyterLab: badge, panel and plot, with a kernel that really analyses."""

from __future__ import annotations

import json
import pathlib

import pytest
from playwright.sync_api import Page, expect

QUICKSTART = pathlib.Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"

START = """
import time
import numpy as np
import audiocache_nb as acn

session = acn.Session(cache_dir=False)
rng = np.random.default_rng(0)
y = (0.3 * np.sin(2 * np.pi * 440 * np.arange(8 * 22050) / 22050)).astype("float32")
track = session.add_audio(np.stack([y, 0.5 * y], axis=1), sample_rate=22050, name="tone")
"""
# Ticks in short sleeps: cancellation, progress and the main thread are all seen at work.
SLOW = """
@acn.calculator(feature="slow", label="Slow", inputs="samples")
def slow(y, *, ctx, seconds: float = 4.0):
    steps = int(seconds / 0.02)
    for n in range(steps):
        ctx.checkpoint()
        ctx.progress(n / steps)
        time.sleep(0.02)
    return np.zeros(ctx.frame_count)
"""
# Notes every value that an attribute ever had: what a person would have seen.
OBSERVE = """selector => {
  const element = document.querySelector(selector);
  const seen = (window.seen = []);
  const note = () => {
    const badge = document.querySelector(selector);
    if (badge) seen.push([badge.dataset.state, badge.dataset.progress ?? null]);
  };
  note();
  new MutationObserver(note).observe(element, {
    attributes: true, attributeFilter: ["data-state", "data-progress"],
  });
}"""
BADGE = ".acn-badge"


def test_quickstart_runs_from_top_to_bottom(notebook, page: Page):
    nb = notebook.file(QUICKSTART)
    nb.run_all(timeout_s=120)
    expect(page.locator(BADGE)).to_have_count(1)
    expect(page.locator(".acn-panel")).to_have_count(1)
    page.locator(".acn-plot").first.scroll_into_view_if_needed()
    nb.screenshot("quickstart")


def test_badge_goes_from_pending_to_ready_with_progress(notebook, page: Page):
    nb = notebook(START + SLOW, "acn.StatusBadge(session, track)", 'session.request(track, "slow", element="test")')
    nb.run(0)
    nb.run(1)
    expect(page.locator(BADGE)).to_have_attribute("data-state", "idle")
    page.evaluate(OBSERVE, BADGE)
    nb.run(2)
    expect(page.locator(BADGE)).to_have_attribute("data-state", "pending")
    nb.screenshot("badge-pending")
    expect(page.locator(BADGE)).to_have_attribute("data-state", "ready", timeout=30_000)
    expect(page.locator(BADGE)).to_contain_text("Analysed")
    seen = page.evaluate("window.seen")
    progress = [float(value) for state, value in seen if state == "pending" and value not in (None, "")]
    assert [state for state, _ in seen if state != "pending"][-1] == "ready"
    assert len(set(progress)) >= 5, progress
    assert progress == sorted(progress), "progress went back"


def test_stop_works_while_a_cell_runs(notebook, page: Page):
    nb = notebook(
        START + SLOW,
        "panel = acn.CachesPanel(session); panel",
        'job = session.request(track, acn.Descriptor("slow", params={"seconds": 60.0}), element="test")[0]',
        "time.sleep(5); print(job.ended, job.state)",
    )
    for cell in range(3):
        nb.run(cell)
    stop = page.get_by_role("button", name="Stop tone")
    expect(stop).not_to_have_attribute("aria-disabled", "true")
    nb.run(3, wait=False)
    page.wait_for_timeout(300)
    stop.click()
    expect(page.locator(".acn-card")).not_to_have_attribute("data-state", "pending")
    assert nb.is_running(3), "the click was only heard when the cell had ended"
    nb.screenshot("stopped-while-busy")
    assert nb.wait(3).split() == ["True", "cancelled"]


def test_a_flood_of_progress_arrives_whole_and_slowly(notebook, page: Page):
    nb = notebook(
        START
        + """
@acn.calculator(feature="flood", inputs="samples")
def flood(y, *, ctx):
    for n in range(100_001):
        ctx.progress(n / 100_000)
    time.sleep(0.3)
    return np.zeros(ctx.frame_count)
""",
        """
import threading
badge = acn.StatusBadge(session, track)
sent, lock = [], threading.Lock()
original = badge._send
def counting(message, buffers=None):
    with lock:
        sent.append(time.monotonic())
    return original(message, buffers)
badge._send = counting
badge
""",
        """
began = time.monotonic()
for n in range(100_001):
    session.publisher.post(badge, state="pending", progress=n / 100_000)
session.publisher.flush()
elapsed = time.monotonic() - began
print(len(sent) <= 25 * max(1.0, elapsed) + 2, badge.progress)
""",
        'began, before = time.monotonic(), len(sent); session.get(track, "flood"); session.publisher.flush();'
        "print(len(sent) - before <= 25 * max(1.0, time.monotonic() - began) + 5, session.status(track).state)",
    )
    nb.run(0)
    nb.run(1)
    nb.run(2)
    assert nb.text(2).split() == ["True", "1.0"]
    expect(page.locator(BADGE)).to_have_attribute("data-progress", "1")
    assert nb.run(3).split() == ["True", "ready"]
    expect(page.locator(BADGE)).to_have_attribute("data-state", "ready")


def test_panel_buttons_act(notebook, page: Page):
    nb = notebook(
        START + SLOW,
        'session.request(track, ["rms", "spectrogram"], element="test"); session.wait(); acn.CachesPanel(session)',
        'first = session.get(track, "rms").provenance["computed_at"]; n = session.store.sequence; print("ok")',
        "session.wait(); print(session.store.sequence > n, session.status(track).state)",
        'session.request(track, "slow", element="slow"); print("asked")',
    )
    for cell in range(3):
        nb.run(cell)
    card = page.locator(".acn-card")
    expect(card).to_have_attribute("data-state", "ready")
    expect(card).to_contain_text("Source ID: src-")
    expect(card).to_contain_text("2 channels")
    row = card.get_by_role("row", name="RMS")
    expect(row).to_contain_text("frames")
    stop = page.get_by_role("button", name="Stop tone")
    expect(stop).to_have_attribute("aria-disabled", "true")
    assert stop.get_attribute("title"), "a disabled button says why"
    nb.screenshot("panel-ready")
    row.get_by_role("button").click()
    assert nb.run(3).split() == ["True", "ready"]
    nb.run(4)
    expect(card).to_have_attribute("data-state", "pending")
    expect(row.get_by_role("button")).to_have_attribute("aria-disabled", "true")
    nb.screenshot("panel-busy")
    stop.click()
    expect(card).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Restart tone").click()
    expect(card).to_have_attribute("data-state", "pending")
    page.get_by_role("button", name="Stop tone").click()
    expect(card).not_to_have_attribute("data-state", "pending")


# Whether no letter is covered by the playhead's line: it is beside the words, or goes behind them.
WORDS_OVER_THE_PLAYHEAD = """() => {
  const plot = document.querySelector(".acn-plot");
  const line = plot.querySelector(".acn-playhead-line");
  const { left, right } = line.getBoundingClientRect();
  line.style.pointerEvents = "auto";
  const clear = (selector) => {
    const element = plot.querySelector(selector);
    const range = document.createRange();
    range.selectNodeContents(element);
    const words = range.getBoundingClientRect();
    if (right <= words.left || left >= words.right) return words.width > 0;
    const top = document.elementFromPoint((left + right) / 2, (words.top + words.bottom) / 2);
    const ground = (of) => getComputedStyle(of).backgroundColor;
    return top === element && ground(element) === ground(plot.closest(".acn-root"));
  };
  const found = { name: clear(".acn-pane-label"), values: clear(".acn-readout") };
  line.style.pointerEvents = "";
  return found;
}"""


def test_plot_zooms_pans_and_reads_out(notebook, page: Page):
    nb = notebook(
        START,
        'plot = acn.FeaturePlot(session, track, "spectrogram"); plot',
        "print(plot.span)",
        "session.playhead.seek(0.15)",
        "session.playhead.seek(track.duration - 0.02)",
    )
    nb.run(0)
    nb.run(1)
    plot = page.locator(".acn-plot")
    expect(plot).to_be_visible()
    expect(page.locator(".acn-plot .acn-overlay:visible")).to_have_count(0, timeout=30_000)

    def span() -> list[float]:
        page.wait_for_timeout(400)
        return json.loads(nb.run(2).replace("(", "[").replace(")", "]"))

    whole = span()
    assert whole[0] == pytest.approx(0, abs=0.1)
    assert whole[1] == pytest.approx(8, abs=0.1)
    nb.screenshot("plot-whole")
    for cell in (None, 3, 4):  # at the beginning, below the name, and at the end, where the values stand
        if cell:
            nb.run(cell)
            page.wait_for_timeout(400)
        assert page.evaluate(WORDS_OVER_THE_PLAYHEAD) == {"name": True, "values": True}, cell
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6
    page.mouse.click(x, y)
    page.mouse.wheel(0, -400)
    zoomed = span()
    assert zoomed[1] - zoomed[0] < 0.9 * (whole[1] - whole[0])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 150, y, steps=5)
    page.mouse.up()
    panned = span()
    assert panned[0] > zoomed[0]
    assert panned[1] - panned[0] == pytest.approx(zoomed[1] - zoomed[0], rel=0.02)
    page.mouse.move(x - 40, y)
    expect(plot).to_contain_text("Hz")
    expect(plot).to_contain_text("dB")
    nb.screenshot("plot-zoomed")
    page.mouse.click(x, y)
    page.keyboard.press("0")
    assert span() == pytest.approx(whole, abs=0.01)


def test_dark_theme(notebook, page: Page):
    nb = notebook(
        START + 'session.request(track, ["rms"], element="test"); session.wait()',
        "acn.StatusBadge(session, track)",
        'acn.FeaturePlot(session, track, "spectrogram")',
        "acn.CachesPanel(session)",
    )
    for cell in range(4):
        nb.run(cell)
    expect(page.locator(BADGE)).to_have_attribute("data-state", "ready")
    colour = "() => getComputedStyle(document.querySelector('.acn-card')).color"
    light = page.evaluate(colour)
    nb.screenshot("theme-light")
    nb.theme(dark=True)
    expect(page.locator(BADGE)).to_be_visible()
    assert page.evaluate(colour) != light
    page.wait_for_timeout(300)
    nb.screenshot("theme-dark")
    nb.theme(dark=False)


def test_failed_and_empty_states_are_shown(notebook, page: Page):
    nb = notebook(
        "import audiocache_nb as acn, numpy as np; session = acn.Session(cache_dir=False); acn.CachesPanel(session)",
        """
@acn.calculator(feature="broken", label="Broken")
def broken(frames):
    raise ValueError("no such <b>luck</b>")

track = session.add_audio(np.zeros(44100), sample_rate=44100, name="</script><img src=x onerror=alert(1)>")
acn.FeaturePlot(session, track, "broken")
""",
    )
    nb.run(0)
    expect(page.get_by_text("Add an audio track to begin analysing audio features.")).to_be_visible()
    nb.run(1)
    expect(page.locator(".acn-card")).to_have_attribute("data-state", "failed")
    expect(page.locator(".acn-plot")).to_contain_text("no such <b>luck</b>")
    assert page.locator(".acn-card img, .acn-plot img, .acn-card b").count() == 0
    nb.screenshot("failed")
