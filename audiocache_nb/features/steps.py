"""Steps: the shared intermediate results that calculators ask for.

A step is a value. Two calculators that need equal steps get one computation; that is all
the plan needs to know to merge them. Families of calculators define steps of their own as
subclasses of `RowStep`.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.calculator import window_values
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.scratch import Scratch

ROW_GROUP = 16


class Step:
    """Base of all steps; subclasses are frozen dataclasses."""

    __slots__ = ()

    @property
    def inputs(self) -> tuple[Step, ...]:
        """The steps that this one is computed from."""
        return ()


class RowStep(Step, abc.ABC):
    """A step whose row for a frame depends on the input rows of that frame alone.

    Attributes
    ----------
    bulky : bool
        Whether its rows are so big that they are counted.
    passes : bool
        Whether they are best taken while they are in the processor's cache.
    in_place : bool
        Whether it may write them over those of its one input.
    """

    __slots__ = ()
    bulky: ClassVar[bool] = False
    passes: ClassVar[bool] = False
    in_place: ClassVar[bool] = False

    @abc.abstractmethod
    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        """The rows [shape=(frames, ...)] from the inputs' rows.

        The result may live in `scratch` under a name that contains the step itself.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Channels(Step):
    """Samples as decoded [shape=(n, channels)]."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mono(Step):
    """Mean of the channels: their float32 sum times ``1 / channels`` [shape=(n,)]."""

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (Channels(),)


@dataclasses.dataclass(frozen=True, slots=True)
class Span(Step):
    """The samples that a run of frames covers, silent outside the signal [shape=(m,) or (m, channels)]."""

    of: Mono | Channels
    framing: Framing

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)


@dataclasses.dataclass(frozen=True, slots=True)
class Frames(Step):
    """Frames of the mono mix, a read-only view [shape=(frames, window)]."""

    framing: Framing

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (Mono(),)


@functools.lru_cache(maxsize=64)
def _window(name: str, size: int, periodic: bool) -> NDArray[np.float32]:  # noqa: FBT001 - a cache key
    values = window_values(name, size, periodic=periodic).astype(np.float32)
    values.flags.writeable = False
    return values


@dataclasses.dataclass(frozen=True, slots=True)
class Spectrum(RowStep):
    """One-sided transform of windowed frames, complex64 [shape=(frames, fft_size // 2 + 1)].

    ``X[k] = sum_n w[n] x[n] exp(-2 pi i k n / fft_size)``
    """

    bulky: ClassVar[bool] = True
    passes: ClassVar[bool] = True
    framing: Framing
    window: str
    periodic: bool
    fft_size: int

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (Frames(self.framing),)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        from scipy.fft import rfft

        frames = inputs[0]
        size, count = self.framing.window_samples, len(frames)
        # The transform takes several rows at once and the rest one by one, which need not round alike;
        # with whole groups of rows the numbers do not depend on how the frames were cut into runs.
        rows = -(-count // ROW_GROUP) * ROW_GROUP
        padded = scratch.array(self, (rows, self.fft_size))
        np.multiply(frames, _window(self.window, size, self.periodic), out=padded[:count, :size])
        if size < self.fft_size:
            padded[:count, size:] = 0
        spectra: NDArray[np.complex64] = rfft(padded, axis=1)
        return spectra[:count]


@dataclasses.dataclass(frozen=True, slots=True)
class Magnitude(RowStep):
    """``|X|`` of a spectrum, float32 [shape=(frames, bins)]."""

    bulky: ClassVar[bool] = True
    passes: ClassVar[bool] = True
    of: Spectrum

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        return np.abs(inputs[0], out=scratch.array(self, inputs[0].shape))


@dataclasses.dataclass(frozen=True, slots=True)
class Power(RowStep):
    """``|X|^2`` of a spectrum, float32 [shape=(frames, bins)]."""

    bulky: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    of: Spectrum

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (Magnitude(self.of),)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        return np.square(inputs[0], out=scratch.array(self, inputs[0].shape))


def framing_of(step: Step) -> Framing | None:
    """The frames a step is laid out by; None for plain samples."""
    found = getattr(step, "framing", None)
    if isinstance(found, Framing):
        return found
    return next((framing for framing in map(framing_of, step.inputs) if framing is not None), None)
