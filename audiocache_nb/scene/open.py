"""Which kind of scene a file is, and who reads it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable

from audiocache_nb.features.registry import Registry
from audiocache_nb.scene import zip_format as z
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.load import LoadedScene, Resolve, beginning, content, read_scene
from audiocache_nb.scene.mvmnt_package import Package, is_inline_package, is_package, open_package
from audiocache_nb.scene.mvmnt_read import read_mvmnt
from audiocache_nb.scene.save import MANIFEST


def read_any(
    path: str | os.PathLike[str] | bytes,
    registry: Registry,
    *,
    limits: ImportLimits | None = None,
    resolve: Resolve | None = None,
    damaged: Callable[[str], None] | None = None,
) -> tuple[LoadedScene, Package | None]:
    """Read a bundle, a document, or a scene of MVMNT.

    Returns
    -------
    LoadedScene
    Package or None
        The package it came from, if it is one of MVMNT.

    Raises
    ------
    BundleError, DocumentError
    """
    limits = limits or ImportLimits()
    name = "the scene" if isinstance(path, bytes) else pathlib.Path(os.fspath(path)).name
    start, size = beginning(path, limits)
    if start[:2] == b"PK" and _first_name(start) != MANIFEST.encode():
        archive = Archive(path if isinstance(path, bytes) else os.fspath(path), limits, foreign=True)
        if is_package(archive):
            package = open_package(archive, limits)
            return dataclasses.replace(read_mvmnt(package, name, registry, limits), nbytes=size), package
    elif start[:2] != b"PK":
        data = path if isinstance(path, bytes) else content(path, limits)
        if is_inline_package(data):
            package = open_package(data, limits)
            return read_mvmnt(package, name, registry, limits), package
    return read_scene(path, limits=limits, resolve=resolve, damaged=damaged), None


def _first_name(start: bytes) -> bytes:
    """The name of an archive's first entry, as its own header has it."""
    if len(start) < z.LOCAL.size:
        return b""
    length = z.LOCAL.unpack_from(start)[9]
    return start[z.LOCAL.size : z.LOCAL.size + length]
