"""Photographs of real people under free terms, on which the shipped model does well; sources stand in NOTICE."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["PHOTOS", "Photo"]


@dataclass(frozen=True)
class Photo:
    """A photo file and the box (x, y, width, height) in pixels of the person in it."""

    path: Path
    box_xywh: tuple[float, float, float, float]


_HERE = Path(__file__).parent
PHOTOS = {
    "photographer": Photo(_HERE / "photographer.jpg", (60, 20, 360, 490)),
    "astronaut": Photo(_HERE / "astronaut.jpg", (0, 0, 512, 512)),
}
