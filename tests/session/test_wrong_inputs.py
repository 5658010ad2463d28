"""Wrong inputs: each is refused by a typed error that names the thing and says what to do."""

from __future__ import annotations

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.timing.tempo import Tempo


@pytest.fixture
def track(session, tone):
    found = session.add_audio(tone, 8000)
    session.get(found, "rms")
    session.wait(60)
    return found


def function(frames):
    """A calculator's function."""
    return frames.mean(axis=1)


OF_SESSIONS = {
    "registry": lambda s, t: acn.Session(cache_dir=False, registry=4),
    "features": lambda s, t: s.reanalyze(t, 3),
    "A feature": lambda s, t: s.get(t, 3),
    "time is a": lambda s, t: s.sample(t, "rms", "a"),
    "time is a NoneType": lambda s, t: s.sample(t, "rms", None),
    "times": lambda s, t: s.sample_many(t, "rms", "abc"),
    "times is a number": lambda s, t: s.sample_many(t, "rms", None),
    "times is": lambda s, t: s.sample_many(t, "rms", [1, None]),
    "interpolation": lambda s, t: s.sample(t, "waveform", 0, interpolation="x"),
    "edges": lambda s, t: s.sample(t, "waveform", 0, edges="x"),
    "kernel": lambda s, t: s.sample(t, "waveform", 0, kernel="x"),
    "smoothing": lambda s, t: s.sample(t, "waveform", 0, smoothing="x"),
    "offset_ticks": lambda s, t: s.move(t, offset_ticks="1"),
    "offset_ticks is": lambda s, t: s.move(t, offset_ticks=float("nan")),
    "padding": lambda s, t: s.sample_range(t, "rms", 0, 1, padding=-1),
    "count": lambda s, t: s.sample_history(t, "rms", 1, 0),
    "path": lambda s, t: s.save(3),
    "ax is": lambda s, t: acn.plotting.plot_feature(s.get(t, "rms"), ax=3),
}
OTHERS = {
    "path of a scene": lambda: acn.load(3),
    "trust": lambda: acn.load("scene.zip", trust="no"),
    "A time": lambda: Tempo().hop_ticks("a"),
    "a number or": lambda: Tempo().seconds_to_ticks(None),
    "an array of": lambda: Tempo().ticks_to_seconds([1, "a"]),
    "array of numbers": lambda: Tempo().bar_beat(["a"]),
    "a list of something else": lambda: Tempo().seconds_to_ticks([[1], [1, 2]]),
    "no session": lambda: acn.CachesPanel(None),
    "int is no session": lambda: acn.StatusBadge(3, "a"),
    "str is no session": lambda: acn.Transport("session"),
    "is not a function": lambda: acn.calculator(feature="wrong")(3),
    "inputs": lambda: acn.calculator(feature="wrong", inputs=3)(function),
    "unit": lambda: acn.calculator(feature="wrong", unit=3)(function),
    "label": lambda: acn.calculator(feature="wrong", label=3)(function),
    "fill_value": lambda: acn.calculator(feature="wrong", fill_value="a")(function),
    "axes": lambda: acn.calculator(feature="wrong", axes=5)(function),
    "depends_on_tempo": lambda: acn.calculator(feature="wrong", depends_on_tempo="yes")(function),
    "name of a feature": lambda: acn.calculator(feature=3)(function),
    "min_decibels": lambda: acn.AnalysisProfile(min_decibels=0, max_decibels=-1),
}


@pytest.mark.parametrize("words", OF_SESSIONS)
def test_sessions_refuse_it_by_name(session, track, words: str) -> None:
    tracks = dict(session.tracks)
    with pytest.raises(acn.AudioCacheError, match=words) as caught:
        OF_SESSIONS[words](session, track)
    assert caught.value.code.startswith("ACN-")
    assert caught.value.hint
    assert session.tracks == tracks
    assert session.freshness(track, "rms").state == "fresh"


@pytest.mark.parametrize("words", OTHERS)
def test_it_is_refused_by_name(words: str) -> None:
    with pytest.raises(acn.AudioCacheError, match=words) as caught:
        OTHERS[words]()
    assert caught.value.code.startswith("ACN-")
    assert caught.value.hint
    assert "wrong" not in acn.calculators


def test_several_values_may_be_given_by_name(session, track) -> None:
    @acn.calculator(feature="summary", locality=acn.whole, inputs="samples")
    def summary(samples):
        return acn.Global({"mean": samples.mean(), "peak": np.abs(samples).max()})

    acn.calculators.unregister("summary")
    session.registry.register(summary)
    found = session.get(track, "summary")
    assert list(found.coords["value"]) == ["mean", "peak"]
    assert found.data.shape == (1, 2)
