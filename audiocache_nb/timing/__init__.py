"""Floor 1: musical time. Features stay in seconds; ticks, bars and beats are views of them."""

from __future__ import annotations

from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.timing.tempo import Tempo
from audiocache_nb.timing.tempo_map import DEFAULT_BPM, TICKS_PER_QUARTER, BarBeat, TempoMap

__all__ = ["DEFAULT_BPM", "TICKS_PER_QUARTER", "BarBeat", "ClipMap", "Tempo", "TempoMap"]
