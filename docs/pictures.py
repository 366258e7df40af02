"""Make the pictures that the README shows: `python docs/pictures.py` writes docs/demo.png and docs/figures.png.

Both come from the code and the shipped model, so they change when these do; a test compares them with new ones.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
TILE_PX, GAP_PX, COLUMNS = (256, 200), 12, 5
DEMO_PX = (1400, 1400)  # at most: a README is no wider
WHITE = (255, 255, 255)


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures in small, side by side on white."""
    rows = -(-len(pictures) // COLUMNS)
    (width, height), gap = TILE_PX, GAP_PX
    page = Image.new("RGB", (COLUMNS * (width + gap) + gap, rows * (height + gap) + gap), WHITE)
    for number, picture in enumerate(pictures):
        in_row = min(COLUMNS, len(pictures) - number // COLUMNS * COLUMNS)
        left = (
            page.width - in_row * (width + gap) - gap
        ) // 2  # a last row that is not full stands in the middle
        small = picture.convert("RGB")
        small.thumbnail(TILE_PX, Image.Resampling.LANCZOS)
        x = left + gap + number % COLUMNS * (width + gap) + (width - small.width) // 2
        y = gap + number // COLUMNS * (height + gap) + (height - small.height) // 2
        page.paste(small, (x, y))
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
