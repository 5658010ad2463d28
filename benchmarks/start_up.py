"""What an import costs, beside that of numpy and traitlets, which every notebook has."""

from __future__ import annotations

import resource
import subprocess
import sys

from report import Row, Section
from rounds import Sample, in_turn

TARGET = 1.25
SESSION_TARGET = 1.5
PROGRAMS = {
    "nothing": "pass",
    "numpy and traitlets": "import numpy, traitlets",
    "audiocache_nb": "import audiocache_nb",
    "its session": "from audiocache_nb import Session",
    "its session, made": "from audiocache_nb import Session; Session(cache_dir=False)",
    "its calculators, listed": "import audiocache_nb as acn; acn.Session; acn.calculators.list()",
    "its widgets": "import audiocache_nb as acn; acn.Session; acn.StatusBadge",
    "the widgets' own libraries": "import numpy, traitlets, anywidget, ipywidgets",
}


def children_s() -> float:
    """What the processes that have ended used of the processors [s]: others do not count, as they would in time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(*, quick: bool) -> Section:
    """Start an interpreter for each, in turn."""
    rounds = 5 if quick else 15
    used_s: dict[str, list[float]] = {name: [] for name in PROGRAMS}

    def start(name: str) -> None:
        before_s = children_s()
        subprocess.run([sys.executable, "-c", PROGRAMS[name]], check=True)
        used_s[name].append(children_s() - before_s)

    in_turn({name: (lambda name=name: start(name)) for name in PROGRAMS}, rounds)
    seconds = {name: Sample(tuple(values[1:])) for name, values in used_s.items()}  # the first one warms up
    bare = seconds.pop("nothing")

    def net(name: str) -> Sample:
        return Sample(tuple(max(1e-4, a - b) for a, b in zip(seconds[name].values, bare.values, strict=True)))

    def row(name: str, base: str, target: float | None) -> Row:
        times = Sample(tuple(a / b for a, b in zip(net(name).values, net(base).values, strict=True)))
        detail = f"{net(name).median * 1000:.0f} ms, {base} {net(base).median * 1000:.0f} ms"
        return Row(f"import {name}, to {base}", times.median, "×", target, "less", detail)

    rows = [
        row("audiocache_nb", "numpy and traitlets", TARGET),
        row("its session", "numpy and traitlets", SESSION_TARGET),
        row("its session, made", "numpy and traitlets", SESSION_TARGET),
        row("its calculators, listed", "numpy and traitlets", None),
        row("its widgets", "the widgets' own libraries", SESSION_TARGET),
    ]
    return Section("Import", rows, "Processor time over a bare interpreter, in processes of their own.")
