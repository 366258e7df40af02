"""A5: PCK and OKS."""

from __future__ import annotations

from .a5_ap import EX21
from .a5_oks import EX20
from .a5_pck import EX18
from .a5_pckh import EX19

__all__ = ["EXERCISES"]

EXERCISES = (EX18, EX19, EX20, EX21)
