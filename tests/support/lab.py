"""A real JupyterLab server that leaves nothing in anybody's home and asks nobody for news."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from packaging.version import Version

START_S = 90
STOP_S = 15
SETTINGS = {
    # Without this the question "would you like to get notified about news?" lies over the page.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
# Before 4.5 JupyterLab took cells out of sight out of the page as well, and tests would not find what they show.
if Version(importlib.metadata.version("jupyterlab")) < Version("4.5"):
    SETTINGS["notebook-extension/tracker"] = {"windowingMode": "none"}
SOCKET_FOLDER_LIMIT = 104 - 52


@dataclasses.dataclass(frozen=True)
class Lab:
    """A running server: its address, and the folder that it serves."""

    url: str
    root: pathlib.Path
    log: pathlib.Path

    def api(self, method: str, path: str) -> Any:
        """Call the server's REST interface."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None

    def end_sessions(self) -> None:
        """Shut down every kernel, so that tests do not pile them up."""
        for session in self.api("GET", "sessions"):
            with contextlib.suppress(urllib.error.HTTPError):
                self.api("DELETE", f"sessions/{session['id']}")


@contextlib.contextmanager
def serve(state: pathlib.Path) -> Iterator[Lab]:
    """Start JupyterLab on a free port, with all of its state below `state`; kernels run in this very environment."""
    root = state / "root"
    root.mkdir()
    _write_settings(state / "settings")
    log = state / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", "--port=0", "--ServerApp.port_retries=0"),
                *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
                *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
                *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
                *(*_transport(state / "runtime"), f"--ServerApp.root_dir={root}"),
            ],
            env=_environment(state),
            cwd=state,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Lab(_wait(server, state / "runtime", log), root, log)
    finally:
        server.terminate()
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _transport(runtime: pathlib.Path) -> tuple[str, ...]:
    # Sockets in files need no port, but their paths must be short: the system's limit less the name of a kernel's file.
    return ("--KernelManager.transport=ipc",) if len(str(runtime)) <= SOCKET_FOLDER_LIMIT else ()


def _write_settings(folder: pathlib.Path) -> None:
    for name, settings in SETTINGS.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))


def _environment(state: pathlib.Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "XDG_", "IPYTHON", "PYTEST"))}
    return kept | {
        "HOME": str(state),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(state / "ipython"),
        "MPLCONFIGDIR": str(state / "mpl"),
        "AUDIOCACHE_NB_CACHE_DIR": str(state / "cache"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _wait(server: subprocess.Popen[bytes], runtime: pathlib.Path, log: pathlib.Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended at once:\n{log.read_text()}")
        for info in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):
                url = str(json.loads(info.read_text())["url"]).rstrip("/")
                urllib.request.urlopen(f"{url}/api/status", timeout=1).close()
                return url
        time.sleep(0.1)
    raise TimeoutError(f"JupyterLab did not start in {START_S} s:\n{log.read_text()}")
