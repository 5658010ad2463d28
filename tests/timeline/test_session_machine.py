"""A whole session on a real directory, against a model made of plain dicts.

Every step is one verb of the public interface, or something that the world does to a session: a file that
is replaced, an entry that is damaged, a disk that cannot be written to, a clock that jumps, a process that
dies, another session in the same directory. After it the session comes to rest, and everything that a user
can see must be what the model says: values, states with their causes, diagnostics, what is on disk, and how
often a calculator ran.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import pathlib
import shutil
import tempfile
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.events import StatusChanged, TrackRemoved

RATE = 8000
WAIT_S = 60
FEATURES = ("a", "b", "beat")
ARRAYS = {"t": 0, "u": 0, "v": 1}  # two of them share their content
FILE = "file"
ELEMENTS = ("e", "f")
TEMPOS = {"90": [(0.0, 90.0)], "120": [(0.0, 120.0)], "a map": [(0.0, 120.0), (8.0, 140.0)]}
WRITING = {"create", "write", "replace", "unlink", "make_folder", "make_private", "touch"}
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
Key = tuple[int, str, int, str]  # content, feature, version, tempo (of what depends on it)
Place = tuple[int, str]
real_time = time.time


def level(content: int) -> float:
    return (content + 1) / 16


def sound(content: int) -> np.ndarray:
    return np.full(400, level(content), np.float32)


def truth(key: Key) -> float:
    """What the result of this key is."""
    content, feature, version, tempo = key
    entries = TEMPOS[tempo] if tempo else []
    return level(content) + 10 * version + 100 * FEATURES.index(feature) + 1000 * sum(bpm for _, bpm in entries)


def fail(_event: object) -> None:
    raise ValueError("a subscriber that raises")


class SessionMachine(RuleBasedStateMachine):
    """A session beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=FAST))
        self.registry = Registry(entry_points=False)
        self.registry._builtin.clear()
        self.failing: set[str] = set()
        self.runs: list[str] = []
        self.hold: threading.Event | None = None
        self.clock_s = 0.0
        time.time = lambda: real_time() + self.clock_s
        logging.getLogger("audiocache_nb").disabled = True  # of all that goes wrong here on purpose
        # the model
        self.tracks: dict[str, int] = {}
        self.demand: dict[tuple[str, str], set[str]] = {}
        self.versions = dict.fromkeys(FEATURES, 1)
        self.tempo = "120"
        self.memory: set[Key] = set()
        self.disk: set[Key] = set()
        self.acknowledged: set[Key] = set()  # was seen on disk, and nobody has thrown it away since
        self.damaged: set[Key] = set()  # lies there, but is good for nothing
        self.shown: dict[Place, Key] = {}
        self.failed: dict[Place, Key] = {}
        self.computed = 0
        self.names: dict[str, Key] = {}  # what the session calls them
        for feature in FEATURES:
            self.define(feature)
        self.open()

    def open(self) -> None:
        self.session = acn.Session(self.folder / "cache", workers=1, registry=self.registry)
        self.session.cache.store.disk.files.before = self.before_file_call
        self.read_only = False
        self.troubled = False  # whether writing has failed: then it is tried again some time later
        self.memory = set()
        self.heard: list[int] = []
        self.illegal: list[Any] = []
        self.states: dict[str, str] = {}
        self.session.subscribe(self.hear)
        self.session.tempo.set_map(TEMPOS[self.tempo])

    def hear(self, event: Any) -> None:
        self.heard.append(event.sequence)
        if isinstance(event, StatusChanged):
            before = self.states.get(event.source_id, event.previous.state)
            if event.previous.state not in ("idle", before) or event.previous == event.status:
                self.illegal.append(event)
            self.states[event.source_id] = event.status.state
        elif isinstance(event, TrackRemoved):
            self.states.pop(event.source_id, None)

    def before_file_call(self, operation: str, path: str) -> None:
        if self.read_only and operation in WRITING:
            self.troubled = True
            raise OSError(errno.EROFS, "read-only")

    def close(self) -> None:
        """Whatever happened, events came without a gap, and nothing unfinished is left on disk."""
        self.session.close()
        assert self.session.store.flush(WAIT_S)
        assert self.heard == list(range(1, len(self.heard) + 1))
        assert self.illegal == []
        if not self.read_only:
            assert list((self.folder / "cache").glob("v1/tmp/*")) == []

    def teardown(self) -> None:
        try:
            self.close()
        finally:
            time.time = real_time
            logging.getLogger("audiocache_nb").disabled = False
            shutil.rmtree(self.folder)

    def define(self, feature: str) -> None:
        version = self.versions[feature]
        this = weakref.ref(self)  # what a closure holds is a part of the code, and this is not

        def compute(samples, *, ctx):
            self = this()
            self.runs.append(feature)
            hold = self.hold  # of this run: what was cancelled under it never ends otherwise
            while hold is not None and not hold.wait(0.001):
                ctx.checkpoint()
            ctx.checkpoint()  # a thread may come here late, when its job has been cancelled and given up
            if feature in self.failing:
                raise ZeroDivisionError("it broke")
            bpm = sum(entry.bpm for entry in ctx.tempo.entries) if feature == "beat" else 0
            return acn.Global(float(samples[0]) + 10 * version + 100 * FEATURES.index(feature) + 1000 * bpm)

        made = FunctionCalculator(
            compute, feature=feature, inputs="samples", version=version, depends_on_tempo=feature == "beat"
        )
        self.registry.register(made)

    # --- the model ---------------------------------------------------------------------------

    def wanted(self, content: int, feature: str) -> Key:
        return content, feature, self.versions[feature], self.tempo if feature == "beat" else ""

    @property
    def stored(self) -> set[Key]:
        return self.memory | self.disk

    def contents(self) -> set[int]:
        return set(self.tracks.values())

    def demanded(self, content: int) -> set[str]:
        return {
            feature
            for (_, track), features in self.demand.items()
            if self.tracks.get(track) == content
            for feature in features
        }

    def compute(self, place: Place, key: Key) -> None:
        self.computed += 1
        if place[1] in self.failing:
            self.failed[place] = key
        else:
            self.store(place, key)

    def store(self, place: Place, key: Key) -> None:
        self.damaged.discard(key)
        if key not in self.disk:
            self.memory.add(key)
            if not self.troubled:
                self.disk.add(key)
        self.show(place, key)

    def show(self, place: Place, key: Key) -> None:
        self.shown[place] = key
        if self.failed.get(place) == key:
            del self.failed[place]

    def ensure(self, content: int, features: set[str]) -> None:
        for feature in features:
            place, key = (content, feature), self.wanted(content, feature)
            if self.shown.get(place) == key:
                continue
            if key in self.stored:
                self.show(place, key)
            elif self.failed.get(place) != key:
                self.compute(place, key)

    def discard(self, keys: set[Key]) -> None:
        self.memory -= keys
        self.disk -= keys
        self.acknowledged -= keys

    def on_disk(self) -> dict[Key, pathlib.Path]:
        """What really lies there; anything that the model does not know is wrong."""
        assert self.session.cache.flush(WAIT_S)
        name_of = self.session.cache.store.disk.place.name_of
        known = {name_of(name): key for name, key in self.names.items()}
        found = {known[path.name]: path for path in (self.folder / "cache").glob("v1/?/??/*")}
        return {key: path for key, path in found.items() if key not in self.damaged}

    def look_at_disk(self) -> dict[Key, pathlib.Path]:
        """Nothing that was on disk is lost; of what could not be written nobody knows."""
        found = self.on_disk()
        if not self.troubled:
            assert set(found) == self.disk
        assert self.acknowledged <= set(found)
        self.disk, self.acknowledged = set(found), set(found)
        return found

    def prune(self) -> None:
        """What is neither asked for nor there, and did not fail either, is forgotten."""
        for place, key in list(self.failed.items()):
            content, feature = place
            if feature not in self.demanded(content) and place not in self.shown and self.wanted(*place) != key:
                del self.failed[place]

    def kinds(self) -> dict[Place, str]:
        """What diagnostics ought to say."""
        found = {}
        for content in self.contents():
            asked = self.demanded(content)
            for feature in FEATURES:
                place, key = (content, feature), self.wanted(content, feature)
                if feature not in asked and place in self.shown:
                    found[place] = "extraneous"
                elif self.failed.get(place) == key:
                    found[place] = "failed"
                elif feature in asked:
                    shown = self.shown.get(place)
                    found[place] = "missing" if shown is None else "current" if shown == key else "stale"
        return found

    # --- tracks ------------------------------------------------------------------------------

    def rest(self) -> None:
        self.session.wait(WAIT_S)
        self.prune()
        self.learn_names()
        if self.troubled:
            self.look_at_disk()

    def learn_names(self) -> None:
        """Two results have the same name exactly if they are the same."""
        for source in self.session.store.snapshot().sources.values():
            content = self.content_of(source.source.id)
            for slot, entry in source.entries.items():
                pairs = [(entry.wanted_key, self.wanted(content, slot.feature))]
                if entry.track is not None:
                    pairs.append((entry.track.key, self.shown.get((content, slot.feature))))
                for name, key in pairs:
                    assert key is not None
                    assert self.names.setdefault(name, key) == key
        assert len(set(self.names.values())) == len(self.names)

    def content_of(self, source_id: str) -> int:
        return next(self.tracks[one.id] for one in self.session.tracks.values() if one.source_id == source_id)

    populated = precondition(lambda self: self.tracks)

    def one(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.tracks)), label="track")

    @rule(track=st.sampled_from(sorted(ARRAYS)))
    def add_array(self, track: str) -> None:
        if track not in self.tracks:
            self.session.add_audio(sound(ARRAYS[track]), RATE, track_id=track)
            self.added(track, ARRAYS[track])

    @rule(content=st.sampled_from([2, 3]))
    def add_file(self, content: int) -> None:
        if FILE not in self.tracks:
            self.write(content)
            self.session.add_audio(self.folder / "sound.wav", track_id=FILE)
            self.added(FILE, content)

    def added(self, track: str, content: int) -> None:
        self.tracks[track] = content
        asked = {feature for (_, one), features in self.demand.items() if one == track for feature in features}
        self.ensure(content, asked)
        self.rest()

    def write(self, content: int) -> None:
        soundfile.write(self.folder / "sound.wav", sound(content), RATE, subtype="FLOAT")

    @precondition(lambda self: FILE in self.tracks)
    @rule()
    def replace_file_bytes(self) -> None:
        """Noticed at the latest when somebody asks how fresh it is, and right again after a refresh."""
        old = self.tracks[FILE]
        new = 5 - old
        self.write(new)
        states = {feature: self.session.freshness(FILE, feature).state for feature in FEATURES}
        for feature in FEATURES:
            key = self.wanted(old, feature)
            if self.shown.get((old, feature)) == key != self.failed.get((old, feature)):
                assert states[feature] == "stale"
        self.session.refresh(FILE)
        self.tracks[FILE] = new
        for book in (self.shown, self.failed):
            for place in [place for place in book if place[0] == old]:
                book[new, place[1]] = book.pop(place)
        self.ensure(new, self.demanded(new))
        self.rest()

    @populated
    @rule(data=st.data(), back=st.booleans())
    def remove(self, data: st.DataObject, back: bool) -> None:
        track = self.one(data)
        content = self.tracks[track]
        self.session.remove(track)
        if back:
            self.session.undo()
            self.rest()
            return
        del self.tracks[track]
        if content not in self.contents():
            for book in (self.shown, self.failed):
                for place in [place for place in book if place[0] == content]:
                    del book[place]
        self.rest()

    @populated
    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        track = self.one(data)
        content = self.tracks[track]
        self.session.clear(track)
        self.discard({key for key in self.stored if key[0] == content})
        for book in (self.shown, self.failed):
            for place in [place for place in book if place[0] == content]:
                del book[place]
        self.rest()

    # --- asking ------------------------------------------------------------------------------

    wishes = st.lists(st.sampled_from(FEATURES), max_size=3)

    @populated
    @rule(data=st.data(), element=st.sampled_from(ELEMENTS), features=wishes)
    def request(self, data: st.DataObject, element: str, features: list[str]) -> None:
        track = self.one(data)
        self.session.request(track, features, element=element)
        self.demand[element, track] = set(features)
        self.ensure(self.tracks[track], set(features))
        self.rest()
        assert self.session.request(track, features, element=element) == []

    @populated
    @rule(data=st.data(), features=wishes)
    def request_and_cancel(self, data: st.DataObject, features: list[str]) -> None:
        """What was not computed is missing, and nothing else has changed."""
        track = self.one(data)
        self.hold = threading.Event()
        jobs = self.session.request(track, features, element="e")
        for job in jobs:
            job.cancel()
            assert job.wait(WAIT_S)
            assert job.state == "cancelled"
        self.hold = None
        self.demand["e", track] = set(features)
        content = self.tracks[track]
        self.ensure(content, {feature for feature in features if self.wanted(content, feature) in self.stored})
        self.rest()
        self.computed = len(self.runs)  # those that had begun

    @rule(element=st.sampled_from(ELEMENTS))
    def release(self, element: str) -> None:
        self.session.release(element)
        self.demand = {whose: features for whose, features in self.demand.items() if whose[0] != element}
        self.rest()

    @populated
    @rule(data=st.data(), features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=2, unique=True))
    def regenerate(self, data: st.DataObject, features: list[str]) -> None:
        track = self.one(data)
        job = self.session.diagnostics.regenerate(track, features)
        assert job.wait(WAIT_S)
        content = self.tracks[track]
        for feature in features:
            self.failed.pop((content, feature), None)
            self.compute((content, feature), self.wanted(content, feature))
        assert job.state == ("failed" if self.failing & set(features) else "succeeded")
        assert self.session.diagnostics.history[-1].status == job.state
        self.rest()

    @rule()
    def regenerate_all(self) -> None:
        kinds = self.kinds()
        jobs = self.session.diagnostics.regenerate_all()
        assert all(job.wait(WAIT_S) for job in jobs)
        for place, kind in kinds.items():
            if kind in ("missing", "stale", "failed"):
                self.failed.pop(place, None)
                self.ensure(place[0], {place[1]})
        self.rest()

    @rule()
    def delete_extraneous(self) -> None:
        gone = [place for place, kind in self.kinds().items() if kind == "extraneous"]
        assert self.session.diagnostics.delete_extraneous() == 8 * len({self.shown[place] for place in gone})
        for place in gone:
            self.discard({self.shown.pop(place)})
            self.failed.pop(place, None)
        self.rest()

    # --- what results depend on --------------------------------------------------------------

    @rule(feature=st.sampled_from(FEATURES), version=st.integers(1, 3))
    def edit(self, feature: str, version: int) -> None:
        self.versions[feature] = version
        self.define(feature)
        self.follow(feature)

    @rule(name=st.sampled_from(sorted(TEMPOS)))
    def set_tempo(self, name: str) -> None:
        changed = name != self.tempo
        self.tempo = name
        if len(TEMPOS[name]) == 1:
            self.session.tempo.bpm = TEMPOS[name][0][1]
        else:
            self.session.tempo.set_map(TEMPOS[name])
        if changed:
            self.follow("beat")

    def follow(self, feature: str) -> None:
        for content in self.contents():
            self.ensure(content, self.demanded(content) & {feature})
        self.rest()

    @rule(feature=st.sampled_from(FEATURES), fails=st.booleans())
    def breaking(self, feature: str, fails: bool) -> None:
        """From now on it fails, or does not any more: its results do not depend on that."""
        (self.failing.add if fails else self.failing.discard)(feature)

    # --- what the world does -----------------------------------------------------------------

    part = st.floats(0, 1, exclude_max=True)

    @rule(days=st.sampled_from([-400, 0, 400]))
    def clock_jumps(self, days: int) -> None:
        self.clock_s = 86400.0 * days

    @rule()
    def subscribe_badly(self) -> None:
        """It harms nobody else."""
        self.session.subscribe(fail)

    @rule(read_only=st.booleans())
    def disk(self, read_only: bool) -> None:
        """What is computed while nothing can be written is there all the same."""
        self.look_at_disk()
        self.read_only = read_only

    @rule(content=st.sampled_from([0, 1]), feature=st.sampled_from(FEATURES))
    def another_session(self, content: int, feature: str) -> None:
        """It finds what is on disk, and what it computes is found here."""
        found, key, runs = self.look_at_disk(), self.wanted(content, feature), len(self.runs)
        with acn.Session(self.folder / "cache", workers=1, registry=self.registry) as other:
            other.tempo.set_map(TEMPOS[self.tempo])
            track = other.add_audio(sound(content), RATE)
            fails = key not in found and feature in self.failing
            with contextlib.suppress(acn.CalculatorError) if fails else contextlib.nullcontext():
                data = other.get(track, feature, timeout=WAIT_S)
                assert not fails
                assert self.names.setdefault(data.key, key) == key
                np.testing.assert_allclose(np.asarray(data.data).item(), truth(key), rtol=1e-6)
            assert other.cache.flush(WAIT_S)
        if key not in found:
            # What could not be written is tried again some time later, perhaps just now.
            self.computed += len(self.runs) > runs if self.troubled and key in self.memory else 1
            if not fails:
                self.damaged.discard(key)
                self.disk.add(key)
                self.acknowledged.add(key)

    @rule(prune=st.booleans())
    def save_and_load(self, prune: bool) -> None:
        """What comes back is what was there, without anything being computed."""
        path = self.folder / "scene.zip"
        self.session.save(path, prune=prune)
        loaded, _ = acn.load(path, trust=True, cache_dir=False, workers=1, registry=self.registry)
        with loaded:
            loaded.wait(WAIT_S)
            assert list(loaded.tracks) == list(self.session.tracks)
            assert loaded.tempo.snapshot() == self.session.tempo.snapshot()
            found = {}
            for source in loaded.store.snapshot().sources.values():
                content = self.content_of(source.source.id)
                for slot, entry in source.entries.items():
                    if entry.track is not None:
                        found[content, slot.feature] = self.names[entry.track.key]
            asked = {place for place in self.shown if place[1] in self.demanded(place[0])}
            kept = {place: key for place, key in self.shown.items() if not prune or place in asked}
            assert found == kept

    @rule(harm=st.sampled_from(["none", "none", "flip", "cut", "gone"]), which=part, where=part)
    def reopen(self, harm: str, which: float, where: float) -> None:
        """Everything that was stored is there; an entry that was damaged is computed again."""
        self.close()
        found = self.look_at_disk()
        info = self.session.cache.info()
        assert info.bytes == sum(path.stat().st_size for path in (self.folder / "cache").glob("v1/?/??/*"))
        if harm != "none" and found:
            key = sorted(found)[int(which * len(found))]
            self.damage(found[key], harm, where)
            self.discard({key})
            self.damaged.add(key)
        self.begin_again()

    @staticmethod
    def damage(path: pathlib.Path, harm: str, where: float) -> None:
        if harm == "gone":
            path.unlink()
            return
        content = bytearray(path.read_bytes())
        at = int(where * len(content))
        if harm == "flip":
            content[at] ^= 16
        else:
            del content[at:]
        path.write_bytes(content)

    @rule()
    def die_and_reopen(self) -> None:
        """A process ends without a word: what it wrote is whole or not there."""
        left = self.folder / "left"
        with contextlib.suppress(FileNotFoundError, shutil.Error):  # nothing there yet; what was renamed meanwhile
            shutil.copytree(self.folder / "cache", left)
        self.close()
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        if left.exists():
            left.rename(self.folder / "cache")
        # What was unfinished bears the name of this process, which goes on: nobody may remove it.
        shutil.rmtree(self.folder / "cache" / "v1" / "tmp", ignore_errors=True)
        self.troubled = True
        self.look_at_disk()
        self.begin_again()

    def begin_again(self) -> None:
        """Another session on the same directory, with the same tracks and wishes."""
        self.open()
        tracks, demand = self.tracks, self.demand
        self.tracks, self.demand, self.shown, self.failed = {}, {}, {}, {}
        for track, content in tracks.items():
            if track == FILE:
                self.session.add_audio(self.folder / "sound.wav", track_id=FILE)
            else:
                self.session.add_audio(sound(content), RATE, track_id=track)
            self.tracks[track] = content
        for (element, track), features in demand.items():
            if track in tracks and features:
                self.session.request(track, sorted(features), element=element)
                self.session.wait(WAIT_S)
                self.demand[element, track] = features
                self.ensure(tracks[track], features)
        self.rest()

    def causes(self, shown: Key, wanted: Key) -> list[str]:
        """Why one is not the other, in the session's words."""
        found = []
        if shown[0] != wanted[0]:
            found.append("audio changed")
        if shown[2] != wanted[2]:
            found.append(f"calculator {shown[1]} version {shown[2]} → {wanted[2]}")
        if shown[3] != wanted[3]:
            found.append("tempo map changed")
        return found

    # --- what holds after every step ---------------------------------------------------------

    @invariant()
    def nothing_was_computed_that_nobody_needed(self) -> None:
        assert len(self.runs) == self.computed
        assert self.session.timeline.scheduler.jobs == []

    @invariant()
    def what_is_there_is_right(self) -> None:
        sources = self.session.store.snapshot().sources
        by_content = {self.tracks[track.id]: track.source_id for track in self.session.tracks.values()}
        assert set(self.session.tracks) == set(self.tracks)
        assert set(sources) == set(by_content.values())
        for content, source_id in by_content.items():
            entries = {slot.feature: entry for slot, entry in sources[source_id].entries.items()}
            for feature in FEATURES:
                key = self.shown.get((content, feature))
                entry = entries.get(feature)
                data: Any = None if entry is None else entry.track
                assert (data is not None) == (key is not None)
                if key is not None:
                    np.testing.assert_allclose(np.asarray(data.data).item(), truth(key), rtol=1e-6)

    @invariant()
    def diagnostics_are_those_of_the_model(self) -> None:
        by_source = {track.source_id: self.tracks[track.id] for track in self.session.tracks.values()}
        groups = self.session.diagnostics.groups
        rows = {(by_source[row.source_id], row.name): row for group in groups for row in group.rows}
        found = {place: row.kind for place, row in rows.items()}
        expected = self.kinds()
        assert found == expected
        for place, row in rows.items():
            if row.kind == "stale":
                causes = [cause.partition(": ")[0] for cause in row.causes]
                assert causes == self.causes(self.shown[place], self.wanted(*place))
        problems = [kind for kind in expected.values() if kind in ("missing", "stale", "failed")]
        assert bool(self.session.diagnostics.banner.text) == bool(problems)
        for group in groups:
            asked = {row.name for row in group.rows if row.owners}
            assert asked == self.demanded(by_source[group.source_id])


TestSessionMachine = SessionMachine.TestCase
# The same steps each time: who changes a line sees what that line did. Many more of them by a flag.
LONG = bool(os.environ.get("AUDIOCACHE_NB_LONG"))
FEW = os.environ.get("HYPOTHESIS_PROFILE") == "few"
TestSessionMachine.settings = settings(
    max_examples=5000 if LONG else 30 if FEW else 200,
    stateful_step_count=100 if LONG else 50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine
)
if LONG:
    TestSessionMachine.runTest = pytest.mark.timeout(0)(TestSessionMachine.runTest)
