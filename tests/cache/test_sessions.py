"""Sessions that share a cache directory."""

from __future__ import annotations

import numpy as np
import pytest

import audiocache_nb as acn


@pytest.fixture
def audio():
    return np.sin(np.arange(44100) / 9).astype(np.float32), 44100


def test_a_fresh_session_on_the_same_audio_is_ready_without_computing(tmp_path, audio, monkeypatch):
    with acn.Session(tmp_path) as session:
        track = session.add_audio(*audio)
        first = session.get(track, "rms")
        session.request(track, ["spectrogram"])
        session.wait()
        spectrogram = session.get(track, "spectrogram").data.copy()
    with acn.Session(tmp_path) as session:
        monkeypatch.setattr(session.timeline.scheduler, "submit", pytest.fail)
        track = session.add_audio(*audio)
        assert session.request(track, ["rms", "spectrogram"]) == []
        assert session.status(track).state == "ready"
        assert session.freshness(track, "rms").state == "fresh"
        np.testing.assert_array_equal(session.get(track, "rms").data, first.data)
        np.testing.assert_array_equal(session.get(track, "spectrogram").data, spectrogram)
        info = session.cache.info()
        assert (info.entries, info.hits, info.written) == (2, 2, 0)
