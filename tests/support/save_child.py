"""A process that loads a scene, edits it and saves it over a file; run as ``python save_child.py SCENE TARGET``."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys

import audiocache_nb as acn

if __name__ == "__main__":
    scene, target = sys.argv[1:]
    session, _ = acn.load(pathlib.Path(scene).read_bytes(), cache_dir=False, workers=1)
    session.move("a", offset_ticks=960)
    with contextlib.suppress(OSError):
        pathlib.Path("/begin-of-the-cycle").stat()  # seen by whoever traces the system calls
    session.save(target)
    os._exit(0)
