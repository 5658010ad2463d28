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
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Span, Step

MIN_CELL_SAMPLES = 16
PIECE_SAMPLES = 1024
FLOOR_DB = -120.0
LOWEST = 10 ** (FLOOR_DB / 10)


class Rms(Calculator):
    """Level of each channel over centred frames, linear (full-scale square = 1) or in decibels re full scale.

    ``rms[t, c] = sqrt(1/W sum_n x[t hop + n - W/2, c]^2)``, n = 0 .. W-1, silent outside the signal. With
    ``scale="dBFS"``, ``max(20 log10 rms, -120)``: a full-scale square reads 0, a full-scale sine -3.01.

    Agrees with ``librosa.feature.rms(y, frame_length=W, hop_length=hop, center=True)``.
    """

    id = "rms"
    feature = "rms"
    label = "RMS"
    unit = ""
    version = 1
    inputs = "channels"
    gain = "linear"
    parameters = Schema(
        Parameter("scale", str, "linear", choices=("linear", "dBFS"), description="Linear, or decibels re full scale.")
    )
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=Framing(profile.window_size, profile.hop_size, "center"),
            tail=(audio.channels,),
            axes=("frame", "channel"),
            unit="dB" if params["scale"] == "dBFS" else self.unit,
            fill_value=FLOOR_DB if params["scale"] == "dBFS" else 0.0,
            axis_coords={"channel": channel_names(audio.channels)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Channels(), Framing(profile.window_size, profile.hop_size, "center")),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        window, hop = state["window_size"], state["hop_size"]
        for c in range(out.shape[1]):
            energy = frame_energies(np.ascontiguousarray(inputs[0][:, c]), window, hop, len(out))
            if state["scale"] == "linear":
                out[:, c] = np.sqrt(energy / window)
            else:
                out[:, c] = np.maximum(10 * np.log10(np.maximum(energy / window, LOWEST)), FLOOR_DB)


CALCULATORS = (Rms,)


def frame_energies(span: NDArray[np.float32], window: int, hop: int, frames: int) -> NDArray[np.float64]:
    """Sum of squares of each frame of a span [shape=(frames,)].

    Where window and hop have a common divisor, every sample is squared once: sums over cells of that
    many samples are added up per frame. What is added to what depends on window and hop alone, so
    that the numbers are the same wherever a span starts.

    Parameters
    ----------
    span : ndarray of float32 [shape=((frames - 1) * hop + window,)]
    window, hop : int [samples]
    frames : int
    """
    divisor = math.gcd(window, hop)
    if divisor < MIN_CELL_SAMPLES:  # too fine to gain anything
        return _energies(np.lib.stride_tricks.as_strided(span, (frames, window), (4 * hop, 4), writeable=False))
    cells = _energies(span[: len(span) // divisor * divisor].reshape(-1, divisor))
    energy = np.zeros(frames)
    for first in range(window // divisor):
        energy += cells[first :: hop // divisor][:frames]
    return energy


def _energies(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum of squares of each row, in float32 for short pieces only, whose sums are added in float64."""
    energy = np.zeros(len(rows))
    for start in range(0, rows.shape[1], PIECE_SAMPLES):
        piece = rows[:, start : start + PIECE_SAMPLES]
        energy += np.einsum("ij,ij->i", piece, piece)
    return energy
