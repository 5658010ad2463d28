"""Digests are computed beside the writing, and once: what has not changed has the digest it had."""

from __future__ import annotations

import gc
import hashlib
import json
import threading

import numpy as np
import pytest
from support.scenes import parts_of

import audiocache_nb as acn
from audiocache_nb.scene import digests


@pytest.fixture
def big(sessions):
    """A session whose spectrogram is long enough for threads of its own."""
    session = sessions()
    sound = np.random.default_rng(0).normal(0, 0.1, 22050 * 30).astype(np.float32)
    session.add_audio(sound, 22050, track_id="a")
    session.request("a", ["rms", "spectrogram", "zcr"], element="plot")
    session.wait()
    assert sum(entry.track.nbytes for entry in entries(session)) > digests.ALONE_BYTES
    return session


def entries(session):
    (state,) = session.store.snapshot().sources.values()
    return state.entries.values()


def right(path):
    """Whether every digest of a bundle's manifest is that of its entry."""
    parts = parts_of(path.read_bytes())
    lines = json.loads(parts["manifest.json"])["entries"]
    return all(line["sha256"] == hashlib.sha256(parts[line["name"]]).hexdigest() for line in lines)


def test_what_has_not_changed_is_digested_once(big, tmp_path, monkeypatch):
    big.save(tmp_path / "first.zip", audio="none")
    calls = []
    inner = digests.Digests._sha256
    monkeypatch.setattr(digests.Digests, "_sha256", lambda self, *given: calls.append(given) or inner(self, *given))
    big.save(tmp_path / "again.zip", audio="none")
    assert not calls
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert right(tmp_path / "again.zip")
    big.reanalyze("a", ["zcr"])
    big.timeline.cache.clear()
    big.wait()
    big.save(tmp_path / "later.zip", audio="none")
    assert right(tmp_path / "later.zip")


def test_data_that_somebody_wrote_to_all_the_same_have_their_own_digest(big, tmp_path):
    big.save(tmp_path / "first.zip", audio="none")
    track = big.peek("a", "spectrogram")
    track.data.setflags(write=True)
    track.data[100, 5] += 1
    big.save(tmp_path / "changed.zip", audio="none")
    assert right(tmp_path / "changed.zip")
    session, report = acn.load(tmp_path / "changed.zip", cache_dir=False)
    with session:
        assert {note.outcome for note in report.features} == {"loaded"}
        np.testing.assert_array_equal(session.peek("a", "spectrogram").data, track.data)


def test_nothing_is_remembered_of_what_is_gone(big, tmp_path):
    before = set(digests._known)
    big.save(tmp_path / "x.zip", audio="none")
    made = set(digests._known) - before
    assert len(made) == 3
    big.clear_all()
    big.timeline.cache.clear()
    big.close()
    gc.collect()
    assert not made & set(digests._known)


def test_who_gives_up_leaves_no_thread(big, tmp_path):
    digests._known.clear()
    before = threading.active_count()

    def stop(part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        big.save(tmp_path / "x.zip", audio="none", on_progress=stop)
    assert threading.active_count() <= before
    assert not (tmp_path / "x.zip").exists()
    big.save(tmp_path / "x.zip", audio="none")
    assert right(tmp_path / "x.zip")
