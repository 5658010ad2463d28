"""Saving that is killed or runs beside work, loading that is interrupted, and how much memory saving takes."""

from __future__ import annotations

import dataclasses
import gc
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.capture import capture
from audiocache_nb.scene.mvmnt_write import save_mvmnt
from audiocache_nb.scene.save import save_scene
from audiocache_nb.session import Session

SCRIPT = pathlib.Path(__file__).parents[1] / "support" / "save_child.py"
LONG = bool(os.environ.get("AUDIOCACHE_NB_LONG"))
STRACE = shutil.which("strace")
CALLS = "openat,write,pwrite64,lseek,fsync,rename,renameat,renameat2,unlink,unlinkat,close,ftruncate"


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.skipif("AUDIOCACHE_NB_LOWEST" in os.environ, reason="the kernel is the same")
@pytest.mark.parametrize("ending", ["zip", "json"])
def test_b19_saving_may_be_killed_at_each_of_its_system_calls(scene, tmp_path, ending):
    """B19: the old file or the new one, whole; every third call, and all of the last ones, unless all are asked for."""
    for part in (tmp_path / "scene.zip", tmp_path / f"old.{ending}"):
        scene.save(part)
    old = (tmp_path / f"old.{ending}").read_bytes()

    def trace(name: str, *options: str) -> tuple[str, bytes, list[str]]:
        folder, log = tmp_path / name, tmp_path / f"{name}.log"
        folder.mkdir()
        target = folder / f"x.{ending}"
        target.write_bytes(old)
        command = [STRACE, "-f", "-qq", "-o", str(log), *options, sys.executable, "-B", str(SCRIPT)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        arguments = [*command, str(tmp_path / "scene.zip"), str(target)]
        subprocess.run(arguments, check=False, capture_output=True, env=environment)
        return log.read_text(errors="replace"), target.read_bytes(), sorted(one.name for one in folder.iterdir())

    log, new, _ = trace("whole", "-e", f"trace=stat,newfstatat,{CALLS}")
    if "/begin-of-the-cycle" not in log:
        pytest.skip("processes must not be traced here")
    assert new != old
    seen: dict[str, int] = {}
    points: list[tuple[str, int]] = []
    begun = False
    for line in log.splitlines():
        call = re.match(r"\d+ +(\w+)\(", line)
        if call is None:
            continue
        begun = begun or "/begin-of-the-cycle" in line
        seen[call[1]] = seen.get(call[1], 0) + 1
        if begun and call[1] in CALLS.split(","):
            points.append((call[1], seen[call[1]]))
    assert {"openat", "write", "fsync", "close"} <= {name for name, _ in points}
    chosen = points if LONG else [*points[:-6:4], *points[-6:]][-12:]

    def kill_at(point: tuple[str, int]) -> tuple[bool, bytes, list[str]]:
        name, number = point
        options = ("-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={number}")
        log, found, names = trace(f"{name}-{number}", *options)
        return "killed by SIGKILL" in log, found, names

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(kill_at, chosen))
    assert sum(killed for killed, _, _ in outcomes) > 0.7 * len(chosen)
    assert {found for _, found, _ in outcomes} <= {old, new}
    assert old in {found for _, found, _ in outcomes}
    for _, _, names in outcomes:
        assert f"x.{ending}" in names
        assert all(re.fullmatch(rf"(x\.{ending}|\.x\.{ending}\.[0-9a-f]{{16}}\.part)", name) for name in names)


def test_b20_saving_beside_edits_gives_one_moment(scene, tmp_path, loads):
    """B20: the two tracks are moved one after the other; no file holds a mix of two moments."""
    stop = threading.Event()
    scene.move("a", offset_ticks=0)
    scene.move("b", offset_ticks=0)

    def edit():
        n = 0
        while not stop.is_set():
            n += 1
            scene.move("a", offset_ticks=n)
            scene.move("b", offset_ticks=n)
            if n % 5 == 0:
                scene.timeline.cache.clear()
                scene.reanalyze("a", ["rms", "zcr"])

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        for n in range(12):
            path = tmp_path / f"{n}.zip"
            scene.save(path)
            session, report = loads(path)
            assert not report.warnings
            assert {note.outcome for note in report.features} <= {"loaded"}
            a, b = (session.tracks[name].offset_ticks for name in ("a", "b"))
            assert a - b in (0, 1)
            for state in session.store.snapshot().sources.values():
                for entry in state.entries.values():
                    if entry.track is not None:
                        assert np.isfinite(entry.track.values()).all()
            session.close()
    finally:
        stop.set()
        thread.join()
    scene.wait()


@pytest.mark.parametrize("kind", ["zip", "mvt"])
def test_b13_loading_may_be_interrupted_anywhere(scene, tmp_path, kind):
    """B13: there is a session or there is none, and what was trusted is in the cache only if there is one."""
    scene.save(tmp_path / f"x.{kind}")
    data = (tmp_path / f"x.{kind}").read_bytes()
    places = ("audiocache_nb/scene/", "audiocache_nb/timeline/", "audiocache_nb/session_scene")

    def load(interrupt_at):
        count = 0

        def profile(frame, event, _argument):
            nonlocal count
            if event == "call" and any(place in frame.f_code.co_filename for place in places):
                count += 1
                if count == interrupt_at:
                    raise KeyboardInterrupt

        cache = tmp_path / f"cache {interrupt_at}"
        sys.setprofile(profile)
        try:
            session, _ = acn.load(data, True, cache_dir=cache, workers=1)
        except KeyboardInterrupt:
            session = None
        finally:
            sys.setprofile(None)
        if session is not None:
            session.close()
        return count, session is not None, len(list(cache.rglob("*.safetensors")))

    others = [one for one in gc.get_objects() if type(one) is Session]  # of tests before
    total, loaded, stored = load(0)
    assert loaded
    assert stored > 0
    before = threading.active_count()
    steps = range(1, total, max(1, total // (400 if LONG else 30 if kind == "zip" else 8)))
    for at in steps:
        _, loaded, stored = load(at)
        assert loaded or not stored or at > 0.8 * total  # the last thing that is done
    gc.collect()
    made = [one for one in gc.get_objects() if type(one) is Session and not any(one is other for other in others)]
    assert all(one.closed for one in made)
    assert threading.active_count() <= before + 1


# --- memory --------------------------------------------------------------------------------------

BIG_BYTES = 192 << 20
CAP_BYTES = 64 << 20


@pytest.fixture
def big(sessions, tmp_path):
    """A scene whose feature lies in a file, and is much bigger than what saving may take."""
    session = sessions()
    track = session.add_audio(*sound(), track_id="a")
    session.request(track, ["rms"], element="me")
    session.wait()
    scene = capture(session.timeline, session.tempo, prune=True)
    with open(tmp_path / "big", "wb") as file:  # noqa: PTH123
        file.truncate(BIG_BYTES)
    rows = np.memmap(tmp_path / "big", np.float32, "r", shape=(BIG_BYTES // 4096, 1024))
    feature = dataclasses.replace(
        scene.features[0],
        data=rows,
        axes=("frame", "bin"),
        axis_coords={},
        provenance=dict(scene.features[0].provenance),
    )
    return dataclasses.replace(scene, features=[feature])


@pytest.mark.parametrize("kind", ["zip", "mvt"])
def test_saving_takes_little_memory(big, tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    tracemalloc.start()
    try:
        if kind == "zip":
            save_scene(big, path, audio="embed")
        else:
            save_mvmnt(big, path, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > BIG_BYTES
    assert peak < CAP_BYTES
    with Archive(path, foreign=True) as archive:
        assert max(entry.size for entry in archive.entries.values()) >= BIG_BYTES


def test_embedded_recordings_are_copied_piece_by_piece(tmp_path, loads, sessions):
    """A recording that came with a bundle is in the bundle, not in memory."""
    session = sessions()
    noise = np.random.default_rng(0).normal(0, 0.1, (6 << 20,)).astype(np.float32)
    session.add_audio(noise, 44100, track_id="a")
    session.save(tmp_path / "x.zip")
    session.close()
    del noise
    again, _ = loads(tmp_path / "x.zip")
    tracemalloc.start()
    try:
        again.save(tmp_path / "y.zip")
        again.save(tmp_path / "y.mvt")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert (tmp_path / "x.zip").read_bytes() == (tmp_path / "y.zip").read_bytes()
