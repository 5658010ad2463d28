"""Processes that die, and processes that work at once, in one directory."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "support" / "crash.py"
LONG = bool(os.environ.get("AUDIOCACHE_NB_LONG"))
KILLS = 10_000 if LONG else 100
OPERATIONS = 10_000 if LONG else 1_000
STRACE = shutil.which("strace")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def run(*arguments: object) -> dict[str, int]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_process_may_be_killed_at_each_of_its_file_calls(quick_dir):
    """D1, D13: no entry is ever half, and what is left behind is swept."""
    found = run("points", quick_dir / "cache")
    assert found.pop("code") == 0
    assert found.pop("points") > 60
    assert found.pop("orphans") > 5
    assert set(found.values()) == {0}


def test_processes_may_be_killed_at_any_moment(quick_dir):
    """D1."""
    found = run("kills", quick_dir / "cache", KILLS, 1)
    found.pop("orphans")
    assert set(found.values()) == {0}


def test_processes_and_threads_may_share_a_directory(quick_dir):
    """D7, D8: readers see whole entries, whoever writes, clears or evicts meanwhile."""
    found = run("stress", quick_dir / "cache", 4, 4, OPERATIONS)
    assert found["finished"] == 16
    assert min(found[what] for what in ("put", "hit", "miss", "evict", "discard")) > 0
    assert found["wrong"] == found["damaged"] == 0
    assert {count for name, count in found.items() if name.startswith("after_")} == {0}


# What changes a directory, or the descriptors and maps on the way there.
CALLS = "openat,mkdir,mkdirat,write,fsync,rename,renameat,renameat2,unlink,unlinkat,close,mmap,utimensat,pread64"


@pytest.fixture
def traced(tmp_path):
    """Run one cycle under strace in a fresh copy of a directory; returns what it wrote."""

    def trace(name: str, *options: str) -> str:
        root, log = tmp_path / name, tmp_path / f"{name}.log"
        command = [STRACE, "-f", "-qq", "-o", str(log), *options, sys.executable, "-B", str(SCRIPT), "cycle", str(root)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        subprocess.run(command, check=False, capture_output=True, env=environment)
        return log.read_text(errors="replace")

    return trace


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.skipif("AUDIOCACHE_NB_LOWEST" in os.environ, reason="the kernel is the same")
def test_a_process_may_be_killed_at_each_of_its_system_calls(traced, tmp_path):
    """D1: as the kernel sees it, not as our own list of calls does."""
    if "exited" not in traced("probe", "-e", "trace=exit_group,openat") and not list(tmp_path.glob("probe/v1")):
        pytest.skip("processes must not be traced here")
    log = traced("whole", "-e", f"trace=stat,newfstatat,{CALLS}")
    seen: dict[str, int] = {}
    points: list[tuple[str, int]] = []
    begun = False
    for line in log.splitlines():
        call = re.match(r"\d+ +(\w+)\(", line)
        if call is None:
            continue
        begun = begun or "/begin-of-the-cycle" in line
        name = call[1]
        seen[name] = seen.get(name, 0) + 1
        if begun and name in CALLS.split(","):
            points.append((name, seen[name]))
    assert len(points) > 60
    assert {name for name, _ in points} >= {"openat", "write", "close"}

    def kill_at(point: tuple[str, int]) -> bool:
        name, number = point
        options = ("-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={number}")
        return "killed by SIGKILL" in traced(f"{name}-{number}", *options)

    with ThreadPoolExecutor(2) as pool:
        killed = sum(pool.map(kill_at, points))
    assert killed > 0.9 * len(points)  # the numbers of calls differ a little from run to run
    states = run("states", tmp_path)
    assert len(states) > 0.7 * len(points)
    for name, found in states.items():
        found.pop("orphans")
        assert set(found.values()) == {0}, name
