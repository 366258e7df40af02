"""Files that travel with the package: notebooks and kernel sources, from the clone or from the wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled_folder"]


def bundled_folder(name: str) -> Path:
    """Folder "notebooks" or "csrc": the clone's where this is one, else the wheel's copy.

    Raises:
        FileNotFoundError: neither is there (a broken installation).
    """
    package = Path(__file__).resolve().parent
    for folder in (package.parent / name, package / "_bundled" / name):
        if (
            folder.is_dir()
            and (folder.parent / "setup.py" if folder.parent == package.parent else folder).exists()
        ):
            return folder
    raise FileNotFoundError(f"this installation of cpm_edu lacks its folder {name!r}; install it again")
