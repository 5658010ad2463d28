"""The engine: one pass over the audio for any number of local calculators, on several threads."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.context import Context
from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.outputs import Outputs, Rows, RowsInFile
from audiocache_nb.analysis.plan import Group, Item, LocalTask, Plan
from audiocache_nb.analysis.program import Memory, Node
from audiocache_nb.analysis.results import as_calculator_error, seal
from audiocache_nb.analysis.segments import Focus, Segment, SegmentReader, segment_samples
from audiocache_nb.analysis.shared import Run, batch_frames
from audiocache_nb.errors import CalculatorContractError, Cancelled
from audiocache_nb.features.function import FunctionCalculator, check_rows
from audiocache_nb.features.steps import ROW_GROUP, Step
from audiocache_nb.features.track import FeatureTrack, Growing, StoredRows

if TYPE_CHECKING:
    from audiocache_nb.audio.health import HealthReport
    from audiocache_nb.audio.source import AudioSource

FEW_FRAMES = ROW_GROUP
STAGED_FRAMES = 9 * ROW_GROUP
SANE_PEAK = 1e6  # full scale is 1; far beyond it single precision overflows, whatever a calculator promises
Done = Callable[[Item, FeatureTrack], None]
Failed = Callable[[Item, BaseException], None]


class Output:
    """The rows of one task while they are being written."""

    def __init__(
        self, task: LocalTask, inputs: tuple[Node | Step, ...], outputs: Outputs, health: HealthReport
    ) -> None:
        self.task = task
        self._health = health
        self._is_sane = health.measured and health.peak <= SANE_PEAK
        self._outputs = outputs
        self._storage = task.item.storage
        calculator = task.item.calculator
        self._function = calculator if isinstance(calculator, FunctionCalculator) else None
        self.tempo = task.item.tempo if calculator.depends_on_tempo else None
        self.inputs = inputs
        self.error: BaseException | None = None
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._rows: Rows | None = None
        if self._function is not None:
            return  # only its result tells the width
        try:
            dtype = task.layout.dtype if self._storage is None else self._storage.dtype
            self._rows = outputs.rows((task.frame_count, *task.layout.tail), dtype)
        except Exception as error:  # a tail that is none, or too big
            self.error = error

    def write(self, run: Run, first: int, end: int, context: Context) -> None:
        """Compute the rows ``first .. end - 1``; of none, only the steps that later rows need."""
        task = self.task
        if first >= end:
            run.keep(self.inputs)
            return
        inputs = tuple([run.rows(of, first - task.before, end + task.after) for of in self.inputs])
        self.put(inputs, first, end, (task.before, task.after), context)

    def put(self, inputs: tuple[Any, ...], first: int, end: int, spare: tuple[int, int], context: Context) -> None:
        """Compute the rows ``first .. end - 1`` from inputs that hold so many `spare` rows before and after them."""
        calculator, scratch = self._function, context.scratch
        if calculator is not None:
            value = check_rows(calculator.id, calculator.call(inputs, self.task.state, context), end - first, spare)
            rows = self._allocate(value.shape[1])
            out = rows.block(first, end, scratch)
            out[...] = value
            rows.commit(first, out)
            return
        if not self._staged:
            self._put(inputs, first, end, context)
            return
        for start in range(first, end, STAGED_FRAMES):
            stop = min(start + STAGED_FRAMES, end)
            context.look_at(start, stop)
            self._put(tuple([rows[start - first : stop - first] for rows in inputs]), start, stop, context)

    @property
    def _staged(self) -> bool:
        """Whether rows lie in memory of the thread before they go where they stay, and can be made a few at a time."""
        if self._storage is None and not isinstance(self._rows, RowsInFile):
            return False
        neighbours = self.task.before or self.task.after
        return bool(self.inputs) and not neighbours and all(isinstance(of, Node) for of in self.inputs)

    def _put(self, inputs: tuple[Any, ...], first: int, end: int, context: Context) -> None:
        assert self._rows is not None
        stored = self._rows.block(first, end, context.scratch)
        out = stored
        if self._storage is not None:
            out = context.scratch.array("levels to store", stored.shape)
        self._compute(inputs, out, first, end, context)
        if self._storage is not None:
            self._storage.encode(out, stored)
        self._rows.commit(first, stored)

    def _compute(
        self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], first: int, end: int, context: Context
    ) -> None:
        task, calculator = self.task, self.task.item.calculator
        if calculator.promises_finite and self._is_sane:
            calculator.compute(inputs, out, task.state, context)
            return
        out[...] = np.nan  # so that what is never written is noticed
        calculator.compute(inputs, out, task.state, context)
        if not np.isfinite(out).all():
            raise CalculatorContractError(
                f"{calculator.id} left values that are not finite, or none, in frames {first} to {end - 1}.",
                hint=self._hint(),
            )

    def _hint(self) -> str:
        health = self._health
        if health.measured and health.peak > SANE_PEAK:
            return f"The recording peaks at {health.peak:.3g}, 1.0 being full scale: scale it down and add it again."
        if self.task.item.calculator.promises_finite:  # then it is the samples of a reader, which nobody has looked at
            return f"Let the recording's reader hand out finite samples of at most {SANE_PEAK:g}, 1.0 being full scale."
        return "Fill all of `out` with finite numbers."

    def _allocate(self, width: int) -> Rows:
        with self._lock:
            if self._rows is None:
                self._rows = self._outputs.rows((self.task.frame_count, width), np.dtype(np.float32))
            if self._rows.shape[1] != width:
                raise ValueError(f"rows of {width} values after rows of {self._rows.shape[1]}")
            return self._rows

    def seal(self, source: AudioSource) -> FeatureTrack:
        """The finished track; a recording without samples has no rows."""
        return self._sealed(source, np.empty((0, 1), np.float32) if self._rows is None else self._rows.finish())

    def growing(self, source: AudioSource) -> FeatureTrack | None:
        """The track as far as it is there, whatever its other rows hold; None if there is nothing to see."""
        data = None if self._rows is None or self.error is not None else self._rows.view()
        if data is None or (self._storage is not None and data.dtype != self._storage.dtype):
            return None
        return self._sealed(source, data)

    def _sealed(self, source: AudioSource, data: NDArray[Any] | StoredRows) -> FeatureTrack:
        layout = self.task.layout
        if self._function is not None:  # only the data tell the width
            layout = layout.with_width(data.shape[1])
        return seal(source, self.task.item, layout, data, self.seconds)


class Pass:
    """One pass of a plan over its source."""

    def __init__(
        self,
        plan: Plan,
        control: Control,
        *,
        start: float = 0.0,
        share: float = 1.0,
        size: int | None = None,
        outputs: Outputs | None = None,
        focus: Focus = lambda: None,
    ) -> None:
        self.plan = plan
        self.control = control
        self._start, self._share = start, share
        outputs = outputs or Outputs()
        self._outputs = {
            id(task): Output(task, group.program.inputs_of(task), outputs, plan.source.health)
            for group in plan.groups
            for task in group.tasks
        }
        left, right = plan.reach_samples
        size = size or segment_samples(plan.source, _stride(plan))
        self._reader = SegmentReader(plan.source, left, right, mono=plan.needs_mono, size=size, focus=focus)
        self._lock = threading.Lock()
        self._samples_done = 0
        self._segments_done: list[tuple[int, int, bool]] = []  # samples, and whether they are the last
        self.error: BaseException | None = None

    @property
    def segment_count(self) -> int:
        """Pieces that can be worked on in parallel."""
        return self._reader.count

    @property
    def complete(self) -> bool:
        """Whether every sample has been worked on."""
        return self.error is None and (self._hopeless or self._samples_done == self._reader.total)

    @property
    def _hopeless(self) -> bool:
        """Whether all calculators have failed."""
        return bool(self._outputs) and all(output.error is not None for output in self._outputs.values())

    def work(self) -> None:
        """Work on segments until there are none left; called by each of the pass's threads."""
        try:
            self._work()
        except Cancelled:
            pass
        except BaseException as error:  # the decoder failed: nothing can go on
            with self._lock:
                self.error = self.error or error

    def _work(self) -> None:
        buffers = self._reader.buffers()
        memory = Memory()
        with np.errstate(all="ignore"):  # what is not finite is refused by name, not warned about in some thread
            while self.error is None and not self._hopeless:
                self.control.checkpoint()
                segment = self._reader.next(buffers)
                if segment is None:
                    return
                for group in self.plan.groups:
                    self._run_group(group, segment, memory)
                with self._lock:
                    self._samples_done += segment.end - segment.first
                    self._segments_done.append((segment.first, segment.end, segment.is_last))
                    done = self._samples_done / self._reader.total
                self.control.report(self._start + done * self._share)

    def _run_group(self, group: Group, segment: Segment, memory: Memory) -> None:
        framing = group.framing
        count = group.tasks[0].frame_count
        first = framing.first_frame_at(segment.first)
        end = count if segment.is_last else min(count, framing.first_frame_at(segment.end))
        run = Run(segment, framing, memory, group.program)
        size = batch_frames(framing, group.program)
        for start, stop in _batches(first, end, group.before, group.after, size):
            self.control.checkpoint()
            run.advance(start, stop)
            for task in group.program.tasks:
                output = self._outputs[id(task)]
                if output.error is not None or stop <= first - task.before or start >= end + task.after:
                    continue
                # the rows it can write now that it could not write before this batch
                self._compute(output, run, max(first, start - task.after), min(end, stop - task.after))

    def _compute(self, output: Output, run: Run, start: int, stop: int) -> None:
        source = self.plan.source
        began_s = time.perf_counter()
        context = Context(
            self.control,
            sample_rate=source.sample_rate,
            hop_samples=output.task.layout.framing.hop_samples,
            first_frame=start,
            frame_count=stop - start,
            audio_frames=source.frames,
            tempo=output.tempo,
            scratch=run.scratch,
        )
        try:
            output.write(run, start, stop, context)
        except Cancelled:
            if self.control.cancelled:
                raise
            output.error = RuntimeError("the calculator raised Cancelled although nobody cancelled")
        except BaseException as error:
            output.error = error
        output.seconds += time.perf_counter() - began_s

    def growing(self, key: str) -> Growing | None:
        """A result while it is being computed; None if nothing of it is there yet."""
        for output in self._outputs.values():
            if output.task.item.key != key:
                continue
            with self._lock:
                segments = tuple(self._segments_done)
            track = output.growing(self.plan.source) if segments else None
            if track is None:
                return None
            framing, count = output.task.layout.framing, output.task.frame_count
            done = np.zeros(count, dtype=np.bool_)
            for first, end, is_last in segments:
                done[framing.first_frame_at(first) : count if is_last else framing.first_frame_at(end)] = True
            return Growing(track, done) if done.any() else None
        return None

    def close(self) -> None:
        """Release the decoder."""
        self._reader.close()

    def finish(self, done: Done, failed: Failed) -> None:
        """Hand out the results of a pass that went through."""
        for output in self._outputs.values():
            item = output.task.item
            if output.error is not None:
                failed(item, as_calculator_error(item, output.error))
                continue
            try:
                track = output.seal(self.plan.source)
            except Exception as error:  # axes that do not fit the data
                failed(item, as_calculator_error(item, error))
            else:
                done(item, track)


def _stride(plan: Plan) -> int:
    """Samples that the largest group works on at a time: segments of so many end where a batch does."""
    if not plan.groups:
        return 1
    group = max(plan.groups, key=lambda group: len(group.tasks))
    neighbours = sum(frames for frames in (group.before, group.after) if frames <= FEW_FRAMES)
    frames = batch_frames(group.framing, group.program) - neighbours
    return max(1, int(frames * group.framing.hop_samples))


def _batches(first: int, end: int, before: int, after: int, size: int) -> Iterator[tuple[int, int]]:
    """The frames ``first - before .. end + after - 1`` in batches.

    Many that only serve as neighbours are in batches of their own, and so cost nothing to who needs none.
    """
    if first >= end:
        return
    low = first - before if before <= FEW_FRAMES else first
    high = end + after if after <= FEW_FRAMES else end
    parts = [(low, high, max(1, -(-(end - first) // size)))]
    parts.insert(0, (first - before, low, -(-(low - first + before) // size)))
    parts.append((high, end + after, -(-(end + after - high) // size)))
    for start, stop, count in parts:
        edges = [start + (stop - start) * k // count for k in range(count)] + [stop]
        yield from itertools.pairwise(edges)
