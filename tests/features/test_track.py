"""Feature tracks whose rows lie elsewhere."""

from __future__ import annotations

import copy
import dataclasses
import pathlib
import pickle

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.features.track import FeatureTrack


class Elsewhere:
    """Rows that note what was asked of them."""

    def __init__(self, values):
        self.values, self.asked = values, []

    @property
    def shape(self):
        return self.values.shape

    @property
    def dtype(self):
        return self.values.dtype

    def read(self, first, end):
        self.asked.append((first, end))
        rows = self.values[first:end]
        rows.setflags(write=False)
        return rows


def track(data) -> FeatureTrack:
    return FeatureTrack("f", "c", "1", "l", "dB", data, ("frame", "bin"), -80.0, 0.5, 1.0, "k")


VALUES = np.arange(12, dtype=np.float32).reshape(6, 2)


def test_rows_of_an_array_are_a_read_only_view_of_it():
    one = track(VALUES.copy())
    rows = one.rows(1, 3)
    assert rows.base is one.data
    assert not rows.flags.writeable
    np.testing.assert_array_equal(rows, VALUES[1:3])


@pytest.mark.parametrize("make", [np.copy, Elsewhere])
@pytest.mark.parametrize(
    ("first", "end", "expected"), [(-3, 2, (0, 2)), (4, 99, (4, 6)), (5, 2, (5, 5)), (9, 12, (6, 6))]
)
def test_what_lies_beyond_is_left_out(make, first, end, expected):
    np.testing.assert_array_equal(track(make(VALUES)).rows(first, end), VALUES[slice(*expected)])


def test_what_a_track_is_can_be_said_without_its_rows():
    stored = Elsewhere(VALUES)
    one = track(stored)
    assert (one.frame_count, one.width, one.nbytes) == (6, 2, 48)
    assert (one.shape, one.dtype) == ((6, 2), np.float32)
    assert one.times_s.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    assert "frame 6 × bin 2" in repr(one)
    assert stored.asked == []


def test_only_the_rows_asked_for_are_read_and_data_are_all_of_them():
    stored = Elsewhere(VALUES)
    one = track(stored)
    np.testing.assert_array_equal(one.rows(2, 4), VALUES[2:4])
    assert stored.asked == [(2, 4)]
    np.testing.assert_array_equal(one.data, VALUES)
    assert stored.asked == [(2, 4), (0, 6)]


def test_stored_rows_need_as_many_axes_as_an_array():
    with pytest.raises(ValueError, match="3 dimensions, but 2 axes"):
        track(Elsewhere(np.zeros((2, 2, 2))))


def test_data_have_no_default_and_cannot_be_replaced_in_place():
    with pytest.raises(TypeError, match="data"):
        FeatureTrack("f", "c", "1", "l", "dB", axes=("frame",), fill_value=0, hop_seconds=1, start_seconds=0, key="k")  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        track(VALUES.copy()).data = VALUES


def test_a_track_goes_to_other_processes_and_into_deep_copies(tmp_path: pathlib.Path) -> None:
    with acn.Session(cache_dir=tmp_path) as session:
        audio = session.add_audio(*acn.examples.load("sweep"))
        for name in ("rms", "beats", "stft"):
            session.get(audio, name)
    with acn.Session(cache_dir=tmp_path) as session:  # from the cache directory
        audio = session.add_audio(*acn.examples.load("sweep"))
        for name in ("rms", "beats", "stft"):
            found = session.get(audio, name)
            for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
                assert np.array_equal(again.data, found.data)
                assert not again.data.flags.writeable
                assert again.key == found.key
                assert dict(again.provenance) == dict(found.provenance)
                assert list(again.coords) == list(found.coords)
