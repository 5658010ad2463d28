"""The command line: ``audiocache-nb info | analyze | lab``."""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import audiocache_nb as acn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors of this package become one line and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except acn.AudioCacheError as error:
        print(f"audiocache-nb: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="audiocache-nb", description="Audio feature caches.")
    parser.add_argument("--version", action="version", version=acn.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="what a recording is, and whether it is sound")
    info.add_argument("files", nargs="+", metavar="FILE")
    info.set_defaults(run=_info)

    analyze = commands.add_parser("analyze", help="compute features and write them beside each other")
    analyze.add_argument("files", nargs="+", metavar="FILE")
    analyze.add_argument("--features", default="rms", help="comma-separated, for example rms,spectrogram")
    analyze.add_argument("--out", type=pathlib.Path, default=pathlib.Path(), help="folder for the results")
    analyze.set_defaults(run=_analyze)

    lab = commands.add_parser("lab", help="open the quickstart in JupyterLab")
    lab.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to JupyterLab")
    lab.set_defaults(run=_lab)
    return parser


def _info(options: argparse.Namespace) -> int:
    failed = 0
    with acn.Session(cache_dir=False) as session:
        for name in options.files:
            try:
                source = session.add_audio(name).source
            except acn.AudioCacheError as error:
                print(f"{name}: {error}")
                failed = 1
                continue
            print(f"{source.name}: {source.channels} channels, {source.sample_rate} Hz, {source.duration:.3f} s")
            print(f"  health: {source.health}")
            print(f"  digest: {source.digest}")
    return failed


def _analyze(options: argparse.Namespace) -> int:
    import numpy as np

    options.out.mkdir(parents=True, exist_ok=True)
    names = [name.strip() for name in options.features.split(",") if name.strip()]
    with acn.Session(cache_dir=False) as session:
        for file in options.files:
            track = session.add_audio(file)
            session.request(track, names)
            session.compute(track)  # whatever it costs: it was asked for on the command line
            arrays: dict[str, Any] = {}
            facts: dict[str, Any] = {}
            for name in names:
                found = session.get(track, name)
                arrays[name] = found.values()
                arrays[f"{name}.times_s"] = found.times_s
                facts[name] = {
                    "axes": found.axes,
                    "unit": found.unit,
                    "hop_seconds": found.hop_seconds,
                    "key": found.key,
                    "provenance": dict(found.provenance),
                }
            target = options.out / track.id
            np.savez(target.with_name(target.name + ".npz"), **arrays)
            target.with_name(target.name + ".json").write_text(json.dumps(facts, indent=2, default=str) + "\n")
            print(f"{track.name}: {', '.join(names)} → {target.name}.npz")
    return 0


def _lab(options: argparse.Namespace) -> int:
    notebook = pathlib.Path(__file__).parent.parent / "notebooks" / "01_quickstart.ipynb"
    command = [sys.executable, "-m", "jupyterlab", *options.rest]
    if notebook.exists():
        command.append(str(notebook))
    return subprocess.call(command)  # noqa: S603 - our own interpreter with the user's own arguments
