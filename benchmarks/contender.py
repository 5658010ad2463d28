"""One contender in a process of its own, perhaps in an environment of its own: it computes when it is told to.

    python benchmarks/contender.py NAME SAMPLES

reads samples from a file, says ``{"ready": ...}``, and then for every line on its input computes once and says how
long that took. Names are those of `peers.CONTENDERS`, ``here`` with options, and ``here:FEATURE`` or
``librosa:FEATURE`` for one feature alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import math
import pathlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import numpy as np

SAMPLE_RATE_HZ = 44100
SUITE = (
    "spectrogram",
    "melspectrogram",
    "logmel",
    "mfcc",
    "chroma",
    "centroid",
    "rolloff",
    "flatness",
    "flux",
    "onset_strength",
    "rms",
    "zcr",
    "waveform",
)
WARM_UP_S = 3


class PeakOfProcess:
    """The most memory this process has while it is being watched [bytes]."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = self.peak = 0

    def __enter__(self) -> Self:
        self.before = self.peak = _resident()
        try:  # Linux keeps count by itself, if it is asked to start anew
            pathlib.Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.peak = max(self.peak, _resident())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is None:
            self.peak = _of_status("VmHWM:")


def _give_back() -> None:
    """Return free memory to the system, lest what was used before makes this run look small."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident() -> int:
    try:
        return _of_status("VmRSS:")
    except OSError:
        import psutil

        return int(psutil.Process().memory_info().rss)


def _of_status(name: str) -> int:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def here(names: tuple[str, ...], *, workers: int | None = None, **profile: Any) -> Callable[[Any], Any]:
    """Features through a session of their own, with all that belongs to one."""
    import audiocache_nb as acn
    from audiocache_nb.audio.ingest import load
    from audiocache_nb.audio.source import AudioSource

    def suite(y: Any) -> list[Any]:
        source = y if isinstance(y, AudioSource) else load(y[:, None], sample_rate=SAMPLE_RATE_HZ)
        wanted = acn.AnalysisProfile(**profile) if profile else None
        no_limit = float("inf")
        with acn.Session(cache_dir=False, workers=workers, ask_above_s=no_limit, ask_above_mb=no_limit) as session:
            track = session.add_audio(source)
            session.request(track, list(names), profile=wanted)
            session.compute(track)  # whatever it costs
            session.wait()
            found = [session.peek(track, name, profile=wanted) for name in names]
        assert all(one is not None and one.frame_count for one in found)
        return [one.data for one in found if one is not None]

    return suite


def contender(name: str) -> Callable[[Any], Any]:
    """The function of a name."""
    import peers

    kind, _, rest = name.partition(":")
    if kind == "here":
        words = rest.split()
        options = dict(word.split("=") for word in words if "=" in word)
        names = tuple(word for word in words if "=" not in word) or SUITE
        workers = options.pop("workers", None)
        return here(names, workers=None if workers is None else int(workers), **options)
    if kind == "librosa" and rest:
        return peers.librosa_features(tuning=0.0)[rest]
    return peers.CONTENDERS[name]()


def nbytes(results: Any) -> int:
    """Bytes of all results."""
    if isinstance(results, (list, tuple)):
        return sum(map(nbytes, results))
    return math.prod(results.shape) * getattr(results.dtype, "itemsize", 4)


def main() -> None:
    """Serve until the input ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # what libraries print is not an answer

    def say(**answer: Any) -> None:
        print(json.dumps(answer), file=out, flush=True)

    try:
        compute = contender(sys.argv[1])
        y = np.fromfile(sys.argv[2], np.float32)
        compute(y[: WARM_UP_S * SAMPLE_RATE_HZ])
        if sys.argv[1].startswith("here:"):  # a notebook takes a recording in once and asks for features many times
            from audiocache_nb.audio.ingest import load

            y = load(y[:, None], sample_rate=SAMPLE_RATE_HZ)
    except BaseException as error:  # a library that is not there, or that does not run here
        say(problem=f"{type(error).__name__}: {error}"[:200])
        return
    say(ready=sys.argv[1])
    for _ in sys.stdin:
        _give_back()
        with PeakOfProcess() as memory:
            began_s, used_s = time.perf_counter(), time.process_time()
            results = compute(y)
            seconds, processor_s = time.perf_counter() - began_s, time.process_time() - used_s
        output = nbytes(results)
        del results
        say(seconds=seconds, processor_s=processor_s, output=output, over=memory.peak - memory.before - output)


if __name__ == "__main__":
    main()
