"""A little sound for tests that need any."""

from __future__ import annotations

import numpy as np


def sound(seconds=0.6, sample_rate=22050):
    """A stereo tone that comes and goes, and its sample rate."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    left = 0.4 * np.sin(2 * np.pi * 440 * t) * (t % 0.2 < 0.1)
    return np.stack([left, 0.5 * left], axis=1).astype(np.float32), sample_rate
