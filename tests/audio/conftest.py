"""Sound, and sound in every container, for the tests of this folder."""

from __future__ import annotations

import io
import pathlib

import numpy as np
import pytest
import soundfile

RATE_HZ = 44100


@pytest.fixture(scope="session")
def sound():
    """Return (n, channels) float32 samples: a chord with a little noise, quieter towards the end."""

    def make(frames: int = 20_000, channels: int = 2, *, seed: int = 1) -> np.ndarray:
        rng = np.random.default_rng(seed)
        time_s = np.arange(frames)[:, np.newaxis] / RATE_HZ
        tones = np.sin(2 * np.pi * time_s * 220.0 * (1 + np.arange(channels)))
        noise = rng.standard_normal((frames, channels))
        return ((0.3 * tones + 0.02 * noise) * np.exp(-2 * time_s)).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def encoded(sound):
    """Return the bytes of a file that libsndfile writes."""

    def make(container: str, subtype: str | None = None, samples=None, rate_hz: int = RATE_HZ, **options) -> bytes:
        samples = sound() if samples is None else samples
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", rate_hz, samples.shape[1], subtype, format=container, **options) as writer:
            writer.write(samples)
        return file.getvalue()

    return make


@pytest.fixture
def open_descriptors():
    """Return how many files this process has open."""
    folder = pathlib.Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("there is no /proc here")
    return lambda: len(list(folder.iterdir()))


@pytest.fixture
def mp3_frames():
    """Return (offset, length) of the frames of an MPEG 1 layer III stream, found by hand."""
    kbits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    rates = (44100, 48000, 32000)

    def find(data: bytes) -> list[tuple[int, int]]:
        found, position = [], 0
        while position + 4 <= len(data):
            assert data[position] == 0xFF
            third = data[position + 2]
            length = 144_000 * kbits[third >> 4] // rates[third >> 2 & 3] + (third >> 1 & 1)
            found.append((position, length))
            position += length
        return found

    return find
