"""Which kind of scene a file is, and who reads it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

from audiocache_nb.features.registry import Registry
from audiocache_nb.scene import zip_format as z
from audiocache_nb.scene.limits import USUAL, ImportLimits
from audiocache_nb.scene.load import LoadedScene, Resolve, read_scene
from audiocache_nb.scene.manifest import MANIFEST
from audiocache_nb.scene.mvmnt_package import Package, is_inline_package, is_package, open_package
from audiocache_nb.scene.mvmnt_read import read_mvmnt
from audiocache_nb.scene.scene_file import SceneFile


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
    limits = limits or USUAL
    with SceneFile(path, limits) as file:
        package = _package(file, limits)
        if package is None:
            return read_scene(file, limits=limits, resolve=resolve, damaged=damaged), None
        scene = read_mvmnt(package, file.name, registry, limits)
        return (dataclasses.replace(scene, nbytes=file.size) if file.is_archive else scene), package


def _package(file: SceneFile, limits: ImportLimits) -> Package | None:
    """The package of MVMNT that a file is, if it is one."""
    if not file.is_archive:
        data = file.content()
        return open_package(data, limits) if is_inline_package(data) else None
    if _first_name(file.start) == MANIFEST.encode():
        return None
    archive = file.archive(foreign=True)
    return open_package(archive, limits) if is_package(archive) else None


def _first_name(start: bytes) -> bytes:
    """The name of an archive's first entry, as its own header has it."""
    if len(start) < z.LOCAL.size:
        return b""
    length = z.LOCAL.unpack_from(start)[9]
    return start[z.LOCAL.size : z.LOCAL.size + length]
