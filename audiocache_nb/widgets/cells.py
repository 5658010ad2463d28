"""Which cell made a widget: a cell that is run again replaces what its last run made.

A notebook's cell that makes a plot is run many times. The page drops the old output, but kernel and
page would keep every plot that ever was, with its comm, its demand and a copy of the front end.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
import weakref
from typing import Any

_lock = threading.RLock()
_origins: weakref.WeakKeyDictionary[Any, Origin] = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """A cell, and which of its runs."""

    cell: str
    run: str


def current_origin() -> Origin | None:
    """The run of a cell that is going on in this thread; None outside of a notebook."""
    ipython = sys.modules.get("IPython")
    try:
        parent = ipython.get_ipython().get_parent()  # type: ignore[union-attr]
        cell, run = parent["metadata"]["cellId"], parent["header"]["msg_id"]
    except Exception:  # no kernel, or a front end that does not name its cells
        return None
    return Origin(cell, run) if isinstance(cell, str) and isinstance(run, str) and cell else None


def remember(widget: Any) -> list[Any]:
    """Note where a widget was made; returns those that earlier runs of the same cell made."""
    origin = current_origin()
    if origin is None:
        return []
    with _lock:
        _origins[widget] = origin
        return [other for other, made in list(_origins.items()) if made.cell == origin.cell and made.run != origin.run]


def is_replaced(widget: Any) -> bool:
    """Whether the cell that made a widget has made another one in a later run."""
    with _lock:
        origin = _origins.get(widget)
        later = list(_origins.items())
    if origin is None:
        return False
    place = next(k for k, (other, _) in enumerate(later) if other is widget)
    return any(made.cell == origin.cell and made.run != origin.run for _, made in later[place:])
