"""What all widgets share: the bundle, the lock, messages, the publisher, and an orderly end."""

from __future__ import annotations

import base64
import dataclasses
import logging
import pathlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import anywidget
import traitlets

from audiocache_nb.errors import AudioCacheError, WidgetError
from audiocache_nb.models.locked import LockedMixin, trait_lock
from audiocache_nb.models.protocol import SessionLike, SnapshotLike, require_open
from audiocache_nb.models.text import display_text, message_text
from audiocache_nb.widgets.actions import move_playhead, perform
from audiocache_nb.widgets.cells import is_replaced, remember
from audiocache_nb.widgets.fallback import Fallback, to_html, to_plain
from audiocache_nb.widgets.messages import ActionRequest, PlayheadRequest, Request, TileRequest, parse, refused

log = logging.getLogger("audiocache_nb")

STATIC = pathlib.Path(__file__).parent / "static"
VIEW_MIME = "application/vnd.jupyter.widget-view+json"
_METHODS = frozenset({"update", "request_state", "custom"})


def _bundled(name: str) -> pathlib.Path | str:
    """A file of the bundle, of which anywidget makes its text; empty if it was not built."""
    path = STATIC / name
    return path if path.is_file() else ""


class AcnWidget(LockedMixin, anywidget.AnyWidget):
    """Base of the widgets of this package: a view of a session's state.

    Traits follow the session: the publisher sets them, at most 20 times a second. A page may set
    those of `page_traits` and nothing else.

    Notes
    -----
    A widget is served while somebody can see it: once it has been shown, its traits stand still
    while no page shows it any more. Observe :class:`~audiocache_nb.models.status.StatusModel` or
    :class:`~audiocache_nb.models.timeline.TimelineModel` rather than a widget.
    """

    # The path itself where it exists, so that anywidget can reload it during development. A missing bundle is
    # reported when a widget is made: importing the package must work from a fresh checkout.
    _esm: ClassVar[Any] = ""
    _css: ClassVar[Any] = _bundled("widget.css")

    view = traitlets.Unicode().tag(sync=True)

    view_name: ClassVar[str] = ""
    page_traits: ClassVar[frozenset[str]] = frozenset({"_view_count"})

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "view_name" in vars(cls):  # a module for each view: every widget carries its own to the page and into files
            cls._esm = _bundled(f"{cls.view_name}.js")
        super().__init_subclass__(**arguments)

    def __init__(self, session: SessionLike, **traits: Any) -> None:
        require_open(session)
        _require_bundle(type(self))
        self._session = session
        self._ended = False
        self._was_shown = False
        self._malformed = 0
        self._count_lock = threading.Lock()
        super().__init__(view=self.view_name, _view_count=0, **traits)
        self._own_layout = self.layout
        self.on_msg(self._receive)
        session.publisher.watch(self, self._collect)
        for former in remember(self):
            former._retire()

    # -- what subclasses say ------------------------------------------------------------------------

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        """The traits as they should be."""
        raise NotImplementedError

    def _fallback(self) -> Fallback:
        """What is shown where no widget can be."""
        raise NotImplementedError

    def _still(self) -> tuple[bytes, str]:
        """A small PNG of what is shown and what is to be seen on it; empty if there is none."""
        return b"", ""

    def _answer_tile(self, request: TileRequest) -> bool:
        """Answer a request for a tile; False if this widget has none."""
        return False

    def _answer(self, request: Request) -> bool:
        """Answer a request that only some widgets know; False if this one does not."""
        return False

    def _move(self, request: PlayheadRequest) -> dict[str, Any]:
        """Move the playhead as the page asks, and return the reply."""
        return move_playhead(self._session, request)

    def _accepts(self, name: str, value: Any) -> bool:
        """Whether a page may set a trait of `page_traits` to this value."""
        return value is None or (isinstance(value, int) and not isinstance(value, bool))

    def _unseen(self) -> None:
        """Let go of what is needed for showing only."""

    def _end(self) -> None:
        """Let go of what this widget holds; called once."""

    # -- state to the page --------------------------------------------------------------------------

    def _collect(self) -> Mapping[str, Any] | None:
        if self._ended or self._is_unseen():
            return None
        return self._values(self._session.store.snapshot())

    def _is_unseen(self) -> bool:
        return self._was_shown and (self._view_count or 0) <= 0

    @traitlets.observe("_view_count")
    def _views_changed(self, change: Any) -> None:
        if change["new"] and change["new"] > 0:
            self._was_shown = True
            self._session.publisher.poke(self)
        elif self._was_shown:
            self._unseen()
            if is_replaced(self):
                self.close()

    def _retire(self) -> None:
        """The cell that made this widget was run again: nobody who cannot see it will see it again."""
        if self._is_unseen():
            self.close()

    def open(self) -> None:
        """Connect to the page."""
        super().open()
        forget_reply_shell(self.comm)
        if self.comm is not None:
            self.comm.on_close(lambda _message: self.close())

    def _send(self, msg: Any, buffers: Any = None) -> None:
        comm = self.comm
        if comm is None:
            return
        try:
            super()._send(msg, buffers)
        except Exception:  # a kernel that goes away, or one that cannot send from threads
            log.warning("%s lost its page and is served no longer", type(self).__name__, exc_info=True)
            self._finish()
        forget_reply_shell(comm)

    # -- messages from the page ---------------------------------------------------------------------

    @property
    def malformed_messages(self) -> int:
        """How many messages of pages were not understood, and ignored."""
        return self._malformed

    def _count_malformed(self) -> None:
        with self._count_lock:
            self._malformed += 1

    def _handle_msg(self, msg: Any) -> None:
        if _is_envelope(msg):
            super()._handle_msg(msg)
        else:
            self._count_malformed()

    def set_state(self, sync_data: Any) -> None:
        """Take over what a page sent, as far as a page may set it."""
        accepted = {
            name: value for name, value in sync_data.items() if name in self.page_traits and self._accepts(name, value)
        }
        if len(accepted) < len(sync_data):
            self._count_malformed()
        if accepted:
            try:
                super().set_state(accepted)
            except traitlets.TraitError:
                self._count_malformed()

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        request = parse(content)
        if request is None or self._ended:
            self._count_malformed()
        elif isinstance(request, TileRequest):
            if not self._answer_tile(request):
                self._count_malformed()
        elif isinstance(request, (ActionRequest, PlayheadRequest)):
            self._act(request)
        elif not self._answer(request):
            self._count_malformed()

    def _act(self, request: ActionRequest | PlayheadRequest) -> None:
        if isinstance(request, PlayheadRequest):
            self._reply(request.id, lambda: self._move(request))
        else:
            self._reply(request.id, lambda: perform(self._session, request))

    def _reply(self, request_id: int, answer: Callable[[], dict[str, Any]]) -> None:
        """Send what `answer` returns, or in words why it could not."""
        try:
            reply = answer()
        except AudioCacheError as error:
            reply = refused(request_id, message_text(f"{error.message} {error.hint}".strip()))
        except Exception as error:
            log.exception("an action of a widget failed")
            reply = refused(request_id, f"It failed ({type(error).__name__}); the log of the kernel says more.")
        self.send(reply)

    # -- the end ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take the widget out of the page, and withdraw what it asked for. May be called twice."""
        if "_ended" not in self.__dict__:  # the constructor refused
            return
        self._finish()
        if self.comm is None:
            return
        with trait_lock():
            try:
                super().close()
                if "_own_layout" in self.__dict__:
                    self._own_layout.close()
            except Exception:
                log.warning("%s could not tell its page that it ends", type(self).__name__, exc_info=True)
        self.__dict__.pop("_repr_mimebundle_", None)  # a closed widget still shows its last words

    def _finish(self) -> None:
        with self._count_lock:
            if self._ended:
                return
            object.__setattr__(self, "_ended", True)  # not under the trait lock, which may be held by who waits here
        try:
            self._session.publisher.detach(self)
            self._end()
        except AudioCacheError:
            pass  # the session was closed first, and has forgotten everything
        except Exception:
            log.warning("%s did not end in order", type(self).__name__, exc_info=True)

    # -- without a page -----------------------------------------------------------------------------

    def __repr__(self) -> str:
        if "_ended" not in self.__dict__:
            return object.__repr__(self)
        shown = self._fallback()
        return f"<{type(self).__name__} {shown.title!r}: {shown.summary}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and beside it the same as text and as a table for where no widget can be shown."""
        shown = self._fallback()
        data: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        bundle = super()._repr_mimebundle_(**kwargs) if self.comm is not None else None
        if bundle is not None:
            data, metadata = bundle
        png, described = self._still()
        shown = dataclasses.replace(shown, png=png, described=described)
        words = {"text/plain": to_plain(shown), "text/html": to_html(shown)}
        if shown.png:
            words["image/png"] = base64.b64encode(shown.png).decode("ascii")
        return {**data, **words}, metadata


def _require_bundle(kind: type[AcnWidget]) -> None:
    name = f"{kind.view_name}.js"
    if kind._esm == "" and _bundled(name):  # built since
        kind._esm = (STATIC / name).read_text(encoding="utf-8")
        AcnWidget._css = (STATIC / "widget.css").read_text(encoding="utf-8") if _bundled("widget.css") else ""
    if kind._esm == "":
        raise WidgetError(
            f"The front end of the widgets was not built: widgets/static/{name} is missing.",
            hint="Install the package with pip, which builds it, or run `npm ci && node build.mjs` in js/. "
            "Analysis, sampling and acn.plotting work without it.",
        )


def _is_envelope(msg: Any) -> bool:
    """Whether a comm message is one that ipywidgets can take apart, without binary traits."""
    try:
        data = msg["content"]["data"]
        method = data["method"]
    except (TypeError, KeyError, IndexError):
        return False
    if not isinstance(data, dict) or not isinstance(method, str) or method not in _METHODS:
        return False
    if method == "update":
        state = data.get("state")
        return isinstance(state, dict) and all(isinstance(name, str) for name in state) and not data.get("buffer_paths")
    return method != "custom" or ("content" in data and "buffers" in msg)


def forget_reply_shell(comm: Any) -> None:
    """Let the page's messages come in on the thread it asks for, also while a cell runs.

    ipykernel 7.4 remembers which shell last sent on a comm and delivers the page's messages to that
    one. For a widget made in a cell that is the main shell, which is busy while a cell runs: a
    click on Stop would wait for the cell. Without the memory it goes where the page addressed it.
    Other versions have no such attribute, and nothing happens.
    """
    if comm is not None:
        vars(comm).pop("_reply_subshell_id", None)


def track_title(snapshot: SnapshotLike, track_id: str) -> str:
    """The name of a track, safe to show."""
    track = snapshot.tracks.get(track_id)
    return display_text(track.name if track is not None else track_id)
