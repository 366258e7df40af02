"""The built documentation: complete, every picture with words, no dead link, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .site_pages import broken_links, is_elsewhere, read_page

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
SCENES = sorted(p.stem for p in (ROOT / "tests" / "browser" / "scenes").glob("[a-z]*.py"))


def test_every_picture_has_words_for_those_who_cannot_see_it(pages):
    silent = [
        f"{page.path.name}: {picture.get('src', '')[:80]}"
        for page in pages.values()
        for picture in page.pictures
        if not picture.get("alt", "").strip() or picture["alt"].startswith("_images")
    ]
    assert silent == []


def test_links_lead_somewhere(pages):
    assert broken_links(pages) == []


def test_pages_load_nothing_from_elsewhere(pages):
    loaded = {
        f"{page.path.name}: {address}"
        for page in pages.values()
        for address in page.loads
        if is_elsewhere(address)
    }
    assert loaded == set()


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_notebook_page_shows_results(site, stem):
    page = read_page(site / "notebooks" / f"{stem}.html")
    text = page.path.read_text(encoding="utf-8")
    assert 'class="output' in text, "a page of cells without outputs"
    assert page.pictures, "a notebook has pictures"
    assert "Traceback (most recent call last)" not in text
    assert "cpm-edu lab" in "".join(page.words), "how to run it yourself"
    assert any(link.endswith(f"{stem}.ipynb") for link in page.links), "the notebook to download"


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_notebook_page_shows_the_twin_of_every_figure(site, stem):
    """A cell whose last line is `figure` shows a picture, not the words "Figure(...)" or nothing."""
    source = (ROOT / "notebooks" / f"{stem}.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"figures\.interactive\.(\w+) import", source)) & set(SCENES)
    text = (site / "notebooks" / f"{stem}.html").read_text(encoding="utf-8")
    assert text.count("<figure") >= len(imported), f"{imported} and {text.count('<figure')} twins"
    assert "application/vnd.jupyter.widget" not in text, "what only a live notebook could show"


def test_gallery_shows_every_figure(site):
    page = read_page(site / "figures.html")
    shown = {Path(p["src"]).stem for p in page.pictures if "figures/" in p["src"]}
    assert shown == set(SCENES)
    assert len(shown) >= 12


def test_every_public_module_and_name_is_in_the_reference(site):
    import reference

    for module in reference.public_modules():
        page = read_page(site / "api" / f"{module.__name__}.html")
        here, _ = reference.own_names(module)
        missing = [name for name in here if f"{module.__name__}.{name}" not in page.anchors]
        assert not missing, f"{module.__name__}: {missing}"


def test_glossary_words_are_linked_from_the_notebooks(site, pages):
    linked = {
        link.partition("#")[2]
        for page in pages.values()
        if page.path.parent.name == "notebooks"
        for link in page.links
    }
    terms = read_page(site / "glossary.html").anchors
    used = {anchor for anchor in linked if anchor.startswith("term-")}
    assert used <= terms
    assert len(used) >= 15, f"only {sorted(used)}"
