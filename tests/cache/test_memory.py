"""Finished features in memory."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.cache.memory import MemoryCache
from audiocache_nb.features.track import FeatureTrack


def track(key: str, rows: int = 1, audio: str = "sha256:0") -> FeatureTrack:
    """A track of 4 bytes a row."""
    return FeatureTrack(
        feature="a",
        calculator_id="a",
        version="1",
        label="a",
        unit="",
        data=np.zeros((rows, 1), np.float32),
        axes=("frame", "value"),
        fill_value=0.0,
        hop_seconds=0.01,
        start_seconds=0.0,
        key=key,
        provenance={"audio": audio},
    )


def test_what_is_put_is_got():
    cache, one = MemoryCache(), track("k")
    cache.put(one)
    assert cache.get("k") is one
    assert "k" in cache
    assert (len(cache), cache.nbytes) == (1, 4)
    assert cache.get("other") is None
    assert "other" not in cache


def test_the_same_key_again_replaces():
    cache, new = MemoryCache(), track("k", 3)
    cache.put(track("k", 2))
    cache.put(new)
    assert cache.get("k") is new
    assert (len(cache), cache.nbytes) == (1, 12)


def test_the_least_recently_used_leave_first():
    cache = MemoryCache(budget_bytes=12)
    for key in "abc":
        cache.put(track(key))
    assert cache.get("a") is not None  # used now: b is the oldest
    cache.put(track("d"))
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]
    cache.put(track("e", 2))
    assert [key for key in "abcde" if key in cache] == ["d", "e"]


def test_looking_whether_it_is_there_is_no_use():
    cache = MemoryCache(budget_bytes=8)
    cache.put(track("a"))
    cache.put(track("b"))
    assert "a" in cache
    cache.put(track("c"))
    assert "a" not in cache


def test_what_is_bigger_than_everything_is_not_kept_and_drives_nothing_out():
    cache = MemoryCache(budget_bytes=8)
    cache.put(track("a"))
    cache.put(track("huge", 3))
    assert "huge" not in cache
    assert "a" in cache


def test_a_track_that_has_grown_too_big_leaves_no_old_one_behind():
    cache = MemoryCache(budget_bytes=8)
    cache.put(track("a"))
    cache.put(track("a", 3))
    assert cache.get("a") is None
    assert cache.nbytes == 0


def test_discard_and_clear():
    cache = MemoryCache()
    for key in "abc":
        cache.put(track(key))
    cache.discard("b")
    cache.discard("nothing")
    assert (len(cache), cache.nbytes) == (2, 8)
    cache.clear()
    assert (len(cache), cache.nbytes) == (0, 0)


def test_all_results_of_one_recording_can_go():
    cache = MemoryCache()
    cache.put(track("a", 1, "sha256:1"))
    cache.put(track("b", 2, "sha256:1"))
    cache.put(track("c", 3, "sha256:2"))
    assert cache.discard_audio("sha256:1") == {"a": 4, "b": 8}
    assert (len(cache), cache.nbytes) == (1, 12)
    assert cache.discard_audio("sha256:1") == {}


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.sampled_from(["put", "get", "discard"]), st.sampled_from("abcdef"), st.integers(1, 6))),
)
def test_it_is_an_ordered_dict_with_a_budget(budget, walk):
    cache, model = MemoryCache(budget_bytes=budget), {}
    for verb, key, rows in walk:
        if verb == "put":
            model.pop(key, None)
            cache.put(track(key, rows))
            if 4 * rows <= budget:
                model[key] = 4 * rows
            while sum(model.values()) > budget:
                del model[next(iter(model))]
        elif verb == "get":
            assert (cache.get(key) is not None) == (key in model)
            if key in model:
                model[key] = model.pop(key)
        else:
            cache.discard(key)
            model.pop(key, None)
        assert cache.nbytes == sum(model.values()) <= budget
        assert {key for key in "abcdef" if key in cache} == set(model)


@pytest.fixture
def frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_many_threads_keep_the_books_straight():
    cache = MemoryCache(budget_bytes=64)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for n in range(300):
                key = str((number * 7 + n) % 11)
                cache.put(track(key, 1 + n % 5))
                found = cache.get(key)
                assert found is None or found.key == key
                if n % 5 == 0:
                    cache.discard(key)
                assert cache.nbytes <= 64
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    kept = [cache.get(str(n)) for n in range(11)]
    assert cache.nbytes == sum(one.nbytes for one in kept if one is not None)
