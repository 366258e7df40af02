"""A2: the center map, and what a layer can see."""

from __future__ import annotations

from . import a2_center, a2_effective, a2_fields

__all__ = ["EXERCISES"]

EXERCISES = (*a2_center.EXERCISES, *a2_fields.EXERCISES, *a2_effective.EXERCISES)
