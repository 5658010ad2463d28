"""Random interleavings of everything that can happen to a timeline, against a model made of plain dicts.

The scheduler is driven by hand, so that every run is repeatable: each step is one verb, or one thing
that a job's thread would say, at a moment that hypothesis chooses.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.by_hand import Hand, Toy, audio, truth

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.errors import SessionClosedError, WaitTimeoutError
from audiocache_nb.timeline import events

FEATURES = ("a", "b", "beat")
TRACKS = {"t": 0, "u": 0, "v": 1}  # two of them share their content
ELEMENTS = ("e", "f", None)
KEPT = object()


@dataclasses.dataclass(eq=False)
class Task:
    """The model of a job."""

    number: int
    wishes: list[tuple[str, Any]]
    job: Job
    counts: bool = True
    settled: set[tuple[str, Any]] = dataclasses.field(default_factory=set)
    progress: float = 0.0


@dataclasses.dataclass(eq=False)
class Content:
    """The model of a source."""

    features: dict[str, str] = dataclasses.field(default_factory=dict)  # feature -> state, as last derived
    shown: dict[str, Any] = dataclasses.field(default_factory=dict)  # feature -> version of its data
    failed: dict[str, Any] = dataclasses.field(default_factory=dict)
    state: str = "idle"
    message: str | None = "analysis not started"


class Model:
    """What ought to be."""

    def __init__(self) -> None:
        self.tracks: dict[str, bool] = {}  # whether it is on hold
        self.demand: dict[str, dict[str, set[str]]] = {}
        self.versions: dict[str, int | None] = dict.fromkeys(FEATURES, 1)
        self.bpm = 120
        self.contents: dict[int, Content] = {}
        self.stored: set[tuple[int, str, Any]] = set()
        self.tasks: list[Task] = []  # all that ever were and have not ended
        self.closed = False

    def wanted(self, feature: str) -> Any:
        version = self.versions[feature]
        return (version, self.bpm) if version is not None and feature == "beat" else version

    def demanded(self, number: int, *, held: bool = True) -> set[str]:
        return {
            feature
            for wishes in self.demand.values()
            for track, features in wishes.items()
            if track in self.tracks and TRACKS[track] == number and (held or not self.tracks[track])
            for feature in features
        }

    def working(self, number: int) -> list[Task]:
        return [task for task in self.tasks if task.counts and task.number == number]

    def on_it(self, number: int, feature: str, version: Any) -> Task | None:
        for task in self.working(number):
            wish = (feature, version)
            if wish in task.wishes and wish not in task.settled and not task.job.control.cancelled:
                return task
        return None

    def judge(self, number: int, feature: str) -> str:
        content, wanted = self.contents[number], self.wanted(feature)
        if wanted is None:
            return "bad_request"
        task = self.on_it(number, feature, wanted)
        if task is not None:
            return "queued" if task.job.state == "queued" else "running"
        if feature in content.failed and content.failed[feature] == wanted:
            return "failed"
        if feature not in content.shown:
            return "missing"
        return "fresh" if content.shown[feature] == wanted else "stale"

    def derive(self, number: int, message: Any = KEPT, if_stale: Any = KEPT) -> None:
        content, demanded = self.contents[number], self.demanded(number)
        judged = {feature: self.judge(number, feature) for feature in content.features}
        content.features = {f: state for f, state in judged.items() if f in demanded or state != "missing"}
        states = set(content.features.values())
        if self.working(number):
            state = "pending"
        elif "failed" in states:
            state, message = "failed", "analysis failed: it broke"
        elif "stale" in states:
            state, message = "stale", if_stale if message is KEPT else message
        else:
            state = "ready" if "fresh" in states else "idle"
        if message is KEPT:
            message = content.message if state == content.state else None
        content.state, content.message = state, message

    def ensure(
        self,
        number: int,
        features: list[str],
        *,
        force: bool = False,
        act: bool = True,
        message: str = "analyzing audio",
    ) -> list[tuple[str, Any]]:
        """What has to be computed for it."""
        content, missing = self.contents[number], []
        for feature in features:
            wanted = self.wanted(feature)
            content.features.setdefault(feature, "missing")
            if force:
                content.failed.pop(feature, None)
            if self.on_it(number, feature, wanted) is not None:
                continue
            if force or content.shown.get(feature) != wanted:
                if not force and (number, feature, wanted) in self.stored:
                    content.shown[feature] = wanted
                    if content.failed.get(feature) == wanted:
                        del content.failed[feature]
                elif act and content.failed.get(feature) != wanted:
                    missing.append((feature, wanted))
        return missing

    def deliver(self, task: Task, feature: str, version: Any) -> None:
        self.stored.add((task.number, feature, version))
        if not task.counts:
            return
        task.settled.add((feature, version))
        content = self.contents[task.number]
        shown = content.shown.get(feature)
        fresh = shown is not None and shown == self.wanted(feature)
        if feature not in content.features or version == self.wanted(feature) or not fresh:
            content.features.setdefault(feature, "missing")
            content.shown[feature] = version
            if content.failed.get(feature) == version:
                del content.failed[feature]
        self.derive(task.number)

    def fail(self, task: Task, feature: str, version: Any) -> None:
        if not task.counts:
            return
        task.settled.add((feature, version))
        if self.wanted(feature) == version:
            self.contents[task.number].features.setdefault(feature, "missing")
            self.contents[task.number].failed[feature] = version
        self.derive(task.number)

    def end(self, task: Task) -> None:
        self.tasks.remove(task)
        if not task.counts:
            return
        task.counts = False
        stopped = task.job.state == "cancelled" and not self.working(task.number)
        self.derive(task.number, "analysis stopped" if stopped else KEPT)

    def supersede(self, number: int) -> None:
        """Jobs of which nothing that is left would be computed like that now do not count any more."""
        for task in self.working(number):
            left = [wish for wish in task.wishes if wish not in task.settled]
            if left and all(self.wanted(feature) != version for feature, version in left):
                task.counts = False

    def give_up(self, number: int, asked: set[str]) -> None:
        """Jobs that only do what a track asked for that is gone do not count any more."""
        idle = asked - self.demanded(number)
        for task in self.working(number):
            left = [feature for feature, version in task.wishes if (feature, version) not in task.settled]
            if left and idle.issuperset(left):
                task.counts = False

    def detach(self, number: int) -> bool:
        tasks = self.working(number)
        for task in tasks:
            task.counts = False
        return bool(tasks)


class TimelineMachine(RuleBasedStateMachine):
    """The timeline beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = Hand("a", "b", on_tempo=("beat",))
        self.timeline, self.scheduler = self.hand.timeline, self.hand.scheduler
        self.model = Model()
        self.heard: list[events.Event] = []
        self.timeline.store.subscribe(self.heard.append)

    def teardown(self) -> None:
        self.timeline.close()
        assert self.timeline.store.flush(60)
        assert [event.sequence for event in self.heard] == list(range(1, self.timeline.store.sequence + 1))
        assert isinstance(self.heard[-1], events.SessionClosed)
        self.hand_over_statuses()

    def hand_over_statuses(self) -> None:
        """Whoever follows the events alone knows every status, and sees progress only while pending."""
        told: dict[str, Any] = {}
        tracks: dict[str, str] = {}
        for event in self.heard:
            if isinstance(event, events.StatusChanged):
                assert told[event.source_id] == (event.previous.state, event.previous.message)
                told[event.source_id] = (event.status.state, event.status.message)
            elif isinstance(event, events.ProgressChanged):
                assert event.status.state == "pending"
                assert event.status.progress is not None
            elif isinstance(event, events.TrackAdded):
                tracks[event.track_id] = event.source_id
                told.setdefault(event.source_id, ("idle", "analysis not started"))
            elif isinstance(event, events.TrackRemoved):
                del tracks[event.track_id]
                if event.source_id not in tracks.values():
                    del told[event.source_id]
        snapshot = self.timeline.store.snapshot()
        statuses = {source_id: (one.status.state, one.status.message) for source_id, one in snapshot.sources.items()}
        assert told == statuses
        assert tracks == {track.id: track.source_id for track in snapshot.tracks.values()}

    # --- choosing ----------------------------------------------------------------------------

    def present(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.model.tracks)), label="track")

    def task_of(self, job: Job) -> Task:
        return next(task for task in self.model.tasks if task.job is job)

    def known(self) -> list[str]:
        return [feature for feature in FEATURES if self.model.versions[feature] is not None]

    def note_jobs(
        self, number: int, missing: list[tuple[str, Any]], message: str, submitted: list[Job] | None = None
    ) -> None:
        """What the timeline has submitted since the last step is what the model says is missing."""
        if missing:
            waiting = [task for task in self.model.working(number) if task.job.state == "queued"]
            last = self.model.working(number)[-1:]
            if last and last[0] in waiting:
                last[0].wishes += missing
                job = last[0].job
            else:
                (job,) = self.scheduler.queue[-1:] if submitted is None else submitted
                self.model.tasks.append(Task(number, list(missing), job))
            wishes = self.task_of(job).wishes
            features = [item.descriptor.feature for item in job.items]
            assert sorted(features) == sorted(feature for feature, _ in wishes)
        self.model.derive(number, message if missing else KEPT)

    def ensure(self, number: int, features: list[str], **options: Any) -> None:
        submitted = options.pop("submitted", None)
        missing = self.model.ensure(number, features, **options)
        self.note_jobs(number, missing, options.get("message", "analyzing audio"), submitted)

    # --- tracks ------------------------------------------------------------------------------

    unclosed = precondition(lambda self: not self.model.closed)
    populated = precondition(lambda self: not self.model.closed and self.model.tracks)

    @unclosed
    @rule(track=st.sampled_from(sorted(TRACKS)), hold=st.sampled_from([False, False, False, True]))
    def add(self, track: str, hold: bool) -> None:
        if track in self.model.tracks:
            return
        self.hand.add(track, TRACKS[track], hold=hold)
        self.model.tracks[track] = hold
        self.model.contents.setdefault(TRACKS[track], Content())
        self.model.demand.get("notebook", {}).pop(track, None)
        asked = {feature for wishes in self.model.demand.values() for feature in wishes.get(track, ())}
        standing = sorted(asked & set(self.known()))
        if standing:
            self.ensure(TRACKS[track], standing, act=not hold)

    @populated
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        track = self.present(data)
        self.timeline.remove(track)
        number = TRACKS[track]
        del self.model.tracks[track]
        asked = {feature for wishes in self.model.demand.values() for feature in wishes.get(track, ())}
        if any(TRACKS[other] == number for other in self.model.tracks):
            self.model.give_up(number, asked)
            self.model.derive(number)
        else:
            self.model.detach(number)
            del self.model.contents[number]
        self.forget_cancelled()

    def forget_cancelled(self) -> None:
        """Jobs that were waiting have ended by their cancellation."""
        self.model.tasks = [task for task in self.model.tasks if not task.job.ended]

    # --- asking ------------------------------------------------------------------------------

    @populated
    @rule(
        data=st.data(),
        features=st.lists(st.sampled_from(FEATURES), max_size=3, unique=True),
        element=st.sampled_from(ELEMENTS),
    )
    def request(self, data: st.DataObject, features: list[str], element: str | None) -> None:
        track = self.present(data)
        features = [feature for feature in features if feature in self.known()]
        jobs = self.hand.request(track, *features, element=element)
        wishes = self.model.demand.setdefault(element or "notebook", {})
        wishes[track] = wishes.get(track, set()) | set(features) if element is None else set(features)
        self.ensure(TRACKS[track], features, act=not self.model.tracks[track])
        for feature in features:
            task = self.model.on_it(TRACKS[track], feature, self.model.wanted(feature))
            assert task is None or task.job in jobs

    @unclosed
    @rule(element=st.sampled_from(["e", "f", "notebook"]))
    def release(self, element: str) -> None:
        self.timeline.release(element)
        if any(self.model.demand.pop(element, {}).values()):
            for number in self.model.contents:
                self.model.derive(number)

    @populated
    @rule(data=st.data(), features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3, unique=True))
    def reanalyze(self, data: st.DataObject, features: list[str]) -> None:
        track = self.present(data)
        features = [feature for feature in features if feature in self.known()]
        self.timeline.reanalyze(track, features)
        if features:
            message = "reanalysing feature track" + ("s" if len(features) > 1 else "")
            self.ensure(TRACKS[track], features, force=True, message=message)

    @populated
    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        track = self.present(data)
        number = TRACKS[track]
        features = list(self.model.contents[number].features)
        if not features:
            features = self.known()
        self.timeline.restart(track)
        self.model.detach(number)
        self.ensure(number, [feature for feature in features if self.model.wanted(feature) is not None], force=True)
        self.forget_cancelled()

    @populated
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        track = self.present(data)
        before = self.timeline.store.snapshot()
        self.timeline.stop(track)
        if self.model.detach(TRACKS[track]):
            self.model.derive(TRACKS[track], "analysis stopped")
        else:
            assert self.timeline.store.snapshot() is before
        self.forget_cancelled()

    @populated
    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        track = self.present(data)
        number = TRACKS[track]
        self.timeline.clear(track)
        self.model.detach(number)
        content = self.model.contents[number]
        content.features = dict.fromkeys(self.model.demanded(number), "missing")
        content.shown, content.failed = {}, {}
        self.model.stored = {result for result in self.model.stored if result[0] != number}
        self.model.derive(number, None)
        self.forget_cancelled()

    @populated
    @rule(sure=st.sampled_from([False, False, False, True]))
    def clear_all(self, sure: bool) -> None:
        if not sure:
            return
        self.timeline.clear_all()
        for task in self.model.tasks:
            task.counts = False
        self.model.tracks.clear()
        self.model.contents.clear()
        self.model.demand.clear()
        self.model.stored.clear()
        self.forget_cancelled()

    # --- what results depend on --------------------------------------------------------------

    @unclosed
    @rule(feature=st.sampled_from(FEATURES), version=st.integers(1, 3))
    def edit(self, feature: str, version: int) -> None:
        self.model.versions[feature] = version
        before = list(self.scheduler.queue)
        self.hand.registry.register(Toy(feature, version, depends_on_tempo=feature == "beat"))
        self.follow(before, feature, "calculator updated")

    @unclosed
    @rule(feature=st.sampled_from(FEATURES))
    def unregister(self, feature: str) -> None:
        if self.model.versions[feature] is not None:
            self.model.versions[feature] = None
            before = list(self.scheduler.queue)
            self.hand.registry.unregister(feature)
            self.follow(before, feature, "calculator updated")

    @unclosed
    @rule(bpm=st.sampled_from([90, 120]))
    def tempo(self, bpm: int) -> None:
        if bpm != self.model.bpm:
            self.model.bpm = bpm
            before = list(self.scheduler.queue)
            self.hand.tempo.bpm = bpm
            if self.model.versions["beat"] is not None:
                self.follow(before, "beat", "tempo updated")

    def follow(self, old: list[Job], feature: str, if_stale: str) -> None:
        """What a change of a calculator or the tempo brings about."""
        new = [job for job in self.scheduler.queue if job not in old]
        for number, content in self.model.contents.items():
            if feature not in content.features:
                continue
            self.model.supersede(number)
            self.model.derive(number, if_stale=if_stale)
            state = content.features.get(feature)
            if state in ("missing", "stale") and feature in self.model.demanded(number, held=False):
                own = [job for job in new if job.source is audio(number)]
                new = [job for job in new if job not in own]
                self.ensure(number, [feature], submitted=own)
        assert not new, "work that nobody asked for"
        self.forget_cancelled()

    # --- what the scheduler's threads say ----------------------------------------------------

    @precondition(lambda self: self.scheduler.startable())
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        job = self.scheduler.start(data.draw(st.sampled_from(self.scheduler.startable()), label="job"))
        task = self.task_of(job)
        if task.counts:
            self.model.derive(task.number)

    running = precondition(lambda self: self.scheduler.running)

    def one_running(self, data: st.DataObject) -> tuple[Job, Task]:
        job = data.draw(st.sampled_from(self.scheduler.running), label="job")
        return job, self.task_of(job)

    @running
    @rule(data=st.data(), value=st.floats(-0.5, 1.5))
    def report(self, data: st.DataObject, value: float) -> None:
        job, task = self.one_running(data)
        before = self.timeline.store.snapshot()
        self.scheduler.report(job, value)
        assert job.progress.value >= task.progress
        task.progress = job.progress.value
        if task.counts:
            status = self.timeline.store.snapshot().sources[audio(task.number).id].status
            assert status.progress is not None
            assert status.progress.value == task.progress
        else:
            assert self.timeline.store.snapshot() is before

    def open_wish(self, data: st.DataObject, job: Job) -> Any:
        left = self.scheduler.open_items(job)
        return data.draw(st.sampled_from(left), label="item") if left else None

    def wish_of(self, task: Task, item: Any) -> tuple[str, Any]:
        version = item.calculator.version
        feature = item.descriptor.feature
        wish = (feature, (version, round(item.tempo.entries[0].bpm)) if feature == "beat" else version)
        assert wish in task.wishes
        return wish

    @running
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        job, task = self.one_running(data)
        item = self.open_wish(data, job)
        if item is None:
            return
        before = self.timeline.store.snapshot()
        self.scheduler.deliver(job, item)
        self.model.deliver(task, *self.wish_of(task, item))
        assert task.counts or self.timeline.store.snapshot() is before

    @running
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        job, task = self.one_running(data)
        item = self.open_wish(data, job)
        if item is None:
            return
        before = self.timeline.store.snapshot()
        self.scheduler.fail(job, item)
        self.model.fail(task, *self.wish_of(task, item))
        assert task.counts or self.timeline.store.snapshot() is before

    @running
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        job, task = self.one_running(data)
        if self.scheduler.open_items(job) and not job.control.cancelled:
            return
        before = self.timeline.store.snapshot()
        self.scheduler.end(job)
        counted = task.counts
        self.model.end(task)
        assert counted or self.timeline.store.snapshot() is before
        assert job.wait(0)

    @precondition(lambda self: self.scheduler.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.scheduler.jobs), label="job")
        task, waiting = self.task_of(job), job.state == "queued"
        first = not job.control.cancelled
        assert job.cancel() == first
        assert not job.cancel()
        if waiting:
            self.model.end(task)

    @unclosed
    @rule(sure=st.integers(0, 9))
    def close(self, sure: int) -> None:
        if sure:
            return
        self.timeline.close()
        self.model.closed = True
        for number in self.model.contents:
            if self.model.detach(number):
                self.model.derive(number, "session closed")
        for task in self.model.tasks:
            task.counts = False
        self.forget_cancelled()

    @precondition(lambda self: self.model.closed)
    @rule(track=st.sampled_from(sorted(TRACKS)))
    def refuse(self, track: str) -> None:
        before = self.timeline.store.sequence
        for verb in (self.hand.add, self.timeline.remove, self.timeline.restart, self.timeline.clear):
            try:
                verb(track)
            except SessionClosedError:
                continue
            raise AssertionError(f"{verb} did something")
        self.timeline.release("e")
        assert self.timeline.store.sequence == before

    # --- what holds after every step ---------------------------------------------------------

    @invariant()
    def statuses_are_those_of_the_model(self) -> None:
        sources = self.timeline.store.snapshot().sources
        assert {state.source.id for state in sources.values()} == {audio(n).id for n in self.model.contents}
        for number, content in self.model.contents.items():
            status = sources[audio(number).id].status
            assert (status.state, status.message) == (content.state, content.message)
            assert (status.progress is not None) == (status.state == "pending")
            assert status.source_hash == audio(number).digest

    @invariant()
    def features_are_those_of_the_model(self) -> None:
        sources = self.timeline.store.snapshot().sources
        for number, content in self.model.contents.items():
            entries = {slot.feature: entry for slot, entry in sources[audio(number).id].entries.items()}
            assert {feature: entry.state for feature, entry in entries.items()} == content.features
            demanded = self.model.demanded(number)
            for feature, entry in entries.items():
                assert (entry.track is not None) == (feature in content.shown)
                assert entry.demanded == (feature in demanded)
                if entry.state == "fresh":
                    assert entry.track.key == entry.wanted_key
                if entry.track is not None:
                    assert entry.track.data[0, 0] == truth(entry.track.key)
                    assert entry.track.provenance["audio"] == audio(number).digest
                if entry.state == "failed":
                    assert entry.exception is not None

    @invariant()
    def tracks_are_those_of_the_model(self) -> None:
        assert set(self.timeline.store.snapshot().tracks) == set(self.model.tracks)

    @invariant()
    def waiting_ends_when_there_is_no_work(self) -> None:
        busy = any(task.counts for task in self.model.tasks)
        try:
            self.timeline.wait(0)
        except WaitTimeoutError:
            assert busy
        else:
            assert not busy

    @invariant()
    def one_job_of_a_source_runs_at_a_time(self) -> None:
        sources = [job.source.id for job in self.scheduler.running]
        assert len(sources) == len(set(sources))
        assert {task.job for task in self.model.tasks} == set(self.scheduler.jobs)


TestTimelineMachine = TimelineMachine.TestCase
TestTimelineMachine.settings = settings(
    max_examples=2 * settings.default.max_examples, stateful_step_count=50, deadline=None
)
