"""Change one thing, ask again, compare with a fresh computation: twenty times, and say who noticed.

    python benchmarks/torture.py [--ours]

Other caches run the same mutations where they are installed. The exit code is 1 if ours fails one.
"""

from __future__ import annotations

import argparse
import importlib.util
import pathlib
import shutil
import sys
import tempfile

from torture_worlds import ROWS, TEMPO_THAT_MATTERS, Row, World

OTHERS = {
    "joblib by path": "joblib",
    "joblib by array": "joblib",
    "audinterface": "audinterface",
    "datasets": "datasets",
    "lhotse": "lhotse",
}


def scores(cache: str, rows: tuple[Row, ...]) -> list[str]:
    """What a cache makes of each mutation; every one begins with the same warm world."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        world, warm = World(pathlib.Path(folder) / "world", cache).make(), pathlib.Path(folder) / "warm"
        world.ask()
        shutil.copytree(world.folder, warm)
        for row in rows:
            shutil.rmtree(world.folder)
            shutil.copytree(warm, world.folder)  # to the same place: some caches go by the path
            try:
                found.append(row.verdict(world))
            except AssertionError as error:
                found.append(f"error: {error}")
    return found


def main() -> int:
    """Print the scoreboard."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="store_true", help="leave the caches of others out")
    options = parser.parse_args()
    rows = (*ROWS, TEMPO_THAT_MATTERS)
    board = {"audiocache_nb": scores("audiocache_nb", rows)}
    for name, package in {} if options.ours else OTHERS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name}: not installed")
        else:
            board[name] = scores(name, rows)
    width = max(len(row.name) for row in rows)
    print(" " * width, *(f"{name:<24}" for name in board))
    for row, verdicts in zip(rows, zip(*board.values(), strict=True), strict=True):
        print(f"{row.name:<{width}}", *(f"{verdict:<24.24}" for verdict in verdicts))
    for name, verdicts in board.items():
        right = [verdict == "ok" for verdict in verdicts]
        twenty = right[: len(ROWS)]
        twenty[[row.name for row in ROWS].index("the tempo")] &= right[-1]  # it has two sides
        print(f"{name}: {sum(twenty)} of {len(ROWS)}")
        if name == "audiocache_nb":
            ours = all(twenty)
    return 0 if ours else 1


if __name__ == "__main__":
    sys.exit(main())
