from __future__ import annotations

import io
import os
import struct
import threading

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocache_nb.audio import decode
from audiocache_nb.audio.decode import FORMATS, MAX_READ_SAMPLES, SoundFileReader
from audiocache_nb.audio.digest import SampleDigest
from audiocache_nb.audio.files import anonymous_file
from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import AudioLimitError, SourceMissingError, TruncatedAudioError

LOSSY = {"VORBIS", "OPUS", "MPEG_LAYER_III"}


def can_be_written(container, subtype, channels):
    try:
        soundfile.write(io.BytesIO(), np.zeros((100, channels)), 48000, format=container, subtype=subtype)
    except soundfile.SoundFileError:
        return False
    return True


WRITABLE = [
    (container, subtype, channels)
    for container in sorted(FORMATS)
    for subtype in soundfile.available_subtypes(container)
    for channels in (1, 2)
    if can_be_written(container, subtype, channels)
]
# one file of each kind, in stereo if there is such a one
KINDS = sorted({(container, subtype): kind for kind in WRITABLE for container, subtype, _ in [kind]}.values())


@pytest.fixture(scope="session")
def written(encoded, sound):
    """Return the bytes of a file of any kind that can be written here."""
    cache = {}

    def make(container, subtype, channels=2):
        key = container, subtype, channels
        if key not in cache:
            cache[key] = encoded(container, subtype, sound(30_000, channels), 48000)
        return cache[key]

    return make


def opened(data, **options):
    return SoundFileReader(anonymous_file([data]), "x", **options)


def all_of(reader, block=10_000):
    blocks = [np.empty((0, reader.channels), np.float32)]
    while len(piece := reader.read(block)):
        assert piece.flags.c_contiguous
        assert piece.dtype == np.float32
        assert len(piece) <= block
        blocks.append(piece.copy())
    return np.concatenate(blocks)


@pytest.mark.parametrize(("container", "subtype", "channels"), WRITABLE)
def test_every_format_gives_what_soundfile_reads(container, subtype, channels, written, sound):
    data = written(container, subtype, channels)
    try:
        wanted, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        assert subtype.startswith("DWVW")  # soundfile seeks after it has read, which this codec cannot
        wanted, rate_hz = np.floor(sound(30_000, channels) * 2048) / 2048, 48000
    source = load(data)
    assert (source.sample_rate, source.channels, source.frames) == (rate_hz, channels, len(wanted))
    assert source.decode["subtype"] == subtype
    assert source.decode["version"] == soundfile.__libsndfile_version__
    assert source.health.promised_frames in {len(wanted), None}
    # soundfile seeks before it reads, which changes the last bit of an MP3
    tolerance = 2e-7 if subtype in LOSSY else 1e-3 if subtype.startswith("DWVW") else 0
    np.testing.assert_allclose(source.read(0, source.frames), wanted, atol=tolerance, rtol=0)


@pytest.mark.parametrize(("container", "subtype", "channels"), KINDS)
def test_blocks_do_not_change_the_samples(container, subtype, channels, written):
    data = written(container, subtype, channels)
    wanted = all_of(opened(data), 1 << 20)
    for block in (30_001, 4096, 1153, 160):
        np.testing.assert_array_equal(all_of(opened(data), block), wanted)


@pytest.mark.parametrize(("container", "subtype", "channels"), KINDS)
def test_seeking_gives_the_same_samples(container, subtype, channels, written):
    data = written(container, subtype, channels)
    wanted = all_of(opened(data))
    reader = opened(data, frames=len(wanted))
    for start in [0, 17, 16_384, 29_990, 5000, 4999, 25_000, 30_000, 99_999, -5, 12_345]:
        reader.seek(start)
        place = min(max(0, start), len(wanted))
        np.testing.assert_array_equal(reader.read(700), wanted[place : place + 700])


def test_a_seek_that_failed_leaves_no_doubt_about_the_place(written, monkeypatch):
    data = written("FLAC", "PCM_16")
    wanted = all_of(opened(data))
    reader = opened(data, frames=len(wanted))
    reader.read(5000)

    def stray(frame):
        reader._stream.seek(frame + 1000)
        return False

    monkeypatch.setattr(reader, "_jump", stray)
    reader.seek(9000)
    np.testing.assert_array_equal(reader.read(700), wanted[9000:9700])


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
@given(blocks=st.lists(st.integers(1, 9000), min_size=1, max_size=6))
@settings(max_examples=20)
def test_the_digest_does_not_depend_on_blocks(container, blocks, written):
    subtype = {"WAV": "PCM_24", "FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}[container]
    data = written(container, subtype)
    reader = opened(data)
    digest = SampleDigest(reader.sample_rate, reader.channels)
    turn = 0
    while len(piece := reader.read(blocks[turn % len(blocks)])):
        digest.update(piece)
        turn += 1
    assert digest.finish() == load(data).digest


@pytest.mark.parametrize("name", ["vibe_ace.ogg", "speech_jfk_24bit.flac", "humpback.ogg", "trumpet_90bpm.ogg"])
def test_real_recordings_are_what_soundfile_reads(recording, name):
    wanted, rate_hz = soundfile.read(recording(name), dtype="float32", always_2d=True)
    source = load(recording(name))
    assert source.sample_rate == rate_hz
    assert source.digest == load(wanted, sample_rate=rate_hz).digest
    middle = len(wanted) // 2
    np.testing.assert_array_equal(source.read(middle, 5000), wanted[middle : middle + 5000])


def test_the_buffer_is_used_again(written):
    reader = opened(written("WAV", "PCM_16"))
    first = reader.read(1000)
    kept = first.copy()
    second = reader.read(1000)
    assert np.shares_memory(first, second)
    assert not np.array_equal(first, kept)


@pytest.mark.parametrize("frames", [0, -1, 10**15])
def test_no_size_of_a_read_takes_much_memory(frames, written):
    reader = opened(written("WAV", "PCM_16"))
    piece = reader.read(frames)
    assert len(piece) == (30_000 if frames > 0 else 0)
    assert reader._buffer.size <= MAX_READ_SAMPLES


@pytest.mark.parametrize("block", [1 << 19, 7000, 333])
def test_a10_the_frames_before_a_break_are_exact(block, encoded, sound):
    data = encoded("FLAC", "PCM_16", sound(100_000))
    whole = all_of(opened(data))
    reader = opened(data[: len(data) // 2])
    part = all_of(reader, block)
    assert reader.broke_off
    assert len(part) == 36_864  # nine FLAC frames
    np.testing.assert_array_equal(part, whole[: len(part)])
    reader.seek(36_800)
    assert len(reader.read(1000)) == 64


def test_a10_a_truncated_flac(encoded, sound):
    data = encoded("FLAC", "PCM_16", sound(100_000))
    cut = data[: len(data) // 2]
    with pytest.raises(TruncatedAudioError) as caught:
        load(cut)
    assert caught.value.context == {"decoded_frames": 36_864, "claimed_frames": 100_000}
    assert "allow_partial=True" in caught.value.hint
    assert isinstance(caught.value, EOFError)
    source = load(cut, allow_partial=True)
    assert str(source.health) == "truncated: decoded 36,864 of 100,000 frames"
    np.testing.assert_array_equal(source.read(0, 10**6), load(data).read(0, 36_864))
    source.check()


def test_a10_a_flac_cut_between_two_frames(encoded, sound):
    data = encoded("FLAC", "PCM_16", sound(100_000))
    cut = data[: data.rindex(b"\xff\xf8", 0, len(data) // 2)]
    with pytest.raises(TruncatedAudioError):
        load(cut)
    assert load(cut, allow_partial=True).health.truncated


def test_a10_a_flac_damaged_in_the_middle(encoded, sound):
    data = bytearray(encoded("FLAC", "PCM_16", sound(100_000)))
    data[len(data) // 2 : len(data) // 2 + 4] = b"\x12\x34\x56\x78"
    with pytest.raises(TruncatedAudioError):
        load(bytes(data))


@pytest.mark.parametrize("rate_hz", [0, 1, 999, 768_001, 2**31 - 1])
def test_a05_rates_in_headers(rate_hz, encoded):
    data = bytearray(encoded("WAV", "PCM_16"))
    place = data.index(b"fmt ") + 12
    data[place : place + 4] = struct.pack("<I", rate_hz)
    with pytest.raises(AudioLimitError, match="'audio' has a sample rate") if rate_hz else pytest.raises(ValueError):
        load(bytes(data))


def test_a05_the_fastest_file(encoded):
    assert load(encoded("WAV", "PCM_16", rate_hz=768_000)).sample_rate == 768_000


def test_a04_files_with_many_channels(encoded, sound):
    assert load(encoded("WAV", "PCM_16", sound(500, 64))).channels == 64
    with pytest.raises(AudioLimitError, match="'audio' has 65 channels"):
        load(encoded("WAV", "PCM_16", sound(500, 65)))


def test_a07_a_seek_beyond_two_to_the_31(tmp_path):
    frames = 2**31 + 1000
    path = tmp_path / "long.rf64"
    fmt = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    sizes = struct.pack("<QQQI", 2 * frames + 72, 2 * frames, frames, 0)
    with path.open("wb") as file:
        file.write(b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + sizes)
        file.write(b"fmt " + struct.pack("<I", 16) + fmt + b"data\xff\xff\xff\xff")
        start = file.tell()
        file.seek(start + 2 * (2**31 + 10))
        file.write(np.arange(1, 6, dtype="<i2").tobytes())
        file.truncate(start + 2 * frames)
    reader = SoundFileReader(os.open(path, os.O_RDONLY), "x")
    assert reader.promised_frames == frames
    reader.seek(2**31 + 8)
    np.testing.assert_array_equal(reader.read(8)[:, 0] * 32768, [0, 0, 1, 2, 3, 4, 5, 0])
    reader.seek(frames - 3)
    assert [len(reader.read(100)), len(reader.read(100))] == [3, 0]
    reader.close()


def test_a_closed_reader_says_so(written):
    reader = opened(written("WAV", "PCM_16"))
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(10)


def test_a_reader_that_is_forgotten_gives_its_file_back(written, open_descriptors):
    before = open_descriptors()
    opened(written("WAV", "PCM_16")).read(10)
    assert open_descriptors() == before


def test_an_error_of_the_disk_is_typed(monkeypatch, written):
    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(decode, "identify", broken)
    with pytest.raises(SourceMissingError, match="could not be read"):
        opened(written("WAV", "PCM_16"))


def test_readers_in_threads_do_not_disturb_each_other(written):
    kinds = [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
    sources = [load(written(*kind)) for kind in kinds for _ in range(2)]
    wanted = [source.read(0, 30_000) for source in sources]
    found = [None] * len(sources)

    def work(number):
        reader = sources[number].open()
        found[number] = all_of(reader, 500)
        reader.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(sources))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
