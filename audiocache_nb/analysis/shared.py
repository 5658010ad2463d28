"""Shared steps at work: each is computed once per run of frames, whoever asks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.segments import Segment
from audiocache_nb.features.calculator import window_values
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.steps import Channels, Frames, Magnitude, Mono, Span, Spectrum, Step

BATCH_SAMPLES = 1 << 17
MAX_BATCH_FRAMES = 4096
ROW_GROUP = 16


def batch_frames(framing: Framing) -> int:
    """Frames per run, so that one block of them stays in the processor's cache."""
    return max(1, min(MAX_BATCH_FRAMES, BATCH_SAMPLES // max(framing.window_samples, int(framing.hop_samples))))


class Transformer:
    """Windowed transforms with buffers that one thread reuses."""

    def __init__(self) -> None:
        self._windows: dict[Spectrum, NDArray[np.float32]] = {}
        self._buffers: dict[Spectrum, NDArray[np.float32]] = {}

    def spectrum(self, step: Spectrum, frames: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Transform frames [shape=(n, window)] into spectra [shape=(n, fft_size // 2 + 1)]."""
        from scipy.fft import rfft

        size, count = step.framing.window_samples, len(frames)
        window = self._windows.get(step)
        if window is None:
            window = window_values(step.window, size, periodic=step.periodic).astype(np.float32)
            self._windows[step] = window
        buffer = self._buffers.get(step)
        # The transform takes several rows at once and the rest one by one, which need not round alike;
        # with whole groups of rows the numbers do not depend on how the frames were cut into runs.
        rows = -(-count // ROW_GROUP) * ROW_GROUP
        if buffer is None or len(buffer) < rows:
            # Zeros beyond the window pad the frame to the length of the transform.
            buffer = self._buffers[step] = np.zeros((rows, step.fft_size), np.float32)
        np.multiply(frames, window, out=buffer[:count, :size])
        spectra: NDArray[np.complex64] = rfft(buffer[:rows], axis=1)
        return spectra[:count]


class Run:
    """The shared intermediate results for frames ``first .. end - 1`` of one framing."""

    def __init__(self, segment: Segment, framing: Framing, first: int, end: int, transformer: Transformer) -> None:
        self._segment = segment
        self._framing = framing
        self.first, self.end = first, end
        self._transformer = transformer
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
            case Spectrum(framing=framing):
                return self._transformer.spectrum(step, self.get(Frames(framing)))
            case Magnitude(of=of):
                return np.abs(self.get(of))
            case Mono() | Channels():
                raise AssertionError("plain samples belong to whole calculators")


def rows_of(step: Step, run: Run, skip: int, rows: int) -> NDArray[Any]:
    """The part of a step's result for the frames ``run.first + skip`` and the next ``rows - 1``."""
    value = run.get(step)
    if isinstance(step, Span):
        framing, first = step.framing, run.first + skip
        origin = framing.first_sample(run.first)
        return value[framing.first_sample(first) - origin : framing.end_sample(first + rows - 1) - origin]
    return value[skip : skip + rows]
