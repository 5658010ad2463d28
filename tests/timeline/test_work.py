"""Which jobs count."""

from __future__ import annotations

import pytest
from support.by_hand import Toy, audio

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import make_item
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline.work import Work


def job(*features: str, number: int = 0) -> Job:
    return Job(audio(number), [make_item(audio(number), Descriptor(name, name), Toy(name)) for name in features])


def test_a_job_counts_from_attaching_to_dropping():
    work, one = Work(), job("a")
    assert not work
    work.attach(one)
    assert work
    assert work.counts(one)
    assert work.of(audio().id) == (one,)
    assert work.source_ids() == [audio().id]
    assert work.drop(one)
    assert not work.drop(one)
    assert not work
    assert work.of(audio().id) == ()


def test_a_detached_job_does_not_count_any_more():
    work, one, two, other = Work(), job("a"), job("b"), job("a", number=1)
    for each in (one, two, other):
        work.attach(each)
    assert work.detach(audio().id) == [one, two]
    assert [work.counts(each) for each in (one, two, other)] == [False, False, True]
    assert not work.drop(one)
    assert work.detach(audio().id) == []


def test_a_job_computes_what_it_has_not_settled():
    work, one = Work(), job("a", "b")
    work.attach(one)
    a, b = (item.key for item in one.items)
    work.settle(one, a)
    assert work.computing(audio().id, a) is None
    assert work.computing(audio().id, b) is one
    assert work.computing(audio(1).id, b) is None
    assert work.computing(audio().id, "another key") is None


def test_what_the_job_itself_has_noted_is_no_news_yet():
    work, one = Work(), job("a")
    work.attach(one)
    one.stored.add(one.items[0].key)
    assert work.computing(audio().id, one.items[0].key) is one


def test_a_cancelled_job_computes_nothing():
    work, one, two = Work(), job("a"), job("a")
    work.attach(one)
    work.attach(two)
    one.control.cancel()
    assert work.computing(audio().id, one.items[0].key) is two


def test_only_a_job_that_counts_can_settle():
    with pytest.raises(KeyError):
        Work().settle(job("a"), "key")
