"""LSP and LSPET in the layout of the packs, with drawn people: for tests that need no research data."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from cpm_edu.datasets.synthetic import SyntheticPeople

SMALL = 24  # pictures of each small data set


def as_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    told = io.BytesIO()
    Image.fromarray(pixels).save(told, "JPEG", quality=quality)
    return told.getvalue()


def small_leeds(root: Path) -> Path:
    """Write root/lsp (8 people to train on, 8 to validate, 8 to test) and root/lspet (24 people)."""
    drawn = SyntheticPeople(2 * SMALL, seed=7)
    people = [drawn[i].person() for i in range(2 * SMALL)]
    joints = np.stack([np.c_[p.joints_px + 1, p.labelled] for p in people]).astype(np.float32)
    for name, part, stem in (
        ("lsp", people[:SMALL], "im{:04d}.jpg"),
        ("lspet", people[SMALL:], "im{:05d}.jpg"),
    ):
        folder = root / name
        folder.mkdir(parents=True)
        names = [stem.format(i + 1) for i in range(SMALL)]
        with zipfile.ZipFile(folder / "images.zip", "w") as archive:
            for picture, person in zip(names, part, strict=True):
                archive.writestr(picture, as_jpeg(person.pixels(), 90))
        np.save(folder / "joints.npy", joints[:SMALL] if name == "lsp" else joints[SMALL:])
    split = {"train": names_of(0, 8), "val": names_of(8, 16), "test": names_of(16, SMALL)}
    (root / "lsp" / "split.json").write_text(json.dumps(split))
    np.savez(
        root / "lspet" / "meta.npz", lspet_index=np.arange(1, SMALL + 1), scale_xy=np.ones((SMALL, 2)),
        split=np.full(SMALL, "train"),
    )  # fmt: skip
    return root


def names_of(first: int, end: int) -> list[str]:
    return [f"im{i + 1:04d}.jpg" for i in range(first, end)]
