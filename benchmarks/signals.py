"""Sound to measure with: three minutes of something like music, and twelve hours of noise that nobody stores."""

from __future__ import annotations

import functools
import pathlib

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiocache_nb.audio.source import AudioSource

SAMPLE_RATE_HZ = 44100


@functools.cache
def music(seconds: float, channels: int = 1) -> NDArray[np.float32]:
    """Chords that fade, drums, and a little noise [shape=(n, channels)]; always the same."""
    rng = np.random.default_rng(7)
    n = int(seconds * SAMPLE_RATE_HZ)
    beat = SAMPLE_RATE_HZ // 2
    time_s = np.arange(beat, dtype=np.float32) / SAMPLE_RATE_HZ
    fade = np.exp(-4 * time_s)
    beats = []
    for number in range(-(-n // beat)):
        root = 110 * 2 ** ((0, 5, 7, 3)[number // 4 % 4] / 12)
        tone = sum(np.sin(2 * np.pi * root * step * time_s) / step for step in (1, 1.2599, 1.4983, 2, 3, 4))
        hit = rng.standard_normal(beat) * np.exp(-60 * time_s)
        beats.append(0.12 * tone * fade + 0.2 * hit)
    mono = np.concatenate(beats)[:n]
    sound = np.stack([mono + 0.001 * rng.standard_normal(n) for _ in range(channels)], axis=1)
    return np.ascontiguousarray(sound, np.float32)


def written(folder: pathlib.Path, samples: NDArray[np.float32], kind: str) -> pathlib.Path:
    """Path of a 16 bit WAV or FLAC file of the samples."""
    path = folder / f"music-{samples.shape[1]}.{kind}"
    if not path.exists():
        soundfile.write(path, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
    return path


class _Noise:
    """A pass over noise that repeats itself."""

    def __init__(self, frames: int, block: NDArray[np.float32]) -> None:
        self._frames, self._block, self._position = frames, block, 0

    def read(self, frames: int) -> NDArray[np.float32]:
        found = self._block[: max(0, min(frames, len(self._block), self._frames - self._position))]
        self._position += len(found)
        return found

    def seek(self, frame: int) -> None:
        self._position = frame

    def close(self) -> None:
        """Do nothing."""


def endless(hours: float, channels: int = 2, name: str = "noise") -> AudioSource:
    """A recording of so many hours that needs half a megabyte."""
    rng = np.random.default_rng(3)
    block = rng.uniform(-0.5, 0.5, (1 << 16, channels)).astype(np.float32)
    frames = int(hours * 3600 * SAMPLE_RATE_HZ)
    return AudioSource.from_reader(
        lambda: _Noise(frames, block),
        sample_rate=SAMPLE_RATE_HZ,
        channels=channels,
        frames=frames,
        digest=f"sha256:{frames:x}{channels:x}".ljust(71, "0"),
        name=name,
    )
