"""Teaching: questions that a reader answers before a figure is shown, and exercises that `check` judges."""

from .check import check, hint, progress
from .predict import hinge, predict_first
from .shown import picture

__all__ = ["check", "hinge", "hint", "picture", "predict_first", "progress"]
