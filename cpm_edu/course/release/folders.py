"""A folder that appears whole or not at all, and replaces nothing but an earlier release."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["RECORD", "appearing_folder", "write_record"]

CACHES = {
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
}  # left by whoever tries a release in its place
RECORD = "release.json"  # in every release: what it consists of


def write_record(folder: Path, facts: dict) -> None:
    """Write RECORD: `facts`, and the digest of every other file of the folder."""
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    text = json.dumps(facts | {"files": files}, indent=1, ensure_ascii=False) + "\n"
    (folder / RECORD).write_bytes(text.encode())


@contextlib.contextmanager
def appearing_folder(target: Path, *, force: bool) -> Iterator[Path]:
    """A fresh folder to write into; when the block ends without an error it is at `target`.

    Raises:
        ValueError: `target` is a file, or holds something: with `force`, something that no release has written.
    """
    target = Path(target)
    _refuse(target, force)
    parent = target.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.resolve().name}.", suffix=".unfinished", dir=parent))
    try:
        made, old = scratch / "new", scratch / "old"
        made.mkdir()
        yield made
        _refuse(target, force)
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(made, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _refuse(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise ValueError(f"{target} is a file; name a folder")
    there = sorted(
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if (not path.is_dir() or not any(path.iterdir()))
        and CACHES.isdisjoint(path.relative_to(target).parts)
    )
    if not there:
        return
    if not force:
        raise ValueError(
            f"{target} is not empty; name another folder, or --force to replace an earlier release"
        )
    try:
        written = {RECORD, *json.loads((target / RECORD).read_text(encoding="utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{target} holds no earlier release (no {RECORD}), so --force does not touch it"
        ) from None
    others = [name for name in there if name not in written]
    if others:
        raise ValueError(
            f"{target} holds what no release wrote, so --force does not touch it: {', '.join(others[:3])}"
            + (" ..." if len(others) > 3 else "")
        )
