"""A real JupyterLab on the loopback and a headless Chromium, for tests and for the latency table.

The browser is driven by playwright-core, which is looked for in the folder that CPM_EDU_BROWSER_TOOLS names, else in
~/.cache/cpm_edu/browser.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
SCENES = sorted((HERE / "scenes").glob("[a-z]*.py"))
TOKEN = "test"
START_S = 60.0


class Missing(Exception):
    """What the browser tests need is not here; the message says what, and how to get it."""


def tools() -> tuple[str, Path, str]:
    """(node, the folder of its modules, chromium), or Missing."""
    node = shutil.which("node")
    if node is None:
        raise Missing("there is no node; install nodejs")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cpm_edu" / "browser"
    folder = Path(os.environ.get("CPM_EDU_BROWSER_TOOLS") or cache)
    for module in ("playwright-core", "axe-core"):
        if not (folder / "node_modules" / module).is_dir():
            raise Missing(f"there is no {module}; npm install --prefix {folder} playwright-core axe-core")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise Missing("there is no chromium; install the system's chromium")
    return node, folder / "node_modules", chromium


class Lab:
    """A JupyterLab server in a folder of its own; `close` ends it and its kernels."""

    def __init__(self, folder: Path, *, nodelay: bool | None = None) -> None:
        """`nodelay`: switch the package's server extension on or off; None leaves it as it is installed."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.url = folder, f"http://127.0.0.1:{self.port}"
        quiet = (
            folder / ".config" / "labconfig" / "page_config.json"
        )  # no question about news over the figures
        quiet.parent.mkdir(parents=True, exist_ok=True)
        quiet.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(
                ":"
            ),
            "JUPYTER_CONFIG_DIR": str(folder / ".config"),
            "JUPYTER_DATA_DIR": str(folder / ".data"),
            "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
            "IPYTHONDIR": str(folder / ".ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
            "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        if nodelay is not None:
            config = {"ServerApp": {"jpserver_extensions": {"cpm_edu.jupyter": nodelay}}}
            (folder / ".config" / "jupyter_server_config.json").write_text(json.dumps(config))
        self.log = (folder / ".server.log").open("wb")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api?token={TOKEN}", timeout=5).close()
                return
            except OSError:
                time.sleep(0.2)
        self.close()
        raise RuntimeError("JupyterLab did not start:\n" + self.messages()[-3000:])

    def messages(self) -> str:
        return (self.folder / ".server.log").read_text(errors="replace")

    def write(self, name: str, cells: list[str]) -> str:
        """A notebook in the server's folder; its name."""
        import nbformat

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.folder / name)
        return name

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Browser:
    """Chromium, one command at a time: `browser.drag(name="joint", dx=30, dy=0)`; the commands are page.js's."""

    def __init__(self, lab: Lab | None = None) -> None:
        node, modules, chromium = tools()
        self._lab = lab
        command = [node, str(HERE / "page.js"), str(modules), chromium]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __getattr__(self, command: str):
        def call(**options):
            self._process.stdin.write(json.dumps({"command": command, **options}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            answer = json.loads(line) if line else {"error": "the browser is gone"}
            if "error" in answer:
                raise RuntimeError(f"{command} {options}: {answer['error']}")
            return answer["result"]

        return call

    def open_lab(self, **options) -> None:
        """An empty Lab, in a workspace of its own."""
        name = f"w{time.monotonic_ns()}"
        self.open(url=f"{self._lab.url}/lab/workspaces/{name}?token={TOKEN}&reset", **options)

    def quit(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
