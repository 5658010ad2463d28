"""Shared steps at work: each is computed once per run of frames, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.program import Memory, Node, NodeScratch, Program
from audiocache_nb.analysis.segments import Segment
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import ROW_GROUP, Frames, Mono, Span, Step

BATCH_SAMPLES = 1 << 19
LONG_BATCH_SAMPLES = 480 << 11
PIECE_FRAMES = 6 * ROW_GROUP
MAX_BATCH_FRAMES = 4096


def batch_frames(framing: Framing, program: Program | None = None) -> int:
    """Frames per run, so that one block of them stays in the processor's cache.

    The more there are, the less often threads have to wait for one another. Nearly twice as many where but one array
    of the bulky ones is in memory at a time: for frames of 2048 samples not quite 500, since numpy gives the
    interpreter's lock away, and has to wait for it again, with arrays of more values than that.
    """
    samples = LONG_BATCH_SAMPLES if program is not None and program.bulky == 1 else BATCH_SAMPLES
    return max(1, min(MAX_BATCH_FRAMES, samples // max(framing.window_samples, int(framing.hop_samples))))


class Run:
    """The shared intermediate results of one segment's frames, batch after batch.

    Parameters
    ----------
    segment : Segment
    framing : Framing
    memory : Memory
        This thread's.
    program : Program
    """

    def __init__(self, segment: Segment, framing: Framing, memory: Memory, program: Program) -> None:
        self._segment = segment
        self._framing = framing
        self._memory = memory
        self._nodes = program.nodes
        self._kept = [node for node in program.nodes if node.kept]
        self._made: list[NDArray[Any] | None] = [None] * len(program.nodes)
        self._tails: dict[int, NDArray[Any]] = {}
        self._next_tails: dict[int, NDArray[Any]] = {}
        self._gone: set[int] = set()
        self.first = self.end = 0

    @property
    def scratch(self) -> Scratch:
        """Memory for calculators' own intermediate results."""
        return self._memory.common

    def advance(self, first: int, end: int) -> None:
        """Go on to the frames ``first .. end - 1``, which follow those of the last batch."""
        for node in self._kept:
            self._keep_tail(node)
        self._tails, self._next_tails = self._next_tails, {}
        self._made = [None] * len(self._nodes)
        self._gone.clear()
        self.first, self.end = first, end

    def keep(self, inputs: Iterable[Node | Step]) -> None:
        """Compute the batch's rows of these, so that they are there after the next `advance`."""
        for node in inputs:
            if isinstance(node, Node):
                self._get(node)

    def rows(self, of: Node | Step, first: int, end: int) -> NDArray[Any]:
        """The rows for the frames ``first .. end - 1`` of the batch or those kept before it, read-only.

        Of samples, the part that these frames cover.
        """
        if isinstance(of, Node):
            made = self._get(of)
            skip = len(made) - (self.end - first)
            return made[skip : skip + end - first]
        framing, segment = self._framing, self._segment
        if isinstance(of, Span):
            values = segment.mono if isinstance(of.of, Mono) else segment.samples
            part = segment.span(values, framing.first_sample(first), framing.end_sample(end - 1))
            part.flags.writeable = False
            return part
        assert isinstance(of, Frames), f"{of} belongs to whole calculators"
        start, stride = framing.first_sample(first) - segment.origin, segment.mono.itemsize
        shape, strides = (end - first, framing.window_samples), (int(framing.hop_samples) * stride, stride)
        # As `as_strided`, which takes ten times as long.
        frames: NDArray[Any] = np.ndarray(shape, segment.mono.dtype, segment.mono, start * stride, strides)
        frames.flags.writeable = False
        return frames

    def _get(self, node: Node) -> NDArray[Any]:
        """All rows there are of a step: those kept and those of the batch."""
        made = self._made[node.number]
        if made is None:
            # What has been written over lies in memory that is another's now.
            scratch = self._memory.of(node) if node.number not in self._gone else NodeScratch(node)
            if node.over is not None and node.over.number not in self._gone:
                made = self._written_over(node, node.over, scratch)
            elif node.in_pieces and self.end > self.first:
                made = scratch.gathered(self._pieces(node), self.end - self.first)
            else:
                made = node.step.compute(self._inputs(node, self.first, self.end), scratch)
            tail = self._tails.get(node.number)
            if tail is not None:
                made = scratch.joined(tail, made)
            made = made.view()
            made.flags.writeable = False
            self._made[node.number] = made
        return made

    def _written_over(self, node: Node, over: Node, scratch: NodeScratch) -> NDArray[Any]:
        """A step's rows in the place of those of its input, which nobody needs any more."""
        inputs = (self.rows(over, self.first, self.end),)
        self._keep_tail(over)
        rows = inputs[0].view()
        rows.flags.writeable = True
        self._made[over.number] = None
        self._gone.add(over.number)
        return scratch.written_over(rows, inputs)

    def _keep_tail(self, node: Node) -> None:
        made = self._made[node.number]
        if made is not None and node.kept:
            self._next_tails[node.number] = made[-node.kept :].copy()

    def _inputs(self, node: Node, first: int, end: int) -> tuple[NDArray[Any], ...]:
        """What a step takes for these frames; what only passes through is made now and not kept."""
        return tuple(
            [
                of.step.compute(self._inputs(of, first, end), self._memory.of(of))
                if isinstance(of, Node) and of.passing
                else self.rows(of, first, end)
                for of in node.inputs
            ]
        )

    def _pieces(self, node: Node) -> Iterator[tuple[NDArray[Any], ...]]:
        for first in range(self.first, self.end, PIECE_FRAMES):
            yield self._inputs(node, first, min(first + PIECE_FRAMES, self.end))
