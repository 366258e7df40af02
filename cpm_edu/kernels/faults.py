"""What can be wrong with a kernel: the kinds of fault, each with a sentence that says what to do."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

__all__ = ["KINDS", "Fault", "KernelFault", "RawFault", "point"]

# kind: what to do about it
KINDS = {
    "out-of-bounds-read": "check the index against the size before reading, e.g. `if (i >= n) return;`",
    "out-of-bounds-write": "check the index against the size before writing, e.g. `if (i >= n) return;`",
    "shared-out-of-bounds": "make the array larger, pass more bytes of `shared`, or check the index",
    "local-out-of-bounds": "check the index against the array's declared size",
    "uninitialised-shared": "write it first: shared memory holds whatever the last block left in it",
    "shared-race": "put a __syncthreads() between the two, or give each thread its own cell",
    "warp-race": "put a __syncwarp() between the two: the lanes of a warp do not run in step, and a shuffle orders "
    "no memory",
    "syncwarp-too-narrow": "__syncwarp() only waits for the own warp; these are two warps: use __syncthreads()",
    "global-race": "put a __syncthreads() between the two, or give each thread its own cell",
    "cross-block-race": "blocks run in any order: give each block its own cells, use an atomic, or split the work "
    "into two launches",
    "lost-update": "use atomicAdd or another atomic: of two threads that read, add and write, one update is lost",
    "divergent-barrier": "move __syncthreads() out of the branch, so that all threads of the block meet the same one",
    "barrier-after-exit": "do not return before a barrier: put the work, not the barrier, inside the `if`",
    "divergent-warp": "let all lanes named in the mask reach the same call, or name fewer lanes in the mask",
    "shuffle-from-absent-lane": "its value is undefined: let all lanes of the warp reach the shuffle (put the work, not "
    "the shuffle, inside the `if`, and launch whole warps), or name and read only lanes that are there",
    "lane-not-in-mask": "a lane that calls must be named in its own mask: use 0xffffffff and call it in all lanes",
    "write-to-input": "the parameter is `const`: write to an output instead",
    "misaligned": "a vector must start at a multiple of its size; use single loads for the cells before and after",
    "wild-pointer": "look at how the pointer was computed; a tensor given as None is a null pointer",
    "stack-overflow": "make the local array smaller or use shared memory, and avoid recursion",
    "division-by-zero": "check the divisor; a GPU would go on with a meaningless number",
    "integer-overflow": "compute in `long long`: an index of 2^31 and more does not fit into an int",
    "endless-loop": "check the loop's condition, or give a larger timeout_s; blocks run one after the other here, "
    "so waiting for a later block never ends",
    "assertion": "an assertion of the kernel does not hold",
    "interrupted": "run it again when you are ready",
    "too-much-shared": "use less shared memory, or fewer cells for each block",
}


class RawFault(ctypes.Structure):
    """Fault of csrc/emulator/emulator.h."""

    _fields_ = (
        ("kind", ctypes.c_char * 32),
        ("block", ctypes.c_uint * 3),
        ("thread", ctypes.c_uint * 3),
        ("file", ctypes.c_char * 256),
        ("line", ctypes.c_int),
        ("other_line", ctypes.c_int),
        ("place", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("access_size", ctypes.c_int),
        ("is_write", ctypes.c_int),
        ("other_block", ctypes.c_uint * 3),
        ("other_thread", ctypes.c_uint * 3),
        ("other_place", ctypes.c_uint64),
        ("other_is_write", ctypes.c_int),
        ("is_shared", ctypes.c_int),
        ("count", ctypes.c_int),
        ("text", ctypes.c_char * 256),
    )


@dataclass(frozen=True, repr=False)
class Fault:
    """One thing that is wrong, with the thread that met it first.

    Attributes:
        kind: a key of KINDS.
        text: what happened, without the place.
        block, thread: (x, y, z); None where they are not known.
        line: line of the source from 1; 0 where it is not known.
        file: the source file; "" for the text that the Kernel was made of.
        source: that line, without indentation.
        other: "block (..) thread (..), line n: source" of the other side of a race, or "".
        count: how often the same two lines met it.
    """

    kind: str
    text: str
    block: tuple[int, int, int] | None
    thread: tuple[int, int, int] | None
    line: int
    file: str = ""
    source: str = ""
    other: str = ""
    other_line: int = 0
    count: int = field(default=1, compare=False)

    @property
    def cure(self) -> str:
        return KINDS.get(self.kind, "")

    def _what(self) -> str:
        where = "some thread" if self.block is None else f"block {point(self.block)}"
        where += f" thread {point(self.thread)}" if self.thread is not None else ""
        return f"{self.kind}: {where} {self.text}"

    def __repr__(self) -> str:
        """One line, for lists of faults; `str` also tells the other side and what to do."""
        place = (
            f"; {self.file + ' ' if self.file else ''}line {self.line}: {self.source}" if self.line else ""
        )
        return f"<{self._what()}{place}>"

    def __str__(self) -> str:
        lines = [self._what()]
        if self.line:
            lines.append(f"  {self.file + ' ' if self.file else ''}line {self.line}: {self.source}")
        if self.other:
            lines.append(f"  and {self.other}")
        if self.count > 1:
            lines.append(f"  ({self.count} times in all)")
        return "\n".join([*lines, f"  {self.cure}"])


def point(xyz: tuple[int, int, int]) -> str:
    """(3) for a row of blocks or threads, (3, 1) and (3, 1, 2) where y and z matter."""
    last = 3 if xyz[2] else 2 if xyz[1] else 1
    return f"({', '.join(map(str, xyz[:last]))})"


class KernelFault(RuntimeError):
    """A kernel did something that a GPU would punish, or answer with garbage.

    Attributes:
        fault: the Fault.
    """

    def __init__(self, fault: Fault, kernel: str):
        super().__init__(f"kernel {kernel}: {fault}")
        self.fault = fault
