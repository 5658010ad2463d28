from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
import soundfile

from audiocache_nb.audio import mpeg
from audiocache_nb.audio.files import anonymous_file
from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import TruncatedAudioError, UnsupportedFormatError

MODES = ["CONSTANT", "AVERAGE", "VARIABLE"]


@pytest.fixture(scope="module")
def mp3(encoded, sound):
    """Sound that is loud, then silent: the sizes of the frames vary if they may."""
    cache = {}

    def make(mode="CONSTANT", channels=2, rate_hz=44100):
        key = mode, channels, rate_hz
        if key not in cache:
            samples = sound(120_000, channels)
            samples[20_000:60_000] = 0
            cache[key] = encoded("MP3", "MPEG_LAYER_III", samples, rate_hz, bitrate_mode=mode, compression_level=0.5)
        return cache[key]

    return make


def decoded_from_pipe(data):
    """Samples as libsndfile gives them when it cannot know the size of the file."""
    end, writer = os.pipe()

    def feed():
        with os.fdopen(writer, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=feed)
    thread.start()
    blocks = []
    with soundfile.SoundFile(end, closefd=True) as file:
        while len(block := file.read(4096, dtype="float32", always_2d=True)):
            blocks.append(block)
    thread.join()
    return np.concatenate(blocks)


def count_place(data):
    place = max(data.find(b"Xing"), data.find(b"Info"))
    return place + 8


def with_count(data, frames):
    place = count_place(data)
    return data[:place] + frames.to_bytes(4, "big") + data[place + 4 :]


@pytest.mark.parametrize("mode", MODES)
def test_frames_are_counted(mode, mp3, mp3_frames):
    data = mp3(mode)
    counted, end = mpeg._count(anonymous_file([data]), 0)
    assert counted == len(mp3_frames(data))
    assert end == len(data)


@pytest.mark.parametrize("rate_hz", [48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_has_the_right_frame_lengths(rate_hz, channels, mp3):
    data = mp3("VARIABLE", channels, rate_hz)
    counted, end = mpeg._count(anonymous_file([data]), 0)
    assert end == len(data)
    assert counted * (1152 if rate_hz >= 32000 else 576) >= 120_000


@pytest.mark.parametrize("mode", MODES)
def test_a12_delays_of_encoder_and_decoder_are_taken_off(mode, mp3, sound):
    source = load(mp3(mode))
    assert source.frames == 120_000
    assert str(source.health) == "ok"
    loud = source.read(1000, 15_000)
    assert np.corrcoef(loud[:, 0], sound(120_000)[1000:16_000, 0])[0, 1] > 0.98


@pytest.mark.parametrize("mode", MODES)
def test_a09_half_of_an_mp3(mode, mp3):
    data = mp3(mode)
    source = load(data[: len(data) // 2])
    assert 0 < source.frames < 110_000
    assert str(source.health) == f"truncated: decoded {source.frames:,} of 120,000 frames"
    np.testing.assert_array_equal(source.read(0, source.frames), load(data).read(0, source.frames))


def test_a09_blocks_of_soundfile_repeat_themselves_and_we_do_not(encoded, sound):
    """The measured case: `SoundFile.blocks` goes on to the promised number of frames."""
    data = encoded("MP3", "MPEG_LAYER_III", sound(120_000))
    data = data[: len(data) // 2]
    source = load(data)
    ours = source.read(0, 10**9)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        theirs = np.concatenate(list(file.blocks(4096, dtype="float32")))
    assert len(theirs) > source.frames + 3 * 4096  # if this fails, soundfile has been repaired
    np.testing.assert_allclose(ours, theirs[: len(ours)], atol=1e-6)
    np.testing.assert_array_equal(theirs[-2 * 4096 : -4096], theirs[-4096:][:4096])
    blocks = [block.tobytes() for block in np.split(ours[: len(ours) // 4096 * 4096], len(ours) // 4096)]
    assert len(set(blocks)) == len(blocks)


@pytest.mark.parametrize("mode", MODES)
def test_a09_a_header_that_promises_too_much(mode, mp3):
    data = mp3(mode)
    true = int.from_bytes(data[count_place(data) :][:4], "big")
    source = load(with_count(data, true * 2))
    assert 120_000 <= source.frames < 122_000
    assert str(source.health).startswith("truncated: decoded")


@pytest.mark.parametrize("mode", MODES)
def test_a09_a_header_that_promises_too_little(mode, mp3):
    data = mp3(mode)
    true = int.from_bytes(data[count_place(data) :][:4], "big")
    source = load(with_count(data, true // 2))
    promised = 120_000 - (true - true // 2) * 1152
    assert str(source.health) == f"longer than promised: decoded 120,000 of {promised:,} frames"
    assert source.digest == load(data).digest


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), bytes(500), b"APETAGEX" + bytes(24)])
def test_a09_without_a_header_nothing_is_lost(mode, tail, mp3, mp3_frames):
    data = mp3(mode)
    first = mp3_frames(data)[0][1]
    bare = data[first:]
    source = load(bare + tail)
    wanted = decoded_from_pipe(bare)
    assert len(wanted) == (len(mp3_frames(data)) - 1) * 1152
    assert source.health.promised_frames is None
    assert str(source.health) == "ok"
    np.testing.assert_array_equal(source.read(0, 10**9), wanted)


def test_a09_without_the_mending_sound_would_be_lost(mp3, mp3_frames):
    """What libsndfile does by itself: if this fails, `mpeg.mend` is not needed any more."""
    data = mp3("VARIABLE")
    bare = data[mp3_frames(data)[0][1] :]
    alone, _ = soundfile.read(io.BytesIO(bare))
    assert len(alone) < 0.9 * load(bare).frames


@pytest.mark.parametrize("mode", MODES)
def test_a09_a_piece_from_the_middle(mode, mp3, mp3_frames):
    data = mp3(mode)
    frames = mp3_frames(data)
    piece = data[frames[30][0] : frames[90][0] + 100]
    np.testing.assert_array_equal(load(piece).read(0, 10**9), decoded_from_pipe(data[frames[30][0] : frames[90][0]]))


def test_a_tag_at_the_beginning(mp3):
    data = mp3("VARIABLE")
    tag = b"ID3\x04\0\0\0\0\x10\0" + b"TIT2".ljust(2048, b"\0")
    assert load(tag + data).digest == load(data).digest
    assert load(tag + tag + data).digest == load(data).digest


def test_junk_between_frames_is_passed_over_or_named(mp3, mp3_frames):
    data = mp3("CONSTANT")
    place = mp3_frames(data)[50][0]
    assert load(data[:place] + bytes(200) + data[place:]).frames > 100_000
    damaged = data[:place] + bytes(5000) + data[place:]
    with pytest.raises(TruncatedAudioError) as caught:
        load(damaged)
    partial = load(damaged, allow_partial=True)
    assert partial.frames == caught.value.context["decoded_frames"]
    assert "truncated: decoded" in str(partial.health)
    np.testing.assert_array_equal(partial.read(0, partial.frames), load(data).read(0, partial.frames))


def test_other_layers_are_not_read():
    layer_two = (b"\xff\xfd\x80\x00" + bytes(413)) * 20
    with pytest.raises(UnsupportedFormatError):
        load(layer_two)


@pytest.mark.parametrize("tag_bytes", [100, 10_000])
def test_any_number_of_empty_tags_at_the_end_does_no_harm(tag_bytes, mp3, mp3_frames, monkeypatch):
    data = mp3("AVERAGE")
    bare = data[mp3_frames(data)[0][1] :]
    wanted = load(bare).digest
    monkeypatch.setattr(mpeg, "_TAG_BYTES", tag_bytes)
    assert load(bare).digest == wanted
    pieces = list(mpeg._lengthened(iter([b"audio"]), 3 * tag_bytes - 1))
    assert pieces[0] == b"audio"
    assert pieces[1][:6] == b"ID3\x04\0\0"
    assert pieces[1][6:] == bytes([0, 0, tag_bytes >> 7, tag_bytes & 0x7F])
    assert pieces[2::2] == [tag_bytes] * 3


def test_the_copy_takes_little_room(mp3, mp3_frames):
    """The silent frames in the middle are short, so that the guess of a file that begins with one is high."""
    frames = mp3_frames(mp3("VARIABLE"))
    data = mp3("VARIABLE")[frames[1][0] :] * 20
    descriptor = anonymous_file([data])
    mended = mpeg.mend(descriptor)
    assert mended.descriptor != descriptor
    status = os.fstat(mended.descriptor)
    assert status.st_size > 1.5 * len(data)
    assert status.st_blocks * 512 < len(data) + 100_000
