"""What a page may say: a closed schema. Everything else is not a message."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, TypeGuard

MAX_ID = 2**53 - 1  # the largest whole number of a page
MAX_NAME = 400
MAX_LEVEL = 64
MAX_SLOTS = 10_000
VERBS = ("stop", "restart", "reanalyze", "clear")

Verb = Literal["stop", "restart", "reanalyze", "clear"]


@dataclasses.dataclass(frozen=True, slots=True)
class TileRequest:
    """The page wants one tile."""

    id: int
    layer: str
    level: int
    index: int
    revision: int


@dataclasses.dataclass(frozen=True, slots=True)
class ActionRequest:
    """Somebody pressed a button. `slots` are the opaque names that rows carry."""

    id: int
    verb: Verb
    track_id: str
    slots: tuple[str, ...] | None = None


_TILE_KEYS = frozenset({"kind", "id", "layer", "level", "index", "revision"})
_ACTION_KEYS = frozenset({"kind", "id", "verb", "track_id"})


def parse(content: object) -> TileRequest | ActionRequest | None:
    """The request in a message of the page; None for everything that is none.

    Parameters
    ----------
    content : object
        Whatever arrived: the page is not trusted.
    """
    if not isinstance(content, dict):
        return None
    kind = content.get("kind")
    if kind == "tile":
        return _tile(content)
    return _action(content) if kind == "action" else None


def _tile(content: dict[Any, Any]) -> TileRequest | None:
    if content.keys() != _TILE_KEYS or not _is_name(content["layer"]):
        return None
    if not all(_is_count(content[name]) for name in ("id", "level", "index", "revision")):
        return None
    if content["level"] > MAX_LEVEL:
        return None
    return TileRequest(**{name: content[name] for name in TileRequest.__slots__})


def _action(content: dict[Any, Any]) -> ActionRequest | None:
    slots = content.get("slots", ())
    if content.keys() - {"slots"} != _ACTION_KEYS:
        return None
    if not (_is_count(content["id"]) and _is_name(content["track_id"])):
        return None
    if not isinstance(content["verb"], str) or content["verb"] not in VERBS:
        return None
    if not isinstance(slots, (list, tuple)) or len(slots) > MAX_SLOTS or not all(_is_name(slot) for slot in slots):
        return None
    given = tuple(slots) if "slots" in content else None
    return ActionRequest(content["id"], content["verb"], content["track_id"], given)  # type: ignore[arg-type]


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ID


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME


def done(request_id: int, message: str) -> dict[str, Any]:
    """The reply to a request that was carried out."""
    return {"kind": "done", "id": request_id, "message": message}


def refused(request_id: int, message: str) -> dict[str, Any]:
    """The reply to a request that was not carried out, and why."""
    return {"kind": "refused", "id": request_id, "message": message}
