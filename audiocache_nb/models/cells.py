"""What happens after a cell of a notebook has run."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any


def after_every_cell(callback: Callable[[], None]) -> Callable[[], None]:
    """Call a method after every cell, as long as its object lives; does nothing outside of IPython.

    Parameters
    ----------
    callback : bound method
        Held weakly.

    Returns
    -------
    callable
        Ends it.
    """
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return lambda: None
    reference = weakref.WeakMethod(callback)

    def after_cell(*_: object) -> None:
        method = reference()
        if method is not None:
            method()
        else:
            stop()

    def stop() -> None:
        if after_cell in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", after_cell)

    shell.events.register("post_run_cell", after_cell)
    return stop
