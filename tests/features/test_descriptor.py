"""Descriptors: which feature is meant."""

from __future__ import annotations

import pytest

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.descriptor import MAX_NAME, Descriptor
from audiocache_nb.features.profile import AnalysisProfile


def test_what_is_not_said_is_the_default():
    descriptor = Descriptor("rms")
    assert descriptor.calculator is None
    assert descriptor.used_profile == AnalysisProfile()
    assert descriptor.params == ()


def test_equal_descriptors_are_one():
    a = Descriptor("rms", "mvmnt.rms", AnalysisProfile(hop_size=256), {"b": 2, "a": 1})
    b = Descriptor(" rms ", "mvmnt.rms", AnalysisProfile(hop_size=256), [("a", 1), ("b", 2)])
    assert a == b
    assert hash(a) == hash(b)
    assert a != Descriptor("rms", "mvmnt.rms", AnalysisProfile(hop_size=128), {"b": 2, "a": 1})


def test_a_descriptor_cannot_be_changed():
    with pytest.raises(AttributeError):
        Descriptor("rms").feature = "peak"


def test_the_text_names_what_is_not_the_default():
    profile = AnalysisProfile(hop_size=256, id="fine")
    assert str(Descriptor("rms")) == "rms"
    assert str(Descriptor("rms", "mvmnt.rms", profile, {"a": 1})) == "mvmnt.rms @ fine (a=1)"


@pytest.mark.parametrize("name", ["", "   ", "x" * (MAX_NAME + 1)])
def test_names_have_a_length(name):
    with pytest.raises(InvalidParameterError):
        Descriptor(name)
    with pytest.raises(InvalidParameterError):
        Descriptor("rms", name)


@pytest.mark.parametrize("value", [None, 3, b"rms", ["rms"]])
def test_a_feature_is_named_by_a_text(value):
    with pytest.raises(InvalidTypeError):
        Descriptor(value)


@pytest.mark.parametrize("value", ["default", 512, {"hop_size": 256}])
def test_a_profile_is_a_profile(value):
    with pytest.raises(InvalidTypeError):
        Descriptor("rms", profile=value)


@pytest.mark.parametrize("value", [3, "ab", [1, 2], [("a", 1, 2)]])
def test_params_are_names_and_values(value):
    with pytest.raises(InvalidTypeError):
        Descriptor("rms", params=value)
