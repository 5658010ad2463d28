"""Spectral flux."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import row_sums
from audiocache_nb.features.builtin.spectra import SpectralCalculator, spectrum_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Local
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Magnitude, Power, RowStep, Spectrum, Step


@dataclasses.dataclass(frozen=True, slots=True)
class UnitMagnitude(RowStep):
    """Magnitudes with a sum of squares of 1; zeros for silence, float32 [shape=(frames, bins)]."""

    of: Spectrum

    @property
    def inputs(self) -> tuple[Step, ...]:
        return Magnitude(self.of), Power(self.of)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        magnitude, power = inputs
        norm = np.sqrt(row_sums(power))
        inverse = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
        out = scratch.array(self, magnitude.shape)
        np.multiply(magnitude, inverse, out=out)
        return out


class Flux(SpectralCalculator):
    """How much of the spectrum is new: 0 for what stays or fades, 1 for what begins after silence.

    ``F[t] = sqrt(sum_k max(0, N[t, k] - N[t-1, k])^2)`` with ``N = |X| / sqrt(sum_k |X|^2)`` and F[0] = 0
    (half-wave rectified as in S. Dixon, DAFx 2006; normalised as in G. Tzanetakis and P. Cook, IEEE Trans.
    SAP 10, 2002). It does not depend on the level, so that in near silence it is that of the noise.
    """

    id = "flux"
    feature = "flux"
    label = "Spectral flux"
    locality = Local(1)
    gain = "invariant"

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return 1, 0

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (UnitMagnitude(spectrum_of(profile)),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        unit = inputs[0]
        rise = context.scratch.array("temporary", (len(out), unit.shape[1]))
        np.subtract(unit[1:], unit[:-1], out=rise)
        np.clip(rise, np.float32(0), np.float32(1), out=rise)
        np.square(rise, out=rise)
        np.sqrt(row_sums(rise), out=out)
        if context.first_frame == 0:
            out[:1] = 0


CALCULATORS = (Flux,)
