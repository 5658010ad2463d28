"""The diagnostics table in a real JupyterLab: why things are as they are, and the buttons that change it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

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
