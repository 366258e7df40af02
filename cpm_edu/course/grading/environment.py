"""Which folders of this machine a room needs to run Python, NumPy and torch."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["SOLVERS", "Environment", "environment"]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/nix/store")
SOLVERS = ("cpm_edu", "pycocotools", "xtcocotools")  # packages that hold answers of exercises


@dataclass(frozen=True)
class Environment:
    """Folders to show, folders within them to hide, and how to start Python without its own start-up files.

    Args:
        shown: none lies in another.
        hidden: each in one of `shown`.
        links: (where, to what) of symbolic links at the top, such as /lib -> usr/lib.
        python: the interpreter's file.
        path: folders of packages, for Python's path.
        libraries: folder of the interpreter's shared libraries.
    """

    shown: tuple[Path, ...]
    hidden: tuple[Path, ...]
    links: tuple[tuple[str, str], ...]
    python: Path
    path: tuple[str, ...]
    libraries: Path


@cache
def environment(hide: tuple[Path, ...] = ()) -> Environment:
    """The folders of the Python that runs now.

    Args:
        hide: further folders that must not be seen.
    """
    base, python = Path(sys.base_prefix).resolve(), Path(_base_executable()).resolve()
    packages = _package_folders()
    system = [Path(name) for name in SYSTEM if Path(name).is_dir() and not Path(name).is_symlink()]
    links = tuple((name, str(Path(name).readlink())) for name in SYSTEM if Path(name).is_symlink())
    standard = Path(sysconfig.get_paths()["stdlib"]).resolve()
    shown = _outermost([*system, python.parent, base / "lib", standard, *packages])
    own = Path(__file__).resolve().parents[2]
    hidden = [own if own.parent in packages else own.parent, *(Path(h).resolve() for h in hide)]
    hidden += [folder / name for folder in packages for name in SOLVERS]
    if standard / "site-packages" not in packages:  # of the Python below a virtual environment
        hidden.append(standard / "site-packages")
    return Environment(
        shown=shown,
        hidden=_outermost(h for h in hidden if h.is_dir() and any(_within(h, s) for s in shown)),
        links=links,
        python=python,
        path=tuple(map(str, packages)),
        libraries=base / "lib",
    )


def _base_executable() -> str:
    return getattr(sys, "_base_executable", None) or sys.executable


def _package_folders() -> list[Path]:
    """Where NumPy, torch, and what the course installs beside them, lie."""
    folders = []
    for name in ("numpy", "torch", "matplotlib", "scipy"):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin:
            folders.append(Path(found.origin).resolve().parents[1])
    return list(dict.fromkeys(folders))


def _outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Without those that lie in another or do not exist, in order."""
    kept: list[Path] = []
    for folder in sorted({f for f in folders if f.exists()}, key=lambda f: len(f.parts)):
        if not any(_within(folder, k) for k in kept):
            kept.append(folder)
    return tuple(kept)


def _within(folder: Path, other: Path) -> bool:
    return folder == other or other in folder.parents
