"""The calculators that are always there."""

from __future__ import annotations

from audiocache_nb.features.calculator import Calculator


def all_builtin() -> list[Calculator]:
    """New instances of all built-in calculators; the default of a feature comes last."""
    from audiocache_nb.features.builtin import mvmnt, rms, spectrogram, waveform

    return [
        mvmnt.LegacySpectrogram(),
        mvmnt.LegacyRms(),
        mvmnt.LegacyWaveform(),
        spectrogram.Spectrogram(),
        rms.Rms(),
        waveform.Waveform(),
    ]
