"""Keys of what is made of a feature to draw it: they follow from the feature's own."""

from __future__ import annotations

PYRAMID_FORMAT = 1


def pyramid_key(key: str, version: int = PYRAMID_FORMAT) -> str:
    """The key of the pyramid of a feature, in a version of its format."""
    return f"pyramid.{version}:{key}"


def derived_keys(key: str) -> list[str]:
    """All keys that go with a feature when it goes, also those that earlier versions used."""
    return [pyramid_key(key, version) for version in range(1, PYRAMID_FORMAT + 1)]
