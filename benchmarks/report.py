"""What was measured, beside what was hoped for: as text, as Markdown, as JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
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
        if self.target is None:
            return ""
        good = self.value >= self.target if self.better == "more" else self.value <= self.target
        return "OK" if good else "MISS"

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, measured, target, verdict, detail."""
        sign = "≥" if self.better == "more" else "≤"
        target = "" if self.target is None else f"{sign} {self.target:g} {self.unit}"
        return self.name, f"{self.value:.3g} {self.unit}", target, self.verdict, self.detail

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "verdict": self.verdict}


@dataclasses.dataclass
class Section:
    """Some rows that belong together."""

    title: str
    rows: list[Row]
    note: str = ""

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
        "cores": cores,
        "versions": versions,
    }


def load_of_the_machine() -> float | None:
    """How many programs wanted to run in the last minute, on average; None where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
