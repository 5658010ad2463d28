"""What was in memory is set aside in a file when it leaves the timeline: an undo pins no samples."""

from __future__ import annotations

import errno
import gc
import io
import logging
import mmap
import pathlib
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import soundfile

import audiocache_nb as acn
from audiocache_nb.audio import set_aside
from audiocache_nb.timeline import way_back

WAIT_S = 60
RATE = 8000


@pytest.fixture
def session(registry, tmp_path):
    made = acn.Session(cache_dir=tmp_path / "cache", workers=2, registry=registry)
    yield made
    made.close()


@pytest.fixture
def sources(session):
    return session.timeline.history.sources


@pytest.fixture
def writes(monkeypatch):
    """Sizes of what is written [bytes]."""
    sizes, write = [], set_aside._write

    def counted(handle, data):
        sizes.append(len(data))
        write(handle, data)

    monkeypatch.setattr(set_aside, "_write", counted)
    return sizes


class Slow:
    """A disk that waits a while after each piece, or the last one of a file until it is told to go on."""

    def __init__(self):
        self.entered, self.go_on, self._write = threading.Event(), threading.Event(), set_aside._write
        self.pieces = 0

    def __call__(self, handle, data):
        self._write(handle, data)
        self.pieces += 1
        self.entered.set()
        self.go_on.wait(0.05 if len(data) == set_aside.PIECE_BYTES else WAIT_S)


@pytest.fixture
def slow(monkeypatch):
    made = Slow()
    monkeypatch.setattr(set_aside, "_write", made)
    yield made
    made.go_on.set()


def root(array):
    """What the bytes of an array belong to."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def added(session, samples, name="tone", rate=RATE):
    """The track's id, and weak references to what the session was given."""
    track = session.add_audio(samples, rate, name=name) if rate else session.add_audio(samples, name=name)
    source = track.source
    held = [weakref.ref(source)] + ([] if source.array is None else [weakref.ref(source.array)])
    return track.id, held


def gone(references):
    """Whether nobody holds them any more, as soon as threads have ended what they were doing."""
    deadline_s = time.monotonic() + WAIT_S
    while any(one() is not None for one in references):
        gc.collect()
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


def encoded(samples, form="FLAC"):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=form)
    return file.getvalue()


def files_without_names(folder: pathlib.Path) -> int:
    """How many files of this process there are in a folder that have no name."""
    found = 0
    for link in pathlib.Path("/proc/self/fd").iterdir():
        try:
            found += str(link.readlink()).startswith(f"{folder}/") and link.stat().st_nlink == 0
        except OSError:  # the one that lists them
            continue
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        found += f"{folder}/" in line and line.endswith("(deleted)")
    return found


def open_files() -> int:
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


needs_proc = pytest.mark.skipif(not pathlib.Path("/proc/self/maps").exists(), reason="needs /proc")


# --- nothing is pinned -----------------------------------------------------------------------------


@pytest.mark.parametrize("widgets", [False, True])
def test_no_samples_are_pinned_once_they_are_set_aside(session, sources, tone, define, widgets):
    define(lambda frames: frames[:, 0], "crest", inputs="frames")
    track_id, held = added(session, tone)
    shown = [acn.Transport(session), acn.FeaturePlot(session, track_id, "rms")] if widgets else []
    session.request(track_id, ["rms", "crest", "waveform"], element="plot")
    session.wait(WAIT_S)
    _ = session.playback_range  # which looks where the tracks lie
    session.tempo.bpm = 90  # which looks for what depends on it
    define(lambda frames: frames[:, 1], "crest", inputs="frames")
    session.wait(WAIT_S)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert session.store.flush(WAIT_S)
    session.publisher.flush()
    assert gone(held)
    assert sources.memory_bytes == 0
    assert sources.nbytes == tone.nbytes
    assert len(shown) == 2 * widgets  # they are still there
    session.undo()
    array = session.tracks[track_id].source.array
    assert isinstance(root(array), mmap.mmap)
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, tone)


def test_no_encoded_bytes_are_pinned(session, sources, tone):
    data = encoded(tone)
    holders = sys.getrefcount(data)
    track_id, held = added(session, data, rate=None)
    assert sys.getrefcount(data) > holders
    before = np.array(session.get(track_id, "rms", timeout=WAIT_S).data)
    decode = dict(session.tracks[track_id].source.decode)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert gone(held)
    assert sys.getrefcount(data) == holders
    assert (sources.memory_bytes, sources.nbytes) == (0, len(data))
    session.undo()
    again = session.tracks[track_id].source
    assert again.origin.data.obj is again.origin.aside
    assert bytes(again.origin.data) == data
    assert dict(again.decode) == decode
    np.testing.assert_array_equal(again.read(0, len(tone)), acn.audio.load(data).read(0, len(tone)))
    session.restart(track_id)
    session.wait(WAIT_S)
    np.testing.assert_array_equal(session.peek(track_id, "rms").data, before)


def test_what_was_decoded_of_a_scene_is_not_pinned(session, tone, tmp_path, registry):
    session.add_audio(tone, RATE, track_id="a")
    session.save(tmp_path / "a.acnz", audio="embed")
    loaded, _ = acn.load(tmp_path / "a.acnz", cache_dir=False, registry=registry)
    with loaded:
        before = np.array(loaded.get("a", "rms", timeout=WAIT_S).data)
        decoded = weakref.ref(loaded.tracks["a"].source.origin._decoded.array)
        loaded.remove("a")
        assert gone([decoded])
        loaded.undo()
        loaded.restart("a")
        loaded.wait(WAIT_S)
        np.testing.assert_array_equal(loaded.peek("a", "rms").data, before)


def test_the_same_source_comes_back(session, sources, tone, define):
    define(lambda frames: frames[:, 0], "crest", inputs="frames")
    track_id, held = added(session, tone)
    source = session.tracks[track_id].source
    facts = {name: getattr(source, name) for name in ("id", "digest", "name", "health", "frames", "channels")}
    decode = dict(source.decode)
    del source
    session.request(track_id, ["crest", "rms", "spectrogram"], element="plot")
    session.wait(WAIT_S)
    session.release("plot")
    values = {name: np.array(session.peek(track_id, name).data) for name in ("rms", "spectrogram")}
    define(lambda frames: frames[:, 1], "crest", inputs="frames")
    status = session.status(track_id)
    assert status.state == "stale"
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert gone(held)
    session.undo()
    again = session.tracks[track_id].source
    assert isinstance(root(again.array), mmap.mmap)
    assert {name: getattr(again, name) for name in facts} == facts
    assert dict(again.decode) == decode
    assert session.status(track_id) == status
    session.restart(track_id)
    session.wait(WAIT_S)
    for name, value in values.items():
        assert session.peek(track_id, name).data.tobytes() == value.tobytes()


def test_what_somebody_holds_comes_back_itself(session, sources, tone, writes):
    track = session.add_audio(tone, RATE)
    for _ in range(3):
        session.remove(track.id)
        assert sources.flush(WAIT_S)
        session.undo()
        assert session.tracks[track.id].source is track.source
    assert len(writes) == 1  # what was written is kept as long as it may be wanted again


@pytest.mark.parametrize("form", ["array", "bytes"])
def test_nothing_is_written_twice(session, sources, tone, writes, form):
    track_id, _ = added(session, tone) if form == "array" else added(session, encoded(tone), rate=None)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert len(writes) == 1
    gc.collect()
    for _ in range(2):
        assert session.undo() == "remove 'tone'"
        assert session.redo() == "remove 'tone'"
    session.undo()
    session.move(track_id, offset_ticks=10)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert len(writes) == 1
    session.undo()
    session.undo()
    assert session.undo() == "add 'tone'"
    assert session.redo() == "add 'tone'"
    assert sources.flush(WAIT_S)
    assert len(writes) == 1
    np.testing.assert_array_equal(session.tracks[track_id].source.read(0, 100).shape, (100, 2))


@needs_proc
def test_many_short_recordings_share_files(session, sources, tone, monkeypatch):
    tracks = [added(session, tone[: 400 + n] * (0.2 + n / 100), name=f"tone {n}") for n in range(60)]
    before = open_files()
    session.clear_all()
    assert sources.flush(WAIT_S)
    assert gone([one for _, held in tracks for one in held])
    assert open_files() <= before + 1
    session.undo()
    assert len({id(track.source.origin.aside) for track in session.tracks.values()}) == 1
    for n, (track_id, _) in enumerate(tracks):
        np.testing.assert_array_equal(
            session.tracks[track_id].source.array, (tone[: 400 + n] * (0.2 + n / 100)).astype(np.float32)
        )


def test_a_mono_recording_and_an_empty_one(session, sources, tone):
    mono, empty = added(session, tone[:, 0])[0], added(session, tone[:0], name="empty")[0]
    before = np.array(session.get(mono, "rms", timeout=WAIT_S).data)
    session.clear_all()
    assert sources.flush(WAIT_S)
    session.undo()
    assert session.tracks[empty].source.frames == 0
    assert session.tracks[mono].source.array.shape == (len(tone), 1)
    session.restart(mono)
    session.wait(WAIT_S)
    np.testing.assert_array_equal(session.peek(mono, "rms").data, before)


def test_a_scene_is_saved_from_what_was_set_aside(session, sources, tone, tmp_path, registry):
    track_id, other_id = added(session, tone)[0], added(session, encoded(tone * 0.5), "other", rate=None)[0]
    session.clear_all()
    assert sources.flush(WAIT_S)
    gc.collect()
    session.undo()
    session.save(tmp_path / "a.acnz", audio="embed")
    loaded, _ = acn.load(tmp_path / "a.acnz", cache_dir=False, registry=registry)
    try:
        for one in (track_id, other_id):
            np.testing.assert_array_equal(
                loaded.tracks[one].source.read(0, len(tone)), session.tracks[one].source.read(0, len(tone))
            )
    finally:
        loaded.close()


# --- while it is written ---------------------------------------------------------------------------


def test_a_track_comes_back_while_it_is_written(session, sources, tone, slow):
    track_id, held = added(session, tone)
    session.remove(track_id)
    assert slow.entered.wait(WAIT_S)
    session.undo()  # which nobody keeps waiting: the writing holds no lock
    assert session.tracks[track_id].source is held[0]()
    slow.go_on.set()
    assert sources.flush(WAIT_S)
    assert sources.nbytes == 0
    session.redo()
    assert sources.flush(WAIT_S)
    assert gone(held)
    session.undo()
    np.testing.assert_array_equal(session.tracks[track_id].source.array, tone)


@needs_proc
def test_the_session_is_closed_while_it_is_written(session, sources, slow, tmp_path, monkeypatch):
    monkeypatch.setattr(set_aside, "PIECE_BYTES", 1 << 12)
    folder = tmp_path / "cache" / "tmp"
    track_id, held = added(
        session, np.zeros((1 << 20, 1), np.float32)
    )  # a thousand pieces, each of which takes a while
    session.remove(track_id)
    assert slow.entered.wait(WAIT_S)
    thread = sources._thread
    assert files_without_names(folder) == 1
    assert list(folder.iterdir()) == []  # so it is gone with the process, however that ends
    session.close()
    thread.join(WAIT_S)
    assert slow.pieces < 1 << 10  # it did not go on to the end
    assert sources._thread is None
    assert files_without_names(folder) == 0
    assert gone(held)


@needs_proc
def test_nothing_is_left_after_the_session(session, sources, tone, tmp_path):
    track_id, _ = added(session, tone)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert files_without_names(tmp_path / "cache" / "tmp") >= 1
    session.close()
    assert files_without_names(tmp_path / "cache" / "tmp") == 0
    assert "audiocache_nb undo" not in {thread.name for thread in threading.enumerate()}


@needs_proc
def test_what_can_be_undone_no_more_leaves_the_disk(session, sources, tone, tmp_path):
    track_id, _ = added(session, tone)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    session.reset()
    assert sources.flush(WAIT_S)
    assert sources.nbytes == 0
    assert files_without_names(tmp_path / "cache" / "tmp") == 0


# --- bounds and troubles ---------------------------------------------------------------------------


def test_a_full_disk_means_memory_within_bounds(session, sources, tone, monkeypatch, caplog):
    def full(handle, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(set_aside, "_write", full)
    monkeypatch.setattr(sources, "kept_bytes", int(tone.nbytes * 1.5))
    ids = [added(session, tone * (0.1 + n / 10), name=f"tone {n}")[0] for n in range(2)]
    with caplog.at_level(logging.WARNING, "audiocache_nb"):
        for track_id in ids:
            session.remove(track_id)
            assert sources.flush(WAIT_S)
    (note,) = [text for text in session.cache.info().notes if "undo" in text]  # said once
    assert "stays in memory for an undo, up to 0 MB" in note
    assert "No space left on device" in note
    assert note in caplog.messages
    assert sources.memory_bytes == tone.nbytes
    gc.collect()
    assert session.undo() == "remove 'tone 1'"
    np.testing.assert_array_equal(session.tracks[ids[1]].source.array, (tone * 0.2).astype(np.float32))
    with pytest.raises(acn.SourceMissingError, match="'tone 0' cannot come back"):
        session.undo()


def test_a_cache_directory_that_cannot_be_written_to_is_not_needed(session, sources, tone, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sources, "folder", tmp_path / "file" / "tmp")
    track_id, held = added(session, tone)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert gone(held)
    session.undo()
    np.testing.assert_array_equal(session.tracks[track_id].source.array, tone)


def test_a_mistake_of_ours_costs_nothing_but_memory(session, sources, tone, monkeypatch, caplog):
    def wrong(handle, data):
        raise ZeroDivisionError("oh no")

    monkeypatch.setattr(set_aside, "_write", wrong)
    track_id, _ = added(session, tone)
    session.remove(track_id)
    assert sources.flush(WAIT_S)
    assert "could not be set aside" in caplog.text
    session.undo()
    np.testing.assert_array_equal(session.tracks[track_id].source.array, tone)


def test_files_have_a_bound_and_the_latest_stay(session, sources, tone, monkeypatch):
    monkeypatch.setattr(sources, "aside_bytes", int(tone.nbytes * 2.5))
    ids = [added(session, tone * (0.1 + n / 10), name=f"tone {n}")[0] for n in range(3)]
    for track_id in ids:
        session.remove(track_id)
        assert sources.flush(WAIT_S)
    gc.collect()
    assert sources.nbytes == 2 * tone.nbytes
    assert session.undo() == "remove 'tone 2'"
    assert session.undo() == "remove 'tone 1'"
    with pytest.raises(acn.SourceMissingError, match="'tone 0' cannot come back"):
        session.undo()


def test_more_than_the_memory_bound_comes_back(session, sources, tone, monkeypatch):
    monkeypatch.setattr(sources, "kept_bytes", 0)
    monkeypatch.setattr(way_back, "BUNDLE_BYTES", tone.nbytes)
    ids = [added(session, tone * (0.1 + n / 10), name=f"tone {n}")[0] for n in range(3)]
    session.clear_all()
    assert sources.flush(WAIT_S)
    gc.collect()
    session.undo()
    for n, track_id in enumerate(ids):
        np.testing.assert_array_equal(session.tracks[track_id].source.array, (tone * (0.1 + n / 10)).astype(np.float32))
