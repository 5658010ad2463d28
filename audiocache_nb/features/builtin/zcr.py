"""Zero-crossing rate per channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.channels import channel_names
from audiocache_nb.features.builtin.spectra import centred
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Span, Step

THRESHOLD = np.float32(1e-10)


class ZeroCrossingRate(Calculator):
    """How often each channel changes its sign, per sample: 0 .. 1, and ``sample_rate / 2`` times that is Hz.

    ``z[t, c] = 1/W sum_n [s(t hop - W/2 + n) != s(t hop - W/2 + n - 1)]``, n = 1 .. W-1, where `s` is whether
    a sample lies below -1e-10; so zero counts as positive. The ends of the signal are no crossings.

    Agrees with ``librosa.feature.zero_crossing_rate(y, frame_length=W, hop_length=hop)``, exactly.
    """

    id = "zcr"
    feature = "zcr"
    label = "Zero-crossing rate"
    version = 1
    inputs = "channels"
    gain = "invariant"
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=centred(profile),
            tail=(audio.channels,),
            axes=("frame", "channel"),
            axis_coords={"channel": channel_names(audio.channels)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Channels(), centred(profile)),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        window, hop = state["window_size"], state["hop_size"]
        start = context.first_frame * hop - window // 2
        crossed = np.empty(len(inputs[0]), np.bool_)
        for c in range(out.shape[1]):
            below = inputs[0][:, c] < -THRESHOLD
            crossed[0] = False
            np.not_equal(below[1:], below[:-1], out=crossed[1:])
            for edge in (-start, context.audio_frames - start):  # where the signal begins and where silence follows
                if 0 <= edge < len(crossed):
                    crossed[edge] = False
            np.divide(frame_counts(crossed, window, hop, len(out)), window, out=out[:, c], casting="same_kind")


def frame_counts(crossed: NDArray[np.bool_], window: int, hop: int, frames: int) -> NDArray[np.float64]:
    """How many samples after the first of each frame are set [shape=(frames,)].

    Every sample is counted once: counts of cells as long as window and hop have in common are added up per frame.

    Parameters
    ----------
    crossed : ndarray of bool [shape=((frames - 1) * hop + window,)]
    window, hop : int [samples]
    frames : int
    """
    divisor = math.gcd(window, hop)
    cells = _cell_counts(crossed, divisor)
    sums = np.concatenate(([0], np.cumsum(cells)))
    first = np.arange(frames) * (hop // divisor)
    counts = sums[first + window // divisor] - sums[first]
    counts -= crossed[: (frames - 1) * hop + 1 : hop]
    return counts.astype(np.float64)


def _cell_counts(crossed: NDArray[np.bool_], cell: int) -> NDArray[np.int64]:
    """How many are set in each whole cell [shape=(n // cell,)]."""
    whole = crossed[: len(crossed) // cell * cell].view(np.uint8)
    if cell % 8 or cell > 8 * 255:
        counts: NDArray[np.int64] = np.add.reduceat(whole, np.arange(0, len(whole), cell), dtype=np.int64)
        return counts
    # Eight bytes are added at once; none of them can overflow.
    words = np.add.reduceat(whole.view(np.uint64), np.arange(0, len(whole) // 8, cell // 8))
    return np.asarray(words.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.int64))


CALCULATORS = (ZeroCrossingRate,)
