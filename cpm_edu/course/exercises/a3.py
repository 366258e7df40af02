"""A3: a stage, and a loss on every one of them."""

from __future__ import annotations

from . import a3_forward, a3_loss, a3_stage

__all__ = ["EXERCISES"]

EXERCISES = (*a3_stage.EXERCISES, *a3_forward.EXERCISES, *a3_loss.EXERCISES)
