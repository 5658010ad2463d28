"""Steps: the shared intermediate results that calculators ask for.

A step is a value. Two calculators that need equal steps get one computation; that is all
the plan needs to know to merge them.
"""

from __future__ import annotations

import dataclasses

from audiocache_nb.features.framing import Framing


@dataclasses.dataclass(frozen=True, slots=True)
class Channels:
    """Samples as decoded [shape=(n, channels)]."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mono:
    """Mean of the channels: their float32 sum times ``1 / channels`` [shape=(n,)]."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """The samples that a run of frames covers, silent outside the signal [shape=(m,) or (m, channels)]."""

    of: Mono | Channels
    framing: Framing


@dataclasses.dataclass(frozen=True, slots=True)
class Frames:
    """Frames of the mono mix, a read-only view [shape=(frames, window)]."""

    framing: Framing


@dataclasses.dataclass(frozen=True, slots=True)
class Spectrum:
    """One-sided transform of windowed frames, complex64 [shape=(frames, fft_size // 2 + 1)].

    ``X[k] = sum_n w[n] x[n] exp(-2 pi i k n / fft_size)``
    """

    framing: Framing
    window: str
    periodic: bool
    fft_size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Magnitude:
    """``|X|`` of a spectrum, float32 [shape=(frames, bins)]."""

    of: Spectrum


Step = Channels | Mono | Span | Frames | Spectrum | Magnitude


def inputs_of(step: Step) -> tuple[Step, ...]:
    """The steps that a step is computed from."""
    match step:
        case Span(of=of) | Magnitude(of=of):
            return (of,)
        case Frames():
            return (Mono(),)
        case Spectrum(framing=framing):
            return (Frames(framing),)
        case Mono():
            return (Channels(),)
        case Channels():
            return ()


def framing_of(step: Step) -> Framing | None:
    """The frames a step is laid out by; None for plain samples."""
    match step:
        case Span(framing=framing) | Frames(framing=framing) | Spectrum(framing=framing):
            return framing
        case Magnitude(of=of):
            return of.framing
        case _:
            return None
