"""Tempo that changes over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.derived import Derived, curve_of
from audiocache_nb.features.builtin.tempogram import local_spectra, log_prior
from audiocache_nb.features.calculator import ComputeContext
from audiocache_nb.features.parameters import Parameter, Schema

WINDOW_S = 4.0
STEP_S = 0.1
BPM_RANGE = (30.0, 300.0)
TEMPI_PER_OCTAVE = 60
SPREAD = 1.0
INERTIA = 300.0


def tempo_curve(
    strength: NDArray[np.float64], frames_per_minute: float, start_bpm: float, context: ComputeContext
) -> NDArray[np.float64]:
    """The tempo at every frame [BPM, shape=(n,)].

    The tempogram `G` over windows of 4 s, every 0.1 s, is read at 60 tempi per octave from 30 to 300 BPM;
    the tempo is the path `i(t)` through it that maximises the sum of
    ``G[t, i] - log2(b_i / start_bpm)^2 / 20 - 300 log2(b_i(t) / b_i(t-1))^2``.
    """
    from scipy.fft import irfft

    frames_per_s = frames_per_minute / 60
    window = max(8, round(WINDOW_S * frames_per_s))
    every = max(1, round(STEP_S * frames_per_s))
    octaves = np.arange(np.log2(BPM_RANGE[0]), np.log2(BPM_RANGE[1]), 1 / TEMPI_PER_OCTAVE)
    bpm = 2.0**octaves
    lags = frames_per_minute / bpm
    bpm, lags = bpm[lags < window - 1], lags[lags < window - 1]
    low = lags.astype(np.intp)
    part = lags - low
    rows = []
    for _, power in local_spectra(strength, window, every):
        context.checkpoint()
        local = irfft(power, axis=1)
        rows.append(local[:, low] * (1 - part) + local[:, low + 1] * part)
    seen = np.concatenate(rows) + 0.1 * log_prior(bpm, start_bpm, SPREAD)
    path = steady_path(seen, INERTIA / TEMPI_PER_OCTAVE**2, context)
    return np.interp(np.arange(len(strength)), np.arange(len(path)) * every, bpm[path])


def steady_path(seen: NDArray[np.float64], inertia: float, context: ComputeContext) -> NDArray[np.intp]:
    """The path of one column per row with the greatest sum, less `inertia` times the squared steps."""
    count = seen.shape[1]
    steps = np.arange(count)
    cost = inertia * (steps[:, None] - steps) ** 2
    total = seen[0]
    back = np.empty(seen.shape, np.int32)
    for t in range(1, len(seen)):
        if t % 256 == 0:
            context.checkpoint()
        chains = total - cost
        back[t] = np.argmax(chains, axis=1)
        total = chains[steps, back[t]] + seen[t]
    path = np.empty(len(seen), np.intp)
    path[-1] = np.argmax(total)
    for t in range(len(seen) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


class TempoCurve(Derived):
    """The tempo [BPM] at every frame, steady where the recording is and gliding where it glides.

    The tempogram `G` over windows of 4 s, every 0.1 s, is read at 60 tempi ``b_i`` per octave from 30 to 300 BPM; the
    tempo is the path `i(t)` that maximises the sum of ``G[t, i] - log2(b_i / start_bpm)^2 / 20 - 300 log2(b_i(t) /
    b_i(t-1))^2``, with straight lines in between. It is what ``beats`` follows with ``tempo="curve"``. Steps of a
    sixtieth of an octave (1.2 %) are the least that it tells apart.

    Silence has tempo 0. The path depends on the whole recording; needs all of ``onset_strength``.

    Source: D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36, 2007 (the
    prior); the path as in G. Peeters, "Template-based estimation of time-varying tempo", EURASIP JASP 2007.
    """

    id = "tempo.curve"
    feature = "tempo.curve"
    label = "Tempo over time"
    unit = "BPM"
    version = 2
    inputs = ("onset_strength",)
    gain = "invariant"
    parameters = Schema(
        Parameter("start_bpm", float, 120.0, minimum=1.0, maximum=1000.0, description="The most likely tempo."),
    )

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> NDArray[np.float32]:
        strength = curve_of(inputs[0])
        out = np.zeros((len(strength), 1), np.float32)
        if len(strength) > 1 and strength.any():
            frames_per_minute = 60 * context.sample_rate / context.hop_size
            out[:, 0] = tempo_curve(strength, frames_per_minute, state["start_bpm"], context)
        return out


CALCULATORS = (TempoCurve,)
