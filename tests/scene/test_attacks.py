"""Bundles of others, row by row of what may be wrong with them; `attacks` makes the files.

B1 cut off · B2 bombs · B3 names that lead elsewhere · B4 links and devices · B5 twins · B6 records that contradict each
other · B7 entries that are not listed · B8 wrong digests · B9 shapes · B10 types · B11 code in place of data · B12 JSON
without one meaning · B13 interrupted imports · B14 poison · B15 audio that is made for a decoder · B16 texts that are
obeyed · B17 addresses · B18 later versions · B19 interrupted saving · B20 saving beside work · B21 calculators by name
· B22 the same bytes · B23 more than 32 bits
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import tracemalloc

import numpy as np
import pytest
from attacks import documents, features, zips
from support.scenes import feature_entry, packed, parts_of, with_document, with_feature

import audiocache_nb as acn
from audiocache_nb.errors import (
    AudioCacheError,
    BundleError,
    BundleFormatError,
    BundleLimitError,
    CacheError,
    DocumentError,
    DocumentVersionError,
)
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.load import read_scene
from audiocache_nb.scene.open import read_any

FEW_BYTES = 4 << 20
TESTS = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A bundle of two features of half a second."""
    path = tmp_path_factory.mktemp("small") / "scene.zip"
    with acn.Session(cache_dir=False, workers=1) as session:
        sound = np.sin(np.arange(4000) / 9).astype(np.float32)
        session.add_audio(sound, 8000, name="a", track_id="a")
        session.request("a", ["rms", "zcr"], element="plot")
        session.wait()
        session.save(path, audio="none")
    return path.read_bytes()


@pytest.fixture
def rms(small):
    """The file of a feature."""
    return parts_of(small)[feature_entry(small, "rms")]


def problem(small, data, loads):
    """Why a feature is missing when its file is another one; everything else is there, and little was allocated."""
    bundle = with_feature(small, feature_entry(small, "rms"), data)
    loads(small)  # so that everything is imported
    tracemalloc.start()
    try:
        session, report = loads(bundle)
        assert session.sample("a", "rms", 0.1) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < FEW_BYTES
    missing = [note for note in report.features if note.outcome == "missing"]
    assert [note.feature for note in missing] == ["rms"]
    assert session.freshness("a", "rms").state in ("missing", "queued", "running", "failed")
    assert session.freshness("a", "zcr").state == "fresh"
    return missing[0].reason


def test_every_row_has_a_test():
    found = set()
    for path in TESTS.rglob("test_*.py"):
        for name in re.findall(r"^def (test_b\d+_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found |= {int(number) for number in re.findall(r"(?<=[_])b(\d+)(?=_)", name)}
    assert found >= set(range(1, 24))


def test_b1_cut_at_every_byte(small):
    for length in range(len(small)):
        with pytest.raises(BundleError if length > 1 else DocumentError) as caught:
            read_scene(small[:length])
        assert caught.value.hint
    with pytest.raises((BundleError, DocumentError)):
        read_any(small[: len(small) // 2], acn.calculators)


def test_b1_whatever_byte_is_changed_nothing_else_is_shown(small):
    """A bit of every byte: refused, or the same document, and features that are the same or missing."""
    whole = read_scene(small)
    truth = {feature.key: feature.track.values() for feature in whole.features}
    for position in range(len(small)):
        mutated = bytearray(small)
        mutated[position] ^= 1 << position % 8
        try:
            scene = read_scene(bytes(mutated))
        except (BundleError, DocumentError):
            continue
        assert scene.document == whole.document
        for feature in scene.features:
            if feature.track is None:
                assert feature.problem
                continue
            try:
                values = feature.track.values()
            except CacheError:
                continue
            np.testing.assert_array_equal(values, truth[feature.key])
            assert feature.track.hop_seconds == whole.features[0].track.hop_seconds


def test_b2_bombs_cost_nothing():
    limits = ImportLimits(ratio=2000, packed_entry_bytes=1 << 30)
    small_bomb, overlapping, nested = zips.bomb(), zips.overlapping(), zips.nested()
    tracemalloc.start()
    try:
        for foreign in (False, True):
            with pytest.raises(BundleFormatError):
                Archive(overlapping, limits, foreign=foreign)
        with pytest.raises(BundleLimitError, match="ratio"):
            Archive(small_bomb, foreign=True)
        for data in (small_bomb, overlapping, nested):  # an archive in an archive is bytes like any others
            with pytest.raises((BundleError, DocumentError)):
                acn.load(data, cache_dir=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < FEW_BYTES


def test_b3_b4_b5_b6_an_archive_has_one_meaning(small):
    """What the table of archives holds for each row; `test_archive` tries every one of them."""
    known = [name for name, _ in zips.ambiguous()]
    rows = {
        "b3": ["name b'../a'", "name b'/etc/passwd'", "name b'C:/a'", "name b'a\\\\b'"],
        "b4": ["type 120777", "type 60644", "type 20644", "type 40755"],
        "b5": ["the same name twice", "case twins", "unicode twins"],
        "b6": ["two names", "trailing byte", "prepended bytes", "comment", "encrypted", "method 12", "method 14"],
    }
    assert {name for names in rows.values() for name in names} <= set(known)
    parts = parts_of(small)
    for name in ("../x", "/x", "C:/x", "a\\x", "MANIFEST.JSON", "document.json/"):
        with pytest.raises(BundleError):
            acn.load(packed({**parts, name: b"x"}), cache_dir=False)


# --- rows B9, B10: shapes and types --------------------------------------------------------------


TEMPLATE = pathlib.Path(__file__).parent / "fixtures" / "v1_0.zip"


def cases(table):
    """The names of a table's rows; what they hold is made of each test's own feature."""
    parts = parts_of(TEMPLATE.read_bytes())
    data = next(part for name, part in parts.items() if name.startswith("features/"))
    return [name for name, _ in table(data)]


@pytest.mark.parametrize("name", cases(features.shapes))
def test_b9_a_shape_that_cannot_be(small, rms, loads, name):
    assert problem(small, dict(features.shapes(rms))[name], loads)


@pytest.mark.parametrize("name", cases(features.types))
def test_b10_a_type_that_cannot_be(small, rms, loads, name):
    assert problem(small, dict(features.types(rms))[name], loads)


@pytest.mark.parametrize("name", cases(features.odd))
def test_b9_what_a_feature_cannot_say_of_itself(small, rms, loads, name):
    assert problem(small, dict(features.odd(rms))[name], loads)


def test_b9_a_feature_that_was_written_by_hand_and_is_right(small, rms, loads):
    """The generators' own honest form is taken, so what they change is what is refused."""
    for data in (features.rewritten(rms, lambda plain: None), features.with_array(rms)):
        assert data == rms
    values = np.arange(3, dtype="<f4").reshape(3, 1)
    session, report = loads(
        with_feature(
            small, feature_entry(small, "rms"), features.with_values(rms, values, "F32", axes=["frame", "channel"])
        )
    )
    assert {note.outcome for note in report.features} == {"loaded"}
    np.testing.assert_array_equal(session.peek("a", "rms").data, values)


def test_b9_the_limit_of_dimensions_can_be_raised(small, rms):
    entry = feature_entry(small, "rms")
    data = with_feature(small, entry, dict(features.shapes(rms))["five axes"])
    reason = next(one.problem for one in read_scene(data).features if one.track is None)
    assert "dimensions = 4" in reason
    assert all(one.track is not None for one in read_scene(data, limits=ImportLimits(dimensions=5)).features)


# --- row B11: code -------------------------------------------------------------------------------


def test_b11_nothing_is_unpickled(small, loads, tmp_path):
    canary = tmp_path / "canary"
    parts = parts_of(small)
    for _, data in features.code(str(canary)):
        assert problem(small, data, loads)
        for name in ("document.json", "manifest.json"):
            with pytest.raises((BundleError, DocumentError)):
                acn.load(
                    packed({**parts, name: data}, manifest=data if name == "manifest.json" else None), cache_dir=False
                )
        with pytest.raises((BundleError, DocumentError)):
            acn.load(data, cache_dir=False)
    assert not canary.exists()


# --- row B12: JSON -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["document.json", "manifest.json", "alone"])
@pytest.mark.parametrize(("name", "text"), list(documents.texts()), ids=[name for name, _ in documents.texts()])
def test_b12_json_without_one_meaning(small, place, name, text):
    parts = parts_of(small)
    data = (
        text
        if place == "alone"
        else packed({**parts, place: text}, manifest=text if place == "manifest.json" else None)
    )
    with pytest.raises((BundleError, DocumentError)) as caught:
        acn.load(data, cache_dir=False)
    assert caught.value.hint
    assert len(str(caught.value)) < 1000


# --- what mutations have found -------------------------------------------------------------------


def test_b16_what_a_feature_says_of_its_parameters_is_shown_and_not_obeyed(small, rms, loads):
    def change(plain):
        plain["parameters"] = {"\x1b[2J\u202e": 1, "x" * 4000: "y" * 4000}
        plain["key"] = "0" * 64

    name = feature_entry(small, "rms")
    bundle = with_feature(small, name, features.rewritten(rms, change))
    session, _ = loads(
        with_document(bundle, lambda document: one_of(document, name).update(key="0" * 64)),
    )
    freshness = session.freshness("a", "rms")
    assert freshness.state == "stale"
    assert "⟨U+202E⟩" in freshness.explain()
    assert not {"\x1b", "\u202e"} & set(freshness.explain())
    assert max(map(len, freshness.causes)) < 1100


def one_of(document, entry):
    """The feature of a document that lies in this entry."""
    return next(one for one in document["features"] if one["array"]["entry"] == entry)


@pytest.mark.parametrize("params", [{"a": [1]}, {"a": {"b": 1}}, {"a": {"$tuple": [[1]]}}, {"$pairs": [[[1], 2]]}, [3]])
def test_parameters_that_cannot_be_told_apart(small, params):
    def change(document):
        document["features"][0]["descriptor"]["params"] = params

    with pytest.raises(DocumentError, match="cannot be") as caught:
        acn.load(with_document(small, change), cache_dir=False)
    assert caught.value.hint


def test_checksums_that_are_no_checksums(small, rms, loads):
    def change(plain):
        plain["arrays"]["crc32"]["dtype"] = "F32"

    assert problem(small, features.rewritten(rms, change), loads)


def test_where_a_feature_came_from_is_not_what_the_document_claims(small, loads, tmp_path):
    """The file that was loaded is named; what the document says of an earlier one is kept as that."""

    def change(document):
        document["features"][0]["origin"] = {"from": "your own laboratory", "sha256": "0" * 64, "verified": "all of it"}

    path = tmp_path / "foreign.zip"
    path.write_bytes(with_document(small, change))
    session, _ = loads(path)
    marks = [entry.track.provenance["imported"] for entry in entries(session).values()]
    assert {mark["from"] for mark in marks} == {"foreign.zip"}
    assert [mark["before"] for mark in marks if "before" in mark] == ["your own laboratory"]
    assert not any("verified" in mark for mark in marks)
    assert "foreign.zip" in session.freshness("a", "rms").explain()


# --- rows B17, B18, B21, B23 ---------------------------------------------------------------------


def test_b18_later_versions(small, loads):
    def minor(document):
        document["version"] = [1, 7]
        document["later"] = {"kept": [1, "ü"]}

    def major(document):
        document["version"] = [2, 0]

    session, _ = loads(with_document(small, minor))
    assert session._unknown_parts is not None
    with pytest.raises(DocumentVersionError, match="version 2"):
        loads(with_document(small, major))


def test_b21_a_calculator_that_is_not_here_is_never_looked_for(small, loads, monkeypatch):
    """Its feature is shown as it came, and no name of it is imported."""

    def change(document):
        for place in (*document["features"], *document["demand"][0]["features"]):
            descriptor = place.get("descriptor", place)
            if descriptor["calculator"] == "zcr":
                descriptor |= {"calculator": "os.system", "feature": "antigravity"}

    before = set(sys.modules)
    session, report = loads(with_document(small, change))
    assert {note.calculator: note.outcome for note in report.features} == {"os.system": "missing", "rms": "loaded"}
    assert not {name for name in set(sys.modules) - before if not name.startswith(("audiocache_nb", "numpy"))}
    slot = next(slot for slot in entries(session) if slot.calculator_id == "os.system")
    assert entries(session)[slot].state == "bad_request"


def entries(session):
    """The entries of the only source."""
    (state,) = session.store.snapshot().sources.values()
    return state.entries


@pytest.mark.skipif(sys.platform == "win32", reason="files have no holes there")
def test_b23_more_than_32_bits(tmp_path):
    path = tmp_path / "wide.zip"
    zips.wide(str(path), 5 << 30)
    with Archive(path) as archive:
        entry = archive.entries["huge.bin"]
        assert entry.size == 5 << 30
        assert bytes(archive.place("huge.bin")[-4:]) == bytes(4)
    with pytest.raises(BundleLimitError, match="entry_bytes"):
        Archive(path, ImportLimits(entry_bytes=4 << 30))


# --- whatever is refused -------------------------------------------------------------------------


def test_an_error_tells_what_to_do(small):
    """Every kind of refusal has a code of its own, a hint, and facts that a program can read."""
    parts = parts_of(small)
    refused = [
        small[:100],
        b"",
        packed({**parts, "document.json": b"{}"}),
        packed(parts, manifest=b"{}"),
        packed(parts, lines=[]),
        with_document(small, lambda document: document.update(version=[9, 0])),
    ]
    codes = set()
    for data in refused:
        with pytest.raises(AudioCacheError) as caught:
            acn.load(data, cache_dir=False)
        codes.add(caught.value.code)
        assert caught.value.hint
        json.dumps(caught.value.context)
    assert {"ACN-BUNDLE-FORMAT", "ACN-BUNDLE-INTEGRITY"} <= codes
