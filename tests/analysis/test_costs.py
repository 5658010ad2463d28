"""Costs are measured, averaged, kept in a file, and never in the way."""

from __future__ import annotations

import json
import types

import pytest

from audiocache_nb.analysis.costs import CostModel


def finished(seconds, calculator="rms", version="1"):
    return types.SimpleNamespace(calculator_id=calculator, version=version, provenance={"seconds": seconds})


def test_an_unknown_calculator_is_guessed_and_a_measured_one_is_not():
    costs = CostModel()
    assert not costs.knows("rms", "1")
    assert costs.estimate("rms", "1", 10, local=False) > costs.estimate("rms", "1", 10, local=True) > 0
    costs.record(finished(0.5), 10)
    assert costs.knows("rms", "1")
    assert costs.estimate("rms", "1", 100, local=True) == pytest.approx(5.0)
    assert not costs.knows("rms", "2"), "another version may cost something else"


def test_newer_measurements_weigh_more_than_one_outlier():
    costs = CostModel()
    for _ in range(20):
        costs.record(finished(1.0), 10)
    costs.record(finished(100.0), 10)
    assert 0.1 < costs.estimate("rms", "1", 1, local=True) < 5
    for _ in range(20):
        costs.record(finished(1.0), 10)
    assert costs.estimate("rms", "1", 1, local=True) == pytest.approx(0.1, rel=0.05)


def test_short_audio_and_features_without_a_time_teach_nothing():
    costs = CostModel()
    costs.record(finished(1.0), 0.01)
    costs.record(finished(None), 10)
    assert costs.rates == {}


def test_what_was_learned_outlives_the_session(tmp_path):
    path = tmp_path / "deep" / "costs.json"
    costs = CostModel(path)
    assert not costs.save(), "nothing to write yet"
    costs.record(finished(0.5), 10)
    assert costs.save()
    assert CostModel(path).estimate("rms", "1", 10, local=True) == pytest.approx(0.5)
    assert [item.name for item in path.parent.iterdir()] == ["costs.json"], "no temporary file is left"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"seconds_per_second": 3}', '{"seconds_per_second": {"a": "x"}}', "[" * 100_000],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path, text):
    path = tmp_path / "costs.json"
    path.write_text(text)
    assert CostModel(path).rates == {}


def test_rates_that_are_none_are_left_out(tmp_path):
    path = tmp_path / "costs.json"
    path.write_text(json.dumps({"seconds_per_second": {"a 1": -1, "b 1": float("nan"), "c 1": 0.5}}))
    assert CostModel(path).rates == {"c 1": 0.5}


def test_a_place_that_cannot_be_written_harms_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    costs = CostModel(tmp_path / "file" / "costs.json")
    costs.record(finished(0.5), 10)
    assert not costs.save()
