"""Widgets that hold others: one model that the page shows, with places for theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from audiocache_nb.widgets.base import AcnWidget


def _references(parts: Mapping[str, AcnWidget], _owner: Any) -> dict[str, str]:
    """How the page is told of them: as anywidget.WidgetTrait does it, but by name."""
    return {name: f"anywidget:{child.model_id}" for name, child in parts.items() if child.comm is not None}


class CompositeWidget(AcnWidget):
    """Base of widgets that hold others.

    The others are shown where the page puts them, are seen as long as this one is, and end with it.

    Attributes
    ----------
    parts : dict of str to widget
    children : tuple of widget
        The same, without their names.
    """

    parts = traitlets.Dict().tag(sync=True, to_json=_references)

    @property
    def children(self) -> tuple[AcnWidget, ...]:
        """The widgets within this one, in order."""
        return tuple(self.parts.values())

    @traitlets.observe("_view_count")
    def _views_of_children(self, change: Any) -> None:
        # A host counts the views that it made itself, not those that are shown within another.
        for child in self.children:
            if not child._ended:
                child._view_count = change["new"]

    def _end(self) -> None:
        for child in self.children:
            child.close()
