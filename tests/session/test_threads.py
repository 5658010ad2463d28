"""Many threads on one session, with real jobs: whatever the order, the end is sound."""

from __future__ import annotations

import random
import sys
import threading

import numpy as np
import pytest

import audiocache_nb as acn

WAIT_S = 120
RATE = 8000


@pytest.fixture
def frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(count: int, work) -> None:
    errors: list[BaseException] = []
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            gate.wait(WAIT_S)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive(), "a thread hangs"
    assert errors == []


@pytest.mark.usefixtures("frequent_switches")
def test_verbs_from_all_sides(session, tone, define):
    define(lambda samples: acn.Global(float(samples.max())), "peak", version=0)
    tracks = [session.add_audio(tone * (n + 1) / 4, RATE, name=str(n)) for n in range(3)]
    seen = []
    session.subscribe(seen.append)

    def work(number: int) -> None:
        dice = random.Random(number)
        for n in range(25):
            track = dice.choice(tracks)
            match dice.randrange(9):
                case 0:
                    session.request(track, ["rms", "peak"], element=f"e{number}")
                case 1:
                    session.release(f"e{number}")
                case 2:
                    session.stop(track)
                case 3:
                    session.reanalyze(track, ["peak"])
                case 4:
                    session.clear(track)
                case 5:
                    session.restart(track)
                case 6:
                    value = dice.randrange(3)
                    define(lambda samples, value=value: acn.Global(float(value)), "peak", version=value)
                case 7:
                    try:
                        got = session.get(track, "peak", timeout=WAIT_S)
                    except acn.JobCancelledError:
                        continue  # somebody stopped or cleared it
                    assert got.version in "012"
                case 8:
                    extra = session.add_audio(tone * dice.random(), RATE)
                    session.request(extra, "rms")
                    if n % 2:
                        session.move(extra, offset_ticks=n)
                    session.remove(extra)

    together(8, work)
    session.wait(WAIT_S)
    assert session.store.flush(WAIT_S)
    assert [event.sequence for event in seen] == list(range(seen[0].sequence, seen[0].sequence + len(seen)))
    assert list(session.tracks) == [track.id for track in tracks]
    for track in tracks:
        status = session.status(track)
        assert status.state in ("ready", "idle", "stale")
        assert status.progress is None
        for entry in session.store.snapshot().sources[track.source_id].entries.values():
            assert entry.state in ("fresh", "missing", "stale")
            if entry.state == "fresh":
                assert entry.track.key == entry.wanted_key
        rms = session.get(track, "rms", timeout=WAIT_S)
        assert rms.provenance["audio"] == track.source.digest
        assert np.isfinite(rms.data).all()


@pytest.mark.usefixtures("frequent_switches")
def test_get_from_all_sides_computes_once(session, track, gate):
    got = []
    threading.Timer(0.05, gate.open.set).start()
    together(8, lambda _: got.append(session.get(track, "gate", timeout=WAIT_S)))
    assert len(got) == 8
    assert len({id(one) for one in got}) == 1
    assert gate.calls == 1


@pytest.mark.usefixtures("frequent_switches")
def test_get_is_never_told_that_it_was_stopped_when_nobody_stopped_it(session, track, define):
    """Edits and other requests pass by while somebody waits."""
    define(lambda samples: acn.Global(0.0), "peak", version=0)
    done = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for value in range(1, 60):
                define(lambda samples, value=value: acn.Global(float(value)), "peak", version=value)
            done.set()
        elif number == 1:
            while not done.is_set():
                session.request(track, ["rms"], element="other")
                session.reanalyze(track, ["rms"])
        else:
            while not done.is_set():
                assert session.get(track, "peak", timeout=WAIT_S).feature == "peak"

    together(5, work)
    assert session.get(track, "peak", timeout=WAIT_S).version == "59"


@pytest.mark.usefixtures("frequent_switches")
def test_closing_while_everybody_works(session, tone):
    tracks = [session.add_audio(tone * (n + 1) / 4, RATE) for n in range(3)]

    def work(number: int) -> None:
        for _ in range(20):
            try:
                session.restart(tracks[number % 3])
                session.get(tracks[number % 3], "rms", timeout=WAIT_S)
            except acn.JobCancelledError:
                continue
            except acn.SessionClosedError:
                return
            if number == 0:
                session.close()

    together(6, work)
    session.close()
    assert all(session.status(track).state in ("ready", "idle") for track in tracks)
    session.wait(WAIT_S)
