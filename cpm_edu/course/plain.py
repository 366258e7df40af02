"""What a student's function may return: numbers, texts, arrays, tensors, networks, and lists and dicts of them."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["NotSendable", "TooLarge", "is_same", "kind_of", "plain_value"]

LARGEST_ANSWER = 64_000_000  # bytes
MOST_PARTS = 100_000  # of nested lists


class NotSendable(TypeError):
    """An answer of a kind that no exercise asks for; the message names it: "a generator"."""


class TooLarge(ValueError):
    """An answer that is too large to compare."""


def plain_value(value: Any) -> Any:
    """A copy of an answer: numbers, texts, arrays, tensors, networks, and lists, tuples and dicts of them.

    Raises:
        NotSendable: anything else, such as a generator or an array of objects.
        TooLarge: more than `LARGEST_ANSWER` bytes or `MOST_PARTS` parts.
    """
    return _Copier().copy(value, 0)


class _Copier:
    def __init__(self):
        self.bytes = self.parts = 0

    def copy(self, value: Any, depth: int) -> Any:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise TooLarge(f"more than {MOST_PARTS:,} parts")
        if depth > 30:
            raise NotSendable(f"{kind_of(value)} inside more than 30 others")
        if value is None or isinstance(value, bool | float):
            return value if value is None or isinstance(value, bool) else float(value)
        if isinstance(value, int):
            if abs(value) >= 2**63:
                raise NotSendable("a whole number of more than 64 bits")
            return int(value)
        if isinstance(value, str):
            self.count(len(value))
            return str(value)
        if isinstance(value, np.ndarray | np.generic):
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                holds_none = array.dtype.kind == "O" and any(part is None for part in array.flat)
                objects = "None" if holds_none else "objects (rows of different lengths?)"
                kinds = {"O": objects, "c": "complex numbers", "U": "texts"}
                raise NotSendable(f"an array of {kinds.get(array.dtype.kind, array.dtype.name)}")
            self.count(array.nbytes)
            return array.copy() if array.ndim else array.item()
        if isinstance(value, tuple | list):
            parts = [self.copy(part, depth + 1) for part in value]
            return parts if isinstance(value, list) else tuple(parts)
        if isinstance(value, Mapping):
            return {self.copy(key, depth + 1): self.copy(part, depth + 1) for key, part in value.items()}
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            if value.is_sparse or value.is_meta or value.is_complex():
                raise NotSendable("a tensor that is sparse, complex or without data")
            self.count(value.numel() * value.element_size())
            return value.detach().cpu().clone()
        if torch is not None and isinstance(value, torch.nn.Module):
            return value
        raise NotSendable(kind_of(value))

    def count(self, size: int) -> None:
        self.bytes += size
        if self.bytes > LARGEST_ANSWER:
            raise TooLarge(f"more than {LARGEST_ANSWER // 1_000_000} MB")


def kind_of(value: Any) -> str:
    name = type(value).__name__
    if isinstance(value, types.FunctionType | types.MethodType | type):
        return f"the function {getattr(value, '__name__', name)} itself; call it"
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def is_same(before: Any, after: Any) -> bool:
    """Whether an argument is bit for bit what it was."""
    try:
        if isinstance(before, np.ndarray):
            return before.shape == after.shape and np.array_equal(
                before, after, equal_nan=before.dtype.kind == "f"
            )
        if isinstance(before, list | tuple):
            return len(before) == len(after) and all(map(is_same, before, after))
        if isinstance(before, Mapping):
            return before.keys() == after.keys() and all(is_same(before[k], after[k]) for k in before)
        if hasattr(before, "state_dict"):
            return is_same(before.state_dict(), after.state_dict())
        if hasattr(before, "detach"):
            torch = sys.modules["torch"]
            same = before.shape == after.shape and before.dtype == after.dtype
            return same and torch.equal(torch.nan_to_num(before.detach()), torch.nan_to_num(after.detach()))
        return bool(before == after) or before != before or callable(before)
    except Exception:
        return False
