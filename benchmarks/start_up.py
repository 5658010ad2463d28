"""What an import costs, beside that of numpy and traitlets, which every notebook has."""

from __future__ import annotations

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
    "its session": "import audiocache_nb as acn; acn.Session; acn.calculators.list()",
    "its widgets": "import audiocache_nb as acn; acn.Session; acn.StatusBadge",
    "the widgets' own libraries": "import numpy, traitlets, anywidget, ipywidgets",
}


def measure(*, quick: bool) -> Section:
    """Start an interpreter for each, in turn."""
    rounds = 5 if quick else 15

    def start(program: str) -> None:
        subprocess.run([sys.executable, "-c", program], check=True)

    things = {name: (lambda program=program: start(program)) for name, program in PROGRAMS.items()}
    seconds = in_turn(things, rounds)
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
        row("its widgets", "the widgets' own libraries", SESSION_TARGET),
    ]
    return Section("Import", rows, "Over a bare interpreter, in processes of their own.")
