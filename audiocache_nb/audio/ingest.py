"""The way in: a path, bytes, a file object or an array becomes an `AudioSource`."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, Literal

from audiocache_nb.audio.arrays import own_samples
from audiocache_nb.audio.decode import SoundFileReader
from audiocache_nb.audio.files import FileStamp, anonymous_file, open_regular
from audiocache_nb.audio.health import HealthMeter
from audiocache_nb.audio.limits import MAX_MEMORY_BYTES, check_sample_rate
from audiocache_nb.audio.names import quoted
from audiocache_nb.audio.origins import ArrayOrigin, ArrayReader, BytesOrigin, FileOrigin
from audiocache_nb.audio.source import AudioSource, OnBlock
from audiocache_nb.audio.survey import Survey, survey
from audiocache_nb.errors import (
    AudioLimitError,
    InvalidParameterError,
    InvalidTypeError,
    NonFiniteAudioError,
    SourceChangedError,
    SourceMissingError,
    TruncatedAudioError,
)

NonFinite = Literal["refuse", "zero"]


@dataclasses.dataclass(frozen=True, slots=True)
class _Options:
    sample_rate: Any
    name: str | None
    clean: bool
    allow_partial: bool
    on_block: OnBlock | None


def load(
    source: Any,
    *,
    sample_rate: float | None = None,
    name: str | None = None,
    nonfinite: NonFinite = "refuse",
    allow_partial: bool = False,
    on_block: OnBlock | None = None,
) -> AudioSource:
    """Take audio in: decode it once from beginning to end, digest it and measure its health.

    Files are not held in memory: they are decoded again, block by block, whenever they are analysed.

    Parameters
    ----------
    source : path, bytes, file object, array [shape=(n,) or (n, channels)] or AudioSource
        WAV, RF64, W64, AIFF, FLAC, Ogg Vorbis, Ogg Opus, MP3 or CAF; or samples of any real type, which are
        copied. A str is a path. An ``(array, sample_rate)`` pair is taken too.
    sample_rate : int [Hz]
        Needed for arrays. A file has its own; if it is another one than this, that is an error.
    name : str
        To show; from the file's name if None.
    nonfinite : {"refuse", "zero"}
        What to do with NaN and infinite samples.
    allow_partial : bool
        Take what could be decoded of a stream that breaks off.
    on_block : callable (frames done, frames promised or None), optional
        Called after every block; may raise to give up.

    Raises
    ------
    InvalidTypeError
        For an object, or an array of a dtype, that is no audio.
    InvalidParameterError
        For arrays of a wrong shape or without sample rate, and unknown options.
    AudioLimitError
        For sample rates, channel counts and sizes outside the limits.
    SourceMissingError
        If the file is not there or may not be read.
    UnsupportedFormatError
        If it is no audio that can be read.
    TruncatedAudioError
        If the stream breaks off; ``context`` has ``decoded_frames`` and ``claimed_frames``.
    NonFiniteAudioError
        For NaN or infinite samples; ``context`` has ``count`` and ``first_index``.
    """
    if nonfinite not in {"refuse", "zero"}:
        raise InvalidParameterError(
            f"nonfinite cannot be {quoted(str(nonfinite))}.",
            hint='Use "refuse" or "zero".',
            nonfinite=str(nonfinite)[:80],
        )
    if name is not None and not isinstance(name, str):
        raise InvalidTypeError(f"A name cannot be a {type(name).__name__}.", hint="Give a str.")
    options = _Options(sample_rate, name, nonfinite == "zero", allow_partial, on_block)
    if isinstance(source, AudioSource):
        return source if name is None else dataclasses.replace(source, name=name)
    if isinstance(source, str | os.PathLike):
        return _from_path(source, options)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), name or "audio", options)
    if callable(getattr(source, "read", None)):
        title = getattr(source, "name", None)
        label = name or (Path(title).name if isinstance(title, str) else "") or "audio"
        return _from_bytes(_content(source, label), label, options)
    if isinstance(source, tuple) and len(source) == 2 and hasattr(source[0], "__array__"):
        if sample_rate is not None and sample_rate != source[1]:
            raise InvalidParameterError("Two different sample rates were given.", hint="Give one of them.")
        source, options = source[0], dataclasses.replace(options, sample_rate=source[1])
    return _from_array(source, options)


def _from_array(source: Any, options: _Options) -> AudioSource:
    rate = check_sample_rate(options.sample_rate)
    samples, bits = own_samples(source)
    label = options.name or "array"
    found = survey(
        ArrayReader(samples),
        sample_rate=rate,
        channels=samples.shape[1],
        bits=bits,
        promised_frames=len(samples),
        on_block=options.on_block,
    )
    _check_finite(found.meter, label, options)
    samples.flags.writeable = False
    return AudioSource(
        name=label,
        sample_rate=rate,
        channels=samples.shape[1],
        frames=len(samples),
        digest=found.digest,
        health=found.meter.report(),
        decode={"decoder": "array"},
        origin=ArrayOrigin(samples),
        array=samples,
    )


def _from_bytes(data: bytes, label: str, options: _Options) -> AudioSource:
    _check_memory(len(data), label)
    reader = SoundFileReader(anonymous_file([data]), label)
    try:
        found = _survey_file(reader, label, options)
        frames, clean = found.meter.frames, found.meter.nonfinite_samples > 0
        origin = BytesOrigin(data, label, frames, clean)
        return _file_source(reader, found, label, origin=origin, path=None)
    finally:
        reader.close()


def _from_path(source: str | os.PathLike[str], options: _Options) -> AudioSource:
    path = Path(os.fsdecode(source)).absolute()  # the notebook may change its working directory later
    label = options.name or path.name or "audio"
    descriptor, status = open_regular(path, label)
    stamp = FileStamp.of(status)
    reader = SoundFileReader(descriptor, label)
    try:
        found = _survey_file(reader, label, options)
        _check_still(path, label, stamp)
        clean = found.meter.nonfinite_samples > 0
        origin = FileOrigin(path, label, stamp, digest=found.digest, frames=found.meter.frames, clean=clean)
        return _file_source(reader, found, label, origin=origin, path=path)
    finally:
        reader.close()


def _survey_file(reader: SoundFileReader, label: str, options: _Options) -> Survey:
    wanted = options.sample_rate
    if wanted is not None and check_sample_rate(wanted) != reader.sample_rate:
        raise InvalidParameterError(
            f"{quoted(label)} has a sample rate of {reader.sample_rate:,} Hz, not {wanted:,} Hz.",
            hint="Leave sample_rate out for files; AnalysisProfile(sample_rate=...) analyses them at another one.",
            sample_rate_hz=reader.sample_rate,
        )
    found = survey(
        reader,
        sample_rate=reader.sample_rate,
        channels=reader.channels,
        bits=reader.bits,
        promised_frames=reader.promised_frames,
        on_block=options.on_block,
    )
    _check_complete(reader, found.meter.frames, label, options)
    _check_finite(found.meter, label, options)
    return found


def _file_source(
    reader: SoundFileReader, found: Survey, label: str, *, origin: BytesOrigin | FileOrigin, path: Path | None
) -> AudioSource:
    recipe = reader.recipe
    if found.meter.nonfinite_samples:
        recipe["nonfinite"] = "zero"
    notes = reader.notes
    if reader.broke_off and reader.promised_frames is None:
        notes = (f"truncated: the stream broke off after {found.meter.frames:,} frames", *notes)
    return AudioSource(
        name=label,
        sample_rate=reader.sample_rate,
        channels=reader.channels,
        frames=found.meter.frames,
        digest=found.digest,
        health=found.meter.report(promised_frames=reader.promised_frames, notes=notes),
        decode=recipe,
        origin=origin,
        path=path,
    )


def _check_complete(reader: SoundFileReader, frames: int, label: str, options: _Options) -> None:
    promised = reader.promised_frames
    short = reader.format == "FLAC" and promised is not None and frames < promised
    if options.allow_partial or not (reader.broke_off or short):
        return
    of = "" if promised is None else f" of {promised:,}"
    raise TruncatedAudioError(
        f"{quoted(label)} broke off after {frames:,}{of} frames.",
        hint="Get a complete copy, or take the beginning with allow_partial=True.",
        decoded_frames=frames,
        claimed_frames=promised,
    )


def _check_still(path: Path, label: str, stamp: FileStamp) -> None:
    """Refuse a file that somebody is still writing: the digest would be of something that never was."""
    descriptor, status = open_regular(path, label)
    os.close(descriptor)
    if not stamp.same_content_as(status):
        raise SourceChangedError(
            f"{quoted(label)} was written to while it was read.", hint="Add it when the recording is finished."
        )


def _check_finite(meter: HealthMeter, label: str, options: _Options) -> None:
    count = meter.nonfinite_samples
    if options.clean or not count:
        return
    raise NonFiniteAudioError(
        f"{quoted(label)} has {count:,} NaN or infinite samples, the first in frame {meter.first_nonfinite_frame:,}.",
        hint='Repair the recording, or set them to zero with nonfinite="zero".',
        count=count,
        first_index=meter.first_nonfinite_frame,
    )


def _content(file: Any, label: str) -> bytes:
    """Everything from here to the end of a file object, unless it is too much."""
    content = bytearray()
    while piece := _piece(file, label):
        content += piece
        _check_memory(len(content), label)
    return bytes(content)


def _piece(file: Any, label: str) -> bytes:
    try:
        piece = file.read(1 << 20)
    except (OSError, ValueError) as error:  # closed, or open for writing
        raise SourceMissingError(
            f"The file object {quoted(label)} could not be read: {quoted(str(error))}.", hint='Open it with mode "rb".'
        ) from error
    if isinstance(piece, bytes | bytearray | memoryview):
        return bytes(piece)
    raise InvalidTypeError(
        f"The file object {quoted(label)} gives {type(piece).__name__}, not bytes.", hint='Open it with mode "rb".'
    )


def _check_memory(size: int, label: str) -> None:
    if size > MAX_MEMORY_BYTES:
        raise AudioLimitError(
            f"{quoted(label)} is too large to be held in memory (more than {MAX_MEMORY_BYTES:,} bytes).",
            hint="Give the path of a file instead.",
            maximum_bytes=MAX_MEMORY_BYTES,
        )
