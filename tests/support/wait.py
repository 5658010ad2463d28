"""Waiting for what another thread does, and what every thread was doing if it never happens."""

from __future__ import annotations

import faulthandler
import tempfile
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 20.0
PAUSE_S = 0.005


def until(condition: Callable[[], Any], timeout_s: float = PATIENCE_S, *, about: object = None) -> None:
    """Wait until a condition holds; else fail with the state of `about` and the stacks of all threads."""
    end = time.monotonic() + timeout_s
    while not condition():
        # Asked once more after the time is over: this process may not have run for a while.
        if time.monotonic() > end and not condition():
            state = "" if about is None else f"\n{vars(about)}"
            raise AssertionError(f"it never happened{state}\n{stacks()}")
        time.sleep(PAUSE_S)


def stacks() -> str:
    """What every thread is doing."""
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()
