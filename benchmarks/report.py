"""What was measured, beside what was hoped for: as text, as Markdown, as JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
import os
import pathlib
import platform
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    name : str
    value : float
    unit : str
    target : float or None
        None: for information only.
    better : {"more", "less"}
        On which side of the target it is good to be.
    detail : str
        Spread, and what else is worth knowing.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["more", "less"] = "less"
    detail: str = ""

    @property
    def verdict(self) -> str:
        """OK, MISS, or nothing where there is no target."""
        if self.target is None or math.isnan(self.value):
            return ""
        good = self.value >= self.target if self.better == "more" else self.value <= self.target
        return "OK" if good else "MISS"

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, measured, target, verdict, detail."""
        sign = "≥" if self.better == "more" else "≤"
        target = "" if self.target is None else f"{sign} {self.target:g} {self.unit}"
        measured = "–" if math.isnan(self.value) else f"{self.value:.3g} {self.unit}"
        return self.name, measured, target, self.verdict, self.detail

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        value = None if math.isnan(self.value) else self.value
        return {**dataclasses.asdict(self), "value": value, "verdict": self.verdict}


@dataclasses.dataclass
class Section:
    """Some rows that belong together; those that matter most are shown in the README."""

    title: str
    rows: list[Row]
    note: str = ""
    in_readme: bool = False

    def text(self) -> str:
        """For the terminal."""
        lines = [self.title, *([f"  {self.note}"] if self.note else [])]
        for name, measured, target, verdict, detail in (row.cells for row in self.rows):
            lines.append(f"  {verdict:4}  {measured:>12}  {target:>12}  {name}{f'  ({detail})' if detail else ''}")
        return "\n".join(lines)

    def markdown(self) -> str:
        """For a document."""
        head = f"### {self.title}\n\n" + (f"{self.note}\n\n" if self.note else "")
        table = ["| | measured | target | | |", "|---|---|---|---|---|"]
        return head + "\n".join([*table, *("| " + " | ".join(row.cells) + " |" for row in self.rows)])


README_BEGIN, README_END = "<!-- benchmarks: written by benchmarks/run.py -->", "<!-- end of benchmarks -->"


def readme(text: str, sections: list[Section], facts: dict[str, Any]) -> str:
    """The README's text with the results between its two marks.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    head, found, rest = text.partition(README_BEGIN)
    _, ended, tail = rest.partition(README_END)
    if not (found and ended):
        raise ValueError(f"The README has no {README_BEGIN} and {README_END}.")
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if name != "audiocache_nb")
    where = f"{facts['processor']}, {facts['cores']} cores, {facts['system']}"
    lines = [f"Measured on {where}, with Python {facts['python']}, {versions}."]
    for section in sections:
        if section.in_readme:
            lines += ["", f"**{section.title}**", "", "| | measured | target |", "| --- | --- | --- |"]
            lines += [f"| {name} | {measured} | {target} |" for name, measured, target, *_ in map(_cells, section.rows)]
    return f"{head}{README_BEGIN}\n\n" + "\n".join(lines) + f"\n\n{README_END}{tail}"


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    name, measured, target, verdict, detail = row.cells
    return name, detail.partition(":")[0] if math.isnan(row.value) else measured, target, verdict, detail


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine() -> dict[str, Any]:
    """Where this was measured."""
    versions = {}
    for name in ("numpy", "scipy", "soundfile", "librosa", "audiocache_nb"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": cores,
        "versions": versions,
    }


def load_of_the_machine() -> float | None:
    """How many programs wanted to run in the last minute, on average; None where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
