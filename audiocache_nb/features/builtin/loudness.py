"""Loudness of programmes: ITU-R BS.1770-5, EBU R 128, EBU Tech 3341 and 3342."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.channels import channel_names
from audiocache_nb.features.builtin.kweighting import channel_weights, sections
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, Locality, local, whole
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Span, Step
from audiocache_nb.features.track import Global

STEPS_PER_S = 10
PARTS = 10  # of a step: a maximum that is looked for every 100 ms only can be 0.6 LU too low
MOMENTARY, SHORT_TERM = 4, 30  # steps: 400 ms and 3 s
WARM_UP = 2  # steps after which the filters have forgotten where they began
OFFSET_DB = -0.691  # a full-scale sine at 997 Hz in one front channel reads -3.01 LUFS
FLOOR_LUFS = -120.0
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
RANGE_GATE_LU, RANGE_PERCENTILES = -20.0, (10, 95)
GLOBAL_NAMES = ("integrated_lufs", "range_lu", "momentary_max_lufs", "short_term_max_lufs")


def step_samples(sample_rate: int) -> int:
    """Samples of one step of 100 ms, to the nearest sample."""
    return max(1, round(sample_rate / STEPS_PER_S))


class LoudnessPower(Calculator):
    """K-weighted power of every channel in steps of 100 ms, of ten parts each: what loudness is added up from.

    ``p[t, c, j] = 10/h sum_n (k * x)[t h + n, c]^2``, ``n = round(j h / 10) .. round((j + 1) h / 10) - 1``,
    ``h = round(fs / 10)``, where `k` is the impulse response of the K-weighting of BS.1770-5 and the signal is silent
    outside the recording. The mean over the parts is the power of the step.

    Local with a halo of two steps: 200 ms before a step, the response of the 38 Hz high-pass has decayed
    by 400 dB. Blocks of any size give the same numbers to 1e-6 relative. The profile is not used.
    Silence gives zeros; a recording without samples has no rows.
    """

    id = "loudness.power"
    feature = "loudness.power"
    label = "K-weighted power"
    version = 2
    inputs = "channels"
    locality = local(WARM_UP)
    gain = "quadratic"
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {}

    @staticmethod
    def _framing(sample_rate: int) -> Framing:
        return Framing(step_samples(sample_rate), step_samples(sample_rate), "cells")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=self._framing(audio.sample_rate),
            tail=(audio.channels, PARTS),
            axes=("frame", "channel", "part"),
            axis_coords={"channel": channel_names(audio.channels), "part": np.arange(PARTS)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Channels(), self._framing(audio.sample_rate)),)

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return WARM_UP, 0

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        return step_samples(audio.sample_rate), sections(audio.sample_rate)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        from scipy.signal import sosfilt

        step, filters = state
        edges = (np.arange(PARTS) * step + PARTS // 2) // PARTS
        for c in range(out.shape[1]):
            values = inputs[0][:, c].astype(np.float64)
            if values.any():
                values = sosfilt(filters, values)
            steps = values.reshape(-1, step)[WARM_UP:]
            out[:, c] = np.add.reduceat(np.square(steps), edges, axis=1) * (PARTS / step)


class _FromPower(Calculator):
    """What is computed from the powers of the steps, all channels of it."""

    unit = "LUFS"
    version = 1
    inputs = ("loudness.power",)
    locality: Locality = whole
    fill_value = FLOOR_LUFS

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {}

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return ()

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        return (Descriptor("loudness.power", "loudness.power"),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        return channel_weights(audio.channels)


class Loudness(_FromPower):
    """Momentary and short-term loudness every 100 ms, over windows centred at the time of the row.

    ``L[t] = -0.691 + 10 log10 sum_c G_c p_c(t)`` with the mean K-weighted powers `p_c` over 400 ms
    (momentary) and 3 s (short-term) and the weights of channels ``G_c`` of BS.1770-5: 1, surround 1.41,
    low-frequency effects 0. Channels are taken in the order of WAVE and FLAC files; where that is not
    known every weight is 1. The recording counts as silent outside, so that the first and last
    windows read less; a live meter shows these numbers half a window later.

    Silence reads -120 LUFS, the fill value and the lowest number. Local with a halo of 1.5 s, 15 frames of
    ``loudness.power``. Blocks of any size give exactly the same numbers.

    Source: ITU-R BS.1770-5 (2023); EBU Tech 3341 (2023), section 2.
    """

    id = "loudness"
    feature = "loudness"
    label = "Loudness"
    locality = local(SHORT_TERM // 2)
    gain = "decibels"

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        step = step_samples(audio.sample_rate)
        return Layout(
            framing=Framing(MOMENTARY * step, step, "center"),
            tail=(2,),
            axes=("frame", "window"),
            unit=self.unit,
            fill_value=FLOOR_LUFS,
            axis_coords={"window": np.array(["momentary", "short-term"])},
        )

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return SHORT_TERM // 2, SHORT_TERM // 2 - 1

    def compute(self, inputs: tuple[Any, ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        first = min(SHORT_TERM // 2, context.first_frame)
        power = (inputs[0].values().astype(np.float64).mean(axis=2) * state).sum(axis=1)
        for n, steps in enumerate((MOMENTARY, SHORT_TERM)):
            padded = np.concatenate([np.zeros(steps // 2), power, np.zeros(steps)])  # silent outside
            out[:, n] = to_lufs(sliding_mean(padded, steps)[first : first + len(out)])


class IntegratedLoudness(_FromPower):
    """Loudness of the whole recording, its range, and its loudest moments.

    ``integrated_lufs``: the mean power of all blocks of 400 ms (every 100 ms) above -70 LUFS and above
    10 LU below the mean of those, in LUFS. ``range_lu``: the distance of the 10th and the 95th
    percentile of short-term loudness (every 100 ms) above -70 LUFS and above 20 LU below the mean of
    those. ``momentary_max_lufs``, ``short_term_max_lufs``: the greatest values over windows, every 10 ms,
    that lie wholly inside the recording.

    Only windows inside the recording count, as BS.1770-5 has it: less than 400 ms have no integrated
    and momentary loudness, less than 3 s no range and short-term loudness; these read -120 LUFS and
    0 LU, as does silence. Needs all of ``loudness.power``.

    Source: ITU-R BS.1770-5 (2023), annex 1; EBU Tech 3341 (2023); EBU Tech 3342 (2023).
    """

    id = "loudness.integrated"
    version = 2
    feature = "loudness.integrated"
    label = "Integrated loudness"
    gain = ("decibels", "invariant", "decibels", "decibels")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        step = step_samples(audio.sample_rate)
        return Layout(
            framing=Framing(step, step, "cells"),
            tail=(len(GLOBAL_NAMES),),
            axes=("frame", "value"),
            unit=self.unit,
            fill_value=FLOOR_LUFS,
            axis_coords={"value": np.array(GLOBAL_NAMES)},
        )

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Global:
        complete = context.audio_frames // context.hop_size  # the last step may be shorter
        parts = np.einsum("tcp,c->tp", inputs[0].data[:complete].astype(np.float64), state)
        power = parts.mean(axis=1)
        return Global(
            [
                float(to_lufs(gated_power(sliding_mean(power, MOMENTARY)))),
                loudness_range_lu(sliding_mean(power, SHORT_TERM)),
                _loudest(parts, MOMENTARY),
                _loudest(parts, SHORT_TERM),
            ],
            GLOBAL_NAMES,
        )


def to_lufs(power: Any) -> NDArray[np.float64]:
    """``-0.691 + 10 log10(power)``, at least -120 LUFS."""
    lowest = 10 ** ((FLOOR_LUFS - OFFSET_DB) / 10)
    return np.asarray(np.maximum(FLOOR_LUFS, OFFSET_DB + 10 * np.log10(np.maximum(power, lowest))))


def _loudest(parts: NDArray[np.float64], steps: int) -> float:
    """Loudness of the loudest window of so many steps, wherever it begins, to the nearest part."""
    sums = np.concatenate([[0.0], np.cumsum(parts.ravel())])
    length = steps * PARTS
    if len(sums) <= length:
        return FLOOR_LUFS
    return float(to_lufs((sums[length:] - sums[:-length]).max() / length))


def sliding_mean(power: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Mean of every run of `steps` values [shape=(max(0, n - steps + 1),)], without rounding carried along."""
    if len(power) < steps:
        return np.empty(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(power, steps).mean(axis=1))


def gated_power(blocks: NDArray[np.float64]) -> float:
    """Mean power of the blocks that pass the absolute and the relative gate; 0 if none does.

    Parameters
    ----------
    blocks : ndarray [shape=(n,)]
        Weighted powers of blocks of 400 ms.
    """
    levels = to_lufs(blocks)
    loud = levels > ABSOLUTE_GATE_LUFS
    if not loud.any():
        return 0.0
    return float(blocks[loud & (levels > to_lufs(blocks[loud].mean()) + RELATIVE_GATE_LU)].mean())


def loudness_range_lu(short_term: NDArray[np.float64]) -> float:
    """Loudness range of EBU Tech 3342 [LU]; 0 if nothing passes the gates.

    Parameters
    ----------
    short_term : ndarray [shape=(n,)]
        Weighted powers of windows of 3 s.
    """
    levels = to_lufs(short_term)
    loud = levels >= ABSOLUTE_GATE_LUFS
    if not loud.any():
        return 0.0
    kept = levels[loud & (levels >= to_lufs(short_term[loud].mean()) + RANGE_GATE_LU)]
    low, high = np.percentile(kept, RANGE_PERCENTILES)
    return float(high - low)


CALCULATORS = (LoudnessPower, Loudness, IntegratedLoudness)
