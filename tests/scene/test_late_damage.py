"""Features of a bundle that are odd or damaged: what that costs, and what it does not, once somebody looks."""

from __future__ import annotations

import dataclasses
import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest
from support.scenes import feature_entry, parts_of, with_feature

import audiocache_nb as acn
from audiocache_nb.cache import entry as entries
from audiocache_nb.timeline.events import StatusChanged


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A bundle with its recording; one of the features depends on the tempo."""
    path = tmp_path_factory.mktemp("late") / "scene.zip"
    with acn.Session(cache_dir=False, workers=1) as session:
        session.add_audio(np.sin(np.arange(16000) / 9).astype(np.float32), 8000, name="a", track_id="a")
        with paced(1):
            session.request("a", ["rms", "paced"], element="plot")
            session.wait()
            session.save(path, prune=False)
    return path.read_bytes()


class paced:  # noqa: N801 - reads as a verb
    """A calculator that depends on the tempo, and on this number, while the block lasts."""

    def __init__(self, factor):
        self.factor = factor

    def __enter__(self):
        self.register(self.factor)
        return self

    def register(self, factor):
        @acn.calculator(feature="paced", inputs="frames", version=factor, depends_on_tempo=True)
        def paced(frames):
            return factor * np.abs(frames).max(axis=1)

    def __exit__(self, *_):
        acn.calculators.unregister("paced")


@pytest.fixture
def damaged(whole):
    """The same; one bit of the data of `rms` is another one."""
    name = feature_entry(whole, "rms")
    data = bytearray(parts_of(whole)[name])
    data[entries.header_bytes(data) + 5] ^= 1
    return with_feature(whole, name, bytes(data))


def said_otherwise(bundle, change):
    """The bundle, in which `rms` says something else about itself; every checksum is right."""
    name = feature_entry(bundle, "rms")
    data = parts_of(bundle)[name]
    start = data[: entries.header_bytes(data)]
    layout = entries.parse(start, len(data))
    change(layout.plain)
    table = {array: (dtype, shape) for array, (dtype, shape, _) in layout.arrays.items()}
    return with_feature(bundle, name, entries._header(layout.plain, table) + data[len(start) :])


@pytest.mark.parametrize("name", ["seconds", "sample_rate"])
@pytest.mark.parametrize("value", [{"$int": hex(10**400)}, {"$int": hex(10**4400)}, {"$float": "nan"}])
def test_numbers_that_nobody_can_reckon_with_are_not_believed(whole, loads, tmp_path, name, value):
    session, report = loads(said_otherwise(whole, lambda plain: plain["provenance"].update({name: value})))
    with paced(1):
        assert session.status("a").state == "ready"
        assert name not in session.peek("a", "rms").provenance
        assert len(report.kept) == 2
        session.save(tmp_path / "again.zip")


def test_parameters_that_nobody_can_show_make_a_feature_damaged(whole, loads):
    window = {"$int": hex(1 << 20000)}
    session, report = loads(said_otherwise(whole, lambda plain: plain["parameters"].update(window_size=window)))
    assert [(note.feature, note.reason) for note in report.left_out] == [("rms", "its parameters cannot be")]
    assert session.peek("a", "rms") is None


@pytest.mark.parametrize("where", ["disk", "memory"])
def test_what_was_trusted_and_is_damaged_is_computed_again(damaged, loads, tmp_path, where):
    """It lies in the cache, too: that would give the same damaged data, again and again."""
    session, _ = loads(damaged, trust=True, cache_dir=tmp_path if where == "disk" else False)
    session.sample("a", "rms", 0.1)
    data = session.get("a", "rms", timeout=60).data
    assert data.shape[0] > 0
    assert "imported" not in session.peek("a", "rms").provenance


def test_verifying_tells_of_damage_and_goes_on(damaged, loads):
    session, _ = loads(damaged)
    with paced(1):
        found = {note.feature: note for note in session.verify_imported(excerpts=1, seconds=60).features}
    assert found["rms"].outcome == "not checked"
    assert "damaged" in found["rms"].reason
    assert found["paced"].outcome == "verified"


@pytest.mark.parametrize("edit", ["tempo", "calculator"])
def test_a_change_before_anybody_looks_is_told_like_one_after(whole, loads, edit):
    """What features were like cannot be found out any more then: they stand where they stood when they were saved."""
    told = {}
    for looked in (True, False):
        with paced(1) as calculator:
            session, _ = loads(whole, policy="never")
            if looked:
                assert session.status("a").state == "ready"
            heard = []
            session.store.subscribe(heard.append)
            if edit == "tempo":
                session.tempo.bpm = 90
            else:
                calculator.register(2)
            assert session.store.flush(30)
            told[looked] = [
                (event.previous.state, event.previous.message, event.status.state, event.status.message)
                for event in heard
                if isinstance(event, StatusChanged)
            ]
    message = "tempo updated" if edit == "tempo" else "calculator updated"
    assert told[False] == told[True] == [("ready", None, "stale", message)]


def test_a_report_that_nobody_reads_holds_no_timeline(whole):
    session, report = acn.load(whole, cache_dir=False, workers=1)
    timeline = weakref.ref(session.timeline)
    assert session.status("a").state
    session.close()
    del session
    gc.collect()
    assert timeline() is None
    assert len(report.features) == 2


@pytest.mark.parametrize("opened", [False, True], ids=["closed", "opened"])
def test_a_file_that_is_cut_short_after_loading_does_not_end_the_process(whole, tmp_path, opened):
    """What copies over a file begins by making it empty; who then reads what was mapped gets a signal, and no error."""
    path = tmp_path / "scene.zip"
    path.write_bytes(whole)
    script = f"""
import os, audiocache_nb as acn
session, report = acn.load({str(path)!r}, cache_dir=False, workers=1)
if {opened}:
    assert len(report.features) == 2
os.truncate({str(path)!r}, 10)
assert session.sample("a", "rms", 0.1) is None
print([note.reason for note in report.left_out if note.feature == "rms"])
try:
    session.get("a", "rms", timeout=60)
except acn.AudioCacheError as error:
    print(type(error).__name__, error)
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr
    assert ("the file was cut short" in found.stdout) != opened
    assert "was cut short" in found.stdout.splitlines()[-1]


def test_halves_of_others_are_sampled_as_they_are_written(whole, loads):
    """Nothing is computed as float16 here, but a scene may hold it."""
    name = feature_entry(whole, "rms")
    start = parts_of(whole)[name]
    layout = entries.parse(start[: entries.header_bytes(start)], len(start))
    values = np.linspace(0, 1, layout.arrays["data"][1][0], dtype=np.float16)
    session, _ = loads(whole)
    track = dataclasses.replace(session.peek("a", "rms"), data=values[:, np.newaxis])
    header, tail = entries.write_plan(track)
    session, _ = loads(with_feature(whole, name, header + values.tobytes() + tail))
    times_s = np.linspace(0, 1.5, 7)
    expected = np.array([session.sample("a", "rms", time_s).values for time_s in times_s])
    assert np.allclose(session.sample_many("a", "rms", times_s), expected, rtol=1e-3)
    assert session.peek("a", "rms").dtype == np.float16
