from __future__ import annotations

import asyncio
import threading
import time

from audiocache_nb.models.ticker import Ticker


def until(condition, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.002)


def test_it_ticks_while_there_is_a_reason_and_its_thread_goes():
    left, names = [5], set()

    def tick():
        names.add(threading.current_thread().name)
        left[0] -= 1
        return left[0] > 0

    ticker = Ticker(tick, interval_s=0.001, name="a ticker")
    ticker.wake()
    until(lambda: left[0] == 0)
    until(lambda: not [t for t in threading.enumerate() if t.name == "a ticker"])
    assert names == {"a ticker"}
    left[0] = 2
    ticker.wake()
    until(lambda: left[0] == 0)


def test_a_wake_during_a_tick_is_not_lost_and_many_are_one():
    inside, go_on, count = threading.Event(), threading.Event(), [0]

    def tick():
        count[0] += 1
        inside.set()
        go_on.wait(20)
        return False

    ticker = Ticker(tick, interval_s=0.001, name="a ticker")
    ticker.wake()
    assert inside.wait(20)
    for _ in range(50):
        ticker.wake()
    go_on.set()
    until(lambda: count[0] == 2)
    until(lambda: not [t for t in threading.enumerate() if t.name == "a ticker"])
    assert count[0] == 2


def test_a_tick_that_fails_is_the_last_until_it_is_woken_again(caplog):
    count = [0]

    def tick():
        count[0] += 1
        raise ValueError("no")

    ticker = Ticker(tick, interval_s=0.001, name="a ticker")
    for expected in (1, 2):
        ticker.wake()
        until(lambda expected=expected: count[0] == expected)
        until(lambda: not ticker._running)
    ticker.close()
    ticker.wake()
    assert count[0] == 2
    assert "a ticker failed" in caplog.text


def test_without_threads_an_event_loop_does_it_and_without_one_nobody():
    left, over = [3], asyncio.Event()

    def tick():
        left[0] -= 1
        if left[0] == 0:
            over.set()
        return left[0] > 0

    ticker = Ticker(tick, interval_s=0.001, name="a ticker", threads=False)
    ticker.wake()
    assert left[0] == 3

    async def run():
        ticker.wake()
        await over.wait()

    asyncio.run(asyncio.wait_for(run(), 20))
