"""Processes that use a cache directory until somebody kills them; run as ``python crash.py MODE ROOT ...``.

Every track certifies itself: its data follow from its key, so that whoever reads one knows whether it is right.
Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.files import Files
from audiocache_nb.cache.report import SessionCache
from support.tracks import make_track

BUDGET_BYTES = 6_000_000
NAMES = 24
CHECKED_EVERY = 4  # what is damaged stays so until it is written again


def track_of(number: int):
    """Every third is long enough to be mapped; all have several writes."""
    rows = 90_000 if number % 3 == 0 else 3_000
    data = np.full((rows, 4), float(number), np.float32)
    data[:, 0] = np.arange(rows) % 4096
    return make_track(f"track {number}", data=data, seconds=number / 10)


TRACKS = [track_of(number) for number in range(NAMES)]


def is_right(number: int, found) -> bool:
    return np.array_equal(found.data, TRACKS[number].data) and found.parameters == TRACKS[number].parameters


def work(cache: DiskCache, rng: random.Random) -> tuple[str, bool]:
    """One operation; returns what it was, and whether it was as it has to be."""
    number, what = rng.randrange(NAMES), rng.random()
    if what < 0.35:
        cache.put(TRACKS[number])
        return "put", True
    if what < 0.9:
        found = cache.get(TRACKS[number].key)
        return ("miss", True) if found is None else ("hit", is_right(number, found))
    if what < 0.95:
        cache.discard(TRACKS[number].key)
        return "discard", True
    cache.keep_budget()
    return "evict", True


def state_of(root: str) -> dict[str, int]:
    """What a new process finds."""
    cache = DiskCache(root, BUDGET_BYTES)
    wrong = 0
    for number, track in enumerate(TRACKS):
        found = cache.get(track.key)
        wrong += found is not None and not is_right(number, found)
    temporary = pathlib.Path(root, "v1", "tmp")
    orphans = len(list(temporary.glob("*")))
    swept = SessionCache(pathlib.Path(root), BUDGET_BYTES)
    problems = len(swept.verify().problems)
    swept.gc()
    left = len(list(temporary.glob("*")))
    return {"wrong": wrong, "corrupt": cache.counters.corrupt, "problems": problems, "orphans": orphans, "left": left}


def kills(root: str, cycles: int, seed: int) -> dict[str, int]:
    """Kill writers at random moments; two write at once, and one reads."""
    rng = random.Random(seed)
    total = dict.fromkeys(("wrong", "corrupt", "problems", "orphans", "left"), 0)
    for number in range(cycles):
        children = [fork(lambda: forever(root, rng.random())) for _ in range(2)]
        time.sleep(rng.random() * 0.05)
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
        if number % CHECKED_EVERY == 0 or number == cycles - 1:
            for name, count in state_of(root).items():
                total[name] += count
    return total


def forever(root: str, seed: float) -> None:
    cache, rng = DiskCache(root, BUDGET_BYTES), random.Random(seed)
    while True:
        assert work(cache, rng)[1]


def fork(function) -> int:
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(1)
    return child


class Killed(Files):
    """Kills the process ahead of one of its file calls."""

    def __init__(self, kill_at: int) -> None:
        self.left = kill_at

    def before(self, operation, path):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def cycle(root: str, files: Files | None = None) -> None:
    """Everything that touches the directory, once."""
    cache = DiskCache(root, 5_000_000, files=files, durable=True)
    for number in (1, 3, 1):
        cache.put(TRACKS[number])
        found = cache.get(TRACKS[number].key)
        assert found is not None
        assert is_right(number, found)
    cache.put(TRACKS[2])
    cache.budget.budget_bytes = 100_000
    cache.tidy()
    cache.discard(TRACKS[2].key)


def points(root: str) -> dict[str, int]:
    """Kill the process at each of its file calls, one after another, in a directory that stays."""
    total = dict.fromkeys(("wrong", "corrupt", "problems", "orphans", "left"), 0)
    number = 0
    while True:
        number += 1
        child = fork(lambda at=number - 1: (cycle(root, Killed(at)), os._exit(0)))
        _, status = os.waitpid(child, 0)
        for name, count in state_of(root).items():
            total[name] += count
        if os.WIFEXITED(status):
            return {**total, "points": number - 1, "code": os.WEXITSTATUS(status)}


def stress(root: str, processes: int, threads: int, operations: int) -> dict[str, int]:
    """Many processes with many threads each in one directory."""
    children, reports = [], []
    for number in range(processes):
        reading, writing = os.pipe()
        reports.append(reading)

        def run(number=number, writing=writing):
            counts: dict[str, int] = {}
            lock = threading.Lock()
            cache = DiskCache(root, BUDGET_BYTES)

            def loop(thread):
                rng = random.Random(1000 * number + thread)
                for _ in range(operations):
                    what, right = work(cache, rng)
                    with lock:
                        counts[what] = counts.get(what, 0) + 1
                        counts["wrong"] = counts.get("wrong", 0) + (not right)
                with lock:
                    counts["finished"] = counts.get("finished", 0) + 1

            workers = [threading.Thread(target=loop, args=(thread,)) for thread in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            counts["damaged"] = cache.counters.corrupt
            os.write(writing, json.dumps(counts).encode())
            os._exit(0)

        children.append(fork(run))
        os.close(writing)
    total: dict[str, int] = {}
    for child, reading in zip(children, reports, strict=True):
        with os.fdopen(reading) as report:
            for name, count in json.loads(report.read() or "{}").items():
                total[name] = total.get(name, 0) + count
        os.waitpid(child, 0)
    return {**total, **{f"after_{name}": count for name, count in state_of(root).items()}}


if __name__ == "__main__":
    import logging

    logging.disable()
    mode, root, *numbers = sys.argv[1:]
    if mode == "cycle":
        with contextlib.suppress(OSError):
            pathlib.Path("/begin-of-the-cycle").stat()  # seen by whoever traces the system calls
        cycle(root)
    else:
        modes = {"kills": kills, "points": points, "stress": stress}
        if mode == "states":
            found = {folder.name: state_of(str(folder)) for folder in pathlib.Path(root).iterdir() if folder.is_dir()}
        else:
            found = modes[mode](root, *map(int, numbers))
        sys.stdout.write(json.dumps(found))
