from __future__ import annotations

import errno
import os
import socket
import stat

import pytest

from audiocache_nb.audio import files
from audiocache_nb.audio.files import FileStamp, anonymous_file, open_regular, read_at, unreadable
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.limits import MAX_FILE_BYTES
from audiocache_nb.errors import (
    AudioCacheError,
    AudioLimitError,
    IngestError,
    SourceMissingError,
    UnsupportedFormatError,
)

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
SECOND_NS = 1_000_000_000


def refuse(*_):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.timeout(20)
@posix
def test_a20_a_pipe_does_not_hang(tmp_path):
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    with pytest.raises(UnsupportedFormatError, match="is a pipe"):
        load(path)


@pytest.mark.timeout(20)
@posix
@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a20_a_device_is_refused(name):
    with pytest.raises((UnsupportedFormatError, SourceMissingError)):
        load(name)


@posix
def test_a20_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.wav")
        with pytest.raises(UnsupportedFormatError, match="socket"):
            load("s.wav")


def test_a20_a_folder_is_refused(tmp_path):
    folder = tmp_path / "folder.wav"
    folder.mkdir()
    with pytest.raises(UnsupportedFormatError, match=r"'folder\.wav' is a folder"):
        load(folder)


@posix
def test_a20_a_file_without_permission(tmp_path, encoded, monkeypatch):
    path = tmp_path / "secret.wav"
    path.write_bytes(encoded("WAV"))
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything
        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceMissingError, match=r"'secret\.wav' may not be read"):
        load(path)


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.EACCES, SourceMissingError, "may not be read"),
        (errno.ENOENT, SourceMissingError, "does not exist"),
        (errno.ELOOP, SourceMissingError, "is a loop of links"),
        (errno.ENXIO, UnsupportedFormatError, "is a socket or device"),
        (errno.EIO, SourceMissingError, "could not be read"),
    ],
)
def test_a20_what_the_system_says_is_typed(number, kind, text):
    error = unreadable(OSError(number, os.strerror(number), "/secret/place/x.wav"), "x.wav")
    assert type(error) is kind
    assert f"'x.wav' {text}" in str(error)
    assert "/secret" not in str(error)
    assert error.hint


@pytest.mark.timeout(20)
def test_a20_a_huge_sparse_file(tmp_path):
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(100 << 30)
    with pytest.raises(UnsupportedFormatError):
        load(path)
    try:
        os.truncate(path, MAX_FILE_BYTES + 1)
    except OSError:
        pytest.skip("this file system has no files of that size")
    with pytest.raises(AudioLimitError, match="bytes"):
        load(path)


@pytest.mark.parametrize("name", ["missing.wav", "missing/x.wav", "x" * 5000, "nul\0.wav", "https://host/x.wav"])
def test_a17_a_missing_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceMissingError) as caught:
        load(name)
    assert isinstance(caught.value, FileNotFoundError)
    assert len(str(caught.value)) < 400


@posix
def test_a18_a_loop_of_links(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "b.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    with pytest.raises(SourceMissingError, match="loop of links"):
        load(tmp_path / "a.wav")


def test_no_error_shows_a_folder(tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    for name in ("text.wav", "missing.wav", "."):
        with pytest.raises(AudioCacheError) as caught:
            load(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)


def test_refused_files_are_closed(tmp_path, open_descriptors):
    (tmp_path / "text.wav").write_text("no audio")
    before = open_descriptors()
    for name in ("text.wav", "missing.wav", ""):
        with pytest.raises(IngestError):
            load(tmp_path / name)
    assert open_descriptors() == before


def test_open_regular_gives_the_status_of_what_it_opened(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    descriptor, status = open_regular(path, "x")
    try:
        assert status.st_size == 3
        assert stat.S_ISREG(status.st_mode)
        assert read_at(descriptor, 1, 10) == b"bc"
        assert read_at(descriptor, 2**70, 10) == b""
        assert read_at(descriptor, -1, 10) == b""
    finally:
        os.close(descriptor)


def test_anonymous_file_holds_the_pieces_from_the_start():
    descriptor = anonymous_file([b"ab", b"", b"c" * 100_000])
    try:
        assert read_at(descriptor, 0, 200_000) == b"ab" + b"c" * 100_000
    finally:
        os.close(descriptor)


def test_anonymous_file_with_holes():
    descriptor = anonymous_file([b"ab", 3, b"c", 10**9])
    try:
        assert read_at(descriptor, 0, 8) == b"ab\0\0\0c\0\0"
        status = os.fstat(descriptor)
        assert status.st_size == 6 + 10**9
        assert status.st_blocks * 512 < 10**6
    finally:
        os.close(descriptor)


def test_anonymous_file_without_memory_files(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    descriptor = anonymous_file([b"abc"])
    try:
        assert os.read(descriptor, 10) == b"abc"
    finally:
        os.close(descriptor)


def test_a_full_disk_is_a_typed_error(monkeypatch, open_descriptors):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = open_descriptors()
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(IngestError, match="temporary file") as caught:
        anonymous_file([b"abc"])
    assert "No space left" in caught.value.hint
    assert open_descriptors() == before


class TestStamp:
    @pytest.fixture
    def status(self, tmp_path):
        (tmp_path / "x").write_bytes(b"abc")
        return (tmp_path / "x").stat()

    def stamp(self, status, monkeypatch, *, after_ns):
        monkeypatch.setattr(files.time, "time_ns", lambda: status.st_ctime_ns + after_ns)
        return FileStamp.of(status)

    def test_a16_fresh_files_are_not_trusted(self, status, monkeypatch):
        stamp = self.stamp(status, monkeypatch, after_ns=SECOND_NS)
        assert not stamp.settled
        assert not stamp.vouches_for(status)

    def test_a16_older_files_are_trusted_while_nothing_changes(self, status, monkeypatch, tmp_path):
        stamp = self.stamp(status, monkeypatch, after_ns=3 * SECOND_NS)
        assert stamp.vouches_for(status)
        (tmp_path / "x").write_bytes(b"abd")
        os.utime(tmp_path / "x", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert not stamp.vouches_for((tmp_path / "x").stat())

    def test_a16_a_clock_that_runs_behind_is_not_trusted(self, status, monkeypatch):
        assert not self.stamp(status, monkeypatch, after_ns=-SECOND_NS).settled

    def test_a16_a_modification_time_in_the_far_future_does_no_harm(self, tmp_path, monkeypatch):
        (tmp_path / "x").write_bytes(b"abc")
        os.utime(tmp_path / "x", (4e9, 4e9))
        assert self.stamp((tmp_path / "x").stat(), monkeypatch, after_ns=3 * SECOND_NS).settled
