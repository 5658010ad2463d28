"""The manifest: compared with what would be written about the entries there are, and read if it is another one."""

from __future__ import annotations

import json

import pytest
from support.scenes import archived

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.scene import manifest
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.strict_json import stable

PARTS = {"document.json": b"{}", "features/00000.safetensors": b"abc", "audio/00000": b""}
LINES = [(name, len(data), f"{n}a" * 32) for n, (name, data) in enumerate(PARTS.items())]
USUAL = ImportLimits()


def bundle(data):
    return Archive(archived({"manifest.json": data, **PARTS}))


def outcome(archive, limits=USUAL):
    """What is found, or what is wrong."""
    try:
        return manifest.read_manifest(archive, limits)[1]
    except AudioCacheError as error:
        return type(error), error.message, error.context


def test_it_is_written_like_all_other_json():
    lines = [{"name": name, "bytes": nbytes, "sha256": digest} for name, nbytes, digest in LINES]
    assert manifest.manifest_bytes(LINES) == stable({"format": manifest.FORMAT, "version": [1, 0], "entries": lines})


def test_what_is_compared_is_what_would_be_read(monkeypatch):
    data = manifest.manifest_bytes(LINES)
    others = [data[:n] + bytes([data[n] ^ 1 << bit]) + data[n + 1 :] for n in range(len(data)) for bit in range(8)]
    others += [data + b" ", data[:-1], json.dumps(json.loads(data)).encode(), manifest.manifest_bytes(LINES[::-1])]
    others += [manifest.manifest_bytes(LINES[:2]), manifest.manifest_bytes([]), data.replace(b"a", b"A")]
    archives = [bundle(one) for one in (data, *others)]
    assert manifest.own_digests(data, archives[0].entries, USUAL) == {name: digest for name, _, digest in LINES}
    quick = [outcome(one) for one in archives]
    monkeypatch.setattr(manifest, "own_digests", lambda *_: None)
    assert quick == [outcome(one) for one in archives]


@pytest.mark.parametrize("limits", [{"string_length": 20}, {"json_depth": 3}])
def test_limits_count_all_the_same(limits):
    found = outcome(bundle(manifest.manifest_bytes(LINES)), ImportLimits(**limits))
    assert found[2]["limit"] in limits
