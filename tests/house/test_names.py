"""What a user finds by tab completion and by help, and whether the examples of docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pathlib
import pkgutil

import pytest

import audiocache_nb as acn
from audiocache_nb import errors

ROOT = pathlib.Path(acn.__file__).parent
MODULES = [one.name for one in pkgutil.walk_packages([str(ROOT)], "audiocache_nb.") if not one.ispkg]
SKIPPED = "# doctest: +SKIP"  # what opens a page, or needs what is not there


def has_examples(name: str) -> bool:
    """Whether a module shows anything that can be run here."""
    text = (ROOT.parent / pathlib.Path(*name.split("."))).with_suffix(".py").read_text(encoding="utf-8")
    return any(">>>" in line and SKIPPED not in line for line in text.splitlines())


WITH_EXAMPLES = [name for name in MODULES if has_examples(name)]


@pytest.mark.parametrize("name", ["audiocache_nb", *WITH_EXAMPLES])
def test_examples_of_docstrings_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    assert result.attempted - getattr(result, "skipped", 0) > 0  # those skipped count as attempted from 3.13 on


def test_every_error_is_there_under_its_name() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.AudioCacheError)]
    assert {one.__name__ for one in kinds} <= set(dir(acn))
    assert all(one.code.startswith("ACN-") for one in kinds)
    assert len({one.code for one in kinds}) == len(kinds)


@pytest.mark.parametrize("name", dir(acn))
def test_every_public_name_can_be_had_and_says_what_it_is(name: str) -> None:
    found = getattr(acn, name)
    if name != "__version__":
        assert (found.__doc__ or "").strip(), name


@pytest.mark.parametrize("name", [one for one in dir(acn.Session) if not one.startswith("_")])
def test_every_verb_of_a_session_says_what_it_does(name: str) -> None:
    assert (getattr(acn.Session, name).__doc__ or "").strip(), name


def test_the_package_says_where_to_begin() -> None:
    said = (acn.__doc__ or "").split("-----\n")[1].split("\n\n")[0]
    named = [name for line in said.splitlines() if not line.startswith(" ") for name in line.split(", ")]
    assert {"Session", "calculators", "AnalysisProfile", "FeaturePlot", "examples", "AudioCacheError"} <= set(named)
    assert set(named) <= set(dir(acn))
