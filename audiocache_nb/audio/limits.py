"""What is accepted as audio, checked before memory is taken."""

from __future__ import annotations

import math
import numbers
from typing import Any

from audiocache_nb.audio.names import quoted
from audiocache_nb.errors import AudioLimitError, InvalidParameterError, InvalidTypeError

MIN_SAMPLE_RATE_HZ = 1_000
MAX_SAMPLE_RATE_HZ = 768_000
MAX_CHANNELS = 64
# A decoder's claim is never trusted, so endless streams are stopped by these and not by the header.
MAX_FILE_BYTES = 1 << 38
MAX_SAMPLES = 1 << 36
# Encoded bytes and file objects are kept in memory; bigger recordings are given as a path.
MAX_MEMORY_BYTES = 1 << 31


def check_sample_rate(value: Any, *, label: str | None = None) -> int:
    """Return `value` as a whole number of samples per second.

    Parameters
    ----------
    value : int or whole float [Hz]
        From 1,000 to 768,000.
    label : str, optional
        Name of the file it was read from, for messages.

    Raises
    ------
    InvalidParameterError
        If there is none.
    InvalidTypeError
        If it is no number.
    AudioLimitError
        If it is not whole, not finite or outside the range.
    """
    hint = f"Give sample_rate as a whole number of hertz from {MIN_SAMPLE_RATE_HZ:,} to {MAX_SAMPLE_RATE_HZ:,}."
    if value is None:
        raise InvalidParameterError("The sample rate of the array is not known.", hint=hint)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidTypeError(f"A sample rate cannot be a {type(value).__name__}.", hint=hint)
    rate = float(value)
    whole = math.isfinite(rate) and rate == math.floor(rate)
    if not whole or not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        raise AudioLimitError(
            f"{_owner(label)} a sample rate of {rate:,.15g} Hz, which is not accepted.",
            hint=hint,
            sample_rate_hz=rate if math.isfinite(rate) else str(rate),
            minimum_hz=MIN_SAMPLE_RATE_HZ,
            maximum_hz=MAX_SAMPLE_RATE_HZ,
        )
    return int(rate)


def check_channels(count: int, *, label: str | None = None) -> int:
    """Return `count` if it is from 1 to 64.

    Parameters
    ----------
    count : int
    label : str, optional
        Name of the file it was read from, for messages.

    Raises
    ------
    AudioLimitError
        If it is not.
    """
    if not 1 <= count <= MAX_CHANNELS:
        raise AudioLimitError(
            f"{_owner(label)} {count:,} channels, which is not accepted.",
            hint=f"From 1 to {MAX_CHANNELS} channels are analysed; select or mix some of them first.",
            channels=int(count),
            maximum=MAX_CHANNELS,
        )
    return int(count)


def _owner(label: str | None) -> str:
    return "The audio has" if label is None else f"{quoted(label)} has"
