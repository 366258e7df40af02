"""Make the pictures that the README shows: `python docs/pictures.py` writes docs/demo.png and docs/figures.png.

Both come from the code and the shipped model, so they change when these do; a test compares them with new ones.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
COLUMNS, COLUMN_PX, GAP_PX = 4, 330, 16
DEMO_PX = (1400, 1400)  # at most: a README is no wider
WHITE = (255, 255, 255)


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures in small, each below what ends highest of four columns, on white."""
    lows = [GAP_PX] * COLUMNS
    placed = []
    for picture in pictures:
        height = round(picture.height * COLUMN_PX / picture.width)
        small = picture.convert("RGB").resize((COLUMN_PX, height), Image.Resampling.LANCZOS)
        column = lows.index(min(lows))
        placed.append((small, (GAP_PX + column * (COLUMN_PX + GAP_PX), lows[column])))
        lows[column] += height + GAP_PX
    page = Image.new("RGB", (GAP_PX + COLUMNS * (COLUMN_PX + GAP_PX), max(lows)), WHITE)
    for small, corner in placed:
        page.paste(small, corner)
    return page.quantize(256, dither=Image.Dither.NONE)


def demo(path: Path) -> None:
    """What `cpm-edu demo` draws, in 256 colours."""
    from cpm_edu.cli import main

    if main(["demo", "--out", str(path)]):
        raise RuntimeError("cpm-edu demo failed")
    with Image.open(path) as drawn:
        small = drawn.convert("RGB")
    small.thumbnail(DEMO_PX, Image.Resampling.LANCZOS)
    small.quantize(256).save(path, optimize=True)


def main() -> int:
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    import gallery

    demo(HERE / "demo.png")
    sheet([Image.open(io.BytesIO(e.png)) for e in gallery.entries()]).save(
        HERE / "figures.png", optimize=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
