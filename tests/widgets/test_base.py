from __future__ import annotations

import gc
import html.parser
import json
import logging
import pathlib
import subprocess
import sys
import threading
import time
import weakref

import ipywidgets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from widgets.conftest import until, widget_comm
from widgets.fake import Progress, RecordingComm, spectrogram_track, waveform_track

import audiocache_nb as acn
from audiocache_nb.errors import SessionClosedError, UnknownTrackError, WidgetError
from audiocache_nb.widgets import base
from audiocache_nb.widgets.base import AcnWidget, forget_reply_shell
from audiocache_nb.widgets.caches_panel import CachesPanel
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.status_badge import StatusBadge
from audiocache_nb.widgets.workbench import workbench

MAKERS = [
    lambda session, track: StatusBadge(session, track),
    lambda session, track: CachesPanel(session),
    lambda session, track: FeaturePlot(session, track),
]
VIEWS = {"StatusBadge": "badge", "CachesPanel": "panel", "FeaturePlot": "plot"}
every_widget = pytest.mark.parametrize("make", MAKERS, ids=["badge", "panel", "plot"])


def settle(session):
    """Wait until everything that was changed has been published."""
    session.publisher.poke()
    session.publisher.flush()


# -- making ---------------------------------------------------------------------------------------------


@every_widget
def test_the_first_message_already_tells_the_truth(session, track, make):
    session.set_status(track, "ready", "all good")
    widget = make(session, track)
    kind, data, _ = widget_comm(widget).messages[0]
    assert kind == "comm_open"
    assert data["state"]["view"] == VIEWS[type(widget).__name__]
    assert "all good" in json.dumps(data["state"])
    assert data["state"]["_esm"] == "export default {};"


def test_each_widget_carries_the_module_of_its_view_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(base, "STATIC", tmp_path)
    public = [getattr(acn, name) for name in acn.__all__]
    widgets = [one for one in public if isinstance(one, type) and issubclass(one, AcnWidget)]
    for widget in widgets:
        (tmp_path / f"{widget.view_name}.js").write_text(widget.view_name, encoding="utf-8")
        again = type(widget.__name__, (widget,), {"view_name": widget.view_name})
        assert str(again._esm) == widget.view_name
    sources = pathlib.Path(__file__).parents[2] / "js" / "src" / "views"
    assert {widget.view_name for widget in widgets} == {path.stem for path in sources.glob("*.ts")}


@every_widget
def test_without_the_bundle_the_error_says_what_to_do(session, track, make, monkeypatch, tmp_path):
    for kind in (StatusBadge, CachesPanel, FeaturePlot):
        monkeypatch.setattr(kind, "_esm", "")
    monkeypatch.setattr(base, "STATIC", tmp_path)
    with pytest.raises(WidgetError) as caught:
        make(session, track)
    assert "npm" in caught.value.hint
    assert session.demand == {}
    assert RecordingComm.made == []


def test_a_bundle_built_after_the_import_is_found(session, track, monkeypatch, tmp_path):
    monkeypatch.setattr(StatusBadge, "_esm", "")
    monkeypatch.setattr(base, "STATIC", tmp_path)
    (tmp_path / "badge.js").write_text("export default { late: true };\n", encoding="utf-8")
    badge = StatusBadge(session, track)
    assert badge._esm == "export default { late: true };\n"


def test_the_classes_can_be_imported_without_the_bundle(tmp_path):
    """A fresh checkout has no bundle; importing the package must work there."""
    package = pathlib.Path(base.__file__).parents[1]
    copy = tmp_path / "audiocache_nb"
    for path in package.rglob("*.py"):
        target = copy / path.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    code = "import audiocache_nb.widgets.feature_plot as m; assert m.FeaturePlot._esm == '', m.FeaturePlot._esm"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@every_widget
def test_a_closed_session_is_refused(session, track, make):
    session.close()
    with pytest.raises(SessionClosedError):
        make(session, track)


def test_an_unknown_track_is_refused(session):
    for make in (StatusBadge, FeaturePlot):
        with pytest.raises(UnknownTrackError):
            make(session, "nobody")
    assert RecordingComm.made == []


# -- state to the page ----------------------------------------------------------------------------------


def test_progress_reaches_the_page_at_the_rate_and_ends_at_one(session, track):
    badge, panel = StatusBadge(session, track), CachesPanel(session)
    pages = [widget_comm(badge), widget_comm(panel)]
    start = time.monotonic()
    count = 20_000
    for k in range(count + 1):
        session.set_status(track, "pending", "analyzing audio", Progress(k / count, "rms", 1.0), updated_at=float(k))
    until(lambda: badge.progress == 1.0 and panel.live[track.id]["value"] == 1.0)
    elapsed_s = time.monotonic() - start
    assert sum(len(page.updates) for page in pages) <= 20 * elapsed_s + 4
    assert pages[0].updates[-1]["progress"] == 1.0
    assert sum("rows" in update for update in pages[1].updates) <= 1, "rows do not change with progress"


def test_the_state_at_the_end_reaches_the_page(session, track):
    badge = StatusBadge(session, track)
    session.set_status(track, "pending", None, Progress(0.5))
    session.set_status(track, "ready", "done")
    until(lambda: badge.state == "ready")
    last = {}
    for update in widget_comm(badge).updates:
        last |= update
    assert {name: last[name] for name in ("state", "text", "message")} == {
        "state": "ready",
        "text": "Analysed",
        "message": "done",
    }


def test_updates_from_the_page_and_from_the_publisher_do_not_disturb_each_other(session, track, monkeypatch):
    """Without one lock around both, now and then the last value was never sent, or hold_sync broke."""
    state = {"title": "", "duration_s": -1.0}
    monkeypatch.setattr(FeaturePlot, "_values", lambda plot, snapshot: dict(state))
    plot = FeaturePlot(session, track)
    page = widget_comm(plot)
    seen = []
    plot.observe(lambda change: seen.append(change["new"]), "span")
    stop = threading.Event()

    def drag():
        k = 0
        while not stop.is_set():
            k += 1
            page.page_sets(span=[k * 1e-6, 1 + k * 1e-6])
        page.page_sets(span=[0.25, 0.5])

    dragging = threading.Thread(target=drag)
    dragging.start()
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for trial in range(400):
            state.update(title=f"t{trial}", duration_s=float(trial))
            settle(session)
            assert (plot.title, plot.duration_s) == (f"t{trial}", float(trial))
            sent = {}
            for update in page.updates[-4:]:
                sent |= update
            assert (sent["title"], sent["duration_s"]) == (f"t{trial}", float(trial)), "the last value was not sent"
            state.update(title="", duration_s=-1.0)
            settle(session)
    finally:
        sys.setswitchinterval(interval_s)
        stop.set()
        dragging.join()
    assert plot.span == (0.25, 0.5)
    assert seen[-1] == (0.25, 0.5)
    assert seen[:-1] == sorted(seen[:-1]), "page updates were taken over out of order"
    assert plot.malformed_messages == 0


def test_two_plots_linked_both_ways_do_not_stop_for_ever(session, track):
    import traitlets

    first, second = FeaturePlot(session, track), FeaturePlot(session, track)
    link = traitlets.link((first, "span"), (second, "span"))
    pages = [widget_comm(first), widget_comm(second)]

    def drag(page, offset):
        for k in range(200):
            page.page_sets(span=[offset + k * 1e-4, 7.0])

    threads = [threading.Thread(target=drag, args=(page, n), daemon=True) for n, page in enumerate(pages)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a deadlock"
    assert first.span == second.span
    link.unlink()


def test_nothing_is_sent_to_a_page_that_no_longer_shows_the_widget(session, track):
    badge = StatusBadge(session, track)
    page = widget_comm(badge)
    session.set_status(track, "ready", "before it is shown")
    until(lambda: badge.message == "before it is shown")
    page.page_sets(_view_count=1)
    session.set_status(track, "ready", "shown")
    until(lambda: badge.message == "shown")
    page.page_sets(_view_count=0)
    settle(session)
    sent = len(page.updates)
    for k in range(10):
        session.set_status(track, "stale", f"unseen {k}")
        settle(session)
    assert len(page.updates) == sent
    page.page_sets(_view_count=2)
    until(lambda: badge.message == "unseen 9")
    assert page.updates[-1]["state"] == "stale"


def test_a_page_that_asks_for_the_state_gets_all_of_it(session, track):
    badge = StatusBadge(session, track)
    page = widget_comm(badge)
    page.from_page({"method": "request_state"})
    assert {"name", "state", "text", "view", "_esm"} <= page.updates[-1].keys()


# -- messages from the page -----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["tile", "action", "other"]) | JSON,
        "id": JSON,
        "layer": st.sampled_from(["waveform", "spectrogram"]) | JSON,
        "level": JSON,
        "index": st.integers() | JSON,
        "revision": JSON,
        "verb": st.sampled_from(["stop", "restart", "__class__"]) | JSON,
        "track_id": st.sampled_from(["track-1", "nobody"]) | JSON,
        "slots": st.lists(JSON, max_size=3) | JSON,
        "path": JSON,
    },
)


@settings(max_examples=2 * settings.default.max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=JSON | LIKELY)
def test_whatever_a_page_says_it_is_harmless(session, track, content):
    widgets = session.__dict__.setdefault("_test_widgets", [])
    if not widgets:
        widgets += [make(session, track) for make in MAKERS]
        session.calls.clear()
    for widget in widgets:
        before = widget.malformed_messages
        page = widget_comm(widget)
        replies = len(page.customs)
        page.page_sends(content)
        understood = isinstance(content, dict) and content.get("kind") in ("tile", "action")
        assert widget.malformed_messages == before + 1 or (understood and len(page.customs) > replies)
    assert all(call[0] in ("stop", "restart") for call in session.calls)


@settings(max_examples=settings.default.max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JSON | st.fixed_dictionaries({"method": st.sampled_from(["update", "custom", "x"]), "state": JSON}))
def test_broken_envelopes_are_counted_and_ignored(session, track, data):
    widgets = session.__dict__.setdefault("_test_widgets", [])
    if not widgets:
        widgets += [make(session, track) for make in MAKERS]
    for widget in widgets:
        before, rows = widget.malformed_messages, getattr(widget, "rows", None)
        widget_comm(widget).handle_msg({"content": {"data": data}, "buffers": []})
        assert widget.malformed_messages == before + (data != {"method": "update", "state": {}})
        assert getattr(widget, "rows", None) == rows


@pytest.mark.parametrize("msg", [None, {}, {"content": None}, {"content": {}}, {"content": {"data": 5}}, []])
def test_no_message_at_all(session, track, msg):
    badge = StatusBadge(session, track)
    widget_comm(badge).handle_msg(msg)
    assert badge.malformed_messages == 1


def test_a_page_cannot_set_what_belongs_to_the_kernel(session, track):
    panel, plot = CachesPanel(session), FeaturePlot(session, track)
    before = panel.rows
    widget_comm(panel).page_sets(rows=[{"name": "<script>"}], view="plot", _esm="alert(1)", nonsense=1)
    assert panel.rows == before
    assert (panel.view, panel._esm) == ("panel", "export default {};")
    widget_comm(plot).page_sets(layers=[], _view_count="many")
    assert plot.layers
    assert plot._view_count == 0
    assert (panel.malformed_messages, plot.malformed_messages) == (1, 1)


def test_buffers_for_traits_are_refused(session, track):
    badge = StatusBadge(session, track)
    widget_comm(badge).from_page(
        {"method": "update", "state": {"x": {}}, "buffer_paths": [["x", "__class__", 0]]}, [b"1"]
    )
    assert badge.malformed_messages == 1


def test_handlers_of_the_user_still_get_custom_messages(session, track):
    badge, heard = StatusBadge(session, track), []
    badge.on_msg(lambda widget, content, buffers: heard.append(content))
    widget_comm(badge).page_sends({"mine": 1})
    assert heard == [{"mine": 1}]


# -- the shell that answers -----------------------------------------------------------------------------


class RememberingComm(RecordingComm):
    """Like the comm of ipykernel 7.4: remembers the shell of what it sent last."""

    def publish_msg(self, *args, **kwargs):
        super().publish_msg(*args, **kwargs)
        self._reply_subshell_id = None


def test_the_comm_forgets_the_shell_it_sent_from(session, track, monkeypatch):
    import comm

    monkeypatch.setattr(comm, "create_comm", RememberingComm)
    badge = StatusBadge(session, track)
    assert not hasattr(badge.comm, "_reply_subshell_id")
    session.set_status(track, "ready", "later")
    until(lambda: badge.message == "later")
    settle(session)
    assert not hasattr(badge.comm, "_reply_subshell_id")


def test_a_comm_without_that_memory_is_left_alone():
    forget_reply_shell(None)
    page = RecordingComm()
    before = dict(vars(page))
    forget_reply_shell(page)
    assert vars(page) == before


# -- the end --------------------------------------------------------------------------------------------


@every_widget
def test_closing_leaves_no_comm_no_observer_and_no_demand(session, track, make):
    count = len(ipywidgets.widgets.widget._instances)
    widget = make(session, track)
    page = widget_comm(widget)
    widget.close()
    widget.close()
    assert [kind for kind, _, _ in page.messages].count("comm_close") == 1
    assert session.demand == {}
    assert len(ipywidgets.widgets.widget._instances) == count
    assert all(made._closed for made in RecordingComm.made)
    assert len(session.publisher._watches) == session.own_watches
    sent = len(page.messages)
    session.set_status(track, "failed", "too late")
    settle(session)
    assert len(page.messages) == sent
    ghost = weakref.ref(widget)
    del widget, page
    RecordingComm.made.clear()
    gc.collect()
    assert ghost() is None


@every_widget
def test_a_closed_widget_shows_its_last_words(session, track, make):
    widget = make(session, track)
    widget.close()
    data, _ = widget._repr_mimebundle_()
    assert "drums.wav" in data["text/html"] or isinstance(widget, CachesPanel)
    assert base.VIEW_MIME not in data
    assert type(widget).__name__ in repr(widget)


@every_widget
def test_a_comm_that_fails_detaches_its_widget_with_one_line(session, track, make, caplog):
    widget, other = make(session, track), StatusBadge(session, track)
    settle(session)
    widget_comm(widget).broken = True
    with caplog.at_level(logging.WARNING, "audiocache_nb"):
        for k in range(5):
            session.set_status(track, "stale", f"message {k}")
            settle(session)
    assert other.message == "message 4"
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1
    assert session.demand == {}
    widget.close()


def test_setting_a_trait_with_a_broken_comm_does_not_raise_into_the_cell(session, track, caplog):
    plot = FeaturePlot(session, track)
    widget_comm(plot).broken = True
    plot.span = (1.0, 2.0)
    assert plot.span == (1.0, 2.0)


def test_a_comm_closed_by_the_page_ends_the_widget(session, track):
    plot = FeaturePlot(session, track)
    page = widget_comm(plot)
    page._closed = True
    page.handle_close({"content": {"data": {}}})
    assert session.demand == {}
    assert plot.comm is None
    assert len(session.publisher._watches) == session.own_watches


@every_widget
def test_closing_after_the_session_is_no_error(session, track, make, caplog):
    widget = make(session, track)
    session.close()
    widget.close()
    assert caplog.records == []


def test_a_hundred_plots_made_and_closed_leave_nothing(session, track):
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track(20, 33))
    session.set_entry(track, "waveform", "fresh", waveform_track(100))
    count = len(ipywidgets.widgets.widget._instances)
    for _ in range(100):
        FeaturePlot(session, track).close()
        RecordingComm.made.clear()
    assert len(ipywidgets.widgets.widget._instances) == count
    assert len(session.publisher._watches) == session.own_watches
    assert session.demand == {}


# -- without a page -------------------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a\u202egnp.exe",
    "\ud800",
    "&amp;",
    "\x00",
]


@every_widget
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless_everywhere(session, make, name):
    track = session.add(name)
    session.set_status(track, "failed", f"could not read {name}")
    session.set_entry(track, "rms", "failed", reason=name, error=ValueError(name), label=name)
    widget = make(session, track)
    for _, data, _ in widget_comm(widget).messages:
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    data, _ = widget._repr_mimebundle_()
    reader = Reader()
    reader.feed(data["text/html"])
    assert not {"script", "img"} & set(reader.tags)
    assert set(reader.tags) <= {"p", "strong", "bdi", "table", "thead", "tbody", "tr", "th", "td", "small"}
    assert data[base.VIEW_MIME]["model_id"] == widget.model_id
    for text in (data["text/plain"], data["text/html"], repr(widget)):
        text.encode("utf-8")
        assert "\u202e" not in text


def test_the_panel_as_text_and_table(session, track):
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track(690))
    panel = CachesPanel(session)
    data, _ = panel._repr_mimebundle_()
    for text in ("drums.wav", "690 frames × 1025 bins", "2.8 MB", "window 2048 · hop 512 · hann", "dB"):
        assert text in data["text/plain"]
        assert text in data["text/html"]
    assert '<th scope="col">Feature</th>' in data["text/html"]


def test_an_empty_panel_says_what_to_do(session):
    data, _ = CachesPanel(session)._repr_mimebundle_()
    assert "Add an audio track to begin analysing audio features." in data["text/plain"]


def test_a_very_long_table_is_cut(session):
    for k in range(300):
        session.add(f"track {k}")
    data, _ = CachesPanel(session)._repr_mimebundle_()
    assert "… and 100 more" in data["text/plain"]
    assert data["text/html"].count("<tr>") == 201


# -- together -------------------------------------------------------------------------------------------


def test_the_workbench_has_badge_transport_plot_and_panel(session, track):
    box = workbench(session)
    names = ["StatusBadge", "Transport", "FeaturePlot", "CachesPanel"]
    assert [type(child).__name__ for child in box.children] == names
    assert box.children[0].track_id == track.id


def test_the_workbench_of_an_empty_timeline_is_the_panel(session):
    assert [type(child).__name__ for child in workbench(session).children] == ["CachesPanel"]
