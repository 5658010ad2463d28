"""Headers of entries: one for given content, found out without taking it apart, and no other is believed."""

from __future__ import annotations

import hashlib
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenes import parts_of

from audiocache_nb.cache.entry import header_bytes, parse, write_plan
from audiocache_nb.errors import CacheError
from audiocache_nb.features.track import FeatureTrack

TESTS = pathlib.Path(__file__).parents[1]
TYPES = {"F16": 2, "F32": 4, "F64": 8, "C64": 8, "I16": 2, "I32": 4, "I64": 8, "U8": 1, "U32": 4, "BOOL": 1}


def plain_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def expected(said):
    """The header around an inner text, by the rules of the format and with nothing but `json`."""
    inner = json.loads(said)
    metadata = {"audiocache_nb": said, "audiocache_nb.format": "1"}
    metadata["audiocache_nb.sha256"] = hashlib.sha256(f"1:{said}".encode()).hexdigest()
    text = plain_json({"__metadata__": metadata, **inner["arrays"]}).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text


def is_one(header):
    """Whether a header is what its inner text demands, in the slow and obvious way."""
    try:
        said = json.loads(header[8:])["__metadata__"]["audiocache_nb"]
        inner = json.loads(said)
        ends = sorted((one["data_offsets"] for one in inner["arrays"].values()), key=lambda one: (one[1], one[0]))
        lengths = [int(np.prod(one["shape"])) * TYPES[one["dtype"]] for one in inner["arrays"].values()]
        whole = [one["data_offsets"][1] - one["data_offsets"][0] for one in inner["arrays"].values()] == lengths
        whole &= [low for low, _ in ends] == [0, *(high for _, high in ends[:-1])]
        return whole and plain_json(inner) == said and expected(said) == header
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def nbytes_of(header):
    """The size of the file that a header promises, as far as it can be read at all."""
    try:
        arrays = json.loads(json.loads(header[8:])["__metadata__"]["audiocache_nb"])["arrays"]
        return len(header) + max(one["data_offsets"][1] for one in arrays.values())
    except (ValueError, LookupError, TypeError, AttributeError):
        return len(header)


def is_taken(header):
    try:
        parse(header, nbytes_of(header))
    except CacheError:
        return False
    return True


def header_of(**facts):
    """The header of a small track that says these things of itself."""
    given_facts = {"unit": "dB", "label": "A", "parameters": {}, "axis_coords": {}, **facts}
    track = FeatureTrack(
        feature="f",
        calculator_id="c",
        version="1",
        data=np.zeros((3, 2), np.float32),
        axes=("frame", "bin"),
        fill_value=0.0,
        hop_seconds=0.1,
        start_seconds=0.0,
        key="k" * 64,
        **given_facts,
    )
    return write_plan(track)[0]


def stored_headers():
    """Those of all versions of the format, as they were written then."""
    files = [(TESTS / "cache" / "entry_v1.safetensors").read_bytes()]
    for path in sorted((TESTS / "scene" / "fixtures").glob("*.zip")):
        parts = parts_of(path.read_bytes())
        files += [data for name, data in parts.items() if name.endswith(".safetensors")]
    return [data[: header_bytes(data)] for data in files]


@pytest.mark.parametrize("header", stored_headers())
def test_headers_that_were_written_once_are_read_for_ever(header):
    assert is_one(header)
    assert is_taken(header)


def test_one_bit_that_differs_and_nothing_is_believed():
    coords = {"bin": np.array([100.0, 200.0])}
    for header in (header_of(axis_coords=coords), header_of(label='a "b" \\ c\n', parameters={"ü": "\x7f\\"})):
        assert is_taken(header)
        for n in range(len(header)):
            for bit in range(8):
                assert not is_taken(header[:n] + bytes([header[n] ^ 1 << bit]) + header[n + 1 :])


TEXT = st.text(st.sampled_from('ab"\\/\n\x00\x7füé\u2028\U0001f600,:{}'), max_size=12) | st.just(
    '","audiocache_nb.format":"1"'
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.lists(TEXT, max_size=2)


@given(TEXT, TEXT, st.dictionaries(TEXT.map("x".__add__), VALUES, max_size=3))
def test_whatever_a_track_says_comes_back(label, unit, parameters):
    header = header_of(label=label, unit=unit, parameters=parameters)
    assert is_one(header)
    layout = parse(header, nbytes_of(header))
    assert (layout.plain["label"], layout.plain["unit"]) == (label, unit)


def test_text_is_read_as_what_it_is(monkeypatch):
    """Bytes that look like UTF-32 to a reader of JSON are damage like any other."""
    header = header_of(label="\\" * 40)
    start = header.index(b"{\\", 40)
    for zeros in (b"\0\0\0", b"\0"):
        assert not is_taken(header[: start + 1] + zeros + header[start + 1 + len(zeros) :])
        with monkeypatch.context() as patched:
            patched.setattr(json, "detect_encoding", lambda *_: pytest.fail("somebody guesses"))
            with pytest.raises(CacheError):
                parse(header[: start + 1] + zeros + header[start + 1 + len(zeros) :], len(header))


def _said(change):
    """A header whose inner text was changed, with everything around it made to fit."""
    said = json.loads(header_of()[8:])["__metadata__"]["audiocache_nb"]
    changed = change(said)
    assert changed != said
    return expected(changed)


ODD = {
    "blank": lambda said: said.replace(",", ", ", 1),
    "order": lambda said: said.replace('"unit":"dB",', "").replace('"axes"', '"unit":"dB","axes"'),
    "twice": lambda said: said.replace('"unit":"dB"', '"unit":"Hz","unit":"dB"'),
    "number": lambda said: said.replace('"hop_seconds":0.1', '"hop_seconds":0.10'),
    "power": lambda said: said.replace('"hop_seconds":0.1', '"hop_seconds":1e-1'),
    "escape": lambda said: said.replace('"unit":"dB"', '"unit":"\\u0064B"'),
    "slash": lambda said: said.replace('"unit":"dB"', '"unit":"\\/"'),
    "letter": lambda said: said.replace('"unit":"dB"', '"unit":"ü"'),
    "control": lambda said: said.replace('"unit":"dB"', '"unit":"\x7f"'),
    "array": lambda said: said.replace(
        '"arrays":{', '"arrays":{"A":{"data_offsets":[28,28],"dtype":"U8","shape":[0]},'
    ),
    "metadata": lambda said: said.replace(
        '"arrays":{', '"arrays":{"__metadata__":{"data_offsets":[28,28],"dtype":"U8","shape":[0]},'
    ),
    "offsets": lambda said: said.replace("[24,28]", "[25,29]"),
    "true": lambda said: said.replace('"shape":[1]', '"shape":[true]'),
}


@pytest.mark.parametrize("what", ODD)
def test_what_means_the_same_but_is_written_otherwise_is_refused(what):
    assert not is_taken(_said(ODD[what]))


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace(b'"shape":[3,2]', b'"shape":[2,3]'),
        lambda header: header.replace(b'"dtype":"F32"', b'"dtype":"U32"'),
        lambda header: header[:8] + header[8:].rstrip() + b"\n" * (len(header) - 8 - len(header[8:].rstrip())),
        lambda header: header.replace(b'{"__metadata__"', b'{"__Metadata__"'),
    ],
)
def test_what_stands_around_it_has_to_agree(change):
    header = header_of(label="longer")
    assert change(header) != header
    assert not is_taken(change(header))


def test_chunks_may_be_as_long_as_they_were_once_and_no_other_length():
    """Entries whose chunks were of a megabyte are read for ever; any other length would be a second header."""
    track = FeatureTrack(
        feature="f",
        calculator_id="c",
        version="1",
        label="",
        unit="",
        data=np.zeros((3 << 10, 256), np.float32),
        axes=("frame", "bin"),
        fill_value=0.0,
        hop_seconds=0.1,
        start_seconds=0.0,
        key="k" * 64,
    )
    taken = {}
    for rows in (128, 1024, 127, 129, 256, 1 << 20):
        chunks = -(-track.frame_count // rows)
        said = json.loads(write_plan(track)[0][8:])["__metadata__"]["audiocache_nb"]
        inner = json.loads(said)
        inner["rows_per_chunk"] = rows
        inner["arrays"]["crc32"] |= {"shape": [chunks], "data_offsets": [3 << 20, (3 << 20) + 4 * chunks]}
        header = expected(plain_json(inner))
        taken[rows] = is_taken(header) and parse(header, nbytes_of(header)).rows_per_chunk
    assert taken == {128: 128, 1024: 1024, 127: False, 129: False, 256: False, 1 << 20: False}
