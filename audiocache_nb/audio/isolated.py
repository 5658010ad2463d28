"""Decoding in a process of its own, for audio that came from somebody else.

A file that is made to crash a decoder, or to take it over, meets a child process that has no more than
time, memory and room for the samples; what comes back are plain numbers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from audiocache_nb import errors
from audiocache_nb.audio.files import anonymous_file
from audiocache_nb.audio.limits import MAX_SAMPLES, check_channels, check_sample_rate
from audiocache_nb.audio.names import display_text, quoted
from audiocache_nb.audio.origins import ArrayOrigin, ArrayReader
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.audio.survey import survey

PROGRAM = "from audiocache_nb.audio.decode_child import run; run()"
WAIT_S = 0.02
_REFUSALS = frozenset({"UnsupportedFormatError", "TruncatedAudioError", "AudioLimitError", "IngestError"})


def decode_isolated(
    data: bytes | memoryview,
    name: str,
    *,
    max_samples: int = MAX_SAMPLES,
    timeout_s: float = 300.0,
    on_wait: Callable[[], object] | None = None,
    program: str = PROGRAM,
) -> AudioSource:
    """Decode bytes that nobody vouches for.

    The samples go to a nameless temporary file, which is mapped: they take no memory of their own.

    Parameters
    ----------
    data : bytes
        An encoded file.
    name : str
        To show.
    max_samples : int
        Samples of all channels together; what decodes to more is refused.
    timeout_s : float [s]
        How long it may take.
    on_wait : callable, optional
        Called now and then; what it raises ends the child.
    program : str
        What the child runs; for tests.

    Raises
    ------
    DecoderCrashedError
        The child crashed, took too long or wanted too much.
    UnsupportedFormatError, TruncatedAudioError, AudioLimitError, NonFiniteAudioError
        As `audiocache_nb.audio.load`.
    """
    label = display_text(name) or "audio"
    encoded = anonymous_file([bytes(data)])
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as told:
        try:
            arguments = [label, str(4 * max_samples), str(int(timeout_s) + 1)]
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [sys.executable, "-I", "-c", program, *arguments],
                stdin=encoded,
                stdout=output,
                stderr=told,
                cwd="/" if os.name == "posix" else None,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        finally:
            os.close(encoded)
        _wait(child, label, timeout_s, on_wait)
        told.seek(0)
        said = _said(told.read(1 << 20), child.returncode, label)
        rate, channels = (
            check_sample_rate(said["sample_rate"], label=label),
            check_channels(said["channels"], label=label),
        )
        frames = os.fstat(output.fileno()).st_size // (4 * channels)
        samples = np.empty((0, channels), np.float32)
        if frames:
            samples = np.asarray(
                np.memmap(output, np.float32, "r", shape=(frames, channels))
            )  # outlives the file's name
    return _source(samples, said, label, rate)


def _wait(child: subprocess.Popen[bytes], label: str, timeout_s: float, on_wait: Callable[[], object] | None) -> None:
    deadline_s = time.monotonic() + timeout_s
    try:
        while True:
            try:
                child.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                if on_wait is not None:
                    on_wait()
                if time.monotonic() >= deadline_s:
                    raise errors.DecoderCrashedError(
                        f"Decoding {quoted(label)} took more than {timeout_s:g} s and was ended.",
                        hint="If the file is fine, convert it to WAV or FLAC.",
                    ) from None
            else:
                return
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _said(text: bytes, code: int, label: str) -> dict[str, Any]:
    """What the child told, or the error that it met."""
    if code < 0:
        number = -code
        known = {int(one): one.name for one in signal.Signals}
        raise errors.DecoderCrashedError(
            f"The decoder crashed on {quoted(label)} ({known.get(number, f'signal {number}')}).",
            hint="The file is damaged, or was made to do this. Nothing else was harmed.",
            signal=number,
        )
    try:
        said = json.loads(text.decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2])
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise errors.DecoderCrashedError(
            f"The decoder ended without a word on {quoted(label)}.", hint="The file is damaged.", exit_code=code
        )
    if "error" in said:
        kind = str(said["error"])
        message, hint = str(said.get("message", ""))[:600], str(said.get("hint", ""))[:600]
        if kind in _REFUSALS:
            raise getattr(errors, kind)(message, hint=hint)
        raise errors.DecoderCrashedError(f"Decoding {quoted(label)} failed: {message or kind}.", hint=hint)
    return said


def _source(samples: Any, said: dict[str, Any], label: str, rate: int) -> AudioSource:
    promised = said.get("promised_frames")
    if said.get("broke_off"):
        raise errors.TruncatedAudioError(
            f"{quoted(label)} broke off after {len(samples):,} frames.",
            hint="Get a complete copy.",
            decoded_frames=len(samples),
            claimed_frames=promised,
        )
    found = survey(
        ArrayReader(samples),
        sample_rate=rate,
        channels=samples.shape[1],
        bits=8 if said.get("bits") == 8 else 16,
        promised_frames=promised if isinstance(promised, int) else None,
    )
    if found.meter.nonfinite_samples:
        raise errors.NonFiniteAudioError(
            f"{quoted(label)} has {found.meter.nonfinite_samples:,} NaN or infinite samples.",
            hint="Repair the recording.",
            count=found.meter.nonfinite_samples,
        )
    return AudioSource(
        name=label,
        sample_rate=rate,
        channels=samples.shape[1],
        frames=len(samples),
        digest=found.digest,
        health=found.meter.report(
            promised_frames=promised if isinstance(promised, int) else None,
            notes=tuple(str(note)[:200] for note in said.get("notes", ())),
        ),
        decode={str(key): str(value)[:80] for key, value in dict(said.get("recipe", {})).items()},
        origin=ArrayOrigin(samples),
        array=samples,
    )
