"""Released notebooks run from top to bottom with nothing written, and solved ones with everything right."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from command_line import run

from cpm_edu.course.exercises import ASSIGNMENTS
from cpm_edu.course.release import assigned

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[2]
NO_NETWORK = """
import socket
def _refuse(self, address, _connect=socket.socket.connect):
    if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"this notebook is not allowed to open {address}")
    return _connect(self, address)
socket.socket.connect = _refuse
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def released(request, tmp_path_factory) -> tuple[str, Path, Path]:
    """(name, students' folder, instructors' folder)"""
    folder = tmp_path_factory.mktemp(request.param)
    command = ["release", folder / "out", request.param, "--no-wheel", "--instructor", folder / "solved"]
    assert run(*command) == 0
    return request.param, folder / "out" / request.param, folder / "solved"


def words_after_running(path: Path, answers: Path) -> list[str]:
    """Run a notebook; the plain text of every output, one entry a cell with outputs."""
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_NETWORK))
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}})
    env = os.environ | {"CPM_EDU_ANSWER": "auto", "CPM_EDU_ANSWERS": str(answers), "CUDA_VISIBLE_DEVICES": ""}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH", "")]))
    with client.setup_kernel(env=env):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
    return [
        "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.outputs
    ]


def test_a_released_notebook_runs_and_says_what_is_not_written(released, tmp_path):
    name, folder, _ = released
    [path] = folder.glob("*.ipynb")
    words = "\n".join(words_after_running(path, tmp_path / "answers"))
    for exercise in assigned(name).exercises:
        assert re.search(rf"{exercise.id} {exercise.name}\b.*not written", words), f"{exercise.id}: {words}"


def test_a_solved_notebook_passes_every_check(released, tmp_path):
    name, _, folder = released
    [path] = folder.glob("*_solved.ipynb")
    words = "\n".join(words_after_running(path, tmp_path / "answers"))
    for exercise in assigned(name).exercises:
        assert re.search(rf"pass: {exercise.id} {exercise.name}\b", words), f"{exercise.id}: {words}"
