"""What calculators that work on other features have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.calculator import AudioFacts, Calculator, Layout, Locality, whole
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step
from audiocache_nb.features.track import FeatureTrack


class Derived(Calculator):
    """Computed from the features named in `inputs`, all of them; on the time grid of the first.

    The audio and the profile are used only through those features, whose keys enter the key.
    """

    inputs: tuple[str, ...] = ()
    locality: Locality = whole
    version = 1

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {}

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return ()

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        return tuple(Descriptor(name, None, profile) for name in self.inputs)

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        """One value on the profile's frames; of events and global values only the time grid counts."""
        framing = Framing(profile.window_size, profile.hop_size, "center")
        return Layout(
            framing=framing,
            tail=(1,),
            axes=("frame", "value"),
            unit=self.unit,
            axis_coords={"value": np.array([self.feature])},
        )

    def layout_like(
        self, dependency: Layout, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> Layout:
        return dataclasses.replace(self.layout(audio, profile, params), framing=dependency.framing)


def curve_of(track: FeatureTrack) -> NDArray[np.float64]:
    """The values of a feature that has one per frame [shape=(frame_count,)].

    Raises
    ------
    InvalidParameterError
        If it has more, or no frames.
    """
    if not track.is_framewise or track.width != 1:
        raise InvalidParameterError(
            f"{track.feature!r:.60} is not one value per frame.",
            hint="Name a feature with one value per frame, as onset_strength.",
        )
    return track.values().reshape(-1).astype(np.float64)


def table_of(track: FeatureTrack) -> NDArray[np.floating]:
    """The values of any feature with frames as one row per frame [shape=(frame_count, width)].

    Raises
    ------
    InvalidParameterError
        If it has no frames, or its values are complex.
    """
    hint = "Name a feature with real values on frames."
    if not track.is_framewise:
        raise InvalidParameterError(f"{track.feature!r:.60} has no frames.", hint=hint, parameter="of")
    if np.iscomplexobj(track.data):
        raise InvalidParameterError(f"{track.feature!r:.60} is complex.", hint=hint, parameter="of")
    return track.values().reshape(track.frame_count, track.width)
