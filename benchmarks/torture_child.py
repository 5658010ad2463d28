"""One question to a cache, in a process of its own: is the answer there, and is it right?

    python benchmarks/torture_child.py FOLDER CACHE [die | die-after BYTES]

FOLDER holds a world as `torture_worlds` makes it; CACHE names what is asked. One line of JSON comes back.
With `die`, the process is killed where it would put its first cache entry in place, with `die-after` where it
would write more than so many bytes into any file.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import sys
import time
from typing import Any

import numpy as np
from torture_notebook import cells, samples


def ask_ours(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask a session with a cache directory, and compare with one that has none."""
    import audiocache_nb as acn

    cells(folder)
    profile = acn.AnalysisProfile(**config["profile"]) if config["profile"] else None
    answers, hits = [], []
    for cache_dir in (folder / "cache", False):
        with acn.Session(cache_dir=cache_dir, bpm=config["bpm"], workers=1) as session:
            if config["as_array"]:
                track = session.add_audio(samples(folder, config), 8000)
            else:
                track = session.add_audio(folder / config["audio"])
            wanted = acn.Descriptor(config["feature"], config["calculator"], profile, config["params"])
            hits.append(not session.request(track, wanted))
            answers.append(np.array(session.get(track, wanted, timeout=120).data))
    return {"hit": hits[0], "right": np.array_equal(*answers)}


def die_when_it_puts_in_place(folder: pathlib.Path) -> None:
    """Kill this process at the first attempt to give something in the cache directory its final name."""
    cache = str(folder / "cache")

    def instead(real: Any) -> Any:
        def call(source: Any, target: Any, *args: Any, **options: Any) -> Any:
            inside = str(target).startswith(cache) or "dst_dir_fd" in options or "src_dir_fd" in options
            if inside and not str(target).endswith(".json"):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(source, target, *args, **options)

        return call

    for name in ("replace", "rename", "link"):
        setattr(os, name, instead(getattr(os, name)))


def die_after(size: int) -> None:
    """Let the system kill this process in the middle of the first file that would be longer than `size` bytes."""
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def main() -> None:
    """Answer one question."""
    folder, cache = pathlib.Path(sys.argv[1]), sys.argv[2]
    config = json.loads((folder / "config.json").read_text())
    sys.path[:0] = [str(folder / "site-packages"), str(folder / "lib")]
    if config["clock_s"]:
        seconds, nanoseconds = time.time, time.time_ns
        time.time = lambda: seconds() + config["clock_s"]
        time.time_ns = lambda: nanoseconds() + int(config["clock_s"] * 1e9)
    if cache == "audiocache_nb":
        ask = ask_ours
    else:
        from torture_peers import CACHES

        ask = CACHES[cache]
    if sys.argv[3:4] == ["die"]:
        die_when_it_puts_in_place(folder)
    elif sys.argv[3:4] == ["die-after"]:
        die_after(int(sys.argv[4]))
    try:
        said = ask(folder, config)
    except Exception as error:
        text = next(iter(str(error).strip().splitlines()), "")
        said = {"hit": False, "right": False, "failed": f"{type(error).__name__}: {text}"}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
