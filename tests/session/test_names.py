"""The public names: what a notebook types, exactly so."""

from __future__ import annotations

import inspect

import pytest

import audiocache_nb as acn

EMPTY = inspect.Parameter.empty

SIGNATURES = {
    "__init__": {"cache_dir": None, "workers": None, "bpm": 120.0, "beats_per_bar": 4},
    "add_audio": {
        "source": EMPTY,
        "sample_rate": None,
        "name": None,
        "track_id": None,
        "offset_ticks": 0,
        "region_start_tick": None,
        "region_end_tick": None,
        "analyze": "demand",
    },
    "move": {"track": EMPTY, "offset_ticks": EMPTY},
    "remove": {"track": EMPTY},
    "request": {"track": EMPTY, "features": EMPTY, "element": None, "profile": None},
    "release": {"element": EMPTY},
    "wait": {"timeout": None},
    "get": {"track": EMPTY, "feature": EMPTY, "profile": None},
    "status": {"track": EMPTY},
    "freshness": {"track": EMPTY, "feature": EMPTY, "profile": None},
    "stop": {"track": EMPTY},
    "restart": {"track": EMPTY},
    "reanalyze": {"track": EMPTY, "names": EMPTY},
    "clear": {"track": EMPTY},
    "clear_all": {},
    "reset": {},
    "close": {},
    "sample": {
        "track": EMPTY,
        "feature": EMPTY,
        "time": EMPTY,
        "interpolation": "linear",
        "smoothing": 0,
        "band": None,
        "channel": None,
        "profile": None,
    },
    "sample_many": {"track": EMPTY, "feature": EMPTY, "times": EMPTY},
    "sample_range": {"track": EMPTY, "feature": EMPTY, "start": EMPTY, "end": EMPTY, "padding": 0},
    "sample_history": {"track": EMPTY, "feature": EMPTY, "time": EMPTY, "count": EMPTY, "spacing": None},
    "workbench": {"track": None},
}


@pytest.mark.parametrize("verb", SIGNATURES)
def test_verbs_take_what_they_are_documented_to_take(verb):
    found = inspect.signature(getattr(acn.Session, verb)).parameters
    promised = SIGNATURES[verb]
    assert {name: found[name].default for name in promised} == promised
    others = [found[name] for name in found if name not in promised and name != "self"]
    assert all(other.default is not EMPTY for other in others)  # more may be added, but nobody has to give it


@pytest.mark.parametrize("verb", SIGNATURES)
def test_verbs_say_what_they_do(verb):
    assert inspect.getdoc(getattr(acn.Session, verb))


def test_a_session_can_be_made_with_its_documented_arguments(tmp_path):
    for cache_dir in (None, False, tmp_path, str(tmp_path)):
        with acn.Session(cache_dir=cache_dir, workers=1, bpm=90, beats_per_bar=3) as session:
            assert (session.tempo.bpm, session.tempo.beats_per_bar) == (90, 3)


def test_a_status_has_its_parts(session, track, gate):
    session.request(track, "gate")
    assert gate.entered.wait(60)
    status = session.status(track)
    assert status.state == "pending"
    assert status.message == "analyzing audio"
    assert 0 <= status.progress.value <= 1
    assert status.progress.label
    assert status.progress.eta is None or status.progress.eta >= 0
    assert status.updated_at > 1e9
    assert status.source_hash == track.source.digest


def test_progress_has_the_label_of_what_is_computed(session, track, gate):
    (job,) = session.request(track, "gate")
    assert gate.entered.wait(60)
    assert job.progress.label == "gate"
    gate.open.set()
    assert job.wait(60)
    assert (job.progress.value, job.progress.label) == (1.0, "complete")


def test_freshness_has_its_parts(session, track):
    freshness = session.freshness(track, "rms", profile=None)
    assert (freshness.state, freshness.causes) == ("missing", ())
    assert freshness.explain()


@pytest.mark.parametrize(
    "name",
    [
        "Session",
        "AnalysisProfile",
        "Descriptor",
        "calculator",
        "calculators",
        "local",
        "whole",
        "Events",
        "Global",
        "AudioCacheError",
        "StatusBadge",
        "CachesPanel",
        "FeaturePlot",
        "plotting",
        "examples",
    ],
)
def test_the_package_has_its_names(name):
    assert name in dir(acn)
    assert getattr(acn, name) is not None


def test_every_error_has_a_code_of_its_own_and_derives_from_one():
    errors = [getattr(acn, name) for name in dir(acn) if name.endswith("Error")]
    assert len(errors) > 15
    assert all(issubclass(error, acn.AudioCacheError) for error in errors)
    codes = [error.code for error in errors]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("ACN-") for code in codes)
