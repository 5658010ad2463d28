"""How much of the sound is harmonic and how much percussive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.builtin.products import row_totals
from audiocache_nb.features.builtin.spectra import SpectralCalculator
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, local, window_values
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile

TINY = np.finfo(np.float32).tiny


class HarmonicPercussive(SpectralCalculator):
    """Harmonic and percussive power of every frame, and the harmonic share of their sum (0..1).

    With the magnitudes ``S[t, k] = |X[t, k]|``, their medians `H` over `time_kernel` frames and `P` over
    `frequency_kernel` bins, and the masks ``M_h = H^2 / (H^2 + P^2)`` and ``M_p = 1 - M_h``: the powers are ``sum_k
    c_k (M S[t, k])^2`` where ``c_k = 2 / (fft_size sum w^2)``, half of that at both ends of the spectrum, so that
    a steady sine of amplitude `a` has the power ``a^2 / 2``. At the ends of the recording and of the spectrum
    the medians are taken over a mirror image.

    Agrees with ``librosa.decompose.hpss(S, kernel_size=(time_kernel, frequency_kernel))``. Local with a
    halo of ``time_kernel // 2`` frames. Silence gives zeros.

    Source: D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    """

    id = "hpss"
    feature = "hpss"
    label = "Harmonic and percussive power"
    columns = ("harmonic", "percussive", "harmonic share")
    locality = local(15)
    gain = ("quadratic", "quadratic", "invariant")
    parameters = Schema(
        Parameter("time_kernel", int, 31, minimum=1, maximum=255, description="Frames of the harmonic median; odd."),
        Parameter("frequency_kernel", int, 31, minimum=1, maximum=1023, description="Bins of the percussive one; odd."),
    )
    promises_finite = True

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return params["time_kernel"] // 2, params["time_kernel"] // 2

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        for name in ("time_kernel", "frequency_kernel"):
            if params[name] % 2 == 0:
                raise InvalidParameterError(
                    f"{name} is {params[name]}.",
                    hint="Choose an odd number, so that there is a middle.",
                    parameter=name,
                )
        size = profile.transform_size
        energy = np.square(window_values(profile.window, profile.window_size, periodic=True)).sum()
        weights = np.full(size // 2 + 1, 2 / (size * energy), np.float32)
        weights[0] /= 2
        if size % 2 == 0:
            weights[-1] /= 2
        return params["time_kernel"], params["frequency_kernel"], profile.hop_size, weights

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        frames, bins, hop, weights = state
        rows, reach = len(out), frames // 2
        wanted = np.arange(context.first_frame - reach, context.first_frame + rows + reach)
        mirrored = _mirror(wanted, 1 + context.audio_frames // hop)
        around = inputs[0]
        if not np.array_equal(mirrored, wanted):
            around = around[mirrored - wanted[0]]
        middle = around[reach : reach + rows]
        harmonic = _medians(np.ascontiguousarray(around.T), frames)[:, reach : reach + rows].T
        edge = bins // 2
        beside = _mirror(np.arange(-edge, middle.shape[1] + edge), middle.shape[1])
        percussive = _medians(middle[:, beside], bins)[:, edge : edge + middle.shape[1]]
        largest = np.maximum(harmonic, percussive)
        empty = largest < TINY
        largest[empty] = 1
        h, p = np.square(harmonic / largest), np.square(percussive / largest)
        total = h + p
        total[empty] = 1
        mask = h / total
        mask[empty] = 0.5
        for n, part in enumerate((mask, 1 - mask)):
            out[:, n] = row_totals(np.square(part * middle), weights)
        total = out[:, 0] + out[:, 1]
        out[:, 2] = np.where(total > 0, out[:, 0] / np.where(total > 0, total, 1), 0)


def _mirror(indices: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Indices beyond ``0 .. count - 1`` reflected at its ends, as often as it takes: 1 0 | 0 1 2 | 2 1."""
    turned = indices % (2 * count)
    return np.asarray(np.minimum(turned, 2 * count - 1 - turned))


def _medians(rows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Medians of `size` neighbours within each row; meaningless within half of it from both ends.

    One long row has a filter of its own in scipy, much faster than that for two dimensions.
    """
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(rows.ravel(), size, mode="nearest").reshape(rows.shape))


CALCULATORS = (HarmonicPercussive,)
