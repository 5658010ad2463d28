"""Pyramids kept between sessions, as entries of the cache beside the features they were made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.cache.derived import pyramid_key
from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.errors import CacheCorruptionError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.pyramid import Pyramid

PAYS_FROM_BYTES = 32 << 20  # of a feature: less is read through in a few hundredths of a second


@dataclasses.dataclass(frozen=True)
class Shelved:
    """A pyramid that was kept.

    Attributes
    ----------
    rows : ndarray, read-only
        Its levels one after another, mapped.
    facts : mapping
        What was found out about the feature when it was made.
    """

    rows: NDArray[Any]
    facts: Mapping[str, Any]


class PyramidShelf:
    """Finds and keeps pyramids.

    Only of features whose key says what is in them: what is kept in its session only, and what others have
    computed, has its pyramid made anew.

    Parameters
    ----------
    cache : MemoryCache or None
    """

    def __init__(self, cache: MemoryCache | None) -> None:
        self._cache = cache

    def find(self, track: FeatureTrack) -> Shelved | None:
        """The pyramid of a feature, checked from end to end; None if there is none that is whole."""
        if self._cache is None or not _pays(track):
            return None
        found = self._cache.get_derived(pyramid_key(track.key))
        if found is None:
            return None
        try:
            return Shelved(found.rows(0, found.frame_count), found.parameters)
        except CacheCorruptionError:  # it has been set aside
            return None

    def keep(self, track: FeatureTrack, pyramid: Pyramid, facts: Mapping[str, Any], seconds: float) -> None:
        """Keep the pyramid of a feature.

        Parameters
        ----------
        track : FeatureTrack
        pyramid : Pyramid
        facts : mapping
            Plain values.
        seconds : float [s]
            What it took to make it.
        """
        rows = pyramid.kept_rows
        if self._cache is None or rows is None or not _pays(track):
            return
        image = rows.dtype == np.uint8
        self._cache.put_derived(
            FeatureTrack(
                feature=f"{track.feature} pyramid",
                calculator_id=track.calculator_id,
                version=track.version,
                label=f"Pyramid of {track.label}",
                unit=track.unit,
                data=rows,
                axes=("bucket", "row") if image else ("bucket", "channel", "extreme"),
                fill_value=0.0,
                hop_seconds=track.hop_seconds,
                start_seconds=track.start_seconds,
                key=pyramid_key(track.key),
                format="uint8" if image else "waveform-minmax",
                profile_id=track.profile_id,
                parameters=facts,
                provenance={"audio": track.provenance.get("audio", ""), "pyramid_of": track.key, "seconds": seconds},
            )
        )


def _pays(track: FeatureTrack) -> bool:
    known = track.provenance
    return track.nbytes >= PAYS_FROM_BYTES and not known.get("uncacheable") and "imported" not in known
