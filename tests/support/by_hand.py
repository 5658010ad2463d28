"""A timeline driven by hand: a scheduler without threads, calculators whose results are told by their key."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from audiocache_nb.analysis.jobs import Job, JobState
from audiocache_nb.analysis.plan import Item
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.errors import CalculatorError, SessionClosedError
from audiocache_nb.features.calculator import AudioFacts, Calculator, Layout
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState, Track
from audiocache_nb.timeline.timeline import Timeline
from audiocache_nb.timing.tempo import Tempo


class Toy(Calculator):
    """A calculator that is never run: tests hand in its results."""

    def __init__(self, feature: str, version: int = 1, *, depends_on_tempo: bool = False) -> None:
        self.id = self.feature = feature
        self.version = version
        self.depends_on_tempo = depends_on_tempo

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(Framing(profile.window_size, profile.hop_size, "center"), (1,), ("frame", "value"))

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Any, ...]:
        return ()

    def compute(self, inputs: Any, out: Any, state: Any, context: Any) -> None:
        raise AssertionError("nobody runs this")


@functools.cache
def audio(number: int = 0) -> AudioSource:
    """Recording number so and so; equal numbers are equal content."""
    return load(np.full(8, (number + 1) / 100, np.float32), sample_rate=8000, name=f"recording {number}")


def truth(key: str) -> float:
    """What the result of this key is."""
    return float(int(key[:6], 16))


def result(item: Item, source: AudioSource) -> FeatureTrack:
    """The right result of an item."""
    return FeatureTrack(
        feature=item.descriptor.feature,
        calculator_id=item.calculator.id,
        version=item.calculator.version_text,
        label=item.title,
        unit="",
        data=np.full((2, 1), truth(item.key), np.float32),
        axes=("frame", "value"),
        fill_value=0.0,
        hop_seconds=0.01,
        start_seconds=0.0,
        key=item.key,
        profile_id=item.descriptor.used_profile.id,
        parameters=dict(item.used),
        provenance={"audio": source.digest},
    )


class HandScheduler:
    """Keeps the scheduler's promises, but only does what it is told."""

    workers = 1

    def __init__(self, sink: Timeline) -> None:
        self.sink = sink
        self.queue: list[Job] = []
        self.running: list[Job] = []
        self.closed = False

    # what the timeline calls

    def submit(self, job: Job) -> Job:
        if self.closed:
            raise SessionClosedError("The session is closed.")
        job.on_cancel = lambda: self.cancel(job)
        self.queue.append(job)
        return job

    def extend(self, job: Job, items: list[Item]) -> bool:
        if job not in self.queue:
            return False
        job.items.extend(items)
        return True

    def cancel(self, job: Job) -> bool:
        if job.ended or job.control.cancelled:
            return False
        job.control.cancel()
        if job not in self.queue:
            job.state = "cancelling"
            return True
        self.queue.remove(job)
        self._end(job, "cancelled")
        return True

    def close(self) -> None:
        self.closed = True
        for job in self.jobs:
            self.cancel(job)

    @property
    def jobs(self) -> list[Job]:
        return [*self.running, *self.queue]

    # what tests call

    def startable(self) -> list[Job]:
        busy = {job.source.id for job in self.running}
        firsts: dict[str, Job] = {}
        for job in self.queue:
            firsts.setdefault(job.source.id, job)
        return [] if self.closed else [job for source_id, job in firsts.items() if source_id not in busy]

    def start(self, job: Job | None = None) -> Job:
        job = job or self.startable()[0]
        assert job in self.startable()
        self.queue.remove(job)
        self.running.append(job)
        job.begin()
        self.sink.job_started(job)
        return job

    @staticmethod
    def open_items(job: Job) -> list[Item]:
        return [item for item in job.items if item.key not in job.stored and item.key not in job.failures]

    def report(self, job: Job, value: float, label: str = "working") -> None:
        job.control.enter(label)
        job.control.report(value)
        self.sink.job_progress([(job, job.progress)])

    def deliver(self, job: Job, item: Item | None = None) -> None:
        item = item or self.open_items(job)[0]
        job.stored.add(item.key)
        self.sink.item_done(job, item, result(item, job.source))

    def fail(self, job: Job, item: Item | None = None, text: str = "it broke") -> None:
        item = item or self.open_items(job)[0]
        error = CalculatorError(text)
        error.__cause__ = ZeroDivisionError("division by zero")
        job.failures[item.key] = error
        self.sink.item_failed(job, item, error)

    def end(self, job: Job) -> None:
        """The job's thread comes to its end, as it must once all is delivered or it has noticed its cancellation."""
        assert job.control.cancelled or not self.open_items(job)
        self.running.remove(job)
        if job.control.cancelled:
            self._end(job, "cancelled")
        else:
            self._end(job, "failed" if job.failures else "succeeded")

    def run(self, job: Job | None = None) -> Job:
        """A job from beginning to end."""
        job = self.start(job)
        while self.open_items(job):
            self.deliver(job)
        self.end(job)
        return job

    def run_all(self) -> None:
        while self.startable():
            self.run()

    def _end(self, job: Job, state: JobState) -> None:
        job.end(state)
        if state == "succeeded":
            job.control.finish()
            self.sink.job_progress([(job, job.progress)])
        self.sink.job_ended(job)
        job.announce()


class Hand:
    """A timeline with such a scheduler, and short names for what tests look at."""

    def __init__(self, *features: str, on_tempo: tuple[str, ...] = ()) -> None:
        self.registry = Registry(entry_points=False)
        self.registry._builtin.clear()  # only what the test registers
        for feature in features:
            self.registry.register(Toy(feature))
        for feature in on_tempo:
            self.registry.register(Toy(feature, depends_on_tempo=True))
        self.tempo = Tempo(120)
        self.timeline = Timeline(self.registry, workers=1, tempo=self.tempo)
        self.tempo.subscribe(self.timeline.tempo_changed)
        self.timeline.scheduler = self.scheduler = HandScheduler(self.timeline)  # type: ignore[assignment]

    def add(self, track_id: str = "t", number: int = 0, *, hold: bool = False) -> Track:
        return self.timeline.add(Track(track_id, track_id, audio(number)), hold=hold)

    def named(self, *names: str, profile: AnalysisProfile | None = None) -> list[Descriptor]:
        return [self.registry.resolve(name, profile) for name in names]

    def request(self, track: str, *names: str, element: str | None = "e", profile: AnalysisProfile | None = None):
        return self.timeline.request(track, self.named(*names, profile=profile), element)

    def edit(self, feature: str, version: int, **options: Any) -> None:
        self.registry.register(Toy(feature, version, **options))

    def source(self, track: str = "t") -> SourceState:
        snapshot = self.timeline.store.snapshot()
        return snapshot.sources[snapshot.track(track).source_id]

    def status(self, track: str = "t") -> tuple[str, str | None]:
        status = self.source(track).status
        return status.state, status.message

    def entry(self, name: str, track: str = "t", profile: AnalysisProfile | None = None) -> FeatureEntry | None:
        return self.source(track).entries.get(Slot.of(self.registry.resolve(name, profile)))

    def states(self, track: str = "t") -> dict[str, str]:
        return {slot.feature: entry.state for slot, entry in self.source(track).entries.items()}

    def close(self) -> None:
        self.timeline.close()
