"""When two answers are the same, and how an answer is written in one line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["as_array", "brief", "same_value"]

RTOL, ATOL = 1e-4, 1e-5  # float32 arithmetic in any order; every mistake of the bank is farther off
BRIEF = 160  # characters


def as_array(value: Any) -> np.ndarray | None:
    """Numbers, tensors and nested lists of numbers as an array; None for anything else."""
    if isinstance(value, str | bytes | Mapping) or value is None:
        return None
    try:
        if hasattr(value, "detach"):
            value = value.detach()
            value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).cpu().numpy()
        array = np.asarray(value)
    except Exception:  # ragged lists, and whatever a stranger's class may raise
        return None
    return array if array.dtype.kind in "biuf" else None


def same_value(value: Any, expected: Any, *, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """Equal shapes, and numbers within `atol + rtol * |expected|`; NaN equals NaN; bool, int and float compare.

    A tuple or list whose parts are not all numbers of one shape is compared part by part, a dict by its keys.
    """
    if isinstance(expected, Mapping):
        return (
            isinstance(value, Mapping)
            and set(value) == set(expected)
            and all(same_value(value[k], expected[k], rtol=rtol, atol=atol) for k in expected)
        )
    if expected is None or isinstance(expected, str):
        return type(value) is type(expected) and value == expected
    if isinstance(expected, tuple | list) and (as_array(expected) is None or isinstance(expected, tuple)):
        return (
            isinstance(value, tuple | list)
            and len(value) == len(expected)
            and all(same_value(v, e, rtol=rtol, atol=atol) for v, e in zip(value, expected, strict=True))
        )
    found, wanted = as_array(value), as_array(expected)
    if found is None or wanted is None or found.shape != wanted.shape:
        return False
    return bool(np.allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=True))


def brief(value: Any) -> str:
    """A value in one line of at most `BRIEF` characters: small arrays whole, large ones by shape and range."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key}: {brief(v)}" for key, v in value.items())
    elif isinstance(value, tuple | list) and (as_array(value) is None or isinstance(value, tuple)):
        text = "(" + ", ".join(brief(v) for v in value) + ")"
    elif (array := as_array(value)) is None:
        text = _layers(value) or " ".join(repr(value).split())
    elif array.ndim == 0:
        text = f"{array.item():.6g}" if array.dtype.kind == "f" else str(array.item())
    elif array.size <= 12:
        text = np.array2string(array, precision=4, suppress_small=True, separator=", ").replace("\n", "")
    else:
        shape = " x ".join(map(str, array.shape))
        array = array.astype(float) if array.dtype.kind == "b" else array
        if np.isnan(array).all():
            return f"array of {shape}, all NaN"
        text = f"array of {shape}, {np.nanmin(array):.4g} to {np.nanmax(array):.4g}"
        if array.ndim == 2:
            row, column = np.unravel_index(np.nanargmax(array), array.shape)
            text += f", largest at row {row}, column {column}"
    return text if len(text) <= BRIEF else text[: BRIEF - 3] + "..."


def _layers(value: Any) -> str:
    """A network by the kinds of its layers; "" for anything else."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.nn.Module):
        return ""
    return f"{type(value).__name__}({', '.join(type(layer).__name__ for layer in value.children())})"
