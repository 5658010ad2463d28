"""Saving: the old file or the new one, whole, whatever happens in between."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from audiocache_nb.errors import DocumentError
from audiocache_nb.scene.atomic import replacing


def names(folder):
    return [path.name for path in folder.iterdir()]


def fail(path, error):
    with replacing(path) as file:
        file.write(b"half")
        raise error


def save(path, data=b"new"):
    with replacing(path) as file:
        file.write(data)


def test_a_new_file_and_a_replaced_one(tmp_path):
    path = tmp_path / "a.zip"
    save(path, b"old")
    assert path.read_bytes() == b"old"
    save(path)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.zip"]


def test_what_is_raised_inside_changes_nothing(tmp_path):
    path = tmp_path / "a.zip"
    save(path, b"old")
    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error):
            fail(path, error)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
def test_a_disk_that_refuses(tmp_path, monkeypatch, call, code):
    path = tmp_path / "a.zip"
    save(path, b"old")

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(f"audiocache_nb.scene.atomic.os.{call}", refuse)
        with pytest.raises(DocumentError, match="could not be written") as caught:
            save(path)
    assert caught.value.context["errno"] == code
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.zip"]


def test_what_killed_processes_left_is_swept_after_an_hour(tmp_path):
    old, new = (tmp_path / f".a.zip.{digit * 16}.part" for digit in "ab")
    for path in (old, new):
        path.touch()
    others = [tmp_path / name for name in (".a.zip.notes.part", ".b.zip.aaaaaaaaaaaaaaaa.part", "a.part")]
    for path in (old, *others):
        path.touch()
        os.utime(path, (1, 1))
    save(tmp_path / "a.zip")
    assert not old.exists()
    assert all(path.exists() for path in (new, *others, tmp_path / "a.zip"))


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.zip"
    link.symlink_to(tmp_path / "real" / "a.zip")
    save(link)
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.zip").read_bytes() == b"new"


def test_permissions_stay(tmp_path):
    path = tmp_path / "a.zip"
    save(path, b"old")
    path.chmod(0o640)
    save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_no_file_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "missing" / "a.zip"):
        with pytest.raises(DocumentError):
            save(path)
    assert (tmp_path / "folder").is_dir()


def test_killed_at_any_moment(tmp_path):
    path = tmp_path / "a.zip"
    save(path, b"a" * (4 << 20))
    program = textwrap.dedent(f"""
        import sys
        from audiocache_nb.scene.atomic import replacing
        print("ready", flush=True)
        n = 0
        while True:
            with replacing({str(path)!r}) as file:
                for _ in range(64):
                    file.write(bytes([98 + n % 20]) * (1 << 16))
            n += 1
    """)
    for cycle in range(8):
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.002 + 0.007 * cycle)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        data = path.read_bytes()
        assert len(data) == 4 << 20
        assert data == data[:1] * len(data)
