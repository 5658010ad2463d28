"""The lower bounds in pyproject.toml are the versions that the environment of the oldest dependencies really has."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = pathlib.Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OLDEST_PYTHON = (3, 11)


def bounds(*extras: str) -> dict[str, Version]:
    """Lower bounds of the dependencies and of the extras."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    requirements = [Requirement(line) for line in lines]
    return {
        requirement.name: Version(specifier.version)
        for requirement in requirements
        for specifier in requirement.specifier
        if specifier.operator == ">="
    }


def test_every_dependency_has_a_lower_bound():
    lines = [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["lab"],
        *PROJECT["optional-dependencies"]["tables"],
    ]
    assert {Requirement(line).name for line in lines} == set(bounds("lab", "tables"))


def test_the_oldest_python_is_the_one_declared():
    assert PROJECT["requires-python"] == ">=" + ".".join(map(str, OLDEST_PYTHON))


@pytest.mark.skipif(
    sys.version_info[:2] != OLDEST_PYTHON, reason="some of the oldest dependencies have no wheels for this newer Python"
)
@pytest.mark.skipif(
    "AUDIOCACHE_NB_LOWEST" not in os.environ, reason="only where the oldest dependencies are, which ./dev test sees to"
)
@pytest.mark.parametrize(("name", "bound"), bounds("lab", "tables").items())
def test_the_lower_bound_is_tested(name: str, bound: Version):
    assert Version(importlib.metadata.version(name)) == bound


def test_binder_has_every_dependency():
    listed = re.findall(r"^  - ([a-z-]+)", (ROOT / "binder" / "environment.yml").read_text(), flags=re.MULTILINE)
    conda_names = {"soundfile": "pysoundfile", "matplotlib": "matplotlib-base"}
    assert {conda_names.get(name, name) for name in bounds("lab", "tables")} <= set(listed)
