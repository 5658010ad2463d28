"""Recordings at another sample rate, against scipy's and soxr's resampling of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.resampled import CUTOFF, HALF_LENGTH, STOP_DB, at_rate
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.errors import AudioLimitError, SourceChangedError
from audiocache_nb.testing.passes import streamed

RATES = [(44100, 22050), (44100, 16000), (48000, 44100), (22050, 44100), (8000, 48000), (192000, 8000)]
ODD = [(44100, 16001), (44056, 22050), (11025, 47999)]  # so many weights that they are interpolated


def noise(frames: int, channels: int = 2) -> np.ndarray:
    """Something with all frequencies."""
    return (np.random.default_rng(frames).standard_normal((frames, channels)) * 0.2).astype(np.float32)


def by_scipy(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same filter, as scipy applies it to the whole recording."""
    from scipy.signal import firwin, resample_poly

    up, down = wanted // np.gcd(rate, wanted), rate // np.gcd(rate, wanted)
    longest = max(up, down)
    taps = firwin(2 * HALF_LENGTH * longest + 1, 2 * CUTOFF / longest, window=("kaiser", 0.1102 * (STOP_DB - 8.7)))
    return resample_poly(samples.astype(np.float64), up, down, axis=0, window=taps)


@pytest.mark.parametrize(("rate", "wanted"), [*RATES, *ODD])
def test_numbers_are_those_of_scipy(rate: int, wanted: int) -> None:
    samples = noise(20000 if rate < 100000 else 60000)
    heard = at_rate(load(samples, sample_rate=rate), wanted)
    expected = by_scipy(samples, rate, wanted)
    assert heard.frames == len(expected)
    assert heard.sample_rate == wanted
    got = heard.read(0, heard.frames)
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() < (5e-6 if (rate, wanted) in RATES else 2e-5)


@pytest.mark.parametrize(("rate", "wanted"), RATES[:4])
def test_a_tone_stays_where_it_was_and_what_cannot_be_heard_any_more_is_gone(rate: int, wanted: int) -> None:
    lower = min(rate, wanted)
    for share, level in ((0.05, 1.0), (0.45, 1.0), (0.55, 0.0)):
        hertz = share * lower
        if hertz >= rate / 2:
            continue
        tone = np.sin(2 * np.pi * hertz * np.arange(rate) / rate)
        heard = at_rate(load(tone.astype(np.float32), sample_rate=rate), wanted)
        got = heard.read(0, heard.frames)[:, 0]
        expected = level * np.sin(2 * np.pi * hertz * np.arange(len(got)) / wanted)
        inner = slice(len(got) // 4, -len(got) // 4)
        assert np.abs(got - expected)[inner].max() < 2e-5


def test_music_is_what_soxr_makes_of_it(recording) -> None:
    librosa = pytest.importorskip("librosa")
    source = load(recording("trumpet_90bpm.ogg"))
    seconds = 10
    samples = source.read(0, seconds * source.sample_rate)[:, 0]
    heard = at_rate(load(samples, sample_rate=source.sample_rate), 16000)
    theirs = librosa.resample(samples, orig_sr=source.sample_rate, target_sr=16000, res_type="soxr_vhq")
    got = heard.read(0, heard.frames)[:, 0]
    assert len(got) == len(theirs)
    # The two differ in how they end at the top of the band only.
    spectrum = np.abs(np.fft.rfft(got - theirs)) / np.abs(np.fft.rfft(theirs)).max()
    assert spectrum[: int(0.9 * len(spectrum))].max() < 1e-4


@given(data=st.data(), wanted=st.sampled_from([22050, 16000, 48000, 12345]), channels=st.sampled_from([1, 2, 3]))
def test_pieces_are_the_whole_exactly(data, wanted: int, channels: int) -> None:
    frames = data.draw(st.integers(0, 30000))
    source = load(noise(frames, channels), sample_rate=44100)
    heard = at_rate(streamed(source, data.draw(st.integers(1, 9999))) if frames else source, wanted)
    whole = heard.read(0, heard.frames)
    assert len(whole) == heard.frames == -(-frames * wanted // 44100)
    reader = heard.open()
    place = 0
    while place < heard.frames:
        if data.draw(st.booleans()):
            place = data.draw(st.integers(0, heard.frames))
            reader.seek(place)
        piece = reader.read(data.draw(st.integers(1, 20000)))
        assert np.array_equal(piece, whole[place : place + len(piece)])
        place += len(piece)
        if not len(piece):
            break
    assert place == heard.frames
    assert len(reader.read(10)) == 0


@pytest.mark.parametrize("frames", [0, 1, 2, 100])
def test_few_samples(frames: int) -> None:
    source = load(np.ones(frames, np.float32) * 0.5, sample_rate=44100)
    for wanted in (1000, 22050, 16001, 192000):
        heard = at_rate(source, wanted)
        assert heard.read(0, heard.frames).shape == (-(-frames * wanted // 44100), 1)


def test_silence_and_dc() -> None:
    for level in (0.0, 0.25):
        heard = at_rate(load(np.full(20000, level, np.float32), sample_rate=44100), 16000)
        assert heard.read(2000, 3000) == pytest.approx(level, abs=1e-6)


def test_its_own_rate_is_itself_and_other_rates_have_other_recipes() -> None:
    source = load(noise(100), sample_rate=44100)
    assert at_rate(source, None) is source
    assert at_rate(source, 44100) is source
    heard = at_rate(source, 22050)
    assert heard.digest == source.digest
    assert heard.id == source.id
    assert heard.duration == pytest.approx(source.duration, abs=1 / 22050)
    assert heard.decode["resampled_from"] == 44100
    with pytest.raises(AudioLimitError, match="999 Hz"):
        at_rate(source, 999)


def test_a_recording_that_ends_early_is_noticed() -> None:
    """The reader gives less than was promised: nothing is made up for what is missing."""

    class Short:
        def __init__(self) -> None:
            self.left = 5000

        def read(self, frames: int) -> np.ndarray:
            n = min(frames, self.left)
            self.left -= n
            return np.zeros((n, 1), np.float32)

        def seek(self, frame: int) -> None: ...
        def close(self) -> None: ...

    source = AudioSource.from_reader(
        Short, sample_rate=44100, channels=1, frames=100_000, digest="sha256:00", name="short"
    )
    with pytest.raises(SourceChangedError):
        at_rate(source, 22050).read(0, 50_000)
