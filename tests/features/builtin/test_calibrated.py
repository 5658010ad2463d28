"""The default calculators: calibrated, per channel, complete; against librosa and scipy."""

from __future__ import annotations

import hypothesis.strategies as st
import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from support.families import compute
from support.passes import CALIBRATED, MVMNT, analyse, held, item_of, noise, streamed

from audiocache_nb.features.builtin.channels import channel_names
from audiocache_nb.features.calculator import window_values
from audiocache_nb.features.profile import WINDOWS, AnalysisProfile

RATES = [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000]
DB, LINEAR = 1e-3, 1e-6


def librosa_levels(mono: np.ndarray, profile: AnalysisProfile) -> np.ndarray:
    """The spectrogram's formula on librosa's transform, in float64."""
    size, window = profile.transform_size, profile.window_size
    # librosa centres its transform; ours centres the window and pads behind it, which is the same magnitude
    transform = librosa.stft(
        mono.astype(np.float64),
        n_fft=size,
        hop_length=profile.hop_size,
        win_length=window,
        window=profile.window,
        pad_mode="constant",
    )
    amplitude = np.abs(transform.T) * 2 / scipy.signal.get_window(profile.window, window).sum()
    amplitude[:, 0] /= 2
    if size % 2 == 0:
        amplitude[:, -1] /= 2
    return np.clip(20 * np.log10(np.maximum(amplitude, 1e-30)), profile.min_decibels, profile.max_decibels)


def mono_of(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float64).mean(axis=1)


# --- spectrogram ----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("size", [2, 3, 16, 64, 1000, 1001])
def test_windows_are_those_of_scipy(window, periodic, size):
    want = scipy.signal.get_window(window, size, fftbins=periodic)
    np.testing.assert_allclose(window_values(window, size, periodic=periodic), want, atol=1e-14)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("size", "hop"), [(2048, 512), (512, 128), (1024, 1000), (256, 300), (1000, 250)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_spectrogram_is_librosa_s(window, size, hop, channels):
    samples = noise(9000, channels)
    profile = AnalysisProfile(window_size=size, hop_size=hop, window=window)
    for source in (held(samples), streamed(samples, piece=999)):
        levels = analyse(source, ["spectrogram"], profile).data("spectrogram")
        np.testing.assert_allclose(levels, librosa_levels(mono_of(samples), profile), rtol=0, atol=DB)


def test_a_longer_transform_reads_the_same_levels_in_between():
    """Zero-padding interpolates the spectrum: every fourth bin of a transform four times as long is a bin of it."""
    samples = noise(6000)
    plain = analyse(held(samples), ["spectrogram"]).data("spectrogram")
    longer = analyse(held(samples), ["spectrogram"], AnalysisProfile(fft_size=8192)).data("spectrogram")
    np.testing.assert_allclose(longer[:, 4:-4:4], plain[:, 1:-1], rtol=0, atol=DB)


def test_an_odd_transform_has_no_bin_at_half_the_rate():
    samples = noise(3000)
    profile = AnalysisProfile(window_size=401, hop_size=100, fft_size=401)
    levels = analyse(held(samples), ["spectrogram"], profile).data("spectrogram")
    padded = np.concatenate([np.zeros(200), samples[:, 0], np.zeros(401)])
    frames = np.stack([padded[k * 100 : k * 100 + 401] for k in range(31)])
    taper = scipy.signal.get_window("hann", 401)
    amplitude = np.abs(np.fft.rfft(frames * taper, axis=1)) * 2 / taper.sum()
    amplitude[:, 0] /= 2
    np.testing.assert_allclose(levels, np.clip(20 * np.log10(np.maximum(amplitude, 1e-30)), -80, 0), rtol=0, atol=DB)


@pytest.mark.parametrize("name", ["loop_mika_120bpm.flac", "trumpet_90bpm.ogg", "speech_jfk_24bit.flac"])
def test_the_spectrogram_of_a_real_recording_is_librosa_s(recording, name):
    samples, rate = soundfile.read(recording(name), dtype="float32", always_2d=True, frames=4 * 44100)
    levels = analyse(held(samples, rate), ["spectrogram"]).data("spectrogram")
    np.testing.assert_allclose(levels, librosa_levels(mono_of(samples), AnalysisProfile()), rtol=0, atol=DB)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("rate", RATES)
def test_d25_a_sine_at_full_scale_reads_0_db(window, rate):
    n = np.arange(8192)
    sine = np.sin(2 * np.pi * 100 * n / 2048 + 0.3)
    levels = analyse(held(sine, rate), ["spectrogram"], AnalysisProfile(window=window, max_decibels=10))
    inside = levels.data("spectrogram")[3:-3]
    np.testing.assert_allclose(inside.max(axis=1), 0, atol=DB)
    assert set(inside.argmax(axis=1)) == {100}
    assert levels.tracks["spectrogram"].coords["bin"][100] == pytest.approx(100 * rate / 2048)


@pytest.mark.parametrize("level", [0.0, -6.0, -20.0, -60.0])
def test_d25_a_sine_reads_its_level(level):
    sine = 10 ** (level / 20) * np.cos(2 * np.pi * 64 * np.arange(6000) / 2048)
    levels = analyse(held(sine), ["spectrogram"]).data("spectrogram")
    np.testing.assert_allclose(levels[3:-3, 64], level, atol=0.01)


def test_d25_direct_current_and_half_the_rate_are_not_doubled():
    constant = analyse(held(np.ones(8192)), ["spectrogram"], AnalysisProfile(max_decibels=10)).data("spectrogram")
    np.testing.assert_allclose(constant[3:-3, 0], 0, atol=DB)
    fastest = np.resize([1.0, -1.0], 8192)
    edge = analyse(held(fastest), ["spectrogram"], AnalysisProfile(max_decibels=10)).data("spectrogram")
    np.testing.assert_allclose(edge[3:-3, -1], 0, atol=DB)


# --- rms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "hop"), [(2048, 512), (512, 128), (1000, 300), (256, 256), (512, 700)])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_rms_is_librosa_s_for_every_channel(size, hop, channels):
    samples = noise(9000, channels)
    profile = AnalysisProfile(window_size=size, hop_size=hop)
    for source in (held(samples), streamed(samples, piece=999)):
        found = analyse(source, ["rms"], profile).data("rms")
        want = librosa.feature.rms(
            y=samples.T.astype(np.float64), frame_length=size, hop_length=hop, center=True, pad_mode="constant"
        )
        np.testing.assert_allclose(found, want[:, 0, :].T, rtol=0, atol=LINEAR)


@pytest.mark.parametrize("name", ["loop_compus_148bpm.flac", "humpback.ogg"])
def test_rms_of_a_real_recording_is_librosa_s(recording, name):
    samples, rate = soundfile.read(recording(name), dtype="float32", always_2d=True, frames=5 * 44100)
    want = librosa.feature.rms(y=samples.T.astype(np.float64), pad_mode="constant")[:, 0, :].T
    np.testing.assert_allclose(analyse(held(samples, rate), ["rms"]).data("rms"), want, rtol=0, atol=LINEAR)


@settings(max_examples=40)
@given(
    n=st.integers(1, 1500), window=st.integers(2, 200), hop=st.integers(1, 200), channels=st.integers(1, 8),
    gain=st.sampled_from([1, 1e-3, 1e-5]),
)  # fmt: skip
def test_rms_of_any_length_window_and_hop(n, window, hop, channels, gain):
    samples = noise(n, channels) * np.float32(gain)
    found = analyse(held(samples), ["rms"], AnalysisProfile(window_size=window, hop_size=hop)).data("rms")
    padded = np.pad(samples.astype(np.float64), ((window // 2, window), (0, 0)))
    frames = np.stack([padded[k * hop : k * hop + window] for k in range(1 + n // hop)])
    np.testing.assert_allclose(found, np.sqrt(np.mean(frames**2, axis=1)), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("size", "hop"), [(1 << 20, 1 << 20), (1 << 20, 99991), (1 << 17, 1 << 13)])
def test_rms_of_a_long_window_stays_exact(size, hop):
    samples = noise(1 << 21)
    found = analyse(held(samples), ["rms"], AnalysisProfile(window_size=size, hop_size=hop)).data("rms")
    padded = np.pad(samples[:, 0].astype(np.float64), (size // 2, size))
    want = [np.sqrt(np.mean(padded[k * hop : k * hop + size] ** 2)) for k in range(len(found))]
    np.testing.assert_allclose(found[:, 0], want, rtol=1e-6)


def test_d25_a_square_at_full_scale_has_rms_1():
    square = np.resize(np.repeat([1.0, -1.0], 50), 9000)
    np.testing.assert_allclose(analyse(held(square), ["rms"]).data("rms")[3:-3], 1, atol=LINEAR)


@pytest.mark.parametrize("gain", [1.0, 0.5, 1e-3])
def test_rms_in_decibels_re_full_scale(gain):
    samples = gain * np.stack([np.sin(2 * np.pi * 64 * np.arange(9000) / 2048), np.ones(9000)], axis=1)
    track = compute(held(samples.astype(np.float32)), "rms", scale="dBFS")
    assert (track.unit, track.fill_value) == ("dB", -120)
    level_db = 20 * np.log10(gain)
    np.testing.assert_allclose(
        track.data[4:-4], np.tile([level_db - 3.0103, level_db], (len(track.data) - 8, 1)), atol=DB
    )
    assert (compute(held(np.zeros((5000, 2))), "rms", scale="dBFS").data == -120).all()
    linear = compute(held(samples.astype(np.float32)), "rms")
    assert (linear.unit, linear.fill_value, linear.key != track.key) == ("", 0, True)


# --- waveform -------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(n=st.integers(1, 3000), hop=st.integers(1, 600), channels=st.integers(1, 8), size=st.integers(1, 4000))
def test_the_waveform_is_the_extremes_of_every_cell(n, hop, channels, size):
    samples = noise(n, channels)
    found = analyse(held(samples), ["waveform"], AnalysisProfile(hop_size=hop), size=size)
    cell = max(1, hop // 8)
    want = [
        np.stack([samples[at : at + cell].min(axis=0), samples[at : at + cell].max(axis=0)], axis=1)
        for at in range(0, n, cell)
    ]
    np.testing.assert_array_equal(found.data("waveform"), want)
    assert found.tracks["waveform"].hop_seconds == cell / 44100


# --- what they have in common ---------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 100, 511, 512, 2047, 2048, 2049, 2500, 5000])
@pytest.mark.parametrize("name", CALIBRATED)
def test_d24_the_tail_is_analysed(name, n):
    """The last sample alone changes the result; in the original, up to a hop of samples did not."""
    quiet = np.zeros(n)
    click = quiet.copy()
    click[-1] = 1
    before, after = (analyse(held(samples), [name]).data(name) for samples in (quiet, click))
    assert before.shape == after.shape
    assert not np.array_equal(before, after)


def test_d24_the_original_s_calculators_leave_the_tail_out_as_they_always_did():
    click = np.zeros(2559)
    click[-1] = 1
    assert analyse(held(click), ["mvmnt.rms"]).data("mvmnt.rms").max() == 0


@pytest.mark.parametrize("n", [0, 1, 2, 511, 512, 2047, 2048])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_short_recordings(n, channels):
    source = streamed(noise(n, channels))
    found = analyse(source, [*CALIBRATED, *MVMNT])
    frames = 1 + n // 512 if n else 0
    assert found.data("spectrogram").shape == (frames, 1025)
    assert found.data("rms").shape == (frames, channels)
    assert found.data("waveform").shape == (-(-n // 64), channels, 2)
    assert all(np.isfinite(track.data).all() for track in found.tracks.values())


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", range(1, 9))
def test_rates_and_numbers_of_channels(rate, channels):
    samples = noise(max(3000, rate // 10), channels)
    found = analyse(held(samples, rate), CALIBRATED)
    duration = len(samples) / rate
    for track in found.tracks.values():
        assert track.times_s[0] == 0
        assert track.times_s[-1] <= duration < track.times_s[-1] + track.hop_seconds + 1e-9
    assert list(found.tracks["rms"].coords["channel"]) == list(channel_names(channels))
    assert found.tracks["waveform"].data.shape[1] == channels
    np.testing.assert_allclose(found.tracks["spectrogram"].coords["bin"][-1], rate / 2)
    np.testing.assert_allclose(
        found.data("spectrogram"), librosa_levels(mono_of(samples), AnalysisProfile()), rtol=0, atol=DB
    )


def test_channels_have_their_conventional_names():
    assert [list(channel_names(n)) for n in (1, 2, 3)] == [["Mono"], ["Left", "Right"], ["Left", "Right", "Center"]]
    assert list(channel_names(4)) == ["Front Left", "Front Right", "Rear Left", "Rear Right"]
    assert list(channel_names(6)) == [f"Channel {n}" for n in range(1, 7)]


def test_d17_every_channel_that_is_named_is_there():
    samples = np.stack([np.full(5000, 0.5), np.full(5000, 0.25)], axis=1)
    found = analyse(held(samples), ["rms", "waveform"])
    for name in ("rms", "waveform"):
        track = found.tracks[name]
        assert len(track.coords["channel"]) == track.data.shape[1] == 2
    np.testing.assert_allclose(found.data("rms")[4], [0.5, 0.25], rtol=1e-6)


def test_anti_phase_channels_cancel_in_the_mix_only():
    tone = 0.5 * np.sin(2 * np.pi * 64 * np.arange(8192) / 2048)
    found = analyse(held(np.stack([tone, -tone], axis=1)), CALIBRATED)
    assert found.data("spectrogram").max() == -80
    np.testing.assert_allclose(found.data("rms")[4:-4], 0.5 / np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(found.data("waveform").max(), 0.5, rtol=1e-6)


def test_a_frame_is_centred_at_its_time():
    click = np.zeros(20000)
    click[7168] = 1  # 14 hops
    found = analyse(held(click), ["spectrogram", "rms"])
    energy = found.data("rms")[:, 0]
    assert set(np.flatnonzero(energy)) == {12, 13, 14, 15, 16} - {12 if energy[12] == 0 else 16}
    assert found.data("spectrogram")[:, 300].argmax() == 14
    assert {track.alignment for track in found.tracks.values()} == {"center"}


def test_silence_reads_the_lowest_level():
    profile = AnalysisProfile(min_decibels=-60)
    found = analyse(held(np.zeros(5000)), CALIBRATED, profile)
    assert set(np.unique(found.data("spectrogram"))) == {-60.0}
    assert found.tracks["spectrogram"].fill_value == -60
    assert not found.data("rms").any()
    assert not found.data("waveform").any()


def test_samples_beyond_full_scale_stay_finite():
    found = analyse(held(noise(5000) * 1e6), CALIBRATED)
    assert found.data("spectrogram").max() == 0
    assert found.data("rms").max() > 1e5


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("spectrogram", {"window_size", "hop_size", "fft_size", "window", "min_decibels", "max_decibels"}),
        ("rms", {"window_size", "hop_size", "scale"}),
        ("waveform", {"cell_samples"}),
    ],
)
def test_only_what_changes_the_numbers_is_in_the_key(name, used):
    assert set(item_of(held(noise(100)), name).used) == used


def test_a_transform_size_that_is_the_default_is_no_other_result():
    source = held(noise(100))
    assert item_of(source, "spectrogram", AnalysisProfile(fft_size=2048)).key == item_of(source, "spectrogram").key
    assert item_of(source, "waveform", AnalysisProfile(hop_size=515)).key == item_of(source, "waveform").key


def test_tracks_are_frozen():
    for track in analyse(held(noise(5000, 2)), [*CALIBRATED, *MVMNT]).tracks.values():
        for array in (track.data, track.times_s, *track.coords.values()):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
