"""The manifest of a bundle: which entries there are, how long they are, and their digests."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

from audiocache_nb.errors import BundleFormatError, BundleIntegrityError
from audiocache_nb.scene.archive_own import Entry
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.schema import Check, array, integer, one_of, record, text, unique, validate
from audiocache_nb.scene.strict_json import parse

MANIFEST, DOCUMENT = "manifest.json", "document.json"
FORMAT = "audiocache_nb.bundle"
_DIGEST = re.compile(r'"sha256": "([0-9a-f]{64})"')
_LONGEST, _DEEPEST = 120, 4  # text, and nesting


def manifest_bytes(entries: Iterable[tuple[str, int, str]]) -> bytes:
    """The manifest of entries with these names, sizes [bytes] and digests: JSON, as `stable` writes it.

    The names are those of `is_plain_name`: no letter of theirs has to be written otherwise.
    """
    lines = ",".join(
        f'\n  {{\n   "bytes": {nbytes},\n   "name": "{name}",\n   "sha256": "{digest}"\n  }}'
        for name, nbytes, digest in entries
    )
    end = f'\n ],\n "format": "{FORMAT}",\n "version": [\n  1,\n  0\n ]\n}}\n'
    return f'{{\n "entries": [{lines}{end}'.encode()


def read_manifest(archive: Archive, limits: ImportLimits) -> tuple[bytes, dict[str, str]]:
    """The manifest's bytes, and the digest of each entry by name.

    Raises
    ------
    BundleError, DocumentValidationError
        It is none, or does not speak of the entries that there are.
    """
    if next(iter(archive.entries), None) != MANIFEST:
        raise BundleFormatError(
            f"The archive does not begin with {MANIFEST}: it is no bundle of this program.",
            hint="acn.load reads what session.save wrote.",
        )
    data = archive.read(MANIFEST, limit="json_bytes")
    return data, own_digests(data, archive.entries, limits) or _digests(data, archive.entries, limits)


def own_digests(data: bytes, entries: Mapping[str, Entry], limits: ImportLimits) -> dict[str, str] | None:
    """The digests, if the rest is what this program writes about such entries; None: it has to be read."""
    if limits.string_length < _LONGEST or limits.json_depth < _DEEPEST:
        return None
    listed = list(entries.values())[1:]
    digests = _DIGEST.findall(data.decode("ascii", "replace"))
    if len(digests) != len(listed) or not listed or listed[0].name != DOCUMENT:
        return None
    expected = manifest_bytes((one.name, one.size, digest) for one, digest in zip(listed, digests, strict=True))
    return {one.name: digest for one, digest in zip(listed, digests, strict=True)} if expected == data else None


def _digests(data: bytes, entries: Mapping[str, Entry], limits: ImportLimits) -> dict[str, str]:
    manifest = parse(data, limits, name=MANIFEST)
    validate(manifest, _schema(limits.entries), name=MANIFEST)
    if manifest["version"][0] > 1:
        raise BundleFormatError(
            f"The bundle has version {manifest['version'][0]}; this program reads version 1.",
            hint="Install a later audiocache_nb.",
        )
    found = [name for name in entries if name != MANIFEST]
    listed = [line["name"] for line in manifest["entries"]]
    if listed != found or not listed or listed[0] != DOCUMENT:
        odd = sorted(set(listed) ^ set(found)) or listed
        raise BundleIntegrityError(
            f"The manifest and the archive do not hold the same entries (for example {odd[0]!r:.80})."
            if odd
            else "The bundle holds no document.",
            hint="Something was added to or taken out of the bundle; nothing was imported.",
            entry=odd[0] if odd else DOCUMENT,
        )
    for line in manifest["entries"]:
        size = entries[line["name"]].size
        if size != line["bytes"]:
            raise BundleIntegrityError(
                f"The entry {line['name']!r:.80} declares {line['bytes']:,} bytes but holds {size:,}.",
                hint="The file is damaged or was changed; nothing was imported. Ask for it again.",
                entry=line["name"],
            )
    return {line["name"]: line["sha256"] for line in manifest["entries"]}


@functools.lru_cache(4)
def _schema(entries: int) -> Check:
    line = record({"name": text(120), "bytes": integer(), "sha256": text(64)})
    lines = unique(array(line, entries), "name")
    return record({"format": one_of(FORMAT), "version": array(integer(), 2, length=2), "entries": lines})
