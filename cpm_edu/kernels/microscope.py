"""A launch under the microscope: every access recorded, every rule checked (see `Kernel.trace`).

A traced launch finds the faults of faults.KINDS. What it finds is wrong whatever the order in which the
threads ran; what it does not find may still be wrong for other data or on a GPU: it looks at one launch. Not
seen: waiting that only a GPU's scheduler could end, local arrays passed between threads, and the values that
weak memory order would give (a missing fence shows as a race where blocks hand data on by an
atomic). Stricter than a GPU: a barrier that some threads have left the kernel before, and two different
__syncthreads() that meet.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from .emulated import EmulatedKernels
from .faults import Fault, RawFault, point
from .guarded import GuardedMemory
from .signature import Signature, without_comments
from .trace import ACCESS, ARGUMENT, ATOMIC, BARRIER, OTHER, RECORD, SHARED, SHARED_MEMORY, WRITE, Trace

__all__ = ["Microscope"]

RACES = ("shared-race", "warp-race", "syncwarp-too-narrow", "global-race", "cross-block-race")


class Microscope:
    """Kernels of one source, compiled so that they can be traced."""

    def __init__(self, kernels: EmulatedKernels):
        self._kernels = kernels

    def trace(
        self, signature: Signature, grid, block, shared: int, arguments: Sequence, *,
        order: str, seed: int, timeout_s: float, most_accesses: int,
    ) -> Trace:  # fmt: skip
        kernels = self._kernels
        with kernels.launched(
            signature, grid, block, shared, arguments, order=order, seed=seed, timeout_s=timeout_s,
            most_accesses=most_accesses,
        ) as (raw_faults, memory):  # fmt: skip
            records = self._records()
            barriers = self._barriers()
            static_bytes = kernels.static_shared()
            places = np.unique(records["place"])
            of_faults = [p for raw in raw_faults for p in (raw.place, raw.other_place) if p]
            lines = kernels.lines([*map(int, places), *of_faults])
            files = sorted({"", *(kernels.source.shown(file) for file, _ in lines.values())})
            accesses = _accesses(records, lines, files, memory, kernels.source.shown)
            reader = _FaultReader(
                kernels, lines, memory, accesses, self._shared_names, static_bytes, grid, block
            )
            faults = _merged([reader.read(raw) for raw in raw_faults])
            regions = memory.regions
        sources = {
            (kernels.source.shown(file), line): kernels.source.line(file, line)
            for file, line in lines.values()
        }
        return Trace(
            kernel=signature.name, grid=grid, block=block, accesses=accesses, complete=len(accesses) < most_accesses,
            faults=faults, arguments=[r.name for r in regions], numel=[r.numel for r in regions],
            item_bytes=[r.item_bytes for r in regions], shared_bytes=(static_bytes, shared), barriers=barriers,
            files=files, sources=sources, text=kernels.source.text,
        )  # fmt: skip

    def _records(self) -> np.ndarray:
        return _fetch(self._kernels.runtime.cpm_recorder_records, RECORD)

    def _barriers(self) -> np.ndarray:
        return _fetch(self._kernels.runtime.cpm_recorder_barriers, BARRIER)

    @cached_property
    def _shared_names(self) -> list[tuple[int, int, str]]:
        """(first byte, bytes, name) of each static __shared__ array, from the library's symbols."""
        return _static_arrays(self._kernels.path)


def _fetch(function, dtype: np.dtype) -> np.ndarray:
    count = ctypes.c_uint64()
    data = function(ctypes.byref(count))
    if not data or not count.value:
        return np.zeros(0, dtype)
    return np.frombuffer(ctypes.string_at(data, count.value * dtype.itemsize), dtype).copy()


def _static_arrays(library: Path) -> list[tuple[int, int, str]]:
    tool = shutil.which("nm") or shutil.which("llvm-nm")
    if tool is None:
        return []
    done = subprocess.run([tool, "-S", "-C", str(library)], capture_output=True, text=True, errors="replace")
    rows = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [bB] (.+)$", done.stdout, re.MULTILINE)
    names = [(int(start, 16), int(size, 16), name.rpartition("::")[2]) for start, size, name in rows]
    end = next((start for start, _, name in names if name == "cpm_shared_end"), 0)
    return sorted(row for row in names if row[0] + row[1] <= end)  # thread-local: counted from 0


def _accesses(records: np.ndarray, lines: dict, files: list[str], memory: GuardedMemory, shown) -> np.ndarray:
    accesses = np.zeros(len(records), ACCESS)
    for name in ("block", "thread", "epoch", "step", "address", "size", "place"):
        accesses[name] = records[name]
    accesses["is_write"] = records["flags"] & WRITE > 0
    accesses["is_atomic"] = records["flags"] & ATOMIC > 0
    accesses["argument"], accesses["index"] = OTHER, -1
    in_shared = records["flags"] & SHARED_MEMORY > 0
    accesses["argument"][in_shared], accesses["index"][in_shared] = SHARED, records["address"][in_shared]
    in_argument = records["flags"] & ARGUMENT > 0
    address = records["address"].astype(np.int64)
    for number, region in enumerate(memory.regions):
        end = region.start + region.numel * region.item_bytes
        mine = in_argument & (address >= region.start) & (address < end)
        accesses["argument"][mine] = number
        accesses["index"][mine] = (address[mine] - region.start) // region.item_bytes
    places, which = np.unique(records["place"], return_inverse=True)
    found = [lines[int(place)] for place in places]
    accesses["line"] = np.array([line for _, line in found], np.int32)[which] if found else 0
    accesses["file"] = (
        np.array([files.index(shown(file)) for file, _ in found], np.int16)[which] if found else 0
    )
    return accesses


class _FaultReader:
    """Turns the runtime's faults into words of the source: names, indices, lines."""

    def __init__(self, kernels, lines, memory, accesses, shared_names, static_bytes, grid, block):
        self.kernels, self.lines, self.memory, self.accesses = kernels, lines, memory, accesses
        self.shared_names, self.static_bytes = shared_names, static_bytes
        self.grid, self.block = grid, block

    def read(self, raw: RawFault) -> Fault:
        fault = self.kernels.fault(raw, self.lines, self.memory)
        fault = replace(fault, count=max(raw.count, 1))
        if fault.kind == "array-out-of-bounds":
            return self._array(fault, raw.address)
        if fault.kind == "uninitialised-shared":
            return replace(
                fault, text=f"reads {self._shared_cell(raw)}, which nobody in its block has written"
            )
        if fault.kind in RACES:
            return self._race(fault, raw)
        return fault

    def _array(self, fault: Fault, column: int) -> Fault:
        """A bad index into an array of known size: its declaration tells which memory it is in."""
        text = self.kernels.source.line(fault.file, fault.line, strip=False)
        source = without_comments(self.kernels.source.text)
        arrays = {}  # name -> (declared __shared__, distance from the column)
        for use in re.finditer(r"\b(\w+)\s*\[", text):
            declaration = re.search(rf"[^;{{}}()]*\b(?!return\b)\w+[\s&*]+{use[1]}\s*\[[^\]]+\]", source)
            if declaration:
                arrays[use[1]] = ("__shared__" in declaration[0], abs(use.start() + 1 - column))
        name = min(arrays, key=lambda one: arrays[one][1], default=None)
        kind = "shared-out-of-bounds" if name and arrays[name][0] else "local-out-of-bounds"
        return replace(fault, kind=kind, text=f"{fault.text}{f', `{name}`' if name else ''}")

    def _race(self, fault: Fault, raw: RawFault) -> Fault:
        file, line = self.lines.get(raw.other_place, ("", 0))
        source = self.kernels.source
        cell = self._shared_cell(raw) if raw.is_shared else self._cell(raw.address)
        verb, other_verb = ("writes" if w else "reads" for w in (raw.is_write, raw.other_is_write))
        other = f"block {point(tuple(raw.other_block))} thread {point(tuple(raw.other_thread))}"
        shown = f"{source.shown(file)} " if source.shown(file) else ""
        text = (
            f"{verb} {cell}, which {other} {other_verb.replace('writes', 'wrote').replace('reads', 'read')}"
        )
        fault = replace(
            fault, text=f"{text}, and nothing puts the two in order",
            other=f"{shown}line {line}: {source.line(file, line)}", other_line=line,
        )  # fmt: skip
        is_update = (file, line) == self.lines.get(raw.place) and self._updates(raw, line)
        return replace(fault, kind="lost-update") if is_update else fault

    def _updates(self, raw: RawFault, line: int) -> bool:
        """Whether both threads read this very cell in this line, and then write it."""
        here = self.accesses[(self.accesses["line"] == line) & (self.accesses["address"] == raw.address)]
        here = here[(here["argument"] == SHARED) == bool(raw.is_shared)]
        for block, thread in (
            (raw.block, raw.thread),
            (raw.other_block, raw.other_thread),
        ):
            is_one = here["block"] == _number(block, self.grid)
            one = here[is_one & (here["thread"] == _number(thread, self.block))]
            reads, writes = (one["step"][one["is_write"] == w] for w in (False, True))
            if not len(reads) or not len(writes) or reads.min() > writes.max():
                return False
        return True

    def _cell(self, address: int) -> str:
        region = self.memory.nearest(address)
        return (
            "memory" if region is None else f"{region.name}[{(address - region.start) // region.item_bytes}]"
        )

    def _shared_cell(self, raw: RawFault) -> str:
        offset, dynamic_start = raw.address, (self.static_bytes + 15) // 16 * 16
        size = raw.access_size or 1
        for start, length, name in self.shared_names:
            if start <= offset < start + length:
                return f"shared {name}" + ("" if length <= size else f"[{(offset - start) // size}]")
        names = self.kernels.source.dynamic_arrays()
        if offset >= dynamic_start and len(names) == 1:
            return f"shared {names.pop()}[{(offset - dynamic_start) // size}]"
        if offset >= dynamic_start:
            return f"byte {offset - dynamic_start} of dynamic shared memory"
        return f"shared memory, byte {offset}"


def _number(at, size) -> int:
    return at[0] + size[0] * (at[1] + size[1] * at[2])


def _merged(faults: list[Fault]) -> list[Fault]:
    """One fault for each pair of lines; the first one stands, with the sum of the counts.

    Two lines that race between warps mostly do so within a warp too; the wider one is told.
    """
    found: dict[tuple, Fault] = {}
    for fault in faults:
        lines = (fault.file, *sorted((fault.line, fault.other_line)))
        known = found.get((fault.kind, *lines))
        found[(fault.kind, *lines)] = (
            fault if known is None else replace(known, count=known.count + fault.count)
        )
    wider = {key[1:] for key in found if key[0] in RACES and key[0] != "warp-race"}
    return [fault for key, fault in found.items() if key[0] != "warp-race" or key[1:] not in wider]
