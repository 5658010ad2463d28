"""One period of the waveform at every frame: what an oscilloscope shows that is locked to the pitch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.yin import PITCH_RANGE, Difference, Periods, best_periods
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Frames, Step

AT_ONCE = 32  # rows, so that what is in between takes little memory
TIE = 1e-6  # what lies this close to the middle of two samples is rounded alike, whatever the last digits


class WaveformPeriod(Calculator):
    """One period of the mono mix around the middle of every frame, in phase from frame to frame.

    With the period `p` [samples] that YIN finds (see ``f0.yin``) and the middle `m` of the frame, the phase of the
    fundamental is ``phi = pi / 2 + arg sum_n w[n] x[m + n] exp(-2 pi i n / p)``, ``w[n] = (1 + cos(pi n / p)) / 2``,
    ``|n| <= p``, under which harmonics and a constant vanish. The row holds ``x[s .. s + round(p) - 1]``, where `s`
    is the sample closest to that one of the points ``m - phi p / (2 pi) + k p``, at which the fundamental passes
    through zero upwards, from which the period lies around `m`. Behind it there are zeros: the format is
    ``waveform-periodic``, rows as long as the longest period. The coordinates of a row's samples are seconds.

    Frames whose aperiodicity is not below `threshold`, and silence, are 0. Where there is no fundamental, only
    harmonics, the phase is that of noise. Local; blocks of any size give the same numbers.

    Source: the period as in A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and
    music", JASA 111, 2002.
    """

    id = "waveform.period"
    feature = "waveform.period"
    label = "One period of the waveform"
    version = 1
    inputs = "frames"
    locality = local(0)
    gain = "linear"
    promises_finite = True
    parameters = Schema(
        *PITCH_RANGE,
        Parameter("threshold", float, 0.2, minimum=0.0, maximum=1.0, description="What counts as periodic."),
    )

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        periods = Periods.of(audio.sample_rate, params)
        return Layout(
            framing=periods.framing(profile),
            tail=(periods.longest,),
            axes=("frame", "sample"),
            unit=self.unit,
            axis_coords={"sample": np.arange(periods.longest) / audio.sample_rate},
            format="waveform-periodic",
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        periods = Periods.of(audio.sample_rate, params)
        framing = periods.framing(profile)
        return Frames(framing), Difference(framing, periods.longest)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        return Periods.of(audio.sample_rate, params), params["threshold"]

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        (frames, differences), (periods, threshold) = inputs, state
        lags, aperiodicity = best_periods(differences, periods, threshold)
        found = np.flatnonzero((lags > 0) & (aperiodicity < threshold))
        out.fill(0)
        for first in range(0, len(found), AT_ONCE):
            context.checkpoint()
            these = found[first : first + AT_ONCE]
            out[these] = _periods(frames[these], np.clip(lags[these], 2, periods.longest), periods.longest)


def _periods(frames: NDArray[np.floating], lags: NDArray[np.float64], longest: int) -> NDArray[np.floating]:
    """The period in the middle of each frame, with zeros behind it [shape=(rows, longest)]."""
    middle, around, columns = frames.shape[1] // 2, np.arange(-longest, longest + 1), np.arange(longest)
    starts = middle + _starts(frames[:, middle - longest : middle + longest + 1], around, lags)
    places = np.minimum(starts[:, None] + columns, frames.shape[1] - 1)
    return np.where(columns < _rounded(lags)[:, None], np.take_along_axis(frames, places, axis=1), 0)


def _starts(near: NDArray[np.floating], around: NDArray[np.intp], lags: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where the periods begin [shape=(rows,), samples from the middle].

    Parameters
    ----------
    near : ndarray [shape=(rows, n)]
        The samples at the places `around` the middle.
    around : ndarray of int [shape=(n,)]
    lags : ndarray [shape=(rows,)] [samples]
    """
    turns = around / lags[:, None]
    taper = np.where(np.abs(turns) <= 1, 0.5 + 0.5 * np.cos(np.pi * turns), 0)
    fundamental = (near * taper * np.exp(-2j * np.pi * turns)).sum(axis=1)
    crossing = -(0.25 + np.angle(fundamental) / (2 * np.pi)) * lags
    wanted = -lags / 2
    return _rounded(crossing + lags * _rounded((wanted - crossing) / lags))


def _rounded(values: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.floor(values + 0.5 - TIE).astype(np.intp)


CALCULATORS = (WaveformPeriod,)
