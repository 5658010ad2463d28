"""Shared steps at work: each is computed once per run of frames, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.segments import Segment
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Frames, Mono, RowStep, Span, Step

BATCH_SAMPLES = 1 << 18
MAX_BATCH_FRAMES = 4096


def batch_frames(framing: Framing) -> int:
    """Frames per run, so that one block of them stays in the processor's cache."""
    return max(1, min(MAX_BATCH_FRAMES, BATCH_SAMPLES // max(framing.window_samples, int(framing.hop_samples))))


class Run:
    """The shared intermediate results of one segment's frames, batch after batch.

    Parameters
    ----------
    segment : Segment
    framing : Framing
    scratch : Scratch
        This thread's memory.
    kept : mapping of Step to int
        How many rows before the batch are still wanted; of other steps none are.
    """

    def __init__(self, segment: Segment, framing: Framing, scratch: Scratch, kept: Mapping[Step, int]) -> None:
        self._segment = segment
        self._framing = framing
        self.scratch = scratch
        self._kept = kept
        self._made: dict[Step, NDArray[Any]] = {}
        self._tails: dict[Step, NDArray[Any]] = {}
        self.first = self.end = 0

    def advance(self, first: int, end: int) -> None:
        """Go on to the frames ``first .. end - 1``, which follow those of the last batch."""
        self._tails = {step: self._made[step][-keep:].copy() for step, keep in self._kept.items() if step in self._made}
        self._made.clear()
        self.first, self.end = first, end

    def keep(self, steps: Iterable[Step]) -> None:
        """Compute the batch's rows of these steps, so that they are there after the next `advance`."""
        for step in steps:
            if isinstance(step, RowStep):
                self._get(step)

    def rows(self, step: Step, first: int, end: int) -> NDArray[Any]:
        """A step's rows for the frames ``first .. end - 1`` of the batch or those kept before it, read-only.

        Of samples, the part that these frames cover.
        """
        if isinstance(step, RowStep):
            made = self._get(step)
            skip = len(made) - (self.end - first)
            return made[skip : skip + end - first]
        framing, segment = self._framing, self._segment
        if isinstance(step, Span):
            values = segment.mono if isinstance(step.of, Mono) else segment.samples
            part = segment.span(values, framing.first_sample(first), framing.end_sample(end - 1))
            part.flags.writeable = False
            return part
        assert isinstance(step, Frames), f"{step} belongs to whole calculators"
        start, stride = framing.first_sample(first) - segment.origin, segment.mono.itemsize
        shape, strides = (end - first, framing.window_samples), (int(framing.hop_samples) * stride, stride)
        return np.lib.stride_tricks.as_strided(segment.mono[start:], shape, strides, writeable=False)

    def _get(self, step: RowStep) -> NDArray[Any]:
        """All rows there are of a step: those kept and those of the batch."""
        made = self._made.get(step)
        if made is None:
            inputs = tuple(self.rows(of, self.first, self.end) for of in step.inputs)
            made = step.compute(inputs, self.scratch).view()
            tail = self._tails.get(step)
            if tail is not None:
                shape = (len(tail) + len(made), *made.shape[1:])
                joined = self.scratch.array(("joined", step), shape, made.dtype).view()
                joined[: len(tail)], joined[len(tail) :] = tail, made
                made = joined
            made.flags.writeable = False
            self._made[step] = made
        return made
