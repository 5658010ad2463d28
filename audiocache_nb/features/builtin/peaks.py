"""Minimum, maximum and energy of every channel on the finest grid of a pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.channels import channel_names
from audiocache_nb.features.builtin.rms import frame_energies
from audiocache_nb.features.builtin.waveform import cell_extremes
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Span, Step

VALUES = ("min", "max", "sum of squares")


class Peaks(Calculator):
    """Extremes and energy of every channel over cells of `base` samples: level 0 of a pyramid.

    ``y[t, c] = (min x, max x, sum x^2)`` over ``x[t b .. (t + 1) b - 1, c]`` with ``b = base``. The last
    cell ends with the signal, so that no sample is left out and the sum over all rows is the energy
    of the recording. Level `k` of the pyramid, cells of ``b 2^k`` samples, follows with `coarser`.

    The profile is not used. Rows depend on their own samples only; the numbers are the same for any
    division into blocks. A recording without samples has no rows, silence gives zeros.
    """

    id = "peaks"
    feature = "peaks"
    label = "Peaks"
    version = 1
    inputs = "channels"
    locality = local(0)
    gain = ("linear", "linear", "quadratic")
    parameters = Schema(
        Parameter("base", int, 64, minimum=16, maximum=65536, description="Samples per row of the finest level."),
    )
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=Framing(params["base"], params["base"], "cells"),
            tail=(audio.channels, 3),
            axes=("frame", "channel", "value"),
            axis_coords={"channel": channel_names(audio.channels), "value": np.array(VALUES)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Channels(), Framing(params["base"], params["base"], "cells")),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        base: int = state["base"]
        span = inputs[0][: context.audio_frames - context.first_frame * base]
        full = len(span) // base
        for c in range(span.shape[1]):
            values = np.ascontiguousarray(span[:, c])
            cell_extremes(values, base, out[:, c, 0], out[:, c, 1])
            out[:full, c, 2] = frame_energies(values[: full * base], base, base, full)
            rest = values[full * base :]
            if len(rest):
                out[full, c, 2] = rest @ rest


def coarser(rows: NDArray[np.float32], factor: int = 2) -> NDArray[np.float32]:
    """The next level of the pyramid.

    Parameters
    ----------
    rows : ndarray [shape=(n, channels, 3)]
        Data of `Peaks`, or what this function returned.
    factor : int > 0
        Rows that become one; the last may stand for fewer.

    Returns
    -------
    ndarray of float32 [shape=(ceil(n / factor), channels, 3)]
    """
    starts = np.arange(0, len(rows), factor)
    out = np.empty((len(starts), *rows.shape[1:]), np.float32)
    if len(starts):
        out[..., 0] = np.minimum.reduceat(rows[..., 0], starts, axis=0)
        out[..., 1] = np.maximum.reduceat(rows[..., 1], starts, axis=0)
        out[..., 2] = np.add.reduceat(rows[..., 2].astype(np.float64), starts, axis=0)
    return out


CALCULATORS = (Peaks,)
