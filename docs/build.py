"""Build the documentation's site: `python docs/build.py` writes build/docs/html; open index.html there.

Notebooks that have no executed copy of their present cells are run first (build/notebooks, some minutes for all;
`pytest tests/notebooks` leaves the same copies). Then every figure is drawn, the API reference is written from the
docstrings, and Sphinx makes the pages, where a warning is an error. Needs `pip install -e ".[docs]"`, no network.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "notebooks")]

import execute  # noqa: E402
import gallery  # noqa: E402
import notebook_pages  # noqa: E402
import reference  # noqa: E402

WITH_TERMS = ("index.md", "syllabus.md")  # pages whose words lead to the glossary
TEXTS = {"../CHANGELOG.md": "changes.md", "../cpm_edu/weights/MODEL_CARD.md": "model_card.md"}


def executed_copies(sources: list[Path]) -> list[Path]:
    """An executed copy of every notebook; those that are missing or old are run, two at a time.

    Raises:
        RuntimeError: a notebook failed.
    """
    old = [s.stem for s in sources if not execute.is_current(s)]
    if old and execute.main(old):
        raise RuntimeError("a notebook failed; the pages are not built")
    return [execute.EXECUTED / f"{s.stem}.ipynb" for s in sources]


def glossary_terms() -> list[str]:
    """The words that docs/glossary.md explains."""
    text = (HERE / "glossary.md").read_text(encoding="utf-8")
    block = re.search(r"```{glossary}\n(.*?)```", text, re.DOTALL)[1]
    return re.findall(r"^(\w.*)$", block, re.MULTILINE)


def gather(source: Path, copies: list[Path]) -> None:
    """Put every page into Sphinx' source folder, which is made anew."""
    shutil.rmtree(source, ignore_errors=True)
    (source / "_static").mkdir(parents=True)
    for path in HERE.glob("*.png"):
        shutil.copyfile(path, source / path.name)
    for path in HERE.glob("*.md"):
        text = path.read_text(encoding="utf-8").replace("](../notebooks/", "](notebooks/")
        if path.name in WITH_TERMS:
            text = notebook_pages.link_terms(text, glossary_terms())
        (source / path.name).write_text(text, encoding="utf-8")
    shutil.copytree(HERE / "_static", source / "_static", dirs_exist_ok=True)
    for path, name in TEXTS.items():
        text = (HERE / path).read_text(encoding="utf-8").replace("../../docs/", "")
        (source / name).write_text(text, encoding="utf-8")
    notebook_pages.write_notebook_pages(copies, glossary_terms(), source)
    gallery.write_gallery(source, gallery.entries())
    reference.write_reference(source / "api")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="default: build/docs")
    options = parser.parse_args()
    source, site = options.out.resolve() / "source", options.out.resolve() / "html"
    gather(source, executed_copies(sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))))
    shutil.rmtree(site, ignore_errors=True)
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-c", str(HERE), "-b", "html"]
    sphinx += ["-D", f"html_static_path={source / '_static'}"]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    failed = subprocess.call([*sphinx, str(source), str(site)], env=os.environ | {"PYTHONPATH": paths})
    print(site / "index.html" if not failed else "not built: see the warnings above")
    return failed


if __name__ == "__main__":
    sys.exit(main())
