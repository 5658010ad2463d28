"""Deltas: a table reaches the page whole once, and then only what has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

Table = Mapping[str, Mapping[str, Any]]  # of each kind of thing, by id


class Deltas:
    """Compares successive tables, and numbers what differs.

    A delta is ``{"from": n, "to": m, kind: {id: values or None}}``; None stands for what has gone, and ``"from": -1``
    for a whole table. A page that has missed one notices that the numbers do not meet, and asks for the whole.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: dict[str, dict[str, Any]] = {}
        self._number = 0
        self._last: dict[str, Any] = {"from": -1, "to": 0}
        self._whole = True

    def ask_for_whole(self) -> None:
        """The next delta is the whole table."""
        with self._lock:
            self._whole = True

    def whole(self) -> dict[str, Any]:
        """The table as it was last told, as one delta."""
        with self._lock:
            return {"from": -1, "to": self._number, **{kind: dict(things) for kind, things in self._table.items()}}

    def next(self, table: Table) -> dict[str, Any]:
        """What differs from the table before; the same object as before if nothing does."""
        with self._lock:
            changed: dict[str, dict[str, Any]] = {}
            for kind, things in table.items():
                before = self._table.get(kind, {})
                differs = {
                    name: values
                    for name, values in things.items()
                    if (known := before.get(name)) is not values and known != values
                }
                differs |= dict.fromkeys(before.keys() - things.keys())
                if differs:
                    changed[kind] = differs
                self._table[kind] = dict(things)
            if not changed and not self._whole:
                return self._last
            number, self._number = self._number, self._number + 1
            if self._whole:
                self._whole = False
                self._last = {"from": -1, "to": self._number, **self._table}
            else:
                self._last = {"from": number, "to": self._number, **changed}
            return self._last
