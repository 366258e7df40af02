"""Teaching: questions that a reader answers before a figure or a number is shown."""

from .predict import hinge, predict_first
from .shown import picture

__all__ = ["hinge", "picture", "predict_first"]
