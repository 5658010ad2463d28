"""Fixtures of the widgets' tests: comms that record, and nothing left behind."""

from __future__ import annotations

import threading

import comm
import ipywidgets
import pytest
from support.wait import until
from widgets.fake import FakeSession, RecordingComm

from audiocache_nb.widgets.base import AcnWidget

OURS = ("audiocache_nb publisher", "audiocache_nb tiles")


def kinds(of=AcnWidget):
    """All classes of widgets."""
    return [kind for base in of.__subclasses__() for kind in [base, *kinds(base)]]


@pytest.fixture(autouse=True)
def bundle(monkeypatch):
    """Python is tested with any front end, or none."""
    for kind in [AcnWidget, *kinds()]:
        monkeypatch.setattr(kind, "_esm", "export default {};")
    monkeypatch.setattr(AcnWidget, "_css", "")


@pytest.fixture(autouse=True)
def comms(monkeypatch):
    """The comms made during a test; afterwards no thread and no widget may be left."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    RecordingComm.made.clear()
    yield RecordingComm.made
    ipywidgets.Widget.close_all()
    RecordingComm.made.clear()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name in OURS])


@pytest.fixture
def session():
    made = FakeSession()
    yield made
    made.close()


@pytest.fixture
def track(session):
    return session.add()


def widget_comm(widget):
    """The recording comm of a widget."""
    assert isinstance(widget.comm, RecordingComm)
    return widget.comm
