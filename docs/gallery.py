"""The page of all interactive figures: each drawn now, by its own code, as the static twin that a page can show."""

from __future__ import annotations

import html
import runpy
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCENES = ROOT / "tests" / "browser" / "scenes"  # NAME.py makes `figure` from what is shipped


@dataclass
class Entry:
    """One figure of the page."""

    name: str
    title: str
    hint: str
    alt: str
    png: bytes
    status: str
    notebooks: list[str]


def entries(scenes: Path = SCENES) -> list[Entry]:
    """Draw every figure that has a scene."""
    return [entry(path) for path in sorted(scenes.glob("*.py")) if not path.name.startswith("_")]


def entry(path: Path) -> Entry:
    """Run one scene and take its picture."""
    figure = runpy.run_path(str(path))["figure"]
    about = figure.about
    return Entry(
        name=path.stem,
        title=about["title"],
        hint=about["hint"],
        alt=about["alt"],
        png=figure.snapshot(),
        status=figure.frame.status,
        notebooks=notebooks_with(path.stem),
    )


def notebooks_with(name: str) -> list[str]:
    """Stems of the notebooks that import interactive/NAME.py."""
    found = []
    for source in sorted((ROOT / "notebooks").glob("[0-9]*.py")):
        if f"figures.interactive.{name} import" in source.read_text(encoding="utf-8"):
            found.append(source.stem)
    return found


def write_gallery(source: Path, found: list[Entry]) -> None:
    """Write figures.md and figures/NAME.png below Sphinx' source folder."""
    folder = source / "_static" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Figures", "",
        "In a notebook these are alive: drag the rings, move the sliders, or use the keyboard; your own functions and",
        "checkpoints can drive them. Here stands how each begins.", "",
    ]  # fmt: skip
    for figure in found:
        (folder / f"{figure.name}.png").write_bytes(figure.png)
        lines += [f"## {figure.title}", ""]
        lines += [f'<figure><img class="figure-twin" loading="lazy" src="_static/figures/{figure.name}.png"'
                  f' alt="{html.escape(figure.alt)}"><figcaption>{html.escape(figure.status)}</figcaption></figure>',
                  "", figure.hint, ""]  # fmt: skip
        links = ", ".join(f"[{stem}](notebooks/{stem}.ipynb)" for stem in figure.notebooks)
        lines.append(f"In notebook {links}. " if links else "")
        lines[-1] += (
            f"Code: [cpm_edu.figures.interactive.{figure.name}](api/cpm_edu.figures.interactive.{figure.name}.md)."
        )
        lines += [""]
    (source / "figures.md").write_text("\n".join(lines), encoding="utf-8")
