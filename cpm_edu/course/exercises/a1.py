"""A1: from pixels to cells, and the Gaussian target."""

from .a1_background import BACKGROUND_MAP, TARGET_WEIGHTS
from .a1_cells import CELLS_FROM_PX
from .a1_crops import CROP_MATRIX, TO_IMAGE
from .a1_targets import GAUSSIAN_MAP

__all__ = ["EXERCISES"]

EXERCISES = (CELLS_FROM_PX, GAUSSIAN_MAP, BACKGROUND_MAP, CROP_MATRIX, TO_IMAGE, TARGET_WEIGHTS)
