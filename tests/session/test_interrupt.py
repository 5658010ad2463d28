"""Ctrl-C while a cell waits: each case in an interpreter of its own, which really gets the signal."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

WAIT_S = 120
BEGINNING = """
import signal
import threading
import numpy as np
import audiocache_nb as acn

signal.signal(signal.SIGINT, signal.default_int_handler)
entered, go = threading.Event(), threading.Event()

@acn.calculator(inputs="samples", version=1)
def gate(samples, *, ctx):
    entered.set()
    while not go.wait(0.005):
        ctx.checkpoint()
    return acn.Global(1.0)

session = acn.Session(cache_dir=False)
track = session.add_audio(np.zeros(800), 8000)

def interrupted(call):
    # The line that the test waits for is printed by another thread once this one waits in `call`.
    def tell():
        entered.wait(60)
        threading.Event().wait(0.2)
        print("waiting", flush=True)

    threading.Thread(target=tell).start()
    try:
        call()
    except KeyboardInterrupt:
        return True
    return False
"""


def interrupt(script: str) -> list[str]:
    """Run a script, send it Ctrl-C when it says that it waits, and return what else it says."""
    code = BEGINNING + textwrap.dedent(script)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line == "waiting\n", process.communicate(timeout=WAIT_S)[1]
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
    assert err == ""
    assert process.returncode == 0
    return out.splitlines()


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to one process here")


def test_in_wait_it_ends_the_waiting_and_not_the_work():
    lines = interrupt("""
        session.request(track, "gate")
        assert interrupted(session.wait)
        print(session.status(track).state)
        go.set()
        session.wait(60)
        print(session.status(track).state)
    """)
    assert lines == ["pending", "ready"]


def test_in_get_it_ends_the_work_that_the_call_began():
    lines = interrupt("""
        assert interrupted(lambda: session.get(track, "gate"))
        session.wait(60)
        print(session.status(track).state, session.status(track).message)
        go.set()
        print(session.get(track, "gate", timeout=60).data[0, 0])
    """)
    assert lines == ["idle analysis stopped", "1.0"]


def test_in_get_it_leaves_the_work_that_others_began():
    lines = interrupt("""
        session.request(track, "gate", element="plot")
        assert interrupted(lambda: session.get(track, "gate"))
        print(session.status(track).state)
        go.set()
        session.wait(60)
        print(session.status(track).state)
    """)
    assert lines == ["pending", "ready"]


def test_in_the_waiting_for_a_job_it_ends_the_waiting():
    lines = interrupt("""
        (job,) = session.request(track, "gate")
        assert interrupted(job.wait)
        print(job.state)
        go.set()
        print(job.wait(60), job.state)
    """)
    assert lines == ["running", "True succeeded"]


def test_the_session_can_be_closed_afterwards():
    lines = interrupt("""
        session.request(track, "gate")
        assert interrupted(session.wait)
        session.close()
        print(session.status(track).state)
    """)
    assert lines == ["idle"]
