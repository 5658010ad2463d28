"""Mutated files: documented errors or none, nothing else opened, no more memory than the limits say.

A second per target; ``--fuzz-seconds 600`` for longer, with another seed each time unless ``--fuzz-seed`` is given.
"""

from __future__ import annotations

import gc
import pathlib
import random
import sys
import time

import psutil
import pytest
from fuzz.targets import MEMORY_BYTES, seen, targets, watching

NAMES = ["bundle", "document", "scene document", "manifest", "archive", "package", "entry", "labels"]
LEAST = 30  # however slow the machine is
KEPT = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes(name, folder, request, record_property, capsys):
    seconds = request.config.getoption("--fuzz-seconds")
    seed = request.config.getoption("--fuzz-seed")
    target = targets(folder)[name]
    for data in target.seeds[:3]:  # imports are done now
        target.takes(data)
    pool = list(target.seeds)
    rng = random.Random(f"{name} {seed}")
    process = psutil.Process()
    gc.collect()
    before, most = process.memory_info().rss, 0
    deadline_s = time.monotonic() + seconds
    count = accepted = 0
    while count < LEAST or time.monotonic() < deadline_s:
        data = target.mutate(rng.choice(pool), rng)
        with watching(folder):
            try:
                taken = target.takes(data)
            except BaseException:
                keep(folder, name, seed, count, data)
                raise
        if seen:
            keep(folder, name, seed, count, data)
        assert not seen, f"{name}: {seen}"
        count += 1
        accepted += taken
        if taken and len(pool) < KEPT and len(data) < 200_000:
            pool.append(data)  # what is accepted is a good place to go on from
        if count % 64 == 0:
            most = max(most, process.memory_info().rss - before)
    record_property("executions", count)
    assert most < MEMORY_BYTES, f"{name}: {most:,} bytes more"
    assert accepted < count or not target.documented
    with capsys.disabled():
        if seconds > 5:
            sys.stdout.write(
                f"\nfuzz {name}: {count:,} executions, {accepted:,} accepted, {most / 1e6:.0f} MB more at most\n"
            )


def keep(folder, name, seed, count, data):
    """Leave what was found where it can be looked at."""
    path = pathlib.Path(folder, f"found-{name}-{seed}-{count}")
    path.write_bytes(data)
    sys.stdout.write(f"kept: {path}\n")
