"""Memory at the worst moment, less the results themselves; each case in a process of its own."""

from __future__ import annotations

import json
import math
import pathlib
import subprocess
import sys
import tracemalloc
from typing import Any

from contender import PeakOfProcess
from report import Row, Section
from signals import SAMPLE_RATE_HZ, endless, music, written

import audiocache_nb as acn
from audiocache_nb.audio.ingest import load

TARGET_MB = 16.0
MVMNT = ["mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform"]
DEFAULTS = ["spectrogram", "rms", "waveform"]


def analyse(source: Any, names: list[str]) -> int:
    """Bytes of the results."""
    with acn.Session(cache_dir=False, ask_above_s=math.inf, ask_above_mb=math.inf) as session:
        track = session.add_audio(source)
        session.request(track, names)
        session.wait()
        found = [session.peek(track, name) for name in names]
        return sum(one.nbytes for one in found if one is not None)


def child(case: dict[str, Any]) -> dict[str, float]:
    """Measure one case; what is imported or made once does not count."""
    source = load(case["path"]) if case["path"] else endless(case["seconds"] / 3600, case["channels"])
    analyse(endless(2 / 3600, case["channels"], "warm-up"), case["names"])
    if case["count"]:
        tracemalloc.start()
        output = analyse(source, case["names"])
        peak, before = tracemalloc.get_traced_memory()[1], 0
    else:
        with PeakOfProcess() as process:
            output = analyse(source, case["names"])
        peak, before = process.peak, process.before
    return {"output": output, "over": peak - before - output}


def _measured(case: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, __file__, json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(folder: pathlib.Path, *, quick: bool) -> Section:
    """One row per case and way of counting."""
    seconds = 30 if quick else 180
    long = 120 if quick else 1200
    cases = [
        ("mvmnt.*, streamed mono", seconds, 1, MVMNT, ""),
        ("defaults, streamed stereo", seconds, 2, DEFAULTS, ""),
        ("defaults, stereo FLAC file", seconds, 2, DEFAULTS, "flac"),
        (f"rms and waveform, {long // 60} minutes of stereo", long, 2, ["rms", "waveform", "mvmnt.rms"], ""),
    ]
    rows = []
    for name, length, channels, names, kind in cases:
        path = str(written(folder, music(length, channels), kind)) if kind else ""
        for count, how in ((False, "of the process"), (True, "allocated by Python and numpy")):
            case = {"seconds": length, "channels": channels, "names": names, "path": path, "count": count}
            found = _measured(case)
            detail = f"results {found['output'] / 1e6:.1f} MB, {SAMPLE_RATE_HZ / 1000:g} kHz"
            rows.append(Row(f"{name}: memory {how}", found["over"] / 1e6, "MB", TARGET_MB, "less", detail))
    return Section("Peak memory over the results", rows)


if __name__ == "__main__":
    print(json.dumps(child(json.loads(sys.argv[1]))))
