"""What a calculator can see and say while it computes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.control import Control
from audiocache_nb.features.scratch import Scratch


class Context:
    """The ``ctx`` of a calculator.

    Attributes
    ----------
    sample_rate, hop_size : int
    first_frame, frame_count : int
        Which frames are asked for.
    audio_frames : int
        Samples of the whole recording.
    tempo : Tempo or None
        The tempo map at the time of the request, if the calculator depends on it.
    scratch : Scratch
        Memory of this thread; what it holds is anybody's between two calls.
    """

    def __init__(
        self,
        control: Control,
        *,
        sample_rate: int,
        hop_samples: float,
        first_frame: int,
        frame_count: int,
        audio_frames: int,
        tempo: Any = None,
        report: Callable[[float], None] | None = None,
        scratch: Scratch | None = None,
    ) -> None:
        self._control = control
        self._hop_samples = hop_samples
        self._report = report
        self.sample_rate = sample_rate
        self.first_frame = first_frame
        self.frame_count = frame_count
        self.audio_frames = audio_frames
        self.tempo = tempo
        self.scratch = Scratch() if scratch is None else scratch

    def look_at(self, first: int, end: int) -> None:
        """Go on to the frames ``first .. end - 1``."""
        self.first_frame, self.frame_count = first, end - first
        self.__dict__.pop("times_s", None)

    @property
    def hop_size(self) -> int:
        """Hop in samples."""
        return int(self._hop_samples)

    @functools.cached_property
    def times_s(self) -> NDArray[np.float64]:
        """Times of the frames asked for [s, shape=(frame_count,)]."""
        frames = np.arange(self.first_frame, self.first_frame + self.frame_count, dtype=np.float64)
        return frames * (self._hop_samples / self.sample_rate)

    def progress(self, value: float) -> None:
        """Say how much of this call is done, 0..1; may be called as often as one likes."""
        if self._report is not None:
            self._report(value)

    def checkpoint(self) -> None:
        """Give the job a chance to end here if it was cancelled; call it every 100 ms or so."""
        self._control.checkpoint()
