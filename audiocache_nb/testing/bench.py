"""One calculator on one recording: called by hand, with what goes in and what comes out in view, or by the engine."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.context import Context
from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.derived import parts_of
from audiocache_nb.analysis.plan import Item, layout_of, make_item
from audiocache_nb.analysis.segments import SEGMENT_SAMPLES
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import calculators
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Channels, Frames, Mono, RowStep, Span, Step
from audiocache_nb.features.track import Events, FeatureTrack, Global, Matrix
from audiocache_nb.testing.passes import by_engine, streamed
from audiocache_nb.testing.values import Breach, numbers_of, rows_of_result
from audiocache_nb.timing.tempo import Tempo

WAIT_S = 1.0
NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


def now_s() -> tuple[float, float]:
    """The time by the clock, and how long this thread has worked [s]."""
    return time.perf_counter(), time.thread_time()


class Watch(Context):
    """A context that notes what the calculator says, and when it looks up.

    Attributes
    ----------
    said : list
        The values given to `progress`, as they came.
    looks_s : list of (float, float) [s]
        When `checkpoint` was called, as `now_s` tells it.
    """

    def __init__(self, control: Control, *, cancel_at: int | None = None, **facts: Any) -> None:
        super().__init__(control, **facts)
        self.said: list[Any] = []
        self.looks_s: list[tuple[float, float]] = []
        self._cancel_at = cancel_at

    def progress(self, value: float) -> None:
        self.said.append(value)

    def checkpoint(self) -> None:
        self.looks_s.append(now_s())
        if self._cancel_at == len(self.looks_s):
            self._control.cancel()
        super().checkpoint()


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What one call of a calculator did.

    Attributes
    ----------
    raw : object
        What came back, untouched.
    rows : ndarray
        The rows of the frames asked for; of events, global values and matrices their numbers.
    inputs : tuple of ndarray
        What the calculator was given: writable copies.
    wrote : bool
        Whether these have changed.
    errors_handled_otherwise : bool
        Whether numpy's handling of floating-point errors has changed.
    watch : Watch
    began_s, ended_s : (float, float) [s]
        When the call began and ended, as `now_s` tells it.
    """

    raw: Any
    rows: NDArray[Any]
    inputs: tuple[Any, ...]
    wrote: bool
    errors_handled_otherwise: bool
    watch: Watch
    began_s: tuple[float, float]
    ended_s: tuple[float, float]

    @property
    def is_rows(self) -> bool:
        """Whether the result lies on the frames."""
        return not isinstance(self.raw, (Events, Global, Matrix))

    @property
    def longest_s(self) -> float:
        """The longest time without a look [s].

        It is the time that the thread has worked, which does not depend on what else the machine
        has to do; but what takes `WAIT_S` by the clock counts as that.
        """
        gaps = np.diff([self.began_s, *self.watch.looks_s, self.ended_s], axis=0)
        return float(np.where(gaps[:, 0] > WAIT_S, gaps[:, 0], gaps[:, 1]).max())


class Bench:
    """A calculator bound to samples, a profile and parameters.

    Attributes
    ----------
    item : Item
        With the key.
    layout : Layout
    count : int
        Frames of the whole recording.
    before, after : int
        Neighbouring frames that a local calculator receives.
    """

    def __init__(
        self,
        calculator: Calculator,
        samples: NDArray[np.float32],
        sample_rate: int,
        profile: AnalysisProfile | None = None,
        params: Mapping[str, Any] = NO_PARAMS,
    ) -> None:
        self.calculator = calculator
        self.samples = samples
        self.source = load(samples, sample_rate=sample_rate, name="test signal")
        self._tempo = Tempo().snapshot()
        self.item = _bind(calculator, self.source, profile, params, self._tempo)
        used = self.item.descriptor.used_profile
        self.layout = layout_of(self.source, self.item)
        self.count = self.layout.framing.frame_count(self.source.frames)
        self.before, self.after = calculator.halo(used, self.item.params) if calculator.is_local else (0, 0)
        self._steps = calculator.steps(self.source, used, self.item.params)
        self._state = calculator.prepare(self.source, used, self.item.params)
        self._mono: NDArray[np.float32] | None = None
        self._needed: tuple[FeatureTrack, ...] | None = None

    @property
    def framing(self) -> Framing:
        """The grid of the result."""
        return self.layout.framing

    @property
    def width(self) -> int:
        """Values of the widest row that goes in or comes out of a calculator of features."""
        return max(math.prod(self.layout.tail), *(track.width for track in self.needed()))

    # --- by hand ------------------------------------------------------------------------------

    def call(
        self,
        first: int = 0,
        end: int | None = None,
        *,
        cancel_at: int | None = None,
        needed: tuple[FeatureTrack, ...] | None = None,
    ) -> Call:
        """Call the calculator once; a local one for the frames ``first .. end - 1``, with what the engine gives it.

        Parameters
        ----------
        cancel_at : int, optional
            Which look finds the job cancelled.
        needed : tuple of FeatureTrack, optional
            Instead of the features that a derived one is computed from.

        Raises
        ------
        Breach
            For a result that is none.
        BaseException
            Whatever the calculator raises.
        """
        end = self.count if end is None else end
        local = self.calculator.is_local
        spare = (self.before, self.after) if local else (0, 0)
        if local and self.item.dependencies:
            given = self.needed() if needed is None else needed
            inputs, spare = parts_of(given, first, end, self.before, self.after)
        else:
            inputs = self._inputs(first, end) if local else self._whole_inputs(needed)
        copies = tuple(_copied(one) for one in inputs)
        watch = Watch(
            Control(),
            cancel_at=cancel_at,
            sample_rate=self.source.sample_rate,
            hop_samples=self.framing.hop_samples,
            first_frame=first,
            frame_count=end - first,
            audio_frames=self.source.frames,
            tempo=self._tempo if self.calculator.depends_on_tempo else None,
        )
        began_s = now_s()
        with np.errstate(all="ignore"):  # as in the engine
            handled = np.geterr()
            raw = self._compute(copies, end - first, watch) if local else self._compute_whole(copies, watch)
            otherwise = np.geterr() != handled
        ended_s = now_s()
        wrote = any(not np.array_equal(numbers_of(a), numbers_of(b)) for a, b in zip(inputs, copies, strict=True))
        rows = rows_of_result(self.calculator, raw, self.layout, end - first, spare)
        return Call(raw, rows, copies, wrote, otherwise, watch, began_s, ended_s)

    def _compute(self, inputs: tuple[Any, ...], rows: int, watch: Watch) -> Any:
        if isinstance(self.calculator, FunctionCalculator):
            return self.calculator.call(inputs, self._state, watch)
        out = np.empty((rows, *self.layout.tail), self.layout.dtype)
        if out.dtype.kind in "fc":
            out[...] = np.nan  # so that what is never written is noticed
        self.calculator.compute(inputs, out, self._state, watch)
        return out

    def _compute_whole(self, inputs: tuple[Any, ...], watch: Watch) -> Any:
        return self.calculator.compute_whole(inputs, self._state, watch)

    def _inputs(self, first: int, end: int) -> tuple[Any, ...]:
        return tuple(self._rows(step, first - self.before, end + self.after) for step in self._steps)

    def _whole_inputs(self, needed: tuple[FeatureTrack, ...] | None) -> tuple[Any, ...]:
        steps = []
        for step in self._steps:
            if isinstance(step, Channels):
                steps.append(self.samples)
            elif isinstance(step, Mono):
                steps.append(self._mix())
            else:
                steps.append(self._rows(step, 0, self.count))
        return (*steps, *(self.needed() if needed is None else needed))

    def needed(self) -> tuple[FeatureTrack, ...]:
        """The features it is computed from."""
        if self._needed is None:
            self._needed = tuple(by_engine(self.source, item) for item in self.item.dependencies)
        return self._needed

    def _rows(self, step: Step, first: int, end: int) -> NDArray[Any]:
        """A step's result for the frames ``first .. end - 1``, silent outside the recording."""
        if isinstance(step, RowStep):
            return step.compute(tuple(self._rows(of, first, end) for of in step.inputs), Scratch())
        if isinstance(step, Span):
            values = self._mix() if isinstance(step.of, Mono) else self.samples
            return _cut(values, step.framing.first_sample(first), step.framing.end_sample(end - 1))
        if isinstance(step, Frames):
            framing, window = step.framing, step.framing.window_samples
            if end <= first:
                return np.empty((0, window), np.float32)
            span = _cut(self._mix(), framing.first_sample(first), framing.end_sample(end - 1))
            return np.lib.stride_tricks.sliding_window_view(span, window)[:: int(framing.hop_samples)]
        raise Breach("shape", f"a step that is not known here: {step!r:.80}", "Derive the step from RowStep.")

    def _mix(self) -> NDArray[np.float32]:
        if self._mono is None:
            total = np.array(self.samples[:, 0])
            for c in range(1, self.samples.shape[1]):
                total += self.samples[:, c]
            self._mono = total if self.samples.shape[1] == 1 else total * np.float32(1 / self.samples.shape[1])
        return self._mono

    # --- by the engine ------------------------------------------------------------------------

    def by_engine(
        self, *, size: int = SEGMENT_SAMPLES, threads: int = 1, piece_samples: int | None = None
    ) -> FeatureTrack:
        """The result as a session computes it.

        Parameters
        ----------
        size : int [samples]
            How the audio is cut.
        threads : int
        piece_samples : int, optional
            Read the audio in pieces of this size instead of from memory.

        Raises
        ------
        CalculatorError
        """
        source = self.source if piece_samples is None else streamed(self.source, piece_samples)
        return by_engine(source, self.item, size=size, threads=threads)


def _bind(
    calculator: Calculator, source: AudioSource, profile: AnalysisProfile | None, params: Mapping[str, Any], tempo: Any
) -> Item:
    descriptor = Descriptor(calculator.feature, calculator.id, profile, dict(params))
    return make_item(source, descriptor, calculator, tempo=tempo, registry=calculators)


def _cut(values: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    """The samples ``start .. stop - 1``, zero outside the recording."""
    out = np.zeros((max(0, stop - start), *values.shape[1:]), np.float32)
    low, high = min(max(0, start), len(values)), min(max(0, stop), len(values))
    if high > low:
        out[low - start : high - start] = values[low:high]
    return out


def _copied(value: Any) -> Any:
    if not isinstance(value, FeatureTrack):
        return np.array(value)
    copy = dataclasses.replace(value, data=value.data.copy())
    copy.data.setflags(write=True)
    return copy
