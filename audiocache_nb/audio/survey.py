"""The one pass of an ingest: decode, digest and measure health, block by block."""

from __future__ import annotations

import concurrent.futures
import dataclasses
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.digest import SampleDigest
from audiocache_nb.audio.health import HealthMeter
from audiocache_nb.audio.limits import MAX_SAMPLES
from audiocache_nb.audio.source import BlockReader, OnBlock
from audiocache_nb.errors import AudioLimitError

# 2 MiB: enough work for two threads to overlap in spite of waking each other, and still little memory.
BLOCK_SAMPLES = 1 << 19


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """What one pass found out.

    Attributes
    ----------
    digest : str
    meter : HealthMeter
    """

    digest: str
    meter: HealthMeter


def survey(
    reader: BlockReader,
    *,
    sample_rate: int,
    channels: int,
    bits: int = 16,
    promised_frames: int | None = None,
    on_block: OnBlock | None = None,
    block_samples: int = BLOCK_SAMPLES,
) -> Survey:
    """Read everything from `reader` once.

    NaN and infinite samples enter the digest as zeros; the meter knows how many there were.

    Parameters
    ----------
    reader : BlockReader
    sample_rate : int [Hz]
    channels : int
    bits : int
        See `HealthMeter`.
    promised_frames : int or None
        Only handed on to `on_block`.
    on_block : callable (frames done, frames promised), optional
        May raise to give up.
    block_samples : int > 0
        Samples of all channels per block; the result does not depend on it.

    Raises
    ------
    AudioLimitError
        If the stream does not end within 2**36 samples.
    """
    meter = HealthMeter(channels, bits=bits)
    frames = max(1, block_samples // channels)
    with _DigestThread(SampleDigest(sample_rate, channels)) as digest:
        while len(block := reader.read(frames)):
            meter.update(block)
            digest.update(block)
            if meter.frames * channels > MAX_SAMPLES:
                raise AudioLimitError(
                    f"The recording goes on after {MAX_SAMPLES:,} samples.", hint="Cut it into shorter files."
                )
            if on_block is not None:
                on_block(meter.frames, promised_frames)
        return Survey(digest.finish(), meter)


class _DigestThread:
    """Digests one block while the caller decodes the next one.

    Decoding and hashing both release the GIL. A recording of one block never sees a thread.

    Parameters
    ----------
    digest : SampleDigest
    """

    def __init__(self, digest: SampleDigest) -> None:
        self._digest = digest
        self._executor: concurrent.futures.ThreadPoolExecutor | None = None
        self._pending: concurrent.futures.Future[None] | None = None
        self._spare: list[NDArray[np.float32]] = []  # the reader uses its own buffer again

    def update(self, block: NDArray[np.float32]) -> None:
        """Add a block; it may be overwritten afterwards."""
        if self._executor is None:
            if self._digest.frames == 0:
                self._digest.update(block)
                return
            self._executor = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="audio-digest")
        if not self._spare or len(self._spare[0]) < len(block):
            self._wait()
            self._spare = [np.empty_like(block), np.empty_like(block)]
        copy = self._spare[0][: len(block)]
        copy[:] = block
        self._wait()
        self._pending = self._executor.submit(self._digest.update, copy)
        self._spare.reverse()

    def finish(self) -> str:
        """Return the digest of everything."""
        self._wait()
        return self._digest.finish()

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown()
