from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.errors import AudioLimitError, InvalidParameterError


class Counting:
    """Every sample is its own position, modulo a number that float32 can hold."""

    modulus = 1 << 20

    def __init__(self, frames):
        self._frames, self._position = frames, 0

    def read(self, frames):
        start = self._position
        self._position = min(self._frames, start + min(frames, 1000))
        return (np.arange(start, self._position)[:, np.newaxis] % self.modulus).astype(np.float32)

    def seek(self, frame):
        self._position = frame

    def close(self):
        pass


def counting(frames, **changes):
    facts = {"sample_rate": 44100, "channels": 1, "frames": frames, "digest": "sha256:counting", "name": "counting"}
    return AudioSource.from_reader(lambda: Counting(frames), **(facts | changes))


def test_a07_positions_beyond_two_to_the_31():
    source = counting(2**33)
    start = 2**32 + 12_345
    samples = source.read(start, 2500)
    np.testing.assert_array_equal(samples[:, 0], np.arange(start, start + 2500) % Counting.modulus)
    assert source.duration == 2**33 / 44100
    assert source.read(2**33 - 3, 100).shape == (3, 1)


def test_a_source_of_a_reader():
    source = counting(5000)
    assert source.id == "src-counting"
    assert str(source.health) == "not measured"
    assert dict(source.decode) == {"decoder": "reader"}
    assert source.array is None
    assert source.path is None
    source.check()
    np.testing.assert_array_equal(source.read(0, 5000)[:, 0], np.arange(5000))


def test_a_reader_that_ends_early_gives_what_it_has():
    source = AudioSource.from_reader(
        lambda: Counting(10), sample_rate=8000, channels=1, frames=20, digest="sha256:x", name="x"
    )
    assert source.read(0, 20).shape == (10, 1)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"frames": -1}, InvalidParameterError),
        ({"channels": 65}, AudioLimitError),
        ({"sample_rate": 1}, AudioLimitError),
    ],
)
def test_facts_of_a_reader_are_checked(changes, error):
    with pytest.raises(error):
        counting(**({"frames": 10} | changes))


@pytest.mark.parametrize(
    ("start", "frames", "wanted"),
    [
        (0, 10, (0, 10)),
        (3, 4, (3, 7)),
        (-5, 8, (0, 3)),
        (8, 10, (8, 10)),
        (10, 5, (10, 10)),
        (20, 5, (10, 10)),
        (5, 0, (5, 5)),
        (5, -3, (5, 5)),
        (-9, 3, (0, 0)),
    ],
)
def test_read_is_clipped_to_the_recording(start, frames, wanted):
    values = np.arange(20.0).reshape(10, 2) / 100
    source = load(values, sample_rate=8000)
    np.testing.assert_array_equal(source.read(start, frames), values[slice(*wanted)].astype(np.float32))


def test_a_source_does_not_change():
    source = load(np.zeros(3), sample_rate=8000)
    with pytest.raises(AttributeError):
        source.name = "other"
    with pytest.raises(TypeError):
        source.decode["decoder"] = "other"


def test_the_id_follows_the_content():
    one, two = load(np.zeros(3), sample_rate=8000), load(np.zeros(3), sample_rate=8000, name="other")
    assert one.id == two.id == "src-" + one.digest.removeprefix("sha256:")[:16]
    assert one.id != load(np.zeros(4), sample_rate=8000).id


def test_the_name_is_safe_to_show():
    assert load(np.zeros(3), sample_rate=8000, name="a\u202eb\udcff").name == "a⟨U+202E⟩b⟨U+DCFF⟩"
    assert load(np.zeros(3), sample_rate=8000, name="").name == "array"
    assert counting(3, name="").name == "untitled"


def test_a_source_gives_its_memory_back():
    source = load(np.zeros(1000), sample_rate=8000)
    watch = weakref.ref(source)
    del source
    gc.collect()
    assert watch() is None


def test_repr_is_short_and_holds_no_samples_and_no_path(tmp_path, encoded):
    path = tmp_path / "x.wav"
    path.write_bytes(encoded("WAV"))
    shown = repr(load(path))
    assert "x.wav" in shown
    assert str(tmp_path) not in shown
    assert len(shown) < 300
