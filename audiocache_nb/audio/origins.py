"""Where samples come from: an array in memory, encoded bytes in memory, or a file that may change."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.decode import SoundFileReader
from audiocache_nb.audio.files import FileStamp, anonymous_file, open_regular
from audiocache_nb.audio.names import quoted
from audiocache_nb.audio.source import BlockReader, OnBlock
from audiocache_nb.audio.survey import survey
from audiocache_nb.errors import IngestError, SourceChangedError, SourceMissingError, UnsupportedFormatError


class ArrayReader:
    """One pass over samples in memory; what it returns are views.

    Parameters
    ----------
    samples : ndarray of float32 [shape=(n, channels)]
    """

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples
        self._position = 0

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return the next samples, at most `frames`."""
        block = self._samples[self._position : self._position + max(0, frames)]
        self._position += len(block)
        return block

    def seek(self, frame: int) -> None:
        """Continue with `frame`."""
        self._position = min(max(0, frame), len(self._samples))

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayOrigin:
    """Samples that we own."""

    samples: NDArray[np.float32]

    def open(self, on_block: OnBlock | None) -> BlockReader:
        """Begin a pass."""
        return ArrayReader(self.samples)

    def check(self, on_block: OnBlock | None) -> None:
        """Nobody else can have changed them."""


@dataclasses.dataclass(frozen=True, slots=True)
class BytesOrigin:
    """Encoded audio that we own."""

    data: bytes | memoryview
    label: str
    frames: int
    clean: bool

    def open(self, on_block: OnBlock | None) -> BlockReader:
        """Begin a pass."""
        return SoundFileReader(anonymous_file([self.data]), self.label, clean=self.clean, frames=self.frames)

    def check(self, on_block: OnBlock | None) -> None:
        """Nobody else can have changed it."""


class FileOrigin:
    """A file, and the stamp that tells whether it is still the same.

    Parameters
    ----------
    path : Path
    label : str
        Its name, for messages.
    stamp : FileStamp
        Taken before the content was digested.
    digest : str
    frames : int
        Where a pass ends.
    clean : bool
        Whether NaN and infinite samples are set to zero.
    """

    def __init__(self, path: Path, label: str, stamp: FileStamp, *, digest: str, frames: int, clean: bool) -> None:
        self._path, self._label, self._digest, self._frames, self._clean = path, label, digest, frames, clean
        self._stamp = stamp
        self._lock = threading.Lock()  # several threads that want the same file digest it once

    def open(self, on_block: OnBlock | None) -> BlockReader:
        """Begin a pass over the file that was checked, not over one that took its place since."""
        descriptor = self._checked(on_block)
        return self._reader(descriptor)

    def check(self, on_block: OnBlock | None) -> None:
        """Raise if the file is missing or another one."""
        os.close(self._checked(on_block))

    def _checked(self, on_block: OnBlock | None) -> int:
        try:
            descriptor, status = open_regular(self._path, self._label)
        except UnsupportedFormatError as error:  # it was a file once
            raise self._changed() from error
        except SourceMissingError as error:
            hint = "Put the file back to analyse it again; what was computed from it is kept."
            raise SourceMissingError(error.message, hint=hint) from error
        try:
            with self._lock:
                if not self._stamp.vouches_for(status):
                    stamp = FileStamp.of(status)
                    self._verify(descriptor, on_block)
                    self._stamp = stamp
        except BaseException:
            os.close(descriptor)
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def _verify(self, descriptor: int, on_block: OnBlock | None) -> None:
        if self._digest_now(descriptor, on_block) != self._digest:
            raise self._changed()

    def _digest_now(self, descriptor: int, on_block: OnBlock | None) -> str | None:
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            reader = self._reader(os.dup(descriptor), whole=True)
            try:
                found = survey(
                    reader,
                    sample_rate=reader.sample_rate,
                    channels=reader.channels,
                    promised_frames=self._frames,
                    on_block=on_block,
                )
            finally:
                reader.close()
        except SourceMissingError:
            raise
        except IngestError:  # it is no audio any more
            return None
        # NaN where there were zeros: the digest is of the cleaned samples, but nobody asked for cleaning
        return found.digest if self._clean or not found.meter.nonfinite_samples else None

    def _reader(self, descriptor: int, *, whole: bool = False) -> SoundFileReader:
        return SoundFileReader(descriptor, self._label, clean=self._clean, frames=None if whole else self._frames)

    def _changed(self) -> SourceChangedError:
        return SourceChangedError(
            f"{quoted(self._label)} is no longer the recording that was added: its content changed.",
            hint="Add it again to analyse the new content, or put the old file back.",
        )
