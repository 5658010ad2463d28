"""Reports: one line per check, and an error for those who want one."""

from __future__ import annotations

import pytest

from audiocache_nb.errors import AudioCacheError, CalculatorContractError
from audiocache_nb.testing.report import Finding, Log, Report

PROMISES = {"shape": "one row per frame", "silence": "silence is silent", "key": "a key"}


@pytest.fixture
def log():
    return Log(PROMISES)


def report_of(log: Log) -> Report:
    return Report("peak", "peak (feature 'peak', version 1)", log.findings())


def test_nothing_found_is_all_well(log):
    report = report_of(log)
    assert report.ok
    assert report.problems == report.notes == ()
    report.raise_if_failed()
    assert str(report).splitlines() == [
        "peak (feature 'peak', version 1): 3 checks, no problems, no notes",
        "  ok       shape         one row per frame",
        "  ok       silence       silence is silent",
        "  ok       key           a key",
    ]


def test_a_problem_says_what_was_expected_what_came_and_what_to_do(log):
    log.problem("silence", "1.0 in row 0", "Declare fill_value=1.", "8 kHz")
    report = report_of(log)
    assert not report.ok
    assert str(report.problems[0]) == (
        "problem  silence       expected: silence is silent; got: 1.0 in row 0 (8 kHz). Declare fill_value=1."
    )
    assert "3 checks, 1 problem, no notes" in str(report)


def test_the_same_again_is_counted_and_something_else_is_said(log):
    for rate in (8, 16, 44):
        log.problem("silence", f"{rate} in row 0", "Be silent.", f"{rate} kHz")
    log.problem("silence", "a row of NaN", "Divide by more.")
    report = report_of(log)
    assert [finding.more for finding in report.problems] == [2, 0]
    assert "(8 kHz, and 2 more)" in str(report)
    assert [finding.check for finding in report.findings] == ["shape", "silence", "silence", "key"]


def test_what_was_skipped_is_no_check_and_no_problem(log):
    log.skip("key", "there is no result")
    log.note("shape", "a strange shape")
    log.skip("shape", "not said: it has found something")
    report = report_of(log)
    assert report.ok
    assert [finding.state for finding in report.findings] == ["note", "ok", "skipped"]
    assert "2 checks, no problems, 1 note" in str(report)


def test_a_check_that_promises_nothing_is_none(log):
    with pytest.raises(KeyError):
        log.problem("beauty", "ugly", "")


def test_problems_can_be_asked_for(log):
    assert not log.has_problem()
    log.note("key", "fine")
    assert not log.has_problem("key")
    log.problem("shape", "round", "")
    assert log.has_problem()
    assert log.has_problem("key", "shape")
    assert not log.has_problem("key")


def test_the_error_has_the_report_in_it(log):
    log.problem("silence", "1.0 in row 0", "Declare fill_value=1.", "8 kHz")
    with pytest.raises(CalculatorContractError) as caught:
        report_of(log).raise_if_failed()
    error = caught.value
    assert isinstance(error, AudioCacheError)
    assert str(report_of(log)) in error.message
    assert error.hint == "Declare fill_value=1."
    assert error.context["calculator"] == "peak"
    assert error.context["problems"] == [str(report_of(log).problems[0])]


def test_a_notebook_shows_the_text(log):
    assert repr(report_of(log)) == str(report_of(log))
    assert not hasattr(report_of(log), "_repr_html_")


def test_every_line_is_one_line(log):
    log.note("key", "strange")
    assert str(Finding("key", "note", "a key", "strange")) == "note     key           strange"
