"""Events, regions and features for other programs: read by those, and back again as they were."""

from __future__ import annotations

import json
import math

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sound import sound

import audiocache_nb as acn
from audiocache_nb import interchange
from audiocache_nb.errors import (
    BundleLimitError,
    DocumentError,
    DocumentValidationError,
    InvalidParameterError,
    InvalidTypeError,
)

Labels = interchange.Labels
REGIONS = Labels.of([0.5, 2.25, 0.0], [1.5, 4.0, 0.5], ["Strophe ü", "b", "intro"])
EVENTS = Labels.of([0.125, 0.5, 0.75])
FUNCTIONS = {
    "audacity": (interchange.write_labels, interchange.read_labels),
    "csv": (interchange.to_csv, interchange.from_csv),
    "jams": (interchange.to_jams, interchange.from_jams),
}
both = pytest.mark.parametrize("kind", FUNCTIONS)
FORMATS = "with the newest dependencies only (the extra 'formats')"


def same(a, b):
    np.testing.assert_array_equal(a.times_s, b.times_s)
    np.testing.assert_allclose(a.end_s, b.end_s, rtol=0, atol=1e-12)
    assert a.texts == b.texts


@both
@pytest.mark.parametrize("labels", [REGIONS, EVENTS, Labels.of([])], ids=["regions", "events", "none"])
def test_there_and_back(tmp_path, kind, labels):
    write, read = FUNCTIONS[kind]
    write(labels, tmp_path / "x")
    back = read(tmp_path / "x")
    same(back, labels)
    assert back.is_regions == labels.is_regions
    first = (tmp_path / "x").read_bytes()
    write(back, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == first
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


@both
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e5).map(lambda t: round(t, 6)),
            st.sampled_from([0.0, 0.25, 10.5]),
            st.text(st.characters(exclude_categories=("C", "Z")), max_size=8),
        ),
        max_size=8,
    )
)
def test_whatever_is_written_is_read(tmp_path_factory, kind, rows):
    write, read = FUNCTIONS[kind]
    path = tmp_path_factory.mktemp("labels") / "x"
    labels = Labels.of([r[0] for r in rows], [r[0] + r[1] for r in rows], [r[2] for r in rows])
    write(labels, path)
    back = read(path)
    np.testing.assert_allclose(back.times_s, labels.times_s, rtol=0, atol=1e-9)
    np.testing.assert_allclose(back.end_s, labels.end_s, rtol=0, atol=1e-9)
    assert back.texts == labels.texts


@pytest.fixture(scope="module")
def session():
    with acn.Session(cache_dir=False) as made:
        made.add_audio(*acn.examples.load("drum-loop"), track_id="a")
        samples, rate = sound(1.0)
        made.add_audio(np.concatenate([np.zeros((2 * rate, 2), np.float32), samples]), rate, track_id="b")
        yield made


@both
def test_onsets_of_a_track(session, tmp_path, kind):
    onsets = session.get("a", "onsets")
    write, read = FUNCTIONS[kind]
    write(onsets, tmp_path / "x")
    back = read(tmp_path / "x")
    np.testing.assert_allclose(back.times_s, onsets.times_s, rtol=0, atol=1e-9)
    if kind == "csv":
        np.testing.assert_array_equal(back.column("strength"), onsets.data[:, 1])
    if kind == "jams":
        np.testing.assert_array_equal(back.column("value"), onsets.data[:, 1])


def test_stretches_of_a_track_are_regions(session, tmp_path):
    found = session.get("b", "health.events")
    labels = interchange.labels_of(found)
    assert labels.is_regions
    np.testing.assert_array_equal(labels.end_s - labels.times_s, found.data[:, 3])
    assert "duration_s" not in labels.other_names


def test_labels_may_be_a_feature(session, tmp_path):
    interchange.write_labels(REGIONS, tmp_path / "hand.txt")

    @acn.calculator(feature="by hand", inputs="samples", version=1)
    def by_hand(y):
        return interchange.read_labels(tmp_path / "hand.txt")

    try:
        track = session.get("a", "by hand")
        np.testing.assert_array_equal(track.times_s, REGIONS.times_s)
        same(interchange.labels_of(track), Labels.of(REGIONS.times_s, REGIONS.end_s))
    finally:
        acn.calculators.unregister("by hand")


# --- other programs ------------------------------------------------------------------------------


def test_mir_eval_reads_the_same(tmp_path):
    interchange.write_labels(REGIONS, tmp_path / "a.txt")
    intervals, texts = mir_eval.io.load_labeled_intervals(str(tmp_path / "a.txt"), delimiter="\t")
    np.testing.assert_allclose(intervals, np.column_stack([REGIONS.times_s, REGIONS.end_s]))
    assert tuple(texts) == REGIONS.texts
    interchange.to_csv(EVENTS, tmp_path / "e.csv")
    np.testing.assert_array_equal(mir_eval.io.load_events(str(tmp_path / "e.csv"), comment="s"), EVENTS.times_s)


def test_pandas_reads_the_same(tmp_path):
    pandas = pytest.importorskip("pandas")
    interchange.to_csv(REGIONS, tmp_path / "a.csv")
    table = pandas.read_csv(tmp_path / "a.csv")
    assert list(table) == ["start_s", "end_s", "label"]
    assert tuple(table["label"]) == REGIONS.texts
    np.testing.assert_array_equal(table["start_s"], REGIONS.times_s)


def test_labels_as_audacity_writes_them(tmp_path):
    text = "2.150000\t2.150000\tpoint\r\n1.000000\t3.000000\tregion\r\n\\\t-1.000000\t6334.588867\r\n4,5\t5,0\t\r\n"
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    labels = interchange.read_labels(tmp_path / "a.txt")
    assert labels.times_s.tolist() == [1.0, 2.15, 4.5]
    assert labels.end_s.tolist() == [3.0, 2.15, 5.0]
    assert labels.texts == ("region", "point", "")
    np.testing.assert_array_equal(labels.column("high_hz"), [6334.588867, math.nan, math.nan])
    assert math.isnan(labels.column("low_hz")[0])
    interchange.write_labels(labels, tmp_path / "b.txt")
    assert "\\\t-1.000000\t6334.588867\n" in (tmp_path / "b.txt").read_text()


def test_a_text_cannot_make_a_line_of_its_own(tmp_path):
    interchange.write_labels(Labels.of([1.0], texts=["a\tb\n9.0\t9.0\tc\u2028\r"]), tmp_path / "a.txt")
    labels = interchange.read_labels(tmp_path / "a.txt")
    assert labels.texts == ("a b 9.0 9.0 c ",)


def test_jams_as_its_schema_asks(session, tmp_path):
    interchange.to_jams(
        {"beat": session.get("a", "beats"), "segment_open": REGIONS}, tmp_path / "x.jams", duration_s=8.0, title="x"
    )
    document = json.loads((tmp_path / "x.jams").read_bytes())
    assert document["file_metadata"]["duration"] == 8.0
    for annotation in document["annotations"]:
        assert {"namespace", "data", "annotation_metadata"} <= set(annotation)
        for row in annotation["data"]:
            assert set(row) == {"time", "duration", "value", "confidence"}
            assert row["value"] is None if annotation["namespace"] == "beat" else isinstance(row["value"], str)
    same(interchange.from_jams(tmp_path / "x.jams", "segment_open"), REGIONS)
    with pytest.raises(DocumentError, match="2 annotations") as caught:
        interchange.from_jams(tmp_path / "x.jams")
    assert "'beat', 'segment_open'" in caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        {"time": [0, 1], "duration": [1, 1], "value": [440.0, None], "confidence": [0.5, None]},
        [
            {"time": 1, "duration": 1, "value": None, "confidence": None},
            {"time": 0, "duration": 1, "value": 440.0, "confidence": 0.5},
        ],
    ],
    ids=["dense", "sparse"],
)
def test_jams_of_others(tmp_path, data):
    (tmp_path / "x.jams").write_text(json.dumps({"annotations": [{"namespace": "pitch_hz", "data": data}]}))
    labels = interchange.from_jams(tmp_path / "x.jams")
    assert labels.names == ("duration_s", "value", "confidence")
    np.testing.assert_array_equal(labels.column("value"), [440.0, math.nan])
    np.testing.assert_array_equal(labels.column("confidence"), [0.5, math.nan])


def test_values_of_jams_that_are_objects_stay_readable(tmp_path):
    data = [{"time": 0, "duration": 0, "value": {"b": 1, "a": [2]}, "confidence": None}]
    (tmp_path / "x").write_text(json.dumps({"annotations": [{"namespace": "blob", "data": data}]}))
    assert interchange.from_jams(tmp_path / "x").texts == ('{"a": [2], "b": 1}',)


@pytest.mark.parametrize(
    ("text", "start", "end", "texts"),
    [
        ("0.5\n1.5\n", [0.5, 1.5], [0.5, 1.5], ()),
        ("0.5,a\n1.5,b\n", [0.5, 1.5], [0.5, 1.5], ("a", "b")),
        ("0.5;1;a\n1.5;2;b\n", [0.5, 1.5], [1, 2], ("a", "b")),
        ("onset\tduration\tname\n1\t2\tx\n\n0\t1\ty\n", [0, 1], [1, 3], ("y", "x")),
        ('Time,Label\n1,"a, ""b"""\n', [1], [1], ('a, "b"',)),
    ],
)
def test_csv_of_others(tmp_path, text, start, end, texts):
    (tmp_path / "x.csv").write_text(text)
    labels = interchange.from_csv(tmp_path / "x.csv")
    assert (labels.times_s.tolist(), labels.end_s.tolist(), labels.texts) == (start, end, texts)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("audacity", "1.0 2.0 no tabs"),
        ("audacity", "2.0\t1.0\tbackwards"),
        ("audacity", "nan\t1.0\tx"),
        ("audacity", "1e999\t1e999\tx"),
        ("audacity", "1_0\t20\tx"),
        ("audacity", "\\\t1\t2"),
        ("csv", "label,x\na,1"),
        ("csv", "time,time\n1,1"),
        ("csv", "time,label\n1,a\n2"),
        ("csv", "time,end\n2,1"),
        ("csv", "time,x\ninf,1"),
        ("csv", "time\nabc"),
        ("csv", 'time,label\n1,"never ends'),
        ("jams", "[]"),
        ("jams", '{"annotations": 3}'),
        ("jams", '{"annotations": [{"namespace": "a", "data": 3}]}'),
        ("jams", '{"annotations": [{"namespace": "a", "data": [3]}]}'),
        ("jams", '{"annotations": [{"namespace": "a", "data": [{"time": 1}]}]}'),
        ("jams", '{"annotations": [{"namespace": "a", "data": {"time": [1, 2], "duration": [1]}}]}'),
        ("jams", '{"annotations": [{"namespace": "a", "data": [{"time": NaN, "duration": 0}]}]}'),
        ("jams", "[" * 100_000),
    ],
)
def test_what_is_no_list_of_labels(tmp_path, kind, text):
    (tmp_path / "x").write_text(text)
    with pytest.raises((DocumentValidationError, BundleLimitError)):
        FUNCTIONS[kind][1](tmp_path / "x")


@both
def test_bytes_that_are_no_text_and_files_that_are_none(tmp_path, kind):
    read = FUNCTIONS[kind][1]
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "x", tmp_path / "missing", tmp_path):
        with pytest.raises(DocumentError):
            read(path)
    with pytest.raises(DocumentError):
        FUNCTIONS[kind][0](EVENTS, tmp_path / "missing" / "x")


@both
@pytest.mark.parametrize("limit", ["json_bytes", "labels"])
def test_limits(tmp_path, kind, limit):
    write, read = FUNCTIONS[kind]
    write(REGIONS, tmp_path / "x")
    with pytest.raises(BundleLimitError, match=limit):
        read(tmp_path / "x", limits=acn.ImportLimits(**{limit: 1}))


def test_columns_that_do_not_fit():
    for arguments in (
        ([1.0], [0.5]),
        ([1.0, 2.0], [1.0]),
        ([1.0], None, ["a", "b"]),
        ([math.inf],),
        ([[1.0]],),
    ):
        with pytest.raises(InvalidParameterError):
            Labels.of(*arguments)
    with pytest.raises(InvalidParameterError):
        Labels.of([1.0], values=[[1.0, 2.0]], names=("one",))


def test_what_holds_no_events(session, tmp_path):
    for what in (session.get("a", "rms"), "text", object()):
        with pytest.raises(InvalidTypeError):
            interchange.to_csv(what, tmp_path / "x")
    with pytest.raises(InvalidParameterError, match="begin at 0"):
        interchange.to_jams([-1.0], tmp_path / "x")
    assert not list(tmp_path.iterdir())


# --- features through xarray and pandas ----------------------------------------------------------

KINDS = ["rms", "spectrogram", "mfcc", "mvmnt.waveform", "onsets", "health", "chroma"]


@pytest.mark.parametrize("feature", KINDS)
def test_netcdf_there_and_back(session, tmp_path, feature):
    xarray = pytest.importorskip("xarray")
    array = session.get("a", feature).to_xarray()
    array.to_netcdf(tmp_path / "x.nc", engine="scipy")
    with xarray.open_dataarray(tmp_path / "x.nc", engine="scipy") as back:
        _same_arrays(back.load(), array)


def test_quantised_levels_are_written_as_decibels(session, tmp_path):
    xarray = pytest.importorskip("xarray")
    track = session.get("a", "spectrogram", profile=acn.AnalysisProfile(storage="uint8"))
    track.to_xarray().to_netcdf(tmp_path / "x.nc", engine="scipy")
    with xarray.open_dataarray(tmp_path / "x.nc", engine="scipy") as back:
        np.testing.assert_array_equal(back, track.values())
        assert back.attrs["units"] == "dB"


@pytest.mark.parametrize("feature", ["rms", "spectrogram", "health"])
def test_zarr_there_and_back(session, tmp_path, feature):
    pytest.importorskip("zarr", reason=FORMATS)
    xarray = pytest.importorskip("xarray")
    array = session.get("a", feature).to_xarray()
    array.to_zarr(tmp_path / "x.zarr", consolidated=False)
    _same_arrays(xarray.open_dataarray(tmp_path / "x.zarr", engine="zarr", consolidated=False).load(), array)


def _same_arrays(back, array):
    np.testing.assert_array_equal(back.values, array.values)
    assert back.dims == array.dims
    assert {name: str(value) for name, value in back.attrs.items()} == {
        name: str(value) for name, value in array.attrs.items()
    }
    for name, coordinate in array.coords.items():
        np.testing.assert_array_equal(back.coords[name].values.astype(coordinate.dtype), coordinate.values)
        assert back.coords[name].attrs == coordinate.attrs


@pytest.mark.parametrize("feature", ["rms", "spectrogram", "onsets"])
def test_a_table_as_csv_there_and_back(session, tmp_path, feature):
    pandas = pytest.importorskip("pandas")
    track = session.get("a", feature)
    table = track.to_pandas()
    table.to_csv(tmp_path / "x.csv")
    back = pandas.read_csv(tmp_path / "x.csv", index_col=0)  # which may be off by a unit in the last place
    np.testing.assert_allclose(back.index, track.times_s, rtol=1e-14)
    np.testing.assert_allclose(back.to_numpy(), table.to_numpy(), rtol=1e-7)


@pytest.mark.parametrize("feature", ["rms", "spectrogram", "onsets"])
def test_a_table_as_parquet_there_and_back(session, tmp_path, feature):
    pytest.importorskip("pyarrow", reason=FORMATS)
    pandas = pytest.importorskip("pandas")
    table = session.get("a", feature).to_pandas()
    table.columns = table.columns.map(str)  # what Parquet's columns are called
    table.to_parquet(tmp_path / "x.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "x.parquet"), table)
