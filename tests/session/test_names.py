"""What is documented of sessions, statuses and freshness: their parts."""

from __future__ import annotations

import audiocache_nb as acn


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
