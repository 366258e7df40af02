"""Notebooks: made from their sources, clean, short cells, no downloads, and they run."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from pathlib import Path

import pytest

import cpm_edu

nbformat = pytest.importorskip("nbformat", reason='notebooks are checked with pip install -e ".[test]"')
pytest.importorskip("jupytext")

FOLDER = Path(__file__).parents[2] / "notebooks"
MAX_LINES, MAX_SECONDS = 25, 90
FORBIDDEN = re.compile(
    r"^\s*[!%]{1,2}\s*(pip|conda|mamba|wget|curl|apt)\b|\b(urlretrieve|urlopen|requests\.get|gdown|hf_hub_download"
    r"|load_state_dict_from_url)\b",
    re.MULTILINE,
)
spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

SOURCES = build.sources()
each = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)

# What a notebook's prose says of its own numbers: run after its last cell, in its own kernel.
CLAIMS = {
    "00_start_here": """
assert beliefs.shape == (4, 1, 15, 20, 20)
assert torch.equal(beliefs[0], other_beliefs[0]), "stage 1 sees no center map"
table = {row[0]: row[1:] for row in scored}
right = [table[f"center on {who}, scored on {who}"] for who in ("first", "other")]
wrong = [table["center on first, scored on other"], table["center on other, scored on first"]]
advice = "; choose another SCENE for this model"
assert min(r[-1] for r in right) >= 70, f"the last stage finds the marked person: {right}{advice}"
assert max(w[-1] for w in wrong) <= 15, f"and nobody else: {wrong}{advice}"
assert right[0][0] <= right[0][-1] - 30, f"stage 1 scores badly: {right[0]}{advice}"
assert np.hypot(*(joints[-1, 0, ankle].numpy() - truth[ankle])) <= 0.2 * torso, f"the ankle is found{advice}"
low = {model.skeleton.joints[j] for j in np.argsort(person["scores"])[:6]}
assert {"left_ankle", "right_ankle"} <= low, f"absent ankles are believed least: {low}"
top = {model.skeleton.joints[j] for j in np.argsort(-person["scores"])[:4]}
assert top == {"head_top", "neck", "left_shoulder", "right_shoulder"}, f"what is seen is believed most: {top}"
""",
}


def read(source: Path):
    return nbformat.read(source.with_suffix(".ipynb"), 4)


def test_there_are_notebooks_and_none_is_without_a_source():
    assert SOURCES, f"no notebook sources in {FOLDER}"
    made = {p.with_suffix(".py") for p in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert made == set(SOURCES)


@each
def test_notebook_is_the_one_that_its_source_makes(source):
    committed = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert committed == build.notebook_text(source) + "\n", "run `python notebooks/build.py`"


@each
def test_notebook_is_stripped(source):
    notebook = read(source)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}, "no widget state, no machine's versions"
    for number, cell in enumerate(notebook.cells):
        assert set(cell.metadata) <= {"tags"}, f"cell {number}: {cell.metadata}"
        if cell.cell_type == "code":
            assert cell.outputs == [], f"cell {number} holds outputs"
            assert cell.execution_count is None, f"cell {number} holds a count"


@each
def test_cells_are_short_and_fetch_nothing(source):
    for number, cell in enumerate(read(source).cells):
        lines = cell.source.count("\n") + 1
        assert lines <= MAX_LINES, (
            f"cell {number} has {lines} lines, at most {MAX_LINES} are readable at once"
        )
        if cell.cell_type == "code":
            assert not FORBIDDEN.search(cell.source), f"cell {number} fetches something: {cell.source[:80]}"


@each
def test_first_cell_says_what_for_how_long_and_with_what(source):
    first = read(source).cells[0]
    assert first.cell_type == "markdown"
    for promise in ("you can", "Time:", "Needs:"):
        assert promise in first.source, f"the first cell lacks {promise!r}"


@each
def test_every_fold_is_closed(source):
    for number, cell in enumerate(read(source).cells):
        for tag in ("details", "summary"):
            opened, closed = cell.source.count(f"<{tag}>"), cell.source.count(f"</{tag}>")
            assert opened == closed, f"cell {number}: {opened} <{tag}> but {closed} </{tag}>"


@each
def test_pictures_have_a_text_for_those_who_cannot_see_them(source):
    for cell in read(source).cells:
        if cell.cell_type == "code":
            assert cell.source.count("show(") == cell.source.count("alt="), cell.source


@pytest.mark.slow
@each
def test_notebook_runs_in_time_and_keeps_its_word(source, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = read(source)
    client = nbclient.NotebookClient(
        notebook, timeout=MAX_SECONDS, resources={"metadata": {"path": tmp_path}}
    )
    package = Path(cpm_edu.__file__).parents[1]  # the one under test, installed or not
    paths = [str(package), os.environ.get("PYTHONPATH", "")]
    with client.setup_kernel(env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}):
        start = time.perf_counter()
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        seconds = time.perf_counter() - start
        claims = nbformat.v4.new_code_cell(CLAIMS[source.stem])
        notebook.cells.append(claims)
        client.execute_cell(claims, len(notebook.cells) - 1)
    assert seconds < MAX_SECONDS, f"{source.stem} took {seconds:.0f} s"
    assert not any(tmp_path.iterdir()), "a notebook writes no files beside itself"
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    texts = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert texts == [], f"warnings that a student would see: {texts}"
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert all(o.metadata["image/png"]["alt"] for o in pictures)
