"""Fixtures of the models' tests: the same stand-ins as the widgets'."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "widgets"))

from fake import FakeSession


@pytest.fixture
def session():
    made = FakeSession()
    yield made
    made.close()
