"""As many mutations of one target as are asked for, whatever is found on the way.

::

    PYTHONPATH=tests python -W error tests/fuzz/endurance.py bundle 1000000 --seed 1 --found found

A line of progress every 10,000; what was found lies in the folder, one file for each kind of finding. Ends with 1 if
there is any, or if more memory was used than a test allows.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback

from fuzz.targets import MEMORY_BYTES, seen, targets, watching

KEPT = 64
EVERY = 10_000


def main() -> int:
    """Run, tell, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--found", type=pathlib.Path, default=pathlib.Path("found"))
    options = parser.parse_args()
    shared_memory = pathlib.Path("/dev/shm")  # scenes are saved, too, which a disk takes its time for
    folder = tempfile.mkdtemp(dir=shared_memory if shared_memory.is_dir() else None)
    target = targets(folder)[options.target]
    for data in target.seeds:
        assert target.takes(data)
    pool, rng = list(target.seeds), random.Random(f"{options.target} {options.seed}")
    counts: collections.Counter[str] = collections.Counter()
    found: dict[tuple[object, ...], str] = {}
    before, begin_s = _most_bytes(), time.monotonic()
    for number in range(1, options.count + 1):
        data = target.mutate(rng.choice(pool), rng)
        try:
            with watching(folder):
                taken = target.takes(data)
            assert not seen, f"opened or run: {seen}"
        except Exception as error:
            _keep(options.found, options.target, data, error, found)
            counts["found"] += 1
            continue
        counts["taken" if taken else "refused"] += 1
        if taken and len(data) < 200_000:  # what is taken is a good place to go on from
            if len(pool) < KEPT:
                pool.append(data)
            elif rng.random() < 0.01:
                pool[rng.randrange(len(target.seeds), KEPT)] = data
        if number % EVERY == 0 or number == options.count:
            _tell(number, counts, found, _most_bytes() - before, time.monotonic() - begin_s)
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if found or _most_bytes() - before > MEMORY_BYTES else 0


def _most_bytes() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def _keep(folder, target, data, error, found) -> None:
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = (type(error).__name__, place.filename, place.lineno)
    if kind not in found:
        folder.mkdir(exist_ok=True)
        found[kind] = f"{target.replace(' ', '-')}-{len(found)}"
        (folder / found[kind]).write_bytes(data)
        print(f"found, kept as {folder / found[kind]}:")  # noqa: T201 - a program
        traceback.print_exception(error, file=sys.stdout)


def _tell(number, counts, found, more_bytes, seconds) -> None:
    print(  # noqa: T201 - a program
        f"{number:,} executions: {counts['taken']:,} taken, {counts['refused']:,} refused, "
        f"{counts['found']:,} findings of {len(found)} kinds; {more_bytes / 1e6:.0f} MB more at most; {seconds:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
