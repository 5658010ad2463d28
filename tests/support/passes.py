"""Sources to analyse, and the engine without a session around it."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from audiocache_nb.analysis.control import Control, Progress
from audiocache_nb.analysis.derived import DerivedRows
from audiocache_nb.analysis.engine import Pass
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.plan import Item, make_item, make_plan
from audiocache_nb.analysis.results import as_calculator_error
from audiocache_nb.analysis.wholes import WholeSignal, run_whole
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack

BUILTIN = Registry(entry_points=False)
MVMNT = ("mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform")
CALIBRATED = ("spectrogram", "rms", "waveform")


class StreamReader:
    """A pass over an array that hands out one buffer again and again, in pieces of its own choice."""

    def __init__(self, samples: np.ndarray, piece: int) -> None:
        self._samples = samples
        self._buffer = np.empty((piece, samples.shape[1]), np.float32)
        self._position = 0
        self.closed = False

    def read(self, frames: int) -> np.ndarray:
        assert not self.closed, "read after close"
        block = self._samples[self._position : self._position + min(frames, len(self._buffer))]
        self._position += len(block)
        self._buffer[:] = np.nan  # whoever kept the last block has nothing now
        self._buffer[: len(block)] = block
        return self._buffer[: len(block)]

    def seek(self, frame: int) -> None:
        self._position = frame

    def close(self) -> None:
        self.closed = True


def as_samples(values: Any) -> np.ndarray:
    """Samples [shape=(n, channels)]."""
    samples = np.asarray(values, np.float32)
    return samples[:, None] if samples.ndim == 1 else samples


def held(values: Any, sample_rate: int = 44100) -> AudioSource:
    """A source in memory."""
    return load(as_samples(values), sample_rate=sample_rate, name="held")


def streamed(values: Any, sample_rate: int = 44100, *, piece: int = 10_000, opener: Any = None) -> AudioSource:
    """A source that can only be read from beginning to end."""
    samples = as_samples(values)
    return AudioSource.from_reader(
        opener or (lambda: StreamReader(samples, piece)),
        sample_rate=sample_rate,
        channels=samples.shape[1],
        frames=len(samples),
        digest="sha256:" + hashlib.sha256(samples.tobytes() + bytes(samples.shape[1])).hexdigest(),
        name="streamed",
    )


def noise(n: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """White noise [shape=(n, channels)], always the same."""
    return np.random.default_rng(seed).uniform(-0.7, 0.7, (n, channels)).astype(np.float32)


def made_of(function: Callable[..., Any], **options: Any) -> FunctionCalculator:
    """A calculator of a function, registered nowhere."""
    return FunctionCalculator(function, **{"feature": getattr(function, "__name__", "thing"), **options})


def item_of(
    source: AudioSource, wanted: str | Calculator, profile: AnalysisProfile | None = None, **params: Any
) -> Item:
    """What a job computes."""
    calculator = BUILTIN.get(wanted) if isinstance(wanted, str) else wanted
    descriptor = Descriptor(calculator.feature, calculator.id, profile, params)
    return make_item(source, descriptor, calculator, registry=BUILTIN)


@dataclasses.dataclass
class Outcome:
    """Tracks and errors by calculator id."""

    tracks: dict[str, FeatureTrack]
    errors: dict[str, BaseException]

    def data(self, name: str) -> np.ndarray:
        assert not self.errors, self.errors
        return self.tracks[name].data


def analyse(
    source: AudioSource,
    wanted: Iterable[str | Calculator],
    profile: AnalysisProfile | None = None,
    *,
    size: int | None = None,
    threads: int = 1,
    outputs: Outputs | None = None,
    rows: int | None = None,
) -> Outcome:
    """Compute features as a job does: one pass, then those made of features, and those that need everything.

    Parameters
    ----------
    size : int, optional
        Samples of a segment.
    rows : int, optional
        Rows of a block of what is made of features.
    """
    outcome, control = Outcome({}, {}), Control()
    known: dict[str, FeatureTrack] = {}

    def done(item: Item, track: FeatureTrack) -> None:
        known[item.key] = track
        outcome.tracks[item.calculator.id] = track

    def failed(item: Item, error: BaseException) -> None:
        outcome.errors[item.calculator.id] = error

    plan = make_plan(source, [item_of(source, one, profile) for one in wanted])
    for item, error in plan.broken:
        failed(item, as_calculator_error(item, error))
    if plan.groups:
        work = Pass(plan, control, size=size, outputs=outputs)
        workers = [threading.Thread(target=work.work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        work.close()
        if work.error is not None:
            raise work.error
        assert work.complete
        work.finish(done, failed)
    signal = WholeSignal(source, control)
    for item in plan.whole:
        try:
            if item.calculator.is_local:
                done(item, DerivedRows(source, item, known, control, outputs=outputs, rows=rows).run())
            else:
                done(item, run_whole(signal, source, item, control, lambda value: None, known))
        except Exception as error:
            failed(item, error)
    return outcome


class Recorder:
    """A sink that notes what the scheduler says, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: list[tuple[str, Job, Any]] = []

    def _note(self, kind: str, job: Job, what: Any = None) -> None:
        with self._lock:
            self.calls.append((kind, job, what))

    def job_started(self, job: Job) -> None:
        self._note("started", job, job.progress)

    def job_progress(self, changes: list[tuple[Job, Progress]]) -> None:
        for job, progress in changes:
            self._note("progress", job, progress)

    def item_done(self, job: Job, item: Item, track: FeatureTrack) -> None:
        self._note("done", job, (item.calculator.id, track))

    def item_failed(self, job: Job, item: Item, error: BaseException) -> None:
        self._note("failed", job, (item.calculator.id, error))

    def job_ended(self, job: Job) -> None:
        self._note("ended", job, job.state)

    def of(self, kind: str, job: Job | None = None) -> list[Any]:
        """What was said of one kind, about one job or all."""
        with self._lock:
            return [what for said, about, what in self.calls if said == kind and (job is None or about is job)]

    def order(self, kind: str) -> list[Job]:
        """The jobs of which this was said, in order."""
        with self._lock:
            return [job for said, job, _ in self.calls if said == kind]


PATIENCE_S = 60.0  # only ever used up by a test that fails


class Gate:
    """A calculator that stops where the test wants it to, and counts how often it was called.

    Parameters
    ----------
    after : int
        The call, from 1 on, that waits until the gate is opened; later ones wait, too.
    """

    def __init__(self, name: str = "gate", *, after: int = 1, **options: Any) -> None:
        self.calls = 0
        self.reached, self.opened = threading.Event(), threading.Event()
        self._after = after

        def wait_there(values: Any, *, ctx: Any) -> Any:
            self.calls += 1
            if self.calls >= self._after:
                self.reached.set()
                assert self.opened.wait(PATIENCE_S), "nobody opened the gate"
            return np.zeros(ctx.frame_count)

        self.calculator = made_of(wait_there, **{"feature": name, **options})

    def wait(self) -> None:
        """Wait until the calculator has got there."""
        assert self.reached.wait(PATIENCE_S), "the calculator never got there"

    def open(self) -> None:
        """Let it go on."""
        self.opened.set()
