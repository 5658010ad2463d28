"""Fixtures of the timeline's tests."""

from __future__ import annotations

import pytest
from support.by_hand import Hand


@pytest.fixture
def hand():
    """A timeline with the calculators a, b and c, driven by hand."""
    made = Hand("a", "b", "c")
    yield made
    made.close()


@pytest.fixture
def recorded():
    """A function that notes a timeline's events in a list."""

    def record(store) -> list:
        found: list = []
        store.subscribe(found.append)
        return found

    return record
