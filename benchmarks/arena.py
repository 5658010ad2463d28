"""Contenders in processes of their own, that take turns."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rounds import Sample

HERE = pathlib.Path(__file__).parent
PEERS_VARIABLE = "AUDIOCACHE_NB_PEERS"
OWN = ("here", "librosa")  # those that run with this interpreter


@dataclasses.dataclass
class Result:
    """What a contender did.

    Attributes
    ----------
    problem : str
        Why there is nothing; empty if there is.
    seconds : Sample
    output, over : int [bytes]
        Size of the results, and peak memory of the process beyond it and its input: the most of all turns, since
        what the process has kept of a turn before makes later ones look small.
    """

    problem: str = ""
    seconds: Sample = dataclasses.field(default_factory=lambda: Sample(()))
    output: int = 0
    over: float = 0.0


class _Contender:
    def __init__(self, name: str, samples: pathlib.Path) -> None:
        own = name.partition(":")[0].split()[0].rstrip(",") in OWN
        python = sys.executable if own else os.environ.get(PEERS_VARIABLE, sys.executable)
        self.process = subprocess.Popen(
            [python, str(HERE / "contender.py"), name, str(samples)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )
        self.problem = self._answer().get("problem", "")

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"problem": "it ended without a word"}
        return found

    def run(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.process.wait()


def compete(names: Iterable[str], samples: pathlib.Path, rounds: int, *, one_by_one: bool = False) -> dict[str, Result]:
    """Let contenders compute the same in turn; the order turns round.

    Parameters
    ----------
    names : iterable of str
        See `contender`.
    samples : Path
        float32 samples.
    one_by_one : bool
        Start each anew for every turn, so that never two have their input in memory.
    """
    names = list(names)
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    problems: dict[str, str] = {}
    with _all(names if not one_by_one else [], samples) as running:
        for number in range(rounds):
            for name in names if number % 2 else list(reversed(names)):
                if name in problems:
                    continue
                one = _Contender(name, samples) if one_by_one else running[name]
                answer = {"problem": one.problem} if one.problem else one.run()
                if one_by_one:
                    one.close()
                if "problem" in answer:
                    problems[name] = answer["problem"]
                else:
                    answers[name].append(answer)
    return {name: _result(answers[name], problems.get(name, "")) for name in names}


@contextlib.contextmanager
def _all(names: list[str], samples: pathlib.Path) -> Iterator[dict[str, _Contender]]:
    running: dict[str, _Contender] = {}
    try:
        for name in names:
            running[name] = _Contender(name, samples)
        yield running
    finally:
        for one in running.values():
            one.close()


def _result(answers: list[dict[str, Any]], problem: str) -> Result:
    if problem or not answers:
        return Result(problem=problem or "not measured")
    seconds = Sample(tuple(one["seconds"] for one in answers), tuple(one["processor_s"] for one in answers))
    return Result("", seconds, answers[-1]["output"], max(one["over"] for one in answers))
