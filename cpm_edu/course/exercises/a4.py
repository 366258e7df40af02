"""A4: below one cell, and the flip test."""

from __future__ import annotations

from .a4_argmax import EX13
from .a4_dark import EX16
from .a4_flip import EX17
from .a4_steps import EX14, EX15

__all__ = ["EXERCISES"]

EXERCISES = (EX13, EX14, EX15, EX16, EX17)
