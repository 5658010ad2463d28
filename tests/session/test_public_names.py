"""The public names: what each takes, by place and by name, in which order and with which defaults."""

from __future__ import annotations

import inspect

import pytest

import audiocache_nb as acn
from audiocache_nb.models.playhead import Playhead
from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics

NEEDED = inspect.Parameter.empty
OF_A_TRACK = (acn.Session.remove, acn.Session.status, acn.Session.stop, acn.Session.restart, acn.Session.clear)
SIGNATURES = [
    (acn.Session, {"cache_dir": None, "workers": None, "bpm": 120.0, "beats_per_bar": 4}),
    (
        acn.Session.add_audio,
        {
            "source": NEEDED,
            "sample_rate": None,
            "name": None,
            "track_id": None,
            "offset_ticks": 0,
            "region_start_tick": None,
            "region_end_tick": None,
            "analyze": "demand",
        },
    ),
    (
        acn.AnalysisProfile,
        {
            "window_size": 2048,
            "hop_size": 512,
            "fft_size": None,
            "window": "hann",
            "min_decibels": -80,
            "max_decibels": 0,
        },
    ),
    (acn.Session.request, {"track": NEEDED, "features": NEEDED, "element": None, "profile": None}),
    (acn.Session.release, {"element": NEEDED}),
    (acn.Session.wait, {"timeout": None}),
    (acn.Session.get, {"track": NEEDED, "feature": NEEDED, "profile": None}),
    *((verb, {"track": NEEDED}) for verb in OF_A_TRACK),
    (acn.Session.reanalyze, {"track": NEEDED, "names": NEEDED}),
    *((verb, {}) for verb in (acn.Session.clear_all, acn.Session.reset, acn.Session.close)),
    (acn.Session.freshness, {"track": NEEDED, "feature": NEEDED, "profile": None}),
    (
        acn.Session.sample,
        {
            "track": NEEDED,
            "feature": NEEDED,
            "time": NEEDED,
            "interpolation": "linear",
            "smoothing": 0,
            "band": None,
            "channel": None,
            "profile": None,
        },
    ),
    (acn.Session.sample_many, {"track": NEEDED, "feature": NEEDED, "times": NEEDED}),
    (acn.Session.sample_range, {"track": NEEDED, "feature": NEEDED, "start": NEEDED, "end": NEEDED, "padding": 0}),
    (
        acn.Session.sample_history,
        {"track": NEEDED, "feature": NEEDED, "time": NEEDED, "count": NEEDED, "spacing": None},
    ),
    (Playhead.seek, {"t": NEEDED}),
    (Diagnostics.regenerate, {"track": NEEDED, "features": NEEDED, "profile": None}),
    (acn.Session.save, {"path": NEEDED, "prune": True, "audio": "embed"}),
    (acn.load, {"path": NEEDED, "trust": False}),
    (acn.Session.workbench, {"track": None}),
    (acn.StatusBadge, {"session": NEEDED, "track": NEEDED}),
    (acn.CachesPanel, {"session": NEEDED}),
    (acn.FeaturePlot, {"session": NEEDED, "track": NEEDED, "feature": "spectrogram"}),
    (acn.DiagnosticsTable, {"session": NEEDED}),
    (acn.Transport, {"session": NEEDED}),
    (acn.FrameInspector, {"session": NEEDED, "track": NEEDED, "feature": "chroma"}),
    (acn.CalculatorExplorer, {"session": NEEDED, "track": NEEDED}),
    (acn.plotting.plot_feature, {"ft": NEEDED, "ax": None}),
    (acn.local, {"halo_frames": 0}),
]


@pytest.mark.parametrize(("called", "wanted"), SIGNATURES, ids=lambda one: getattr(one, "__qualname__", ""))
def test_what_it_takes_may_be_given_by_place_or_by_name(called, wanted) -> None:
    parameters = [one for one in inspect.signature(called).parameters.values() if one.name != "self"]
    first = parameters[: len(wanted)]
    assert {one.name: one.default for one in first} == wanted
    assert [one.name for one in first] == list(wanted)
    assert {one.kind for one in first} <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert all(one.default is not NEEDED or one.kind is one.VAR_KEYWORD for one in parameters[len(wanted) :])
