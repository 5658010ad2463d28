"""What must not stand in a file of this project, whoever writes it."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TEXT = {
    ".cfg", ".cjs", ".css", ".ini", ".ipynb", ".js", ".json", ".lock", ".md", ".mjs",
    ".py", ".rst", ".sh", ".toml", ".ts", ".txt", ".yaml", ".yml", "",
}  # fmt: skip

# A clone installs through whatever its machine is set up with. (In pieces, so that this file passes its own test.)
REGISTRY_HOSTS = [
    "".join(pieces)
    for pieces in (
        ("py", "pi.org"),
        ("pythonhosted", ".org"),
        ("registry.", "npmjs"),
        ("npmjs", ".org"),
        ("npmmirror", ".com"),
        ("yarnpkg", ".com"),
        ("deb.", "debian.org"),
        ("unpkg", ".com"),
        ("jsdelivr", ".net"),
        ("crates", ".io"),
        ("conda", ".anaconda.org"),
    )
]

# Ways in which data become code, or text becomes markup.
UNSAFE_PYTHON = {
    r"^\s*(import|from)\s+(pickle|dill|cloudpickle|marshal|shelve|joblib)\b": "unpickling runs what a file says",
    r"\b(np|numpy)\.load\b": "np.load may unpickle",
    r"allow_pickle\s*=\s*True": "unpickling runs what a file says",
    r"(?<![\w.])(eval|exec)\(": "text becomes code",
    r"\.extractall\(": "an archive decides where its files go",
    r"\bos\.system\(|shell\s*=\s*True": "a file name becomes a command",
    r"\byaml\.load\(": "yaml.load makes objects",
}
UNSAFE_TYPESCRIPT = {
    r"\b(inner|outer)HTML\b": "text becomes markup",
    r"\binsertAdjacentHTML\b|\bdocument\.write\b": "text becomes markup",
    r"(?<![\w.])eval\(|\bnew Function\b": "text becomes code",
    r"\bfetch\(|\bXMLHttpRequest\b|\bWebSocket\b|\bsendBeacon\b": "views ask the kernel and nobody else",
    r"https?://(?!www\.w3\.org/)": "views ask the kernel and nobody else",
}
# Asks the page's own server whether it hands out a file in parts; js/test/transport.test.ts holds it to that.
ASKS_THE_SERVER = {"js/src/transport/media.ts": "const answer = await fetch(url, {"}


def project_files() -> list[pathlib.Path]:
    """Every text file that belongs to the project: tracked, or new and not ignored."""
    if shutil.which("git") is None:
        pytest.skip("no git on this machine to say which files are the project's")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git clone")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix in TEXT]


def offences(text: str, patterns: dict[str, str]) -> list[str]:
    """Say which lines match one of the patterns, and why that is bad."""
    return [
        f"line {number}: {line.strip()[:80]!r}: {why}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern, why in patterns.items()
        if re.search(pattern, line)
    ]


def test_no_file_names_a_registry_or_a_cdn():
    hosts = re.compile("|".join(map(re.escape, REGISTRY_HOSTS)))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in project_files()
        if (match := hosts.search(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_lock_file_has_hashes_and_no_addresses():
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_the_front_end_ships_no_packages_of_others():
    package = json.loads((ROOT / "js" / "package.json").read_text())
    assert package.get("dependencies", {}) == {}


@pytest.mark.parametrize(
    ("folder", "suffix", "patterns"),
    [("audiocache_nb", ".py", UNSAFE_PYTHON), ("js/src", ".ts", UNSAFE_TYPESCRIPT)],
    ids=["python", "typescript"],
)
def test_data_stay_data(folder: str, suffix: str, patterns: dict[str, str]):
    files = sorted((ROOT / folder).rglob(f"*{suffix}"))
    assert files
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    found = {
        name: offences(text.replace(ASKS_THE_SERVER.get(name, "\0"), "", 1), patterns) for name, text in texts.items()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "    from joblib import load",
        "x = np.load(path)",
        "eval(text)",
        "archive.extractall(folder)",
        "subprocess.run(line, shell=True)",
    ],
)
def test_a_planted_offence_is_found_in_python(planted: str):
    assert len(offences(planted, UNSAFE_PYTHON)) == 1


@pytest.mark.parametrize(
    "planted", ["el.innerHTML = name;", "eval(code)", 'fetch("/x")', 'const u = "https://example.org";']
)
def test_a_planted_offence_is_found_in_typescript(planted: str):
    assert len(offences(planted, UNSAFE_TYPESCRIPT)) == 1


@pytest.mark.parametrize("fine", ["model.eval()", "np.loadtxt(x)", "re.compile(x)", "self.evaluate(x)"])
def test_what_only_looks_like_it_is_not_reported(fine: str):
    assert offences(fine, UNSAFE_PYTHON) == []
