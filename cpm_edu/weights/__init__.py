"""The shipped model. Its weights carry their own notice, see MODEL_CARD.md beside this file."""

from __future__ import annotations

from pathlib import Path

from ..models import CPM
from ..models.checkpoints import load_checkpoint

__all__ = ["LITE_PATH", "load_lite"]

LITE_PATH = Path(__file__).with_name("cpm_lite_lsp.safetensors")


def load_lite() -> CPM:
    """The lite CPM trained on LSP, LSPET and some synthetic people: 14 joints, 160 x 160 px, in evaluation mode."""
    return load_checkpoint(LITE_PATH).eval()
