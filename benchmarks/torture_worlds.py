"""Twenty ways to change one thing under a cache, each with the question whether it noticed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soundfile

CHILD = pathlib.Path(__file__).with_name("torture_child.py")
WAIT_S = 240
RATE = 8000
CELLS = {
    "1_helper": """
GAIN = 2.0

def _weight(x):
    return x * GAIN
""",
    "2_level": '''
import numpy as np
import audiocache_nb as acn
import my_features
import tortured_package

@acn.calculator(feature="level", inputs="frames", id="level")
def level(frames, *, power: float = 1.0):
    """The level of each frame."""
    # loud frames count more
    loudness = np.abs(frames).mean(axis=1)
    return tortured_package.curve(my_features.scale(_weight(loudness))) ** power

@acn.calculator(feature="pulse", inputs="frames", depends_on_tempo=True)
def pulse(frames, *, ctx):
    return np.full(len(frames), ctx.tempo.entries[0].bpm)
''',
}
PEAK = """
@acn.calculator(feature="level", inputs="frames", id="level.peak")
def level_peak(frames, *, power: float = 1.0):
    return np.abs(frames).max(axis=1) ** power
"""
MODULE = """
OFFSET = 0.5

def scale(x):
    return 3 * x + OFFSET
"""
PACKAGE = """
def curve(x):
    return x ** 2
"""
CONFIG: dict[str, Any] = {
    "audio": "song.wav",
    "feature": "level",
    "calculator": None,
    "params": {},
    "profile": {},
    "bpm": 120,
    "as_array": False,
    "dtype": "float32",
    "layout": "c",
    "clock_s": 0,
}
RESULTS = {  # how each cache calls the files that hold what was computed
    "audiocache_nb": "*.safetensors",
    "joblib by path": "output.pkl",
    "joblib by array": "output.pkl",
    "datasets": "cache-*.arrow",
    "lhotse": "*.npy",
    "audinterface": "*.pkl",
}


@dataclasses.dataclass
class World:
    """A folder with a recording, a notebook, a module, a package and a cache, and who is asked.

    Parameters
    ----------
    folder : Path
    cache : str
        What is asked, by its name in `torture_child`.
    """

    folder: pathlib.Path
    cache: str = "audiocache_nb"

    def make(self) -> World:
        """Begin anew, with nothing in the cache."""
        for name in ("notebook", "lib", "cache", "site-packages/tortured_package"):
            (self.folder / name).mkdir(parents=True)
        for name, text in CELLS.items():
            (self.folder / "notebook" / f"{name}.py").write_text(text)
        (self.folder / "lib" / "my_features.py").write_text(MODULE)
        self.release("1.0", PACKAGE)
        self.record(seed=1)
        self.config()
        return self

    def config(self, **changes: Any) -> None:
        """Ask otherwise from now on."""
        path = self.folder / "config.json"
        before = json.loads(path.read_text()) if path.exists() else CONFIG
        path.write_text(json.dumps({**before, **changes}))

    def record(self, *, seed: int, title: str = "") -> None:
        """Write the recording: noise that differs with the seed, in as many bytes."""
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (4 * RATE, 2))
        with soundfile.SoundFile(self.folder / "song.wav", "w", RATE, 2, subtype="PCM_16") as file:
            if title:
                file.title = title
            file.write(noise)

    def release(self, version: str, text: str) -> None:
        """Install a release of the package."""
        folder = self.folder / "site-packages"
        for old in folder.glob("*.dist-info"):
            shutil.rmtree(old)
        info = folder / f"tortured_package-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tortured_package\nVersion: {version}\n")
        self.write("site-packages/tortured_package/__init__.py", text)

    def write(self, name: str, text: str) -> None:
        """Write a file of code, and forget what it was compiled to."""
        path = self.folder / name
        path.write_text(text)
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change some code."""
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Begin to ask, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, str(CHILD), str(self.folder), self.cache, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self) -> Answer:
        """Ask, and say what came back."""
        return answer_of(self.start())

    def entries(self) -> list[pathlib.Path]:
        """The files that hold what was computed."""
        return sorted((self.folder / "cache").rglob(RESULTS[self.cache]))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a cache answered.

    Attributes
    ----------
    hit : bool
        Whether it was there already.
    right : bool
        Whether it is what a fresh computation gives.
    failed : str
        The last line of the error, if there was one.
    """

    hit: bool
    right: bool
    failed: str = ""


def answer_of(process: subprocess.Popen[str]) -> Answer:
    """Wait for the answer of a process."""
    try:
        out, err = process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
    with contextlib.suppress(ValueError, IndexError, TypeError, KeyError):
        said = json.loads(out.strip().splitlines()[-1])
        return Answer(bool(said["hit"]), bool(said["right"]), str(said.get("failed", "")))
    return Answer(hit=False, right=False, failed=(err.strip().splitlines() or ["it died"])[-1])


@dataclasses.dataclass(frozen=True)
class Row:
    """One mutation.

    Attributes
    ----------
    name : str
    run : callable
        Changes a world whose cache is warm, asks, and yields what came back, as often as it asks.
    must_hit : bool
        Whether the answer has to come out of the cache. (Where it must not, a wrong answer says so.)
    not_for : dict
        Caches that it says nothing about, with the reason.
    """

    name: str
    run: Callable[[World], Iterator[Answer]]
    must_hit: bool = False
    not_for: dict[str, str] = dataclasses.field(default_factory=dict)

    def verdict(self, world: World) -> str:
        """OK, or the worst that went wrong."""
        if world.cache in self.not_for:
            return f"n/a: {self.not_for[world.cache]}"
        found = [self._said(answer) for answer in self.run(world)]
        wrong = "WRONG" in found  # which is worse than an error
        return "WRONG" if wrong else next((one for one in found if one != "ok"), "ok")

    def _said(self, answer: Answer) -> str:
        if answer.failed:
            return f"error: {answer.failed[:100]}"
        if not answer.right:
            return "WRONG"
        return "computed again" if self.must_hit and not answer.hit else "ok"


def changed(change: Callable[[World], object]) -> Callable[[World], Iterator[Answer]]:
    """Ask once, after a change."""

    def run(world: World) -> Iterator[Answer]:
        change(world)
        yield world.ask()

    return run


def _same_size_and_time(world: World) -> None:
    path = world.folder / "song.wav"
    before = path.stat()
    world.record(seed=2)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def _renamed(world: World) -> None:
    (world.folder / "song.wav").rename(world.folder / "other name.wav")
    world.config(audio="other name.wav")


def _layout(world: World) -> Iterator[Answer]:
    world.config(as_array=True)
    world.ask()
    for dtype, layout in (("float64", "c"), ("float32", "fortran"), ("float64", "strided")):
        world.config(dtype=dtype, layout=layout)
        yield world.ask()


def _tempo(world: World) -> Iterator[Answer]:
    world.config(bpm=90)
    yield world.ask()


def _tempo_that_matters(world: World) -> None:
    world.config(feature="pulse")
    world.ask()
    world.config(bpm=90)


def _profile(world: World) -> None:
    world.config(profile={"id": "mine", "hop_size": 512})
    world.ask()
    world.config(profile={"id": "mine", "hop_size": 256})


def _damaged(*damages: Callable[[list[pathlib.Path]], object]) -> Callable[[World], Iterator[Answer]]:
    """Ask after something happened to two entries of the cache; once more, lest what was repaired is not right."""

    def run(world: World) -> Iterator[Answer]:
        world.config(params={"power": 2.0})
        world.ask()
        world.config(params={})
        files = world.entries()
        assert len(files) == 2, f"{len(files)} entries are on disk"
        contents = [path.read_bytes() for path in files]
        for damage in damages:
            for path, content in zip(files, contents, strict=True):
                path.unlink(missing_ok=True)  # it may be read-only, or be mapped by nobody knows whom
                path.write_bytes(content)
            damage(files)
            yield world.ask()
        yield world.ask()

    return run


def _truncate(files: list[pathlib.Path]) -> None:
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(part: float) -> Callable[[list[pathlib.Path]], None]:
    def flip(files: list[pathlib.Path]) -> None:
        for path in files:
            content = bytearray(path.read_bytes())
            content[int(len(content) * part)] ^= 0x10
            path.write_bytes(content)

    return flip


def _swap(files: list[pathlib.Path]) -> None:
    first, second = files
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def _two_at_once(world: World) -> Iterator[Answer]:
    shutil.rmtree(world.folder / "cache")
    started = [world.start() for _ in range(2)]
    for process in started:
        yield answer_of(process)
    yield world.ask()


def _killed(world: World) -> Iterator[Answer]:
    half = max(path.stat().st_size for path in world.entries()) // 2
    for options in (("die",), ("die-after", str(half))):
        shutil.rmtree(world.folder / "cache")
        with world.start(*options) as process:
            process.communicate(timeout=WAIT_S)
        died = process.returncode < 0
        assert died or options == ("die",), "nothing was written"  # who renames nothing dies in mid-write only
        yield world.ask()
    yield world.ask()


def _comment(world: World) -> None:
    cell = "notebook/2_level.py"
    world.edit(cell, "# loud frames count more", "# loud frames count more than silent ones")
    world.edit(cell, "The level of each frame.", "How loud each frame is.")
    world.edit(cell, "loudness", "how_loud")
    world.edit("lib/my_features.py", "def scale(x):", "# from the paper\ndef scale(x: float) -> float:")


def _other_calculator(world: World) -> None:
    name = "level.peak" if world.cache == "audiocache_nb" else "level_peak"
    world.write("notebook/3_peak.py", PEAK)
    world.config(calculator=name)


ROWS = (
    Row("nothing", changed(lambda _: None), must_hit=True),
    Row("a parameter", changed(lambda world: world.config(params={"power": 2.0}))),
    Row("the calculator", changed(_other_calculator)),
    Row("code of the calculator", changed(lambda world: world.edit("notebook/2_level.py", "mean(", "max("))),
    Row("a helper in the notebook", changed(lambda world: world.edit("notebook/1_helper.py", "x * GAIN", "x / GAIN"))),
    Row("a helper in an imported module", changed(lambda world: world.edit("lib/my_features.py", "3 * x", "4 * x"))),
    Row("a comment, a docstring, a local name", changed(_comment), must_hit=True),
    Row("audio at the same path, of the same size and time", changed(_same_size_and_time)),
    Row("a tag of the file", changed(lambda world: world.record(seed=1, title="A title")), must_hit=True),
    Row("the name of the file", changed(_renamed), must_hit=True),
    Row(
        "dtype and layout of the array",
        _layout,
        must_hit=True,
        not_for={
            "joblib by path": "it is given a path",
            "datasets": "what is made of a data set in memory is not kept",
            "lhotse": "it stores features of files",
            "audinterface": "it stores features of files",
        },
    ),
    Row("the tempo", _tempo, must_hit=True),
    Row("a profile, edited in place", changed(_profile)),
    Row("an installed package", changed(lambda world: world.release("2.0", PACKAGE.replace("2", "3")))),
    Row("an entry truncated", _damaged(_truncate)),
    Row("one bit flipped", _damaged(*map(_flip, (0.3, 0.6, 0.75)))),
    Row("entries swapped", _damaged(_swap)),
    Row("two processes at once", _two_at_once),
    Row("kill -9 in mid-write", _killed),
    Row("the clock moved back", changed(lambda world: world.config(clock_s=-86400)), must_hit=True),
)
TEMPO_THAT_MATTERS = Row("the tempo, under a calculator that reads it", changed(_tempo_that_matters))
