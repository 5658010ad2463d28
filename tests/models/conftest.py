"""Fixtures of the models' tests: the same stand-ins as the widgets'."""

from __future__ import annotations

import pytest
from widgets.fake import FakeSession


@pytest.fixture
def session():
    made = FakeSession()
    yield made
    made.close()
