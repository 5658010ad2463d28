"""Files of every version of the format, as they were written then: they load for ever.

They are never written again. A new version of the format gets files of its own::

    python tests/scene/test_fixtures.py tests/scene/fixtures/v1_1
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.analysis.scheduler import Scheduler

FOLDER = pathlib.Path(__file__).parent / "fixtures"
RATE_HZ = 8000
VERSIONS = sorted(path.stem for path in FOLDER.glob("*.zip"))


def sound():
    """A sixteenth of a second, the same on every machine: whole numbers only."""
    n = np.arange(RATE_HZ // 16)
    return ((n * 37 % 64 - 32) / 128).astype(np.float32)


def write(stem):
    """A bundle and a document of today's version."""
    with acn.Session(cache_dir=False, workers=1, bpm=100, beats_per_bar=3) as session:
        session.add_audio(sound(), RATE_HZ, name="Größe", track_id="a", offset_ticks=480, region_end_tick=90)
        profile = acn.AnalysisProfile(window_size=64, hop_size=64, storage="uint8")
        session.request("a", ["rms", "onsets"], element="meter")
        session.request("a", ["spectrogram"], element="plot", profile=profile)
        session.tempo.set_map([(0.0, 100.0, "linear"), (2.0, 140.0)])
        session.playback_range = (0.25, 1.5)
        session.wait()
        session.save(f"{stem}.zip")
        session.save(f"{stem}.json")


def test_there_are_some():
    assert "v1_0" in VERSIONS
    assert {path.stem for path in FOLDER.glob("*.json")} == set(VERSIONS)
    assert all(path.stat().st_size < 20_000 for path in FOLDER.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bundle_of_that_version_loads(version, loads, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Scheduler, "submit", lambda *_: pytest.fail("something was computed"))
        session, report = loads(FOLDER / f"{version}.zip")
        assert not report.warnings
        assert {note.feature for note in report.kept} == {"rms", "onsets", "spectrogram"}
        track = session.tracks["a"]
        assert (track.name, track.offset_ticks, track.region_end_tick) == ("Größe", 480, 90)
        assert session.playback_range == (0.25, 1.5)
        assert (session.tempo.beats_per_bar, len(session.tempo.entries)) == (3, 2)
        assert session.timeline.demand.elements
        entries = session.store.snapshot().sources[track.source_id].entries
        found = {slot.feature: entry.track for slot, entry in entries.items() if entry.track is not None}
        assert 0.05 < found["rms"].values().max() < np.sqrt(np.mean(sound() ** 2))  # frames are longer than the sound
        assert found["spectrogram"].dtype == np.uint8
        assert found["spectrogram"].values().min() >= -80
    np.testing.assert_array_equal(track.source.read(0, RATE_HZ)[:, 0], sound())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_document_of_that_version_loads(version, loads):
    session, report = loads(FOLDER / f"{version}.json")
    assert {note.outcome for note in report.features} == {"missing"}
    assert session.tracks["a"].source.name == "Größe"
    assert session.timeline.demand.elements


if __name__ == "__main__":
    write(sys.argv[1])
