"""Who asks for what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.timeline.demand import Demand
from audiocache_nb.timeline.state import Slot

A, B, C = (Descriptor(name, name) for name in "abc")


def slots(*descriptors: Descriptor) -> dict[Slot, Descriptor]:
    return {Slot.of(descriptor): descriptor for descriptor in descriptors}


def test_the_order_of_asking_does_not_matter():
    demand = Demand()
    assert demand.publish("e", "t", [A, B])
    assert not demand.publish("e", "t", [B, A, A])
    assert demand.wanted(["t"]) == slots(A, B)


def test_asking_again_replaces_and_adding_adds():
    demand = Demand()
    demand.publish("e", "t", [A])
    demand.publish("e", "t", [B])
    assert demand.wanted(["t"]) == slots(B)
    demand.publish("e", "t", [C], add=True)
    assert demand.wanted(["t"]) == slots(B, C)
    assert not demand.publish("e", "t", [], add=True)


def test_tracks_are_apart():
    demand = Demand()
    demand.publish("e", "t", [A])
    demand.publish("e", "u", [B])
    assert demand.wanted(["t"]) == slots(A)
    assert demand.wanted(["t", "u", "nobody"]) == slots(A, B)
    assert demand.wanted([]) == {}


def test_profiles_are_apart():
    fine = Descriptor("a", "a", AnalysisProfile(hop_size=64))
    demand = Demand()
    demand.publish("e", "t", [A, fine])
    assert demand.wanted(["t"]) == slots(A, fine)


def test_owners_are_named():
    demand = Demand()
    demand.publish("plot", "t", [A])
    demand.publish("badge", "t", [A, B])
    assert demand.owners("t", Slot.of(A)) == ["badge", "plot"]
    assert demand.owners("t", Slot.of(C)) == []
    assert demand.withdraw("plot")
    assert not demand.withdraw("plot")
    assert demand.owners("t", Slot.of(A)) == ["badge"]


def test_asking_for_nothing_is_withdrawing():
    demand = Demand()
    assert not demand.publish("e", "t", [])
    demand.publish("e", "t", [A])
    assert demand.publish("e", "t", [])
    assert not demand.withdraw("e")


@pytest.mark.parametrize("name", ["", " \n", None, 3, b"e"])
def test_an_element_has_a_name(name):
    demand = Demand()
    with pytest.raises(InvalidParameterError, match="element is"):
        demand.publish(name, "t", [A])
    assert demand.wanted(["t"]) == {}


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("publish"),
            st.sampled_from("ef"),
            st.sampled_from("tu"),
            st.lists(st.sampled_from([A, B, C])),
            st.booleans(),
        ),
        st.tuples(st.just("withdraw"), st.sampled_from("ef")),
        st.tuples(st.just("forget"), st.sampled_from("tu")),
    ),
    max_size=20,
)


@given(steps)
def test_demand_is_what_a_dict_of_sets_says(walk):
    demand, model = Demand(), {}
    for verb, *arguments in walk:
        if verb == "publish":
            element, track, wanted, add = arguments
            before = model.get((element, track), set())
            after = before | set(wanted) if add else set(wanted)
            model[element, track] = after
            assert demand.publish(element, track, wanted, add=add) == (before != after)
        elif verb == "withdraw":
            gone = [model.pop((arguments[0], track), ()) for track in "tu"]
            assert bool(demand.withdraw(arguments[0])) == any(gone)
        else:
            demand.forget_track(arguments[0])
            for element in "ef":
                model.pop((element, arguments[0]), None)
        for track in "tu":
            expected = set().union(*(wanted for (_, other), wanted in model.items() if other == track))
            assert demand.wanted([track]) == slots(*expected)
    demand.park()
    assert demand.wanted(["t", "u"]) == {}
    demand.withdraw("e")
    demand.unpark("t")
    assert demand.wanted(["t"]) == slots(*model.get(("f", "t"), ()))
    demand.unpark("t")
    demand.forget_parked("u")
    demand.unpark("u")
    assert demand.wanted(["u"]) == {}
    assert demand.elements == (["f"] if model.get(("f", "t")) else [])
