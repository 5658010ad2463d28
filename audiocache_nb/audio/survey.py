"""The one pass of an ingest: decode, digest and measure health, block by block."""

from __future__ import annotations

import dataclasses

from audiocache_nb.audio.digest import SampleDigest
from audiocache_nb.audio.health import HealthMeter
from audiocache_nb.audio.limits import MAX_SAMPLES
from audiocache_nb.audio.source import BlockReader, OnBlock
from audiocache_nb.errors import AudioLimitError

# Big enough to make Python's share vanish, small enough to stay in the cache from decoder to digest.
BLOCK_SAMPLES = 1 << 17


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
    digest = SampleDigest(sample_rate, channels)
    meter = HealthMeter(channels, bits=bits)
    frames = max(1, block_samples // channels)
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
