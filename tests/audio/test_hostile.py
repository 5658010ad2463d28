"""Files made to harm: the odd WAVs that scipy tests its own reader with, and damaged files of every kind."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from audiocache_nb.audio.ingest import load
from audiocache_nb.errors import UnsupportedFormatError

BROKEN = {"early-eof-no-data", "incomplete-chunk", "36bit", "45bit", "53bit", "64bit"}


def scipy_wavs():
    found = importlib.util.find_spec("scipy")
    if found is None or not found.submodule_search_locations:
        return []
    folder = pathlib.Path(found.submodule_search_locations[0]) / "io" / "tests" / "data"
    return sorted(folder.glob("*.wav"))


def rate_of(path: pathlib.Path) -> int:
    """The rate that the header says, which one old file's name does not."""
    content = path.read_bytes()
    body = content.index(b"fmt ") + 8
    return int.from_bytes(content[body + 4 : body + 8], "big" if content[:4] == b"RIFX" else "little")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", scipy_wavs() or [None], ids=lambda path: path.stem if path else "absent")
def test_every_odd_wav_ends_in_a_truthful_source_or_a_typed_error(path):
    if path is None:
        pytest.skip("this scipy comes without its tests")
    if any(path.stem.endswith(kind) for kind in BROKEN) and "float" not in path.stem:
        with pytest.raises(UnsupportedFormatError) as caught:
            load(path)
        assert "does not exist" not in str(caught.value)
        return
    source = load(path)
    health = source.health
    assert (source.sample_rate, source.channels) == (rate_of(path), channels_of(path))
    assert source.frames == health.decoded_frames
    if "early-eof" in path.stem:
        assert str(health).startswith(f"truncated: decoded {source.frames:,} of 4,410 frames")
    else:
        assert not health.truncated
    samples = source.read(0, source.frames)
    assert health.peak == np.abs(samples).max()
    np.testing.assert_allclose(health.dc_offset, samples.mean(axis=0), atol=1e-6)
    assert health.clipped_samples == (np.abs(samples) >= health.clip_level).sum()
    check_against_scipy(path, samples)


def channels_of(path):
    return next(int(part[:-2]) for part in path.stem.split("-") if part.endswith("ch"))


def check_against_scipy(path, samples):
    from scipy.io import wavfile

    if any(kind in path.stem for kind in ("ulaw", "early-eof", "rf64", "inconsistent", "5bit")):
        return  # scipy reads these not at all, or otherwise
    _, theirs = wavfile.read(path)
    theirs = theirs.reshape(len(theirs), -1)
    if theirs.dtype == np.uint8:
        theirs = (theirs.astype(float) - 128) / 128
    elif theirs.dtype.kind == "i":
        theirs = theirs / 2.0 ** (8 * theirs.dtype.itemsize - 1)
    np.testing.assert_allclose(samples, theirs, atol=2**-15)


FUZZ = """
import io, random, sys
import numpy as np, soundfile
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.survey import survey
from audiocache_nb.errors import AudioCacheError

container, subtype = sys.argv[1:]
samples = np.random.default_rng(0).standard_normal((3000, 2)) * 0.1
file = io.BytesIO()
soundfile.write(file, samples, 48000, format=container, subtype=subtype)
whole = file.getvalue()
random.seed(1)
for _ in range(60):
    data = bytearray(whole)
    reach = random.choice([64, 300, len(data)])
    place = random.randrange(min(reach, len(data) - 4))
    kind = random.randrange(4)
    if kind == 0:
        for _ in range(random.randrange(1, 8)):
            data[random.randrange(min(reach, len(data)))] = random.randrange(256)
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        data[place:place] = random.randbytes(random.randrange(1, 40))
    else:
        data[place : place + 4] = random.choice([b"\\xff" * 4, b"\\x7f\\xff\\xff\\xff", bytes(4), b"\\0\\0\\0\\x80"])
    try:
        source = load(bytes(data), nonfinite="zero", allow_partial=random.random() < 0.5)
    except AudioCacheError as error:
        assert "does not exist" not in str(error)
        continue
    str(source.health).encode()
    reader = source.open()
    again = survey(reader, sample_rate=source.sample_rate, channels=source.channels, block_samples=999)
    reader.close()
    assert again.digest == source.digest
    step = source.frames // 3 + 1
    pieces = [source.read(start, step) for start in range(0, source.frames, step)]
    if pieces:
        assert load(np.concatenate(pieces), sample_rate=source.sample_rate).digest == source.digest
"""


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "FLOAT"),
        ("WAV", "IMA_ADPCM"),
        ("RF64", "PCM_24"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
        ("CAF", "ALAC_16"),
    ],
)
def test_damaged_files_end_in_the_same_samples_again_or_in_a_typed_error(container, subtype):
    """In a process of its own: what is tested is our code, not the decoder's."""
    run = subprocess.run(
        [sys.executable, "-c", FUZZ, container, subtype], capture_output=True, text=True, errors="replace", check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
