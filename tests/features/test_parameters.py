"""Parameter schemas: read off a function, typed and checked."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Optional

import numpy as np
import pytest

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.parameters import Parameter, Range, Schema


def everything(
    frames,
    *,
    gain: float = 1,
    order: int = 2,
    squared: bool = False,
    name: str = "x",
    mode: Literal["mean", "max"] = "mean",
    steps: Literal[1, 2, 4] = 2,
    share: Annotated[float, Range(0, 1, "How much.")] = 0.5,
    count: Annotated[int, "a note of somebody else", Range(minimum=1)] = 3,
    limit: float | None = None,
    top: Optional[int] = None,  # noqa: UP045 - as people write it
    edge: Annotated[float | None, Range(0, 10)] = None,
    corner: Annotated[float, Range(0, 10)] | None = None,
    kind: Literal["a", "b"] | None = "a",
    bare=7,
    ctx=None,
):
    """Take all kinds of parameters."""


SCHEMA = Schema.from_function(everything, skip=("ctx",))


def test_keyword_parameters_are_the_schema():
    assert list(SCHEMA) == [
        "gain", "order", "squared", "name", "mode", "steps", "share", "count",
        "limit", "top", "edge", "corner", "kind", "bare",
    ]  # fmt: skip
    assert len(SCHEMA) == 14
    assert "frames" not in SCHEMA


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("gain", float, 1.0),
        ("order", int, 2),
        ("squared", bool, False),
        ("name", str, "x"),
        ("mode", str, "mean"),
        ("steps", int, 2),
        ("share", float, 0.5),
        ("count", int, 3),
        ("limit", float, None),
        ("top", int, None),
        ("edge", float, None),
        ("corner", float, None),
        ("kind", str, "a"),
        ("bare", int, 7),
    ],
)
def test_a_parameter_has_a_kind_and_a_default_of_that_kind(name, kind, default):
    parameter = SCHEMA[name]
    assert (parameter.name, parameter.kind, parameter.default) == (name, kind, default)
    assert default is None or type(parameter.default) is kind


def test_ranges_and_choices_are_read():
    assert (SCHEMA["share"].minimum, SCHEMA["share"].maximum, SCHEMA["share"].description) == (0, 1, "How much.")
    assert (SCHEMA["count"].minimum, SCHEMA["count"].maximum) == (1, None)
    assert (SCHEMA["edge"].minimum, SCHEMA["edge"].maximum) == (0, 10)
    assert (SCHEMA["corner"].minimum, SCHEMA["corner"].maximum) == (0, 10)
    assert SCHEMA["mode"].choices == ("mean", "max")
    assert SCHEMA["kind"].choices == ("a", "b")


@pytest.mark.parametrize(
    ("name", "given", "used"),
    [
        ("gain", 2, 2.0),
        ("gain", np.float32(0.5), 0.5),
        ("gain", np.int64(2), 2.0),
        ("gain", np.array(0.25), 0.25),
        ("order", 3.0, 3),
        ("order", np.int16(3), 3),
        ("squared", np.bool_(True), True),
        ("name", np.str_("y"), "y"),
        ("steps", 4.0, 4),
        ("share", 0, 0.0),
        ("share", 1, 1.0),
        ("limit", None, None),
        ("limit", 3, 3.0),
    ],
)
def test_values_become_the_declared_type(name, given, used):
    value = SCHEMA.effective({name: given})[name]
    assert value == used
    assert type(value) is type(used)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("gain", "1"),
        ("gain", True),
        ("gain", math.nan),
        ("gain", math.inf),
        ("gain", 10**400),
        ("gain", None),
        ("gain", [1.0]),
        ("gain", np.zeros(3)),
        ("order", 2.5),
        ("order", True),
        ("order", "2"),
        ("squared", 1),
        ("squared", "yes"),
        ("name", 3),
        ("name", b"x"),
        ("mode", "median"),
        ("mode", None),
        ("steps", 3),
        ("share", -0.01),
        ("share", 1.01),
        ("count", 0),
        ("corner", 11),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, given):
    with pytest.raises(InvalidParameterError, match=name) as caught:
        SCHEMA.effective({name: given})
    assert caught.value.context["parameter"] == name


def test_a_wrong_choice_is_told_the_right_ones():
    with pytest.raises(InvalidParameterError) as caught:
        SCHEMA.effective({"mode": "median"})
    assert "'mean'" in caught.value.hint
    assert "'max'" in caught.value.hint


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(InvalidParameterError) as caught:
        SCHEMA.effective({"gian": 2})
    assert "gain" in caught.value.hint


def test_what_is_not_given_is_the_default():
    assert SCHEMA.effective({}) == {name: SCHEMA[name].default for name in SCHEMA}


def test_a_function_without_parameters_has_an_empty_schema():
    assert len(Schema.from_function(lambda frames: frames)) == 0


def test_a_parameter_needs_a_default():
    def without(frames, *, gain: float): ...

    with pytest.raises(InvalidParameterError, match="gain"):
        Schema.from_function(without)


@pytest.mark.parametrize("default", [(1, 2), {}, [], np.zeros(2), object(), None])
def test_a_default_is_a_number_or_a_text(default):
    def with_default(frames, *, gain=default): ...

    with pytest.raises((InvalidTypeError, InvalidParameterError)):
        Schema.from_function(with_default)


def test_a_default_outside_its_range_is_refused():
    def outside(frames, *, share: Annotated[float, Range(0, 1)] = 2): ...

    with pytest.raises(InvalidParameterError, match="share"):
        Schema.from_function(outside)


def test_an_annotation_that_means_nothing_does_not_hide_the_others():
    def half(frames: Nowhere, *, share: Annotated[float, Range(0, 1)] = 0.5, other: Nowhere.too = 3): ...  # noqa: F821

    schema = Schema.from_function(half)
    assert schema["share"].maximum == 1
    assert schema["other"].kind is int


def test_a_parameter_can_be_made_by_hand():
    schema = Schema(Parameter("bins", int, 12, 1, 96))
    assert schema.effective({"bins": 24.0}) == {"bins": 24}
