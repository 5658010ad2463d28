"""Packages that bring calculators: the example is built, installed and used by an interpreter of its own."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

EXAMPLE = pathlib.Path(__file__).parents[1] / "plugin_example"

SAY = """
import json, sys, warnings
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    import audiocache_nb as acn
    before = [name for name in sys.modules if "example_plugin" in name]
    there = {one.id: one.feature for one in acn.calculators}
    default = acn.calculators.default_for("rms")
print(json.dumps({
    "before": before, "there": there, "default": [default.id, type(default).__module__],
    "rms": type(acn.calculators.get("rms")).__module__, "heard": [str(warning.message) for warning in heard],
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the example installed, as pip would: its wheel, unpacked."""
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "example")
    output, target = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check"]
    done = subprocess.run(
        [*command, "--outdir", output, source], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = output.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            archive.extract(name, target)
    return target


def run(program: str, *folders: pathlib.Path) -> str:
    """What a new interpreter prints that finds packages in these folders, too."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(*folders: pathlib.Path) -> dict:
    return json.loads(run(SAY, *folders).splitlines()[-1])


def plugin(folder: pathlib.Path, name: str, code: str, *points: str) -> pathlib.Path:
    """Write an installed package by hand."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[audiocache_nb.calculators]", *points, ""]))
    return folder


def test_the_example_brings_its_calculators_when_somebody_asks(installed):
    there = ask(installed)
    assert there["before"] == []
    assert there["heard"] == []
    assert there["there"]["example.crest"] == "crest"
    assert there["there"]["example.extent"] == "extent"
    assert "example.crest" not in ask()["there"]


def test_the_examples_calculators_keep_the_contract(installed):
    program = (
        "from audiocache_nb.testing import check_calculator\n"
        "for name in ('example.crest', 'example.extent'):\n"
        "    check_calculator(name, sample_rates=(8000,)).raise_if_failed()\n"
        "print('kept')"
    )
    assert run(program, installed).split() == ["kept"]


def test_a_session_computes_them(installed):
    program = (
        "import numpy as np, audiocache_nb as acn\n"
        "with acn.Session() as session:\n"
        "    track = session.add_audio(np.tile([0.5, -0.25], 4000), sample_rate=8000)\n"
        "    print(session.get(track, 'extent').data.max())\n"
    )
    assert float(run(program, installed)) == 0.75


def test_a_broken_plug_in_only_warns(installed, tmp_path):
    broken = plugin(
        tmp_path / "broken",
        "broken_plugin",
        "def leaves():\n    raise SystemExit(1)\nnothing = [3]\n",
        "a = broken_plugin:leaves",
        "b = broken_plugin:nothing",
        "c = broken_plugin:missing",
        "d = no_such_module:thing",
    )
    there = ask(installed, broken)
    assert {"example.crest", "example.extent"} <= set(there["there"])
    assert len(there["heard"]) == 4
    assert all("could not be loaded" in text and "of broken_plugin" in text for text in there["heard"])
    assert "it names a int, which is no calculator" in there["heard"][1]


REPLACES = """
import numpy as np
import audiocache_nb as acn

@acn.calculator(feature="rms", id="rms")
def rms(frames):
    return np.zeros(len(frames))

@acn.calculator(feature="rms", id="other.rms")
def other(frames):
    return np.zeros(len(frames))
"""


def test_a_plug_in_does_not_replace_what_is_built_in(tmp_path):
    folder = plugin(tmp_path / "replaces", "replacing_plugin", REPLACES, "a = replacing_plugin:rms")
    there = ask(folder)
    assert there["rms"] == "audiocache_nb.features.builtin.rms"
    assert there["default"] == ["rms", "audiocache_nb.features.builtin.rms"]
    assert there["there"]["other.rms"] == "rms"  # which is there for who asks for it
    assert len(there["heard"]) == 1
    assert "plug-in 'a' of replacing_plugin brings another 'rms'; the built-in one stays" in there["heard"][0]


def test_the_first_of_two_plug_ins_stays(installed, tmp_path):
    code = "from audiocache_nb_example_plugin import Extent\n\nclass Other(Extent):\n    label = 'Other'\n"
    folder = plugin(tmp_path / "second", "second_plugin", code, "z = second_plugin:Other")
    there = ask(installed, folder)
    assert "example.extent" in there["there"]
    assert len(there["heard"]) == 1
    assert "brings another 'example.extent'; that of another plug-in stays" in there["heard"][0]


def test_a_users_own_calculator_goes_before_a_plug_in_and_makes_way_again(installed):
    program = (
        "import numpy as np, audiocache_nb as acn\n"
        "@acn.calculator(feature='crest', id='example.crest')\n"
        "def own(frames):\n"
        "    return frames[:, 0]\n"
        "assert acn.calculators.get('example.crest') is own\n"
        "assert acn.calculators.default_for('crest') is own\n"
        "acn.calculators.unregister('example.crest')\n"
        "print(acn.calculators.get('example.crest').label)\n"
        "acn.calculators.unregister('example.crest')\n"
        "print('example.crest' in acn.calculators)\n"
    )
    assert run(program, installed).splitlines() == ["Crest factor", "False"]


def test_threads_that_ask_at_once_all_find_it(installed):
    program = (
        "import threading, audiocache_nb as acn\n"
        "found, gate = [], threading.Barrier(8)\n"
        "def ask():\n"
        "    gate.wait()\n"
        "    found.append('example.crest' in acn.calculators)\n"
        "threads = [threading.Thread(target=ask) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "print(found == [True] * 8)\n"
    )
    assert run(program, installed).split() == ["True"]
