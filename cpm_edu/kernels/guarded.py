"""Copies of tensors between forbidden pages, for kernels that may run off an end."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .signature import Signature

__all__ = ["GuardedMemory", "Region"]


class Guarded(ctypes.Structure):
    """CpmGuarded of csrc/emulator/guarded_memory.cpp."""

    _fields_ = (
        ("original", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
        ("writable", ctypes.c_int),
        ("margin", ctypes.c_uint64),
        ("copy", ctypes.c_void_p),
        ("region", ctypes.c_void_p),
        ("region_bytes", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Region:
    """The part of a guarded copy that one argument names."""

    name: str
    start: int  # address in the copy
    numel: int
    item_bytes: int
    const: bool


class GuardedMemory:
    """Copies of the tensors of a launch, between forbidden pages; tensors that overlap share a copy.

    After `close` the results are in the tensors again, and `spoiled` names an argument that the kernel wrote
    just behind, or is None.
    """

    def __init__(self, runtime: ctypes.CDLL, signature: Signature, arguments: Sequence, margin: int = 0):
        self.runtime = runtime
        self.spoiled: str | None = None
        named = [
            (p, a)
            for p, a in zip(signature.parameters, arguments, strict=True)
            if isinstance(a, Tensor) and a.numel()
        ]
        spans = sorted(
            (t.data_ptr(), t.data_ptr() + t.numel() * t.element_size(), not p.const) for p, t in named
        )
        self._copies: list[Guarded] = []
        for start, end, writable in spans:
            last = self._copies[-1] if self._copies else None
            if last is not None and start < last.original + last.bytes:
                last.bytes = max(last.bytes, end - last.original)
                last.writable |= writable
            else:
                self._copies.append(Guarded(start, end - start, writable, margin))
        for i, copy in enumerate(self._copies):
            if runtime.cpm_guard(ctypes.byref(copy)):
                del self._copies[i:]
                self.close()
                raise MemoryError(f"no memory for a guarded copy of {copy.bytes} bytes")
        self.regions = [
            Region(p.name, self.address(t), t.numel(), t.element_size(), p.const) for p, t in named
        ]

    def _copy_of(self, address: int) -> Guarded | None:
        inside = (c for c in self._copies if c.original <= address < c.original + c.bytes)
        return next(inside, None)

    def address(self, tensor: Tensor | None) -> int:
        """Where a kernel finds a tensor's memory; 0 for None, and for one without elements."""
        copy = None if tensor is None else self._copy_of(tensor.data_ptr())
        return 0 if copy is None else copy.copy + tensor.data_ptr() - copy.original

    def nearest(self, address: int) -> Region | None:
        """The argument in whose copy, or in whose forbidden pages, an address lies."""
        for copy in self._copies:
            if copy.region <= address < copy.region + copy.region_bytes:
                mine = [r for r in self.regions if copy.copy <= r.start < copy.copy + copy.bytes]
                return min(
                    mine, key=lambda r: max(r.start - address, address - r.start - r.numel * r.item_bytes)
                )
        return None

    def close(self) -> None:
        for copy in self._copies:
            if self.runtime.cpm_unguard(ctypes.byref(copy)) and self.spoiled is None:
                inside = [r for r in self.regions if copy.copy <= r.start < copy.copy + copy.bytes]
                self.spoiled = inside[-1].name
        self._copies = []
