"""A small scene, and sessions that are closed at the end."""

from __future__ import annotations

import pytest
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb.session import Session


@pytest.fixture
def sessions():
    """Make sessions that keep nothing on disk unless told to."""
    made = []

    def make(**options):
        made.append(Session(**{"cache_dir": False, "workers": 1, **options}))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
def loads(sessions):
    """Load scenes into sessions that are closed at the end."""
    made = []

    def load(path, *args, **options):
        session, report = acn.load(path, *args, **{"cache_dir": False, "workers": 1, **options})
        made.append(session)
        return session, report

    yield load
    for session in made:
        session.close()


@pytest.fixture
def scene(sessions):
    """A session with two tracks, a tempo map and some features."""
    session = sessions(bpm=100)
    track = session.add_audio(*sound(), name="Größe 音.wav", track_id="a")
    session.add_audio(*sound(0.3), name="other", track_id="b", offset_ticks=480, region_start_tick=10)
    session.tempo.set_map([(0.0, 100.0, "linear"), (2.0, 140.0)])
    session.request(track, ["rms", "spectrogram", "mvmnt.waveform", "onsets", "tempo"], element="plot")
    session.request("b", ["rms"], element="meter", profile=acn.AnalysisProfile(storage="uint8", hop_size=256))
    session.request("b", ["spectrogram"], element="meter 2", profile=acn.AnalysisProfile(storage="uint8"))
    session.get(track, "zcr")
    session.release("notebook")
    session.wait()
    return session
