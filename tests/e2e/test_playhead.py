"""Transport, playhead and inspector in a real JupyterLab, with sound that really plays."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

START = """
import time, json
import numpy as np
import soundfile
import audiocache_nb as acn

session = acn.Session(cache_dir=False)
t = np.arange(20 * 22050) / 22050
y = (0.3 * np.sin(2 * np.pi * 440 * t)).astype("float32")
"""
ARRAY = START + 'track = session.add_audio(y, sample_rate=22050, name="tone"); playhead = session.playhead\n'
FILE = START + 'soundfile.write("{name}", y, 22050); track = session.add_audio("{name}"); playhead = session.playhead\n'
SHOW = "transport = acn.Transport(session); transport"
SAY = "print(json.dumps([playhead.time, playhead.playing, playhead.rate, playhead.loop_start, playhead.loop_end]))"
ROOT = ".acn-transport"
SOUND = "document.querySelector('audio.acn-sound')"


def audio(page: Page, what: str):
    return page.evaluate(f"{SOUND}?.{what}")


def wait_for(page: Page, condition: str) -> None:
    page.wait_for_function(f"() => {{ const a = {SOUND}; return {condition}; }}", timeout=30_000)


def say(nb, cell) -> list:
    return json.loads(nb.run(cell))


@pytest.fixture
def shown(notebook, page: Page):
    """A transport of an array, paused at the beginning; cell 2 says where the playhead is."""
    nb = notebook(ARRAY, SHOW, SAY, "playhead.seek(7.5)", "playhead.play()", "playhead.pause()")
    nb.run(0)
    nb.run(1)
    expect(page.locator(ROOT)).to_be_visible()
    wait_for(page, "a && a.readyState >= 3")
    return nb


def test_play_pause_and_seek_from_page_and_from_python(shown, page: Page):
    root = page.locator(ROOT)
    assert audio(page, "src").startswith("blob:"), "an array has no file"
    page.get_by_role("button", name="Play", exact=True).click()
    wait_for(page, "a.currentTime > 0.3 && !a.paused")
    expect(root).to_have_attribute("data-playing", "true")
    shown.screenshot("transport-playing")
    time_s, playing, *_ = say(shown, 2)
    assert playing
    assert time_s > 0.3
    shown.run(3)
    wait_for(page, "a.currentTime > 7.5 && !a.paused")
    shown.run(5)
    wait_for(page, "a.paused")
    expect(root).to_have_attribute("data-playing", "false")
    stopped_s, playing, *_ = say(shown, 2)
    assert not playing
    assert audio(page, "currentTime") == pytest.approx(stopped_s, abs=0.06)
    shown.run(4)
    wait_for(page, "!a.paused && a.currentTime > " + str(stopped_s))
    page.get_by_role("button", name="Pause", exact=True).click()
    wait_for(page, "a.paused")
    assert say(shown, 2)[1] is False
    shown.theme(dark=True)
    shown.screenshot("transport-dark")
    shown.theme(dark=False)
