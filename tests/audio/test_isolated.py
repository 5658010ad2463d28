"""A21, B15: audio of others is decoded in a process of its own; whatever happens there, this one goes on."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
import soundfile
from support.sound import sound

from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.isolated import decode_isolated
from audiocache_nb.errors import DecoderCrashedError, TruncatedAudioError, UnsupportedFormatError


def encoded(form="FLAC", subtype=None):
    samples, rate = sound(2)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(("form", "subtype"), [("FLAC", None), ("WAV", "FLOAT"), ("OGG", "VORBIS")])
def test_a21_the_samples_are_those_that_this_process_would_decode(form, subtype):
    data = encoded(form, subtype)
    here, there = load(data), decode_isolated(data, "x")
    assert (there.digest, there.sample_rate, there.channels, there.frames) == (
        here.digest,
        here.sample_rate,
        here.channels,
        here.frames,
    )
    np.testing.assert_array_equal(there.read(100, 300), here.read(100, 300))


def test_a21_what_is_no_audio_is_refused_by_name():
    for data in (b"", b"hello world " * 40):
        with pytest.raises(UnsupportedFormatError):
            decode_isolated(data, "x")
    with pytest.raises(TruncatedAudioError):
        decode_isolated(encoded()[:-3000], "x")


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("raise SystemExit(3)", "without a word"),
        ("import sys; sys.stderr.write('[1, 2]\\n')", "without a word"),
        ('import sys; sys.stderr.write(\'{"error": "MemoryError"}\\n\')', "MemoryError"),
    ],
)
def test_b15_a_decoder_that_crashes_ends_alone(program, says):
    with pytest.raises(DecoderCrashedError, match=says):
        decode_isolated(encoded(), "x", program=program)


def test_b15_a_decoder_that_hangs_is_ended_and_so_is_one_that_nobody_waits_for():
    with pytest.raises(DecoderCrashedError, match="took more than"):
        decode_isolated(encoded(), "x", program="import time; time.sleep(100)", timeout_s=0.3)

    def give_up():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_isolated(encoded(), "x", program="import time; time.sleep(100)", on_wait=give_up)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no child is left


def test_b15_more_samples_than_there_may_be_are_refused():
    with pytest.raises(DecoderCrashedError):
        decode_isolated(encoded(), "x", max_samples=1000)
