"""The command line: ``audiocache-nb info | analyze | cache | lab``."""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import audiocache_nb as acn
from audiocache_nb.cache.location import budget_bytes, cache_directory
from audiocache_nb.cache.report import SessionCache


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what goes wrong becomes one line and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (acn.AudioCacheError, OSError) as error:  # such as a folder that cannot be made
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

    cache = commands.add_parser("cache", help="what is kept on disk, and whether it is sound")
    cache.add_argument("--dir", help="another directory than the user's, or the one in AUDIOCACHE_NB_CACHE_DIR")
    actions = cache.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="list the stored features, the latest used first")
    listing.set_defaults(run=_cache_ls)
    verify = actions.add_parser("verify", help="read every byte and compare it with its checksum")
    verify.add_argument("--repair", action="store_true", help="set damaged entries aside")
    verify.set_defaults(run=_cache_verify)
    collect = actions.add_parser("gc", help="remove what was left behind, set aside, or exceeds the budget")
    collect.set_defaults(run=_cache_gc)

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

    names = [name.strip() for name in options.features.split(",") if name.strip()]
    if not names:
        raise acn.InvalidParameterError("No features are named.", hint="For example: --features rms,spectrogram")
    for name in names:
        acn.calculators.resolve(name)  # what is wrong is said before hours of work
    options.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    with acn.Session() as session:
        for file in options.files:
            try:
                track = session.add_audio(file)
            except acn.IngestError as error:  # the others are analysed
                print(f"audiocache-nb: {file}: {error}", file=sys.stderr)
                failed = 1
                continue
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
    return failed


def _cache(options: argparse.Namespace) -> SessionCache:
    return SessionCache(cache_directory(options.dir), budget_bytes(None))


def _cache_ls(options: argparse.Namespace) -> int:
    cache = _cache(options)
    for one in cache.entries():
        print(one)
    print(cache.info())
    return 0


def _cache_verify(options: argparse.Namespace) -> int:
    report = _cache(options).verify(repair=options.repair)
    print(report)
    return 0 if report.ok or report.repaired else 1


def _cache_gc(options: argparse.Namespace) -> int:
    print(_cache(options).gc())
    return 0


def _lab(options: argparse.Namespace) -> int:
    notebook = pathlib.Path(__file__).parent.parent / "notebooks" / "01_quickstart.ipynb"
    command = [sys.executable, "-m", "jupyterlab", *options.rest]
    if notebook.exists():
        command.append(str(notebook))
    return subprocess.call(command)  # noqa: S603 - our own interpreter with the user's own arguments
