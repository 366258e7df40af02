"""A6: a kernel that is right, then one that is fast."""

from __future__ import annotations

from ..exercise import Exercise
from .a6_argmax import ARGMAX
from .a6_gaussian import GAUSSIAN
from .a6_race import RACE

__all__ = ["EXERCISES"]

EXERCISES: tuple[Exercise, ...] = (GAUSSIAN, ARGMAX, RACE)
