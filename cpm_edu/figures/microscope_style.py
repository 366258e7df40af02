"""Colours of the microscope's figures."""

from __future__ import annotations

import matplotlib

__all__ = ["GLOBAL_COLOR", "GOOD", "INK", "PALE", "POOR", "SHARED_COLOR", "THREAD_CMAP", "WASTE", "ink_on"]

# Okabe and Ito's palette
GOOD, POOR, WASTE = "#0072B2", "#E69F00", "#D55E00"
GLOBAL_COLOR, SHARED_COLOR = "#0072B2", "#009E73"
INK, PALE = "#333333", "#E4E4E4"
THREAD_CMAP = matplotlib.colormaps["cividis"]


def ink_on(color) -> str:
    """Black or white, whichever reads better on an RGB colour."""
    red, green, blue = color[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
