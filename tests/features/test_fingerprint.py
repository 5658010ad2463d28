"""Code fingerprints: what changes a function's behaviour changes them, what does not does not."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import linecache
import math
import pathlib
import subprocess
import sys
import threading
import types
import weakref

import numpy as np
import pytest

from audiocache_nb.features.fingerprint import Watched, fingerprint, take

BASE = '''
import functools
import math
import numpy as np

GAIN = 3.0
TABLE = {"low": 1, "high": [2, 3]}
KERNEL = np.array([0.25, 0.5, 0.25])
CHOSEN = {"a", "b"}

def helper(x):
    """Say what it does."""
    return deeper(x) + 1

def deeper(x):
    return x * 2

METHODS = {"first": helper}
halve = functools.partial(math.ldexp, 0.5)

@functools.cache
def cached(n):
    return n + 10

def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) + 100
    return wrapper

@logged
def wrapped(x):
    return x - 1

class Smoother:
    """Smooths."""

    strength = 5

    def __init__(self, size):
        self.size = size

    def __call__(self, x):
        return x * self.size

SMOOTHER = Smoother(7)

def make(power):
    return lambda x: x ** power

cube = make(3)

def feature(frames, *, threshold=0.5):
    """Compute it."""
    # a comment
    loud = [helper(row) for row in frames]
    text = "constant"
    total = sum(TABLE["low"] * deeper(value) for value in loud)
    other = METHODS["first"](GAIN) + halve(2) + cached(1) + wrapped(1) + SMOOTHER(1) + cube(2)
    return total + KERNEL.sum() + len(CHOSEN) + len(text) + other + threshold + np.abs(1)
'''

SAME = {
    "comment": ("# a comment", "# another one"),
    "no comment": ("    # a comment\n", ""),
    "docstring": ('"""Compute it."""', '"""Explain it quite differently."""'),
    "docstring of a helper": ('"""Say what it does."""', '"""Say."""'),
    "format": (
        "loud = [helper(row) for row in frames]",
        "loud  = [\n        helper( row )\n        for row in frames]",
    ),
    "empty lines": ("\n    text =", "\n\n\n    text ="),
    "moved in its file": ("GAIN = 3.0", "\n\n\nUNUSED = 1\nGAIN = 3.0"),
    "renamed local": ("loud", "noisy"),
    "renamed first argument": ("frames", "blocks"),
    "order of a set": ('{"a", "b"}', '{"b", "a"}'),
    "order of a dict": ('{"low": 1, "high": [2, 3]}', '{"high": [2, 3], "low": 1}'),
    "something that it does not read": ("import math", "import math\nUNUSED = [1, 2, 3]"),
    "a helper nobody calls": ("class Smoother", "def unused():\n    return 1\n\nclass Smoother"),
}
DIFFERENT = {
    "code": ("total + KERNEL", "total - KERNEL"),
    "constant": ('"constant"', '"constants"'),
    "default": ("threshold=0.5", "threshold=0.6"),
    "name of a parameter": ("threshold", "level"),
    "helper": ("deeper(x) + 1", "deeper(x) + 2"),
    "helper of a helper": ("x * 2", "x * 3"),
    "global number": ("GAIN = 3.0", "GAIN = 4.0"),
    "type of a global number": ("GAIN = 3.0", "GAIN = 3"),
    "global table": ("[2, 3]", "[2, 4]"),
    "global array": ("0.25, 0.5, 0.25", "0.25, 0.5, 0.26"),
    "type of a global array": ("[0.25, 0.5, 0.25])", "[0.25, 0.5, 0.25], np.float32)"),
    "global set": ('{"a", "b"}', '{"a", "c"}'),
    "function in a table": ('{"first": helper}', '{"first": deeper}'),
    "argument of a partial": ("math.ldexp, 0.5", "math.ldexp, 0.6"),
    "function of a partial": ("math.ldexp, 0.5", "math.pow, 0.5"),
    "cached helper": ("n + 10", "n + 11"),
    "decorated helper": ("x - 1", "x - 2"),
    "decorator of a helper": ("function(*args) + 100", "function(*args) + 101"),
    "method of a class": ("x * self.size", "x / self.size"),
    "constant of a class": ("strength = 5", "strength = 6"),
    "state of an object": ("Smoother(7)", "Smoother(8)"),
    "closure": ("cube = make(3)", "cube = make(4)"),
    "code of a closure": ("x ** power", "x // power"),
    "ufunc": ("np.abs(1)", "np.sqrt(1)"),
}


@pytest.fixture
def load(tmp_path):
    """A function that makes a module of some text; without its source, if that is wanted."""
    numbers = itertools.count()

    def make(source: str, *, keep_source: bool = True) -> types.ModuleType:
        path = tmp_path / f"acn_test_{next(numbers)}" / "features_of_mine.py"
        path.parent.mkdir()
        path.write_text(source)
        spec = importlib.util.spec_from_file_location("features_of_mine", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if not keep_source:
            path.unlink()
            linecache.clearcache()
        return module

    return make


def changed(change: tuple[str, str]) -> str:
    assert change[0] in BASE
    return BASE.replace(*change)


@pytest.mark.parametrize("keep_source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_does_not_change_the_behaviour_does_not_count(load, change, keep_source):
    before = fingerprint(load(BASE, keep_source=keep_source).feature)
    assert fingerprint(load(changed(change), keep_source=keep_source).feature) == before


@pytest.mark.parametrize("keep_source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_may_change_the_behaviour_counts(load, change, keep_source):
    before = fingerprint(load(BASE, keep_source=keep_source).feature)
    assert fingerprint(load(changed(change), keep_source=keep_source).feature) != before


def test_no_two_changes_look_alike(load):
    found = [fingerprint(load(changed(change)).feature) for change in DIFFERENT.values()]
    assert len(set(found)) == len(found)


def test_it_is_sixteen_hexadecimal_digits(load):
    text = fingerprint(load(BASE).feature)
    assert len(text) == 16
    assert int(text, 16) >= 0


def test_the_decorator_does_not_count_itself(load):
    plain = "def feature(frames):\n    return frames[:, 0]\n"
    decorated = f"def mark(**options):\n    return lambda function: function\n\n@mark(unit='dB')\n{plain}"
    assert fingerprint(load(plain).feature) == fingerprint(load(decorated).feature)


def test_a_nested_function_s_decorator_counts(load):
    inner = "    {}\n    def inner(x):\n        return x\n    return inner(frames)\n"
    source = "import functools\ndef feature(frames):\n" + inner
    a = fingerprint(load(source.format("@functools.cache")).feature)
    assert a != fingerprint(load(source.format("@functools.lru_cache")).feature)


def test_a_file_that_was_edited_but_not_imported_again_is_not_believed(load):
    module = load(BASE)
    before = fingerprint(module.feature)
    path = pathlib.Path(module.__file__)
    path.write_text(BASE.replace("x * 2", "x * 3"))  # what runs is still x * 2
    stale = fingerprint(module.feature)
    assert stale != fingerprint(load(path.read_text()).feature)
    path.write_text(BASE)
    assert fingerprint(module.feature) == before


def test_helpers_in_a_module_of_the_user_s_own_are_reached_through_it(load, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    source = "import acn_test_helpers as own\ndef feature(frames):\n    return own.scale(frames)\n"
    found = []
    for factor in (2, 3):
        (tmp_path / "acn_test_helpers.py").write_text(f"def scale(x):\n    return x * {factor}\n\nOTHER = {factor}\n")
        sys.modules.pop("acn_test_helpers", None)
        linecache.clearcache()
        importlib.invalidate_caches()
        found.append(fingerprint(load(source).feature))
        (tmp_path / "acn_test_helpers.py").unlink()
        for cached in tmp_path.glob("__pycache__/*"):
            cached.unlink()
    sys.modules.pop("acn_test_helpers", None)
    assert found[0] != found[1]


def test_installed_code_counts_by_name_only(load):
    a = load("from json import dumps\ndef feature(frames):\n    return dumps(frames)\n").feature
    b = load("from json import loads as dumps\ndef feature(frames):\n    return dumps(frames)\n").feature
    assert fingerprint(a) != fingerprint(b)


def test_two_functions_on_one_line_are_two(load):
    module = load("first, second = (lambda x: x.max(axis=1)), (lambda x: x.min(axis=1))\n")
    assert fingerprint(module.first) != fingerprint(module.second)


def test_functions_that_call_each_other_end():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert fingerprint(even) != fingerprint(odd)


def test_data_that_contain_themselves_end():
    loop: list = [1, len]
    loop.append(loop)
    thing = types.SimpleNamespace()
    thing.self = thing

    def feature(frames):
        return loop, thing

    assert fingerprint(feature) == fingerprint(feature)


def test_anything_callable_has_one():
    class Callable:
        def __call__(self, frames):
            return frames

    for thing in (np.abs, len, Callable(), Callable, Callable().__call__, [].append):
        assert len(fingerprint(thing)) == 16


@pytest.mark.parametrize("keep_source", [True, False], ids=["with source", "without source"])
def test_it_is_the_same_in_another_process(tmp_path, keep_source):
    path = tmp_path / "features_of_mine.py"
    path.write_text(
        BASE + "\ndef member(x):\n    return x in {'p', 'q', 'r', 's'}\nfeature.__kwdefaults__['f'] = member\n"
    )
    program = f"""
import json, linecache, pathlib, sys
sys.path.insert(0, {str(tmp_path)!r})
import features_of_mine as module
from audiocache_nb.features.fingerprint import Watched, fingerprint, take
if not {keep_source}:
    module.feature.__code__ = module.feature.__code__.replace(co_filename="gone")
    module.member.__code__ = module.member.__code__.replace(co_filename="gone")
print(json.dumps(fingerprint(module.feature)))
"""
    found = set()
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])},
        )
        found.add(json.loads(done.stdout))
    assert len(found) == 1


SMALL_SAME = {
    "annotations": (
        "def feature(frames):\n    n = 1\n    return n",
        "def feature(frames: list) -> int:\n    n: int = 1\n    return n",
    ),
    "annotations in a block": (
        "def feature(frames):\n    if frames:\n        n = 1\n    return n",
        "def feature(frames):\n    if frames:\n        n: int = 1\n    return n",
    ),
    "a local name that is an attribute too": (
        "def feature(frames):\n    mean = frames.mean()\n    return mean",
        "def feature(frames):\n    m = frames.mean()\n    return m",
    ),
    "an exception's name": (
        "def feature(x):\n    try:\n        return x\n    except ValueError as e:\n        return str(e)",
        "def feature(x):\n    try:\n        return x\n    except ValueError as error:\n        return str(error)",
    ),
    "the name of a function inside": (
        "def feature(x):\n    def inner(y):\n        return y\n    return inner(x)",
        "def feature(x):\n    def within(z):\n        '''Say.'''\n        return z\n    return within(x)",
    ),
    "a lambda's argument": (
        "def feature(x):\n    return sorted(x, key=lambda row: row[0])",
        "def feature(x):\n    return sorted(x, key=lambda r: r[0])",
    ),
    "a loop's variable": (
        "def feature(x):\n    return [row for row in x if row]",
        "def feature(x):\n    return [r for r in x if r]",
    ),
    "nothing but a docstring": (
        "def helper():\n    'One.'\ndef feature(x):\n    return helper()",
        "def helper():\n    'Two.'\ndef feature(x):\n    return helper()",
    ),
}
SMALL_DIFFERENT = {
    "arguments that are passed by name change places": (
        "def helper(a, b):\n    return a - b\ndef feature(x):\n    return helper(a=x, b=1)",
        "def helper(b, a):\n    return b - a\ndef feature(x):\n    return helper(a=x, b=1)",
    ),
    "those of a function inside": (
        "def feature(x):\n    def inner(a, b):\n        return a - b\n    return inner(a=x, b=1)",
        "def feature(x):\n    def inner(b, a):\n        return b - a\n    return inner(a=x, b=1)",
    ),
    "two locals change places": (
        "def feature(x):\n    a, b = x\n    return a - b",
        "def feature(x):\n    a, b = x\n    return b - a",
    ),
    "two locals change places in a function inside": (
        "def feature(x):\n    a, b = x\n    return lambda: a - b",
        "def feature(x):\n    a, b = x\n    return lambda: b - a",
    ),
    "a local name that its function shows": (
        "def feature(x):\n    a = 1\n    return locals()",
        "def feature(x):\n    b = 1\n    return locals()",
    ),
    "a method": ("def feature(x):\n    return x.mean()", "def feature(x):\n    return x.max()"),
    "the sign of zero": (
        "import math\nZ = 0.0\ndef feature(x):\n    return math.atan2(Z, -1)",
        "import math\nZ = -0.0\ndef feature(x):\n    return math.atan2(Z, -1)",
    ),
    "a pattern": (
        "import re\nP = re.compile('a')\ndef feature(x):\n    return P",
        "import re\nP = re.compile('b')\ndef feature(x):\n    return P",
    ),
    "the weights of somebody's model": (
        "from fractions import Fraction\nF = Fraction(1, 3)\ndef feature(x):\n    return F",
        "from fractions import Fraction\nF = Fraction(1, 4)\ndef feature(x):\n    return F",
    ),
    "the object of a method": tuple(
        "class C:\n    def __init__(self, k):\n        self.k = k\n    def m(self, x):\n        return self.k\n"
        f"M = C({k}).m\ndef feature(x):\n    return M(x)"
        for k in (1, 2)
    ),
    "a field in slots": tuple(
        "class C:\n    __slots__ = ('k',)\n    def __init__(self, k):\n        self.k = k\n"
        f"M = C({k})\ndef feature(x):\n    return M.k"
        for k in (1, 2)
    ),
    "the default of a data class": (
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    k: int = 1\ndef feature(x):\n    return C().k",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    k: int = 2\ndef feature(x):\n    return C().k",
    ),
    "a member of an enumeration": (
        "import enum\nclass E(enum.Enum):\n    A = 1\ndef feature(x):\n    return E.A.value",
        "import enum\nclass E(enum.Enum):\n    A = 2\ndef feature(x):\n    return E.A.value",
    ),
    "a helper's helper that only a table knows": (
        "def a(x):\n    return 1\nT = [{'k': (a,)}]\ndef feature(x):\n    return T[0]['k'][0](x)",
        "def a(x):\n    return 2\nT = [{'k': (a,)}]\ndef feature(x):\n    return T[0]['k'][0](x)",
    ),
    "a base class": (
        "class A:\n    k = 1\nclass B(A):\n    pass\ndef feature(x):\n    return B.k",
        "class A:\n    k = 2\nclass B(A):\n    pass\ndef feature(x):\n    return B.k",
    ),
    "the setter of a property": tuple(
        "class A:\n    @property\n    def k(self):\n        return 1\n    @k.setter\n    def k(self, v):\n"
        f"        self.v = {sign}v\ndef feature(x):\n    return A()"
        for sign in "+-"
    ),
    "a method of a class's class": tuple(
        f"class M(type):\n    def k(cls):\n        return {k}\nclass C(metaclass=M):\n    pass\n"
        "def feature(x):\n    return C.k()"
        for k in (1, 2)
    ),
    "what a decorator of Python's own was given": tuple(
        f"import contextlib\n@contextlib.contextmanager\ndef factor():\n    yield {k}\n"
        "def feature(x):\n    with factor() as k:\n        return k * x"
        for k in (1, 2)
    ),
    "what an installed decorator was given": tuple(
        f"import numpy as np\n@np.errstate(all='ignore')\ndef helper(x):\n    return x + {k}\n"
        "def feature(x):\n    return helper(x)"
        for k in (1, 2)
    ),
    "what an installed decorator was told": tuple(
        f"import numpy as np\n@np.errstate(all={how!r})\ndef feature(x):\n    return 1 / x"
        for how in ("ignore", "raise")
    ),
    "the calculator itself under an installed decorator": tuple(
        f"import numpy as np\n@np.errstate(all='ignore')\ndef feature(x):\n    return {k} / x" for k in (1, 2)
    ),
    "one of the functions that are chosen by type": tuple(
        "import functools\n@functools.singledispatch\ndef helper(x):\n    return 1\n"
        f"@helper.register\ndef _(x: int):\n    return {k}\ndef feature(x):\n    return helper(3)"
        for k in (1, 2)
    ),
}


@pytest.mark.parametrize("keep_source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("pair", SMALL_SAME.values(), ids=SMALL_SAME.keys())
def test_small_things_that_do_not_count(load, pair, keep_source):
    assert len({fingerprint(load(text, keep_source=keep_source).feature) for text in pair}) == 1


@pytest.mark.parametrize("keep_source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("pair", SMALL_DIFFERENT.values(), ids=SMALL_DIFFERENT.keys())
def test_small_things_that_count(load, pair, keep_source):
    assert len({fingerprint(load(text, keep_source=keep_source).feature) for text in pair}) == 2


def test_parts_have_names(load):
    parts = take(load(BASE).feature).parts
    assert parts["GAIN in features_of_mine.py"] == "3.0"
    assert parts["code"].startswith("#")
    assert {"helper helper in features_of_mine.py", "helper deeper in features_of_mine.py"} <= parts.keys()
    assert parts["numpy"] == np.__version__
    edited = take(load(changed(DIFFERENT["helper of a helper"])).feature).parts
    assert {name for name in parts if parts[name] != edited[name]} == {"helper deeper in features_of_mine.py"}


def test_a_fingerprint_knows_when_it_is_out_of_date(load):
    module = load(BASE)
    found = take(module.feature)
    assert found.is_current()
    for name, value in (("GAIN", 5.0), ("deeper", lambda x: x), ("SMOOTHER", None)):
        before = getattr(module, name)
        setattr(module, name, value)
        assert not found.is_current(), name
        setattr(module, name, before)
        assert found.is_current(), name
    for change, back in (
        (lambda: module.TABLE.update(low=2), lambda: module.TABLE.update(low=1)),
        (lambda: module.KERNEL.__setitem__(0, 9), lambda: module.KERNEL.__setitem__(0, 0.25)),
        (lambda: setattr(module.SMOOTHER, "size", 9), lambda: setattr(module.SMOOTHER, "size", 7)),
        (lambda: setattr(module.Smoother, "strength", 9), lambda: setattr(module.Smoother, "strength", 5)),
    ):
        change()
        assert not found.is_current()
        back()
        assert found.is_current()


def test_watching_gives_the_same_object_for_the_same_code(load):
    module = load(BASE)
    watched = Watched(module.feature)
    first = watched.now()
    assert watched.now() is first
    module.GAIN = 3.0 + 0 * module.GAIN  # another object, and equal
    assert watched.now() is first
    module.GAIN = 4.0
    assert watched.now() is not first
    assert watched.now().digest != first.digest


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (iter([1]), ""),
        ((n for n in [1]), "what is in thing, a generator, cannot be told"),
        (np.random.default_rng(0), "thing is a random generator"),
        (threading.Lock(), ""),
        (math.nan, ""),
    ],
    ids=["iterator", "generator", "random", "lock", "nan"],
)
def test_what_cannot_be_told_is_said(value, reason):
    thing = value

    def feature(frames):
        return thing

    found = take(feature)
    assert found.uncacheable_reason == reason
    assert found.digest == take(feature).digest
    assert found.is_current()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("K = 1\ndef feature(x):\n    return eval('K')", "what eval reads cannot be told"),
        ("K = 1\ndef feature(x):\n    return globals()['K']", "what globals reads cannot be told"),
        (
            "import importlib\ndef feature(x):\n    return importlib.import_module('my' + x)",
            "what importlib.import_module reads cannot be told",
        ),
        (
            "def feature(x):\n    from importlib import import_module\n    return import_module('my' + x)",
            "what importlib.import_module reads cannot be told",
        ),
        (
            "import numpy as np\ng = np.frompyfunc(lambda x: x, 1, 1)\ndef feature(x):\n    return g(x)",
            "what g calls, which np.frompyfunc made, cannot be told",
        ),
        ("import numpy as np\n@np.errstate(all='ignore')\ndef feature(x):\n    return np.sin(x)", ""),
        ("import importlib.metadata as m\ndef feature(x):\n    return m.version('numpy')", ""),
    ],
)
def test_code_that_reads_anything_it_likes_is_said_too(load, text, reason):
    assert take(load(text).feature).uncacheable_reason == reason


class WithoutItems(dict):
    def items(self):
        raise ValueError("no")


class WithoutState:
    @property
    def __dict__(self):
        raise OSError("no")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: WithoutItems(a=1), "ValueError"),
        (WithoutState, "OSError"),
        (lambda: weakref.proxy(WithoutItems()), "ReferenceError"),  # whose object is gone
    ],
)
def test_what_does_not_let_itself_be_looked_at_is_said_too(make, error):
    thing = make()

    def feature(frames):
        return thing

    found = take(feature)
    assert found.uncacheable_reason == f"what is in thing cannot be looked at ({error})"
    assert found.is_current()
    assert found.digest == take(feature).digest


def test_integers_may_have_more_digits_than_python_writes_down():
    def feature_of(number):
        return lambda frames: number

    assert take(feature_of(10**6000)).digest == take(feature_of(10**6000)).digest
    assert take(feature_of(10**6000)).digest != take(feature_of(10**6000 + 1)).digest
    assert take(feature_of(10**6000)).uncacheable_reason == ""


def test_what_an_installed_decorator_made_is_out_of_date_when_what_it_was_given_is(load):
    module = load(SMALL_DIFFERENT["one of the functions that are chosen by type"][0])
    found = take(module.feature)
    assert found.is_current()
    module.helper.register(float, lambda x: 4)
    assert not found.is_current()


def test_too_much_is_said_too():
    deep: list = []
    for _ in range(100):
        deep = [deep]

    def feature(frames):
        return deep

    assert take(feature).uncacheable_reason == "deep has too much in it to be looked at"


def test_what_a_decorator_was_given_may_go_altogether(load):
    text = (
        "import contextlib\n@contextlib.contextmanager\ndef factor():\n    yield 1\n"
        "def feature(x):\n    with factor() as k:\n        return k * x"
    )
    module = load(text)
    found = take(module.feature)
    assert found.is_current(thorough=True)
    vars(module.factor).pop("__wrapped__")
    (cell,) = module.factor.__closure__
    cell.cell_contents = contextlib.nullcontext  # nothing of the user's own is left in it
    assert not found.is_current(thorough=True)
