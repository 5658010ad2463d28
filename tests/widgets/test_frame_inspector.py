from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import traitlets
from widgets.conftest import until, widget_comm
from widgets.fake import curve_track, spectrogram_track, waveform_track

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError, UnknownFeatureError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.widgets.frame_inspector import axis_values, levels, pooled, trail_starts

RATE = 22050


@pytest.fixture
def session():
    with acn.Session(cache_dir=False) as made:
        yield made


@pytest.fixture
def track(session):
    """A second of A, a second of C, a second of nothing."""
    t = np.arange(RATE) / RATE
    tones = [0.5 * np.sin(2 * np.pi * hz * t) for hz in (440.0, 523.2511)]
    return session.add_audio(np.concatenate([*tones, np.zeros(RATE)]).astype("float32"), RATE, name="tones")


def values(inspector):
    return np.frombuffer(inspector.frame["values"], "<f4")


def settled(session, inspector, time_s):
    until(lambda: inspector.frame.get("time_s") == time_s)
    session.publisher.flush()


def test_the_frame_follows_the_playhead(session, track):
    inspector = acn.FrameInspector(session, track, "chroma")
    session.wait()
    session.playhead.seek(0.5)
    settled(session, inspector, 0.5)
    names = inspector.axis["names"]
    assert names[int(np.argmax(values(inspector)))] == "A"
    assert values(inspector) == pytest.approx(session.sample(track, "chroma", 0.5).values)
    session.playhead.seek(1.5)
    settled(session, inspector, 1.5)
    assert names[int(np.argmax(values(inspector)))] == "C"
    assert inspector.frame["in_range"]


def test_the_trail_leads_up_to_the_frame(session, track):
    inspector = acn.FrameInspector(session, track, "rms")
    session.wait()
    session.playhead.seek(1.25)
    settled(session, inspector, 1.25)
    frame = inspector.frame
    trail = np.frombuffer(frame["trail"], "<f4").reshape(frame["trail_rows"], frame["trail_columns"])
    assert trail[-1] == pytest.approx(values(inspector))
    times = 1.25 - frame["spacing_s"] * np.arange(len(trail))[::-1]
    assert trail == pytest.approx(session.sample_many(track, "rms", times), abs=1e-6)


def test_while_it_plays_frames_come_no_faster_than_20_a_second(session, track):
    inspector = acn.FrameInspector(session, track, "rms")
    session.wait()
    seen = []
    inspector.observe(lambda change: seen.append(change["new"]["time_s"]), "frame")
    began = time.monotonic()
    session.playhead.play()
    until(lambda: len(seen) > 8)
    session.playhead.pause()
    elapsed = time.monotonic() - began
    assert len(seen) <= 21 * elapsed + 3
    assert seen == sorted(seen)
    until(lambda: seen[-1] == session.playhead.time)


def test_it_asks_while_it_is_shown_and_no_longer(session, track):
    def wanted():
        return {slot.feature for slot in session.timeline.demand.wanted([track.id])}

    inspector = acn.FrameInspector(session, track, "chroma")
    assert "chroma" in wanted()
    page = widget_comm(inspector)
    page.page_sets(_view_count=1)
    page.page_sets(_view_count=0)
    assert "chroma" not in wanted()
    page.page_sets(_view_count=1)
    assert "chroma" in wanted()
    inspector.close()
    inspector.close()
    assert "chroma" not in wanted()


def test_out_of_range_and_of_the_clip_is_said(session, track):
    inspector = acn.FrameInspector(session, track, "rms")
    session.wait()
    session.playhead.seek(7.0)
    settled(session, inspector, 7.0)
    assert inspector.frame["in_range"] is False
    session.move(track, offset_ticks=6 * 1920)
    until(lambda: inspector.frame["in_range"])
    session.remove(track)
    until(lambda: inspector.state["state"] == "missing")
    assert not inspector.state["there"]
    assert "removed" in inspector.state["reason"]


def test_missing_running_stale_and_failed_are_said(session, track):
    gate = threading.Event()

    def slow(y, *, ctx):
        while not gate.wait(0.01):
            ctx.checkpoint()
        return np.ones(ctx.frame_count)

    def broken(y, *, ctx):
        raise ValueError("no")

    registry = session.registry
    made = [
        acn.calculator(feature=name, inputs="samples")(function)
        for name, function in (("slow_one", slow), ("broken_one", broken))
    ]
    try:
        inspector = acn.FrameInspector(session, track, "slow_one")
        until(lambda: inspector.state["state"] == "running")
        assert not inspector.state["there"]
        gate.set()
        until(lambda: inspector.state["state"] == "fresh")
        assert inspector.state["there"]
        failing = acn.FrameInspector(session, track, "broken_one")
        until(lambda: failing.state["state"] == "failed")
        assert "no" in failing.state["reason"]
    finally:
        gate.set()
        assert len(made) == 2
        for name in ("slow_one", "broken_one"):
            registry.unregister(name)


def test_what_exists_of_a_feature_that_is_being_computed_is_shown(session):
    halfway, go_on = threading.Event(), threading.Event()

    def clock(frames, *, ctx):
        while ctx.times_s[-1] > 30 and not go_on.wait(0.002):
            halfway.set()
            ctx.checkpoint()
        return np.asarray(ctx.times_s)

    acn.calculator(feature="clock", inputs="frames", fill_value=-1.0)(clock)
    try:
        track = session.add_audio(np.zeros(RATE * 60, np.float32), RATE)
        session.playhead.seek(10.0)
        inspector = acn.FrameInspector(session, track, "clock")
        assert halfway.wait(30)
        session.publisher.poke()
        until(lambda: inspector.frame.get("partial"))
        assert inspector.state == {**inspector.state, "state": "running", "there": True}
        assert values(inspector) == pytest.approx(10.0, abs=0.1)
        assert inspector.axis["high"] < 35, "of what is not there nothing is known"
        go_on.set()
        until(lambda: inspector.state["state"] == "fresh" and not inspector.frame["partial"])
        until(lambda: inspector.axis["high"] > 55)
    finally:
        go_on.set()
        session.registry.unregister("clock")


def test_events_have_no_value_at_a_time(session, track):
    inspector = acn.FrameInspector(session, track, "onsets")
    until(lambda: inspector.state["state"] == "failed")
    assert "events" in inspector.state["reason"]


def test_the_kind_may_be_chosen_and_is_checked(session, track):
    inspector = acn.FrameInspector(session, track, "chroma", kind="bars")
    page = widget_comm(inspector)
    assert inspector.kind == "bars"
    page.page_sets(kind="numbers")
    assert inspector.kind == "numbers"
    for bad in ("pie", 3, None):
        page.page_sets(kind=bad)
    assert inspector.malformed_messages == 3
    with pytest.raises(traitlets.TraitError):
        inspector.kind = "pie"
    with pytest.raises(InvalidParameterError):
        acn.FrameInspector(session, track, kind="pie")
    with pytest.raises(UnknownFeatureError):
        acn.FrameInspector(session, track, "nothing")
    with pytest.raises(InvalidParameterError):
        acn.FrameInspector(session, track, interpolation="guess")


def test_values_travel_as_buffers(session, track):
    inspector = acn.FrameInspector(session, track, "rms")
    page = widget_comm(inspector)
    session.wait()
    session.playhead.seek(0.5)
    settled(session, inspector, 0.5)
    sent = [(data, buffers) for kind, data, buffers in page.messages if "frame" in data.get("state", {})]
    data, buffers = sent[-1]
    assert sorted(map(tuple, data["buffer_paths"])) == [("frame", "trail"), ("frame", "values")]
    assert len(buffers) == 2


def chroma_like(width, axis, coords):
    data = np.linspace(0, 1, 20 * width, dtype=np.float32).reshape(20, width)
    return FeatureTrack(
        feature="x",
        calculator_id="x",
        version="1",
        label="X",
        unit="",
        data=data,
        axes=("frame", axis),
        fill_value=0.0,
        hop_seconds=0.01,
        start_seconds=0.0,
        key="x",
        axis_coords={axis: coords} if coords is not None else {},
    )


@pytest.mark.parametrize(
    ("data", "kinds", "name"),
    [
        (spectrogram_track(), ["spectrum"], None),
        (curve_track(), ["numbers", "bars"], "Channel 2"),
        (waveform_track(channels=2), ["bars", "numbers"], "Left max"),
        (chroma_like(12, "pitch_class", np.array(list("CDEFGABcdefg"))), ["chroma", "bars", "numbers"], "D"),
        (chroma_like(20, "band", np.geomspace(20.0, 20000.0, 20)), ["spectrum", "bars", "numbers"], "28.769 Hz"),
        (chroma_like(20, "band", np.geomspace(20000.0, 20.0, 20)), ["bars", "numbers"], "13904 Hz"),
        (chroma_like(300, "lag", None), ["bars"], "lag 2"),
        (chroma_like(5, "coefficient", np.arange(5)), ["bars", "numbers"], "1"),
    ],
)
def test_what_fits_is_chosen_by_the_axes(data, kinds, name):
    found = axis_values(data)
    assert found["kinds"][: len(kinds)] == kinds or found["kinds"] == kinds
    if name is not None:
        assert found["names"][1] == name
        assert len(found["names"]) == found["width"]
    assert found["low"] < found["high"]


def test_decibels_span_what_they_were_clamped_to():
    found = axis_values(spectrogram_track())
    assert (found["low"], found["high"], found["unit"], len(found["coords"])) == (-80, 0, "dB", 1025)


def test_a_picture_of_the_trail_has_columns_even_in_the_logarithm_of_frequency():
    starts = trail_starts({"coords": (np.arange(1025) * 10.0).tolist()}, 1025)
    assert len(starts) == 128
    low, high = 10.0 * starts[64], 20 * (10240 / 20) ** 0.5
    assert low == pytest.approx(high, abs=10)
    assert np.all(np.diff(starts) >= 0)
    assert trail_starts({"coords": []}, 300)[:3].tolist() == [0, 2, 4]
    rows = np.arange(20, dtype=np.float32).reshape(2, 10)
    assert pooled(rows, np.array([0, 2, 2, 8])).tolist() == [[1, 2, 7, 9], [11, 12, 17, 19]]
    assert levels(np.float32([[-80, 0, -40, np.nan, 5, -np.inf]]), -80, 0).tolist() == [[0, 255, 128, 0, 255, 0]]


def test_a_wide_trail_travels_as_bytes(session, track):
    inspector = acn.FrameInspector(session, track, "spectrogram")
    session.wait()
    session.playhead.seek(0.9)
    settled(session, inspector, 0.9)
    frame = inspector.frame
    picture = np.frombuffer(frame["trail"], "u1").reshape(frame["trail_rows"], 128)
    assert frame["trail_rows"] * frame["spacing_s"] == pytest.approx(4.8)
    loudest = np.argmax(picture[-1]) / 128
    assert 20 * (RATE / 2 / 20) ** loudest == pytest.approx(440, rel=0.06)


def test_what_is_shown_without_a_page(session, track):
    inspector = acn.FrameInspector(session, track, "chroma")
    session.wait()
    session.playhead.seek(0.5)
    settled(session, inspector, 0.5)
    text = inspector._repr_mimebundle_()[0]["text/plain"]
    assert text.startswith("tones · Chroma: fresh, at 0.50 s")
    assert "  A | " in text
