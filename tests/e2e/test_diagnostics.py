"""The diagnostics table in a real JupyterLab: why things are as they are, and the buttons that change it."""

from __future__ import annotations

import pathlib

from playwright.sync_api import Page, expect

NOTEBOOK = pathlib.Path(__file__).parents[2] / "notebooks" / "02_write_a_calculator.ipynb"

START = """
import time
import numpy as np
import audiocache_nb as acn

session = acn.Session(cache_dir=False, workers=2)
rng = np.random.default_rng(0)
y = (0.3 * np.sin(2 * np.pi * 440 * np.arange(8 * 22050) / 22050)).astype("float32")
track = session.add_audio(np.stack([y, 0.5 * y], axis=1), sample_rate=22050, name="tone")
other = session.add_audio(y * 0.7, sample_rate=22050, name="other take")
"""
CALCULATORS = """
@acn.calculator(feature="slow", label="Slow", inputs="samples")
def slow(y, *, ctx, seconds: float = 8.0):
    steps = int(seconds / 0.02)
    for n in range(steps):
        ctx.checkpoint()
        ctx.progress(n / steps)
        time.sleep(0.02)
    return np.zeros(ctx.frame_count)

@acn.calculator(feature="broken", label="Broken")
def broken(frames):
    raise ValueError("the window has no energy")
"""
TABLE = ".acn-diagnostics"
ROWS = f"{TABLE} tr.acn-diagnostic"


def test_every_state_is_told_apart_and_explained(notebook, page: Page):
    nb = notebook(
        START + CALCULATORS,
        "acn.DiagnosticsTable(session)",
        """
session.policy = "ask"
session.request(track, ["rms", "spectrogram", "chroma"], element="my plot")
try:
    session.request(other, "spectogram", element="typo")
except acn.AudioCacheError as error:
    print(error.code)
""",
        """
session.compute(); session.wait(); session.policy = "all"
session.request(track, ["rms", "slow"], element="my plot")
session.request(other, ["broken", "mfcc"], element="all takes")
job = session.diagnostics.regenerate(other, ["mfcc", acn.Descriptor("slow", params={"seconds": 9.0})])
""",
        "session.stop(track); session.stop(other)",
    )
    page.set_viewport_size({"width": 1280, "height": 1000})
    table = page.locator(TABLE)

    def pictures(name: str) -> None:
        for dark in (False, True):
            nb.theme(dark=dark)
            table.scroll_into_view_if_needed()
            nb.screenshot(f"diagnostics-{name}-{'dark' if dark else 'light'}")

    def states() -> dict[str, str]:
        rows = page.locator(ROWS)
        return {row.locator("th").inner_text().split("\n")[0]: row.get_attribute("data-state") for row in rows.all()}

    nb.run(0)
    nb.run(1)
    expect(table).to_contain_text("Nothing is asked for and nothing is there.")
    pictures("empty")
    nb.run(2)
    expect(page.locator(ROWS)).to_have_count(4)
    expect(table).to_contain_text("Did you mean 'spectrogram'?")
    expect(page.locator(".acn-waiting")).to_contain_text("3 features would take")
    assert states() == {"spectogram": "bad_request", "Chroma": "missing", "RMS": "missing", "Spectrogram": "missing"}
    pictures("issues")
    nb.run(3)
    expect(table.locator(".acn-job [role=progressbar]")).to_be_visible()
    expect(page.locator(f"{ROWS}[data-state=extraneous]")).to_have_count(2)
    pictures("running")
    nb.run(4)
    expect(page.locator(f"{ROWS}[data-state=failed]")).to_contain_text("the window has no energy")
    expect(table.get_by_role("button", name="Retry mfcc")).to_be_visible()
    pictures("failed")


# As a person does it: the cell's text is replaced, and the cell run again.
EDIT = """([cell, before, after]) => {
  const model = window.jupyterapp.shell.currentWidget.content.widgets[cell].model.sharedModel;
  if (!model.getSource().includes(before)) throw new Error("the cell has no " + before);
  model.setSource(model.getSource().replace(before, after));
}"""
CREST = """
def level(frames):
    return np.sqrt((frames**2).mean(axis=1))

@acn.calculator(feature="crest", label="Crest", unit="dB")
def crest(frames, *, eps: float = 1e-9):
    return 20 * np.log10((np.abs(frames).max(axis=1) + eps) / (level(frames) + eps))
"""
WATCH = """
log = []
ended = session.subscribe(lambda event: log.append(event.slot.feature) if hasattr(event, "key") else None)
session.request(track, ["rms", "crest"], element="my plot")
session.wait()
table = acn.DiagnosticsTable(session)
table
"""


def test_an_edited_cell_makes_one_feature_stale_and_only_that_is_computed_again(notebook, page: Page):
    nb = notebook(
        START,
        CREST,
        WATCH,
        'session.policy = "ask"; log.clear()',
        "time.sleep(6); print(sorted(log))",
        'print(session.freshness(track, "crest").explain())',
        'session.request(track, "zcr", element="other")',
    )
    for cell in range(4):
        nb.run(cell)
    table, banner = page.locator(TABLE), page.locator(".acn-banner")
    crest, rms = page.locator(ROWS).filter(has_text="crest"), page.locator(ROWS).filter(has_text="rms")
    only = table.get_by_label("Issues only")
    expect(table).to_contain_text("No issues.")
    expect(banner).to_be_hidden()
    only.uncheck()
    expect(crest).to_have_attribute("data-state", "current")

    page.evaluate(EDIT, [1, "frames**2", "np.abs(frames)"])
    nb.run(1)
    expect(crest).to_have_attribute("data-state", "stale")
    expect(crest).to_contain_text("helper level in the notebook changed")
    expect(rms).to_have_attribute("data-state", "current")
    only.check()
    expect(rms).to_have_count(0)
    expect(page.locator(ROWS)).to_have_count(1)
    assert "helper level in the notebook changed" in nb.run(5)
    expect(banner).to_contain_text("1 feature needs attention: 1 stale.")
    nb.screenshot("diagnostics-edited")
    banner.get_by_role("button", name="Dismiss").click()
    expect(banner).to_be_hidden()

    nb.run(4, wait=False)  # the kernel is busy, and hears the click all the same
    regenerate = table.get_by_role("button", name="Regenerate Crest of tone")
    regenerate.focus()
    page.keyboard.press("Enter")
    expect(table).to_contain_text("No issues.")
    assert nb.is_running(4), "the key was only heard when the cell had ended"
    assert nb.wait(4).strip() == "['crest']"
    expect(banner).to_be_hidden()
    nb.run(6)
    expect(banner).to_contain_text("1 feature needs attention: 1 missing.")


def test_everything_is_done_without_a_mouse(notebook, page: Page):
    nb = notebook(
        START,
        'session.request(track, ["rms", "zcr", "flatness"], element="a"); session.wait(); session.release("a");'
        "acn.DiagnosticsTable(session)",
        "print(session.diagnostics.groups[0].extraneous)",
    )
    nb.run(0)
    nb.run(1)
    cells = len(nb.cells())
    rows = page.locator(ROWS)
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Dismiss Spectral flatness").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Dismiss RMS")).to_be_focused()
    page.keyboard.press("Space")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("button", name="Dismiss Zero-crossing rate")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep").and_(page.locator(":focus"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete… Zero-crossing rate")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert len(nb.cells()) == cells, "keys that were meant for the table acted on the notebook"
    assert "('flatness',)" in nb.run(2)


def test_the_explorer_computes_while_its_sliders_move(notebook, page: Page):
    nb = notebook(
        START,
        'x = acn.CalculatorExplorer(session, track, "mfcc"); x',
        "session.wait(); print(x.code)",
        "session.wait(); print(x.descriptor, session.peek(track, x.descriptor) is not None)",
    )
    page.set_viewport_size({"width": 1280, "height": 1000})
    nb.run(0)
    nb.run(1)
    result, plot = page.locator(".acn-explorer-result"), page.locator(".acn-explorer .acn-plot")
    expect(plot).to_be_visible()
    expect(result).to_contain_text("20 coefficients")
    number = page.locator("[data-name=n_mfcc] input[type=number]")
    number.fill("13")
    expect(result).to_contain_text("13 coefficients")
    slider = page.locator("[data-name=hop_size] input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".acn-code")).to_contain_text("hop_size=256")
    assert nb.run(3).split()[-1] == "True"
    number.fill("0")
    expect(page.locator("[data-name=n_mfcc] .acn-field-error")).to_contain_text("outside 1 to 1024")
    assert "'n_mfcc': 13" in nb.run(2)
    for dark in (False, True):
        nb.theme(dark=dark)
        page.locator(".acn-explorer").scroll_into_view_if_needed()
        nb.screenshot(f"explorer-{'dark' if dark else 'light'}")
    page.get_by_role("button", name="Reset to defaults").click()
    expect(result).to_contain_text("from the cache")
    page.get_by_label("Search calculators").fill("zero crossing")
    page.keyboard.press("Enter")
    expect(result).to_contain_text("2 channels")


def test_the_workbench_is_one_screen(notebook, page: Page):
    nb = notebook(START, "session.workbench(track)", "empty = acn.Session(cache_dir=False); empty.workbench()")
    page.set_viewport_size({"width": 1280, "height": 1200})
    nb.run(0)
    nb.run(1)
    bench = page.locator(".acn-workbench").first
    for part in (".acn-badge", ".acn-plot", "[role=tab]"):
        expect(bench.locator(part).first).to_be_visible()
    bench.get_by_role("tab", name="Frame").focus()
    page.keyboard.press("ArrowRight")
    expect(bench.locator(".acn-card").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(bench.locator(TABLE)).to_be_visible()
    for dark in (False, True):
        nb.theme(dark=dark)
        bench.scroll_into_view_if_needed()
        nb.screenshot(f"workbench-{'dark' if dark else 'light'}")
    nb.run(2)
    expect(page.locator(".acn-workbench").last).to_contain_text("There is no audio yet")


def test_the_notebook_runs_from_top_to_bottom(notebook, page: Page):
    nb = notebook.file(NOTEBOOK)
    nb.run_all(timeout_s=120)
    expect(page.locator(TABLE)).to_have_count(1)
    expect(page.locator(".acn-explorer .acn-plot")).to_have_count(1)
