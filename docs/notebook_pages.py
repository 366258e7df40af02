"""Pages of the notebooks: their executed copies, with pictures as files, links to the glossary, and a table of all."""

from __future__ import annotations

import base64
import html
import io
import re
import shutil
from pathlib import Path

import nbformat
from PIL import Image

EXECUTED_LINE = re.compile(r"\n+\*With all results:.*$", re.DOTALL)
ASSIGNMENT_LINE = re.compile(r"(\*\*Assignment:\*\*) (A\d: [^(\n]+?) \(page \*Assignments\*[^)]*\)")
WIDGET = "application/vnd.jupyter.widget-view+json"
THUMBNAIL_PX = (320, 200)
NOT_PROSE = re.compile(  # left as it is: code, links, headings, html, and the cells of a notebook
    r"(```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)|^#[^\n]*$|<[^>]*>|\b(?:next|this|code|setup|first|last) cells?\b)",
    re.DOTALL | re.MULTILINE,
)


def write_notebook_pages(copies: list[Path], terms: list[str], source: Path) -> None:
    """Write notebooks/NAME.ipynb, its pictures and its stripped twin for every executed copy, and notebooks/index.md.

    Args:
        copies: executed notebooks, in their order; the stripped ones lie in the clone's notebooks/.
        terms: of the glossary; the first use of each in a notebook is linked.
        source: Sphinx' source folder.
    """
    for name in ("notebooks", "downloads", "_static/notebooks"):
        (source / name).mkdir(parents=True, exist_ok=True)
    stripped = Path(__file__).resolve().parents[1] / "notebooks"
    rows = []
    for copy in copies:
        notebook = nbformat.read(copy, 4)
        rows.append(row(copy.stem, notebook, source / "_static" / "notebooks"))
        shutil.copyfile(stripped / copy.name, source / "downloads" / copy.name)
        nbformat.write(
            page(copy.stem, notebook, terms, source / "_static" / "notebooks"),
            source / "notebooks" / copy.name,
        )
    (source / "notebooks" / "index.md").write_text(index([c.stem for c in copies], rows), encoding="utf-8")


def page(stem: str, notebook, terms: list[str], pictures: Path):
    """An executed notebook as it is shown on the site; `pictures` takes its PNGs."""
    notebook.metadata.pop("widgets", None)
    first = notebook.cells[0]
    first.source = EXECUTED_LINE.sub("", first.source) + (
        f"\n\nThis page shows the results of a run. To run it yourself: `cpm-edu lab`, then open "
        f"{{download}}`{stem}.ipynb <../downloads/{stem}.ipynb>`."
    )
    wanted, count = list(terms), 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = link_terms(ASSIGNMENT_LINE.sub(_assignment_link, cell.source), wanted)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and "text/html" not in data:
                count += 1
                (pictures / f"{stem}_{count}.png").write_bytes(base64.b64decode(data.pop("image/png")))
                alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
                data["text/html"] = picture(f"../_static/notebooks/{stem}_{count}.png", alt)
            data.pop(WIDGET, None)
    return notebook


def _assignment_link(line: re.Match) -> str:
    """The heading of docs/assignments.md with the same words."""
    anchor = re.sub(r"[^\w -]", "", line[2].lower()).replace(" ", "-")
    return f"{line[1]} [{line[2]}](../assignments.md#{anchor})"


def picture(path: str, alt: str) -> str:
    return f'<img class="notebook-picture" loading="lazy" src="{path}" alt="{html.escape(alt)}">'


def link_terms(text: str, wanted: list[str]) -> str:
    """Link the first use of each of `wanted` in the prose of a cell, and take it off that list."""
    for term in sorted(wanted, key=len, reverse=True):
        pattern = re.compile(rf"\b({re.escape(term)}s?)\b", re.IGNORECASE if term.islower() else 0)
        pieces = NOT_PROSE.split(text)
        for number in range(0, len(pieces), 2):
            if found := pattern.search(pieces[number]):
                link = f"{{term}}`{found[1]} <{term}>`"
                pieces[number] = pieces[number][: found.start()] + link + pieces[number][found.end() :]
                wanted.remove(term)
                break
        text = "".join(pieces)
    return text


def row(stem: str, notebook, pictures: Path) -> dict[str, str]:
    """What the table of notebooks says of one: title, minutes, what for; its first picture becomes a thumbnail."""
    first = notebook.cells[0].source
    words = re.sub(r"\s+", " ", "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"))
    goal = re.search(r"\*\*Afterwards,? you can:?\*\*:?\s*(.*?)(?:\n\n|$)", first, re.DOTALL | re.IGNORECASE)
    minutes = re.search(r"Time:\W*(\d+)", first)
    assignment = re.search(r"Assignment:\W*(A\d)", words)
    return {
        "title": re.search(r"^# (.*)$", first, re.MULTILINE)[1],
        "minutes": minutes[1] if minutes else "",
        "goal": re.sub(r"\s+", " ", goal[1]).strip() if goal else "",
        "assignment": assignment[1] if assignment else "",
        "thumbnail": thumbnail(stem, notebook, pictures),
    }


def thumbnail(stem: str, notebook, pictures: Path) -> str:
    """Write the first picture of a notebook in small; its file name, or "" where there is none."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            inline = re.search(r'src="data:image/png;base64,([^"]+)"', data.get("text/html", ""))
            png = data.get("image/png") or (inline and inline[1])
            if png:
                image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
                image.thumbnail(THUMBNAIL_PX)
                image.save(pictures / f"{stem}_small.png")
                return f"{stem}_small.png"
    return ""


def index(stems: list[str], rows: list[dict[str, str]]) -> str:
    """Markdown page with a card for every notebook."""
    lines = [
        "# Notebooks",
        "",
        "Executed: every number and picture comes from a run of the code beside it.",
        "",
    ]
    lines += ['<ul class="cards">']
    for stem, entry in zip(stems, rows, strict=True):
        alt = html.escape(f"First picture of {entry['title']}")
        small = (
            f'<img src="../_static/notebooks/{entry["thumbnail"]}" alt="{alt}">' if entry["thumbnail"] else ""
        )
        facts = ", ".join(
            filter(None, [entry["minutes"] and f"{entry['minutes']} minutes", entry["assignment"]])
        )
        lines += [
            f'<li>{small}<a href="{stem}.html">{html.escape(entry["title"])}</a>'
            f'<span class="facts">{facts}</span><p>{plain(entry["goal"])}</p></li>'
        ]
    return "\n".join([*lines, "</ul>", "", "```{toctree}", ":hidden:", "", *stems, "```", ""])


def plain(markdown: str) -> str:
    """Markdown's stars and backticks as html."""
    text = html.escape(markdown, quote=False)
    text = re.sub(r"\*\*?([^*]+)\*\*?", r"<em>\1</em>", text)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
