"""Code fingerprints look at a bounded number of things, whatever a function reaches."""

from __future__ import annotations

import types

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.features.bounds import Bounds
from audiocache_nb.features.fingerprint import Watched, take
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.walk import Walk

RATE = 8000


@pytest.fixture
def looks(monkeypatch):
    """What walks have looked at; a list to be cleared and counted."""
    found: list[str] = []
    value = Walk.value

    def counted(self, one, what, *arguments, **options):
        found.append(what)
        return value(self, one, what, *arguments, **options)

    monkeypatch.setattr(Walk, "value", counted)
    return found


def reading(thing):
    def feature(frames):
        return frames, thing

    return feature


class Layer:
    """As deep-learning libraries have them: parameters, and layers inside."""

    def __init__(self, inner):
        self.weight = np.zeros(4)
        self.inner = inner


def tower(depth: int) -> Layer:
    return Layer([tower(depth - 1) for _ in range(6)] if depth else [])


@pytest.mark.parametrize(
    "make",
    [
        lambda: {n: {"a": n, "b": [n, str(n)]} for n in range(300_000)},
        lambda: list(range(1_000_000)),
        lambda: set(range(1_000_000)),
        lambda: tower(6),
        lambda: np.array([str(n) for n in range(300_000)], object),
        lambda: np.zeros(9 << 20),
        lambda: b"x" * (65 << 20),
        lambda: types.SimpleNamespace(inside={"deeper": [[n] for n in range(50_000)]}),
    ],
    ids=["dicts", "list", "set", "layers", "objects", "array", "bytes", "namespace"],
)
def test_what_is_too_much_is_given_up(looks, make):
    found = take(reading(make()))
    assert found.uncacheable_reason == "thing has too much in it to be looked at"
    assert found.parts["thing in test_fingerprint_bounds.py"] == "too much to be looked at"
    assert len(looks) < 110_000
    del looks[:]
    assert found.is_current()
    assert not looks


def test_a_table_of_usual_size_counts_by_its_content():
    pd = pytest.importorskip("pandas")
    tables = [pd.DataFrame({"a": np.arange(1000.0), "b": ["x", last] * 500}) for last in "yyz"]
    found = [take(reading(table)) for table in tables]
    assert [one.uncacheable_reason for one in found] == ["", "", ""]
    assert found[0].digest == found[1].digest != found[2].digest


def test_beside_what_is_too_much_everything_else_counts():
    much = list(range(1_000_000))
    gain = [1.0]

    def helper(x):
        return x + 1

    def feature(frames):
        return helper(frames), gain, much

    before = take(feature)
    gain[0] = 2.0
    assert not before.is_current()
    other_gain = take(feature)
    helper.__code__ = (lambda x: x + 2).__code__
    other_helper = take(feature)
    much.append(0)
    assert len({before.digest, other_gain.digest, other_helper.digest}) == 3
    assert take(feature).digest == other_helper.digest


def test_a_chain_of_functions_with_tables_is_looked_at_once(looks):
    space: dict[str, object] = {}
    text = "def f0(x):\n    return x\n"
    for n in range(1, 25):
        text += f"T{n} = {{'next': f{n - 1}, 'number': [{n}]}}\ndef f{n}(x):\n    return T{n}['next'](x)\n"
    exec(text, space)
    assert take(space["f24"]).uncacheable_reason == ""
    assert len(looks) < 25 * 50


@pytest.fixture
def session():
    with acn.Session(cache_dir=False) as session:
        session.add_audio(np.zeros(RATE, np.float32), RATE, track_id="t")
        yield session


@pytest.mark.parametrize(
    ("find", "reason"),
    [
        (lambda session: session, "thing is a Session, which may be different whenever it runs"),
        (lambda session: session.playhead, "thing is a Playhead, which may be different whenever it runs"),
        (lambda session: session.tracks["t"], "thing is a Track, which may be different whenever it runs"),
        (lambda session: {"mine": [session]}, "thing is a Session, which may be different whenever it runs"),
        (
            lambda session: types.SimpleNamespace(session=session),
            "thing.session is a Session, which may be different whenever it runs",
        ),
        (lambda session: type("Mine", (acn.Session,), {})(False), "thing is a Mine, which may be different"),
    ],
    ids=["session", "playhead", "track", "in a table", "in an object", "of one's own"],
)
def test_nobody_looks_into_a_session(looks, session, find, reason):
    found = take(reading(find(session)))
    assert found.uncacheable_reason.startswith(reason)
    assert len(looks) < 100


def test_what_cannot_be_told_is_computed_all_the_same(session):
    def feature(samples):
        return acn.Global(float(len(session.tracks)))

    session.registry.register(FunctionCalculator(feature, feature="crowd", inputs="samples"))
    try:
        assert session.get("t", "crowd").data.item() == 1
        notes = session.freshness("t", "crowd").notes
        assert notes == (
            "It is kept in this session only: session is a Session, which may be different whenever it runs.",
        )
    finally:
        session.registry.unregister("crowd")


def test_a_feature_counts_by_its_key(session):
    tracks = [session.get("t", name) for name in ("rms", "rms", "zcr")]
    found = [take(reading(track)) for track in tracks]
    assert {one.uncacheable_reason for one in found} == {""}
    assert found[0].digest == found[1].digest != found[2].digest


def test_values_of_this_package_count_by_what_they_say():
    profiles = [acn.AnalysisProfile(hop_size=size) for size in (256, 256, 512)]
    found = [take(reading(profile)) for profile in profiles]
    assert {one.uncacheable_reason for one in found} == {""}
    assert found[0].digest == found[1].digest != found[2].digest


def test_a_calculator_that_another_one_calls_counts_by_its_code():
    def made(gain):
        return FunctionCalculator(lambda frames: frames * gain, feature="inner")

    one, same, other = made(1), made(1), made(2)
    assert one.version_text  # whether somebody asked it before makes no difference
    assert take(reading(one)).digest == take(reading(same)).digest != take(reading(other)).digest


class TestUnderAnExplicitVersion:
    def test_nobody_looks_before_there_is_a_result_to_warn_of(self, looks, session):
        big = tower(6)
        calculator = FunctionCalculator(lambda frames: big and frames[:, 0], feature="heavy", version=1)
        session.registry.register(calculator)
        try:
            session.plan("t", ["heavy"]).explain()
            session.freshness("t", "heavy")
            assert looks == []
            session.get("t", "heavy")
            assert session.freshness("t", "heavy").notes == ()
            assert 0 < len(looks) < 10_000
        finally:
            session.registry.unregister("heavy")

    def test_less_is_looked_at_and_code_still_is(self, looks):
        big = tower(6)

        def helper(x):
            return x + 1

        def feature(frames):
            return helper(frames), big

        watched = Watched(feature, of_warning=True)
        before = watched.now()
        assert len(looks) < 2 * Bounds.of_warning().values
        helper.__code__ = (lambda x: x + 2).__code__
        assert watched.now().digest != before.digest
