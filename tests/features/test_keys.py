"""Content keys: equal values and equal encodings go together."""

from __future__ import annotations

import math
import string
from types import MappingProxyType

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.keys import digest, encode, feature_key

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.sampled_from([0, 1, True, False, 0.0, -0.0, 1.0, "", "0", "1", b"", b"1", None])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(string.ascii_lowercase, max_size=3) | st.integers(-2, 2), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(a: object, b: object) -> bool:
    """Whether two values are one for a key: equal and of one kind, all the way down."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        left = {(type(key), key): value for key, value in a.items()}
        right = {(type(key), key): value for key, value in b.items()}
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(a) is type(b) and a == b


@given(VALUES, VALUES)
def test_equal_values_and_equal_encodings_go_together(a, b):
    assert (encode(a) == encode(b)) == same(a, b)


@given(VALUES)
def test_a_copy_encodes_alike(value):
    assert encode(value) == encode(copied(value))


def copied(value):
    """The same value made anew: lists become tuples, dicts turn their order round, floats change the sign of zero."""
    if isinstance(value, (list, tuple)):
        return tuple(copied(item) for item in value)
    if isinstance(value, dict):
        return MappingProxyType({key: copied(value[key]) for key in reversed(list(value))})
    if isinstance(value, float) and value == 0:
        return -value
    return value


@given(st.lists(st.text("ab:01ilsd", max_size=6), max_size=5), st.lists(st.text("ab:01ilsd", max_size=6), max_size=5))
def test_no_two_lists_of_texts_run_together(a, b):
    assert (encode(a) == encode(b)) == (a == b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (1.0, True),
        (0, False),
        (0, None),
        ("1", 1),
        ("1", b"1"),
        ([], {}),
        ([[]], []),
        (["ab"], ["a", "b"]),
        ([1, [2]], [[1], 2]),
        ({"a": 1}, {"a": 1.0}),
        ({"a": {"b": 1}}, {"a": 1, "b": 1}),
        ({1: "a"}, {True: "a"}),
    ],
)
def test_what_differs_in_kind_differs(a, b):
    assert encode(a) != encode(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (-0.0, 0.0),
        ([-0.0], (0.0,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.int64(3), 3),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.float32(-0.0), 0.0),
    ],
)
def test_what_is_one_encodes_alike(a, b):
    assert encode(a) == encode(b)


@pytest.mark.parametrize("value", [math.nan, [math.nan], {"a": math.nan}, np.float32("nan"), {math.nan: 1}])
def test_nan_has_no_key(value):
    with pytest.raises(InvalidParameterError):
        encode(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, np.zeros(2), np.datetime64("2020-01-01"), len, type])
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(InvalidTypeError):
        encode(value)


def test_a_list_that_contains_itself_is_refused():
    value: list = []
    value.append(value)
    with pytest.raises(InvalidTypeError):
        encode(value)


def test_an_integer_may_be_longer_than_python_prints():
    assert encode(10**5000) != encode(10**5000 + 1)
    assert encode(-(10**5000)) != encode(10**5000)


def test_infinities_are_values():
    assert len({encode(math.inf), encode(-math.inf), encode(1.7e308)}) == 3


def test_a_digest_is_sha256():
    assert len(digest({})) == 64
    assert int(digest({}), 16)


FACTS = {
    "audio": "sha256:00",
    "decode": {"decoder": "array"},
    "calculator": "rms",
    "version": "1",
    "parameters": {"hop_size": 512},
    "dependencies": {"spectrogram": "ab"},
    "tempo": None,
    "salt": "",
}


@pytest.mark.parametrize(
    "change",
    [
        {"audio": "sha256:01"},
        {"decode": {"decoder": "libsndfile"}},
        {"calculator": "mvmnt.rms"},
        {"version": "2"},
        {"parameters": {"hop_size": 256}},
        {"parameters": {"hop_size": 512.0}},
        {"parameters": {}},
        {"dependencies": {"spectrogram": "cd"}},
        {"dependencies": None},
        {"tempo": "ab"},
        {"salt": "once more"},
    ],
    ids=str,
)
def test_everything_that_is_used_takes_part(change):
    assert feature_key(**{**FACTS, **change}) != feature_key(**FACTS)


def test_what_is_not_given_is_nothing():
    short = {name: value for name, value in FACTS.items() if name not in ("dependencies", "tempo", "salt")}
    assert feature_key(**short) == feature_key(**{**FACTS, "dependencies": {}})


def test_a_key_that_was_asked_for_before():
    """Values that are equal but of another type, or that only look alike, have keys of their own, in any order."""

    class Looks(int):
        def __repr__(self):
            return "512"

    def key(**parameters):
        return feature_key(audio="a", decode={}, calculator="c", version="1", parameters=parameters)

    for _ in range(2):
        assert len({key(n=512), key(n=512.0), key(n="512"), key(n=None), key(m=512), key(n=1), key(n=True)}) == 7
        assert key(a=1, b=2) == key(b=2, a=1)
        assert key(z=0.0) == key(z=-0.0)
        assert key(n=Looks(3)) == key(n=3) != key(n=512)
