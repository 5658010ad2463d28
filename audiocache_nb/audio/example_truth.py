"""What is known about an example because it was built so."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Hit(NamedTuple):
    """A stroke: when [s], and on what."""

    start_s: float
    instrument: str


class Note(NamedTuple):
    """One pitch from `start_s` to `end_s`; `midi` 69 is A4, 440 Hz."""

    start_s: float
    end_s: float
    hz: float
    midi: int


class Chord(NamedTuple):
    """Some pitches at once; `name` is root and kind, like ``"A:min"``."""

    start_s: float
    end_s: float
    name: str
    midi: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Distinct pitch classes in ascending order, C = 0."""
        return tuple(sorted({note % 12 for note in self.midi}))


class Vowel(NamedTuple):
    """A vowel with its resonances."""

    start_s: float
    end_s: float
    symbol: str
    formants_hz: tuple[float, ...]
    bandwidths_hz: tuple[float, ...]


class Tone(NamedTuple):
    """A sine at a known level, where a full-scale sine is 0 dBFS; fades of `fade_s` lie within."""

    start_s: float
    end_s: float
    hz: float
    level_dbfs: float
    fade_s: float = 0.01


_EMPTY: NDArray[np.float64] = np.empty(0)
_EMPTY.setflags(write=False)


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleTruth:
    """Ground truth of an example; what does not apply is empty or None.

    Attributes
    ----------
    name, description : str
    sample_rate : int [Hz]
    channels : int
    duration_s : float [s]
    bpm : float or None [quarter notes per minute]
        None also where the tempo changes.
    beats_per_bar : int or None
    tempo_map : tuple of (seconds, bpm, curve)
        As `Tempo.set_map` takes it.
    beats_s, downbeats_s : ndarray [s]
    onsets_s : ndarray [s]
        First sample of every sound; sounds that begin together are one onset.
    hits, notes, chords, vowels, tones : tuple
        See the classes of these names.
    f0_times_s, f0_hz : ndarray
        Fundamental frequency on a grid; NaN where nothing sounds.
    """

    name: str
    description: str
    sample_rate: int
    channels: int
    duration_s: float
    bpm: float | None = None
    beats_per_bar: int | None = None
    tempo_map: tuple[tuple[float, float, str], ...] = ()
    beats_s: NDArray[np.float64] = dataclasses.field(default_factory=lambda: _EMPTY)
    downbeats_s: NDArray[np.float64] = dataclasses.field(default_factory=lambda: _EMPTY)
    onsets_s: NDArray[np.float64] = dataclasses.field(default_factory=lambda: _EMPTY)
    hits: tuple[Hit, ...] = ()
    notes: tuple[Note, ...] = ()
    chords: tuple[Chord, ...] = ()
    vowels: tuple[Vowel, ...] = ()
    tones: tuple[Tone, ...] = ()
    f0_times_s: NDArray[np.float64] = dataclasses.field(default_factory=lambda: _EMPTY)
    f0_hz: NDArray[np.float64] = dataclasses.field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __getitem__(self, name: str) -> Any:
        if name not in {field.name for field in dataclasses.fields(self)}:
            raise KeyError(name)
        return getattr(self, name)

    def as_dict(self) -> dict[str, Any]:
        """Everything that is known, without what is empty."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: value
            for name, value in values.items()
            if value is not None and not (isinstance(value, (tuple, np.ndarray)) and len(value) == 0)
        }


def numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Copy values to an array of float64."""
    return np.array(values, dtype=np.float64)


def unique_times(times_s: ArrayLike) -> NDArray[np.float64]:
    """Times in ascending order, each once [s]."""
    return np.unique(np.asarray(times_s, dtype=np.float64))
