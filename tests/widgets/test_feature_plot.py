from __future__ import annotations

import gc
import json
import threading
import weakref

import numpy as np
import pytest
import traitlets
from widgets.conftest import until, widget_comm
from widgets.fake import curve_track, spectrogram_track, waveform_track

from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import InvalidParameterError, InvalidTypeError, SourceMissingError, UnknownFeatureError
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.sampling.pyramid import MinMaxPyramid
from audiocache_nb.widgets import tiles as tiles_module
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.layers import NO_FACTS
from audiocache_nb.widgets.plot_layers import PREPARING
from audiocache_nb.widgets.tiles import tile_service

ENOUGH = 512


def layer(plot, name):
    return next(layer for layer in plot.layers if layer["name"] == name)


def shown(plot, *names):
    """Wait until these layers can be drawn."""
    until(lambda: all(layer(plot, name)["buckets"] for name in names))


def ask(plot, name, level=0, index=0, request_id=1, **change):
    """Ask for a tile as the page does, and wait for what comes back."""
    page = widget_comm(plot)
    before = len(page.customs)
    revision = layer(plot, name)["revision"]
    message = {"kind": "tile", "id": request_id, "layer": name, "level": level, "index": index, "revision": revision}
    page.page_sends({**message, **change})
    until(lambda: len(page.customs) > before)
    return page.customs[before]


@pytest.fixture
def full(session, track):
    session.set_entry(track, "waveform", "fresh", waveform_track())
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track())
    return track


# -- demand ---------------------------------------------------------------------------------------------


def test_a_plot_asks_for_what_it_shows_and_closing_withdraws_it(session, track):
    profile = AnalysisProfile(hop_size=256)
    plot = FeaturePlot(session, track, "rms", profile=profile)
    ((track_id, features, used),) = session.demand.values()
    assert track_id == track.id
    assert [(f.feature, f.used_profile) for f in features] == [("waveform", profile), ("rms", profile)]
    assert used is profile
    plot.close()
    assert session.demand == {}


def test_two_plots_ask_independently(session, track):
    first, second = FeaturePlot(session, track), FeaturePlot(session, track)
    assert len(session.demand) == 2
    first.close()
    assert len(session.demand) == 1
    second.close()


def test_without_the_waveform_or_only_the_waveform(session, track):
    assert [x["name"] for x in FeaturePlot(session, track, "rms", waveform=False).layers] == ["rms"]
    assert [x["name"] for x in FeaturePlot(session, track, "waveform").layers] == ["waveform"]


def test_features_by_calculator_id_and_by_descriptor(session, track):
    assert [x["name"] for x in FeaturePlot(session, track, "mvmnt.rms").layers] == ["waveform", "mvmnt.rms"]
    plot = FeaturePlot(session, track, Descriptor("rms", profile=AnalysisProfile(hop_size=64)), waveform=False)
    assert plot._parts[0].wanted.used_profile.hop_size == 64


def test_what_cannot_be_asked_for_leaves_nothing_behind(session, track):
    with pytest.raises(UnknownFeatureError):
        FeaturePlot(session, track, "no such thing")
    for height in (0, -5, "tall", True, float("nan")):
        with pytest.raises(InvalidParameterError):
            FeaturePlot(session, track, height=height)
    session.fail_with = UnknownFeatureError("nobody makes it")
    with pytest.raises(UnknownFeatureError):
        FeaturePlot(session, track)
    assert session.demand == {}
    assert len(session.publisher._watches) == session.own_watches


def test_the_height_goes_to_the_page(session, track):
    assert FeaturePlot(session, track, height=400).height == 400
    assert FeaturePlot(session, track).height == 0, "each layer its own"


# -- layers ---------------------------------------------------------------------------------------------


def test_before_there_are_data_the_layers_say_why(session, track):
    plot = FeaturePlot(session, track)
    assert [(x["name"], x["kind"], x["state"], x["buckets"]) for x in plot.layers] == [
        ("waveform", "minmax", "missing", 0),
        ("spectrogram", "image", "missing", 0),
    ]
    session.set_entry(track, "spectrogram", "queued", reason="Waiting for its turn.")
    until(lambda: layer(plot, "spectrogram")["state"] == "queued")
    assert layer(plot, "spectrogram")["reason"] == "Waiting for its turn."
    session.set_entry(track, "spectrogram", "failed", reason="division by zero")
    until(lambda: layer(plot, "spectrogram")["state"] == "failed")


def test_the_layers_of_a_recording(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform", "spectrogram")
    assert plot.title == "drums.wav · Spectrogram"
    assert plot.duration_s == 8.0
    assert plot.span == (0.0, 8.0)
    assert layer(plot, "waveform") == {
        "name": "waveform", "kind": "minmax", "label": "Waveform", "unit": "", "state": "fresh", "reason": "",
        "revision": 1, "t0_s": 0.0, "hop_s": 64 / 44100, "buckets": 5512, "factor": 4, "levels": 2,
        "tile_buckets": 2048, "value_min": -1.0, "value_max": 1.0, "aligned": "start",
        **NO_FACTS, "channels": ["Left", "Right"],
    }  # fmt: skip
    bin_hz = 44100 / 2048
    assert layer(plot, "spectrogram") == {
        "name": "spectrogram", "kind": "image", "label": "Spectrogram", "unit": "dB", "state": "fresh", "reason": "",
        "revision": 1, "t0_s": 0.0, "hop_s": 512 / 44100, "buckets": 400, "factor": 2, "levels": 2,
        "tile_buckets": 256, "value_min": -80.0, "value_max": 0.0, "aligned": "center",
        **NO_FACTS, "rows": 512, "row_bins": 2,
        "y_min": 0.5 * bin_hz, "y_max": pytest.approx(1022.5 * bin_hz), "y_unit": "Hz",
    }  # fmt: skip
    json.dumps(plot.layers, allow_nan=False)


def test_few_values_are_curves_and_many_an_image(session, track):
    for width, kind in [(1, "curve"), (8, "curve"), (9, "image"), (600, "image")]:
        data = np.random.default_rng(width).normal(size=(50, width)).astype(np.float32)
        session.set_entry(track, "rms", "fresh", curve_track(data=data, key=f"w{width}", axes=("frame", "value")))
        plot = FeaturePlot(session, track, "rms", waveform=False)
        shown(plot, "rms")
        assert layer(plot, "rms")["kind"] == kind
        assert layer(plot, "rms")["rows"] == (0 if kind == "curve" else min(width, 300))


def test_rows_are_frequencies_names_or_numbers(session, track):
    mel_hz = np.geomspace(50, 8000, 40)
    names = [*"ABCDEFGHIJKL"]
    for axis, coordinates, facts in [
        (
            "band",
            mel_hz,
            {"y_min": 50, "y_max": 8000, "y_unit": "Hz", "y_values": pytest.approx(list(mel_hz), rel=1e-6)},
        ),
        ("lag", np.arange(40) * 0.1, {"y_min": 0, "y_max": pytest.approx(3.9), "y_unit": "s", "y_values": []}),
        ("pitch_class", np.array(names), {"y_min": 0, "y_max": 11, "y_unit": "pitch class", "y_names": names}),
        ("coefficient", np.arange(20), {"y_min": 0, "y_max": 19, "y_unit": "coefficient", "y_values": []}),
        ("band", mel_hz[::-1].copy(), {"y_min": 0, "y_max": 39, "y_unit": "band", "y_values": []}),
        ("bin", None, {"y_min": 0, "y_max": 39, "y_unit": "bin"}),
    ]:
        count = 40 if coordinates is None else len(coordinates)
        data = np.zeros((9, count), np.float32)
        coords = {} if coordinates is None else {axis: coordinates}
        made = curve_track(data=data, key=f"{axis} {facts}", axes=("frame", axis), axis_coords=coords)
        session.set_entry(track, "rms", "fresh", made)
        plot = FeaturePlot(session, track, "rms", waveform=False)
        shown(plot, "rms")
        found = layer(plot, "rms")
        assert {name: found[name] for name in facts} == facts
        plot.close()


def test_events_come_in_order_with_their_times_exact(session, track):
    times = np.random.default_rng(3).uniform(0, 3600, 5000)
    rows = np.stack([times, np.arange(5000.0)], axis=1)
    rows[17, 0] = np.nan
    made = curve_track(
        data=rows,
        key="events",
        format="events",
        axes=("event", "field"),
        axis_coords={"field": np.array(["time", "strength"])},
    )
    session.set_entry(track, "onsets", "fresh", made)
    plot = FeaturePlot(session, track, ["onsets"], waveform=False)
    assert layer(plot, "onsets")["kind"] == "events"
    shown(plot, "onsets")
    found = layer(plot, "onsets")
    assert (found["buckets"], found["channels"], found["value_max"]) == (4999, ["time", "strength"], 4999)
    tiles = [ask(plot, "onsets", index=index) for index in range(2)]
    assert [header["dtype"] for header, _ in tiles] == ["float64", "float64"]
    values = np.concatenate([np.frombuffer(b, "<f8").reshape(header["shape"]) for header, (b,) in tiles])
    known = rows[np.isfinite(rows[:, 0])]
    assert np.array_equal(values, known[np.argsort(known[:, 0])])
    assert found["edges"] == [values[0, 0], values[4096, 0]]


def test_one_value_for_the_whole_recording_is_said(session, track):
    made = curve_track(
        data=np.array([[120.0, 0.5]]), key="tempo", format="global", unit="BPM", axes=("frame", "value"),
        axis_coords={"value": np.array(["bpm", "strength"])},
    )  # fmt: skip
    session.set_entry(track, "tempo", "fresh", made)
    plot = FeaturePlot(session, track, "tempo", waveform=False)
    until(lambda: layer(plot, "tempo")["text"])
    found = layer(plot, "tempo")
    assert (found["kind"], found["buckets"], found["text"]) == ("text", 0, "bpm 120 BPM · strength 0.5")


def test_several_features_each_once_under_the_waveform(session, track):
    other = Descriptor("rms", profile=AnalysisProfile(hop_size=64))
    plot = FeaturePlot(session, track, ["spectrogram", "rms", "rms", other, "onsets"])
    assert [x["name"] for x in plot.layers] == ["waveform", "spectrogram", "rms", "rms (2)", "onsets"]
    assert plot.title == "drums.wav · Spectrogram, RMS, RMS and 1 more"
    for none in ([], ["rms"] * 30, 7):
        with pytest.raises((InvalidParameterError, InvalidTypeError)):
            FeaturePlot(session, track, none)


def test_values_that_are_not_finite_do_not_break_the_axis(session, track):
    data = np.array([[np.nan], [np.inf], [0.2], [-np.inf], [0.5]], np.float32)
    session.set_entry(track, "rms", "fresh", curve_track(data=data))
    plot = FeaturePlot(session, track, "rms", waveform=False)
    shown(plot, "rms")
    assert (layer(plot, "rms")["value_min"], layer(plot, "rms")["value_max"]) == (0.0, pytest.approx(0.55, abs=0.06))
    _, (buffer,) = ask(plot, "rms")
    low = np.frombuffer(buffer, "<f4").reshape(5, 1, 2)[:, 0, 0]
    assert np.array_equal(low, np.array([np.nan, np.nan, 0.2, np.nan, 0.5], np.float32), equal_nan=True)


def test_new_data_are_a_new_revision_and_old_tiles_are_refused(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "spectrogram")
    session.set_entry(full, "spectrogram", "fresh", spectrogram_track(300, key="spec-2"))
    until(lambda: layer(plot, "spectrogram")["buckets"] == 300)
    assert layer(plot, "spectrogram")["revision"] == 2
    reply, _ = ask(plot, "spectrogram", revision=1, request_id=9)
    assert reply == {"kind": "refused", "id": 9, "message": "The feature has changed meanwhile."}
    assert layer(plot, "waveform")["revision"] == 1


def test_stale_data_stay_visible(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "spectrogram")
    old = session.store.snapshot().sources[full.source_id]
    entry = next(e for e in old.entries.values() if e.slot.feature == "spectrogram")
    session.set_entry(full, "spectrogram", "stale", entry.track, reason="hop_size 512 → 256")
    until(lambda: layer(plot, "spectrogram")["state"] == "stale")
    found = layer(plot, "spectrogram")
    assert (found["buckets"], found["revision"], found["reason"]) == (400, 1, "hop_size 512 → 256")


def test_cleared_data_disappear(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "spectrogram")
    session.clear_entries(full)
    until(lambda: layer(plot, "spectrogram")["buckets"] == 0)
    assert layer(plot, "spectrogram")["state"] == "missing"
    reply, _ = ask(plot, "spectrogram")
    assert reply["message"] == "There is nothing to draw."


def test_a_removed_track(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "spectrogram")
    session.remove(full)
    until(lambda: layer(plot, "spectrogram")["buckets"] == 0)
    assert layer(plot, "spectrogram")["reason"] == "The track was removed."
    assert plot.title == "drums.wav · Spectrogram"
    assert "drums.wav" in repr(plot)


def test_a_picture_that_cannot_be_made_says_so(session, track, caplog, monkeypatch):
    def fail(*_, **__):
        raise MemoryError("/secret/path")

    monkeypatch.setattr("audiocache_nb.widgets.tiles.make_picture", fail)
    session.set_entry(track, "rms", "fresh", curve_track())
    plot = FeaturePlot(session, track, "rms", waveform=False)
    until(lambda: layer(plot, "rms")["state"] == "failed")
    assert layer(plot, "rms")["reason"] == "The picture could not be made (MemoryError)."


def test_a_plot_that_is_not_seen_lets_its_pictures_go(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "spectrogram")
    page = widget_comm(plot)
    page.page_sets(_view_count=1)
    page.page_sets(_view_count=0)
    assert all(part.picture is None for part in plot._parts)
    page.page_sets(_view_count=1)
    until(lambda: all(part.picture is not None for part in plot._parts))
    shown(plot, "spectrogram")
    assert layer(plot, "spectrogram")["revision"] == 1, "the page's tiles are still good"


# -- tiles ----------------------------------------------------------------------------------------------


def test_tiles_of_a_waveform(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    data = waveform_track().data
    header, (buffer,) = ask(plot, "waveform", level=0, index=2, request_id=5)
    assert header == {
        "kind": "tile", "id": 5, "layer": "waveform", "level": 0, "index": 2, "revision": 1, "dtype": "float32",
        "shape": [1416, 2, 2], "start_bucket": 4096,
    }  # fmt: skip
    assert np.array_equal(np.frombuffer(buffer, "<f4").reshape(header["shape"]), data[4096:])
    header, (buffer,) = ask(plot, "waveform", level=1)
    assert np.array_equal(
        np.frombuffer(buffer, "<f4").reshape(header["shape"]), MinMaxPyramid(np.array(data)).tile(1, 0)[1]
    )


def test_tiles_of_a_spectrogram(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "spectrogram")
    header, (buffer,) = ask(plot, "spectrogram", level=0, index=1)
    assert (header["dtype"], header["shape"], header["start_bucket"]) == ("uint8", [144, 512], 256)
    decibels = np.frombuffer(buffer, np.uint8).reshape(header["shape"]) / 255 * 80 - 80
    data = spectrogram_track().data[256:]
    expected = np.maximum(data[:, 0:1022:2], data[:, 1:1022:2])
    assert np.abs(decibels[:, :511] - expected).max() <= 80 / 510 + 1e-4


def test_messages_are_small(session, track):
    channels = np.sort(np.random.default_rng(1).normal(size=(9000, 64, 2)).astype(np.float32), axis=-1)
    wave = waveform_track(data=channels, axis_coords={})
    session.set_entry(track, "waveform", "fresh", wave)
    plot = FeaturePlot(session, track, "waveform")
    shown(plot, "waveform")
    _, (buffer,) = ask(plot, "waveform")
    assert len(buffer) <= ENOUGH * 1024
    for _, data, buffers in widget_comm(plot).messages:
        assert len(json.dumps(data)) < 64_000
        assert not buffers or "content" in data, "arrays never travel in traits"


@pytest.mark.parametrize(("level", "index"), [(0, 99), (2, 0), (60, 0), (1, 2**50)])
def test_tiles_that_do_not_exist_are_refused(session, full, level, index):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    reply, _ = ask(plot, "waveform", level=level, index=index)
    assert reply["kind"] == "refused"
    assert plot.malformed_messages == 0


def test_a_layer_that_does_not_exist_is_malformed(session, full):
    plot = FeaturePlot(session, full)
    tile = {"kind": "tile", "id": 1, "layer": "../../etc", "level": 0, "index": 0, "revision": 1}
    widget_comm(plot).page_sends(tile)
    assert plot.malformed_messages == 1


def test_tiles_are_answered_off_the_calling_thread(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    names, send = [], plot.comm.publish_msg

    def record(*args, **kwargs):
        names.append(threading.current_thread().name)
        send(*args, **kwargs)

    plot.comm.publish_msg = record
    ask(plot, "waveform")
    assert names[-1] == "audiocache_nb tiles"


def test_what_is_visible_is_answered_first(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    page = widget_comm(plot)
    page.page_sets(span=[7.0, 8.0])
    service = tile_service(session)
    with service._lock:  # nobody answers meanwhile
        for request_id, (level, index) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (0, 0)]):
            address = {"layer": "waveform", "level": level, "index": index, "revision": 1}
            page.page_sends({"kind": "tile", "id": request_id, **address})
        order = [service._pick().args[0].request.id for _ in range(5)]
    # Tile 2 of level 0 begins at 5.9 s, and the overview holds everything; then the newest.
    assert order == [3, 2, 4, 1, 0]


def test_a_flood_of_requests_is_bounded_and_every_one_is_answered(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    page = widget_comm(plot)
    service = tile_service(session)
    with service._lock:
        for k in range(500):
            page.page_sends({"kind": "tile", "id": k, "layer": "waveform", "level": 0, "index": 0, "revision": 1})
            assert len(service._queue) <= 64
    until(lambda: len(page.customs) == 500)
    kinds = [content["kind"] for content, _ in page.customs]
    assert kinds.count("tile") == 64
    assert {content["id"] for content, _ in page.customs} == set(range(500))


def test_closing_forgets_what_was_asked_for(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    page, service = widget_comm(plot), tile_service(session)
    with service._lock:
        for k in range(10):
            page.page_sends({"kind": "tile", "id": k, "layer": "waveform", "level": 0, "index": 0, "revision": 1})
        plot.close()
        assert service._queue == []


# -- pictures are shared and bounded --------------------------------------------------------------------


def test_plots_of_one_feature_share_one_picture(session, full, monkeypatch):
    built = []
    from audiocache_nb.widgets import tiles

    make = tiles.make_picture
    monkeypatch.setattr(tiles, "make_picture", lambda *args, **more: built.append(args[0].key) or make(*args, **more))
    plots = [FeaturePlot(session, full) for _ in range(3)]
    for plot in plots:
        shown(plot, "waveform", "spectrogram")
    assert sorted(built) == ["spec-1", "wave-1"]


def test_pictures_are_kept_within_a_budget(session, track):
    service = tile_service(session)
    service._budget_bytes = 100_000
    made = [waveform_track(30_000, key=f"wave-{k}") for k in range(4)]
    for one in made:
        done = threading.Event()
        service.prepare(one, done.set)
        assert done.wait(20)
    assert service.picture(made[0]) is None
    assert service.picture(made[-1]) is not None
    assert sum(kept.picture.nbytes for kept in service._kept.values()) <= 200_000


def test_a_picture_goes_when_the_session_drops_the_data(session):
    service, made, done = tile_service(session), waveform_track(1000, key="gone"), threading.Event()
    service.prepare(made, done.set)
    assert done.wait(20)
    assert service.picture(made) is not None
    ghost = weakref.ref(made)
    del made
    until(lambda: gc.collect() >= 0 and ghost() is None)
    assert len(service._kept) == 0


def test_a_picture_does_not_hold_the_samples_below_it(session):
    samples = np.random.default_rng(0).uniform(-1, 1, 64 * 1000).astype(np.float32)
    source = load(samples, sample_rate=44100)
    cells = samples.reshape(-1, 1, 64)
    data = np.stack([cells.min(axis=2), cells.max(axis=2)], axis=2)
    made, done, service = waveform_track(data=data, hop_seconds=64 / 44100), threading.Event(), tile_service(session)
    service.prepare(made, done.set, source)
    assert done.wait(20)
    pyramid = service.picture(made).pyramid
    np.testing.assert_array_equal(pyramid.tile(0, 0)[1][:, 0, 0], samples[: pyramid.tile_buckets])
    ghost = weakref.ref(source)
    del source
    until(lambda: gc.collect() >= 0 and ghost() is None)
    with pytest.raises(SourceMissingError):
        pyramid.tile(0, 0)
    assert pyramid.tile(pyramid.levels - 1, 0)[1].max() == samples.max()


def test_closing_the_session_ends_a_picture_that_is_being_built(session, track):
    entered, release = threading.Event(), threading.Event()

    class Slow(np.ndarray):
        def __getitem__(self, item):
            entered.set()
            release.wait(20)
            return super().__getitem__(item)

    data = np.zeros((200_000, 16), np.float32).view(Slow)
    service = tile_service(session)
    service.prepare(curve_track(data=data, axes=("frame", "value")), lambda: None)
    assert entered.wait(20)
    session.close()
    release.set()
    until(lambda: not [t for t in threading.enumerate() if t.name == "audiocache_nb tiles"])
    assert len(service._kept) == 0


def test_a_closed_session_answers_that_it_is_closed(session, full):
    plot = FeaturePlot(session, full)
    shown(plot, "waveform")
    session.close()
    reply, _ = ask(plot, "waveform", request_id=6)
    assert reply == {"kind": "refused", "id": 6, "message": "The session is closed."}


def test_without_threads_tiles_are_answered_in_the_call(full, session, monkeypatch):
    monkeypatch.setattr("sys.platform", "emscripten")
    plot = FeaturePlot(session, full)
    session.publisher.flush()
    page = widget_comm(plot)
    page.page_sends({"kind": "tile", "id": 1, "layer": "waveform", "level": 0, "index": 0, "revision": 1})
    assert page.customs[0][0]["kind"] == "tile"


# -- the visible range ----------------------------------------------------------------------------------


def test_the_page_moves_the_span_and_hears_no_echo(session, track):
    plot = FeaturePlot(session, track)
    page = widget_comm(plot)
    page.messages.clear()
    page.page_sets(span=[1, 2.5])
    assert plot.span == (1.0, 2.5)
    assert page.messages == []


def test_the_kernel_moves_the_span(session, track):
    plot = FeaturePlot(session, track)
    plot.span = (2, 3)
    assert widget_comm(plot).updates[-1] == {"span": (2.0, 3.0)}
    with pytest.raises(traitlets.TraitError, match="finite"):
        plot.span = (3.0, 2.0)
    with pytest.raises(traitlets.TraitError):
        plot.span = (float("nan"), 2.0)
    assert plot.span == (2.0, 3.0)


@pytest.mark.parametrize(
    "span", [[2, 1], [1, 1], [1], [0, 1, 2], ["a", "b"], None, 5, [None, 1], [float("nan"), 1], {}]
)
def test_a_span_that_is_none_is_ignored_and_counted(session, track, span):
    plot = FeaturePlot(session, track)
    widget_comm(plot).page_sets(span=span)
    assert plot.span == (0.0, 8.0)
    assert plot.malformed_messages == 1


def test_every_built_in_calculator_says_what_its_plot_will_be(session, track):
    from audiocache_nb.features.registry import calculators

    known = {
        "spectrogram": "image",
        "mvmnt.spectrogram": "image",
        "melspectrogram": "image",
        "chroma": "image",
        "waveform": "minmax",
        "mvmnt.waveform": "minmax",
        "rms": "curve",
        "centroid": "curve",
        "onsets": "events",
        "beats": "events",
        "tempo": "text",
        "ssm": "image",
    }
    for calculator in calculators:
        assert isinstance(calculator, Calculator)
        plot = FeaturePlot(session, track, calculator.id, waveform=False)
        kind = plot.layers[0]["kind"]
        assert kind in {"image", "minmax", "curve", "events", "text"}
        assert kind == known.get(calculator.id, kind), calculator.id
        plot.close()


# -- growing features -----------------------------------------------------------------------------------


def test_a_running_feature_is_drawn_as_far_as_it_exists(session, track, monkeypatch):
    monkeypatch.setattr("audiocache_nb.widgets.plot_layers.GROW_S", 0.0)
    data = spectrogram_track().data
    done = np.zeros(400, bool)
    session.set_entry(track, "spectrogram", "running")
    plot = FeaturePlot(session, track, waveform=False)
    assert layer(plot, "spectrogram")["buckets"] == 0
    seen = []
    for frames in (100, 250):
        done[:frames] = True
        grown = np.where(done[:, None], data, np.float32(np.nan))
        session.grown["spectrogram"] = (spectrogram_track(data=grown), done.copy())

        def drawn(frames=frames):
            session.publisher.poke(plot)
            return layer(plot, "spectrogram")["done"] == [[0.0, frames / 400]]

        until(drawn)
        assert layer(plot, "spectrogram")["state"] == "running"
        seen.append(layer(plot, "spectrogram")["revision"])
        _, (buffer,) = ask(plot, "spectrogram")
        tile = np.frombuffer(buffer, np.uint8).reshape(256, 512)
        assert (tile[min(frames, 255) + 1 :] == 0).all()
        assert tile[: min(frames, 256)].any(axis=1).all()
    session.grown.clear()
    release, make = threading.Event(), tiles_module.make_picture
    monkeypatch.setattr(tiles_module, "make_picture", lambda *args, **more: release.wait(20) and make(*args, **more))
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track())
    until(lambda: layer(plot, "spectrogram")["reason"] == PREPARING)
    assert layer(plot, "spectrogram")["buckets"] == 400, "what was there stays until the whole is ready"
    release.set()
    until(lambda: layer(plot, "spectrogram")["state"] == "fresh")
    found = layer(plot, "spectrogram")
    assert (found["done"], found["buckets"]) == (None, 400)
    assert seen == sorted(set(seen))
    assert found["revision"] > seen[-1]


def test_a_feature_that_stopped_growing_is_not_shown_as_if_it_were_there(session, track):
    session.set_entry(track, "rms", "running")
    session.grown["rms"] = (curve_track(), np.arange(690) < 5)
    plot = FeaturePlot(session, track, "rms", waveform=False)
    shown(plot, "rms")
    session.grown.clear()
    session.set_entry(track, "rms", "missing", reason="It was stopped.")
    until(lambda: layer(plot, "rms")["buckets"] == 0)
    assert layer(plot, "rms")["reason"] == "It was stopped."


def test_what_is_on_the_screen_is_computed_first(session, track):
    other = session.add("bass.wav")
    plots = [FeaturePlot(session, track), FeaturePlot(session, track, "rms"), FeaturePlot(session, other)]
    pages = [widget_comm(plot) for plot in plots]
    pages[1].page_sets(in_view=True)
    assert session.preferred == [track.id]
    pages[0].page_sets(in_view=True)
    pages[2].page_sets(in_view=True)
    assert session.preferred == sorted([track.id, other.id])
    pages[1].page_sets(in_view=False)
    assert session.preferred == sorted([track.id, other.id])
    plots[0].close()
    assert session.preferred == [other.id]
    pages[2].page_sets(in_view="yes")
    assert plots[2].malformed_messages == 1
