"""Data sets: synthetic people (always at hand) and the real ones (found through CPM_EDU_DATA)."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["data_root"]


def data_root() -> Path:
    """Folder of the real data sets: CPM_EDU_DATA, else ~/.cache/cpm_edu/data (it need not exist)."""
    return Path(os.environ.get("CPM_EDU_DATA") or Path.home() / ".cache" / "cpm_edu" / "data").expanduser()
