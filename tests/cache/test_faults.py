"""Disks that fail: nothing is lost but the entry, nothing false is ever read, nobody gets an exception."""

from __future__ import annotations

import errno
import itertools
import os
import pathlib
import random
import shutil
import threading

import numpy as np
import pytest
from support.tracks import entry_path, long_data, make_track

from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.files import Files
from audiocache_nb.cache.notes import Notes
from audiocache_nb.cache.report import SessionCache
from audiocache_nb.testing.faults import FaultFiles

ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE", "EINTR", "ESTALE")
# A full or read-only disk stays so for a while, the others come and go; all combinations take a minute.
COMBINATIONS = [("ENOSPC", True), ("EROFS", True), ("EIO", False), ("EACCES", False), ("EMFILE", False)]
if os.environ.get("AUDIOCACHE_NB_LONG"):
    COMBINATIONS = list(itertools.product(ERRORS, (True, False)))
OLD, NEW, LONG = make_track("old"), make_track("new"), make_track("long", data=long_data(1)[:300])  # mapped
TRACKS = {track.key: track for track in (OLD, NEW, LONG)}


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "cache")


def everything(root: str, files: Files) -> list[str]:
    """Every entry point once; returns the keys that were found."""
    cache = DiskCache(root, 1 << 20, files=files, durable=True)
    found = [cache.get(key) for key in (OLD.key, NEW.key) if key in cache]
    for track in (NEW, LONG, OLD):
        cache.put(track)
    found += [cache.get(key) for key in TRACKS]
    cache.tidy()
    cache.budget.budget_bytes = 400_000
    cache.put(make_track("more", data=long_data(1)[:200]))
    cache.tidy()
    cache.discard(OLD.key)
    cache.discard_audio("sha256:0")
    return [track.key for track in found if track is not None and agrees(track)]


def agrees(track) -> bool:
    try:
        np.testing.assert_array_equal(track.data, TRACKS[track.key].data)
    except OSError:  # the one thing that may reach whoever asks for the rows
        return False
    return True


def temporary_files(root: str) -> list[str]:
    folder = pathlib.Path(root, "v1", "tmp")
    return os.listdir(folder) if folder.exists() else []


def template(folder: pathlib.Path) -> int:
    """A cache with an entry; returns how many calls `everything` makes there."""
    assert DiskCache(str(folder)).put(OLD) == "written"
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    files = FaultFiles()
    assert set(everything(str(copy), files)) == set(TRACKS)
    shutil.rmtree(copy)
    return len(files.calls)


@pytest.mark.parametrize(("name", "forever"), COMBINATIONS)
def test_every_operation_may_fail(quick_dir, name, forever):
    """D3, D4, D5: each single call, once or from then on."""
    original = quick_dir / "original"
    calls = template(original)
    assert calls > 100
    for number in range(calls):
        root = quick_dir / str(number)
        shutil.copytree(original, root)
        everything(str(root), FaultFiles(number, getattr(errno, name), forever=forever))
        after = DiskCache(str(root))
        for key in TRACKS:
            found = after.get(key)
            assert found is None or agrees(found)
        assert after.counters.corrupt == 0
        assert forever or temporary_files(str(root)) == []
        shutil.rmtree(root)


@pytest.mark.parametrize("name", ERRORS)
def test_a_cache_that_could_not_be_made_is_no_error(root, name):
    for number in range(20):
        cache = DiskCache(root, files=FaultFiles(number, getattr(errno, name)))
        cache.put(OLD)
        found = cache.get(OLD.key)
        assert found is None or agrees(found)


def test_a_file_whose_sync_failed_is_thrown_away_and_never_synced_again(root):
    """D4."""
    files = FaultFiles(0, errno.EIO, only={"sync"}, forever=False)
    cache = DiskCache(root, files=files, durable=True)
    assert cache.put(OLD) == "failed"
    assert files.counts["sync"] == 1
    assert temporary_files(root) == []
    assert cache.get(OLD.key) is None


def test_a_full_disk_is_told_once_and_tried_again_later(root, monkeypatch):
    """D3."""
    files = FaultFiles(0, errno.ENOSPC, only={"write"})
    cache = DiskCache(root, files=files)
    assert [cache.put(make_track(str(n))) for n in range(5)] == ["failed"] * 5
    assert len(files.calls) == 1  # it is left in peace for a while
    assert cache.notes.texts == ("A cache entry could not be written: the disk is full. Results stay in memory.",)
    assert cache.counters.unwritten == 5
    assert temporary_files(root) == []
    files.fail_at = None
    monkeypatch.setattr("audiocache_nb.cache.disk.time.monotonic", lambda: 1e12)
    assert cache.put(OLD) == "written"


def test_a_note_is_given_once_a_minute(monkeypatch, caplog):
    now_s = 1000.0
    monkeypatch.setattr("audiocache_nb.cache.notes.time.monotonic", lambda: now_s)
    notes = Notes()
    assert [notes.add("a", "first"), notes.add("a", "again"), notes.add("b", "another")] == [True, False, True]
    now_s += 61
    assert notes.add("a", "later")
    assert notes.texts == ("first", "another", "later")
    assert [record.message for record in caplog.records] == ["first", "another", "later"]


def test_writes_may_be_short(root):
    class Short(Files):
        def write(self, descriptor, data):
            return super().write(descriptor, data[:100])

    assert DiskCache(root, files=Short()).put(OLD) == "written"
    assert agrees(DiskCache(root).get(OLD.key))


def test_reads_may_be_short(root, monkeypatch):
    assert DiskCache(root).put(LONG) == "written"
    whole = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, at: whole(descriptor, min(size, 1000), at))
    assert agrees(DiskCache(root).get(LONG.key))


def test_a_write_that_is_interrupted_by_anything_leaves_nothing(root):
    class Interrupted(Files):
        def write(self, descriptor, data):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DiskCache(root, files=Interrupted()).put(OLD)
    assert temporary_files(root) == []


def test_after_a_power_failure_an_entry_is_whole_or_a_miss(root):
    """D2: the name has reached the disk, and any part of the content has not."""
    rng = random.Random(1)
    track = make_track(data=np.random.default_rng(0).standard_normal((4000, 3)).astype("f4"))
    assert DiskCache(root).put(track) == "written"
    path = pathlib.Path(entry_path(root, track.key))
    content = path.read_bytes()
    for _ in range(300):
        lost = bytearray(content[: rng.choice([len(content), rng.randrange(len(content))])])
        for start in range(0, len(lost), 512):
            if rng.random() < 0.02 + 0.3 * (rng.random() < 0.3):
                lost[start : start + 512] = rng.choice([bytes(512), rng.randbytes(512)])[: len(lost) - start]
        path.write_bytes(lost)
        found = DiskCache(root).get(track.key)
        assert (found is not None) == (bytes(lost) == content)
        path.write_bytes(content)


def test_the_directory_may_be_deleted_at_any_time(root):
    """D6: readers miss, the next write makes it again, nobody gets an exception."""
    cache = DiskCache(root)
    stop = threading.Event()

    def delete():
        while not stop.is_set():
            shutil.rmtree(root, ignore_errors=True)

    thread = threading.Thread(target=delete)
    thread.start()
    try:
        for number in range(200):
            track = (OLD, NEW, LONG)[number % 3]
            cache._pause_until_s = 0.0
            cache.put(track)
            found = cache.get(track.key)
            assert found is None or agrees(found)
    finally:
        stop.set()
        thread.join()
    shutil.rmtree(root, ignore_errors=True)
    cache._pause_until_s = 0.0
    assert cache.put(OLD) == "written"
    assert agrees(cache.get(OLD.key))


class Foreign(Files):
    """Everything belongs to user 1, and we are user 2."""

    def user(self):
        return 2

    def look(self, path, *, follow=False):
        return owned(super().look(path, follow=follow), self.mode)

    def status(self, descriptor):
        return owned(super().status(descriptor), 0)

    mode = 0


def owned(status: os.stat_result, mode: int) -> os.stat_result:
    values = list(status)
    values[0] |= mode
    values[4] = 1
    return os.stat_result(values)


def test_a_directory_of_somebody_else_is_only_read(root):
    """D5."""
    DiskCache(root).put(OLD)
    cache = DiskCache(root, files=Foreign())
    assert agrees(cache.get(OLD.key))
    assert cache.put(NEW) == "refused"
    assert cache.get(NEW.key) is None
    assert "belongs to somebody else: it is only read" in cache.notes.texts[0]
    assert SessionCache(pathlib.Path(root), 1).info().access == "write"


def test_a_directory_of_somebody_else_where_everybody_writes_is_not_used(root):
    """D5."""
    DiskCache(root).put(OLD)
    files = Foreign()
    files.mode = 0o002
    cache = DiskCache(root, files=files)
    assert cache.get(OLD.key) is None
    assert OLD.key not in cache
    assert cache.put(NEW) == "refused"
    assert "everybody can write there" in cache.notes.texts[0]
    assert list(cache.entries()) == []


def test_an_entry_of_somebody_else_in_our_directory_is_not_read(root):
    """D26."""

    class Planted(Files):
        def status(self, descriptor):
            return owned(super().status(descriptor), 0)

    DiskCache(root).put(OLD)
    cache = DiskCache(root, files=Planted())
    if os.geteuid() == 1:
        pytest.skip("we are that somebody")
    assert cache.get(OLD.key) is None
    assert cache.counters.corrupt == 1


def test_a_read_only_directory_is_read(root):
    """D5: for the superuser nothing is read-only, so the answer of the system is given here."""

    class ReadOnly(Files):
        def writable(self, path):
            return False

    DiskCache(root).put(OLD)
    cache = DiskCache(root, files=ReadOnly())
    assert agrees(cache.get(OLD.key))
    assert cache.put(NEW) == "refused"
    assert "read-only" in cache.notes.texts[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes everywhere")
def test_a_directory_without_write_permission_is_read(root):
    """D5."""
    DiskCache(root).put(OLD)
    for folder in (root, os.path.join(root, "v1")):
        os.chmod(folder, 0o555)
    cache = DiskCache(root)
    assert agrees(cache.get(OLD.key))
    assert cache.put(NEW) == "refused"
    for folder in (root, os.path.join(root, "v1")):
        os.chmod(folder, 0o755)


def test_a_directory_that_is_a_file_is_not_used(tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    cache = DiskCache(str(path))
    assert cache.put(OLD) == "refused"
    assert cache.get(OLD.key) is None
    assert path.read_text() == "mine"


def test_a_folder_of_ours_that_others_may_write_to_is_closed_to_them(root):
    DiskCache(root).put(OLD)
    base = os.path.join(root, "v1")
    os.chmod(base, 0o777)
    assert agrees(DiskCache(root).get(OLD.key))
    assert os.stat(base).st_mode & 0o777 == 0o700


def test_windows_readers_may_hold_a_file_for_a_moment(root, monkeypatch):
    """D20."""
    monkeypatch.setattr("audiocache_nb.cache.disk.time.sleep", lambda _: None)

    class Busy(Files):
        left = 3

        def replace(self, path, target):
            if self.left:
                self.left -= 1
                error = PermissionError(errno.EACCES, "in use")
                error.winerror = 32
                raise error
            super().replace(path, target)

    assert DiskCache(root, files=Busy()).put(OLD) == "written"
    forever = Busy()
    forever.left = 1000
    assert DiskCache(root, files=forever).put(NEW) == "failed"
    assert temporary_files(root) == []


@pytest.mark.parametrize("name", ["Ünïcode 空间", "x" * 200, "with 'quotes' and\nline", "a/b/c"])
def test_every_root_will_do(tmp_path, name):
    """D21."""
    cache = DiskCache(str(tmp_path / name))
    assert cache.put(OLD) == "written"
    assert agrees(DiskCache(str(tmp_path / name)).get(OLD.key))


def test_a_root_that_is_a_link_of_the_users_own_is_used(tmp_path, root):
    pathlib.Path(root).mkdir()
    (tmp_path / "link").symlink_to(root)
    assert DiskCache(str(tmp_path / "link")).put(OLD) == "written"
    assert agrees(DiskCache(root).get(OLD.key))


def test_nothing_is_locked():
    """D15, D16: what is never taken cannot be left behind, and network disks need not support it."""
    source = "".join(path.read_text() for path in pathlib.Path(__file__).parents[2].glob("audiocache_nb/cache/*.py"))
    assert "flock" not in source
    assert "lockf" not in source
    assert "fcntl" not in source


def test_only_one_file_of_the_cache_calls_the_system():
    import ast

    folder = pathlib.Path(__file__).parents[2] / "audiocache_nb" / "cache"
    for path in folder.glob("*.py"):
        if path.name in ("files.py", "location.py"):  # the latter reads the environment
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert not name.startswith(("os.", "shutil.", "tempfile.", "io.")), (path.name, name)
                assert name != "open", path.name
                assert not name.endswith((".read_bytes", ".read_text", ".write_bytes", ".write_text")), (
                    path.name,
                    name,
                )
