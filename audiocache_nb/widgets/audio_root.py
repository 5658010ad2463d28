"""Whether a page can fetch a file from its own Jupyter server, and by which path."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from collections.abc import Mapping


def served_path(
    path: pathlib.Path | None, *, root: pathlib.Path | None = None, environment: Mapping[str, str] | None = None
) -> list[str] | None:
    """The path of a file below the root folder of the server that started this kernel, part by part.

    None unless all of it is proven: the server's own note about itself lies on this machine under the
    process id it gave to its kernel, and the file, all links resolved, lies below its root folder in no
    folder that servers hide. Whether the server really hands it out is for the page to try.

    Parameters
    ----------
    path : Path or None
    root : Path, optional
        Default: what the server's note says.
    environment : mapping, optional
        Default: that of this process.
    """
    if path is None:
        return None
    root = root or _server_root(os.environ if environment is None else environment)
    if root is None:
        return None
    try:
        relative = path.resolve(strict=True).relative_to(root.resolve(strict=True))
    except (OSError, ValueError, RuntimeError):
        return None
    parts = list(relative.parts)
    hidden = not parts or any(part.startswith((".", "~")) or "\\" in part for part in parts)
    return None if hidden else parts


def _server_root(environment: Mapping[str, str]) -> pathlib.Path | None:
    pid = environment.get("JPY_PARENT_PID", "")
    return _noted_root(int(pid)) if pid.isascii() and pid.isdigit() else None


@functools.lru_cache(maxsize=4)
def _noted_root(pid: int) -> pathlib.Path | None:
    try:
        from jupyter_core.paths import jupyter_runtime_dir

        note = json.loads((pathlib.Path(jupyter_runtime_dir()) / f"jpserver-{pid}.json").read_text(encoding="utf-8"))
        if note.get("pid") != pid:
            return None
        root = pathlib.Path(note["root_dir"])
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return root if root.is_absolute() and root.is_dir() else None
