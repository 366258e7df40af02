"""MATLAB files as scipy reads them: structs whose fields may be missing, empty or wrapped in arrays of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .annotated import BadRecord

__all__ = ["load_mat", "number_of", "structs_of", "text_of"]


def load_mat(path: Path) -> dict[str, np.ndarray]:
    """The variables of a .mat file, structs with their fields as attributes; BadRecord where it cannot be read."""
    from scipy.io import loadmat

    if not path.is_file():
        raise BadRecord(f"there is no {path}")
    try:
        return loadmat(path, struct_as_record=False)
    except Exception as error:  # damaged bytes make scipy raise almost anything
        raise BadRecord(f"{path} is no MATLAB file of version 7 or below ({error})") from None


def structs_of(struct, field: str) -> list:
    """The structs in a field; none where it is missing or empty."""
    value = getattr(struct, field, None)
    return [s for s in value.flat if hasattr(s, "_fieldnames")] if isinstance(value, np.ndarray) else []


def number_of(struct, field: str) -> float:
    """A field's number; NaN where it is missing, empty or no single number."""
    value = getattr(struct, field, None)
    try:
        return float(np.asarray(value).item())
    except (ValueError, TypeError):
        return float("nan")


def text_of(struct, field: str) -> str | None:
    """A field's text; None where it is missing or empty."""
    value = getattr(struct, field, None)
    return str(value.flat[0]) if isinstance(value, np.ndarray) and value.size == 1 else None
