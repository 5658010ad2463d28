"""Shared steps at work: each is computed once per run of frames, whoever asks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.segments import Segment
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Frames, Mono, RowStep, Span, Step

BATCH_SAMPLES = 1 << 17
MAX_BATCH_FRAMES = 4096


def batch_frames(framing: Framing) -> int:
    """Frames per run, so that one block of them stays in the processor's cache."""
    return max(1, min(MAX_BATCH_FRAMES, BATCH_SAMPLES // max(framing.window_samples, int(framing.hop_samples))))


class Run:
    """The shared intermediate results for frames ``first .. end - 1`` of one framing."""

    def __init__(self, segment: Segment, framing: Framing, first: int, end: int, scratch: Scratch) -> None:
        self._segment = segment
        self._framing = framing
        self.first, self.end = first, end
        self._scratch = scratch
        self._made: dict[Step, NDArray[Any]] = {}

    def get(self, step: Step) -> NDArray[Any]:
        """The result of a step, read-only."""
        made = self._made.get(step)
        if made is None:
            made = self._make(step)
            made.flags.writeable = False
            self._made[step] = made
        return made

    def _make(self, step: Step) -> NDArray[Any]:
        match step:
            case Span(of=of):
                framing = self._framing
                values = self._segment.mono if isinstance(of, Mono) else self._segment.samples
                start, stop = framing.first_sample(self.first), framing.end_sample(self.end - 1)
                return self._segment.span(values, start, stop)
            case Frames(framing=framing):
                start = framing.first_sample(self.first) - self._segment.origin
                hop = int(framing.hop_samples)
                shape = (self.end - self.first, framing.window_samples)
                stride = self._segment.mono.itemsize
                return np.lib.stride_tricks.as_strided(
                    self._segment.mono[start:], shape, (hop * stride, stride), writeable=False
                )
            case RowStep():
                return step.compute(tuple(self.get(of) for of in step.inputs), self._scratch).view()
            case _:
                raise AssertionError(f"{step} belongs to whole calculators")


def rows_of(step: Step, run: Run, skip: int, rows: int) -> NDArray[Any]:
    """The part of a step's result for the frames ``run.first + skip`` and the next ``rows - 1``."""
    value = run.get(step)
    if isinstance(step, Span):
        framing, first = step.framing, run.first + skip
        origin = framing.first_sample(run.first)
        return value[framing.first_sample(first) - origin : framing.end_sample(first + rows - 1) - origin]
    return value[skip : skip + rows]
