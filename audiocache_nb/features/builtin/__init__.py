"""The calculators that are always there, one module per family."""

from __future__ import annotations

import importlib

from audiocache_nb.features.calculator import Calculator

# Each names its classes in `CALCULATORS`; of several for one feature, the last is the default.
FAMILIES = (
    "mvmnt",
    "spectrogram",
    "rms",
    "waveform",
    "stft",
    "mel",
    "onset_strength",
    "zcr",
    "shape",
    "flux",
    "contrast",
    "moments",
    "bands",
    "chroma",
    "peaks",
    "loudness",
    "delta",
    "onsets",
    "tempogram",
    "tempo_curve",
    "beats",
    "yin",
    "pyin",
    "period",
    "health",
    "hpss",
    "cqt",
    "structure",
    "voice",
    "voice_quality",
)


def all_builtin() -> list[Calculator]:
    """New instances of all built-in calculators; the default of a feature comes last."""
    modules = [importlib.import_module(f"{__name__}.{family}") for family in FAMILIES]
    return [kind() for module in modules for kind in module.CALCULATORS]
