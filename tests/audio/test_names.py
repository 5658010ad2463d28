from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.audio.names import display_text, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("song.flac", "song.flac"),
        ("bad\udcff.wav", "bad⟨U+DCFF⟩.wav"),
        ("a\u202egpj.wav", "a⟨U+202E⟩gpj.wav"),
        ("two\nlines.wav", "two⟨U+000A⟩lines.wav"),
        ("nul\0bell\a", "nul⟨U+0000⟩bell⟨U+0007⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("para\u2029graph", "para⟨U+2029⟩graph"),
        ("cafe\u0301.wav", "café.wav"),
        ("שלום.wav", "שלום.wav"),
        ("👩\u200d🎤.wav", "👩\u200d🎤.wav"),
        ("</script><img onerror=x>.wav", "</script><img onerror=x>.wav"),
        ("", ""),
    ],
)
def test_a19_display_text(text, shown):
    assert display_text(text) == shown


def test_a19_long_text_loses_its_middle():
    shown = display_text("a" * 300 + "z" * 300)
    assert len(shown) == 200
    assert shown == "a" * 100 + "…" + "z" * 99


def test_a19_an_escape_is_never_cut_in_two():
    shown = display_text("\x01" * 300, limit=50)
    assert len(shown) <= 50
    assert shown.replace("⟨U+0001⟩", "") == "…"


@given(st.text(st.characters()), st.integers(3, 300))
def test_a19_whatever_comes_is_short_one_line_and_valid_utf8(text, limit):
    shown = display_text(text, limit=limit)
    assert len(shown) <= limit
    assert json.loads(json.dumps(shown).encode("utf-8")) == shown
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in shown)
    assert not any(
        unicodedata.bidirectional(c) in {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"} for c in shown
    )
    assert display_text(shown, limit=limit) == shown


def test_quoted_is_short_and_in_quotes():
    assert quoted("x.wav") == "'x.wav'"
    assert len(quoted("x" * 1000)) <= 82
