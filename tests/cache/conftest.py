"""Folders for thousands of caches."""

from __future__ import annotations

import os
import pathlib
import tempfile

import pytest


@pytest.fixture
def quick_dir():
    """A folder in memory where there is one: many disks take milliseconds to remove a folder."""
    memory = pathlib.Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if usable else None, ignore_cleanup_errors=True) as folder:
        yield pathlib.Path(folder)
