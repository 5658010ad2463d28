"""Root mean square per channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.channels import channel_names
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Span, Step


class Rms(Calculator):
    """Level of each channel over centred frames, linear (full-scale square = 1).

    ``rms[t, c] = sqrt(1/W sum_n x[t hop + n - W/2, c]^2)``, n = 0 .. W-1, silent outside the signal.

    Agrees with ``librosa.feature.rms(y, frame_length=W, hop_length=hop, center=True)``.
    """

    id = "rms"
    feature = "rms"
    label = "RMS"
    unit = ""
    version = 1
    inputs = "channels"

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=Framing(profile.window_size, profile.hop_size, "center"),
            tail=(audio.channels,),
            axes=("frame", "channel"),
            axis_coords={"channel": channel_names(audio.channels)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Channels(), Framing(profile.window_size, profile.hop_size, "center")),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        window, hop = state["window_size"], state["hop_size"]
        for c in range(out.shape[1]):
            energy = frame_energies(np.ascontiguousarray(inputs[0][:, c]), window, hop, len(out))
            out[:, c] = np.sqrt(energy / window)


def frame_energies(span: NDArray[np.float32], window: int, hop: int, frames: int) -> NDArray[np.float64]:
    """Sum of squares of each frame of a span [shape=(frames,)].

    Every sample is squared once: sums over the common divisor of window and hop are added up
    per frame, which also makes the numbers independent of where a span starts.

    Parameters
    ----------
    span : ndarray of float32 [shape=((frames - 1) * hop + window,)]
    window, hop : int [samples]
    frames : int
    """
    cell = math.gcd(window, hop)
    if cell < 16:  # too fine to gain anything
        view = np.lib.stride_tricks.as_strided(span, (frames, window), (4 * hop, 4), writeable=False)
        return np.einsum("ij,ij->i", view, view).astype(np.float64)
    rows = span[: len(span) // cell * cell].reshape(-1, cell)
    sums = np.einsum("ij,ij->i", rows, rows).astype(np.float64)
    per_frame = np.lib.stride_tricks.sliding_window_view(sums, window // cell)[:: hop // cell]
    return per_frame[:frames].sum(axis=1)
