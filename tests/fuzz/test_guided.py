"""The readers of bundles, documents and manifests under a fuzzer that coverage guides, where there is one.

A few seconds for each; ``--fuzz-seconds 600`` for half an hour. See `guided` for the others.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).parents[1]
# What this process starts inherits its peak of memory, which the fuzzer takes for its own; but not by way of a shell.
BY_SHELL = ("sh", "-c", '"$@"; exit $?', "sh")
TIMES_AS_LONG = 3  # a fuzzer has to learn before it is worth anything


@pytest.mark.timeout(0)
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine")
@pytest.mark.parametrize("name", ["bundle", "document", "manifest"])
def test_whatever_coverage_leads_to(name, tmp_path, request):
    seconds = max(1, round(TIMES_AS_LONG * request.config.getoption("--fuzz-seconds")))
    command = [sys.executable, str(TESTS / "fuzz" / "guided.py"), name]
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={tmp_path}/found-", "-rss_limit_mb=1024"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(tmp_path)}
    done = subprocess.run([*BY_SHELL, *command, *options], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs is not None, done.stderr[-4000:]
    assert int(runs[1]) > 20
    assert not list(tmp_path.glob("found-*"))
