"""The registry: what there is, what is the default, what plug-ins bring."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings

import numpy as np
import pytest
from support.passes import made_of

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError, UnknownCalculatorError, UnknownFeatureError
from audiocache_nb.features.builtin import all_builtin
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry, calculator, calculators

BUILT_IN = [one.id for one in all_builtin()]


@pytest.fixture
def registry():
    return Registry(entry_points=False)


def peak(feature: str = "peak", id: str | None = None, **options) -> FunctionCalculator:
    return made_of(lambda frames, *, gain=1.0: gain * np.abs(frames).max(axis=1), feature=feature, id=id, **options)


def test_the_built_in_calculators_are_there(registry):
    assert {"mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform", "spectrogram", "rms", "waveform"} <= set(BUILT_IN)
    assert len(set(BUILT_IN)) == len(BUILT_IN)
    assert [one.id for one in registry] == BUILT_IN
    assert [one.id for one in registry.list()] == BUILT_IN
    assert all(name in registry for name in BUILT_IN)


def test_d27_registering_one_first_does_not_suppress_the_built_in_ones():
    registry = Registry(entry_points=False)
    registry.register(peak())
    assert [one.id for one in registry] == [*BUILT_IN, "peak"]


@pytest.mark.parametrize("feature", ["spectrogram", "rms", "waveform"])
def test_the_calibrated_calculators_are_the_defaults(registry, feature):
    assert registry.default_for(feature).id == feature


def test_the_default_is_the_newest(registry):
    registry.register(peak(id="one"))
    registry.register(peak(id="two"))
    assert registry.default_for("peak").id == "two"
    registry.register(peak(id="one"))
    assert registry.default_for("peak").id == "one"
    registry.unregister("one")
    assert registry.default_for("peak").id == "two"
    registry.unregister("two")
    with pytest.raises(UnknownFeatureError):
        registry.default_for("peak")


def test_registering_the_same_id_again_replaces(registry):
    first, second = peak(), peak()
    registry.register(first)
    assert registry.register(second) is second
    assert registry.get("peak") is second
    assert [one.id for one in registry].count("peak") == 1


def test_a_built_in_calculator_can_be_replaced_and_comes_back(registry):
    own = peak(feature="rms", id="mvmnt.rms")
    with pytest.warns(UserWarning, match=r"mvmnt\.rms"):
        registry.register(own)
    assert registry.get("mvmnt.rms") is own
    assert registry.default_for("rms") is own
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.register(own)  # said once
    registry.unregister("mvmnt.rms")
    assert registry.get("mvmnt.rms").version == 1
    assert registry.default_for("rms").id == "rms"


def test_a_replaced_built_in_calculator_is_no_default_behind_ones_back(registry):
    with pytest.warns(UserWarning, match="rms"):
        registry.register(peak(feature="loudest", id="rms"))
    assert registry.default_for("rms").id == "mvmnt.rms"


def test_built_in_calculators_stay(registry):
    with pytest.raises(UnknownCalculatorError, match="built in"):
        registry.unregister("rms")
    assert "rms" in registry


def test_what_is_not_there_is_told_what_is(registry):
    with pytest.raises(UnknownCalculatorError) as caught:
        registry.get("mvmnt.rsm")
    assert "mvmnt.rms" in caught.value.hint
    with pytest.raises(UnknownCalculatorError):
        registry.unregister("mvmnt.rsm")
    with pytest.raises(UnknownFeatureError) as caught:
        registry.default_for("no such thing")
    assert "rms" in caught.value.hint
    with pytest.raises(UnknownFeatureError):
        registry.resolve("no such thing")


@pytest.mark.parametrize("value", [None, 3, "rms", lambda frames: frames, FunctionCalculator])
def test_only_calculators_are_registered(registry, value):
    with pytest.raises(InvalidTypeError):
        registry.register(value)


@pytest.mark.parametrize("name", ["", "  ", "x" * 200])
def test_names_have_a_length(registry, name):
    made = peak()
    made.feature = name
    with pytest.raises(InvalidParameterError):
        registry.register(made)


# --- resolving ------------------------------------------------------------------------------------


def test_a_name_is_a_feature_or_a_calculator(registry):
    profile = AnalysisProfile(hop_size=256)
    assert registry.resolve("rms") == Descriptor("rms", "rms")
    assert registry.resolve("mvmnt.rms", profile) == Descriptor("rms", "mvmnt.rms", profile)


def test_a_descriptor_is_filled_in(registry):
    registry.register(peak())
    profile = AnalysisProfile(hop_size=256)
    assert registry.resolve(Descriptor("rms", None, profile)) == Descriptor("rms", "rms", profile)
    assert registry.resolve(Descriptor("peak", params={"gain": 2})).params == (("gain", 2.0),)


def test_values_that_are_the_default_are_none(registry):
    registry.register(peak())
    assert registry.resolve(Descriptor("peak", params={"gain": 1})) == registry.resolve("peak")


def test_a_descriptor_that_contradicts_itself_is_refused(registry):
    with pytest.raises(UnknownCalculatorError, match="rms"):
        registry.resolve(Descriptor("waveform", "mvmnt.rms"))
    with pytest.raises(InvalidParameterError, match="gain"):
        registry.resolve(Descriptor("rms", params={"gain": 2}))
    with pytest.raises(InvalidTypeError):
        registry.resolve(3)


# --- listeners ------------------------------------------------------------------------------------


def test_listeners_hear_of_every_change(registry):
    heard = []
    unsubscribe = registry.subscribe(heard.append)
    registry.register(peak(id="one"))
    registry.register(peak(id="one"))
    registry.unregister("one")
    unsubscribe()
    unsubscribe()
    registry.register(peak(id="two"))
    assert heard == ["one", "one", "one"]


def test_a_listener_that_fails_harms_nobody(registry, caplog):
    heard = []
    registry.subscribe(lambda name: 1 / 0)
    registry.subscribe(heard.append)
    registry.register(peak())
    assert heard == ["peak"]
    assert "ZeroDivisionError" in caplog.text


def test_threads_can_register_at_once(registry):
    def work(number: int) -> None:
        for k in range(50):
            registry.register(peak(id=f"own.{number}.{k}"))
            registry.default_for("peak")
            registry.unregister(f"own.{number}.{k}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.id for one in registry] == BUILT_IN


# --- the decorator --------------------------------------------------------------------------------


@pytest.fixture
def cleaned():
    yield
    for one in calculators.list():
        if one.id not in BUILT_IN:
            calculators.unregister(one.id)


@pytest.mark.usefixtures("cleaned")
def test_a_decorated_function_is_registered_at_once():
    @calculator
    def loudest(frames):
        """Take the loudest sample."""
        return np.abs(frames).max(axis=1)

    assert calculators.get("loudest") is loudest
    assert loudest.feature == "loudest"
    assert loudest.__doc__ == "Take the loudest sample."

    @calculator(feature="crest", unit="dB", id="my.crest", label="Crest", version=2)
    def another(frames):
        return frames[:, 0]

    assert calculators.default_for("crest") is another
    assert (another.id, another.unit, another.title, another.version_text) == ("my.crest", "dB", "Crest", "2")


# --- entry points ---------------------------------------------------------------------------------

PLUGIN = """
import numpy as np
from audiocache_nb.features.function import FunctionCalculator

def make(name):
    return FunctionCalculator(lambda frames: frames[:, 0], feature="first", id=name)

one = make("plugin.one")
many = [make("plugin.two"), make("plugin.three")]

def factory():
    return make("plugin.four")

nothing = 3

def broken():
    raise RuntimeError("not today")

def leaves():
    raise SystemExit(1)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A function that installs a distribution with these entry points."""

    def install(**points: str) -> None:
        (tmp_path / "acn_test_plugin.py").write_text(PLUGIN)
        info = tmp_path / "acn_test_plugin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acn-test-plugin\nVersion: 1.0\n")
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("[audiocache_nb.calculators]\n" + "\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()

    yield install
    sys.modules.pop("acn_test_plugin", None)


def test_plug_ins_bring_calculators(plugin):
    plugin(a="acn_test_plugin:one", b="acn_test_plugin:many", c="acn_test_plugin:factory")
    registry = Registry()
    assert "acn_test_plugin" not in sys.modules  # only when somebody asks
    names = [one.id for one in registry]
    assert names[: len(BUILT_IN)] == BUILT_IN
    assert sorted(names[len(BUILT_IN) :]) == ["plugin.four", "plugin.one", "plugin.three", "plugin.two"]
    assert registry.get("plugin.two").feature == "first"


def test_a_broken_plug_in_only_warns(plugin):
    plugin(
        a="acn_test_plugin:broken",
        b="acn_test_plugin:leaves",
        c="acn_test_plugin:nothing",
        d="no_such_module:thing",
        e="acn_test_plugin:no_such_name",
        f="acn_test_plugin:one",
    )
    registry = Registry()
    with pytest.warns(UserWarning, match="plug-in") as caught:
        assert "plugin.one" in registry
    assert sorted(str(warning.message).split("'")[1] for warning in caught) == ["a", "b", "c", "d", "e"]
    assert [one.id for one in registry] == [*BUILT_IN, "plugin.one"]


def test_what_was_registered_by_hand_goes_before_a_plug_in(plugin):
    plugin(a="acn_test_plugin:one", b="acn_test_plugin:many")
    registry = Registry()
    own = peak(feature="first", id="plugin.two")
    registry.register(own)
    assert registry.get("plugin.two") is own
    assert registry.default_for("first") is own
    assert "plugin.one" in registry


def test_plug_ins_can_be_left_out(plugin):
    plugin(a="acn_test_plugin:one")
    assert "plugin.one" not in Registry(entry_points=False)


def test_short_names_stand_for_features_unless_somebody_made_one_that_is_called_so() -> None:
    registry = Registry(entry_points=False)
    assert registry.resolve("mel").calculator == "melspectrogram"
    assert registry.resolve(Descriptor("mel")) == registry.resolve("melspectrogram")
    with pytest.raises(UnknownFeatureError, match="Did you mean 'centroid'"):
        registry.resolve("centriod")
    registry.register(FunctionCalculator(lambda frames: frames.mean(axis=1), feature="mel"))
    assert registry.resolve("mel").calculator == "mel"


def test_a_built_in_calculator_may_be_registered_and_stays_built_in() -> None:
    registry = Registry(entry_points=False)
    own = registry.get("rms")
    registry.register(own)  # a warning would be an error here
    with pytest.raises(UnknownCalculatorError, match="is built in"):
        registry.unregister("rms")
    with pytest.warns(UserWarning, match="now stands for your calculator"):
        registry.register(FunctionCalculator(lambda frames: frames.mean(axis=1), feature="rms"))
    registry.register(own)
    assert registry.get("rms") is own
    assert registry.default_for("rms") is own


def test_blanks_around_a_name_do_not_matter() -> None:
    registry = Registry(entry_points=False)
    assert registry.resolve(" rms ") == registry.resolve("rms") == registry.resolve(Descriptor(" rms "))


@pytest.mark.parametrize("name", [one.id for one in Registry(entry_points=False).list()])
def test_every_built_in_calculator_says_what_it_computes_and_the_numbers_of_others_whose(name: str) -> None:
    text = type(Registry(entry_points=False).get(name)).__doc__ or ""
    assert len(text.strip().splitlines()) > 1
    assert "``" in text, "a formula"
    assert not name.startswith("mvmnt.") or "Source: MVMNT" in text
