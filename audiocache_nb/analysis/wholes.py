"""Calculators that need the whole signal: read it, frame it, call them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.context import Context
from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.plan import Item, heard_by, layout_of
from audiocache_nb.analysis.results import NamedErrors, needed_by, seal, seal_result
from audiocache_nb.analysis.segments import mix, read_into
from audiocache_nb.analysis.shared import batch_frames
from audiocache_nb.errors import CalculatorContractError
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.function import FunctionCalculator, check_rows
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Channels, Frames, Mono, RowStep, Step, framing_of
from audiocache_nb.features.track import Events, FeatureTrack, Global, Matrix

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource


class WholeSignal:
    """The whole recording in memory, read once for all calculators of a job that need it, on any thread."""

    def __init__(self, source: AudioSource, control: Control) -> None:
        self._source = source
        self._control = control
        self._lock = threading.RLock()
        self._samples: NDArray[np.float32] | None = None
        self._mono: NDArray[np.float32] | None = None

    @property
    def samples(self) -> NDArray[np.float32]:
        """All channels, read-only [shape=(n, channels)]."""
        with self._lock:
            if self._samples is None:
                self._samples = self._source.array if self._source.array is not None else self._read()
            return self._samples

    @property
    def mono(self) -> NDArray[np.float32]:
        """The mono mix, read-only [shape=(n,)]."""
        with self._lock:
            if self._mono is None:
                out = np.empty(0 if self._source.channels == 1 else self._source.frames, np.float32)
                out = mix(self.samples, out)
                out.flags.writeable = False
                self._mono = out
            return self._mono

    def _read(self) -> NDArray[np.float32]:
        out = np.empty((self._source.frames, self._source.channels), np.float32)
        reader = self._source.open()
        try:
            read_into(out, reader, 0, len(out), self._control.checkpoint)
        finally:
            reader.close()
        self._source.check()  # what was read is only worth something if it was the recording taken in
        out.flags.writeable = False
        return out

    def get(self, step: Step) -> NDArray[Any]:
        """The result of a step for the whole signal."""
        match step:
            case Channels():
                return self.samples
            case Mono():
                return self.mono
            case Frames(framing=framing):
                return self._frames(framing)
            case RowStep():
                return self._rows(step)
            case _:
                raise TypeError(f"{step} is not a step over the whole signal")

    def _rows(self, step: RowStep) -> NDArray[Any]:
        """Compute a step run by run and keep all rows."""
        framing = framing_of(step)
        assert framing is not None
        frames, scratch, size = self._frames(framing), Scratch(), batch_frames(framing)
        out: NDArray[Any] | None = None
        for start in range(0, max(1, len(frames)), size):
            self._control.checkpoint()
            rows = _evaluate(step, frames[start : start + size], scratch, {})
            if out is None:
                out = np.empty((len(frames), *rows.shape[1:]), rows.dtype)
            out[start : start + len(rows)] = rows
        assert out is not None
        out.flags.writeable = False
        return out

    def _frames(self, framing: Framing) -> NDArray[np.float32]:
        count = framing.frame_count(len(self.mono))
        if not count:
            return np.empty((0, framing.window_samples), np.float32)
        hop = int(framing.hop_samples)
        padded = np.zeros((count - 1) * hop + framing.window_samples, np.float32)
        start = -framing.first_sample(0)
        kept = self.mono[: len(padded) - start]
        padded[start : start + len(kept)] = kept
        return np.lib.stride_tricks.as_strided(padded, (count, framing.window_samples), (4 * hop, 4), writeable=False)


def _evaluate(
    step: Step, frames: NDArray[np.float32], scratch: Scratch, made: dict[Step, NDArray[Any]]
) -> NDArray[Any]:
    if isinstance(step, Frames):
        return frames
    assert isinstance(step, RowStep)
    if step not in made:
        made[step] = step.compute(tuple(_evaluate(of, frames, scratch, made) for of in step.inputs), scratch)
    return made[step]


def run_whole(
    signal: WholeSignal,
    source: AudioSource,
    item: Item,
    control: Control,
    report: Any,
    known: Mapping[str, FeatureTrack] = MappingProxyType({}),
) -> FeatureTrack:
    """Call one calculator that is not local and seal what it returns.

    Parameters
    ----------
    known : mapping of str to FeatureTrack
        What it depends on, by key.

    Raises
    ------
    Cancelled
        If the job was cancelled.
    IngestError
        If the audio could not be read.
    CalculatorError
        For whatever else goes wrong.
    """
    began_s = time.perf_counter()
    with NamedErrors(item, control):
        heard = heard_by(source, item)
        calculator, profile = item.calculator, item.descriptor.used_profile
        needed = needed_by(item, known)
        layout = layout_of(source, item)
        count = layout.framing.frame_count(heard.frames)
        context = Context(
            control,
            sample_rate=heard.sample_rate,
            hop_samples=layout.framing.hop_samples,
            first_frame=0,
            frame_count=count,
            audio_frames=heard.frames,
            tempo=item.tempo if calculator.depends_on_tempo else None,
            report=report,
        )
        steps = calculator.steps(heard, profile, item.params)
        inputs = (*(signal.get(step) for step in steps), *needed)
        with np.errstate(all="ignore"):
            value = calculator.compute_whole(inputs, calculator.prepare(heard, profile, item.params), context)
        seconds = time.perf_counter() - began_s
        if isinstance(value, (Events, Global, Matrix)):
            return seal_result(heard, item, value, seconds)
        if isinstance(calculator, FunctionCalculator):
            rows = check_rows(calculator.id, value, count)
            return seal(heard, item, layout.with_width(rows.shape[1]), rows, seconds)
        return seal(heard, item, layout, _checked(calculator.id, value, (count, *layout.tail), layout.dtype), seconds)


def _checked(name: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.ascontiguousarray(value, dtype=dtype)
    if array.shape != shape or not np.isfinite(array).all():
        raise CalculatorContractError(
            f"{name} returned {array.shape}, not {shape} finite numbers.",
            hint="Return one row of finite numbers per frame.",
        )
    return array
