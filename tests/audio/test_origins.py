from __future__ import annotations

import errno
import os
import shutil
import threading

import numpy as np
import pytest
import soundfile

from audiocache_nb.audio import files, origins
from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import SourceChangedError, SourceMissingError

SECOND_NS = 1_000_000_000


@pytest.fixture
def song(tmp_path, encoded):
    path = tmp_path / "song.wav"
    path.write_bytes(encoded("WAV", "PCM_16"))
    return path


@pytest.fixture
def passes(monkeypatch):
    """Count how often a file is digested again."""
    counted = []
    real = origins.survey
    monkeypatch.setattr(origins, "survey", lambda *args, **kw: counted.append(1) or real(*args, **kw))
    return counted


@pytest.fixture
def later(monkeypatch):
    """Let the clock say that `seconds` passed since the file was written."""

    def set_clock(path, seconds):
        now_ns = path.stat().st_ctime_ns + int(seconds * SECOND_NS)
        monkeypatch.setattr(files.time, "time_ns", lambda: now_ns)

    return set_clock


def rewrite(path, *, seed=2):
    """Other samples in a file of the same size with the old times."""
    before = path.stat()
    samples, rate_hz = soundfile.read(path, dtype="int16")
    samples = np.random.default_rng(seed).integers(-9000, 9000, samples.shape, dtype=np.int16)
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino)


def test_a16_an_untouched_file_is_not_read_again(song, passes, later):
    later(song, 10)
    source = load(song)
    source.check()
    source.open().close()
    assert passes == []


def test_a16_a_file_fresh_at_ingest_is_digested_once_more_and_then_trusted(song, passes, later):
    later(song, 1)
    source = load(song)
    later(song, 10)
    source.check()
    assert len(passes) == 1
    source.check()
    source.open().close()
    assert len(passes) == 1


def test_a16_within_two_seconds_nothing_is_trusted(song, passes, later):
    later(song, 1)
    source = load(song)
    for _ in range(3):
        source.check()
    assert len(passes) == 3


def test_a16_a_change_within_the_racy_window_is_seen(song, monkeypatch):
    # a file system whose time stamps cannot tell the two versions apart
    monkeypatch.setattr(files.FileStamp, "vouches_for", lambda self, status: self.settled)
    source = load(song)
    rewrite(song)
    with pytest.raises(SourceChangedError):
        source.check()


@pytest.mark.parametrize("act", ["check", "open", "read"])
def test_a16_same_size_and_times_but_other_samples(song, later, act):
    later(song, 10)
    source = load(song)
    rewrite(song)
    with pytest.raises(SourceChangedError, match=r"'song\.wav' is no longer the recording") as caught:
        source.read(0, 10) if act == "read" else getattr(source, act)()
    assert caught.value.hint


def test_a16_the_same_samples_in_another_file_are_the_same(song, later, tmp_path):
    later(song, 10)
    source = load(song)
    samples, rate_hz = soundfile.read(song, dtype="int16")
    with soundfile.SoundFile(song, "w", rate_hz, samples.shape[1], "PCM_24", format="WAV") as file:
        file.title = "a tag"
        file.write(samples)
    source.check()
    np.testing.assert_array_equal(source.read(0, source.frames), samples.astype(np.float32) / 32768)


def test_a16_a_touched_file_is_the_same(song, passes, later):
    later(song, 10)
    source = load(song)
    os.utime(song)
    source.check()
    assert len(passes) == 1


@pytest.mark.parametrize("what", ["text", "nothing", "folder", "shorter", "longer", "faster", "nan"])
def test_a16_what_took_its_place_is_not_it(song, encoded, sound, what):
    source = load(song)
    song.unlink()
    if what == "folder":
        song.mkdir()
    else:
        song.write_bytes(
            {
                "text": lambda: b"no audio any more",
                "nothing": lambda: b"",
                "shorter": lambda: encoded("WAV", "PCM_16", sound(19_999)),
                "longer": lambda: encoded("WAV", "PCM_16", sound(20_001)),
                "faster": lambda: encoded("WAV", "PCM_16", rate_hz=48000),
                "nan": lambda: encoded("WAV", "FLOAT", np.full((20_000, 2), np.nan, np.float32)),
            }[what]()
        )
    with pytest.raises(SourceChangedError):
        source.check()
    with pytest.raises(SourceChangedError):
        source.open()


def test_a16_nan_in_the_place_of_silence_is_a_change(tmp_path, encoded):
    path = tmp_path / "quiet.wav"
    path.write_bytes(encoded("WAV", "FLOAT", np.zeros((100, 1), np.float32)))
    source = load(path)
    path.write_bytes(encoded("WAV", "FLOAT", np.full((100, 1), np.nan, np.float32)))
    with pytest.raises(SourceChangedError):
        source.check()


def test_a16_a_file_that_is_cut_while_it_is_read(song):
    source = load(song)
    reader = source.open()
    assert len(reader.read(1000)) == 1000
    os.truncate(song, 10_000)
    with pytest.raises(SourceChangedError, match="of 20,000 frames"):
        list(iter(lambda: len(reader.read(1000)), 0))
    reader.close()


def test_a17_a_deleted_file(song):
    source = load(song)
    song.unlink()
    for act in (source.check, source.open):
        with pytest.raises(SourceMissingError, match=r"'song\.wav' does not exist") as caught:
            act()
        assert "Put the file back" in caught.value.hint


def test_a17_an_open_pass_outlives_its_file(song, sound):
    source = load(song)
    reader = source.open()
    song.unlink()
    assert len(reader.read(20_000)) == 20_000
    reader.close()


def test_a17_a_file_put_back_is_good_again(song, tmp_path):
    source = load(song)
    shutil.move(song, tmp_path / "away.wav")
    with pytest.raises(SourceMissingError):
        source.check()
    shutil.copy(tmp_path / "away.wav", song)
    source.check()


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a17_permission_lost(song, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    source = load(song)
    song.chmod(0)
    if os.access(song, os.R_OK):  # root may read everything
        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceMissingError, match="may not be read"):
        source.check()


def test_another_working_directory_does_not_matter(song, monkeypatch, tmp_path):
    monkeypatch.chdir(song.parent)
    source = load("song.wav")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    source.check()
    assert source.path == song


def test_digesting_again_can_be_given_up(song, open_descriptors):
    source = load(song)
    os.utime(song)
    before = open_descriptors()

    def give_up(done, promised):
        assert 0 < done <= promised == source.frames
        raise KeyboardInterrupt

    for act in (source.check, source.open):
        with pytest.raises(KeyboardInterrupt):
            act(on_block=give_up)
    assert open_descriptors() == before
    source.check()


def test_many_threads_digest_a_file_once(song, passes, later):
    later(song, 1)
    source = load(song)
    later(song, 10)
    start = threading.Barrier(6)

    def check():
        start.wait()
        source.check()

    threads = [threading.Thread(target=check) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passes) == 1


def test_passes_are_independent(song):
    source = load(song)
    one, two = source.open(), source.open()
    first = one.read(100).copy()
    one.read(5000)
    np.testing.assert_array_equal(two.read(100), first)
    one.close()
    two.close()
    two.close()


def test_passes_over_bytes_are_independent(encoded):
    source = load(encoded("FLAC"))
    one, two = source.open(), source.open()
    first = one.read(100).copy()
    one.read(5000)
    np.testing.assert_array_equal(two.read(100), first)
    source.check()
    one.close()
    two.close()
