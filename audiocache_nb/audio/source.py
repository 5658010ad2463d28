"""A recording as the rest of the package sees it: facts, a digest, and any number of passes over its samples."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.health import HealthReport
from audiocache_nb.audio.limits import check_channels, check_sample_rate
from audiocache_nb.audio.names import display_text
from audiocache_nb.errors import InvalidParameterError


class BlockReader(Protocol):
    """One open pass over the audio, for one thread at a time.

    A reader whose `seek` is quick, and followed by the very samples that come without it, may say so by an
    attribute ``seeks_exactly = True``: what is looked at is then analysed first.
    """

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return the next samples, at most `frames` [shape=(m, channels)], C-contiguous.

        They may lie in a buffer that the next `read` uses again. m is 0 at the end of the recording only.
        """
        ...

    def seek(self, frame: int) -> None:
        """Continue with `frame`."""
        ...

    def close(self) -> None:
        """Give back files and memory; more than once does nothing."""
        ...


OnBlock = Callable[[int, int | None], object]
"""Called with (frames done, frames promised or None) between blocks of a whole pass; may raise to end it."""


class Origin(Protocol):
    """Where the samples of a source come from."""

    def open(self, on_block: OnBlock | None) -> BlockReader:
        """Begin a pass, after making sure that the content is still the one of the digest."""
        ...

    def check(self, on_block: OnBlock | None) -> None:
        """Make sure that the content is still the one of the digest."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class AudioSource:
    """A recording; nothing about it changes.

    Made by `audiocache_nb.audio.load`, or from a reader of your own by `from_reader`.

    Attributes
    ----------
    name : str
        Safe to show.
    sample_rate : int [Hz]
    channels : int
    frames : int
        Samples per channel that were really decoded.
    digest : str
        ``"sha256:<hex>"`` of the decoded samples: equal for equal samples, whatever they were stored in.
    health : HealthReport
    decode : mapping of str to str or int
        How the samples were made.
    array : ndarray of float32 [shape=(frames, channels)] or None
        The samples, read-only, if they are held in memory.
    path : Path or None
        The file they are read from.
    """

    name: str
    sample_rate: int
    channels: int
    frames: int
    digest: str
    health: HealthReport = dataclasses.field(repr=False)
    decode: Mapping[str, str | int] = dataclasses.field(repr=False)
    origin: Origin = dataclasses.field(repr=False)
    array: NDArray[np.float32] | None = dataclasses.field(repr=False, default=None)
    path: Path | None = dataclasses.field(repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", display_text(self.name) or "untitled")
        object.__setattr__(self, "decode", types.MappingProxyType(dict(self.decode)))

    @property
    def id(self) -> str:
        """``"src-"`` and the first 16 digits of the digest: one per content."""
        return "src-" + self.digest.rpartition(":")[2][:16]

    @property
    def duration(self) -> float:
        """Length [s]."""
        return self.frames / self.sample_rate

    def open(self, *, on_block: OnBlock | None = None) -> BlockReader:
        """Begin a pass over the samples.

        Parameters
        ----------
        on_block : callable (frames done, frames promised), optional
            Called while a file that may have been rewritten is digested again; may raise to give up.

        Raises
        ------
        SourceMissingError
            If the file is gone, or may not be read any more.
        SourceChangedError
            If it is not the one that was taken in.
        """
        return self.origin.open(on_block)

    def check(self, *, on_block: OnBlock | None = None) -> None:
        """Make sure that `open` would give the samples of `digest`.

        A file whose size, times and inode are those of the ingest is trusted without reading it, unless it was
        written within two seconds of the ingest: time stamps are too coarse to tell then, so it is digested
        again (once).

        Raises
        ------
        SourceMissingError, SourceChangedError
            As `open`.
        """
        self.origin.check(on_block)

    def read(self, start: int, frames: int) -> NDArray[np.float32]:
        """Return a copy of `frames` samples from `start`, clipped to the recording.

        Parameters
        ----------
        start, frames : int

        Returns
        -------
        ndarray of float32 [shape=(m, channels)]
            m < `frames` where the range reaches over an end.
        """
        low = min(max(0, start), self.frames)
        high = max(low, min(start + frames, self.frames))
        out = np.empty((high - low, self.channels), np.float32)
        if self.array is not None:
            out[:] = self.array[low:high]
            return out
        reader = self.open()
        try:
            reader.seek(low)
            done = 0
            while done < len(out):
                block = reader.read(len(out) - done)
                if not len(block):
                    break
                out[done : done + len(block)] = block
                done += len(block)
        finally:
            reader.close()
        return out[:done]

    @classmethod
    def from_reader(
        cls,
        opener: Callable[[], BlockReader],
        *,
        sample_rate: int,
        channels: int,
        frames: int,
        digest: str,
        name: str,
    ) -> AudioSource:
        """Make a source of anything that can be read block by block.

        Parameters
        ----------
        opener : callable
            Returns a new `BlockReader` at frame 0; called for every pass, from any thread.
        sample_rate : int [Hz]
        channels, frames : int
        digest : str
            Identity of the content, ``"sha256:<hex>"``; you promise that equal digests mean equal samples.
        name : str
        """
        if frames < 0:
            raise InvalidParameterError(f"A recording cannot have {frames} frames.", hint="Give the number of frames.")
        return cls(
            name=name,
            sample_rate=check_sample_rate(sample_rate),
            channels=check_channels(channels),
            frames=int(frames),
            digest=digest,
            health=HealthReport(decoded_frames=int(frames), channels=channels, measured=False),
            decode={"decoder": "reader"},
            origin=_ReaderOrigin(opener),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _ReaderOrigin:
    opener: Callable[[], BlockReader]

    def open(self, on_block: OnBlock | None) -> BlockReader:
        return self.opener()

    def check(self, on_block: OnBlock | None) -> None:
        """A reader of somebody's own is trusted."""
