"""A whole session on a real directory, against a model made of plain dicts.

Every step is one verb of the public interface; after it the session comes to rest, and everything that a
user can see must be what the model says: values, states, diagnostics, and how often a calculator ran.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import threading
import weakref
from typing import Any

import numpy as np
import soundfile
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry

RATE = 8000
WAIT_S = 60
FEATURES = ("a", "b", "beat")
ARRAYS = {"t": 0, "u": 0, "v": 1}  # two of them share their content
FILE = "file"
ELEMENTS = ("e", "f")
Key = tuple[int, str, int, float]


def level(content: int) -> float:
    return (content + 1) / 16


def sound(content: int) -> np.ndarray:
    return np.full(400, level(content), np.float32)


def truth(key: Key) -> float:
    """What the result of this key is."""
    content, feature, version, bpm = key
    return level(content) + 10 * version + 100 * FEATURES.index(feature) + 1000 * bpm


class SessionMachine(RuleBasedStateMachine):
    """A session beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.registry = Registry(entry_points=False)
        self.registry._builtin.clear()
        self.failing: set[str] = set()
        self.runs: list[str] = []
        self.hold: threading.Event | None = None
        # the model
        self.tracks: dict[str, int] = {}
        self.demand: dict[tuple[str, str], set[str]] = {}
        self.versions = dict.fromkeys(FEATURES, 1)
        self.bpm = 120.0
        self.stored: set[Key] = set()
        self.shown: dict[tuple[int, str], Key] = {}
        self.failed: dict[tuple[int, str], Key] = {}
        self.computed = 0
        self.file_content: int | None = None
        for feature in FEATURES:
            self.define(feature)
        self.open()

    def open(self) -> None:
        self.session = acn.Session(self.folder / "cache", workers=1, bpm=self.bpm, registry=self.registry)
        self.heard: list[int] = []
        self.session.subscribe(lambda event: self.heard.append(event.sequence))

    def teardown(self) -> None:
        self.session.close()
        assert self.session.store.flush(WAIT_S)
        assert self.heard == list(range(1, len(self.heard) + 1))
        shutil.rmtree(self.folder)

    def define(self, feature: str) -> None:
        version = self.versions[feature]
        this = weakref.ref(self)  # what a closure holds is a part of the code, and this is not

        def compute(samples, *, ctx):
            self = this()
            self.runs.append(feature)
            while self.hold is not None and not self.hold.wait(0.001):
                ctx.checkpoint()
            if feature in self.failing:
                raise ZeroDivisionError("it broke")
            bpm = ctx.tempo.entries[0].bpm if feature == "beat" else 0
            return acn.Global(float(samples[0]) + 10 * version + 100 * FEATURES.index(feature) + 1000 * bpm)

        made = FunctionCalculator(
            compute, feature=feature, inputs="samples", version=version, depends_on_tempo=feature == "beat"
        )
        self.registry.register(made)

    # --- the model ---------------------------------------------------------------------------

    def wanted(self, content: int, feature: str) -> Key:
        return content, feature, self.versions[feature], self.bpm if feature == "beat" else 0.0

    def contents(self) -> set[int]:
        return set(self.tracks.values())

    def demanded(self, content: int) -> set[str]:
        return {
            feature
            for (_, track), features in self.demand.items()
            if self.tracks.get(track) == content
            for feature in features
        }

    def compute(self, place: tuple[int, str], key: Key) -> None:
        self.computed += 1
        if place[1] in self.failing:
            self.failed[place] = key
        else:
            self.store(place, key)

    def store(self, place: tuple[int, str], key: Key) -> None:
        self.stored.add(key)
        self.shown[place] = key
        if self.failed.get(place) == key:
            del self.failed[place]

    def ensure(self, content: int, features: set[str]) -> None:
        for feature in features:
            place, key = (content, feature), self.wanted(content, feature)
            if self.shown.get(place) == key:
                continue
            if key in self.stored:
                self.store(place, key)
            elif self.failed.get(place) != key:
                self.compute(place, key)

    def prune(self) -> None:
        """What is neither asked for nor there, and did not fail either, is forgotten."""
        for place, key in list(self.failed.items()):
            content, feature = place
            if feature not in self.demanded(content) and place not in self.shown and self.wanted(*place) != key:
                del self.failed[place]

    def kinds(self) -> dict[tuple[int, str], str]:
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
        self.file_content = content

    @precondition(lambda self: FILE in self.tracks)
    @rule()
    def replace_file_bytes(self) -> None:
        """Noticed at the latest when somebody asks how fresh it is, and right again after a refresh."""
        old = self.tracks[FILE]
        new = 5 - old
        self.write(new)
        states = {feature: self.session.freshness(FILE, feature).state for feature in FEATURES}
        for feature in FEATURES:
            if self.shown.get((old, feature)) == self.wanted(old, feature):
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
        self.stored = {key for key in self.stored if key[0] != content}
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
            self.stored.discard(self.shown.pop(place))
            self.failed.pop(place, None)
        self.rest()

    # --- what results depend on --------------------------------------------------------------

    @rule(feature=st.sampled_from(FEATURES), version=st.integers(1, 3))
    def edit(self, feature: str, version: int) -> None:
        self.versions[feature] = version
        self.define(feature)
        self.follow(feature)

    @rule(bpm=st.sampled_from([90.0, 120.0]))
    def tempo(self, bpm: float) -> None:
        self.bpm = bpm
        self.session.tempo.bpm = bpm
        self.follow("beat")

    def follow(self, feature: str) -> None:
        for content in self.contents():
            self.ensure(content, self.demanded(content) & {feature})
        self.rest()

    @rule(feature=st.sampled_from(FEATURES), fails=st.booleans())
    def breaking(self, feature: str, fails: bool) -> None:
        """From now on it fails, or does not any more: its results do not depend on that."""
        (self.failing.add if fails else self.failing.discard)(feature)

    # --- another session ---------------------------------------------------------------------

    @rule(damage=st.sampled_from([None, None, None, 0.5, 0.99]))
    def reopen(self, damage: float | None) -> None:
        """Everything that was stored is there; an entry that was damaged is computed again."""
        assert self.session.cache.flush(WAIT_S)
        self.session.close()
        assert self.session.store.flush(WAIT_S)
        if damage is not None:
            entries = sorted((self.folder / "cache").glob("v1/?/??/*"))
            for path in entries[:1]:
                data = bytearray(path.read_bytes())
                data[int(damage * len(data))] ^= 16
                path.write_bytes(data)
        self.open()
        tracks, demand = self.tracks, self.demand
        self.tracks, self.demand, self.shown, self.failed = {}, {}, {}, {}
        for track, content in tracks.items():
            if track == FILE:
                self.session.add_audio(self.folder / "sound.wav", track_id=FILE)
            else:
                self.session.add_audio(sound(content), RATE, track_id=track)
            self.tracks[track] = content
        before = self.computed
        for (element, track), features in demand.items():
            if track in tracks and features:
                self.session.request(track, sorted(features), element=element)
                self.session.wait(WAIT_S)
                self.demand[element, track] = features
                self.ensure(tracks[track], features)
        self.rest()
        if damage is not None:
            assert self.computed <= len(self.runs) <= self.computed + 1
            if len(self.runs) != self.computed or before != self.computed:
                self.settle_damage()
            self.computed = len(self.runs)

    def settle_damage(self) -> None:
        """A calculator that fails by now cannot compute the damaged result again."""
        for content in self.contents():
            for feature in self.demanded(content) & self.failing:
                if self.session.freshness(next(t for t, c in self.tracks.items() if c == content), feature).state == (
                    "failed"
                ):
                    place, key = (content, feature), self.wanted(content, feature)
                    self.shown.pop(place, None)
                    self.stored.discard(key)
                    self.failed[place] = key

    # --- what holds after every step ---------------------------------------------------------

    @invariant()
    def nothing_was_computed_that_nobody_needed(self) -> None:
        assert len(self.runs) == self.computed

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
        found = {(by_source[row.source_id], row.name): row.kind for group in groups for row in group.rows}
        expected = self.kinds()
        assert found == expected
        problems = [kind for kind in expected.values() if kind in ("missing", "stale", "failed")]
        assert bool(self.session.diagnostics.banner.text) == bool(problems)
        for group in groups:
            asked = {row.name for row in group.rows if row.owners}
            assert asked == self.demanded(by_source[group.source_id])


TestSessionMachine = SessionMachine.TestCase
# 200 times 50 steps where that is asked for; otherwise a taste of it, the same each time.
LONG = bool(os.environ.get("AUDIOCACHE_NB_LONG"))
TestSessionMachine.settings = settings(
    max_examples=200 if LONG else 30, stateful_step_count=50 if LONG else 30, deadline=None, derandomize=True
)
