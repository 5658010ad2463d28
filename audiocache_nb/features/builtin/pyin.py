"""Fundamental frequency by probabilistic YIN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.derived import Derived
from audiocache_nb.features.builtin.pitch_path import PitchPath
from audiocache_nb.features.builtin.yin import PITCH_RANGE, Difference, Periods, refined, troughs
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step

KEPT = 8
THRESHOLDS = 100
BETA = (2.0, 18.0)
BOLTZMANN = 2.0
NO_TROUGH = 0.01


class PitchCandidates(Calculator):
    """The likeliest fundamental frequencies of every frame, and how likely each is: what pYIN chooses from.

    With ``d'`` of ``f0.yin``, its minima in order of their lag, and thresholds ``s = 0.01 .. 1`` drawn with the
    probabilities of a beta(2, 18) distribution: a minimum that is the `i`-th (from 0) of the `n` below `s`
    receives the part ``(1 - e^-2) e^(-2 i) / (1 - e^(-2 n))`` of the probability of `s`; where none is below `s`,
    the lowest receives 1 % of it. The eight likeliest are kept, in the order of their likelihood; places
    that are left over are 0, as is silence. Local; blocks of any size give the same numbers.

    Source: M. Mauch and S. Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
    distributions", ICASSP 2014.
    """

    id = "f0.candidates"
    feature = "f0.candidates"
    label = "Candidates of the fundamental frequency"
    unit = "Hz"
    version = 1
    inputs = "frames"
    locality = local(0)
    gain = "invariant"
    parameters = Schema(*PITCH_RANGE)
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=Periods.of(audio.sample_rate, params).framing(profile),
            tail=(KEPT, 2),
            axes=("frame", "rank", "value"),
            unit=self.unit,
            axis_coords={"rank": np.arange(KEPT), "value": np.array(["f0", "probability"])},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        periods = Periods.of(audio.sample_rate, params)
        return (Difference(periods.framing(profile), periods.longest),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        from scipy.special import betainc

        edges = np.linspace(0, 1, THRESHOLDS + 1)
        return Periods.of(audio.sample_rate, params), edges[1:], np.diff(betainc(*BETA, edges))

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        periods, thresholds, weights = state
        d, relative = inputs[0][:, 0], inputs[0][:, 1, periods.shortest :]
        rows, columns = np.nonzero(troughs(relative))
        out[...] = 0
        if not len(rows):
            return
        heights = relative[rows, columns]
        first = np.searchsorted(rows, np.arange(len(relative)))  # of each frame's minima
        probability = _probabilities(heights, rows, first, thresholds, weights)
        f0_hz = periods.sample_rate / refined(d, rows, periods.shortest + columns)
        order = np.lexsort((columns, -probability, rows))
        rank = np.arange(len(rows)) - first[rows]
        kept = (rank < KEPT) & (probability[order] > 0)
        out[rows[kept], rank[kept], 0] = f0_hz[order][kept]
        out[rows[kept], rank[kept], 1] = probability[order][kept]


def _probabilities(
    heights: NDArray[np.float64],
    rows: NDArray[np.intp],
    first: NDArray[np.intp],
    thresholds: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probability of each minimum [shape=(n,)]; `rows` are their frames, in ascending order."""
    below = heights[:, None] < thresholds
    count = np.cumsum(below, axis=0)
    last = np.append(first[1:], len(rows)) - 1
    before = np.where(first[:, None] > 0, count[first - 1], 0)
    present = last >= first
    total = np.where(present[:, None], count[last] - before, 0)
    position = count - 1 - before[rows]
    share = -math.expm1(-BOLTZMANN) * np.exp(-BOLTZMANN * position) / -np.expm1(-BOLTZMANN * np.maximum(total, 1)[rows])
    probability = np.where(below, share, 0) @ weights
    lowest = np.lexsort((np.arange(len(rows)), heights, rows))[first[present]]
    probability[lowest] += NO_TROUGH * (~below[lowest] @ weights)
    return np.asarray(probability)


class Pyin(Derived):
    """Fundamental frequency [Hz], whether there is one (0 or 1), and how likely that is (0..1), by pYIN.

    The likeliest path through all frames, by the Viterbi algorithm, over pitches every 0.1 semitones from
    `fmin` to `fmax`, each voiced or not. Voiced states are observed with the probabilities of
    ``f0.candidates``, the others share what remains. From frame to frame the pitch moves by up to
    35.92 octaves per second, small steps being likelier (a triangle), and voicing changes with the
    probability `switch`. Where a voiced state has a candidate, that candidate's frequency is given, else the
    state's. Frames without pitch have frequency 0, and so does silence.

    ``librosa.pyin`` differs in ``d'`` (see ``f0.yin``) and gives the states' frequencies: on clear pitches both agree
    to 0.1 semitones. The whole path depends on the whole signal; needs all of ``f0.candidates``.

    Source: M. Mauch and S. Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
    distributions", ICASSP 2014.
    """

    id = "f0.pyin"
    feature = "f0.pyin"
    label = "Fundamental frequency (pYIN)"
    unit = "Hz"
    inputs = ("f0.candidates",)
    gain = "invariant"
    parameters = Schema(
        *PITCH_RANGE,
        Parameter("switch", float, 0.01, minimum=0.0001, maximum=0.5, description="How likely voicing changes."),
    )

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        wanted = {"fmin": params["fmin"], "fmax": params["fmax"]}
        return (Descriptor("f0.candidates", "f0.candidates", profile, wanted),)

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=Periods.of(audio.sample_rate, params).framing(profile),
            tail=(3,),
            axes=("frame", "value"),
            unit=self.unit,
            axis_coords={"value": np.array(["f0", "voiced", "probability"])},
        )

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> NDArray[np.float32]:
        candidates = inputs[0].data
        out = np.zeros((len(candidates), 3), np.float32)
        if len(candidates):
            path = PitchPath(
                state["fmin"],
                state["fmax"],
                hop_s=context.hop_size / context.sample_rate,
                switch=state["switch"],
            )
            out[:, 0] = path.follow(candidates, context)
            out[:, 1] = out[:, 0] > 0
            out[:, 2] = np.minimum(candidates[:, :, 1].sum(axis=1), 1)
        return out


CALCULATORS = (PitchCandidates, Pyin)
