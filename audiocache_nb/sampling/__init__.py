"""Floor 6: values of a feature at a time. Nothing here computes, requests or remembers anything."""

from __future__ import annotations

from audiocache_nb.sampling.clip import ClipMap, Placed, clip_map
from audiocache_nb.sampling.options import Edges, Interpolation
from audiocache_nb.sampling.ranges import HistorySample, RangeSample, sample_history, sample_range
from audiocache_nb.sampling.sample import sample, sample_many
from audiocache_nb.sampling.sampler import FrameSample, Sampler

__all__ = [
    "ClipMap",
    "Edges",
    "FrameSample",
    "HistorySample",
    "Interpolation",
    "Placed",
    "RangeSample",
    "Sampler",
    "clip_map",
    "sample",
    "sample_history",
    "sample_many",
    "sample_range",
]
