"""Change one thing, ask again, compare with a fresh computation: twenty times, and say who noticed.

    python benchmarks/torture.py [--ours] [--readme README.md]

Caches of others are put through the same where they are installed: pip install joblib datasets lhotse audinterface.
The exit code is 1 if ours fails one.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import pathlib
import shutil
import sys
import tempfile

from torture_worlds import ROWS, TEMPO_THAT_MATTERS, Row, World

OURS = "audiocache_nb"
OTHERS = {
    "joblib by path": "joblib",
    "joblib by array": "joblib",
    "datasets": "datasets",
    "lhotse": "lhotse",
    "audinterface": "audinterface",
}
README_BEGIN, README_END = "<!-- torture: written by benchmarks/torture.py -->", "<!-- end of torture -->"


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


def total(verdicts: list[str]) -> tuple[int, int]:
    """Of how many mutations that apply a cache got how many right; the tempo has two sides and is one."""
    sides = [row.name for row in ROWS].index("the tempo")
    twenty = verdicts[: len(ROWS)]
    if twenty[sides] == "ok":
        twenty[sides] = verdicts[-1]
    return twenty.count("ok"), sum(not verdict.startswith("n/a") for verdict in twenty)


class Board:
    """Who noticed what, with the reasons below."""

    def __init__(self, columns: dict[str, list[str]], rows: tuple[Row, ...]) -> None:
        self.notes: list[str] = []
        self.columns = columns
        self.lines = [
            (row.name, *map(self._short, verdicts))
            for row, verdicts in zip(rows, zip(*columns.values(), strict=True), strict=True)
        ]
        self.lines.append(("of those that apply", *("{} of {}".format(*total(found)) for found in columns.values())))

    def _short(self, verdict: str) -> str:
        word, colon, reason = verdict.partition(": ")
        if not colon:
            return word
        if word == "error":
            reason = reason.partition(":")[0]
        if reason not in self.notes:
            self.notes.append(reason)
        return f"{word} ({self.notes.index(reason) + 1})"

    def text(self) -> str:
        """For the terminal."""
        lines = [("", *self.columns), *self.lines]
        widths = [max(map(len, column)) + 2 for column in zip(*lines, strict=True)]
        table = ["".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([*table, *(f"({number}) {note}" for number, note in enumerate(self.notes, 1))])

    def markdown(self) -> str:
        """For a document."""
        others = {name: package for name, package in OTHERS.items() if name in self.columns}
        heads = [OURS, *(name.replace(one, f"{one} {version(one)}") for name, one in others.items())]
        lines = [("", *heads), ("---",) * (len(heads) + 1), *self.lines]
        notes = "; ".join(f"({number}) {note.strip('.')}" for number, note in enumerate(self.notes, 1))
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + (f"\n\n{notes}." if notes else "")


def version(package: str) -> str:
    """Which release of a package is installed, as people write it: joblib 1.6."""
    return ".".join(importlib.metadata.version(package).split(".")[:2])


def main() -> int:
    """Print the scoreboard."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="store_true", help="leave the caches of others out")
    parser.add_argument("--readme", type=pathlib.Path, help="also write the table into this file, between its marks")
    options = parser.parse_args()
    rows = (*ROWS, TEMPO_THAT_MATTERS)
    columns = {OURS: scores(OURS, rows)}
    for name, package in {} if options.ours else OTHERS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name}: not installed")
        else:
            columns[name] = scores(name, rows)
    board = Board(columns, rows)
    print(board.text())
    if options.readme:
        head, _, rest = options.readme.read_text().partition(README_BEGIN)
        tail = rest.partition(README_END)[2]
        options.readme.write_text(f"{head}{README_BEGIN}\n\n{board.markdown()}\n\n{README_END}{tail}")
    right, all_of_them = total(columns[OURS])
    return 0 if right == all_of_them else 1


if __name__ == "__main__":
    sys.exit(main())
