"""JSON has one meaning, or is refused with the place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.errors import BundleLimitError, DocumentValidationError
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.strict_json import parse, stable

LIMITS = ImportLimits()


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (b'{"a": {"b": 1, "b": 2}}', "/a/b"),
        (b'[{"a/b": 1, "a/b": 1}]', "/0/a~1b"),
        (b'{"a": [1, NaN]}', ""),
        (b'{"a": -Infinity}', ""),
        (b'{"a": [0, 1e999]}', "/a/1"),
        (b'{"a": "\\ud800"}', "/a"),
        (b'{"\\udfff": 1}', "/?"),
        (b"1" * 5000, ""),
        (b'{"a": ' + b"9" * 100 + b"}", ""),
        (b"\xff", ""),
        (b"\xef\xbb\xbf{}", ""),
        (b"{", ""),
        (b"", ""),
        (b"{}{}", ""),
        (b"{'a': 1}", ""),
    ],
)
def test_what_is_refused(text, pointer):
    with pytest.raises(DocumentValidationError) as caught:
        parse(text, LIMITS)
    assert caught.value.context["pointers"] == [pointer]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (b"[" * 200_000, "json_depth"),
        (b"[" * 40 + b"]" * 40, "json_depth"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "json_depth"),
        (b'"' + b"x" * 5000 + b'"', "string_length"),
        (b'{"' + b"x" * 5000 + b'": 1}', "string_length"),
    ],
)
def test_limits(text, limit):
    with pytest.raises(BundleLimitError) as caught:
        parse(text, LIMITS)
    assert caught.value.context["limit"] == limit


def test_the_length_is_checked_first():
    with pytest.raises(BundleLimitError, match="json_bytes"):
        parse(b"[" * 100, ImportLimits(json_bytes=99))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(JSON)
def test_there_and_back_with_the_same_bytes(value):
    data = stable(value)
    assert parse(data, LIMITS) == value == json.loads(data)
    assert stable(parse(data, LIMITS)) == data


def test_the_order_of_keys_does_not_matter():
    assert stable({"b": 1, "a": "ü"}) == stable({"a": "ü", "b": 1}) == '{\n "a": "ü",\n "b": 1\n}\n'.encode()
