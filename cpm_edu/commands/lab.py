"""cpm-edu lab: your own copy of the notebooks, opened in JupyterLab."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from ..bundle import bundled_folder
from ..models.checkpoints import write_atomically

DESCRIPTION = """\
Copy the course's notebooks into DIR and open JupyterLab there. A notebook that you have changed is never
overwritten; one that you have not touched is brought up to date."""
EXAMPLES = """\
examples:
  cpm-edu lab
  cpm-edu lab ~/pose-course --no-open"""
RECORD = ".cpm_edu_notebooks.json"  # what was copied when, by content hash


def add_arguments(parser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("cpm_notebooks"),
        metavar="DIR",
        help="default: %(default)s",
    )
    parser.add_argument("--no-open", action="store_true", help="copy only")


def run(options) -> int:
    for line in copy_notebooks(options.folder):
        print(line)
    if options.no_open:
        print(f"open them with: jupyter lab {options.folder}")
        return 0
    print("JupyterLab opens in your browser; stop it with Ctrl-C here.", flush=True)
    return subprocess.call([sys.executable, "-m", "jupyterlab", f"--notebook-dir={options.folder}"])


def copy_notebooks(folder: Path) -> list[str]:
    """Copy every shipped notebook that is missing in `folder` or unchanged since it was copied there.

    Returns:
        One line a notebook: what was done with it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record_path = folder / RECORD
    record = _read_record(record_path)
    source, lines = bundled_folder("notebooks"), []
    for notebook in sorted(source.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in notebook.parts:
            continue
        name = notebook.relative_to(source)
        target, data = folder / name, notebook.read_bytes()
        shipped = _hash(data)
        mine = _hash(target.read_bytes()) if target.is_file() else None
        if mine == shipped:
            lines.append(f"{name}: up to date")
        elif mine is not None and mine != record.get(str(name)):
            lines.append(f"{name}: kept, you have changed it (move it away to get a fresh copy)")
            continue
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, data)
            lines.append(f"{name}: {'copied' if mine is None else 'updated'}")
        record[str(name)] = shipped
    write_atomically(record_path, json.dumps(record, indent=1).encode())
    return lines


def _read_record(path: Path) -> dict[str, str]:
    """Name -> hash as it was copied; empty where the file is missing or damaged, so that all is kept."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
