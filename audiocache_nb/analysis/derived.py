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
    """A local calculator at work on features that are there already, on one thread.

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
        self._source, self._item, self._known = heard_by(source, item), item, known
        self._layout_of: Callable[[Item], Layout] = lambda one: layout_of(source, one)
        self._control, self._report = control, report
        self._outputs = outputs or Outputs()
        self._focus = focus
        self._size = rows
        self._lock = threading.Lock()
        self._output: Output | None = None
        self._done: list[tuple[int, int]] = []

    def run(self) -> FeatureTrack:
        """Compute all rows.

        Raises
        ------
        Cancelled
            If the job was cancelled.
        CalculatorError
            For whatever else goes wrong.
        """
        began_s = time.perf_counter()
        with NamedErrors(self._item, self._control), np.errstate(all="ignore"):
            needed = needed_by(self._item, self._known)
            layout = self._layout(needed)
            task = local_task(self._source, self._item, layout)
            self._check_grids(layout, needed)
            output = Output(task, (), self._outputs, self._source.health.peak)
            if output.error is not None:
                raise output.error
            self._output = output
            self._compute(task, output, needed)
            output.seconds = time.perf_counter() - began_s
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
        item, like = self._item, self._layout_of(self._item.dependencies[0])
        if not like.tail and needed[0].is_framewise:
            like = like.with_width(needed[0].width)
        return item.calculator.layout_like(like, self._source, item.descriptor.used_profile, item.params)

    def _check_grids(self, layout: Layout, needed: tuple[FeatureTrack, ...]) -> None:
        """Rows can only be cut alike where they are rows of the same moments."""
        name, hop_s = self._item.calculator.id, layout.framing.hop_samples / self._source.sample_rate
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

    def _compute(self, task: LocalTask, output: Output, needed: tuple[FeatureTrack, ...]) -> None:
        count = task.frame_count
        width = max(math.prod(task.layout.tail), *(track.width for track in needed if track.is_framewise))
        size = self._size or block_rows(width, task.before + task.after)
        pending, scratch, finished = Pending(-(-count // size)), Scratch(), 0
        while (number := pending.take(self._near(task.layout, size))) is not None:
            self._control.checkpoint()
            first, end = number * size, min(count, (number + 1) * size)
            inputs, spare = parts_of(needed, first, end, task.before, task.after)
            context = Context(
                self._control,
                sample_rate=self._source.sample_rate,
                hop_samples=task.layout.framing.hop_samples,
                first_frame=first,
                frame_count=end - first,
                audio_frames=self._source.frames,
                tempo=output.tempo,
                report=self._reporter(finished / count, (end - first) / count),
                scratch=scratch,
            )
            output.put(inputs, first, end, spare, context)
            finished += end - first
            with self._lock:
                self._done.append((first, end))
            self._report(finished / count)

    def _near(self, layout: Layout, size: int) -> tuple[int, int] | None:
        span = self._focus()
        if span is None:
            return None
        low, high = (layout.framing.first_frame_at(sample) // size for sample in span)
        return low, max(low, high)

    def _reporter(self, start: float, share: float) -> Callable[[float], None]:
        """Passes on what a calculator says of its progress within a block."""

        def report(value: float) -> None:
            try:
                self._report(start + share * min(1.0, max(0.0, float(value))))
            except (TypeError, ValueError, OverflowError):
                return

        return report


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
