"""Numbers to colours, once for both renderers: bytes that index a table of 255 colours."""

from __future__ import annotations

from functools import cache

import matplotlib
import numpy as np

from .frame import Raster

__all__ = ["EMPTY", "PALETTES", "raster_bytes", "raster_rgba", "table"]

PALETTES = ("viridis", "cividis", "gray", "RdBu")
EMPTY = 255  # the byte of NaN: nothing is painted there
MOST_CELLS = 4_000_000


@cache
def table(palette: str) -> np.ndarray:
    """(255, 3) uint8 colours of a palette, lowest first.

    Raises:
        ValueError: no such palette.
    """
    if palette not in PALETTES:
        raise ValueError(f"a raster's palette is one of {', '.join(PALETTES)}, not {palette!r}")
    colors = matplotlib.colormaps[palette](np.linspace(0, 1, EMPTY))
    return np.rint(255 * colors[:, :3]).astype(np.uint8)


def raster_bytes(raster: Raster) -> np.ndarray:
    """What travels to the browser: (H, W) uint8 indices into `table`, or the (H, W, 3 or 4) pixels themselves.

    Raises:
        ValueError: neither numbers (H, W) nor uint8 pixels (H, W, 3 or 4), no cells, or too many.
    """
    values = np.asarray(raster.values)
    colored = values.ndim == 3 and values.shape[2] in (3, 4) and values.dtype == np.uint8
    if not colored and values.ndim != 2:
        raise ValueError(
            f"a raster is (H, W) numbers or (H, W, 3 or 4) uint8, not {values.shape} {values.dtype}"
        )
    if not 0 < values.shape[0] * values.shape[1] <= MOST_CELLS:
        raise ValueError(f"a raster has 1 to {MOST_CELLS:,} cells, not {values.shape[0]} x {values.shape[1]}")
    return np.ascontiguousarray(values) if colored else _indices(values, raster)


def _indices(values: np.ndarray, raster: Raster) -> np.ndarray:
    table(raster.palette)
    values = values.astype(np.float32, copy=False)
    seen = np.isfinite(values)
    every = bool(seen.all())
    finite = values if every else values[seen]
    low = raster.low if raster.low is not None else float(finite.min(initial=np.inf))
    high = raster.high if raster.high is not None else float(finite.max(initial=-np.inf))
    if not low < high:  # flat, or nothing finite
        high = low + 1
    with np.errstate(invalid="ignore"):
        scaled = np.clip((values - low) * ((EMPTY - 1) / (high - low)) + 0.5, 0, EMPTY - 0.5)
    if every:
        return scaled.astype(np.uint8)
    scaled = np.where(np.isnan(values), EMPTY, scaled)  # infinities are clipped to the ends
    return scaled.astype(np.uint8)


def raster_rgba(raster: Raster) -> np.ndarray:
    """(H, W, 4) uint8 colours, as both renderers show them."""
    pixels = raster_bytes(raster)
    if pixels.ndim == 2:
        colors = np.concatenate([table(raster.palette), np.zeros((1, 3), np.uint8)])
        alpha = np.where(pixels == EMPTY, 0, 255).astype(np.uint8)
        return np.concatenate([colors[pixels], alpha[..., None]], 2)
    if pixels.shape[2] == 4:
        return pixels
    return np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255, np.uint8)], 2)
