"""Features of a bundle are opened when somebody looks at them; what is seen does not depend on who looked first."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading

import numpy as np
import pytest
from support.scenes import feature_entry, parts_of, with_document, with_feature

import audiocache_nb as acn
from audiocache_nb.cache.entry import header_bytes
from audiocache_nb.scene import load as loading
from audiocache_nb.timeline.late import LateState

FEATURES = 5  # onsets come with what they were found in


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A bundle of some features of half a second; not all of them are asked for."""
    path = tmp_path_factory.mktemp("late") / "scene.zip"
    with acn.Session(cache_dir=False, workers=1) as session:
        sound = np.sin(np.arange(4000) / 9).astype(np.float32)
        session.add_audio(sound, 8000, name="a", track_id="a")
        session.request("a", ["centroid", "onsets", "rms"], element="plot")
        session.get("a", "zcr")
        session.release("notebook")
        session.wait()
        session.save(path, prune=False, audio="none")
    return path.read_bytes()


@pytest.fixture(scope="module")
def damaged(small):
    """The same with a header that is off by one bit in its middle."""
    entry = feature_entry(small, "rms")
    data = bytearray(parts_of(small)[entry])
    data[header_bytes(data) // 2] ^= 1
    return with_feature(small, entry, bytes(data))


@pytest.fixture
def opened(monkeypatch):
    """The entries that were opened, in that order."""
    names = []
    open_one = loading.mapped_track

    def counted(archive, entry, *rest):
        names.append(entry)
        return open_one(archive, entry, *rest)

    monkeypatch.setattr(loading, "mapped_track", counted)
    return names


LOOKS = {
    "status": lambda session, _report: session.status("a"),
    "sample": lambda session, _report: session.sample("a", "rms", 0.1),
    "peek": lambda session, _report: session.peek("a", "rms"),
    "freshness": lambda session, _report: session.freshness("a", "rms"),
    "diagnostics": lambda session, _report: session.diagnostics.to_pandas(),
    "report": lambda _session, report: report.features,
    "text": lambda session, _report: repr(session),
    "entries": lambda session, _report: list(_state(session).entries.values()),
    "another": lambda session, _report: session.sample("a", "zcr", 0.1),
    "edit": lambda session, _report: session.move("a", offset_ticks=10),
    "tempo": lambda session, _report: setattr(session.tempo, "bpm", 90),
    "close": lambda session, _report: session.close(),
}


def _state(session):
    return session.store.snapshot().sources[session.tracks["a"].source_id]


def _facts(session):
    """Everything that is said of the features, without the data."""
    state = _state(session)
    return [
        (slot, one.state, one.reason, one.causes, one.lost, one.demanded, one.wanted_key, one.track and one.track.key)
        for slot, one in state.entries.items()
    ], (state.status.state, state.status.message)


def test_loading_opens_nothing_and_a_sample_opens_one(small, opened, loads):
    session, report = loads(small)
    assert opened == []
    assert session.sample("a", "rms", 0.1) is not None
    assert session.sample("a", "rms", 0.2) is not None
    assert opened == [feature_entry(small, "rms")]
    session.move("a", offset_ticks=10)
    assert len(opened) == 1
    assert session.status("a").state == "ready"
    assert len(opened) == len(set(opened)) == FEATURES
    assert {note.outcome for note in report.features} == {"loaded"}
    assert len(opened) == FEATURES


def test_closing_opens_nothing(small, opened, loads):
    session, report = loads(small)
    session.close()
    assert opened == []
    assert session.closed
    assert len(report.kept) == FEATURES  # it can be told all the same


@pytest.mark.parametrize("look", LOOKS)
def test_a_damaged_header_is_missing_whoever_looks_first(damaged, loads, look):
    session, report = loads(damaged)
    LOOKS[look](session, report)
    entry = next(one for one in _state(session).entries.values() if one.slot.feature == "rms")
    assert (entry.state, entry.track, entry.demanded) == ("missing", None, True)
    assert entry.reason == entry.lost == loading.DAMAGED
    assert session.sample("a", "rms", 0.1) is None
    assert session.peek("a", "rms") is None
    missing = [(note.feature, note.reason) for note in report.features if note.outcome == "missing"]
    assert missing == [("rms", loading.DAMAGED)]
    others = [one.state for one in _state(session).entries.values() if one is not entry]
    assert others == ["fresh"] * (FEATURES - 1)


@pytest.mark.parametrize("bundle", ["small", "damaged"])
def test_the_order_of_looking_does_not_matter(bundle, loads, request):
    data = request.getfixturevalue(bundle)
    quiet = ["status", "sample", "report", "another"]
    found = []
    for order in itertools.permutations(quiet, 2):
        session, report = loads(data)
        for look in order:
            LOOKS[look](session, report)
        found.append((_facts(session), report.features))
    assert all(one == found[0] for one in found)


def test_what_nobody_asks_for_and_is_damaged_has_no_place(small, loads):
    entry = feature_entry(small, "zcr")
    bundle = with_feature(small, entry, b"nothing of a feature")
    for look in ("another", "status"):
        session, report = loads(bundle)
        LOOKS[look](session, report)
        assert session.sample("a", "zcr", 0.1) is None
        assert "zcr" not in {slot.feature for slot in _state(session).entries}
        assert [note.feature for note in report.left_out] == ["zcr"]


def test_a_profile_that_is_asked_for_with_other_values_is_what_is_judged(small, loads):
    """The same name in the feature and in what is asked for, but not the same values: the data are stale."""

    def change(document):
        for one in document["features"]:
            one["descriptor"]["profile"]["id"] = "mine"
        for one in document["demand"][0]["features"]:
            one["profile"] |= {"id": "mine", "hop_size": 256}

    session, _ = loads(with_document(small, change))
    states = {slot.feature: one for slot, one in _state(session).entries.items()}
    assert states["rms"].descriptor.profile.hop_size == 256
    assert states["rms"].state != "fresh"


def test_many_threads_see_one_thing(small, loads):
    for _ in range(5):
        session, report = loads(small)
        state = _state(session)
        slots = [slot for slot in session.timeline.demand.wanted(["a"]) if slot.feature == "rms"]
        found = []
        start = threading.Barrier(4)

        def look(n, state=state, report=report, found=found, start=start, slot=slots[0]):
            start.wait()
            if n % 2:
                found.append((id(state.entries[slot]), report.features))
            else:
                found.append((id(dict(state.entries)[slot]), report.features))

        threads = [threading.Thread(target=look, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1


def test_a_look_while_the_timeline_changes_waits_for_nobody(small, loads):
    """Readers hold locks of their own: whoever looks must not need the timeline's."""
    session, _ = loads(small)
    state, seen = _state(session), []
    with session.store.lock:
        reader = threading.Thread(target=lambda: seen.append(state.status.state))
        reader.start()
        reader.join(10)
        assert seen == ["ready"]


def test_the_report_is_plain_once_it_goes_elsewhere(small, loads):
    _, report = loads(small)
    twin = pickle.loads(pickle.dumps(report))
    assert (twin.features, twin.path, twin.nbytes) == (report.features, report.path, report.nbytes)
    assert copy.copy(report).features == report.features
    assert str(twin) == str(report)


def test_a_state_that_was_changed_is_not_late(small, loads):
    session, _ = loads(small)
    assert type(_state(session)) is LateState
    session.reanalyze("a", "rms")
    session.wait()
    assert _state(session).entries is not None
    assert _state(session).status.state == "failed"  # the recording did not come with it
