"""What several commands share: boxes as typed, and where results go."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ..models.checkpoints import write_atomically

__all__ = ["check_box", "free_path", "parse_box", "save_figure"]


def parse_box(text: str) -> tuple[float, float, float, float]:
    """ "x,y,w,h" -> four numbers; ValueError that says how to write it."""
    try:
        x, y, width, height = (float(part) for part in text.replace(" ", "").split(","))
    except ValueError:
        raise ValueError(
            f"--box {text!r}: write four numbers x,y,w,h in pixels, such as --box 40,10,120,260"
        ) from None
    if not all(np.isfinite([x, y, width, height])):
        raise ValueError(f"--box {text!r}: the four numbers must be finite")
    if width < 2 or height < 2:
        raise ValueError(f"--box {text!r}: width and height must be at least 2 pixels")
    return x, y, width, height


def check_box(box_xywh, image: np.ndarray, name: str) -> None:
    """ValueError unless the box overlaps the image."""
    x, y, width, height = box_xywh
    if x >= image.shape[1] or y >= image.shape[0] or x + width <= 0 or y + height <= 0:
        raise ValueError(
            f"the box {x:g},{y:g},{width:g},{height:g} lies outside {name}, "
            f"which is {image.shape[1]} px wide and {image.shape[0]} px high"
        )


def free_path(path: Path) -> Path:
    """`path`, or the first of path-2, path-3 ... that does not exist yet."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return candidate


def save_figure(figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())
