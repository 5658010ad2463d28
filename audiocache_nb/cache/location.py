"""Where the cache directory is."""

from __future__ import annotations

import os
import pathlib
from typing import Literal

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError

ENVIRONMENT = "AUDIOCACHE_NB_CACHE_DIR"
BUDGET_ENVIRONMENT = "AUDIOCACHE_NB_CACHE_BYTES"
DEFAULT_BUDGET_BYTES = 20_000_000_000


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


def budget_bytes(wanted: int | None) -> int:
    """How much the cache directory may hold [bytes].

    Parameters
    ----------
    wanted : int > 0 or None
        None: what the environment variable ``AUDIOCACHE_NB_CACHE_BYTES`` says, or else 20 GB.

    Raises
    ------
    InvalidParameterError
    """
    named = os.environ.get(BUDGET_ENVIRONMENT, "") if wanted is None else ""
    if wanted is None and not named:
        return DEFAULT_BUDGET_BYTES
    found: object = int(named) if named.isdecimal() and len(named) < 20 else wanted
    if type(found) is not int or found < 1:
        raise InvalidParameterError(
            f"The budget of the cache is {named or wanted!r:.60}.", hint="Use a whole number of bytes from 1 on."
        )
    return found
