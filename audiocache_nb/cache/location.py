"""Where the cache directory is."""

from __future__ import annotations

import os
import pathlib
from typing import Literal

from audiocache_nb.errors import InvalidTypeError

ENVIRONMENT = "AUDIOCACHE_NB_CACHE_DIR"


def cache_directory(wanted: str | os.PathLike[str] | Literal[False] | None) -> pathlib.Path | None:
    """The directory to keep things in; it need not exist yet.

    Parameters
    ----------
    wanted : path, False or None
        A directory; False: none, everything stays in memory; None: the one that the environment variable
        ``AUDIOCACHE_NB_CACHE_DIR`` names, or else the user's cache directory.

    Raises
    ------
    InvalidTypeError
    """
    if wanted is False:
        return None
    if wanted is None:
        named = os.environ.get(ENVIRONMENT, "")
        if named:
            return pathlib.Path(named)
        import platformdirs

        return pathlib.Path(platformdirs.user_cache_dir("audiocache_nb"))
    given: object = wanted
    if not isinstance(given, (str, os.PathLike)) or not str(given):
        raise InvalidTypeError(
            f"cache_dir is a {type(wanted).__name__}.", hint="Use a path, None for the default, or False for none."
        )
    return pathlib.Path(wanted)
