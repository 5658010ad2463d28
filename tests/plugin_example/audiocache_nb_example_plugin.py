"""Two calculators: one made of a function, one written as a class."""

from __future__ import annotations

from typing import Annotated

import numpy as np

import audiocache_nb as acn
from audiocache_nb.features.calculator import Calculator, Layout
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.steps import Channels, Span


@acn.calculator(feature="crest", id="example.crest", unit="dB", label="Crest factor", version=1)
def crest(
    frames: np.ndarray, *, floor: Annotated[float, acn.Range(1e-9, 1e-3, "Keeps silence from dividing by 0.")] = 1e-6
) -> np.ndarray:
    """How far peaks stand out: ``20 log10((max |x| + floor) / (rms(x) + floor))``."""
    peak = np.abs(frames).max(axis=1)
    rms = np.sqrt(np.mean(np.square(frames), axis=1))
    return 20 * np.log10((peak + floor) / (rms + floor))


class Extent(Calculator):
    """Distance from the lowest to the highest sample of each channel: ``max x - min x``."""

    id = "example.extent"
    feature = "extent"
    label = "Extent"
    version = 1
    inputs = "channels"

    def _framing(self, profile: acn.AnalysisProfile) -> Framing:
        return Framing(profile.hop_size, profile.hop_size, "cells")

    def used_profile(self, profile):
        return {"hop_size": profile.hop_size}

    def layout(self, audio, profile, params):
        return Layout(framing=self._framing(profile), tail=(audio.channels,), axes=("frame", "channel"))

    def steps(self, audio, profile, params):
        return (Span(Channels(), self._framing(profile)),)

    def compute(self, inputs, out, state, context):
        hop, span = state["hop_size"], inputs[0]
        for row in range(len(out)):
            out[row] = np.ptp(span[row * hop : (row + 1) * hop], axis=0)
