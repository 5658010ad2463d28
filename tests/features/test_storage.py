"""Levels as whole numbers: what is lost, what the key says, and that every reader sees decibels."""

from __future__ import annotations

import numpy as np
import pytest
from support.passes import BUILTIN, analyse, held, item_of, noise

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.storage import DecodedRows, Storage
from audiocache_nb.sampling.pyramid import ImagePyramid
from audiocache_nb.sampling.ranges import sample_range
from audiocache_nb.sampling.sampler import Sampler

KINDS = ("float32", "int16", "uint8")
EXACT = AnalysisProfile()
LEVELS = ("spectrogram", "mvmnt.spectrogram", "logmel", "bands")
STEP_DB = {"spectrogram": 80 / 255, "mvmnt.spectrogram": 80 / 255, "logmel": 160 / 255, "bands": 127.5 / 255}
SAMPLES = noise(60_000) * np.linspace(0, 1, 60_000, dtype=np.float32)[:, None] ** 4


@pytest.fixture(scope="module")
def tracks():
    """The same features under all storages."""
    found = {
        kind: analyse(held(SAMPLES), LEVELS, EXACT.replace(storage=kind)) for kind in ("float32", "int16", "uint8")
    }
    assert not any(one.errors for one in found.values())
    return {kind: one.tracks for kind, one in found.items()}


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("kind", ["int16", "uint8"])
def test_at_most_half_a_step_is_lost(tracks, name, kind):
    exact, track = tracks["float32"][name], tracks[kind][name]
    step = STEP_DB[name] if kind == "uint8" else 0.01
    assert track.format == kind == track.data.dtype.name == track.dtype.name
    assert track.scale == pytest.approx(step, rel=1e-12)
    assert track.nbytes * (4 if kind == "uint8" else 2) == exact.nbytes
    assert track.values().dtype == np.float32
    assert np.abs(track.values() - exact.data).max() <= step / 2 + 2e-5  # which is float32 at 100 dB
    assert len(np.unique(track.data)) > 100
    np.testing.assert_allclose(track.offset + track.scale * track.data.astype(np.float64), track.values(), atol=2e-5)
    assert (track.unit, track.fill_value) == (exact.unit, exact.fill_value)


def test_what_lies_beyond_the_range_is_its_end():
    storage = Storage.of("uint8", -80, 0)
    stored = np.empty(5, np.uint8)
    storage.encode(np.array([-200, -80, -40, 0, 30], np.float32), stored)
    np.testing.assert_array_equal(stored, [0, 0, 128, 255, 255])
    np.testing.assert_allclose(storage.decode(stored)[[0, 4]], [-80, 0], atol=1e-5)
    storage = Storage.of("int16", -80, 0)
    stored = np.empty(4, np.int16)
    storage.encode(np.array([-1000, -12.344, 3.006, 1000], np.float32), stored)
    np.testing.assert_array_equal(stored, [-32767, -1234, 301, 32767])


def test_exact_values_are_not_copied(tracks):
    track = tracks["float32"]["spectrogram"]
    assert np.shares_memory(track.values(), track.data)
    assert track.decoded is track.data
    assert (track.format, track.scale, track.offset) == ("float32", 1.0, 0.0)


@pytest.mark.parametrize("name", sorted(one.id for one in BUILTIN if not one.is_derived))
def test_the_key_of_what_is_affected_and_of_nothing_else(name):
    source = held(noise(3000, 2))
    keys = {kind: item_of(source, name, EXACT.replace(storage=kind)).key for kind in KINDS}
    assert len(set(keys.values())) == (3 if name in LEVELS else 1)


def test_features_of_these_levels_are_affected_through_them(registry_session):
    session, track = registry_session
    for of, different in (("logmel", 3), ("mfcc", 1)):
        wanted = [Descriptor("delta", None, EXACT.replace(storage=kind), {"of": of}) for kind in KINDS]
        assert len({session.get(track, one).key for one in wanted}) == different


@pytest.fixture
def registry_session():
    import audiocache_nb as acn

    with acn.Session(cache_dir=False) as session:
        yield session, session.add_audio(SAMPLES, 44100)


def test_a_storage_that_does_not_exist():
    for wrong in ("float16", "UINT8", 8, None):
        with pytest.raises(InvalidParameterError, match="storage"):
            AnalysisProfile(storage=wrong)


def test_ids_of_profiles_as_before():
    assert AnalysisProfile(storage="float32").id == "default"
    assert AnalysisProfile(window_size=4096).id == "adhoc-6c7d610da7251647"
    assert AnalysisProfile(storage="uint8").id != AnalysisProfile(storage="int16").id


@pytest.mark.parametrize("kind", ["int16", "uint8"])
@pytest.mark.parametrize("options", [{}, {"interpolation": "nearest"}, {"interpolation": "cubic"}, {"smoothing": 3}])
def test_samples_are_in_decibels(tracks, kind, options):
    exact, track = tracks["float32"]["spectrogram"], tracks[kind]["spectrogram"]
    times = np.linspace(-0.2, 1.6, 50)
    expected, found = Sampler(exact, **options), Sampler(track, **options)
    np.testing.assert_allclose(found.many(times), expected.many(times), atol=0.3)
    for time_s in times:
        np.testing.assert_allclose(found.at(time_s).values, expected.at(time_s).values, atol=0.3)
    one = Sampler(track, band=100, **options).many(times)
    np.testing.assert_allclose(one[:, 0], found.many(times)[:, 100], atol=1e-4)
    assert found.at(0.5).values.dtype == np.float32


@pytest.mark.parametrize("kind", ["int16", "uint8"])
def test_ranges_are_in_decibels(tracks, kind):
    for start_s, end_s in ((0.2, 0.5), (-1, 3)):
        expected = sample_range(tracks["float32"]["logmel"], start_s, end_s)
        found = sample_range(tracks[kind]["logmel"], start_s, end_s)
        np.testing.assert_allclose(found.data, expected.data, atol=0.32)
        np.testing.assert_array_equal(found.mask, expected.mask)


@pytest.mark.parametrize("kind", ["int16", "uint8"])
def test_tables_and_labelled_arrays_are_in_decibels(tracks, kind):
    pytest.importorskip("xarray")
    track = tracks[kind]["spectrogram"]
    np.testing.assert_array_equal(track.to_xarray().values, track.values())
    np.testing.assert_array_equal(track.to_pandas().to_numpy(), track.values())
    assert track.to_xarray().attrs["units"] == "dB"


@pytest.mark.parametrize("kind", ["int16", "uint8"])
def test_pictures_show_decibels(tracks, kind):
    from audiocache_nb.widgets.pictures import make_picture

    expected = make_picture(tracks["float32"]["spectrogram"], lambda: None)
    found = make_picture(tracks[kind]["spectrogram"], lambda: None)
    assert (found.value_min, found.value_max) == (expected.value_min, expected.value_max) == (-80, 0)
    for level in range(expected.pyramid.levels):
        a, b = expected.pyramid.tile(level, 0)[1], found.pyramid.tile(level, 0)[1]
        assert np.abs(a.astype(int) - b).max() <= 1
    assert isinstance(found.pyramid, ImagePyramid)
    mel = make_picture(tracks[kind]["logmel"], lambda: None)  # whose range is that of its values
    low, high = tracks["float32"]["logmel"].data.min(), tracks["float32"]["logmel"].data.max()
    assert mel.value_min <= low + 1
    assert mel.value_max >= high - 1


@pytest.mark.parametrize("kind", ["int16", "uint8"])
def test_figures_show_decibels(tracks, kind):
    import matplotlib as mpl

    mpl.use("agg")
    from audiocache_nb import plotting

    axes = plotting.plot_feature(tracks[kind]["spectrogram"])
    image = axes.images[0] if axes.images else axes.collections[0]
    values = np.asarray(image.get_array())
    assert -80 <= values.min() < -60
    assert -60 < values.max() <= 0


def test_functions_receive_decibels():
    import audiocache_nb as acn

    registry = Registry(entry_points=False)
    seen = []

    def loudest(levels):
        seen.append(levels)
        return levels.max(axis=1)

    registry.register(FunctionCalculator(loudest, feature="loudest", inputs="spectrogram"))
    with acn.Session(cache_dir=False, registry=registry) as session:
        track = session.add_audio(SAMPLES, 44100)
        found = session.get(track, "loudest", profile=EXACT.replace(storage="uint8"))
    assert seen[0].dtype == np.float32
    assert -60 < found.data.max() <= 0


def test_an_array_that_decodes():
    rows = DecodedRows(np.arange(24, dtype=np.uint8).reshape(6, 4), 0.5, -10)
    assert (rows.shape, rows.ndim, rows.size, len(rows)) == ((6, 4), 2, 24, 6)
    np.testing.assert_array_equal(rows[2:4], np.arange(8, 16).reshape(2, 4) / 2 - 10)
    np.testing.assert_array_equal(rows[np.array([5, 0])], np.array([[20, 21, 22, 23], [0, 1, 2, 3]]) / 2 - 10)
    np.testing.assert_array_equal(rows.reshape(12, 2)[11], [1, 1.5])
    np.testing.assert_array_equal(np.asarray(rows), rows[:])
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, False meant: only if it has to be
        with pytest.raises(ValueError, match="copy"):
            np.array(rows, copy=False)
