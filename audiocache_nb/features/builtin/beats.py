"""Beats: the sequence of onsets that is strong and even."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.derived import Derived, curve_of
from audiocache_nb.features.builtin.tempo_curve import tempo_curve
from audiocache_nb.features.calculator import ComputeContext
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import Events

TINY = float(np.finfo(np.float64).tiny)
SLOWEST_BPM = 5.0
BLOCK_VALUES = 1 << 18


class Beats(Derived):
    """Times of the beats, with the onset strength at each (in its standard deviations).

    The beats ``b_1 .. b_k`` are the frames that maximise ``sum s[b_i] - tightness sum log^2((b_i - b_(i-1)) / p)``
    with ``p = round(60 fs / (hop tempo))`` frames per beat and `s` the onset strength in its standard
    deviations, smoothed by a Gaussian of ``p / 32`` frames; found by dynamic programming over
    intervals from ``p / 2`` to ``2 p``. With `trim`, weak beats at both ends are left out.

    With ``tempo="constant"``, `p` is that of `bpm` or, if that is None, of the feature ``tempo``. With
    ``tempo="curve"`` it changes over time: it follows the tempogram over windows of 4 s along the path
    that is both strong and steady (see `tempo_curve`).

    Agrees with ``librosa.beat.beat_track(onset_envelope=o, bpm=bpm, tightness=tightness, trim=trim)``: the
    same frames for the same constant tempo. Silence has no beats. Needs all of ``onset_strength``.

    Source: D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36, 2007.
    """

    id = "beats"
    feature = "beats"
    label = "Beats"
    version = 2
    inputs = ("onset_strength", "tempo")
    gain = "invariant"
    parameters = Schema(
        Parameter("tempo", str, "constant", choices=("constant", "curve"), description="Whether the tempo may change."),
        Parameter(
            "bpm", float, None, minimum=10.0, maximum=1000.0, description="A constant tempo; None: the estimated."
        ),
        Parameter("start_bpm", float, 120.0, minimum=1.0, maximum=1000.0, description="The most likely tempo."),
        Parameter("tightness", float, 100.0, minimum=0.1, maximum=1e6, description="How even the beats have to be."),
        Parameter("trim", bool, True, description="Leave out weak beats at both ends."),
    )

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        strength = Descriptor("onset_strength", None, profile)
        if params["tempo"] == "curve" or params["bpm"]:
            return (strength,)
        return (strength, Descriptor("tempo", None, profile, {"start_bpm": params["start_bpm"]}))

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Events:
        strength = curve_of(inputs[0])
        frames_per_minute = 60 * context.sample_rate / context.hop_size
        if len(strength) < 2 or not strength.any():
            return Events([], np.empty((0, 1)), ("strength",))
        if state["tempo"] == "curve":
            bpm = tempo_curve(strength, frames_per_minute, state["start_bpm"], context)
        else:
            bpm = np.array([state["bpm"] or inputs[1].data[0, 0]])
        period = np.maximum(1, np.round(frames_per_minute / np.maximum(bpm, SLOWEST_BPM)))
        strength = strength / (strength.std(ddof=1) + TINY)
        beats = track_beats(strength, period.astype(np.intp), state["tightness"], trim=state["trim"], context=context)
        return Events(beats * context.hop_size / context.sample_rate, strength[beats], ("strength",))


def track_beats(
    strength: NDArray[np.float64],
    period: NDArray[np.intp],
    tightness: float,
    *,
    trim: bool,
    context: ComputeContext,
) -> NDArray[np.intp]:
    """Frames of the beats.

    Parameters
    ----------
    strength : ndarray [shape=(n,)], n > 1
        Onset strength in its standard deviations.
    period : ndarray of int [shape=(1,) or (n,)]
        Frames per beat, at every frame or everywhere.
    tightness : float > 0
    trim : bool
    """
    score = _smooth(strength, period, context)
    back, total = _best_chains(score, np.broadcast_to(period, len(score)), tightness, context)
    beats = [_last_beat(total)]
    while back[beats[-1]] >= 0:
        beats.append(int(back[beats[-1]]))
    found = np.array(beats[::-1], np.intp)
    if not trim:
        threshold = 0.0
    else:
        smooth = np.convolve(score[found], np.hanning(5))[2 : len(score) + 2]
        threshold = 0.5 * float(np.sqrt(np.mean(smooth**2)))
    strong = np.flatnonzero(score > threshold)
    if not len(strong):
        return found[:0]
    return np.asarray(found[(found >= strong[0]) & (found <= strong[-1])])


def _smooth(strength: NDArray[np.float64], period: NDArray[np.intp], context: ComputeContext) -> NDArray[np.float64]:
    """Gaussians of 1/32 of the period around every frame, all with the sum of that of the median period."""
    out = np.empty(len(strength))
    area = _taper(int(np.median(period))).sum()
    for frames in np.unique(period):
        taper = _taper(int(frames))
        reach, taper = len(taper) // 2, taper * (area / taper.sum())
        around = np.lib.stride_tricks.sliding_window_view(np.pad(strength, reach), len(taper))
        here = np.flatnonzero(np.broadcast_to(period == frames, len(strength)))
        for start in range(0, len(here), max(1, BLOCK_VALUES // len(taper))):
            context.checkpoint()
            rows = here[start : start + max(1, BLOCK_VALUES // len(taper))]
            out[rows] = around[rows] @ taper
    return out


def _taper(period: int) -> NDArray[np.float64]:
    reach = math.ceil(9 * period / 32)  # beyond, less than 1e-17 is left
    return np.asarray(np.exp(-0.5 * (np.arange(-reach, reach + 1) * 32.0 / period) ** 2))


def _best_chains(
    score: NDArray[np.float64], period: NDArray[np.intp], tightness: float, context: ComputeContext
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For every frame the best beat before it (-1: none) and the score of the best chain that ends there.

    A beat's predecessors lie at least half a period before it, so that half a period of frames is
    computed at once.
    """
    n = len(score)
    back = np.full(n, -1, np.intp)
    nearest = np.maximum(1, np.round(period / 2).astype(np.intp))
    longest = int(2 * np.max(period))
    padded = np.full(longest + n, -np.inf)  # so that there is something before the start
    intervals = np.arange(1, longest + 1)
    most = max(1, BLOCK_VALUES // longest)
    step = start = 0
    while start < n:
        if step % 16 == 0:
            context.checkpoint()
            context.progress(start / n)
        step += 1
        stop = min(n, start + most, start + int(nearest[start]))
        size = min(stop - start, int(np.min(nearest[start:stop])))
        stop = start + size
        here, p = np.arange(start, stop), period[start:stop, None]
        cost = -tightness * (np.log(intervals) - np.log(p)) ** 2
        cost[(intervals < nearest[start:stop, None]) | (intervals > 2 * p)] = -np.inf
        chains = padded[longest + here[:, None] - intervals] + cost
        best = np.argmax(chains, axis=1)
        value = chains[np.arange(size), best]
        linked = value > -np.inf
        back[start:stop] = np.where(linked, here - intervals[best], -1)
        padded[longest + start : longest + stop] = score[start:stop] + np.where(linked, value, 0)
        start = stop
    # Before the first frame that stands out, no chain begins.
    back[: int(np.argmax(score >= 0.01 * np.max(score)))] = -1
    return back, padded[longest:]


def _last_beat(total: NDArray[np.float64]) -> int:
    """The last peak of the chains' scores that is at least half as high as the peaks' median."""
    peaks = 1 + np.flatnonzero((total[1:-1] > total[:-2]) & (total[1:-1] >= total[2:]))
    if total[-1] > total[-2]:
        peaks = np.append(peaks, len(total) - 1)
    if not len(peaks):
        return len(total) - 1
    high = peaks[total[peaks] >= 0.5 * np.median(total[peaks])]
    return int(high[-1]) if len(high) else len(total) - 1


CALCULATORS = (Beats,)
