"""Sound to learn with: short synthesised pieces, and what is true about them.

>>> from audiocache_nb.audio import examples
>>> samples, sample_rate = examples.load("melody")
>>> examples.truth("melody").notes[0].midi
64
"""

from __future__ import annotations

import difflib
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio import example_pitch, example_rhythm, example_voice
from audiocache_nb.audio.example_truth import Chord, ExampleTruth, Hit, Note, Tone, Vowel
from audiocache_nb.audio.synthesis import Samples, finish
from audiocache_nb.errors import InvalidParameterError

__all__ = ["Chord", "ExampleTruth", "Hit", "Note", "Tone", "Vowel", "list", "load", "truth", "write"]


class _Example(NamedTuple):
    truth: Callable[[], ExampleTruth]
    render: Callable[[ExampleTruth], Samples]


_EXAMPLES = {
    "drum-loop": _Example(example_rhythm.drum_loop_truth, example_rhythm.drum_loop),
    "melody": _Example(example_pitch.melody_truth, example_pitch.melody),
    "chords": _Example(example_pitch.chords_truth, example_pitch.chords),
    "sweep": _Example(example_pitch.sweep_truth, example_pitch.sweep),
    "vowels": _Example(example_voice.vowels_truth, example_voice.vowels),
    "accelerando": _Example(example_rhythm.accelerando_truth, example_rhythm.accelerando),
    "calibration": _Example(example_pitch.calibration_truth, example_pitch.calibration),
}
_names = list
_WRITTEN = (".flac", ".wav", ".aiff", ".ogg")


def list() -> _names[str]:  # noqa: A001 (what people type is examples.list())
    """Return the names of all examples."""
    return [*_EXAMPLES]


def load(name: str) -> tuple[NDArray[np.float32], int]:
    """Synthesise an example.

    Parameters
    ----------
    name : str
        One of `list`.

    Returns
    -------
    samples : ndarray of float32 [shape=(n,) or (n, 2)]
        The same numbers each time and everywhere, within -1 .. 1, nowhere clipped.
    sample_rate : int [Hz]

    Raises
    ------
    InvalidParameterError
        If there is no such example; the hint lists them.
    """
    example = _find(name)
    known = example.truth()
    return finish(example.render(known)), known.sample_rate


def write(name: str, path: str | os.PathLike[str]) -> pathlib.Path:
    """Synthesise an example into a file, to be taken in like any recording.

    Parameters
    ----------
    name : str
        One of `list`.
    path : str or Path
        Its ending says the format: ``.flac``, ``.wav``, ``.aiff`` or ``.ogg``. A file that is there is replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InvalidParameterError
        If there is no such example or no such format.
    """
    import soundfile

    samples, sample_rate = load(name)
    target = pathlib.Path(path)
    if target.suffix.lower() not in _WRITTEN:
        raise InvalidParameterError(
            f"Examples are not written as {target.suffix!r:.20}.", hint=f"Use one of {', '.join(_WRITTEN)}."
        )
    soundfile.write(target, samples, sample_rate)
    return target


def truth(name: str) -> ExampleTruth:
    """Tell what is known about an example: tempo, beats, onsets, pitches, chords, formants, levels.

    Parameters
    ----------
    name : str
        One of `list`.

    Returns
    -------
    ExampleTruth

    Raises
    ------
    InvalidParameterError
        If there is no such example; the hint lists them.
    """
    return _find(name).truth()


def _find(name: str) -> _Example:
    found = _EXAMPLES.get(str(name))
    if found is None:
        close = difflib.get_close_matches(str(name)[:60], _EXAMPLES, n=1)
        meant = f"Did you mean {close[0]!r}? " if close else ""
        raise InvalidParameterError(
            f"There is no example {name!r:.60}.", hint=f"{meant}Examples: {', '.join(_EXAMPLES)}.", parameter="name"
        )
    return found
