"""Measure what the package promises, as ratios within one run.

    python benchmarks/run.py [--quick] [--only NAME] [--json PATH] [--markdown PATH] [--readme PATH]

Peers other than librosa run with the interpreter that the environment variable AUDIOCACHE_NB_PEERS names, which may
have torch, torchaudio, audioflux and essentia, or some of them; a row says which are not there.

Every row says what was hoped for and whether it was met. The exit code is 0 whatever the numbers are: on a
machine that has other things to do they mean little. It is 1 if something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tempfile
import traceback
from collections.abc import Callable

import against_librosa
import cache
import diagnostics
import latency
import memory
import progress
import sampling
import scenes
import start_up
import suite
from report import Section, load_of_the_machine, machine, readme


def sections(folder: pathlib.Path, *, quick: bool) -> dict[str, Callable[[], Section]]:
    """What can be measured, by name."""
    return {
        "suite": lambda: suite.measure_short(folder, quick=quick),
        "hour": lambda: suite.measure_long(folder, quick=quick),
        "each": lambda: suite.measure_each(folder, quick=quick),
        "librosa": lambda: against_librosa.measure(folder, quick=quick),
        "memory": lambda: memory.measure(folder, quick=quick),
        "cache": lambda: cache.measure(folder, quick=quick),
        "latency": lambda: latency.measure(quick=quick),
        "import": lambda: start_up.measure(quick=quick),
        "progress": lambda: progress.measure(quick=quick),
        "diagnostics": lambda: diagnostics.measure(quick=quick),
        "sampling": lambda: sampling.measure(quick=quick),
        "scenes": lambda: scenes.measure(folder, quick=quick),
    }


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description="Measure what the package promises.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    names = "suite, hour, each, librosa, memory, cache, latency, import, progress, diagnostics, sampling or scenes"
    parser.add_argument("--only", metavar="NAME", action="append", help=names)
    parser.add_argument("--json", type=pathlib.Path, metavar="PATH", help="write the numbers there")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="PATH", help="write tables there")
    parser.add_argument("--readme", type=pathlib.Path, metavar="PATH", help="update the table in that document")
    options = parser.parse_args()

    facts = machine()
    before = load_of_the_machine()
    print(f"Python {facts['python']} on {facts['system']}, {facts['cores']} cores")
    print(", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    done: list[Section] = []
    crashed = False
    with tempfile.TemporaryDirectory() as folder:
        known = sections(pathlib.Path(folder), quick=options.quick)
        for name in options.only or known:
            if name not in known:
                parser.error(f"{name!r} is none of {', '.join(known)}")
            print(flush=True)
            try:
                done.append(known[name]())
            except Exception:
                crashed = True
                traceback.print_exc()
            else:
                print(done[-1].text(), flush=True)
    after = load_of_the_machine()
    if before is not None and after is not None:
        print(f"\nLoad of the machine: {before:.1f} before, {after:.1f} after, {facts['cores']} cores.")
    missed = [row.name for section in done for row in section.rows if row.verdict == "MISS"]
    met = sum(row.verdict == "OK" for section in done for row in section.rows)
    print(f"{met} targets met, {len(missed)} missed.")
    if options.json:
        rows = [{"section": section.title, **row.as_dict()} for section in done for row in section.rows]
        data = {"machine": facts, "load": [before, after], "quick": options.quick, "rows": rows}
        options.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        text = "\n\n".join(section.markdown() for section in done)
        options.markdown.write_text(text + "\n", encoding="utf-8")
    if options.readme:
        text = readme(options.readme.read_text(encoding="utf-8"), done, facts)
        options.readme.write_text(text, encoding="utf-8")
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())
