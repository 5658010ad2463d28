from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from audiocache_nb.audio.containers import identify, promised_bytes
from audiocache_nb.audio.files import anonymous_file
from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import UnsupportedFormatError

# Row by row: container, where its header keeps the size of the audio data, how.
CHUNKED = [
    ("WAV", "PCM_16"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_24"),
    ("W64", "FLOAT"),
    ("AIFF", "PCM_16"),
    ("CAF", "PCM_24"),
]
EXOTIC = ["AU", "AVR", "HTK", "SVX", "MAT4", "MAT5", "MPC2K", "PAF", "PVF", "SDS", "IRCAM", "VOC", "NIST", "WVE", "XI"]


def a_file_of(container):
    """Bytes of a file of an exotic format, or skip."""
    samples = np.zeros(1000, np.int16)
    for subtype in soundfile.available_subtypes(container):
        file = io.BytesIO()
        try:
            soundfile.write(file, samples, 8000 if container == "WVE" else 44100, format=container, subtype=subtype)
        except (soundfile.SoundFileError, ValueError, TypeError):
            continue
        return file.getvalue()
    pytest.skip(f"libsndfile writes no {container} here")


@pytest.mark.parametrize("container", EXOTIC)
@pytest.mark.parametrize("name", ["x.wav", None])
def test_a13_formats_that_are_not_read(container, name, tmp_path):
    data = a_file_of(container)
    source = data
    if name:
        source = tmp_path / name
        source.write_bytes(data)
    with pytest.raises(UnsupportedFormatError) as caught:
        load(source)
    assert "can be read" in str(caught.value)


def test_a13_the_decoder_never_sees_them(monkeypatch):
    data = a_file_of("PAF")
    monkeypatch.setattr(soundfile.SoundFile, "__init__", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(UnsupportedFormatError, match="Ensoniq PARIS"):
        load(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "is empty"),
        (b"just some words\nand more\n", "is text"),
        ("naïve текст\n".encode(), "is text"),
        ("utf-16".encode("utf-16"), "is text"),
        (b"<!doctype html><p>404", "is text"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04" + bytes(40), "ZIP"),
        (b"\0\0\0\x20ftypM4A \0\0", "MP4 or M4A"),
        (b"\x1aE\xdf\xa3" + bytes(30), "WebM"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "RIFF file without WAVE"),
        (b"FORM\0\0\0\x108SVXVHDR", "IFF file without AIFF"),
        (b"MThd\0\0\0\x06", "MIDI"),
        (bytes(1000), "unknown kind"),
        (b"R", "text"),
    ],
)
def test_a11_what_is_no_audio_is_called_what_it_is(data, kind):
    with pytest.raises(UnsupportedFormatError, match=kind) as caught:
        load(data)
    assert "does not exist" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"ID3\x04\0\0\0\0\x0f\x76" + bytes(3000),
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(100),
        b"\xff\xfb\x90\x00" + bytes(20),
        b"\xff\xfb\x90\x00" + b"no frames follow" * 500,
        b"RIFF\x24\0\0\0WAVE",
        b"RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\xff" + bytes(64),
        b"fLaC" + bytes(64),
        b"OggS" + bytes(64),
        b"caff\0\x01\0\0desc" + bytes(64),
        b"FORM\0\0\0\x10AIFFCOMM" + bytes(64),
        b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00" + bytes(100),
    ],
    ids=lambda data: repr(data[:8]),
)
def test_a11_a_good_beginning_is_not_enough(data):
    with pytest.raises(UnsupportedFormatError) as caught:
        load(data)
    assert "begins like" in str(caught.value)
    assert "does not exist" not in str(caught.value)
    assert caught.value.hint


def test_a11_text_renamed(tmp_path):
    for name in ("text.wav", "text.mp3", "text.flac", "text.raw", "text"):
        (tmp_path / name).write_text("this is no audio")
        with pytest.raises(UnsupportedFormatError, match=f"'{name}' is text"):
            load(tmp_path / name)


@pytest.mark.parametrize(("container", "subtype"), CHUNKED)
def test_the_name_of_a_file_does_not_matter(container, subtype, encoded, tmp_path):
    path = tmp_path / "song.raw"
    path.write_bytes(encoded(container, subtype))
    assert load(path).frames == 20_000


@pytest.mark.parametrize(("container", "subtype"), CHUNKED)
def test_promises_are_found_in_the_header(container, subtype, encoded):
    data = encoded(container, subtype)
    size = 20_000 * 2 * {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype]
    descriptor = anonymous_file([data])
    name = identify(descriptor, "x")
    assert promised_bytes(descriptor, name) is not None
    promised, present = promised_bytes(descriptor, name)
    assert promised == size
    assert present >= size
    cut = anonymous_file([data[: len(data) // 2]])
    assert promised_bytes(cut, name) == (size, present - (len(data) - len(data) // 2))


@pytest.mark.parametrize(("container", "subtype"), CHUNKED)
@pytest.mark.parametrize("part", [0.9, 0.5, 0.2])
def test_a09_a_truncated_file_gives_its_real_frames_and_says_so(container, subtype, part, encoded, sound):
    data = encoded(container, subtype)
    try:
        source = load(data[: int(len(data) * part)])
    except UnsupportedFormatError:
        assert container == "CAF"  # libsndfile does not open one that breaks off
        return
    assert 0.95 * part < source.frames / 20_000 < part
    assert str(source.health) == f"truncated: decoded {source.frames:,} of 20,000 frames"
    np.testing.assert_allclose(source.read(0, 20_000), sound()[: source.frames], atol=2**-15)


def test_a_wav_whose_header_was_never_finished(encoded):
    data = bytearray(encoded("WAV", "PCM_16"))
    place = data.index(b"data") + 4
    data[4:8] = data[place : place + 4] = bytes(4)
    source = load(bytes(data))
    assert source.frames == 0
    assert source.health.issues == (
        "empty: no samples",
        "unfinished: the header speaks of no audio, but 80,000 bytes follow",
    )


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_streamed_wav_promises_nothing(size, encoded):
    data = bytearray(encoded("WAV", "PCM_16"))
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", size)
    source = load(bytes(data))
    assert source.frames == 20_000
    assert str(source.health) == "ok"


def test_a08_claims_are_only_hints(encoded):
    data = bytearray(encoded("RF64", "PCM_16"))
    place = data.index(b"ds64") + 16
    data[place : place + 16] = struct.pack("<QQ", 2**63 - 1, 2**63 - 1)
    source = load(bytes(data))
    assert source.frames == 20_000
    assert str(source.health).startswith("truncated: decoded 20,000 of 2,305,843,009,213,693,951 frames")


def test_a08_six_million_frames_in_86_bytes():
    fmt = struct.pack("<HHIIHH", 1, 1, 44100, 88200, 2, 16)
    head = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", 12_000_000)
    data = b"RIFF" + struct.pack("<I", 12_000_036) + head + bytes(range(42))
    assert len(data) == 86
    source = load(data)
    assert source.frames == 21
    assert str(source.health).startswith("truncated: decoded 21 of 6,000,000 frames")


def test_a08_a_flac_that_claims_the_most_a_flac_can(encoded):
    data = bytearray(encoded("FLAC", "PCM_16"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    source = load(bytes(data), allow_partial=True)
    assert str(source.health) == "truncated: decoded 20,000 of 68,719,476,735 frames"


def test_a_flac_of_unknown_length(encoded, sound):
    data = bytearray(encoded("FLAC", "PCM_16"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    source = load(bytes(data))
    assert source.health.promised_frames is None
    assert str(source.health) == "ok"
    np.testing.assert_allclose(source.read(12_345, 100), sound()[12_345:12_445], atol=2**-15)


def test_a_flac_that_claims_too_little_says_what_it_left_out(encoded, sound):
    data = bytearray(encoded("FLAC", "PCM_16", sound(60_000)))
    data[22:26] = struct.pack(">I", 1000)
    assert "bytes after the promised end were not decoded" in str(load(bytes(data)).health)


def test_a_wav_with_chunks_before_and_after_the_audio(encoded):
    data = encoded("WAV", "PCM_16")
    place = data.index(b"data")
    junk = b"junk" + struct.pack("<I", 5) + b"12345\0"
    source = load(data[:place] + junk + data[place:] + junk)
    assert source.frames == 20_000
    assert str(source.health) == "ok"


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a09_an_ogg_without_end_says_so(subtype, encoded, sound):
    data = encoded("OGG", subtype, sound(200_000), rate_hz=48000)
    assert str(load(data).health) == "ok"
    source = load(data[: len(data) // 2])
    assert 0 < source.frames < 200_000
    assert str(source.health) == "possibly truncated: the stream has no end mark"
