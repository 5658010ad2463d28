"""What calculators of the spectrum have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import row_energies
from audiocache_nb.features.calculator import AudioFacts, Calculator, Layout
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Magnitude, Power, RowStep, Spectrum, Step

POWER_FLOOR = 1e-10
FLOOR_DB = -100.0  # of a power of POWER_FLOOR


def centred(profile: AnalysisProfile) -> Framing:
    """The grid of centred frames."""
    return Framing(profile.window_size, profile.hop_size, "center")


def spectrum_of(profile: AnalysisProfile) -> Spectrum:
    """The transform of centred frames under the profile's periodic window."""
    return Spectrum(centred(profile), profile.window, True, profile.transform_size)


def magnitude_of(profile: AnalysisProfile) -> Magnitude:
    """Its magnitude."""
    return Magnitude(spectrum_of(profile))


def power_of(profile: AnalysisProfile) -> Power:
    """Its power."""
    return Power(spectrum_of(profile))


@dataclasses.dataclass(frozen=True, slots=True)
class LogPower(RowStep):
    """``log10 |X|^2`` of a spectrum, minus infinity for silence, float32 [shape=(frames, bins)]."""

    bulky: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    of: Power

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        out = scratch.array(self, inputs[0].shape)
        with np.errstate(divide="ignore"):
            np.log10(inputs[0], out=out)
        return out


@dataclasses.dataclass(frozen=True, slots=True)
class Energy(RowStep):
    """``sum_k |X[k]|^2`` of a spectrum, float32 [shape=(frames, 1)]."""

    of: Magnitude

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        return row_energies(inputs[0], scratch.array(self, (len(inputs[0]), 1)))


def clamp_low(values: NDArray[np.float32], low: float, out: NDArray[np.float32]) -> NDArray[np.float32]:
    """``max(values, low)``; numpy's maximum with a number takes more than twice as long."""
    return np.clip(values, np.float32(low), np.float32(np.inf), out=out)


class SpectralCalculator(Calculator):
    """Base of calculators of centred, windowed spectra of the mono mix.

    Attributes
    ----------
    columns : tuple of str
        Names of the values of a frame, for those whose number is always the same.
    silence : float
        What silence gives.
    """

    version = 1
    inputs = "spectrum"
    columns: tuple[str, ...] = ()
    silence: float = 0.0

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {
            "window_size": profile.window_size,
            "hop_size": profile.hop_size,
            "fft_size": profile.transform_size,
            "window": profile.window,
        }

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return self.rows_of(profile, "value", np.array(self.columns or (self.feature,)))

    def rows_of(self, profile: AnalysisProfile, axis: str, coordinates: NDArray[Any]) -> Layout:
        """A layout of one value per frame and coordinate."""
        return Layout(
            framing=centred(profile),
            tail=(len(coordinates),),
            axes=("frame", axis),
            unit=self.unit,
            fill_value=self.silence,
            axis_coords={axis: coordinates},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (magnitude_of(profile),)
