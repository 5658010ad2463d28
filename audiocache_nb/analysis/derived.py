"""Local calculators of features: rows made of rows, block by block, after what they are made of."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from audiocache_nb.analysis.context import Context
from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.engine import Output
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.plan import Item, LocalTask, heard_by, layout_of, local_task
from audiocache_nb.analysis.results import NamedErrors, needed_by
from audiocache_nb.analysis.segments import Focus, Pending
from audiocache_nb.errors import CalculatorContractError
from audiocache_nb.features.calculator import Layout
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import ROW_GROUP
from audiocache_nb.features.track import FeatureTrack, Growing

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource

BLOCK_VALUES = 1 << 18
MAX_BLOCK_ROWS = 4096
MANY_NEIGHBOURS = 8  # times as big may a block be, lest most of what is read are neighbours


def block_rows(width: int, neighbours: int) -> int:
    """Rows of a block, so that memory is bounded and a cancellation soon noticed, whatever the features' width.

    Parameters
    ----------
    width : int
        Values of the widest row that goes in or comes out.
    neighbours : int
        Rows that are read in addition.
    """
    rows = BLOCK_VALUES // max(1, width)
    rows = min(MAX_BLOCK_ROWS, max(rows, min(neighbours, MANY_NEIGHBOURS * rows)))
    return max(1, rows // ROW_GROUP) * ROW_GROUP


class DerivedRows:
    """A local calculator at work on features that are there already, on any number of threads.

    One thread alone may `run` it. Of several the first calls `begin` and `work`, the others `work` while
    ``help_wanted``.

    Parameters
    ----------
    source : AudioSource
    item : Item
        Of a calculator with dependencies that is local.
    known : mapping of str to FeatureTrack
        What it depends on, by key.
    control : Control
    report : callable, optional
        Receives how much is done, 0..1.
    outputs : Outputs, optional
    focus : callable, optional
        What is looked at, in samples of the recording as the calculator hears it; that comes first.
    rows : int, optional
        Rows of a block.
    """

    def __init__(
        self,
        source: AudioSource,
        item: Item,
        known: Mapping[str, FeatureTrack],
        control: Control,
        *,
        report: Callable[[float], None] = lambda _value: None,
        outputs: Outputs | None = None,
        focus: Focus = lambda: None,
        rows: int | None = None,
    ) -> None:
        self._source, self.item, self._known = heard_by(source, item), item, known
        self._layout_of: Callable[[Item], Layout] = lambda one: layout_of(source, one)
        self._control, self._report = control, report
        self._outputs = outputs or Outputs()
        self._focus = focus
        self._size = rows
        self._lock = threading.Lock()
        self._output: Output | None = None
        self._blocks: _Blocks | None = None
        self._working = 0
        self._rows_done = 0
        self._handed_out = False
        self._error: BaseException | None = None
        self._done: list[tuple[int, int]] = []

    def run(self) -> FeatureTrack:
        """Compute all rows on this thread alone.

        Raises
        ------
        Cancelled
            If the job was cancelled.
        CalculatorError
            For whatever else goes wrong.
        """
        self.begin()
        track = self.work()
        assert track is not None, "nobody else is at work"
        return track

    def begin(self) -> None:
        """Prepare everything; from here on any number of threads may `work`.

        Raises
        ------
        CalculatorError
        """
        with NamedErrors(self.item, self._control), np.errstate(all="ignore"):
            needed = needed_by(self.item, self._known)
            layout = self._layout(needed)
            task = local_task(self._source, self.item, layout)
            self._check_grids(layout, needed)
            output = Output(task, (), self._outputs, self._source.health)
            if output.error is not None:
                raise output.error
            self._output = output
            self._blocks = _Blocks(task, needed, self._size)

    @property
    def help_wanted(self) -> bool:
        """Whether there are blocks for one more thread."""
        blocks = self._blocks
        return blocks is not None and self._error is None and blocks.left > self._working

    def work(self) -> FeatureTrack | None:
        """Compute blocks until there are none left.

        Returns
        -------
        FeatureTrack or None
            The last of all threads has the track, or raises what went wrong in any of them.

        Raises
        ------
        Cancelled, CalculatorError
        """
        blocks, output = self._blocks, self._output
        assert blocks is not None
        assert output is not None
        began_s = time.perf_counter()
        with self._lock:
            self._working += 1
        try:
            with np.errstate(all="ignore"):
                self._compute(blocks, output)
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
        with self._lock:
            self._working -= 1
            output.seconds += time.perf_counter() - began_s
            if self._working or self._handed_out:
                return None
            self._handed_out = True
        with NamedErrors(self.item, self._control):
            if self._error is not None:
                raise self._error
            return output.seal(self._source)

    def growing(self) -> Growing | None:
        """The result as far as it is there; None if nothing of it is."""
        with self._lock:
            blocks = tuple(self._done)
        track = self._output.growing(self._source) if blocks and self._output is not None else None
        if track is None:
            return None
        done = np.zeros(track.frame_count, dtype=np.bool_)
        for first, end in blocks:
            done[first:end] = True
        return Growing(track, done)

    def _layout(self, needed: tuple[FeatureTrack, ...]) -> Layout:
        """The layout, now that it is known how wide the rows are of what a function has made."""
        item, like = self.item, self._layout_of(self.item.dependencies[0])
        if not like.tail and needed[0].is_framewise:
            like = like.with_width(needed[0].width)
        return item.calculator.layout_like(like, self._source, item.descriptor.used_profile, item.params)

    def _check_grids(self, layout: Layout, needed: tuple[FeatureTrack, ...]) -> None:
        """Rows can only be cut alike where they are rows of the same moments."""
        name, hop_s = self.item.calculator.id, layout.framing.hop_samples / self._source.sample_rate
        framed = [track for track in needed if track.is_framewise]
        if not framed:
            raise CalculatorContractError(
                f"{needed[0].feature!r:.60} has no frames.", hint="Name a feature with real values on frames."
            )
        for track in framed:
            if not math.isclose(track.hop_seconds, hop_s, rel_tol=1e-9):
                raise CalculatorContractError(
                    f"{name} is local, but {track.feature!r:.60} has a frame every {track.hop_seconds:.4g} s and not "
                    f"every {hop_s:.4g} s.",
                    hint="Declare locality=acn.whole: then it receives all rows of both.",
                )

    def _compute(self, blocks: _Blocks, output: Output) -> None:
        task, scratch = blocks.task, Scratch()
        count = task.frame_count
        while self._error is None and (block := self._next(blocks)) is not None:
            self._control.checkpoint()
            first, end = block
            inputs, spare = parts_of(blocks.needed, first, end, task.before, task.after)
            context = Context(
                self._control,
                sample_rate=self._source.sample_rate,
                hop_samples=task.layout.framing.hop_samples,
                first_frame=first,
                frame_count=end - first,
                audio_frames=self._source.frames,
                tempo=output.tempo,
                report=self._reporter(self._rows_done / count, (end - first) / count),
                scratch=scratch,
            )
            output.put(inputs, first, end, spare, context)
            with self._lock:
                self._done.append(block)
                self._rows_done += end - first
            self._report(self._rows_done / count)

    def _next(self, blocks: _Blocks) -> tuple[int, int] | None:
        span = self._focus()
        with self._lock:
            return blocks.take(span)

    def _reporter(self, start: float, share: float) -> Callable[[float], None]:
        """Passes on what a calculator says of its progress within a block."""

        def report(value: float) -> None:
            try:
                self._report(start + share * min(1.0, max(0.0, float(value))))
            except (TypeError, ValueError, OverflowError):
                return

        return report


class _Blocks:
    """The rows of a task, cut into blocks; those that are looked at are handed out first."""

    def __init__(self, task: LocalTask, needed: tuple[FeatureTrack, ...], size: int | None) -> None:
        self.task, self.needed = task, needed
        width = max(math.prod(task.layout.tail), *(track.width for track in needed if track.is_framewise))
        self._size = size or block_rows(width, task.before + task.after)
        self.count = self.left = -(-task.frame_count // self._size)
        self._pending = Pending(self.count)

    def take(self, span: tuple[int, int] | None) -> tuple[int, int] | None:
        """The rows ``first .. end - 1`` of the next block, None if there is none; `span` is in samples."""
        near = None
        if span is not None:
            low, high = (self.task.layout.framing.first_frame_at(sample) // self._size for sample in span)
            near = (low, max(low, high))
        number = self._pending.take(near)
        if number is None:
            return None
        self.left -= 1
        return number * self._size, min(self.task.frame_count, (number + 1) * self._size)


def parts_of(
    needed: tuple[FeatureTrack, ...], first: int, end: int, before: int, after: int
) -> tuple[tuple[FeatureTrack, ...], tuple[int, int]]:
    """What a local calculator receives for its rows ``first .. end - 1``.

    Returns
    -------
    inputs : tuple of FeatureTrack
        Those with frames cut to these rows and their neighbours, as far as they have them.
    spare : (int, int)
        How many neighbours on either side that are, in the first of these.
    """
    inputs = tuple(track.part(first - before, end + after) if track.is_framewise else track for track in needed)
    count = next((track.frame_count for track in needed if track.is_framewise), end)
    return inputs, (min(before, first), max(0, min(after, count - end)))
