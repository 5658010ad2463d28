"""The life of a session: made, used, closed; whatever is running then."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
import weakref

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.features.registry import Registry

WAIT_S = 60


def test_as_a_context_manager(tone):
    with acn.Session(cache_dir=False) as session:
        assert not session.closed
        track = session.add_audio(tone, 8000)
        session.get(track, "rms", timeout=WAIT_S)
    assert session.closed
    assert repr(session) == "<Session, closed>"


def test_closing_twice_is_once(session):
    session.close()
    session.close()
    assert session.closed


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True])
def test_workers_are_a_whole_number(workers):
    with pytest.raises(acn.InvalidParameterError, match="workers is"):
        acn.Session(workers=workers)


@pytest.mark.parametrize("options", [{"bpm": 0}, {"bpm": float("nan")}, {"beats_per_bar": 0}, {"bpm": "fast"}])
def test_the_tempo_is_checked(options):
    with pytest.raises((acn.InvalidParameterError, acn.InvalidTypeError)):
        acn.Session(**options)


def test_repr_tells_what_is_there(session, tone):
    assert repr(session) == "<Session: 0 tracks>"
    track = session.add_audio(tone, 8000)
    assert repr(session) == f"<Session: 1 track; {track.id} idle>"
    assert repr(track) == f"<Track {track.id!r} {track.name!r}: 2 ch, 8000 Hz, 2.00 s>"


def test_a_closed_session_refuses_work_and_says_what_to_do(session, track, tone):
    session.get(track, "rms", timeout=WAIT_S)
    session.close()
    for verb in (
        lambda: session.add_audio(tone, 8000),
        lambda: session.move(track, offset_ticks=3),
        lambda: session.remove(track),
        lambda: session.request(track, "rms"),
        lambda: session.get(track, "rms"),
        lambda: session.restart(track),
        lambda: session.reanalyze(track, ["rms"]),
        lambda: session.clear(track),
        session.clear_all,
        session.reset,
        lambda: session.publisher,
    ):
        with pytest.raises(acn.SessionClosedError, match="The session is closed") as caught:
            verb()
        assert caught.value.hint


def test_a_closed_session_still_shows_what_it_has(session, track):
    stored = session.get(track, "rms", timeout=WAIT_S)
    session.close()
    assert list(session.tracks) == [track.id]
    assert session.peek(track, "rms") is stored
    assert session.status(track).state == "ready"
    assert session.freshness(track, "rms").state == "fresh"
    session.wait(WAIT_S)
    session.stop(track)
    session.release("nobody")
    session.tempo.bpm = 90


def test_closing_with_a_job_running(session, track, gate):
    (job,) = session.request(track, "gate")
    assert gate.entered.wait(WAIT_S)
    session.close()
    assert session.status(track).state == "idle"
    assert session.status(track).message == "session closed"
    assert job.wait(WAIT_S)
    assert job.state == "cancelled"


def test_closing_with_a_job_that_ignores_it(session, track, stubborn):
    session.request(track, "stubborn")
    assert stubborn.entered.wait(WAIT_S)
    session.close()  # comes back although the calculator does not
    assert not stubborn.open.is_set()
    assert session.status(track).state == "idle"


def test_closing_with_many_jobs_waiting(session, tone, gate):
    jobs = []
    for n in range(20):
        jobs += session.request(session.add_audio(tone * (n + 1) / 20, 8000), "gate")
    session.close()
    for job in jobs:
        assert job.wait(WAIT_S)
        assert job.state == "cancelled"


def test_closing_from_a_callback(session, track):
    closed = threading.Event()

    def close(_event):
        session.close()
        closed.set()

    session.subscribe(close)
    session.request(track, "rms")
    assert closed.wait(WAIT_S)
    assert session.closed


def test_closing_from_a_calculator(session, track, define):
    def suicidal(samples):
        session.close()
        return np.zeros(1)

    define(suicidal)
    (job,) = session.request(track, "suicidal")
    assert job.wait(WAIT_S)
    assert session.closed


def test_closing_from_several_threads(session, track, gate):
    session.request(track, "gate")
    threads = [threading.Thread(target=session.close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert session.closed


def test_the_last_event_is_that_it_was_closed(session, track, gate):
    seen = []
    session.subscribe(seen.append)
    session.request(track, "gate")
    assert gate.entered.wait(WAIT_S)
    session.close()
    gate.open.set()
    assert session.store.flush(WAIT_S)
    assert type(seen[-1]).__name__ == "SessionClosed"
    assert [event.sequence for event in seen] == list(range(seen[0].sequence, seen[-1].sequence + 1))


def test_a_session_that_nobody_uses_any_more_is_collected(tone):
    """A cell that is run again makes a new session: the common registry must not keep the old ones."""
    registry = Registry(entry_points=False)
    session = acn.Session(cache_dir=False, registry=registry)
    session.add_audio(tone, 8000)
    gone = weakref.ref(session.timeline)
    del session
    gc.collect()
    assert gone() is None
    assert registry._listeners == []


def run(script: str) -> subprocess.CompletedProcess:
    """Run a script in an interpreter of its own; one that never ends fails here."""
    code = textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("end", ["", "session.close()", "raise SystemExit(3)"])
def test_the_interpreter_ends_with_a_calculator_that_ignores_everything(end):
    done = run(f"""
        import threading
        import numpy as np
        import audiocache_nb as acn

        entered = threading.Event()

        @acn.calculator(inputs="samples", version=1)
        def endless(samples):
            entered.set()
            while True:
                threading.Event().wait(3600)

        session = acn.Session(cache_dir=False)
        session.request(session.add_audio(np.zeros(800), 8000), "endless")
        assert entered.wait(60)
        print("running", flush=True)
        {end}
    """)
    assert done.stdout == "running\n"
    assert done.stderr == ""
    assert done.returncode == (3 if "3" in end else 0)
