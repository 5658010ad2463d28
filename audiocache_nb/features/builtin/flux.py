"""Spectral flux."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import row_energies
from audiocache_nb.features.builtin.spectra import Energy, SpectralCalculator, clamp_low, magnitude_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Local
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step

BLOCK_ROWS = 240


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
    promises_finite = True
    gain = "invariant"

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return 1, 0

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        magnitude = magnitude_of(profile)
        return Energy(magnitude), magnitude

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        energy, magnitude = inputs
        norm = np.sqrt(energy)
        inverse = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
        # N[t] - N[t-1] times the norm of the frame t, so that only one of the two has to be scaled
        ratio = norm[1:] * inverse[:-1]
        for start in range(0, len(out), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            before = magnitude[:-1][part]
            rise = np.multiply(before, ratio[part], out=context.scratch.array("temporary", before.shape))
            np.subtract(magnitude[1:][part], rise, out=rise)
            clamp_low(rise, 0, rise)
            row_energies(rise, out[part])
        np.sqrt(out, out=out)
        out *= inverse[1:]
        np.minimum(out, 1, out=out)
        if context.first_frame == 0:
            out[:1] = 0


CALCULATORS = (Flux,)
