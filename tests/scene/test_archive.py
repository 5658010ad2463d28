"""Archives: the same bytes for the same content, mapped in place, one meaning or none."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from attacks import zips
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.errors import BundleError, BundleFormatError, BundleIntegrityError, BundleLimitError
from audiocache_nb.scene import archive_reader, zip_format
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.archive_writer import ArchiveWriter
from audiocache_nb.scene.crc import combined
from audiocache_nb.scene.limits import ImportLimits

CONTENT = {"manifest.json": b"{}", "features/0.bin": bytes(range(256)) * 9, "empty": b"", "audio/x.flac": b"fLaC" * 50}


def written(content=CONTENT, **options):
    file = io.BytesIO()
    with ArchiveWriter(file, **options) as writer:
        for name, data in content.items():
            digest = writer.add(name, len(data), [data[:100], data[100:]])
            assert digest.result() == hashlib.sha256(data).hexdigest()
    return file.getvalue()


def test_what_was_written_is_read():
    with Archive(written()) as archive:
        assert list(archive.entries) == list(CONTENT)
        assert {name: archive.read(name) for name in CONTENT} == CONTENT
        assert archive.sha256("empty") == hashlib.sha256(b"").hexdigest()


def test_every_entry_begins_at_a_round_address():
    with Archive(written()) as archive:
        assert all(entry.data_offset % zip_format.ALIGNMENT == 0 for entry in archive.entries.values())


def test_other_programs_read_the_same():
    with zipfile.ZipFile(io.BytesIO(written())) as other:
        assert other.testzip() is None
        assert {name: other.read(name) for name in other.namelist()} == CONTENT


def test_more_entries_than_sixteen_bits_count():
    content = {f"n{n}": b"" for n in range(1 << 16)}
    data = written(content)
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert len(other.namelist()) == 1 << 16
    assert len(Archive(data, ImportLimits(entries=100_000)).entries) == 1 << 16
    with pytest.raises(BundleLimitError, match="entries"):
        Archive(data)


def test_wide_sizes(monkeypatch):
    monkeypatch.setattr(zip_format, "FULL_32", 1000)  # as if four gigabytes were a thousand bytes
    content = {"small": b"x" * 999, "big": b"y" * 1000, "bigger": b"z" * 5000, "after": b""}
    with Archive(written(content)) as archive:
        assert {name: archive.read(name) for name in content} == content


def test_a_reserved_entry_is_filled_later():
    file = io.BytesIO()
    with ArchiveWriter(file) as writer:
        writer.reserve("first", 4)
        writer.add("second", 2, [b"ab"])
        with pytest.raises(ValueError, match="place of 4"):
            writer.fill("first", b"abc")
        writer.fill("first", b"1234")
    with Archive(file.getvalue()) as archive:
        assert archive.read("first") == b"1234"
        assert list(archive.entries) == ["first", "second"]


def test_a_wrong_length_is_noticed():
    file = io.BytesIO()
    with pytest.raises(ValueError, match="3 bytes instead of 4"), ArchiveWriter(file) as writer:
        writer.add("a", 4, [b"abc"])
    with pytest.raises(BundleFormatError):
        Archive(file.getvalue())


def test_who_counts_the_bytes_can_end_the_writing():
    counted = []

    def count(n):
        counted.append(n)
        if sum(counted) > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(on_bytes=count)
    assert sum(counted) == 102


def test_arrays_are_mapped_in_place_and_outlive_the_archive(tmp_path):
    values = np.arange(1000, dtype="<f4")
    path = tmp_path / "a.zip"
    path.write_bytes(written({"values": values.tobytes()}))
    with Archive(path) as archive:
        mapped = np.frombuffer(archive.place("values"), "<f4")
    assert not mapped.flags.owndata
    assert not mapped.flags.writeable
    path.unlink()
    np.testing.assert_array_equal(mapped, values)


@pytest.mark.parametrize(
    ("problem", "data"), [*zips.ambiguous()], ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize("foreign", [False, True])
def test_one_meaning_or_none(problem, data, foreign):
    with pytest.raises(BundleFormatError) as caught:
        Archive(data, foreign=foreign)
    assert caught.value.code == "ACN-BUNDLE-FORMAT"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("problem", "data"), [*zips.only_for_strict()], ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_others_may_write_and_we_do_not(problem, data):
    with pytest.raises(BundleFormatError):
        Archive(data)
    with Archive(data, foreign=True) as archive:
        assert [archive.read(name) for name in archive.entries] == [b"0123456789"]


def test_names_of_other_alphabets_come_from_others_only():
    data = zips.archive(zips.Part("audio/Größe – 音.wav".encode(), flags=0x800))
    assert list(Archive(data, foreign=True).entries) == ["audio/Größe – 音.wav"]
    with pytest.raises(BundleFormatError):
        Archive(data)


def test_a_bomb_is_refused_before_anything_is_unpacked():
    data = zips.bomb()
    tracemalloc.start()
    try:
        with pytest.raises(BundleLimitError) as caught:
            Archive(data, foreign=True)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.context["limit"] == "ratio"
    assert "limits=ImportLimits(ratio=" in caught.value.hint
    with Archive(data, ImportLimits(ratio=2000), foreign=True) as archive:
        assert len(archive.read("zeros.bin")) == 32 << 20


def test_a_bomb_that_understates_itself_is_stopped_where_it_said_it_would_end():
    archive = Archive(zips.understating_bomb(), foreign=True)
    tracemalloc.start()
    try:
        with pytest.raises(BundleIntegrityError, match="another size"):
            archive.read("a.bin")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("limit", ["entry_bytes", "total_bytes", "file_bytes", "entries"])
def test_limits_are_named(limit):
    with pytest.raises(BundleLimitError) as caught:
        Archive(written(), ImportLimits(**{limit: 1}))
    assert caught.value.context["limit"] == limit
    assert caught.value.context["allowed"] == 1
    assert limit in str(caught.value)


def test_cut_at_every_byte():
    data = written()
    for length in range(len(data)):
        with pytest.raises(BundleFormatError):
            Archive(data[:length])


def test_whatever_bit_is_flipped_nothing_wrong_is_read():
    data = written({"a": b"0123456789", "b": b"abc"})
    for position in range(len(data)):
        for bit in range(8):
            mutated = bytearray(data)
            mutated[position] ^= 1 << bit
            try:
                archive = Archive(bytes(mutated))
                read = {name: archive.read(name) for name in archive.entries}
            except BundleError:
                continue
            # what is left are times, versions and permissions, which mean nothing here
            assert read == {"a": b"0123456789", "b": b"abc"}


def test_what_is_compared_is_what_would_be_taken_apart(monkeypatch):
    """An archive of our own is compared with what would be written; whatever bit is another one, the outcome stays."""
    data = written({"manifest.json": b"{}", "a/b.bin": b"abc", "empty": b""})
    limits = [{}, {"entries": 2}, {"entry_bytes": 2}, {"total_bytes": 4}]

    def outcome(bundle, **limit):
        try:
            return Archive(bundle, ImportLimits(**limit)).entries
        except BundleError as error:
            return type(error), error.code, error.context.get("limit")

    taken = []
    compare = archive_reader.own_entries
    monkeypatch.setattr(archive_reader, "own_entries", lambda *all_: taken.append(compare(*all_)) or taken[-1])
    flipped = [data[:n] + bytes([data[n] ^ 1 << bit]) + data[n + 1 :] for n in range(len(data)) for bit in range(8)]
    quick = [outcome(data, **limit) for limit in limits] + [outcome(one) for one in flipped]
    assert taken[0] == quick[0] == Archive(data).entries
    monkeypatch.setattr(archive_reader, "own_entries", lambda *_: None)
    assert quick == [outcome(data, **limit) for limit in limits] + [outcome(one) for one in flipped]


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/.", "C:x", "a b", "x" * 121, "ü"])
def test_names_that_lead_elsewhere_are_refused_although_they_are_written_as_ours_are(name):
    with pytest.raises(BundleFormatError):
        Archive(written({name: b""}))


@pytest.mark.parametrize("names", [("a", "A"), ("a/b", "a/B")])
def test_names_that_differ_in_case_only_are_refused_although_they_are_written_as_ours_are(names):
    with pytest.raises(BundleFormatError, match="two entries"):
        Archive(written(dict.fromkeys(names, b"")))


def test_paths_that_are_no_bundles(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe", "/dev/zero", "a\0b"):
        with pytest.raises(BundleFormatError):
            Archive(path)
    (tmp_path / "empty").touch()
    with pytest.raises(BundleFormatError, match="no complete bundle"):
        Archive(tmp_path / "empty")


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_checksums_of_pieces_make_that_of_the_whole(pieces):
    assert combined([(zlib.crc32(one), len(one)) for one in pieces]) == zlib.crc32(b"".join(pieces))


@pytest.mark.parametrize("count", [0, 1, 63, 64, 200])
def test_checksums_of_many_pieces_of_one_length(count):
    data = np.random.default_rng(count).bytes(count * 37 + 5)
    pieces = [data[:3], *(data[at : at + 37] for at in range(3, 3 + count * 37, 37)), data[3 + count * 37 :]]
    assert combined([(zlib.crc32(one), len(one)) for one in pieces]) == zlib.crc32(data)


def test_an_entry_that_is_not_there():
    archive = Archive(written())
    assert "nothing" not in archive
    with pytest.raises(BundleIntegrityError, match="no entry 'nothing'"):
        archive.read("nothing")
