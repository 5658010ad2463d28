"""What can be chosen about a plot: from Python, and from the page."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import traitlets

TIME_AXES = ("seconds", "bars")
FREQUENCY_AXES = ("auto", "linear", "log", "mel")
COLORMAPS = ("heat", "sea", "grey", "paper", "balance")
GAMMA_RANGE = (0.1, 10.0)


class PlotTraits(traitlets.HasTraits):
    """The choices of a plot; all of them take effect in the page, with nothing computed or sent again.

    Attributes
    ----------
    span : tuple of float (t0, t1) [s]
        The visible range, in timeline seconds.
    selection : None, (t0, t1) or (t0, t1, f0, f1) [s and Hz]
        What was marked, in timeline seconds; in an image together with a range of its vertical axis.
    linked : bool
        Whether it moves together with the other linked plots of the session.
    time_axis : {"seconds", "bars"}
    frequency_axis : {"auto", "linear", "log", "mel"}
        ``"auto"`` is linear, or the spacing of the rows where they are not evenly spaced.
    colormap : {"heat", "sea", "grey", "paper", "balance"}
    value_min, value_max : float, optional
        Range of the colours of images; None: as the feature says.
    gamma : float in 0.1 .. 10
        Below 1 brings out what is weak.
    in_view : bool
        Whether it is on the screen, as its page says; what is asked of its track is then computed first.
    """

    span = traitlets.Tuple(traitlets.Float(), traitlets.Float()).tag(sync=True, echo_update=False)
    selection: Any = traitlets.Any(None, allow_none=True).tag(sync=True, echo_update=False)
    linked = traitlets.Bool(True).tag(sync=True)
    time_axis: Any = traitlets.Enum(TIME_AXES, "seconds").tag(sync=True)
    frequency_axis: Any = traitlets.Enum(FREQUENCY_AXES, "auto").tag(sync=True)
    colormap: Any = traitlets.Enum(COLORMAPS, "heat").tag(sync=True)
    value_min = traitlets.Float(None, allow_none=True).tag(sync=True)
    value_max = traitlets.Float(None, allow_none=True).tag(sync=True)
    gamma = traitlets.Float(1.0).tag(sync=True)
    in_view = traitlets.Bool(False).tag(sync=True, echo_update=False)

    choices: ClassVar[frozenset[str]] = frozenset(
        {
            "span",
            "selection",
            "linked",
            "time_axis",
            "frequency_axis",
            "colormap",
            "value_min",
            "value_max",
            "gamma",
        }
    )
    page_choices: ClassVar[frozenset[str]] = choices | {"in_view"}

    @traitlets.validate("span")
    def _valid_span(self, proposal: Any) -> tuple[float, float]:
        value = _numbers(proposal["value"], (2,))
        if value is None or not value[0] < value[1]:
            raise traitlets.TraitError("A span is a pair of finite times in seconds, the first below the second.")
        return value[0], value[1]

    @traitlets.validate("selection")
    def _valid_selection(self, proposal: Any) -> tuple[float, ...] | None:
        given = proposal["value"]
        if given is None or (isinstance(given, (list, tuple)) and not given):
            return None
        value = _numbers(given, (2, 4))
        if value is None or not value[0] < value[1] or not (len(value) == 2 or value[2] < value[3]):
            raise traitlets.TraitError(
                "A selection is None, (t0, t1) in seconds, or (t0, t1, f0, f1); each first number below the second."
            )
        return value

    @traitlets.validate("gamma", "value_min", "value_max")
    def _valid_number(self, proposal: Any) -> float | None:
        name, value = proposal["trait"].name, proposal["value"]
        if value is not None and not math.isfinite(value):
            raise traitlets.TraitError(f"{name} is a finite number.")
        if name == "gamma" and not GAMMA_RANGE[0] <= value <= GAMMA_RANGE[1]:
            raise traitlets.TraitError("gamma is a number from 0.1 to 10.")
        return float(value) if value is not None else None

    def clear_selection(self) -> None:
        """Take the selection away."""
        self.selection = None


def is_choice(name: str, value: Any) -> bool:
    """Whether a page may set a choice to this; what kind of value it is, the trait then checks the rest."""
    if name in ("linked", "in_view"):
        return isinstance(value, bool)
    if name in ("span", "selection"):
        return (name == "selection" and value is None) or _numbers(
            value, (2,) if name == "span" else (2, 4)
        ) is not None
    if name in ("value_min", "value_max", "gamma"):
        return (name != "gamma" and value is None) or _numbers([value], (1,)) is not None
    return isinstance(value, str)


def _numbers(value: Any, lengths: tuple[int, ...]) -> tuple[float, ...] | None:
    if not isinstance(value, (list, tuple)) or len(value) not in lengths:
        return None
    if not all(isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one) for one in value):
        return None
    return tuple(float(one) for one in value)
