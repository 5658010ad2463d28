"""What saving and loading tell: what was kept, what was left out, and what was wrong."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from audiocache_nb.audio.names import display_text

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True, slots=True)
class FeatureNote:
    """What became of one feature.

    Attributes
    ----------
    recording : str
        The source's name.
    feature, calculator, profile : str
    outcome : str
        ``"saved"``, ``"left out"``, ``"loaded"``, ``"from the cache"`` or ``"missing"``; of imported features that
        were compared, ``"verified"``, ``"differs"`` or ``"not checked"``.
    reason : str
        Why it was left out or is missing.
    nbytes : int [bytes]
    cost_s : float [s] or None
        What it cost to compute.
    """

    recording: str
    feature: str
    calculator: str
    profile: str
    outcome: str
    reason: str = ""
    nbytes: int = 0
    cost_s: float | None = None


@dataclasses.dataclass(frozen=True)
class SceneReport:
    """What was saved or loaded.

    Attributes
    ----------
    path : str
    action : {"saved", "loaded"}
    features : tuple of FeatureNote
    warnings : tuple of str
        What is not as it should be; nothing of it is hidden by a default.
    nbytes : int [bytes]
        Of the file.
    """

    path: str
    action: str
    features: tuple[FeatureNote, ...] = ()
    warnings: tuple[str, ...] = ()
    nbytes: int = 0

    @property
    def kept(self) -> tuple[FeatureNote, ...]:
        """The features that are in the file, or came out of it."""
        return tuple(note for note in self.features if note.outcome not in ("left out", "missing"))

    @property
    def left_out(self) -> tuple[FeatureNote, ...]:
        """The features that are not."""
        return tuple(note for note in self.features if note.outcome in ("left out", "missing"))

    @property
    def bytes_left_out(self) -> int:
        """What the features that were left out would have taken [bytes]."""
        return sum(note.nbytes for note in self.left_out)

    @property
    def seconds_left_out(self) -> float:
        """How long it would take to compute what was left out [s], as far as that is known."""
        return sum(note.cost_s or 0.0 for note in self.left_out)

    def to_pandas(self) -> pd.DataFrame:
        """One row per feature (needs pandas)."""
        return table_of(self.features)

    def __str__(self) -> str:
        count = len(self.kept)
        lines = [f"{self.action} {shown(self.path)}: {count} feature{'' if count == 1 else 's'}, {_size(self.nbytes)}"]
        if self.left_out:
            cost = f", about {self.seconds_left_out:.3g} s to compute" if self.seconds_left_out else ""
            lines.append(f"without {len(self.left_out)} ({_size(self.bytes_left_out)}{cost}):")
        lines += [
            f"  {shown(note.recording)} · {shown(note.calculator)}"
            + (f" @ {shown(note.profile)}" if note.profile != "default" else "")
            + f": {shown(note.reason or note.outcome)}"
            for note in self.left_out
        ]
        lines += [f"warning: {shown(warning)}" for warning in self.warnings]
        return "\n".join(lines)

    __repr__ = __str__


class LateReport(SceneReport):
    """What was loaded; what became of each feature is found out when somebody wants to know.

    Parameters
    ----------
    notes : callable () -> tuple of FeatureNote
    """

    def __init__(
        self,
        path: str,
        action: str,
        notes: Callable[[], tuple[FeatureNote, ...]],
        warnings: tuple[str, ...],
        nbytes: int,
    ) -> None:
        self.__dict__.update(path=path, action=action, warnings=warnings, nbytes=nbytes, notes=notes)

    @functools.cached_property
    def features(self) -> tuple[FeatureNote, ...]:
        """What became of each feature."""
        found: tuple[FeatureNote, ...] = self.__dict__["notes"]()
        self.__dict__.pop("notes", None)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return SceneReport, (self.path, self.action, self.features, self.warnings, self.nbytes)


def table_of(notes: Iterable[FeatureNote]) -> pd.DataFrame:
    """One row per note (needs pandas)."""
    from audiocache_nb.features.export import package

    pandas = package("pandas")
    names = [field.name for field in dataclasses.fields(FeatureNote)]
    rows = [[getattr(note, name) for name in names] for note in notes]
    table: pd.DataFrame = pandas.DataFrame(rows, columns=names)
    return table


def shown(text: str) -> str:
    """What a file says, without what a terminal would obey."""
    return display_text(text, limit=400)


def _size(nbytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= size:
            return f"{nbytes / size:.3g} {unit}"
    return f"{nbytes} B"
