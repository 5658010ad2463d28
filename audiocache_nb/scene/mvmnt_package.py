"""MVMNT scene packages: the envelope and the parts of a ``.mvt`` file, or of an inline JSON scene.

A package is a ZIP with ``document.json``, an envelope of the format ``mvmnt.scene``; audio lies under
``assets/audio/<sha256>/``, feature caches under ``assets/audio-features/<source id>/``.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Any

from audiocache_nb.errors import BundleIntegrityError, DocumentError, DocumentVersionError
from audiocache_nb.scene import schema as s
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.strict_json import parse

FORMAT = "mvmnt.scene"
DOCUMENT = "document.json"
OLDEST, NEWEST = 4, 6

_ENVELOPE = s.record(
    {
        "format": s.one_of(FORMAT),
        "schemaVersion": s.integer(),
        "timeline": s.record({"timeline": s.members(s.anything, 1000), "tracks": s.members(s.anything, 100_000)}),
    },
    {"scene": s.members(s.anything, 1000), "assets": s.members(s.anything, 1000)},
)


@dataclasses.dataclass(frozen=True)
class Package:
    """A package that was opened; nothing of it has been interpreted yet.

    Attributes
    ----------
    document : dict
        The envelope as it stands there.
    document_bytes : bytes
    archive : Archive or None
        None: the scene was inline JSON.
    """

    document: dict[str, Any]
    document_bytes: bytes
    archive: Archive | None

    @property
    def timeline(self) -> Mapping[str, Any]:
        """Tracks, tempo and caches."""
        found: Mapping[str, Any] = self.document["timeline"]
        return found

    def member(self, *path: str) -> Mapping[str, Any]:
        """An object within the envelope; empty if there is none."""
        found: Any = self.document
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def entry(self, name: object) -> bytes | None:
        """The content of an entry of the archive; None if there is none of this name.

        Raises
        ------
        BundleIntegrityError
            It is damaged.
        """
        if self.archive is None or not isinstance(name, str) or name not in self.archive:
            return None
        return self.archive.read(name)

    def names(self, folder: str) -> list[str]:
        """The entries below a folder."""
        return [] if self.archive is None else [name for name in self.archive.entries if name.startswith(folder)]


def is_package(archive: Archive) -> bool:
    """Whether an archive is a package of MVMNT."""
    return DOCUMENT in archive and "manifest.json" not in archive


def open_package(source: Archive | bytes, limits: ImportLimits) -> Package:
    """Take a package apart.

    Parameters
    ----------
    source : Archive or bytes
        Of a ``.mvt``, or the text of an inline scene.
    limits : ImportLimits

    Raises
    ------
    BundleError, DocumentError
    """
    # Inline scenes hold audio and numbers in the document itself: only its whole length is limited.
    loose = dataclasses.replace(limits, string_length=limits.json_bytes, json_depth=max(limits.json_depth, 64))
    archive = source if isinstance(source, Archive) else None
    data = archive.read(DOCUMENT, limit="json_bytes") if archive is not None else source
    assert isinstance(data, bytes)
    document = parse(as_utf_8(data), loose, name=DOCUMENT)
    version = document.get("schemaVersion") if isinstance(document, dict) else None
    if isinstance(version, int) and document.get("format") == FORMAT and not OLDEST <= version <= NEWEST:
        raise DocumentVersionError(
            f"The MVMNT scene has schema {version}; schemas {OLDEST} to {NEWEST} are read.",
            hint="Open it in MVMNT and save it again." if version < OLDEST else "Install a later audiocache_nb.",
            found=version,
            supported=[OLDEST, NEWEST],
        )
    s.validate(document, _ENVELOPE, name=DOCUMENT)
    limits.check("tracks", len(document["timeline"]["tracks"]), "The number of tracks")
    return Package(document, data, archive)


def as_utf_8(data: bytes) -> bytes:
    """A text of a package, which older versions of MVMNT wrote as Latin-1 into archives, and read as UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8")
    return data


def is_inline_package(data: bytes) -> bool:
    """Whether a JSON text looks like an inline scene; the beginning is enough to tell it from our own documents."""
    return f'"{FORMAT}"'.encode() in data


def audio_bytes(package: Package, asset_id: str, record: Mapping[str, Any]) -> bytes:
    """The encoded recording of an asset.

    Raises
    ------
    BundleIntegrityError
        It is not there, or is not the one that its digest says.
    """
    import hashlib

    data: bytes | None = None
    inline = record.get("dataBase64")
    if isinstance(inline, str):
        try:
            data = base64.b64decode(inline, validate=True)
        except (binascii.Error, ValueError):
            raise BundleIntegrityError(
                "its inline data are damaged", hint="Export the package again.", entry=asset_id
            ) from None
    else:
        names = package.names(f"assets/audio/{asset_id}/")
        if len(names) == 1:
            data = package.entry(names[0])
    if data is None:
        raise BundleIntegrityError("its file is not in the package", hint="Export the package again.", entry=asset_id)
    if hashlib.sha256(data).hexdigest() != asset_id.lower():
        raise BundleIntegrityError(
            "its file is not the one that its digest says", hint="Export the package again.", entry=asset_id
        )
    return data


def not_a_package() -> DocumentError:
    """What to raise for something that is none."""
    return DocumentError("This is no scene of MVMNT.", hint="acn.load reads .mvt packages and inline JSON scenes.")
