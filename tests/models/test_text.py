from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.models.text import display_text, finite, fraction, message_text

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))  # lone surrogates too


@given(ANY_TEXT, st.integers(10, 250))
def test_any_text_becomes_sendable_visible_and_short(text, limit):
    shown = display_text(text, limit)
    assert len(shown) <= limit
    shown.encode("utf-8")
    json.dumps(shown, ensure_ascii=False).encode("utf-8")
    assert not any(c in shown for c in "\x00\x1b\n\u202e\u2066\u200b")


def test_a_bidirectional_override_is_written_out():
    assert display_text("song\u202ewav.exe") == "song⟨U+202E⟩wav.exe"


def test_ordinary_names_in_any_script_stay():
    for name in ("drums.wav", "Füße – Łódź.flac", "録音 1.wav", "أغنية.mp3", "🎵 a.wav"):
        assert display_text(name) == name


def test_decomposed_and_composed_names_look_alike():
    assert display_text("u\u0308") == display_text("ü")


def test_a_long_name_keeps_both_ends():
    shown = display_text("a" * 500 + ".wav", 40)
    assert shown.startswith("aaaa")
    assert shown.endswith(".wav")
    assert "…" in shown


def test_an_object_without_a_text_is_named_by_its_type():
    class Bad:
        def __str__(self):
            raise RuntimeError

    assert display_text(Bad()) == "<Bad>"
    assert message_text(Bad()) == "<Bad>"


def test_messages_are_one_line():
    assert message_text("first\nsecond\tthird") == "first second third"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (0.25, 0.25),
        (math.nan, None),
        (math.inf, None),
        (None, None),
        ("x", None),
        (True, None),
        (10**400, None),
    ],
)
def test_finite(value, expected):
    assert finite(value) == expected


def test_fraction_clamps():
    assert [fraction(v) for v in (-1, 0.5, 2, math.nan, None)] == [0.0, 0.5, 1.0, 0.0, 0.0]
