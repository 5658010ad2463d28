"""What a page may say: a closed schema. Everything else is not a message."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, TypeGuard

from audiocache_nb.models.clock import LEAST_LOOP_S
from audiocache_nb.models.playhead_values import MAX_RATE, MAX_TIME_S, MIN_RATE

MAX_ID = 2**53 - 1  # the largest whole number of a page
MAX_NAME = 400
MAX_LEVEL = 64
MAX_SLOTS = 10_000
MAX_VALUES = 64
VERBS = ("stop", "restart", "reanalyze", "clear", "refresh_stale", "compute")

Verb = Literal["stop", "restart", "reanalyze", "clear", "refresh_stale", "compute"]


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


@dataclasses.dataclass(frozen=True, slots=True)
class PlayheadRequest:
    """Somebody moved the playhead; `change` as `PlayheadClock.command` takes it.

    ``verb`` "sync" changes nothing: the page asks where the playhead is. `done`: the page has
    carried it out with its own sound, and the kernel shall take it over.
    """

    id: int
    verb: str
    change: dict[str, Any]
    done: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class PieceRequest:
    """The page wants a piece of a recording that it cannot fetch itself."""

    id: int
    key: str
    index: int


@dataclasses.dataclass(frozen=True, slots=True)
class SoundRequest:
    """A page says what it can do: "hello" (it could play), "unreachable", "unplayable" (a recording)."""

    id: int
    verb: str
    client: str
    key: str


@dataclasses.dataclass(frozen=True, slots=True)
class CommandRequest:
    """Somebody pressed a button of the diagnostics table.

    `target` is the opaque name of a group or the id of a job, or empty for everything; `rows` are the
    opaque names of rows, or None for all of the target.
    """

    id: int
    verb: str
    target: str
    rows: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ExploreRequest:
    """Somebody moved a slider of the explorer: a calculator with all parameters that are not its defaults."""

    id: int
    calculator: str
    params: dict[str, Any]
    profile: dict[str, Any]


_TILE_KEYS = frozenset({"kind", "id", "layer", "level", "index", "revision"})
_ACTION_KEYS = frozenset({"kind", "id", "verb", "track_id"})
_PLAYHEAD_KEYS = frozenset({"kind", "id", "verb", "time_s", "rate", "loop", "done"})
_PIECE_KEYS = frozenset({"kind", "id", "key", "index"})
_SOUND_KEYS = frozenset({"kind", "id", "verb", "client", "key"})
_COMMAND_KEYS = frozenset({"kind", "id", "verb", "target"})
_EXPLORE_KEYS = frozenset({"kind", "id", "calculator", "params", "profile"})
_PLAYHEAD_NEEDS = {"play": None, "pause": None, "seek": "time_s", "rate": "rate", "loop": "loop", "sync": None}
SOUND_VERBS = ("hello", "unreachable", "unplayable")
COMMANDS = (
    "regenerate",
    "regenerate_all",
    "dismiss",
    "restore",
    "delete",
    "compute",
    "stop",
    "cancel",
    "retry",
    "dismiss_banner",
    "resync",
)

Request = TileRequest | ActionRequest | PlayheadRequest | PieceRequest | SoundRequest | CommandRequest | ExploreRequest


def parse(content: object) -> Request | None:
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
    if kind == "playhead":
        return _playhead(content)
    if kind == "piece":
        return _piece(content)
    if kind == "sound":
        return _sound(content)
    if kind == "command":
        return _command(content)
    if kind == "explore":
        return _explore(content)
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


def _command(content: dict[Any, Any]) -> CommandRequest | None:
    rows = content.get("rows", ())
    if content.keys() - {"rows"} != _COMMAND_KEYS or not _is_count(content["id"]):
        return None
    verb, target = content["verb"], content["target"]
    if not isinstance(verb, str) or verb not in COMMANDS or not isinstance(target, str) or len(target) > MAX_NAME:
        return None
    if not isinstance(rows, (list, tuple)) or len(rows) > MAX_SLOTS or not all(_is_name(row) for row in rows):
        return None
    return CommandRequest(content["id"], verb, target, tuple(rows) if "rows" in content else None)


def _explore(content: dict[Any, Any]) -> ExploreRequest | None:
    if content.keys() != _EXPLORE_KEYS or not _is_count(content["id"]) or not _is_name(content["calculator"]):
        return None
    if not (_are_values(content["params"]) and _are_values(content["profile"])):
        return None
    return ExploreRequest(content["id"], content["calculator"], content["params"], content["profile"])


def _are_values(values: object) -> bool:
    """Whether this is a small mapping of names to what a parameter may be set to."""
    return (
        isinstance(values, dict)
        and len(values) <= MAX_VALUES
        and all(map(_is_name, values))
        and all(map(_is_scalar, values.values()))
    )


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= MAX_ID
    return value is None or (isinstance(value, str) and len(value) <= MAX_NAME)


def _playhead(content: dict[Any, Any]) -> PlayheadRequest | None:
    verb, done = content.get("verb"), content.get("done", False)
    if not isinstance(verb, str) or verb not in _PLAYHEAD_NEEDS or not content.keys() <= _PLAYHEAD_KEYS:
        return None
    if not _is_count(content.get("id")) or not isinstance(done, bool):
        return None
    needed = _PLAYHEAD_NEEDS[verb]
    if needed is not None and needed not in content:
        return None
    change: dict[str, Any] = {"playing": verb == "play"} if verb in ("play", "pause") else {}
    if "time_s" in content:
        if not is_time(content["time_s"]):
            return None
        change["time_s"] = float(content["time_s"])
    if "rate" in content:
        rate = content["rate"]
        if not is_time(rate) or not MIN_RATE <= rate <= MAX_RATE:
            return None
        change["rate"] = float(rate)
    if "loop" in content:
        loop = content["loop"]
        if loop is not None and not (isinstance(loop, (list, tuple)) and len(loop) == 2 and all(map(is_time, loop))):
            return None
        start_s, end_s = (None, None) if loop is None else map(float, loop)
        if start_s is not None and end_s is not None and end_s - start_s < LEAST_LOOP_S:
            return None
        change |= {"loop_start_s": start_s, "loop_end_s": end_s}
    return PlayheadRequest(content["id"], verb, change, done)


def _piece(content: dict[Any, Any]) -> PieceRequest | None:
    if content.keys() != _PIECE_KEYS or not (_is_count(content["id"]) and _is_count(content["index"])):
        return None
    return PieceRequest(content["id"], content["key"], content["index"]) if _is_name(content["key"]) else None


def _sound(content: dict[Any, Any]) -> SoundRequest | None:
    if content.keys() != _SOUND_KEYS or not _is_count(content["id"]) or content["verb"] not in SOUND_VERBS:
        return None
    if not _is_name(content["client"]) or not isinstance(content["key"], str) or len(content["key"]) > MAX_NAME:
        return None
    return SoundRequest(content["id"], content["verb"], content["client"], content["key"])


def is_time(value: object) -> TypeGuard[float]:
    """Whether this is a finite number that may be a time in seconds."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= MAX_TIME_S  # which NaN is not, and no whole number is too big to be asked


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
