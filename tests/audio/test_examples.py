"""The examples: their truth is verified by analysis that does not share a line with their synthesis."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from audiocache_nb.audio import examples
from audiocache_nb.audio.synthesis import noise
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.timing import TempoMap

NAMES = examples.list()


def mono(name: str) -> tuple[np.ndarray, int]:
    samples, rate = examples.load(name)
    return (samples.mean(axis=1) if samples.ndim == 2 else samples).astype(np.float64), rate


def digest(samples: np.ndarray) -> str:
    """Of 16-bit samples: no machine's last bits reach that far."""
    return hashlib.sha256(np.rint(samples.astype(np.float64) * 32767).astype("<i2").tobytes()).hexdigest()[:16]


# ---- all of them ---------------------------------------------------------------------------------


def test_the_names() -> None:
    assert {"drum-loop", "melody", "chords", "sweep", "vowels", "accelerando", "calibration"} <= set(NAMES)
    names = examples.list()
    names.clear()
    assert examples.list() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_shape_level_and_health(name: str) -> None:
    samples, rate = examples.load(name)
    known = examples.truth(name)
    assert samples.dtype == np.float32
    assert samples.flags.c_contiguous
    assert samples.flags.writeable
    assert (rate, samples.shape[0]) == (known.sample_rate, round(known.duration_s * rate))
    assert (samples.shape[1] if samples.ndim == 2 else 1) == known.channels
    assert 5.0 <= known.duration_s <= 15.0
    peak = float(np.max(np.abs(samples)))
    assert 0.4 < peak < 0.95
    assert abs(float(samples.mean())) < 0.002
    assert np.abs(samples[-8:]).max() < 0.01  # no click at the end
    assert known.name == name
    assert known.description


@pytest.mark.parametrize("name", NAMES)
def test_loading_twice_gives_the_same_and_fresh_samples(name: str) -> None:
    first, _ = examples.load(name)
    before = first.tobytes()
    first[:] = 0
    assert examples.load(name)[0].tobytes() == before


@pytest.mark.parametrize("name", NAMES)
def test_samples_lie_on_a_grid_all_machines_agree_on(name: str) -> None:
    steps = examples.load(name)[0].astype(np.float64) * 2**20
    assert np.array_equal(steps, np.rint(steps))


def test_the_same_samples_as_ever() -> None:
    """A change here is a change of what people have learned with: make it on purpose."""
    assert {name: digest(examples.load(name)[0]) for name in NAMES} == {
        "drum-loop": "9bc80ef553843e7c",
        "melody": "32e385ee196b9e94",
        "chords": "188f513ea09e3107",
        "sweep": "a4aff5731cfb4398",
        "vowels": "b27f09168511cfe7",
        "accelerando": "0a0faeb6b5c964bb",
        "calibration": "df747f8a0193daef",
    }


def test_noise_is_white_and_centred() -> None:
    values = noise(1 << 16, 5)
    assert np.abs(values).max() <= 1.0
    assert abs(values.mean()) < 0.01
    assert values.var() == pytest.approx(1 / 3, rel=0.02)
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.015
    assert abs(np.corrcoef(values, noise(1 << 16, 6))[0, 1]) < 0.015


@pytest.mark.parametrize("name", ["drumloop", "", "nope", None, 3, ["melody"]])
def test_an_unknown_name_is_an_error_that_lists_the_names(name: object) -> None:
    for ask in (examples.load, examples.truth):
        with pytest.raises(InvalidParameterError) as caught:
            ask(name)  # type: ignore[operator]
        assert "melody" in caught.value.hint
    with pytest.raises(InvalidParameterError, match="Did you mean 'drum-loop'"):
        examples.load("drumloop")


def test_truth_by_name_as_a_mapping_and_unchangeable() -> None:
    known = examples.truth("melody")
    assert known["bpm"] == known.bpm == 108.0
    assert "chords" not in known.as_dict()
    assert {"bpm", "notes", "onsets_s", "f0_hz"} <= set(known.as_dict())
    with pytest.raises(KeyError):
        known["as_dict"]
    with pytest.raises(ValueError, match="read-only"):
        known.onsets_s[0] = 1.0


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from audiocache_nb.audio import examples; [examples.load(n) for n in examples.list()];"
        "print({'scipy.signal', 'scipy.fft', 'soundfile'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ---- beats and onsets ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drum-loop", "melody", "chords", "accelerando"])
def test_onsets_are_where_librosa_hears_them(name: str) -> None:
    librosa = pytest.importorskip("librosa")
    samples, rate = mono(name)
    lead = rate // 2  # a detector needs something before the first onset
    heard = librosa.onset.onset_detect(y=np.pad(samples, (lead, 0)), sr=rate, hop_length=256, units="time") - 0.5
    known = examples.truth(name).onsets_s
    assert len(heard) == len(known)
    assert np.max(np.abs(heard - known)) < 0.03


@pytest.mark.parametrize("name", ["drum-loop", "melody"])
def test_tempo_is_what_librosa_finds(name: str) -> None:
    librosa = pytest.importorskip("librosa")
    samples, rate = mono(name)
    tempo, beats = librosa.beat.beat_track(y=samples, sr=rate, units="time")
    known = examples.truth(name)
    assert float(np.ravel(tempo)[0]) == pytest.approx(known.bpm, rel=0.02)
    if name == "drum-loop":
        assert max(np.min(np.abs(known.beats_s - beat)) for beat in beats) < 0.05


@pytest.mark.parametrize("name", ["melody", "accelerando", "calibration"])
def test_sounds_begin_at_their_first_sample(name: str) -> None:
    samples, rate = mono(name)
    known = examples.truth(name)
    for start_s in known.onsets_s:
        start = round(start_s * rate)
        assert start / rate == pytest.approx(start_s, abs=1e-9)
        gap = samples[max(0, start - round(0.002 * rate)) : start]
        begun = np.abs(samples[start : start + round(0.01 * rate)]).max()
        assert np.abs(gap).max(initial=0.0) < max(0.0005, begun / 10)


def test_every_kind_of_drum_is_in_the_loop() -> None:
    known = examples.truth("drum-loop")
    assert {hit.instrument for hit in known.hits} == {"kick", "snare", "hat"}
    assert sorted({hit.start_s for hit in known.hits}) == known.onsets_s.tolist()
    assert [hit.start_s for hit in known.hits if hit.instrument == "snare"][:4] == [0.5, 1.5, 2.5, 3.5]
    samples, rate = examples.load("drum-loop")

    def share_above_5_khz(start_s: float) -> float:
        part = samples[round(start_s * rate) :][: round(0.05 * rate)].mean(axis=1)
        power = np.abs(np.fft.rfft(part)) ** 2
        return float(power[np.fft.rfftfreq(len(part), 1 / rate) > 5000].sum() / power.sum())

    assert share_above_5_khz(0.0) < 0.2  # kick and hat
    assert share_above_5_khz(0.25) > 0.5  # hat, and what is left of the kick
    assert np.abs(samples[:, 0] - samples[:, 1]).max() > 0.05  # it is stereo


def test_the_accelerando_follows_its_tempo_map() -> None:
    known = examples.truth("accelerando")
    assert known.bpm is None
    tempo = TempoMap.of(known.tempo_map)
    assert tempo.seconds_to_ticks(known.beats_s) == pytest.approx(np.arange(len(known.beats_s)) * 960, abs=0.1)
    # beat k of a tempo that goes linearly from b0 to b1 in T seconds solves b0 t + (b1 - b0) t² / 2T = 60 k
    k = np.arange(len(known.beats_s))
    solved = (-80 + np.sqrt(80**2 + 2 * (80 / 12) * 60 * k)) / (80 / 12)
    assert known.beats_s == pytest.approx(solved, abs=1 / 44100)
    assert np.all(np.diff(known.beats_s, n=2) < 0)
    assert known.downbeats_s.tolist() == known.beats_s[::4].tolist()


# ---- pitches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "cents"), [("melody", 5.0), ("vowels", 25.0)])
def test_f0_is_what_yin_finds(name: str, cents: float) -> None:
    librosa = pytest.importorskip("librosa")
    samples, rate = mono(name)
    known = examples.truth(name)
    found = librosa.yin(samples, fmin=60, fmax=800, sr=rate, frame_length=2048, hop_length=256)
    times = librosa.times_like(found, sr=rate, hop_length=256)
    expected = np.interp(times, known.f0_times_s, known.f0_hz)
    sounding = np.isfinite(expected)
    assert sounding.mean() > 0.7
    off = 1200 * np.abs(np.log2(found[sounding] / expected[sounding]))
    assert np.median(off) < cents / 2
    assert np.percentile(off, 95) < cents


def test_notes_of_the_melody() -> None:
    known = examples.truth("melody")
    samples, rate = mono("melody")
    assert [note.midi for note in known.notes[:8]] == [64, 64, 65, 67, 67, 65, 64, 62]
    for note in known.notes:
        assert note.hz == pytest.approx(440 * 2 ** ((note.midi - 69) / 12), abs=1e-6)
        part = samples[round(note.start_s * rate) : round(note.end_s * rate)]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18))
        assert np.argmax(power) * rate / (1 << 18) == pytest.approx(note.hz, rel=0.003)


def test_chords_have_their_pitch_classes() -> None:
    known = examples.truth("chords")
    samples, rate = mono("chords")
    assert [chord.name for chord in known.chords] == ["C:maj", "A:min", "F:maj", "G:maj", "C:maj"]
    roots = {"C": 0, "A": 9, "F": 5, "G": 7}
    for chord in known.chords:
        root, kind = chord.name.split(":")
        triad = {roots[root], (roots[root] + (4 if kind == "maj" else 3)) % 12, (roots[root] + 7) % 12}
        assert set(chord.pitch_classes) == triad
        part = samples[round(chord.start_s * rate) : round(chord.end_s * rate)]
        size = 1 << 18
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)), size)) ** 2
        hz = np.fft.rfftfreq(size, 1 / rate)
        for midi in range(48, 84):
            at = np.abs(hz - 440 * 2 ** ((midi - 69) / 12)) < 2
            if midi in chord.midi:
                assert power[at].max() > 1e-3 * power.max(), (chord.name, midi)
            elif midi < 59 and not any(midi == low + over for low in chord.midi for over in (12, 19, 24, 28)):
                assert power[at].max() < 1e-4 * power.max(), (chord.name, midi)


def test_the_sweep_is_exponential() -> None:
    from scipy.signal import hilbert

    samples, rate = mono("sweep")
    known = examples.truth("sweep")
    phase = np.unwrap(np.angle(hilbert(samples)))
    times = known.f0_times_s[(known.f0_times_s > 1.0) & (known.f0_times_s < 7.9)]
    index = np.rint(times * rate).astype(int)
    found = (phase[index + 20] - phase[index - 20]) / (40 / rate) / (2 * np.pi)
    expected = np.interp(times, known.f0_times_s, known.f0_hz)
    assert np.max(np.abs(found / expected - 1)) < 0.01
    assert known.f0_hz[0] == pytest.approx(40)
    ratios = known.f0_hz[1:] / known.f0_hz[:-1]
    assert ratios == pytest.approx(ratios[0])
    assert np.abs(samples[rate : 7 * rate]).max() == pytest.approx(0.5, abs=1e-4)


def test_formants_are_the_poles_of_linear_prediction() -> None:
    librosa = pytest.importorskip("librosa")
    samples, rate = mono("vowels")
    for vowel in examples.truth("vowels").vowels:
        middle = samples[round((vowel.start_s + 0.3) * rate) : round((vowel.start_s + 0.7) * rate)]
        emphasised = np.append(middle[0], middle[1:] - 0.97 * middle[:-1]) * np.hanning(len(middle))
        roots = np.roots(librosa.lpc(emphasised, order=12))
        roots = roots[(roots.imag > 0) & (-np.log(np.abs(roots)) * rate / np.pi < 500)]
        found = np.sort(np.angle(roots)) * rate / (2 * np.pi)
        for formant in vowel.formants_hz[:3]:
            assert np.min(np.abs(found - formant)) < max(30.0, 0.02 * formant), vowel.symbol
    assert [vowel.symbol for vowel in examples.truth("vowels").vowels] == list("aeiou")


# ---- levels ----------------------------------------------------------------------------------------


def test_calibration_levels_and_silence() -> None:
    samples, rate = mono("calibration")
    known = examples.truth("calibration")
    sounding = np.zeros(len(samples), dtype=bool)
    for tone in known.tones:
        sounding[round(tone.start_s * rate) : round(tone.end_s * rate)] = True
        inside = samples[round((tone.start_s + 0.1) * rate) : round((tone.end_s - 0.1) * rate)]
        level = 20 * np.log10(np.sqrt(2 * np.mean(inside**2)))  # a full-scale sine is 0 dBFS
        assert level == pytest.approx(tone.level_dbfs, abs=0.01)
        spectrum = np.abs(np.fft.rfft(inside * np.hanning(len(inside))))
        assert np.argmax(spectrum) * rate / len(inside) == pytest.approx(tone.hz, abs=2)
    assert not samples[~sounding].any()
    assert sorted({tone.level_dbfs for tone in known.tones}) == [-60, -40, -20, -6]
