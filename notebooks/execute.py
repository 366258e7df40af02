"""Run notebooks as a reader would: `python notebooks/execute.py` runs all, two at a time; `... 03 05` some.

The executed copies go to build/notebooks/, from where the documentation takes them. A run has a fresh kernel, no
network, no GPU, an empty folder to work in, and (but for the notebooks that teach kernels) no compiler.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import nbformat
import psutil
from nbclient import NotebookClient

HERE = Path(__file__).parent
EXECUTED = HERE.parent / "build" / "notebooks"
NEED_COMPILER = ("09", "10")  # how the names of notebooks begin that compile something
CELL_TIMEOUT_S = 300
# What the package says once, on stderr, of this machine: it cannot compile, it does so now, another process does.
MACHINE_NOTES = ("using plain torch, which is slower", "cpm_edu: building", "cpm_edu: waiting")

# Runs before the first cell: whoever asks for another machine gets an error, not an answer.
NO_NETWORK = """
import socket as _socket
def _refuse(self, address, _connect=_socket.socket.connect):
    if self.family != _socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"this notebook is not allowed to open {address}")
    return _connect(self, address)
_socket.socket.connect = _refuse
del _refuse
"""


@dataclass
class Run:
    """An executed notebook and how long it took.

    `seconds` counts from the first cell to the last, `first_picture_s` from the start of the first code cell to the
    end of the cell with the first picture (None: no picture). `written` are the files it left in its folder.
    """

    notebook: nbformat.NotebookNode
    seconds: float = 0.0
    first_picture_s: float | None = None
    written: list[str] = field(default_factory=list)


class Clock:
    """Seconds of a kernel: of the wall, or of its CPUs where other programs keep it waiting."""

    def __init__(self, pid: int):
        self.process = psutil.Process(pid)
        self.start = time.perf_counter(), self._cpu_s()

    def _cpu_s(self) -> float:
        return sum(self.process.cpu_times()[:4])  # user, system, and the children's

    def seconds(self) -> float:
        wall, cpu = self.start
        return min(time.perf_counter() - wall, self._cpu_s() - cpu)


def execute(source: Path, *, claims: str = "", folder: Path | None = EXECUTED) -> Run:
    """Run the notebook of a source from a clean kernel.

    Args:
        source: notebooks/NAME.py, or the .ipynb beside it.
        claims: code to run in the same kernel after the last cell.
        folder: where the executed copy NAME.ipynb goes; None: nowhere.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell or a claim failed.
    """
    notebook = nbformat.read(source.with_suffix(".ipynb"), 4)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch, "work")
        work.mkdir()
        client = NotebookClient(
            notebook, timeout=CELL_TIMEOUT_S, iopub_timeout=30, resources={"metadata": {"path": work}}
        )
        with client.setup_kernel(env=_environment(source.stem, Path(scratch))):
            _run_hidden(client, NO_NETWORK)
            run = _run_cells(client)
            if claims:
                _run_hidden(client, claims)
        run.written = sorted(str(p.relative_to(work)) for p in work.rglob("*"))
    _drop_machine_notes(notebook)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{source.stem}.{os.getpid()}"
        nbformat.write(notebook, unfinished)
        unfinished.replace(folder / f"{source.stem}.ipynb")
    return run


def _environment(stem: str, scratch: Path) -> dict[str, str]:
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), env.get("PYTHONPATH", "")]))
    env["CUDA_VISIBLE_DEVICES"] = ""
    env["CPM_EDU_ANSWER"] = "auto"  # predictions answer themselves
    env["CPM_EDU_ANSWERS"] = str(scratch / "answers")
    if not stem.startswith(NEED_COMPILER):
        for name in ("CXX", "CC", "CUDA_HOME", "CUDA_PATH"):
            env.pop(name, None)
        env.pop("CPM_EDU_CACHE", None)
        for name in ("XDG_CACHE_HOME", "TMPDIR"):  # a library that was built before would hide the lack
            (scratch / name).mkdir()
            env[name] = str(scratch / name)
        env["MPLCONFIGDIR"] = matplotlib.get_cachedir()  # its list of fonts is nobody's compiler
        env["PATH"] = str(scratch / "no_programs")
    return env


def _run_cells(client: NotebookClient) -> Run:
    """All cells in their order, the outputs kept in the notebook."""
    run, clock = Run(client.nb), Clock(client.km.provisioner.pid)
    for number, cell in enumerate(client.nb.cells):
        client.execute_cell(cell, number)
        if run.first_picture_s is None and any(map(is_picture, cell.get("outputs", []))):
            run.first_picture_s = clock.seconds()
    run.seconds = clock.seconds()
    return run


def _run_hidden(client: NotebookClient, code: str) -> None:
    client.nb.cells.append(nbformat.v4.new_code_cell(code))
    try:
        client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1, store_history=False)
    finally:
        client.nb.cells.pop()


def is_picture(output) -> bool:
    """An output with something to look at: a PNG, an SVG, or a page's text with an image in it."""
    data = output.get("data", {})
    return "image/png" in data or "image/svg+xml" in data or "<img" in data.get("text/html", "")


def _drop_machine_notes(notebook) -> None:
    """Those lines are of this run, not of the notebook."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not _is_machine_note(o)]


def _is_machine_note(output) -> bool:
    lines = output.get("text", "").splitlines() if output.get("name") == "stderr" else []
    return bool(lines) and all(any(note in line for note in MACHINE_NOTES) for line in lines)


def is_current(source: Path, folder: Path = EXECUTED) -> bool:
    """Whether an executed copy with these very cells lies in `folder`."""
    copy = folder / f"{source.stem}.ipynb"
    if not copy.is_file():
        return False
    made, wanted = (nbformat.read(path, 4) for path in (copy, source.with_suffix(".ipynb")))
    return [c.source for c in made.cells] == [c.source for c in wanted.cells]


def main(names: list[str]) -> int:
    every = sorted(p for p in HERE.glob("[0-9]*.ipynb"))
    chosen = [p for p in every if not names or p.name.startswith(tuple(names))]
    failed = 0

    def attempt(path: Path):
        try:
            return path, execute(path)
        except Exception as error:
            return path, error

    with ThreadPoolExecutor(2) as pool:
        for path, run in pool.map(attempt, chosen):
            if isinstance(run, Run):
                first = "none" if run.first_picture_s is None else f"after {run.first_picture_s:.1f} s"
                print(f"{path.stem}: {run.seconds:.0f} s, first picture {first}", flush=True)
            else:
                failed += 1
                print(f"{path.stem}: {run}", file=sys.stderr, flush=True)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
