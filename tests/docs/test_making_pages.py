"""How pages are made: plain docstrings to reStructuredText, notebooks to pages, modules to reference pages."""

from __future__ import annotations

import base64
import io
import types

import pytest

nbformat = pytest.importorskip("nbformat", reason='pages are made with pip install -e ".[docs]"')
import notebook_pages  # noqa: E402
import plain_docstrings  # noqa: E402
import reference  # noqa: E402
from PIL import Image  # noqa: E402

from .site_pages import broken_links, read_page  # noqa: E402


@pytest.mark.parametrize(
    ("plain", "rest"),
    [
        ("images/*.jpg", r"images/\*.jpg"),
        ("|d output|, `a*b` stays", r"\|d output\|, `a*b` stays"),
        ("called sigma_ here, not sigma_px", r"called sigma\_ here, not sigma_px"),
        (r"already \*", r"already \*"),
    ],
)
def test_marks_mean_themselves(plain, rest):
    assert plain_docstrings.escape(plain) == rest


def test_an_indented_block_stands_as_it_is():
    lines = ["Rules:", "", "    ties   the lowest * wins", "    NaN    never", "", "After."]
    assert plain_docstrings.rewrite(lines) == [
        "Rules:", "", "::", "", "    ties   the lowest * wins", "    NaN    never", "", "After.",
    ]  # fmt: skip


def test_arguments_are_no_block():
    lines = [
        "Sum.",
        "",
        "Args:",
        "    x: (N,) numbers *",
        "    y: more",
        "",
        "Raises:",
        "    ValueError: no.",
    ]
    assert plain_docstrings.rewrite(lines) == [line.replace("*", r"\*") for line in lines]


def test_named_results_become_a_list():
    lines = [
        "Both.",
        "",
        "Returns:",
        "    joints: (N, 2), (x, y)",
        "        in cells.",
        "    scores: (N,)",
        "",
        "End.",
    ]
    assert plain_docstrings.rewrite(lines) == [
        "Both.", "", ":returns:", "   * **joints**: (N, 2), (x, y)", "     in cells.", "   * **scores**: (N,)", "",
        "End.",
    ]  # fmt: skip


def test_an_unnamed_result_becomes_a_paragraph():
    lines = ["One.", "", "Returns:", "    (H, W) float32: |a|", "    and more."]
    assert plain_docstrings.rewrite(lines) == [
        "One.", "", ":returns:", r"   (H, W) float32: \|a\|", "   and more.", "",
    ]  # fmt: skip


def test_first_use_of_a_word_is_linked_and_nothing_else():
    wanted = ["belief map", "cell", "PCK"]
    text = "# PCK\n`cell` and the next cell. Belief maps have **cells**; cells again. [PCK](x) pck PCKh PCK"
    assert notebook_pages.link_terms(text, wanted) == (
        "# PCK\n`cell` and the next cell. {term}`Belief maps <belief map>` have **{term}`cells <cell>`**; cells again. "
        "[PCK](x) pck PCKh {term}`PCK <PCK>`"
    )
    assert wanted == []


def png() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_page_has_files_for_pictures_and_twins_for_widgets(tmp_path):
    new = nbformat.v4
    image = new.new_output("display_data", {"image/png": png()}, metadata={"image/png": {"alt": 'a "map"'}})
    widget = new.new_output("execute_result", {notebook_pages.WIDGET: {}, "text/html": "<figure></figure>"})
    cells = [
        new.new_markdown_cell("# T\n\n*With all results: executed copy ...*"),
        new.new_code_cell("x", outputs=[image, widget]),
    ]
    made = notebook_pages.page("00_t", new.new_notebook(cells=cells, metadata={"widgets": {}}), [], tmp_path)
    assert "With all results" not in made.cells[0].source
    assert "00_t.ipynb" in made.cells[0].source
    first, second = (dict(o["data"]) for o in made.cells[1].outputs)
    assert first["text/html"].count('alt="a &quot;map&quot;"') == 1
    assert "image/png" not in first
    assert (tmp_path / "00_t_1.png").is_file()
    assert second == {"text/html": "<figure></figure>"}
    assert "widgets" not in made.metadata


def test_a_module_page_describes_its_own_names_and_links_to_others():
    module = types.ModuleType("cpm_edu.thing", "A thing.")
    module.__all__ = ["mine", "PCKResult"]
    module.mine = lambda: None
    module.mine.__module__ = "cpm_edu.thing"
    from cpm_edu.metrics import PCKResult

    module.PCKResult = PCKResult
    page = reference.module_page(module)
    assert ".. autofunction:: cpm_edu.thing.mine" in page
    assert f"[{PCKResult.__module__}]" in page
    assert "autoclass" not in page


def test_dead_links_and_silent_pictures_are_seen(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">x</a><a href="b.html#gone">y</a><a href="c.html">z</a>'
    )
    (tmp_path / "b.html").write_text(
        '<p id="here"></p><img src="none.png"><a href="https://example.org/q">e</a>'
    )
    pages = {p: read_page(p) for p in sorted(tmp_path.glob("*.html"))}
    assert broken_links(pages) == ["a.html: b.html#gone", "a.html: c.html", "b.html: none.png"]
    assert pages[tmp_path / "b.html"].pictures == [{"src": "none.png"}]
