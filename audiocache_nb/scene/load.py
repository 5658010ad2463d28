"""Reading a scene: everything is checked before anything is changed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from audiocache_nb.audio.ingest import load as load_audio
from audiocache_nb.audio.names import display_text
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.cache.metadata import unpack
from audiocache_nb.errors import (
    AudioCacheError,
    BundleIntegrityError,
    DocumentError,
    said,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.document import read_document
from audiocache_nb.scene.imported_audio import absent_source, embedded_source
from audiocache_nb.scene.imported_feature import mapped_track, marked, mismatch
from audiocache_nb.scene.limits import USUAL, ImportLimits
from audiocache_nb.scene.manifest import DOCUMENT, read_manifest
from audiocache_nb.scene.scene_file import SceneFile

Resolve = Callable[[Mapping[str, Any]], Any]
DAMAGED = "its entry in the bundle is damaged"


@dataclasses.dataclass(frozen=True)
class LoadedFeature:
    """A feature of a loaded scene.

    Attributes
    ----------
    source_id : str
    descriptor : Descriptor
    track : FeatureTrack or None
        None: it is missing, and `problem` says why.
    """

    source_id: str
    descriptor: Descriptor
    key: str
    track: FeatureTrack | None
    problem: str = ""
    nbytes: int = 0


class LateFeature(LoadedFeature):
    """A feature of a bundle that is opened when somebody looks at it.

    Parameters
    ----------
    archive : Archive
    entry : str
    mark : mapping
        Where it came from.
    """

    def __init__(
        self,
        source_id: str,
        descriptor: Descriptor,
        key: str,
        archive: Archive,
        entry: str,
        mark: Mapping[str, Any],
        limits: ImportLimits,
        damaged: Callable[[str], None],
    ) -> None:
        nbytes = archive.entries[entry].size
        self.__dict__.update(source_id=source_id, descriptor=descriptor, key=key, nbytes=nbytes)
        self.__dict__["_open"] = functools.partial(mapped_track, archive, entry, mark, limits, damaged)

    @functools.cached_property
    def track(self) -> FeatureTrack | None:
        return self._opened[0]

    @functools.cached_property
    def problem(self) -> str:
        return self._opened[1]

    @functools.cached_property
    def _opened(self) -> tuple[FeatureTrack | None, str]:
        try:
            track: FeatureTrack = self.__dict__["_open"]()
            problem = mismatch(track, self.descriptor, self.key)
        except AudioCacheError:
            return None, DAMAGED
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            # What it says about itself is not what anybody could have written.
            return None, f"{DAMAGED} ({error})" if type(error) is ValueError else DAMAGED
        return (None, problem) if problem else (track, "")


@dataclasses.dataclass(frozen=True)
class LoadedScene:
    """A scene that was read and found in order; nothing has been changed by it yet.

    Attributes
    ----------
    document : dict
    sources : dict of str to AudioSource
    features : list of LoadedFeature
    warnings : list of str
    origin : dict
        Where it came from: what its features are marked with.
    nbytes : int [bytes]
    """

    document: dict[str, Any]
    sources: dict[str, AudioSource]
    features: list[LoadedFeature]
    warnings: list[str]
    origin: dict[str, Any]
    nbytes: int


def read_scene(
    path: str | os.PathLike[str] | bytes | SceneFile,
    *,
    limits: ImportLimits | None = None,
    resolve: Resolve | None = None,
    damaged: Callable[[str], None] | None = None,
) -> LoadedScene:
    """Read a bundle or a document.

    Parameters
    ----------
    path : path, bytes or SceneFile
    limits : ImportLimits, optional
    resolve : callable (mapping) -> path, bytes, array, (array, sample_rate) or None
        Asked for every recording that is not in the bundle; given its ``name``, ``digest``,
        ``sample_rate``, ``channels`` and ``frames``. Without it no file is opened but the scene's own.
    damaged : callable (key)
        Told when a feature turns out to be damaged later, when it is touched.

    Raises
    ------
    BundleError, DocumentError
        Nothing was changed.
    """
    limits = limits or USUAL
    if isinstance(path, SceneFile):
        return _read(path, limits, resolve, damaged or _ignore)
    with SceneFile(path, limits) as file:
        return _read(file, limits, resolve, damaged or _ignore)


def _read(
    file: SceneFile, limits: ImportLimits, resolve: Resolve | None, damaged: Callable[[str], None]
) -> LoadedScene:
    if file.is_archive:
        return _read_bundle(file, limits, resolve, damaged)
    data = file.content()
    document = read_document(data, limits, name=file.name)
    warnings: list[str] = []
    sources = _sources(document, None, {}, resolve, warnings)
    features = [_feature(plain, None, "", limits, _ignore) for plain in document["features"]]
    return LoadedScene(document, sources, features, warnings, _origin(file.name, data), len(data))


def _ignore(_key: str) -> None:
    """Nobody is told."""


def _origin(name: str, identity: bytes) -> dict[str, Any]:
    return {"from": name[:200], "sha256": hashlib.sha256(identity).hexdigest()}


def _read_bundle(
    file: SceneFile, limits: ImportLimits, resolve: Resolve | None, damaged: Callable[[str], None]
) -> LoadedScene:
    archive = file.archive()
    manifest_bytes, digests = read_manifest(archive, limits)
    data = archive.read(DOCUMENT, limit="json_bytes")
    if hashlib.sha256(data).hexdigest() != digests[DOCUMENT]:
        raise BundleIntegrityError(
            f"{DOCUMENT} is not the one that the manifest speaks of; nothing was imported.",
            hint="Ask for the bundle again.",
            entry=DOCUMENT,
        )
    document = read_document(data, limits, name=DOCUMENT)
    warnings: list[str] = []
    sources = _sources(document, archive, digests, resolve, warnings)
    origin = _origin(file.name, manifest_bytes)
    features = [_feature(plain, archive, origin, limits, damaged) for plain in document["features"]]
    return LoadedScene(document, sources, features, warnings, origin, file.size)


def _sources(
    document: Mapping[str, Any],
    archive: Archive | None,
    digests: Mapping[str, str],
    resolve: Resolve | None,
    warnings: list[str],
) -> dict[str, AudioSource]:
    found: dict[str, AudioSource] = {}
    for plain in document["sources"]:
        source, shown = None, display_text(plain["name"])
        entry = (plain.get("audio") or {}).get("entry")
        if entry is not None and archive is not None and entry in archive and entry in digests:
            if archive.sha256(entry) == digests[entry]:
                source = embedded_source(plain, archive, entry, digests[entry])
            else:
                warnings.append(f"The recording {shown} in the bundle is damaged.")
        elif entry is not None:
            warnings.append(f"The recording {shown} is not in the bundle, although the document says so.")
        if source is None and resolve is not None:
            source = _resolved(plain, resolve, warnings)
        if source is None:
            source = absent_source(plain, f"The recording {plain['name']!r:.80} did not come with the scene.")
        if source.id != plain["id"]:
            raise DocumentError(
                f"The document calls the recording {plain['name']!r:.80} {plain['id']!r:.60}, but it is {source.id!r}.",
                hint="The file is damaged or was changed; nothing was imported.",
            )
        found[plain["id"]] = source
    return found


def _resolved(plain: Mapping[str, Any], resolve: Resolve, warnings: list[str]) -> AudioSource | None:
    facts = {name: plain[name] for name in ("name", "digest", "sample_rate", "channels", "frames")}
    given = resolve(facts)
    if given is None:
        return None
    source = load_audio(given, name=plain["name"])
    if source.digest != plain["digest"]:
        warnings.append(f"What was given for {display_text(plain['name'])} is another recording; it is not used.")
        return None
    return source


def _feature(
    plain: Mapping[str, Any],
    archive: Archive | None,
    origin: Any,
    limits: ImportLimits,
    damaged: Callable[[str], None],
) -> LoadedFeature:
    descriptor = descriptor_of(plain["descriptor"])
    key = plain["key"]
    entry = (plain.get("array") or {}).get("entry")
    if archive is None or entry is None:
        return LoadedFeature(
            plain["source"], descriptor, key, None, "the document names it, but does not hold its data"
        )
    if entry not in archive:
        return LoadedFeature(plain["source"], descriptor, key, None, "its data are not in the bundle")
    mark = marked(origin, plain.get("origin"))
    return LateFeature(plain["source"], descriptor, key, archive, entry, mark, limits, damaged)


def descriptor_of(plain: Mapping[str, Any]) -> Descriptor:
    """The descriptor that a document describes.

    Raises
    ------
    DocumentError
    """
    try:
        key = _key(plain)
        found = _descriptors.get(key)
    except TypeError:  # there is a list in its profile: that will be refused
        return _descriptor(plain)
    if found is None:
        found = _descriptor(plain)
        if len(_descriptors) >= REMEMBERED:
            _descriptors.clear()
        if len(key[2]) <= LONGEST_REMEMBERED:
            _descriptors[key] = found
    return found


def _key(plain: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two descriptors have in common exactly if they are written alike: 1, 1.0 and true are three values.

    A feature stands in a document once more wherever it is asked for, and most documents hold the same ones.
    """
    profile, params = plain["profile"], plain.get("params")
    values = tuple(profile.values())
    shown = repr(params) if params else ""
    return plain["feature"], plain["calculator"], shown, tuple(profile), values, tuple(map(type, values))


REMEMBERED, LONGEST_REMEMBERED = 1024, 4096
_descriptors: dict[tuple[Any, ...], Descriptor] = {}


def _descriptor(plain: Mapping[str, Any]) -> Descriptor:
    try:
        params = unpack(plain.get("params") or {})
        found = Descriptor(plain["feature"], plain["calculator"], AnalysisProfile(**plain["profile"]), params)
        hash(found.params)  # a place among the features is found by it
    except (AudioCacheError, TypeError, ValueError) as error:
        raise DocumentError(
            f"The document describes a feature {plain['feature']!r:.60} that cannot be: {display_text(said(error))}",
            hint="The file is damaged, or was written by a later program; nothing was imported.",
        ) from error
    return found
