"""The diagnostics table against a real session, with a page that only records."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from widgets.conftest import widget_comm

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError, SessionClosedError
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.widgets.deltas import Deltas
from audiocache_nb.widgets.diagnostics_table import EMPTY, FINE, DiagnosticsTable
from audiocache_nb.widgets.words import cost_text, work_text

RATE = 8000


@pytest.fixture
def gate():
    """Opens for the calculator `slow`, which waits for it."""
    return threading.Event()


@pytest.fixture
def session(gate):
    registry = Registry()

    def slow(frames, *, ctx):
        while not gate.wait(0.005):
            ctx.checkpoint()
        return np.zeros(len(frames))

    def broken(frames):
        raise ValueError("no </script> luck")

    registry.register(FunctionCalculator(slow, feature="slow", version=1))
    registry.register(FunctionCalculator(broken, feature="broken", version=1))
    with acn.Session(cache_dir=False, workers=1, registry=registry) as made:
        yield made
        gate.set()


@pytest.fixture
def track(session):
    return session.add_audio(np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype("f4"), RATE, name="take")


def publish(session):
    """Send everything now; events of the store are delivered by a thread of its own, at some time."""
    session.publisher.poke()
    session.publisher.flush()


class Page:
    """What a page makes of a table: deltas put together, and clicks."""

    def __init__(self, table: DiagnosticsTable) -> None:
        self.table = table
        self.comm = widget_comm(table)
        self.number = -1
        self.rows: dict[str, dict] = {}
        self.groups: dict[str, dict] = {}
        opened = next(data["state"] for kind, data, _ in self.comm.messages if kind == "comm_open")
        self.take(opened["delta"])
        self._taken = len(self.comm.updates)
        self._id = 0

    def take(self, delta: dict) -> None:
        if delta["from"] == -1:
            self.rows, self.groups = {}, {}
        elif delta["from"] != self.number:
            self.lost = True
            return
        self.lost = False
        self.number = delta["to"]
        for mine, theirs in ((self.rows, delta.get("rows", {})), (self.groups, delta.get("groups", {}))):
            for name, values in theirs.items():
                if values is None:
                    del mine[name]
                else:
                    mine[name] = values

    def look(self) -> dict[str, dict]:
        """The rows by name, after everything that was sent."""
        for _ in range(3):
            publish(self.table._session)
            for state in self.comm.updates[self._taken :]:
                if "delta" in state:
                    self.take(state["delta"])
            self._taken = len(self.comm.updates)
            if not self.lost:
                break
            self.comm.page_sends({"kind": "command", "id": 0, "verb": "resync", "target": ""})
        assert not self.lost
        return {row["name"]: row for row in self.rows.values()}

    def id_of(self, name: str) -> str:
        return next(one for one, row in self.rows.items() if row["name"] == name)

    def press(self, verb: str, target: str = "", rows: list[str] | None = None) -> dict:
        self._id += 1
        content = {"kind": "command", "id": self._id, "verb": verb, "target": target}
        self.comm.page_sends(content if rows is None else {**content, "rows": [self.id_of(name) for name in rows]})
        return next(reply for reply, _ in reversed(self.comm.customs) if reply["id"] == self._id)


@pytest.fixture
def page(session, track):
    return Page(DiagnosticsTable(session))


def test_it_tells_what_is_asked_for_and_why_it_is_not_there(session, track, page):
    assert page.look() == {}
    assert page.table.summary == EMPTY
    session.policy = "ask"
    session.request(track, ["rms", "spectrogram"], element="plot")
    with pytest.raises(acn.AudioCacheError):
        session.request(track, "spectogram", element="typo")
    rows = page.look()
    assert {name: row["state"] for name, row in rows.items()} == {
        "rms": "missing",
        "spectrogram": "missing",
        "spectogram": "bad_request",
    }
    assert rows["rms"]["owners"] == "plot"
    assert rows["rms"]["reason"].startswith("Waits for session.compute()")
    assert rows["rms"]["cost"]
    assert rows["spectogram"]["reason"].endswith("Did you mean 'spectrogram'?")
    assert rows["spectogram"]["can"] == []
    assert page.table.summary == "3 issues"
    (call,) = page.table.waiting
    assert call["title"] == "take"
    assert call["text"].startswith("2 features would take ")
    assert page.press("compute", call["group"])["kind"] == "done"
    session.wait()
    rows = page.look()
    assert rows["rms"]["state"] == "current"
    assert rows["rms"]["size"].endswith("B")
    assert rows["rms"]["computed_at"] > 1.7e9
    assert page.table.waiting == []


def test_only_what_changed_is_sent(session, track, page):
    others = [session.add_audio(np.full(RATE, n / 100, "f4"), RATE) for n in range(20)]
    for one in [track, *others]:
        session.request(one, ["rms", "zcr", "flatness"], element="plot")
    session.wait()
    page.look()
    assert len(page.rows) == 63
    session.release("plot")
    page.look()
    before = len(page.comm.updates)
    session.request(track, "rms", element="again")
    page.look()
    deltas = [state["delta"] for state in page.comm.updates[before:] if "delta" in state]
    (changed,) = {name for delta in deltas for name in delta["rows"]}
    assert page.rows[changed]["owners"] == "again"
    assert len({name for delta in deltas for name in delta["groups"]}) == 1
    before = len(page.comm.updates)
    publish(session)
    assert len(page.comm.updates) == before, "nothing changed, and something was sent"


def test_a_page_that_missed_something_gets_the_whole(session, track, page):
    page.number = 10**6
    session.request(track, "rms", element="plot")
    session.wait()
    assert page.look()["rms"]["state"] == "current"
    assert page.comm.updates[-1]["delta"]["from"] == -1
    assert page.number == page.table.delta["to"]


def test_a_page_that_is_opened_later_gets_the_whole(session, track, page):
    session.request(track, "rms", element="plot")
    session.wait()
    session.request(track, "zcr", element="other")
    session.wait()
    publish(session)
    page.comm.from_page({"method": "request_state"})
    later = page.comm.updates[-1]["delta"]
    assert later["from"] == -1
    assert {row["name"] for row in later["rows"].values()} == {"rms", "zcr"}
    assert later["to"] == page.table.delta["to"]


def test_regenerating_is_seen_at_work_and_can_be_cancelled_and_tried_again(session, track, gate, page):
    session.policy = "ask"
    session.request(track, "slow", element="plot")
    page.look()
    assert page.press("regenerate", rows=["slow"]) == {
        "kind": "done",
        "id": 1,
        "message": "Computing 1 feature again.",
    }
    rows = page.look()
    assert rows["slow"]["state"] in ("queued", "running")
    assert rows["slow"]["can"] == []
    (job,) = page.table.jobs
    assert (job["features"], job["track"], job["can"]) == ("slow", "take", ["cancel"])
    assert set(page.table.live) == {job["id"], page.rows[page.id_of("slow")]["group"]}
    assert page.press("cancel", job["id"])["message"] == "Cancelled."
    assert page.press("cancel", job["id"])["message"] == "It had ended before."
    session.wait()
    assert page.look()["slow"]["state"] == "missing"
    assert [(job["state"], job["can"]) for job in page.table.jobs] == [("cancelled", ["retry"])]
    gate.set()
    assert page.press("retry", job["id"])["kind"] == "done"
    session.wait()
    assert page.look()["slow"]["state"] == "current"
    assert page.table.jobs == [], "what was tried again is no trouble any more"
    assert [line["status"] for line in page.table.history] == ["succeeded", "cancelled"]
    assert page.press("retry", "regeneration-0")["kind"] == "refused"


def test_failures_say_what_happened(session, track, page):
    session.request(track, "broken", element="plot")
    session.wait()
    row = page.look()["broken"]
    assert row["state"] == "failed"
    assert row["can"] == ["regenerate"]
    assert "no </script> luck" in row["reason"]
    assert page.press("regenerate_all")["kind"] == "done"
    session.wait()
    page.look()
    assert [(job["state"], job["can"]) for job in page.table.jobs] == [("failed", ["retry"])]
    assert "&lt;/script&gt;" in page.table._repr_mimebundle_()[0]["text/html"]


def test_what_nobody_asks_for_is_dismissed_restored_and_deleted(session, track, page):
    session.request(track, ["rms", "zcr"], element="plot")
    session.wait()
    session.release("plot")
    assert {row["state"] for row in page.look().values()} == {"extraneous"}
    assert page.press("dismiss", rows=["rms"])["message"] == "Dismissed 1 feature."
    assert page.look()["rms"]["can"] == ["restore"]
    assert page.press("delete")["message"].startswith("Deleted 1 feature, ")
    assert set(page.look()) == {"rms"}, "what was dismissed stays"
    assert page.press("restore", rows=["rms"])["message"] == "Restored 1 feature."
    assert page.press("delete", page.rows[page.id_of("rms")]["group"])["kind"] == "done"
    assert page.look() == {}
    assert page.press("delete") == {"kind": "refused", "id": 5, "message": "There is nothing to do."}


def test_the_banner_comes_back_for_new_problems_only(session, track, page):
    session.policy = "ask"
    session.request(track, "rms", element="plot")
    page.look()
    assert page.table.banner == {"visible": True, "text": "1 feature needs attention: 1 missing."}
    page.press("dismiss_banner")
    page.look()
    assert page.table.banner["visible"] is False
    session.request(track, ["rms", "zcr"], element="plot")
    page.look()
    assert page.table.banner["visible"] is True


def test_a_page_cannot_name_what_it_did_not_get_from_us(session, track, page):
    session.request(track, "rms", element="plot")
    session.wait()
    page.look()
    for content in (
        {"verb": "regenerate", "target": "", "rows": ["rms"]},
        {"verb": "regenerate_all", "target": track.id},
        {"verb": "cancel", "target": "job-1"},
        {"verb": "stop", "target": "../x"},
    ):
        page.comm.page_sends({"kind": "command", "id": 9, **content})
        assert page.comm.customs[-1][0]["kind"] == "refused"
    before = page.table.malformed_messages
    page.comm.page_sends({"kind": "command", "id": 9, "verb": "delete_everything", "target": ""})
    page.comm.page_sends({"kind": "command", "id": 9, "verb": "delete"})
    page.comm.page_sets(delta={}, summary="x", issues_only="no", sort="name")
    assert page.table.malformed_messages == before + 3
    page.comm.page_sets(issues_only=False, sort="track")
    assert (page.table.issues_only, page.table.sort) == (False, "track")


def test_without_a_page_it_is_text_and_tables(session, track, page):
    session.policy = "ask"
    session.request(track, "rms", element="plot")
    publish(session)
    assert repr(page.table).startswith("<DiagnosticsTable 'Diagnostics': 1 issue · take: 1 feature would take ")
    bundle, _ = page.table._repr_mimebundle_()
    assert "Missing | Waits for session.compute()" in bundle["text/plain"]
    assert '<th scope="col">Why</th>' in bundle["text/html"]
    assert list(page.table.to_pandas()["feature"]) == ["rms"]
    session.compute()
    session.wait()
    publish(session)
    assert page.table.summary == FINE
    assert "rms" not in page.table._repr_mimebundle_()[0]["text/plain"]
    page.table.issues_only = False
    assert "Up to date" in page.table._repr_mimebundle_()[0]["text/plain"]


def test_badge_and_panel_say_what_waits(session, track):
    session.policy = "ask"
    session.request(track, ["rms", "spectrogram"], element="plot")
    badge, panel = acn.StatusBadge(session, track), acn.CachesPanel(session)
    assert badge.message.startswith("2 features would take ")
    (row,) = panel.rows
    (call,) = DiagnosticsTable(session).waiting
    assert row["cost"] == call["cost"] != ""
    content = {"kind": "action", "id": 1, "verb": "compute", "track_id": track.id}
    widget_comm(panel).page_sends(content)
    session.wait()
    publish(session)
    assert badge.state == "ready"
    assert "session.compute()" not in badge.message
    assert panel.rows[0]["cost"] == ""
    assert [feature["state"] for feature in panel.rows[0]["features"]] == ["fresh", "fresh"]


def test_it_ends_with_its_session(session, track, page):
    with pytest.raises(InvalidParameterError):
        DiagnosticsTable(session, sort="name")
    session.request(track, "rms", element="plot")
    session.wait()
    page.look()
    session.close()
    assert page.press("regenerate_all")["kind"] == "refused"
    with pytest.raises(SessionClosedError):
        DiagnosticsTable(session)


def test_deltas_put_together_are_the_table():
    deltas, rng = Deltas(), np.random.default_rng(1)
    here: dict[str, int] = {}
    table: dict[str, int] = {}
    number = -1
    for _ in range(300):
        table = {name: int(rng.integers(3)) for name in "abcdef" if rng.random() < 0.6}
        if rng.random() < 0.05:
            deltas.ask_for_whole()
        delta = deltas.next({"rows": table})
        if delta["to"] == number:
            continue
        assert delta["from"] in (-1, number)
        here = {} if delta["from"] == -1 else here
        here = {k: v for k, v in {**here, **delta.get("rows", {})}.items() if v is not None}
        number = delta["to"]
        assert here == table
        assert deltas.whole() == {"from": -1, "to": number, "rows": table}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.01, "under 0.1 s"), (0.16, "0.2 s"), (42, "42 s"), (89.6, "1 min"), (750, "12 min"), (12_600, "3.5 h")],
)
def test_costs_are_as_rough_as_they_are_known(seconds, words):
    assert work_text(seconds) == words


def test_a_cost_is_time_and_size():
    assert cost_text(42, 610_000_000) == "about 42 s, 610 MB"
    assert cost_text(0.001, 10) == "under 0.1 s, 10 B"
    assert cost_text(42, 0) == "about 42 s"
