"""The README's Python, as written, in one fresh process; and its commands."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import audiocache_nb as acn
from audiocache_nb import cli

# Old releases of dependencies warn about one another.
STRICT = [] if os.environ.get("AUDIOCACHE_NB_LOWEST") else ["-W", "error::DeprecationWarning"]
README = pathlib.Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    samples, rate = acn.examples.load("drum-loop")
    soundfile.write(tmp_path / "song.flac", samples, rate)
    (tmp_path / "corrected.txt").write_text("0.5\t0.5\tkick\n1.0\t1.0\tsnare\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def test_its_python_runs_from_top_to_bottom(folder: pathlib.Path) -> None:
    pytest.importorskip("xarray")
    pytest.importorskip("matplotlib")
    assert len(PYTHON) >= 2
    said = "\nprint('explained:', session.freshness(track, 'crest').explain())\n"
    code = "\n".join(PYTHON) + said + "print('labels:', labels.texts)\nsession.close()\n"
    done = subprocess.run(
        [sys.executable, *STRICT, "-c", code],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "explained: " in done.stdout
    assert "kick" in done.stdout
    assert (folder / "scene.zip").is_file()
    assert (folder / "onsets.txt").is_file()


def test_its_commands_are_those_there_are(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = re.findall(r"`(audiocache-nb [^`]*)`", TEXT)
    assert {line.split()[1] for line in named} == {"info", "analyze", "cache", "lab"}
    assert cli.main(["info", "song.flac"]) == 0
    assert cli.main(["analyze", "song.flac", "--features", "rms,spectrogram", "--out", "results"]) == 0
    assert (folder / "results" / "song.npz").is_file()
    assert cli.main(["analyze", "song.flac", "--features", "rms,mel", "--out", "results"]) == 0
    with np.load(folder / "results" / "song.npz") as found:
        assert found["mel"].shape[1] == 128
        assert found["rms"].shape[0] == found["mel"].shape[0] == len(found["mel.times_s"])
    for action in ("ls", "verify", "gc"):
        assert cli.main(["cache", action]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["song.flac", "--features", "rms,spectogram"], "Did you mean 'spectrogram'?"),
        (["song.flac", "--features", " , "], "No features are named."),
        (["song.flac", "--out", "song.flac"], "song.flac"),
        (["missing.flac", "song.flac"], "missing.flac"),
    ],
)
def test_what_goes_wrong_with_a_command_is_one_line(folder, capsys, arguments, words) -> None:
    assert cli.main(["analyze", *arguments]) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert (folder / "song.npz").is_file() == (arguments[0] == "missing.flac")


def test_what_it_names_is_there() -> None:
    for name in set(re.findall(r"\bacn\.(\w+)", TEXT)):
        assert hasattr(acn, name), name
    for name in set(re.findall(r"\bsession\.(\w+)", TEXT)):
        assert hasattr(acn.Session, name) or name in ("tempo", "cache"), name
    for name in re.findall(r"`(\d\d_\w+)`", TEXT):
        assert (README.parent / "notebooks" / f"{name}.ipynb").is_file(), name
