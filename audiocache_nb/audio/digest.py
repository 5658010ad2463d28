"""The content digest: what a recording sounds like, whatever it was stored in."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

FORMAT_TAG = "audiocache_nb/audio/1"


class SampleDigest:
    """SHA-256 of decoded samples, block by block.

    ``sha256(tag, sample_rate, channels | samples | frames)``: the samples are little-endian float32,
    interleaved. The number of frames stands at the end because a stream's length is known only when it
    has been decoded. Container, name, tags, array type and memory layout take no part.

    Parameters
    ----------
    sample_rate : int [Hz]
    channels : int
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.frames = 0
        self._channels = channels
        self._hash = hashlib.sha256(f"{FORMAT_TAG}\nrate={sample_rate}\nchannels={channels}\n".encode())

    def update(self, block: NDArray[np.float32]) -> None:
        """Add the samples of one block [shape=(m, channels)]."""
        samples = np.ascontiguousarray(block, dtype="<f4").reshape(-1)
        self._hash.update(samples)  # releases the GIL
        self.frames += len(block)

    def finish(self) -> str:
        """Return ``"sha256:<hex>"`` of everything so far."""
        final = self._hash.copy()
        final.update(f"\nframes={self.frames}\n".encode())
        return f"sha256:{final.hexdigest()}"
