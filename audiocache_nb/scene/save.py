"""Writing a scene: a document alone, or a bundle with features and recordings in it."""

from __future__ import annotations

import dataclasses
import functools
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, BinaryIO, Literal

import numpy as np

from audiocache_nb.cache.entry import chunks, rows_per_chunk, write_plan
from audiocache_nb.errors import AudioCacheError, IngestError, InvalidParameterError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.archive_writer import ArchiveWriter, Buffer
from audiocache_nb.scene.atomic import replacing
from audiocache_nb.scene.audio_parts import audio_part
from audiocache_nb.scene.capture import Scene
from audiocache_nb.scene.crc import combined
from audiocache_nb.scene.digests import Digests
from audiocache_nb.scene.document import check_document, with_unknown_parts
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.manifest import DOCUMENT, MANIFEST, manifest_bytes
from audiocache_nb.scene.report import SceneReport
from audiocache_nb.scene.strict_json import stable

Audio = Literal["embed", "reference", "none"]
OnProgress = Callable[[float], object]
_NO_DIGEST = "0" * 64


def save_scene(
    scene: Scene,
    path: str | os.PathLike[str],
    *,
    audio: Audio,
    unknown: Mapping[str, Any] | None = None,
    on_progress: OnProgress | None = None,
) -> SceneReport:
    """Write a scene to a file; the previous file is there until the new one is complete.

    Parameters
    ----------
    scene : Scene
    path : path
        Ending in ``.json``: the document alone. Otherwise: a bundle.
    audio : {"embed", "reference", "none"}
        Put the recordings into the bundle, name their files, or leave both out.
    unknown : mapping, optional
        What was not known when the scene was loaded, see `unknown_parts`.
    on_progress : callable (float) -> object, optional
        Told the part that is done, 0 .. 1; what it raises ends the saving and leaves the previous file.

    Raises
    ------
    DocumentError
        The file cannot be written, or the scene is not one that could be read again.
    InvalidParameterError
    """
    if audio not in ("embed", "reference", "none"):
        raise InvalidParameterError(f"audio is {audio!r:.40}.", hint='Use "embed", "reference" or "none".')
    document = {**scene.document, "sources": [dict(source) for source in scene.document["sources"]]}
    if audio == "none":
        for source in document["sources"]:
            source["reference"] = None
    alone = os.fspath(path).lower().endswith(".json")
    warnings: list[str] = []
    with replacing(path) as file:
        if alone:
            notes = [
                dataclasses.replace(note, outcome="left out", reason=note.reason or "a document holds no data")
                for note in scene.notes
            ]
            file.write(_document_bytes(document, unknown))
        else:
            notes = scene.notes
            _write_bundle(
                file, scene, document, audio=audio, unknown=unknown, on_progress=on_progress, warnings=warnings
            )
        size = file.tell()
    return SceneReport(os.fspath(path), "saved", tuple(notes), tuple(warnings), size)


def _document_bytes(document: dict[str, Any], unknown: Mapping[str, Any] | None) -> bytes:
    if unknown is not None:
        document = with_unknown_parts(document, unknown)
    generous = ImportLimits(tracks=1 << 20, descriptors=1 << 20, tempo_events=1 << 20)
    check_document(document, generous, name="the scene")
    return stable(document)


@dataclasses.dataclass(frozen=True)
class _Part:
    """An entry to be written; a feature's digest is computed while others are written."""

    name: str
    nbytes: int
    pieces: Iterable[Buffer]
    crc: int | None = None
    digest: Callable[[], Future[str]] | None = None


def _write_bundle(
    file: BinaryIO,
    scene: Scene,
    document: dict[str, Any],
    *,
    audio: Audio,
    unknown: Mapping[str, Any] | None,
    on_progress: OnProgress | None,
    warnings: list[str],
) -> None:
    with Digests(sum(track.nbytes for track in scene.features)) as digests:
        parts = _feature_parts(scene, document, warnings, digests)
        # The longest takes longest, so it comes first.
        known = {part.name: part.digest() for part in sorted(parts, key=lambda part: -part.nbytes) if part.digest}
        if audio == "embed":
            parts += _audio_parts(scene, document, warnings)
        body = _document_bytes(document, unknown)
        parts.insert(0, _Part(DOCUMENT, len(body), [body]))
        _write_parts(file, parts, known, on_progress)


def _write_parts(
    file: BinaryIO, parts: list[_Part], known: Mapping[str, Future[str]], on_progress: OnProgress | None
) -> None:
    total = sum(part.nbytes for part in parts)
    done = 0

    def count(nbytes: int) -> None:
        nonlocal done
        done += nbytes
        if on_progress is not None:
            on_progress(min(1.0, done / total))

    with ArchiveWriter(file, on_bytes=count) as writer:
        # The manifest comes first and holds digests of what follows: its room is kept, since its size is known.
        writer.reserve(MANIFEST, len(_manifest([(part, _NO_DIGEST) for part in parts])))
        digests = [
            (part, writer.add(part.name, part.nbytes, part.pieces, crc=part.crc, digest=part.name not in known))
            for part in parts
        ]
        writer.finish()
        writer.force()  # a digest takes as long as the disk: let both go on at once
        writer.fill(MANIFEST, _manifest([(part, known.get(part.name, digest).result()) for part, digest in digests]))


def _feature_parts(scene: Scene, document: dict[str, Any], warnings: list[str], digests: Digests) -> list[_Part]:
    """The features as entries; one that cannot be written is left out and named."""
    parts: list[_Part] = []
    features: list[dict[str, Any]] = []
    waiting = [digests.checks(track) for track in scene.features]
    for track, feature, checks in zip(scene.features, document["features"], waiting, strict=True):
        try:
            header, tail = write_plan(track, checks())
        except AudioCacheError as error:  # damaged on disk, or a parameter that has no plain form
            warnings.append(f"{track.feature} by {track.calculator_id} is not in the bundle: {error.message}")
            continue
        name = f"features/{len(parts):05d}.safetensors"
        nbytes = len(header) + track.nbytes + len(tail)
        pieces, crc = _feature_pieces(header, track, tail), _crc(header, track, tail)
        parts.append(_Part(name, nbytes, pieces, crc, functools.partial(digests.sha256, header, track, tail)))
        features.append({**feature, "array": {"entry": name}})
    document["features"] = features
    return parts


def _feature_pieces(header: bytes, track: FeatureTrack, tail: bytes) -> Iterator[Buffer]:
    yield header
    yield from chunks(track)
    yield tail


def _crc(header: bytes, track: FeatureTrack, tail: bytes) -> int:
    """CRC-32 of the entry: that of its data follows from those of the chunks, which stand at the end of its tail."""
    row_bytes = track.nbytes // max(1, track.frame_count)
    step = rows_per_chunk(track.shape, track.dtype)
    sizes = [row_bytes * min(step, track.frame_count - first) for first in range(0, track.frame_count, step)]
    checks = np.frombuffer(tail[len(tail) - 4 * len(sizes) :], "<u4").tolist()
    ends = [(zlib.crc32(one), len(one)) for one in (header, tail)]
    return combined([ends[0], *zip(checks, sizes, strict=True), ends[1]])


def _audio_parts(scene: Scene, document: dict[str, Any], warnings: list[str]) -> list[_Part]:
    """The recordings as entries; one that is not there any more is named."""
    parts: list[_Part] = []
    for source, plain in zip(scene.sources, document["sources"], strict=True):
        try:
            part = audio_part(source)
        except IngestError as error:
            warnings.append(f"{source.name} is not in the bundle: {error.message}")
            continue
        name = f"audio/{len(parts):05d}"
        plain["audio"] = {"entry": name}
        parts.append(_Part(name, part.nbytes, part.pieces))
    return parts


def _manifest(entries: list[tuple[_Part, str]]) -> bytes:
    return manifest_bytes((part.name, part.nbytes, digest) for part, digest in entries)
