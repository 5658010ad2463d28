from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

import audiocache_nb as acn
from audiocache_nb.widgets import audio_root
from audiocache_nb.widgets.audio_media import describe, opened
from audiocache_nb.widgets.audio_root import served_path


@pytest.fixture
def session():
    with acn.Session(cache_dir=False) as made:
        yield made


def tone(duration_s=1.0, value=0.25):
    return np.full(int(8000 * duration_s), value, np.float32)


def media(session, track=None, refused=()):
    track_id = None if track is None else track.id
    return describe(session.store.snapshot(), session.tempo.snapshot(), track_id, refused, "title")


# -- the server's folder ------------------------------------------------------------------------------------


def test_only_files_below_the_root_in_open_folders_are_served(tmp_path):
    root = tmp_path / "root"
    (root / "a b" / ".hidden").mkdir(parents=True)
    good = root / "a b" / "tone.wav"
    for path in (good, root / ".secret.wav", root / "a b" / ".hidden" / "tone.wav", tmp_path / "outside.wav"):
        path.write_bytes(b"x")
    (root / "link.wav").symlink_to(tmp_path / "outside.wav")
    (tmp_path / "in.wav").symlink_to(good)
    assert served_path(good, root=root) == ["a b", "tone.wav"]
    assert served_path(tmp_path / "in.wav", root=root) == ["a b", "tone.wav"]
    for path in (
        None,
        root,
        root / "missing.wav",
        root / ".secret.wav",
        root / "a b" / ".hidden" / "tone.wav",
        tmp_path / "outside.wav",
        root / "link.wav",
    ):
        assert served_path(path, root=root) is None, path


def test_the_root_is_what_the_kernels_own_server_noted_down(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    root = tmp_path / "root"
    root.mkdir()
    (root / "tone.wav").write_bytes(b"x")

    def noted(note, pid="4711"):
        audio_root._noted_root.cache_clear()
        (tmp_path / "jpserver-4711.json").write_text(note if isinstance(note, str) else json.dumps(note))
        return served_path(root / "tone.wav", environment={"JPY_PARENT_PID": pid})

    assert noted({"pid": 4711, "root_dir": str(root)}) == ["tone.wav"]
    assert noted({"pid": 4712, "root_dir": str(root)}) is None, "somebody else's note"
    assert noted({"pid": 4711, "root_dir": "root"}) is None
    assert noted({"pid": 4711}) is None
    assert noted("[") is None
    assert noted({"pid": 4711, "root_dir": str(root)}, pid="") is None
    assert noted({"pid": 4711, "root_dir": str(root)}, pid="../4711") is None
    audio_root._noted_root.cache_clear()


# -- what is played -----------------------------------------------------------------------------------------


def test_one_track_is_placed_by_the_page(session):
    track = session.add_audio(
        tone(4), 8000, name="t", offset_ticks=1920, region_start_tick=960, region_end_tick=4 * 960
    )
    found = media(session)
    assert found.way == "pieces"
    assert (found.offset_s, found.start_s, found.end_s, found.gain) == pytest.approx((1.0, 0.5, 2.0, 1.0))
    assert found == media(session, track)
    session.tempo.bpm = 60
    moved = media(session)
    assert moved.key == found.key, "nothing is sent again"
    assert (moved.offset_s, moved.start_s, moved.end_s) == pytest.approx((2.0, 1.0, 4.0))
    session.timeline.update(track.id, gain=0.5)
    assert media(session).gain == 0.5
    session.timeline.update(track.id, mute=True)
    assert media(session).gain == 0.0


def test_several_tracks_are_mixed_without_those_that_are_muted(session):
    first = session.add_audio(tone(1, 0.25), 8000, name="a")
    second = session.add_audio(tone(1, 0.5), 8000, name="b", offset_ticks=960)
    both = media(session)
    assert both.way == "pieces"
    assert (both.offset_s, both.end_s) == (0.0, pytest.approx(1.5))

    def heard():
        pieces, reason = opened(media(session))
        assert reason == ""
        data = np.frombuffer(pieces.read(44, pieces.nbytes), "<i2") / 32767
        return data[[2000, 6000, 10000]].tolist()

    assert heard() == pytest.approx([0.25, 0.75, 0.5], abs=1e-4)
    session.timeline.update(second.id, gain=0.5)
    assert heard() == pytest.approx([0.25, 0.5, 0.25], abs=1e-4)
    assert media(session).key != both.key
    session.timeline.update(first.id, mute=True)
    assert heard() == pytest.approx([0.0, 0.25, 0.25], abs=1e-4)
    session.timeline.update(second.id, mute=True)
    assert (media(session).way, media(session).reason) == ("none", "All tracks are muted.")
    session.timeline.update(second.id, enabled=False)
    assert media(session, second).gain == 0.0
    assert media(session).key.endswith("-wave"), "the other one alone"


def test_nothing_is_said_to_be_nothing(session):
    assert media(session).reason.startswith("There is nothing to hear")
    track = session.add_audio(tone(), 8000)
    session.remove(track)
    assert media(session, track).reason == "The track was removed."


def test_a_file_is_fetched_sent_or_decoded_whichever_the_page_can(session, tmp_path, monkeypatch):
    path = tmp_path / "tone.flac"
    soundfile.write(path, tone(), 8000)
    session.add_audio(path)
    outside = media(session)
    assert (outside.way, outside.mime) == ("pieces", "audio/flac")
    assert opened(outside)[0].read(0, 4) == b"fLaC"
    monkeypatch.setattr("audiocache_nb.widgets.audio_media.served_path", lambda path: ["tone.flac"])
    served = media(session)
    assert (served.way, served.path, served.mime) == ("file", ("tone.flac",), "audio/flac")
    sent = media(session, refused={served.key})
    assert sent == outside
    wave = media(session, refused={served.key, sent.key})
    assert (wave.way, wave.mime) == ("pieces", "audio/wav")
    assert opened(wave)[0].read(0, 4) == b"RIFF"
    assert media(session, refused={served.key, sent.key, wave.key}).way == "none"
    path.unlink()
    pieces, reason = opened(outside)
    assert pieces is None
    assert reason
    assert str(tmp_path) not in reason


def test_a_format_that_browsers_do_not_play_is_decoded_here(session, tmp_path):
    path = tmp_path / "tone.aiff"
    soundfile.write(path, tone(), 8000)
    session.add_audio(path)
    assert media(session).mime == "audio/wav"
