"""Which code is installed, in which release, and which is the user's own."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_OF_THIS_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def top_of(module: str) -> str:
    """The name that a module's package is imported by."""
    return module.partition(".")[0]


def is_of_python(module: str) -> bool:
    """Whether a module comes with Python."""
    return top_of(module) in sys.stdlib_module_names


@functools.cache
def _of_python() -> tuple[str, ...]:
    """What the names of Python's own files begin with."""
    import sysconfig  # reads how Python was built

    return (*(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")), "<frozen")


def is_installed(module: str, path: str | None) -> bool:
    """Whether code stands for itself by a release number, rather than by its text.

    Python's own modules and installed packages do. The notebook does not, nor do files beside it,
    nor a package that is installed as editable: its files lie elsewhere.

    Parameters
    ----------
    module : str
        Its name.
    path : str or None
        Its file.
    """
    if module == "builtins" or path is None:
        return module != "__main__" and (is_of_python(module) or bool(release_of(module)))
    if path.startswith((_OF_THIS_PACKAGE, "<frozen")):
        return True
    if any(folder in path for folder in _FOLDERS):
        return bool(release_of(module))
    return path.startswith(_of_python()) or (module != "__main__" and path.startswith(_home_of(top_of(module))))


def release_of(module: str) -> str:
    """The release of the package that a module belongs to; empty if there is none."""
    top = top_of(module)
    if top == "__main__" or top in sys.stdlib_module_names:
        return ""
    loaded = sys.modules.get(top)
    stated = getattr(loaded, "__version__", "")
    installed = _installed_release(top, getattr(loaded, "__spec__", None))
    stated = stated if isinstance(stated, str) else ""
    if not installed or stated == installed or not stated:
        return installed or stated
    return f"{installed} ({stated})"


_known: dict[str, tuple[Any, str]] = {}


def _installed_release(top: str, spec: Any) -> str:
    """Looked up once for each time that the package is imported: what runs is what was there then."""
    known = _known.get(top)
    if known is None or known[0] is not spec:
        known = _known[top] = (spec, _release_on_disk(top))
    return known[1]


def _release_on_disk(top: str) -> str:
    from importlib import metadata  # brings e-mail and ZIP files along

    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        pass
    spec = _spec_of(top)
    origin = (spec.origin or "") if spec is not None else ""
    if not any(folder in origin for folder in _FOLDERS):
        return ""
    names = sorted(set(metadata.packages_distributions().get(top, ())))
    return ", ".join(metadata.version(name) for name in names)


@functools.lru_cache(maxsize=512)
def _home_of(top: str) -> tuple[str, ...]:
    """Where the files of a package lie that was installed somewhere else than usual."""
    from importlib import metadata

    try:
        distribution = metadata.distribution(top)
    except metadata.PackageNotFoundError:
        return ()
    root = Path(str(distribution.locate_file("")))
    return (str(root / top) + os.sep, str(root / top) + ".")


def _spec_of(top: str) -> ModuleSpec | None:
    from importlib.util import find_spec

    try:
        return find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None


def is_installed_import(module: str) -> bool | None:
    """Whether what an import statement names is installed; None if it is not there at all."""
    if is_of_python(module):
        return True
    spec = _spec_of(top_of(module))
    if spec is None:
        return None
    return is_installed(module, spec.origin)


def compiled_part(module: types.ModuleType) -> str:
    """What stands for the user's own compiled module: a digest of its file."""
    path = getattr(module, "__file__", None)
    if not path or str(path).endswith(".py"):
        return ""
    try:
        status = os.stat(path)  # noqa: PTH116 - three numbers of one call
    except OSError:
        return ""
    return _file_digest(str(path), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _file_digest(path: str, _size: int, _mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
