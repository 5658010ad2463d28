"""Onsets: where sounds begin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.derived import Derived, curve_of
from audiocache_nb.features.calculator import ComputeContext
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.track import Events

TINY = float(np.finfo(np.float32).tiny)


class Onsets(Derived):
    """Times at which sounds begin: the peaks of ``onset_strength``.

    With the strength `o` scaled to 0..1, frame `n` is an onset if ``o[n] = max o[n - a .. n + b - 1]`` and
    ``o[n] >= mean o[n - c .. n + d - 1] + delta`` and it is more than `wait` frames after the last one,
    where `a`, `b`, `c`, `d` and `wait` are 30, 0, 100, 100 and 30 ms in frames. Each event has a time [s]
    and its strength (0..1).

    Agrees with ``librosa.onset.onset_detect(onset_envelope=o, backtrack=backtrack)``: the same frames.
    Silence, or a strength that never changes, has no onsets. Needs all of ``onset_strength``.

    Source: S. Böck, F. Krebs and M. Schedl, "Evaluating the online capabilities of onset detection
    methods", ISMIR 2012; parameters from a search by the authors of librosa.
    """

    id = "onsets"
    feature = "onsets"
    label = "Onsets"
    inputs = ("onset_strength",)
    gain = "invariant"
    parameters = Schema(
        Parameter("delta", float, 0.07, minimum=0.0, maximum=1.0, description="How far above the mean a peak lies."),
        Parameter("wait_ms", float, 30.0, minimum=0.0, maximum=10000.0, description="Shortest distance of two onsets."),
        Parameter("backtrack", bool, False, description="Move each onset back to the dip before it."),
    )

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Events:
        strength = curve_of(inputs[0])
        if len(strength):
            strength = strength - np.min(strength)
            strength /= np.max(strength) + TINY
        rate, hop = context.sample_rate, context.hop_size
        peaks = pick_peaks(
            strength,
            before_max=math.ceil(0.03 * rate // hop),
            after_max=1,
            before_mean=math.ceil(0.10 * rate // hop),
            after_mean=math.ceil(0.10 * rate // hop) + 1,
            delta=state["delta"],
            wait=math.ceil(state["wait_ms"] / 1000 * rate // hop),
            context=context,
        )
        values = strength[peaks]
        if state["backtrack"]:
            peaks = backtracked(peaks, strength)
        return Events(peaks * hop / rate, values, ("strength",))


def pick_peaks(
    curve: NDArray[np.float64],
    *,
    before_max: int,
    after_max: int,
    before_mean: int,
    after_mean: int,
    delta: float,
    wait: int,
    context: ComputeContext | None = None,
) -> NDArray[np.intp]:
    """Frames that are the greatest around them, stand out from the mean, and keep their distance.

    Parameters
    ----------
    curve : ndarray [shape=(n,)]
    before_max, before_mean : int >= 0 [frames]
    after_max, after_mean : int >= 1 [frames]
        The frame itself included.
    delta : float
        How far above the mean.
    wait : int >= 0 [frames]

    Returns
    -------
    ndarray of int [shape=(k,)]
        In ascending order.
    """
    if not curve.any():
        return np.empty(0, np.intp)
    padded = np.concatenate([np.full(before_max, -np.inf), curve, np.full(after_max - 1, -np.inf)])
    greatest = np.lib.stride_tricks.sliding_window_view(padded, before_max + after_max).max(axis=1)
    candidates = np.flatnonzero(curve == greatest)
    padded = np.concatenate([np.zeros(before_mean), curve, np.zeros(after_mean - 1)])
    around = np.lib.stride_tricks.sliding_window_view(padded, before_mean + after_mean)[candidates].sum(axis=1)
    count = np.minimum(candidates + after_mean, len(curve)) - np.maximum(candidates - before_mean, 0)
    candidates = candidates[curve[candidates] >= around / count + delta]
    picked: list[int] = []
    for number, frame in enumerate(candidates.tolist()):
        if context is not None and number % 50_000 == 0:
            context.checkpoint()
        if not picked or frame - picked[-1] > wait:
            picked.append(frame)
    return np.array(picked, np.intp)


def backtracked(frames: NDArray[np.intp], curve: NDArray[np.float64]) -> NDArray[np.intp]:
    """Each frame moved to the last local minimum of the curve at or before it, or else to the start.

    Agrees with ``librosa.onset.onset_backtrack`` wherever there is a minimum before the first onset.
    """
    dips = 1 + np.flatnonzero((curve[1:-1] <= curve[:-2]) & (curve[1:-1] < curve[2:]))
    dips = np.concatenate([[0], dips])
    return np.asarray(dips[np.searchsorted(dips, frames, side="right") - 1])


CALCULATORS = (Onsets,)
