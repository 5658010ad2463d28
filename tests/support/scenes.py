"""Bundles taken apart and put together again, with any entry replaced and every checksum right."""

from __future__ import annotations

import hashlib
import io
import json

from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.archive_writer import ArchiveWriter
from audiocache_nb.scene.strict_json import stable


def parts_of(bundle):
    """The entries of a bundle by name."""
    with Archive(bundle) as archive:
        return {name: archive.read(name) for name in archive.entries}


def packed(parts, *, manifest=None, lines=None):
    """A bundle of these entries, with a manifest that fits unless told otherwise."""
    names = [name for name in parts if name != "manifest.json"]
    if lines is None:
        lines = [
            {"name": name, "bytes": len(parts[name]), "sha256": hashlib.sha256(parts[name]).hexdigest()}
            for name in names
        ]
    if manifest is None:
        manifest = stable({"format": "audiocache_nb.bundle", "version": [1, 0], "entries": lines})
    return archived({"manifest.json": manifest, **{name: parts[name] for name in names}})


def archived(parts):
    """An archive of these entries, as they are."""
    file = io.BytesIO()
    with ArchiveWriter(file) as writer:
        for name, data in parts.items():
            writer.add(name, len(data), [data])
    return file.getvalue()


def with_document(bundle, change):
    """The bundle after `change(document)`."""
    parts = parts_of(bundle)
    document = json.loads(parts["document.json"])
    change(document)
    parts["document.json"] = stable(document)
    return packed(parts)


def with_feature(bundle, name, data):
    """The bundle with other data in an entry."""
    return packed({**parts_of(bundle), name: data})


def feature_entry(bundle, feature, source="a"):
    """The name of a feature's entry."""
    document = json.loads(parts_of(bundle)["document.json"])
    sources = {track["id"]: track["source"] for track in document["timeline"]["tracks"]}
    return next(
        one["array"]["entry"]
        for one in document["features"]
        if feature in (one["descriptor"]["feature"], one["descriptor"]["calculator"])
        and one["source"] == sources[source]
    )
