"""Notebooks: made from their sources, clean, short cells, no downloads, the parts that every one has."""

from __future__ import annotations

import ast
import re

import pytest
from notebook_files import CLAIMS, FOLDER, SOURCES, build, claims_of, each, nbformat, read

MAX_LINES, MAX_MINUTES = 25, 45
FORBIDDEN = re.compile(
    r"^\s*[!%]{1,2}\s*(pip|conda|mamba|wget|curl|apt)\b|\b(urlretrieve|urlopen|requests\.get|gdown|hf_hub_download"
    r"|load_state_dict_from_url)\b",
    re.MULTILINE,
)
ASSIGNMENTS = {
    "00": "A1", "01": "A1", "02": "A2", "03": "A2", "04": "A3", "05": "A3", "06": "A4", "07": "A5", "08": "A7",
    "09": "A6", "10": "A6", "11": "A7",
}  # fmt: skip


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
        folded = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
        assert cell.metadata == folded or set(cell.metadata) <= {"tags"}, f"cell {number}: {cell.metadata}"
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
    minutes = re.search(r"Time:\W*(\d+) minutes", first.source)
    assert minutes, "write it as `**Time:** 25 minutes`"
    assert int(minutes[1]) <= MAX_MINUTES
    assert f"`notebooks/{source.stem}`" in first.source, "where the executed copy is"


@each
def test_last_cells_have_questions_an_assignment_and_sources(source):
    words = "\n".join(cell.source for cell in read(source).cells[-8:] if cell.cell_type == "markdown")
    for what in ("Questions to take along", "Sources"):
        assert what in words, f"the last cells lack {what!r}"
    assert re.search(rf"Assignment:\W*{ASSIGNMENTS[source.stem[:2]]}\b", words), (
        f"the last cells lack the line `**Assignment:** {ASSIGNMENTS[source.stem[:2]]}`"
    )


@each
def test_every_fold_is_closed(source):
    for number, cell in enumerate(read(source).cells):
        for tag in ("details", "summary"):
            opened, closed = cell.source.count(f"<{tag}>"), cell.source.count(f"</{tag}>")
            assert opened == closed, f"cell {number}: {opened} <{tag}> but {closed} </{tag}>"


@each
def test_pictures_have_a_text_for_those_who_cannot_see_them(source):
    for number, cell in enumerate(read(source).cells):
        if cell.cell_type == "code":
            calls = [c for c in ast.walk(ast.parse(cell.source)) if isinstance(c, ast.Call)]
            for call in calls:
                if isinstance(call.func, ast.Name) and call.func.id == "show":
                    assert "alt" in {k.arg for k in call.keywords}, f"cell {number}: show(...) without alt="
        else:
            assert not re.search(r"!\[\s*\]", cell.source), f"cell {number}: a picture without words"
            formula = re.search(
                r"\$[^$`]+\$", cell.source
            )  # the site would need a formula engine from the network
            assert not formula, f"cell {number}: write {formula and formula[0]!r} as plain text, indented"


@each
def test_prose_is_held_to_its_numbers(source):
    claims = claims_of(source)
    assert claims.is_file(), f"{claims.name}: every notebook has claims, see the others in {CLAIMS}"
    asserts = [
        n for n in ast.walk(ast.parse(claims.read_text(encoding="utf-8"))) if isinstance(n, ast.Assert)
    ]
    assert asserts, f"{claims.name} asserts nothing"


def test_every_claim_is_about_a_notebook():
    names = {s.stem for s in SOURCES}
    assert {p.stem for p in CLAIMS.glob("*.py")} <= names


def test_a_broken_source_stops_no_other(tmp_path, monkeypatch, capsys):
    (tmp_path / "00_good.py").write_text("# %% [markdown]\n# # Good\n", encoding="utf-8")
    (tmp_path / "01_bad.py").write_bytes(b"# %%\n\xff\xfe")
    (tmp_path / "02_good.py").write_text("# %% [markdown]\n# # Good too\n", encoding="utf-8")
    monkeypatch.setattr(build, "sources", lambda: sorted(tmp_path.glob("*.py")))
    assert build.main([]) == 1
    assert "01_bad.py: UnicodeDecodeError" in capsys.readouterr().err
    assert [p.name for p in sorted(tmp_path.glob("*.ipynb"))] == ["00_good.ipynb", "02_good.ipynb"]
    assert build.main(["02"]) == 0
    assert build.main(["07"]) == 1


def test_patterns_find_what_they_forbid():
    for code in ("!pip install x", "%pip install x", "  !wget u", "urlretrieve(u)", "requests.get(u)"):
        assert FORBIDDEN.search(code), code
    assert not FORBIDDEN.search("pipeline = get(x)")


if not SOURCES:
    pytest.skip(f"no notebook sources in {FOLDER}", allow_module_level=True)
