"""A belief map as a small picture for a page: one pixel block a cell."""

from __future__ import annotations

import base64
import io

import numpy as np

from ..figures.style import BELIEF_CMAP

__all__ = ["map_pixels", "png_base64"]


def map_pixels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colours of a finite map (H, W) between `low`, dark, and `high`, bright: (H, W, 3) uint8."""
    import matplotlib

    shares = (values - low) / (high - low if high > low else 1.0)
    return (matplotlib.colormaps[BELIEF_CMAP](shares)[..., :3] * 255).astype(np.uint8)


def png_base64(pixels: np.ndarray, scale: int = 1, step: int = 1) -> str:
    """(H, W, 3) uint8 as the base64 text of a PNG, `scale` pixels a cell, of those every `step`-th."""
    from PIL import Image

    shown = pixels.repeat(scale, 0).repeat(scale, 1)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown[::step, ::step])).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
