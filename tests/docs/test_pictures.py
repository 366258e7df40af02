"""The README's pictures are what the code draws today."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("nbformat", reason='needs pip install -e ".[docs]"')
import pictures

DOCS = Path(__file__).parents[2] / "docs"
LEVELS = 4.0  # mean difference of 255 that another matplotlib, torch or processor may make


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size, f"{one.size} and {other.size}"
    arrays = (np.asarray(image.convert("RGB"), np.float32) for image in (one, other))
    return float(abs(next(arrays) - next(arrays)).mean())


@pytest.mark.slow
def test_demo_picture_is_of_today(tmp_path):
    pictures.demo(tmp_path / "demo.png")
    with Image.open(DOCS / "demo.png") as kept, Image.open(tmp_path / "demo.png") as made:
        assert difference(kept, made) < LEVELS, "run `python docs/pictures.py`"


def test_sheet_of_figures_is_of_today(site):
    drawn = sorted((site / "_static" / "figures").glob("*.png"))
    with Image.open(DOCS / "figures.png") as kept:
        made = pictures.sheet([Image.open(path) for path in drawn])
        assert difference(kept, made) < LEVELS, "run `python docs/pictures.py`"


def test_another_picture_is_noticed():
    tiles = [Image.new("RGB", (300, 200), color) for color in ("red", "green", "blue", "black", "white")]
    same, other = pictures.sheet(tiles), pictures.sheet([*tiles[:4], Image.new("RGB", (300, 200), "orange")])
    assert difference(same, same) == 0
    assert difference(same, other) > LEVELS
    with pytest.raises(AssertionError):
        difference(same, pictures.sheet([*tiles, *tiles]))  # a row more
