"""Framing: which samples belong to frame k, and how many frames there are."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal


@dataclasses.dataclass(frozen=True, slots=True)
class Framing:
    """A regular grid of frames over a signal.

    Parameters
    ----------
    window_samples : int > 0
        Length of a frame.
    hop_samples : float >= 1
        Distance of two frames; fractional only for ``cells``.
    mode : {"center", "start", "cells"}
        ``center``: frame k is centred at ``k * hop``, there are ``1 + n // hop`` of them and the
        signal counts as silent outside. ``start``: frame k begins at ``k * hop``; only whole windows,
        but at least one frame, ``1 + (n - window) // hop``. ``cells``: frame k covers
        ``floor(k * hop)`` up to ``ceil((k + 1) * hop)``; ``ceil(n / hop)`` of them cover every sample.
        No samples, no frames.
    """

    window_samples: int
    hop_samples: float
    mode: Literal["center", "start", "cells"] = "center"

    def frame_count(self, n: int) -> int:
        """Number of frames for `n` samples."""
        if n <= 0:
            return 0
        if self.mode == "center":
            return 1 + n // int(self.hop_samples)
        if self.mode == "start":
            return 1 + max(0, n - self.window_samples) // int(self.hop_samples)
        return max(1, math.ceil(n / self.hop_samples))

    @property
    def left_samples(self) -> int:
        """Samples a frame reaches before its anchor ``floor(k * hop)``."""
        return self.window_samples // 2 if self.mode == "center" else 0

    @property
    def right_samples(self) -> int:
        """Samples a frame reaches from its anchor on."""
        if self.mode == "cells":
            return math.ceil(self.hop_samples) + 1
        return self.window_samples - self.left_samples

    def first_sample(self, k: int) -> int:
        """First sample of frame `k` (negative before the signal)."""
        return math.floor(k * self.hop_samples) - self.left_samples

    def end_sample(self, k: int) -> int:
        """One past the last sample of frame `k`."""
        if self.mode == "cells":
            return math.ceil((k + 1) * self.hop_samples)
        return self.first_sample(k) + self.window_samples

    def first_frame_at(self, sample: int) -> int:
        """The first frame whose anchor is not before `sample`."""
        return max(0, math.ceil(sample / self.hop_samples))
