"""Plans explain themselves: steps once each, costs, and what is cached."""

from __future__ import annotations

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.analysis.report import AFTER


@pytest.fixture
def session(tmp_path):
    with acn.Session(cache_dir=tmp_path) as session:
        yield session


@pytest.fixture
def track(session):
    return session.add_audio(np.sin(np.arange(8000 * 4) / 5), sample_rate=8000, name="tone")


def test_the_graph_shows_shared_steps_once(session, track):
    text = session.plan(track, ["spectrogram", "mvmnt.spectrogram", "rms"]).explain()
    assert text.count("decode") == 1
    assert text.count("mix to mono") == 1
    assert text.count("FFT of 2048") == 2, "two windows, two transforms"
    assert "→ spectrogram" in text
    assert "→ rms" in text


def test_a_plan_computes_nothing(session, track):
    before = session.store.sequence
    plan = session.plan(track, ["rms", "spectrogram"])
    assert sorted(plan.missing) == ["rms", "spectrogram"]
    assert session.status(track).state == "idle"
    assert session.store.sequence == before


def test_sizes_are_those_of_the_results(session, track):
    plan = session.plan(track, ["rms", "spectrogram", "waveform"])
    assert plan.nbytes == sum(session.get(track, name).nbytes for name in ("rms", "spectrogram", "waveform"))


def test_what_is_cached_costs_nothing(session, track):
    session.get(track, "rms")
    plan = session.plan(track, ["rms", "spectrogram"])
    assert plan.cached == ["rms"]
    assert plan.missing == ["spectrogram"]
    session.get(track, "spectrogram")
    whole = session.plan(track, ["rms", "spectrogram"])
    assert whole.seconds == 0
    assert "nothing would be computed" in whole.explain()


def test_estimates_are_learned_and_kept(tmp_path, session, track):
    guess = {feature.name: feature for feature in session.plan(track, ["rms"]).features}["rms"]
    assert not guess.measured
    spent = session.get(track, "rms").provenance["seconds"]
    session.clear(track)
    learned = session.plan(track, ["rms"]).features[0]
    assert learned.measured
    assert learned.seconds == pytest.approx(spent)
    session.close()
    with acn.Session(cache_dir=tmp_path) as later:
        again = later.add_audio(np.sin(np.arange(8000 * 4) / 5), sample_rate=8000)
        assert later.plan(again, ["rms"]).features[0].seconds == pytest.approx(spent)


def test_derived_features_follow_the_pass_and_bring_what_they_need(session, track):
    registry_before = {calculator.id for calculator in acn.calculators.list()}

    @acn.calculator(feature="doubled rms", inputs="rms")
    def doubled(rms):
        return 2 * rms

    try:
        text = session.plan(track, "doubled rms").explain()
        assert "→ rms" in text.split(AFTER)[0]
        assert "doubled rms" in text.split(AFTER)[1]
        session.get(track, "rms")
        text = session.plan(track, "doubled rms").explain()
        assert "One pass" not in text, "rms is there already"
        assert "Read from the cache for these: rms" in text
        ft = session.get(track, "doubled rms")
        np.testing.assert_allclose(ft.data, 2 * session.get(track, "rms").data)
    finally:
        acn.calculators.unregister("doubled rms")
    assert {calculator.id for calculator in acn.calculators.list()} == registry_before


def test_what_follows_the_pass_block_by_block_says_so_and_is_shared_out():
    with acn.Session(cache_dir=False, workers=2) as session:
        track = session.add_audio(np.sin(np.arange(8000 * 4) / 5), sample_rate=8000, analyze="none")
        plans = {name: session.plan(track, [name]) for name in ("delta", "tempo")}
    lines = {name: plan.explain().split(AFTER)[1].strip() for name, plan in plans.items()}
    assert lines["delta"].endswith(", block by block")
    assert "block" not in lines["tempo"]
    seconds = {name: sum(one.seconds for one in plan.features if one.how == "after") for name, plan in plans.items()}
    assert seconds["delta"] == seconds["tempo"]
    assert plans["delta"].seconds < plans["tempo"].seconds


def test_a_calculator_that_cannot_be_laid_out_is_named(session, track):
    class Odd(type(acn.calculators.get("rms"))):
        id = feature = "odd"

        def layout(self, audio, profile, params):
            raise RuntimeError("no room")

    acn.calculators.register(Odd())
    try:
        plan = session.plan(track, ["odd", "rms"])
        assert plan.problems == ["odd: no room"]
        assert plan.missing == ["rms"]
    finally:
        acn.calculators.unregister("odd")


def test_sizes_follow_the_storage(session, track):
    sizes = {
        kind: session.plan(track, ["spectrogram"], profile=acn.AnalysisProfile(storage=kind)).nbytes
        for kind in ("float32", "int16", "uint8")
    }
    assert sizes["float32"] == 2 * sizes["int16"] == 4 * sizes["uint8"] > 0


def test_profiles_share_what_they_have_in_common(session, track):
    """Two windows and two storages of one framing: the mix and the frames once, each transform once."""
    other = acn.AnalysisProfile(window="hamming")
    small = acn.AnalysisProfile(storage="uint8")
    wanted = [acn.Descriptor("spectrogram"), acn.Descriptor("spectrogram", None, other)]
    text = session.plan(track, [*wanted, acn.Descriptor("spectrogram", None, small)]).explain()
    for step, times in (("decode", 1), ("mix to mono", 1), ("frames of", 1), ("FFT of", 2), ("→ spectrogram", 3)):
        assert text.count(step) == times, text
