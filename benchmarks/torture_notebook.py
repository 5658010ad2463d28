"""What a world holds, as a kernel sees it: the cells of a notebook, and a recording."""

from __future__ import annotations

import linecache
import os
import pathlib
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import soundfile

WINDOW = 2048


def cells(
    folder: pathlib.Path, space: dict[str, Any] | None = None, *, edit: Callable[[str], str] = str
) -> dict[str, Any]:
    """Run the world's notebook, each cell as a file of its own that only the line cache knows, as IPython does.

    Parameters
    ----------
    folder : Path
    space : dict, optional
        What the cells find.
    edit : callable
        What their author would have written for another cache.
    """
    space = {"__name__": "__main__", **(space or {})}
    for path in sorted((folder / "notebook").glob("*.py")):
        cell(edit(path.read_text()), space)
    return space


def cell(text: str, space: dict[str, Any]) -> None:
    """Run one cell."""
    name = f"/tmp/ipykernel_{os.getpid()}/{zlib.crc32(text.encode())}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), space)


def samples(folder: pathlib.Path, config: dict[str, Any]) -> np.ndarray:
    """The recording as the array that the world wants."""
    values, _ = soundfile.read(folder / config["audio"], dtype="float32", always_2d=True)
    values = values.astype(config["dtype"])
    if config["layout"] == "fortran":
        return np.asfortranarray(values)
    if config["layout"] == "strided":
        return np.repeat(values, 2, axis=0)[::2]
    return values


def framed(signal: np.ndarray, hop: int) -> np.ndarray:
    """Mono samples as frames [shape=(frames, window)]."""
    return np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::hop]


def framed_file(path: str | pathlib.Path, hop: int) -> np.ndarray:
    """A recording, mixed down, as frames [shape=(frames, window)]."""
    return framed(soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1), hop)


def context_of(bpm: float) -> SimpleNamespace:
    """What a calculator that reads the tempo looks at."""
    return SimpleNamespace(tempo=SimpleNamespace(entries=[SimpleNamespace(bpm=bpm)]))
