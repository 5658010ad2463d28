"""Health of a recording, measured in the same pass that decodes it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Samples this close to full scale count as clipped: normalising by 32767 or 32768, dither and resampling move
# clipped samples about by that much.
CLIP_LEVEL = 0.999
# Less than the smallest step of 16 bits: more likely a mistake of scale than a recording.
QUIET_LEVEL = 1e-5
# A mean this far from zero (-40 dB re full scale) shows in spectra and levels.
DC_LIMIT = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class HealthReport:
    """What is known about the samples of a recording.

    ``str(report)`` is one line: ``"ok"``, or what is wrong with it.

    Attributes
    ----------
    decoded_frames : int
        Frames that were really there.
    promised_frames : int or None
        Frames the file's header speaks of; None if it says nothing, or there is no header.
    channels : int
    measured : bool
        False if nobody looked at the samples, as with a synthetic reader.
    peak : float [linear, 1.0 is full scale]
        Largest absolute sample.
    clip_level : float [linear]
        Where samples count as clipped: 0.999 of full scale, 127/128 for 8-bit audio.
    clipped_samples : int
        Samples of all channels whose absolute value is at or beyond `clip_level`.
    clipping_runs : int
        Stretches of consecutive clipped samples, each within one channel.
    longest_clipping_frames : int
        The longest of them.
    dc_offset : tuple of float [linear]
        Mean of each channel.
    silent_channels : tuple of int
        Channels (from 0) in which every sample is zero.
    identical_channels : bool
        Whether all of several channels are equal.
    nan_samples, infinite_samples : int
        Samples that are no number; they were set to zero, or the recording was refused.
    first_nonfinite_frame : int or None
    notes : tuple of str
        What the decoder had to say.
    """

    decoded_frames: int
    channels: int
    promised_frames: int | None = None
    measured: bool = True
    peak: float = 0.0
    clip_level: float = CLIP_LEVEL
    clipped_samples: int = 0
    clipping_runs: int = 0
    longest_clipping_frames: int = 0
    dc_offset: tuple[float, ...] = ()
    silent_channels: tuple[int, ...] = ()
    identical_channels: bool = False
    nan_samples: int = 0
    infinite_samples: int = 0
    first_nonfinite_frame: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether there are fewer frames than the header promised."""
        return self.promised_frames is not None and self.decoded_frames < self.promised_frames

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear at all."""
        return self.measured and len(self.silent_channels) == self.channels

    @property
    def issues(self) -> tuple[str, ...]:
        """What is wrong, worst first; empty if nothing is."""
        return tuple(text for text in (*self._length(), *self.notes, *self._samples()) if text)

    def __str__(self) -> str:
        return "; ".join(self.issues) or ("ok" if self.measured else "not measured")

    def _length(self) -> list[str]:
        decoded, promised = self.decoded_frames, self.promised_frames
        lines = []
        if promised is not None and decoded != promised:
            word = "truncated" if decoded < promised else "longer than promised"
            lines.append(f"{word}: decoded {decoded:,} of {promised:,} frames")
        if decoded == 0:
            lines.append("empty: no samples")
        return lines

    def _samples(self) -> list[str]:
        lines = []
        if broken := self.nan_samples + self.infinite_samples:
            lines.append(f"{_count(broken, 'NaN or infinite sample')} set to zero")
        if not self.measured or not self.decoded_frames:
            return lines
        if self.silent:
            lines.append("silent: every sample is zero")
        elif self.silent_channels:
            lines.extend(f"channel {c + 1} of {self.channels} is silent" for c in self.silent_channels)
        if 0 < self.peak < QUIET_LEVEL:
            lines.append(f"nearly silent: peak {20 * math.log10(self.peak):.0f} dBFS")
        if self.clipped_samples:
            over = f" (peak {20 * math.log10(self.peak):+.1f} dBFS)" if self.peak > 1.0 else ""
            lines.append(_count(self.clipped_samples, "clipped sample") + over)
        for c, mean in enumerate(self.dc_offset):
            if abs(mean) >= DC_LIMIT:
                where = f" on channel {c + 1}" if self.channels > 1 else ""
                lines.append(f"DC offset {mean:+.3f}{where}")
        return lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class HealthMeter:
    """Adds up the health of blocks; the cost of a clean block is a few passes over warm memory.

    Parameters
    ----------
    channels : int
    bits : int
        Resolution: 8 bit has a largest positive value of 127/128 and so clips earlier; 16 stands for all others.
    """

    def __init__(self, channels: int, *, bits: int = 16) -> None:
        self.frames = 0
        self.nan_samples = 0
        self.infinite_samples = 0
        self.first_nonfinite_frame: int | None = None
        self._channels = channels
        self._clip_level = min(CLIP_LEVEL, 1.0 - 2.0 ** (1 - bits))
        self._low = self._high = 0.0
        self._sums = np.zeros(channels)
        self._clipping = _ClippingCounter(channels, self._clip_level)
        self._maybe_silent = set(range(channels))
        self._maybe_identical = channels > 1

    @property
    def nonfinite_samples(self) -> int:
        """NaN and infinite samples so far."""
        return self.nan_samples + self.infinite_samples

    def update(self, block: NDArray[np.float32]) -> None:
        """Measure one block [shape=(m, channels)].

        NaN and infinite samples are counted and then **set to zero in the block**.
        """
        if not len(block):
            return
        low, high = float(np.min(block)), float(np.max(block))
        if not (math.isfinite(low) and math.isfinite(high)):
            self._clean(block)
            low, high = float(np.min(block)), float(np.max(block))
        self._low, self._high = min(self._low, low), max(self._high, high)
        peak = max(high, -low)
        precision = np.float32 if peak <= 1e3 else np.float64  # absurd values must not overflow the sum
        for c in range(self._channels):
            self._sums[c] += float(block[:, c].sum(dtype=precision))
        self._clipping.update(block, peak)
        self._compare(block, quiet=low == high == 0.0)
        self.frames += len(block)

    def report(self, *, promised_frames: int | None = None, notes: tuple[str, ...] = ()) -> HealthReport:
        """Return what was measured so far."""
        return HealthReport(
            decoded_frames=self.frames,
            channels=self._channels,
            promised_frames=promised_frames,
            peak=max(self._high, -self._low),
            clip_level=self._clip_level,
            clipped_samples=self._clipping.samples,
            clipping_runs=self._clipping.runs,
            longest_clipping_frames=self._clipping.longest,
            dc_offset=tuple(float(mean) for mean in self._sums / max(1, self.frames)),
            silent_channels=tuple(sorted(self._maybe_silent)) if self.frames else (),
            identical_channels=self._maybe_identical and self.frames > 0,
            nan_samples=self.nan_samples,
            infinite_samples=self.infinite_samples,
            first_nonfinite_frame=self.first_nonfinite_frame,
            notes=notes,
        )

    def _clean(self, block: NDArray[np.float32]) -> None:
        broken = ~np.isfinite(block)
        nans = int(np.isnan(block).sum())
        self.nan_samples += nans
        self.infinite_samples += int(broken.sum()) - nans
        if self.first_nonfinite_frame is None:
            self.first_nonfinite_frame = self.frames + int(np.argmax(broken.any(axis=1)))
        block[broken] = 0.0

    def _compare(self, block: NDArray[np.float32], *, quiet: bool) -> None:
        """Keep only those suspicions about channels that this block does not refute."""
        if not quiet and self._maybe_silent:
            self._maybe_silent = {c for c in self._maybe_silent if not block[:, c].any()}
        if self._maybe_identical:
            self._maybe_identical = bool((block[0] == block[0, 0]).all() and (block == block[:, :1]).all())


class _ClippingCounter:
    """Counts samples at full scale and stretches of them, across block borders."""

    def __init__(self, channels: int, clip_level: float) -> None:
        self.samples = self.runs = self.longest = 0
        self._clip_level = np.float32(clip_level)
        self._open: NDArray[Any] = np.zeros(channels, np.int64)  # length of the run that reaches the border

    def update(self, block: NDArray[np.float32], peak: float) -> None:
        if peak < self._clip_level:
            self._open[:] = 0
            return
        clipped = np.abs(block) >= self._clip_level
        self.samples += int(clipped.sum())
        for c in np.flatnonzero(clipped.any(axis=0) | (self._open > 0)):
            self._channel(clipped[:, c], int(c))

    def _channel(self, clipped: NDArray[np.bool_], c: int) -> None:
        carried = int(self._open[c])
        edges = np.flatnonzero(np.diff(clipped, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        self._open[c] = 0
        if not len(starts):
            return
        lengths = ends - starts
        self.runs += len(starts)
        if starts[0] == 0 and carried:
            lengths[0] += carried
            self.runs -= 1
        self.longest = max(self.longest, int(np.max(lengths)))
        if ends[-1] == len(clipped):
            self._open[c] = lengths[-1]
