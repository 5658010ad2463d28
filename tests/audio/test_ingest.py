from __future__ import annotations

import io
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import tracemalloc

import numpy as np
import pytest
import soundfile

from audiocache_nb.audio import ingest
from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import (
    AudioCacheError,
    AudioLimitError,
    InvalidParameterError,
    InvalidTypeError,
    NonFiniteAudioError,
    SourceChangedError,
    SourceMissingError,
    UnsupportedFormatError,
)

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


@pytest.fixture
def song(tmp_path, encoded):
    path = tmp_path / "song.wav"
    path.write_bytes(encoded("WAV", "PCM_16"))
    return path


def test_a01_no_samples(encoded, sound):
    for shape, channels in [((0,), 1), ((0, 2), 2), ((0, 64), 64)]:
        source = load(np.zeros(shape), sample_rate=44100)
        assert (source.frames, source.channels, source.duration) == (0, channels, 0.0)
        assert str(source.health) == "empty: no samples"
        assert source.read(0, 10).shape == (0, channels)
    for container in ("WAV", "AIFF", "CAF", "W64", "RF64"):
        source = load(encoded(container, "PCM_16", sound(0)))
        assert (source.frames, source.channels) == (0, 2)
        assert str(source.health) == "empty: no samples"
        reader = source.open()
        assert reader.read(100).shape == (0, 2)
        reader.close()


@pytest.mark.parametrize("frames", [1, 2, 3, 100, 2047, 2048, 2049])
def test_a02_few_samples(frames, encoded, sound):
    samples = sound(frames)
    held, streamed = load(samples, sample_rate=44100), load(encoded("WAV", "FLOAT", samples))
    assert held.frames == streamed.frames == frames
    assert held.digest == streamed.digest
    assert np.isfinite(held.health.dc_offset).all()
    np.testing.assert_array_equal(streamed.read(0, frames), samples)


@pytest.fixture(params=["array", "wav"])
def broken(request, encoded, sound):
    """Sound with two NaN and one infinite sample, in memory or in a file."""
    samples = sound(70_000)
    samples[66_000, 1] = np.nan
    samples[66_000, 0] = -np.inf
    samples[69_999, 0] = np.nan
    clean = np.where(np.isfinite(samples), samples, 0)
    return (
        {"source": samples, "sample_rate": 44100}
        if request.param == "array"
        else {"source": encoded("WAV", "FLOAT", samples)}
    ), clean


def test_a03_nan_and_infinity_are_refused(broken):
    arguments, _ = broken
    with pytest.raises(NonFiniteAudioError) as caught:
        load(**arguments)
    assert caught.value.context == {"count": 3, "first_index": 66_000}
    assert 'nonfinite="zero"' in caught.value.hint
    assert "3 NaN or infinite samples, the first in frame 66,000" in str(caught.value)


def test_a03_or_set_to_zero_when_asked(broken):
    arguments, clean = broken
    source = load(**arguments, nonfinite="zero")
    assert str(source.health) == "3 NaN or infinite samples set to zero"
    np.testing.assert_array_equal(source.read(0, 70_000), clean)
    assert source.digest == load(clean, sample_rate=44100).digest
    source.check()
    reader = source.open()
    while len(block := reader.read(999)):
        assert np.isfinite(block).all()
    reader.close()


def test_a03_nonfinite_is_one_of_two():
    with pytest.raises(InvalidParameterError, match="'drop'"):
        load(np.zeros(3), sample_rate=8000, nonfinite="drop")


def long_wav(path, *, hours, rate_hz, channels, bits):
    """A sparse file: only its header takes room on the disk."""
    frames = hours * 3600 * rate_hz
    align = channels * bits // 8
    size = frames * align
    fmt = struct.pack("<HHIIHH", 3 if bits == 32 else 1, channels, rate_hz, rate_hz * align, align, bits)
    with path.open("wb") as file:
        file.write(b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, size + 72, size, frames, 0))
        file.write(b"fmt " + struct.pack("<I", 16) + fmt + b"data\xff\xff\xff\xff")
        file.truncate(file.tell() + size)
    return frames


def test_a06_twelve_hours_from_beginning_to_end(tmp_path):
    path = tmp_path / "night.wav"
    frames = long_wav(path, hours=12, rate_hz=1000, channels=1, bits=16)
    tracemalloc.start()
    try:
        source = load(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert source.frames == frames == 43_200_000
    assert source.duration == 12 * 3600
    assert str(source.health) == "silent: every sample is zero"
    assert peak_bytes < 24e6
    assert source.read(frames - 5, 100).shape == (5, 1)


def test_a06_twelve_hours_of_stereo_can_be_given_up(tmp_path):
    path = tmp_path / "night.wav"
    frames = long_wav(path, hours=12, rate_hz=44_100, channels=2, bits=32)
    assert path.stat().st_size > 15e9
    calls = []

    def give_up(done, promised):
        calls.append(done)
        assert promised == frames == 1_905_120_000
        if len(calls) == 20:
            raise KeyboardInterrupt

    tracemalloc.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            load(path, on_block=give_up)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(np.diff(calls)) * 2 <= 1 << 19
    assert peak_bytes < 24e6


def test_a18_one_digest_for_one_sound(song, tmp_path, encoded):
    samples, _ = soundfile.read(song, dtype="int16")
    wanted = load(song).digest
    shutil.copy(song, tmp_path / "copy.wav")
    os.link(song, tmp_path / "hard.wav")
    (tmp_path / "soft.wav").symlink_to(song)
    others = [
        tmp_path / "copy.wav",
        str(tmp_path / "hard.wav"),
        tmp_path / "soft.wav",
        tmp_path / "." / "soft.wav",
        song.read_bytes(),
        bytearray(song.read_bytes()),
        memoryview(song.read_bytes()),
        io.BytesIO(song.read_bytes()),
    ]
    assert {load(other).digest for other in others} == {wanted}
    for container, subtype in [
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("AIFF", "PCM_16"),
        ("W64", "FLOAT"),
        ("CAF", "DOUBLE"),
        ("RF64", "PCM_32"),
        ("CAF", "ALAC_16"),
    ]:
        stored = samples / 32768 if subtype in {"FLOAT", "DOUBLE"} else samples
        assert load(encoded(container, subtype, stored)).digest == wanted
    for values in (samples, samples / 32768, samples.astype(">i4") * 65536, np.asfortranarray(samples)):
        assert load(values, sample_rate=44100).digest == wanted


def test_a18_scipy_reads_the_same_sound(song):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    rate_hz, samples = wavfile.read(song)
    assert load(samples, sample_rate=rate_hz).digest == load(song).digest


HOSTILE_NAMES = [
    "naïve cafe\u0301.wav",
    "日本語.wav",
    "🎧.wav",
    "a\u202egpj.wav",
    "שלום.wav",
    "two\nlines.wav",
    "-rf.wav",
    " ' \" ; $(echo) `ls`.wav",
    "</script><img src=x onerror=alert(1)>.wav".replace("/", "\u2215"),
    "%s{0}.wav",
    "x" * 240 + ".wav",
]


@posix
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a19_hostile_names(name, song, tmp_path):
    folder = tmp_path / "named"
    folder.mkdir()
    path = folder / name
    shutil.copy(song, path)
    source = load(str(path))
    assert source.digest == load(song).digest
    source.check()
    assert len(source.read(0, 10)) == 10
    source.name.encode("utf-8")
    assert len(source.name) <= 200
    assert "\n" not in source.name
    assert "\u202e" not in source.name


@posix
def test_a19_a_name_that_is_no_utf8(song, tmp_path):
    path = os.fsencode(tmp_path) + b"/bad\xff.wav"
    try:
        shutil.copy(os.fsencode(song), path)
    except OSError:
        pytest.skip("this file system wants UTF-8")
    source = load(pathlib.Path(os.fsdecode(path)))
    assert source.name == "bad⟨U+DCFF⟩.wav"
    assert len(source.read(0, 10)) == 10
    pathlib.Path(os.fsdecode(path)).write_bytes(b"")
    with pytest.raises(UnsupportedFormatError, match="empty") as caught:
        load(os.fsdecode(path))
    str(caught.value).encode("utf-8")


def test_file_objects_of_many_kinds(song):
    wanted = load(song).digest
    with song.open("rb") as file:
        source = load(file)
        assert source.name == "song.wav"
        assert not file.closed
    with tempfile.TemporaryFile() as file:
        file.write(song.read_bytes())
        with pytest.raises(UnsupportedFormatError, match="empty") as caught:
            load(file)
        assert "seek(0)" in caught.value.hint
        file.seek(0)
        assert load(file).digest == wanted
    assert source.digest == wanted
    assert source.path is None
    song.unlink()
    source.check()
    assert source.read(0, 100).shape == (100, 2)


def test_file_objects_that_cannot_be_used(song):
    with song.open(encoding="latin-1") as file, pytest.raises(InvalidTypeError, match="gives str") as caught:
        load(file)
    assert '"rb"' in caught.value.hint
    with song.open("ab") as file, pytest.raises(SourceMissingError, match="could not be read"):
        load(file)
    closed = io.BytesIO(b"RIFF")
    closed.close()
    with pytest.raises(SourceMissingError, match="closed file"):
        load(closed)


def test_too_much_for_memory(monkeypatch, song):
    monkeypatch.setattr(ingest, "MAX_MEMORY_BYTES", 1000)
    for source in (song.read_bytes(), io.BytesIO(song.read_bytes())):
        with pytest.raises(AudioLimitError) as caught:
            load(source)
        assert "path" in caught.value.hint
    assert load(song).frames == 20_000


def test_names(song):
    assert load(song).name == "song.wav"
    assert load(song, name="My song").name == "My song"
    assert load(song.read_bytes()).name == "audio"
    assert load(np.zeros(3), sample_rate=8000).name == "array"
    with pytest.raises(InvalidTypeError):
        load(song, name=3)


def test_a_source_is_taken_as_it_is(song):
    source = load(song)
    assert load(source) is source
    renamed = load(source, name="other")
    assert (renamed.name, renamed.id, renamed.path) == ("other", source.id, source.path)
    assert len(renamed.read(0, 5)) == 5


def test_sample_rate_of_a_file(song):
    assert load(song, sample_rate=44100).sample_rate == 44100
    with pytest.raises(InvalidParameterError, match="44,100 Hz, not 48,000"):
        load(song, sample_rate=48000)
    with pytest.raises(AudioLimitError):
        load(song, sample_rate=1)


def test_sample_rate_of_an_array():
    with pytest.raises(InvalidParameterError, match="not known"):
        load(np.zeros(3))
    assert load((np.zeros(3), 8000)).sample_rate == 8000
    assert load((np.zeros(3), 8000), sample_rate=8000).sample_rate == 8000
    with pytest.raises(InvalidParameterError, match="Two different"):
        load((np.zeros(3), 8000), sample_rate=44100)


@pytest.mark.parametrize("source", [None, 3, object(), {}, {"a": 1}, print, b"", "", bytearray()])
def test_what_cannot_be_audio_is_a_typed_error(source):
    with pytest.raises(AudioCacheError):
        load(source, sample_rate=8000)


def test_a16_a_file_that_grows_while_it_is_read(song):
    def grow(done, promised):
        with song.open("ab") as file:
            file.write(bytes(1000))

    with pytest.raises(SourceChangedError, match="written to while"):
        load(song, on_block=grow)


def test_files_are_not_held_in_memory(song):
    source = load(song)
    assert source.array is None
    assert source.path == song
    assert dict(source.decode) == {
        "decoder": "libsndfile",
        "version": soundfile.__libsndfile_version__,
        "format": "WAV",
        "subtype": "PCM_16",
    }


def test_nothing_stays_open(song, open_descriptors):
    before = open_descriptors()
    source = load(song)
    assert open_descriptors() == before
    reader = source.open()
    assert open_descriptors() == before + 1
    reader.close()
    assert open_descriptors() == before


def test_libsndfile_is_loaded_with_the_first_file_only():
    program = (
        "import sys, audiocache_nb.audio as audio\n"
        "assert 'soundfile' not in sys.modules\n"
        "audio.load([0.0, 0.5], sample_rate=8000)\n"
        "assert 'soundfile' not in sys.modules\n"
        "assert not {'scipy', 'matplotlib', 'ipywidgets'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
