"""Documents: what is done in a quick way comes out as in the thorough one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import audiocache_nb as acn
from audiocache_nb.errors import DocumentError
from audiocache_nb.scene import schema as s
from audiocache_nb.scene.document import _descriptor
from audiocache_nb.scene.load import descriptor_of

ODD = st.sampled_from([None, True, 0, 1.5, [], {}, "", "rms", "x" * 120, "x" * 121])
PROFILES = st.sampled_from(
    [{}, {"id": "default"}, dict.fromkeys(map(str, range(40))), dict.fromkeys(map(str, range(41)))]
)
THOROUGH = s.record(
    {
        "feature": s.text(120, empty=False),
        "calculator": s.text(120, empty=False),
        "profile": s.members(s.anything, 40),
    },
    {"params": s.anything},
)


def problems(check, value):
    found = []
    check(value, "/at", found)
    return found


@given(
    ODD
    | st.fixed_dictionaries(
        {},
        optional={
            "feature": ODD | st.just("rms"),
            "calculator": ODD | st.just("rms"),
            "profile": ODD | PROFILES,
            "params": ODD,
            "later": ODD,
        },
    )
)
def test_descriptors_are_found_right_and_wrong_alike(value):
    assert problems(_descriptor(), value) == problems(THOROUGH, value)


def described(params=None, **profile):
    return {"feature": "rms", "calculator": "rms", "profile": {"id": "", **profile}, "params": params or {}}


@pytest.mark.parametrize("wrong", [True, "512", [512], {"a": 1}, None, 512.5])
def test_a_value_that_equals_a_right_one_or_cannot_be_hashed_is_refused_each_time(wrong):
    for _ in range(2):
        right = descriptor_of(described(hop_size=512, min_decibels=-1))
        assert right == acn.Descriptor("rms", "rms", acn.AnalysisProfile(hop_size=512, min_decibels=-1))
        with pytest.raises(DocumentError):
            descriptor_of(described(hop_size=wrong))


def test_values_that_are_equal_but_not_alike_are_not_mistaken_for_each_other():
    """True equals 1, which is a number of decibels, and True is none."""
    assert descriptor_of(described(min_decibels=-1, max_decibels=1)).profile.max_decibels == 1.0
    with pytest.raises(DocumentError):
        descriptor_of(described(min_decibels=-1, max_decibels=True))
    params = [descriptor_of(described({"n": value})).params for value in (1, 1.0, True, "1")]
    assert [type(value) for ((_, value),) in params] == [int, float, bool, str]
