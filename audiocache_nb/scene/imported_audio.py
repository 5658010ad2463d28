"""Recordings of a scene that was loaded: embedded ones are decoded when they are needed, others may be away."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

from audiocache_nb.audio.health import HealthReport
from audiocache_nb.audio.isolated import decode_isolated
from audiocache_nb.audio.origins import ArrayReader
from audiocache_nb.audio.source import AudioSource, BlockReader, OnBlock
from audiocache_nb.cache.metadata import unpack
from audiocache_nb.errors import SourceChangedError, SourceMissingError
from audiocache_nb.scene.archive_reader import is_cut_short

PIECE_BYTES = 1 << 20
HINT = "What was computed from it is there all the same. Add the recording itself to analyse it again."


class EmbeddedOrigin:
    """Encoded audio in a bundle, decoded once, in a process of its own, when somebody wants samples.

    Parameters
    ----------
    place : memoryview
        The encoded file, where it lies.
    sha256 : str
        What the file's digest has to be.
    name : str
    digest : str
        What the samples' digest has to be.
    samples : int
        How many there have to be, of all channels together.
    """

    def __init__(self, place: memoryview, sha256: str, name: str, digest: str, samples: int) -> None:
        self._place = place
        self._sha256 = sha256
        self._name = name
        self._digest = digest
        self._samples = samples
        self._lock = threading.Lock()
        self._decoded: AudioSource | None = None
        self._error: BaseException | None = None

    def open(self, on_block: OnBlock | None) -> BlockReader:
        """Begin a pass."""
        source = self._source(on_block)
        assert source.array is not None
        return ArrayReader(source.array)

    def check(self, on_block: OnBlock | None) -> None:
        """Nobody else can have changed it; whether it can be decoded is seen when it is needed."""

    def let_go(self) -> None:
        """Hold no samples any more, unless somebody waits for them at this moment; never waits itself."""
        if self._lock.acquire(blocking=False):
            self._decoded = None
            self._lock.release()

    @property
    def nbytes(self) -> int:
        """Length of the encoded file [bytes]."""
        return len(self._place)

    def pieces(self) -> Iterator[memoryview]:
        """The encoded file piece by piece, for saving it again.

        Raises
        ------
        SourceChangedError
            At the end, if it is damaged; before, if the file has become shorter.
        """
        digest = hashlib.sha256()
        for at in range(0, len(self._place), PIECE_BYTES):
            if is_cut_short(self._place):
                raise SourceChangedError(f"The bundle with the recording {self._name!r:.80} was cut short.", hint=HINT)
            piece = self._place[at : at + PIECE_BYTES]
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self._sha256:
            raise SourceChangedError(f"The recording {self._name!r:.80} in the bundle is damaged.", hint=HINT)

    def _read(self) -> bytes:
        return b"".join(self.pieces())

    def _source(self, on_block: OnBlock | None) -> AudioSource:
        with self._lock:
            if self._decoded is None:
                if self._error is not None:
                    raise self._error
                wait = None if on_block is None else (lambda: on_block(0, None))
                try:
                    self._decoded = self._checked(
                        decode_isolated(self._read(), self._name, max_samples=self._samples + 1, on_wait=wait)
                    )
                except Exception as error:
                    self._error = error
                    raise
            return self._decoded

    def _checked(self, source: AudioSource) -> AudioSource:
        if source.digest != self._digest:
            raise SourceChangedError(
                f"The recording {self._name!r:.80} in the bundle is not the one its scene speaks of.", hint=HINT
            )
        return source


class AbsentOrigin:
    """A recording that is not here.

    Parameters
    ----------
    reason : str
        Why, as a sentence.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def open(self, on_block: OnBlock | None) -> BlockReader:
        """Refuse."""
        raise SourceMissingError(self._reason, hint=HINT)

    def check(self, on_block: OnBlock | None) -> None:
        """Refuse."""
        raise SourceMissingError(self._reason, hint=HINT)


def embedded_source(plain: dict[str, Any], archive: Any, entry: str, sha256: str) -> AudioSource:
    """The source of a recording that is in the bundle.

    Parameters
    ----------
    plain : dict
        What the document says about it.
    archive : Archive
    entry, sha256 : str
        Where it is, and what its digest is by the manifest.
    """
    samples = plain["frames"] * plain["channels"]
    origin = EmbeddedOrigin(archive.place(entry), sha256, plain["name"], plain["digest"], samples)
    return _source(plain, origin)


def absent_source(plain: dict[str, Any], reason: str) -> AudioSource:
    """The source of a recording that is not here, but known by its digest."""
    return _source(plain, AbsentOrigin(reason))


def _source(plain: dict[str, Any], origin: EmbeddedOrigin | AbsentOrigin) -> AudioSource:
    return AudioSource(
        name=plain["name"],
        sample_rate=plain["sample_rate"],
        channels=plain["channels"],
        frames=plain["frames"],
        digest=plain["digest"],
        health=HealthReport(decoded_frames=plain["frames"], channels=plain["channels"], measured=False),
        decode=unpack(plain["decode"]),
        origin=origin,
    )
