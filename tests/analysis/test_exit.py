"""The interpreter ends although jobs are running, whatever their calculators do."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = """
import sys, threading, time
import numpy as np
import audiocache_nb as acn

inside = threading.Event()

def begin(function):
    registry = acn.calculators
    registry.register(function)
    session = acn.Session(cache_dir=False, workers=2)
    rng = np.random.default_rng(0)
    for number in range(5):
        track = session.add_audio(rng.uniform(-1, 1, 400_000), 44100, name=f"noise {number}")
        session.request(track, [function.feature, "spectrogram"])
    assert inside.wait(60), "the calculator never began"
    return session

@acn.calculator(feature="ignores", inputs="samples", version=1)
def ignores(samples):
    inside.set()
    while True:
        time.sleep(0.01)

@acn.calculator(feature="spins", inputs="samples", version=1)
def spins(samples):
    inside.set()
    while True:
        pass

@acn.calculator(feature="blocks", version=1)
def blocks(frames):
    inside.set()
    time.sleep(0.05)
    return frames[:, 0]

@acn.calculator(feature="swallows", version=1, inputs="samples")
def swallows(samples, *, ctx):
    inside.set()
    while True:
        try:
            ctx.checkpoint()
            time.sleep(0.01)
        except BaseException:
            pass
"""
ENDS = {
    "end of the script": "print('end', flush=True)",
    "sys.exit": "print('end', flush=True); sys.exit(0)",
    "close": "session.close(); print('end', flush=True)",
    "exception": "print('end', flush=True); raise RuntimeError('mine')",
}


@pytest.mark.parametrize(
    ("calculator", "end"),
    [
        *((calculator, ENDS["end of the script"]) for calculator in ("ignores", "spins", "blocks", "swallows")),
        *(("swallows", end) for end in ENDS.values()),
        ("spins", ENDS["close"]),
    ],
)
def test_the_interpreter_ends_with_jobs_running(calculator, end):
    """A hang would end in the timeout, far above anything that a slow machine needs."""
    program = f"{BEGIN}\nsession = begin({calculator})\n{end}\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "end\n", done.stderr
    if "mine" in end:
        assert done.returncode == 1
        assert "RuntimeError: mine" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_session_is_not_brought_back_to_life_by_a_late_result():
    program = f"""{BEGIN}
gate = threading.Event()

@acn.calculator(feature="late", inputs="samples", version=1)
def late(samples):
    inside.set()
    assert gate.wait(60)
    return acn.Global(1.0)

session = begin(late)
heard = []
before = {{id: state.status.state for id, state in session.store.snapshot().sources.items()}}
session.close()
session.store.flush(60)
revision = session.store.snapshot().revision
session.subscribe(heard.append)
gate.set()
while any("audiocache_nb" in t.name and t.name[-1].isdigit() for t in threading.enumerate()):
    time.sleep(0.01)
time.sleep(0.1)
assert session.store.snapshot().revision == revision
assert heard == []
assert all(state.status.state != "pending" for state in session.store.snapshot().sources.values())
print("end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


BUSY = """
import numpy as np
import audiocache_nb as acn

session = acn.Session(cache_dir=False, workers=2)
rng = np.random.default_rng(0)
for number in range(4):
    track = session.add_audio(rng.uniform(-1, 1, 4_000_000), 44100, name=f"noise {number}")
    session.request(track, ["spectrogram", "mvmnt.spectrogram"])
assert session.timeline.scheduler.jobs, "nothing was running any more"
"""


@pytest.mark.parametrize("attempt", range(5))
def test_the_interpreter_ends_in_the_middle_of_transforms(attempt):
    """Where it ends while a thread is inside C++ code, it would abort, which happens one time in three."""
    done = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
