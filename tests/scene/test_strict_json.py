"""JSON has one meaning, or is refused with the place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.errors import AudioCacheError, BundleLimitError, DocumentValidationError
from audiocache_nb.scene import strict_json
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


WORDS = st.sampled_from(["", "a", "b", "a b", "ü", ":", '{"', "\\u0061", '\\"', "\\ud800", "x" * 9, "\U0001f600"])
TEXTS = WORDS.map(lambda word: f'"{word}"')
BLANKS = st.sampled_from(["", "", " ", "\n\t"])


def written(inner):
    """Texts of lists and objects; nobody sees to it that keys stand there once."""
    lists = st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
    pairs = st.tuples(TEXTS, BLANKS, inner, BLANKS).map(lambda one: f"{one[0]}{one[1]}:{one[2]}{one[3]}")
    return lists | st.lists(pairs, max_size=4).map(lambda items: f"{{{','.join(items)}}}")


ATOMS = TEXTS | st.sampled_from(["1", "-0", "1.5e3", "1e999", "NaN", "null", "true", "9" * 41, "01", "", '"', "1 2"])


@given(st.recursive(ATOMS, written, max_leaves=12), st.integers(1, 10), st.integers(1, 5))
def test_the_quick_way_gives_what_the_thorough_one_gives(text, longest, deepest):
    limits = ImportLimits(string_length=longest, json_depth=deepest)

    def outcome():
        try:
            return repr(parse(text.encode(), limits))
        except AudioCacheError as error:
            return error.message, error.context

    quick = outcome()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "_plain", lambda *_: None)
        assert quick == outcome()


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '{"a": "b", "a": ""}', '[{"": {}, "": {}}]', '{"a": {"b": 1, "b": 2}}']
)
def test_the_quick_way_takes_no_key_twice(text):
    assert strict_json._plain(text, LIMITS) is None
    assert strict_json._plain(text.replace("a", "ü"), LIMITS) is None
    assert strict_json._plain(
        text.replace('"a":', '"c":', 1).replace('"":', '"d":', 1).replace('"b":', '"e":', 1), LIMITS
    )
