"""The engine without a session around it."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.derived import DerivedRows
from audiocache_nb.analysis.engine import Pass
from audiocache_nb.analysis.plan import Item, heard_by, layout_of, make_plan
from audiocache_nb.analysis.segments import SEGMENT_SAMPLES
from audiocache_nb.analysis.wholes import WholeSignal, run_whole
from audiocache_nb.audio.source import AudioSource, BlockReader
from audiocache_nb.features.track import FeatureTrack


def by_engine(source: AudioSource, wanted: Item, *, size: int = SEGMENT_SAMPLES, threads: int = 1) -> FeatureTrack:
    """Compute one item, and what it depends on before, both in pieces of so many samples."""
    tracks: dict[str, FeatureTrack] = {}
    control = Control()

    def done(item: Item, track: FeatureTrack) -> None:
        tracks[item.key] = track

    def failed(_item: Item, error: BaseException) -> None:
        raise error

    plan = make_plan(source, [wanted])
    for item, error in plan.broken:
        failed(item, error)
    if plan.groups:
        work = Pass(plan, control, size=size)
        try:
            workers = [threading.Thread(target=work.work, daemon=True) for _ in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            if work.error is not None:
                raise work.error
            work.finish(done, failed)
        finally:
            work.close()
    signal = WholeSignal(source, control)
    for item in plan.whole:
        if item.calculator.is_local:
            rows = _rows_of(source, item, size)
            done(item, DerivedRows(source, item, tracks, control, rows=rows).run())
        else:
            done(item, run_whole(signal, source, item, control, lambda _value: None, tracks))
    return tracks[wanted.key]


def _rows_of(source: AudioSource, item: Item, size: int) -> int:
    """The rows that begin within so many samples."""
    heard, framing = heard_by(source, item), layout_of(source, item).framing
    return max(1, int(size * heard.sample_rate / source.sample_rate / framing.hop_samples))


class _PieceReader:
    """A pass over samples that hands out one buffer again and again."""

    def __init__(self, samples: NDArray[np.float32], piece_samples: int) -> None:
        self._samples = samples
        self._buffer = np.empty((piece_samples, samples.shape[1]), np.float32)
        self._position = 0

    def read(self, frames: int) -> NDArray[np.float32]:
        block = self._samples[self._position : self._position + min(frames, len(self._buffer))]
        self._position += len(block)
        self._buffer[: len(block)] = block
        return self._buffer[: len(block)]

    def seek(self, frame: int) -> None:
        self._position = frame

    def close(self) -> None:
        """Nothing is open."""


def streamed(source: AudioSource, piece_samples: int) -> AudioSource:
    """The same recording, not in memory but read in pieces."""
    samples = source.array
    assert samples is not None

    def opener() -> BlockReader:
        return _PieceReader(samples, piece_samples)

    return AudioSource.from_reader(
        opener,
        sample_rate=source.sample_rate,
        channels=source.channels,
        frames=source.frames,
        digest=source.digest,
        name=source.name,
    )
