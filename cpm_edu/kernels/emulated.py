"""Kernels on the CPU: a kernel's source compiled against csrc/emulator, launched thread by thread."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ..bundle import bundled_folder
from .build import BuildError, Source, shared_library
from .cache import say
from .compile_errors import explain
from .faults import Fault, KernelFault, RawFault, point
from .guarded import GuardedMemory, Region
from .signature import Signature
from .source_lines import lines_of_code
from .source_text import UNIT, KernelSource
from .toolchain import find_compiler

__all__ = ["EmulatedKernels", "Order", "load_runtime", "runtime_library"]

MOST_SHARED = 48 * 1024  # bytes a block gets without asking the driver for more
ORDERS = {"forward": 0, "reverse": 1, "random": 2}
Order = str  # a key of ORDERS
REFUSALS = (b"too-much-shared", b"no-memory")  # launches that did not start

COMMON = (
    "-std=c++17",
    "-gdwarf-4",
    "-g1",
    "-fPIC",
    "-fno-exceptions",
    "-fvisibility=hidden",
    "-U_FORTIFY_SOURCE",
)
# No flag may change what a kernel computes: products are not fused, integers wrap, nothing is "fast". Kernels
# read floats as float4 and as bits, which C++ alone would not allow.
KERNEL = (
    *COMMON, "-w", "-ffp-contract=off", "-fno-math-errno", "-fno-strict-aliasing", "-fno-finite-loops",
    "-fno-delete-null-pointer-checks",
    "-include", "cuda_emulator.h",
)  # fmt: skip
FAST = ("-O2", "-fwrapv")
# The compiler calls a function before each load and store, and where a C++ rule about numbers is broken.
TRACED = (
    "-O1", "-DCPM_EMULATOR_TRACE", "-fsanitize=thread", "-fsanitize-recover=all",
    "-fsanitize=integer-divide-by-zero,signed-integer-overflow",
)  # fmt: skip
TRACED_BY = {  # what only one of the compilers knows
    "clang": ("-fsanitize=array-bounds", "-mllvm", "-tsan-instrument-read-before-write=1"),
    "gcc": ("-fsanitize=bounds",),
}
BRIEF = {  # a few errors, a line each: compile_errors.py adds the source
    "clang": ("-ferror-limit=4", "-fno-caret-diagnostics"),
    "gcc": ("-fmax-errors=4", "-fno-diagnostics-show-caret"),
}
RUNTIME = (
    "scheduler", "warp", "stack_switch", "shared_memory", "crash_guard", "watchdog", "guarded_memory", "recorder",
    "race_check",
)  # fmt: skip


class Launch(ctypes.Structure):
    """CpmLaunch of csrc/emulator/interface.h."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("dynamic_shared", ctypes.c_uint64),
        ("most_shared", ctypes.c_uint64),
        ("order", ctypes.c_int),
        ("seed", ctypes.c_uint),
        ("timeout_s", ctypes.c_double),
        ("most_accesses", ctypes.c_uint64),
    )


def runtime_library(compiler: str | None = None, flags: Sequence[str] = ()) -> Path:
    """The emulator's runtime, built once; `flags` such as -DCPM_EMULATOR_UCONTEXT make another one.

    Raises:
        BuildError: there is no compiler.
    """
    folder = bundled_folder("csrc") / "emulator"
    return shared_library(
        "emulator", [folder / f"{name}.cpp" for name in RUNTIME], include=[folder],
        flags=[*COMMON, "-O1", "-Wall", "-Wextra", *flags], link_flags=["-lpthread", "-ldl"], compiler=compiler,
        announce=lambda how: say(f"building the CUDA emulator, once, {how}: about 3 s"),
    )  # fmt: skip


@lru_cache(maxsize=8)
def _family(compiler: str | None, environment: str | None) -> str:
    """ "clang" or "gcc"; where there is no compiler, a library that was built before is looked for."""
    found = find_compiler(compiler)
    return "clang" if found is not None and "clang" in found.version() else "gcc"


@lru_cache(maxsize=8)
def load_runtime(path: Path) -> ctypes.CDLL:
    runtime = ctypes.CDLL(str(path))
    runtime.cpm_emulator_faults.restype = ctypes.POINTER(RawFault)
    runtime.cpm_emulator_printed.restype = ctypes.c_char_p
    runtime.cpm_emulator_base.restype = ctypes.c_uint64
    runtime.cpm_emulator_base.argtypes = (ctypes.c_uint64,)
    runtime.cpm_recorder_records.restype = runtime.cpm_recorder_barriers.restype = ctypes.c_void_p
    return runtime


class EmulatedKernels:
    """All kernels of one source, compiled for the emulator.

    Args:
        traced: compile so that every load and store is reported to the recorder.
        library_headers: whether the source can include the headers of csrc/.
        runtime_flags: of the runtime's build, for tests.

    Raises:
        CompileError: the source does not compile.
        BuildError: there is no compiler, and nobody has compiled this source before.
    """

    def __init__(
        self,
        source: KernelSource,
        *,
        traced: bool,
        compiler: str | None = None,
        runtime_flags: Sequence[str] = (),
        library_headers: bool = True,
    ):
        csrc = bundled_folder("csrc")
        headers = [*source.folders, csrc / "emulator", *([csrc] if library_headers else [])]
        runtime = runtime_library(compiler, runtime_flags)
        family = _family(compiler, os.environ.get("CXX"))
        unit = Source(Path(UNIT), source.for_emulator())
        mode = (*TRACED, *TRACED_BY[family]) if traced else FAST
        try:
            self.path = shared_library(
                "kernel", [unit, csrc / "emulator" / "shared_pad.cpp"], include=headers,
                flags=[*KERNEL, *BRIEF[family], *mode], link_flags=[str(runtime), "-lm"], compiler=compiler,
            )  # fmt: skip
        except BuildError as error:
            raise explain(error, source) or error from None
        self.source = source
        self.traced = traced
        self.runtime = load_runtime(runtime)
        self.library = ctypes.CDLL(str(self.path))
        self._lines: dict[int, tuple[str, int]] = {}

    @contextmanager
    def launched(
        self, signature: Signature, grid, block, shared: int, arguments: Sequence, *,
        order: Order, seed: int, timeout_s: float, most_accesses: int = 0,
    ):  # fmt: skip
        """Launch, and yield (raw faults, memory) while the copies of the tensors still exist.

        Args:
            arguments: of `check_arguments`, on the CPU.
        """
        if order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
        margin = 64 << 10 if self.traced else 0  # a traced launch goes on after a small step outside
        memory = GuardedMemory(self.runtime, signature, arguments, margin)
        try:
            values = [
                ctypes.c_uint64(memory.address(argument)) if parameter.pointer else argument
                for parameter, argument in zip(signature.parameters, arguments, strict=True)
            ]
            pointers = (ctypes.c_void_p * max(len(values), 1))(*(ctypes.addressof(value) for value in values))
            how = Launch(
                (ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block), shared, MOST_SHARED, ORDERS[order],
                seed & 0xFFFFFFFF, timeout_s, most_accesses,
            )  # fmt: skip
            if self.traced:
                ranges = [(r.start, r.start + r.numel * r.item_bytes, r.const) for r in memory.regions]
                self._tell_ranges(ranges)
            getattr(self.library, f"cpm_launch_{signature.name}")(ctypes.byref(how), pointers)
            if printed := self.runtime.cpm_emulator_printed():
                sys.stdout.write(printed.decode(errors="replace"))
            faults = self._raw_faults()
            if faults and faults[0].kind in REFUSALS:
                raise ValueError(f"{signature.name}: {faults[0].text.decode()}")
            yield faults, memory
        finally:
            memory.close()

    def launch(self, signature: Signature, grid, block, shared: int, arguments: Sequence, **options) -> None:
        """Launch at full speed.

        Raises:
            KernelFault: the launch could not go on.
        """
        with self.launched(signature, grid, block, shared, arguments, **options) as (faults, memory):
            if faults:
                raise KernelFault(
                    self.fault(faults[0], self.lines([faults[0].place]), memory), signature.name
                )
        if memory.spoiled:
            text = f"in this launch wrote just behind the end of `{memory.spoiled}`; trace() finds the line"
            nobody = Fault("out-of-bounds-write", text, None, None, 0)
            raise KernelFault(nobody, signature.name)

    def _tell_ranges(self, ranges: Sequence[tuple[int, int, bool]]) -> None:
        flat = [int(value) for one in ranges for value in one]
        self.runtime.cpm_recorder_ranges((ctypes.c_uint64 * max(len(flat), 1))(*flat), len(ranges))

    def base(self) -> int:
        """Address at which the kernels were loaded."""
        some = ctypes.cast(
            getattr(self.library, f"cpm_launch_{self.source.kernels[0].name}"), ctypes.c_void_p
        )
        return self.runtime.cpm_emulator_base(some.value)

    def lines(self, places: Sequence[int]) -> dict[int, tuple[str, int]]:
        """(file, line) of addresses of instructions; see `lines_of_code`."""
        base = self.base()
        unknown = {place - base for place in places if place} - self._lines.keys()
        hidden = str(bundled_folder("csrc") / "emulator")
        self._lines.update(
            lines_of_code(self.path, unknown, lambda file: not self.source.shown(file), hidden)
        )
        return {place: self._lines.get(place - base, ("", 0)) for place in places}

    def static_shared(self) -> int:
        """Bytes of static shared memory that the launch before this had."""
        return self.runtime.cpm_emulator_static_shared()

    def _raw_faults(self) -> list[RawFault]:
        count = ctypes.c_int()
        found = self.runtime.cpm_emulator_faults(ctypes.byref(count))
        return [RawFault.from_buffer_copy(found[i]) for i in range(count.value)]

    def fault(self, raw: RawFault, lines: dict, memory: GuardedMemory) -> Fault:
        """A fault in words of the source; `lines` must know its place."""
        file, line = raw.file.decode(), raw.line
        if not line and raw.place:
            file, line = lines[raw.place]
        kind, text = raw.kind.decode(), raw.text.decode(errors="replace")
        region = memory.nearest(raw.address) if raw.address > 1 << 20 and not raw.is_shared else None
        if region is not None:
            kind, text = _beyond(kind, text, raw, region, memory.regions)
        source, other = self.source, ""
        if kind == "barrier-after-exit" and not source.returns_before(file, line):
            kind, text = "divergent-barrier", text.replace("have left the kernel", "went past it to the end")
        if raw.other_line:
            other = f"thread {point(tuple(raw.other_thread))}, line {raw.other_line}: {source.line(file, raw.other_line)}"
        thread = tuple(raw.thread) if line or raw.place else None
        return Fault(
            kind,
            text,
            tuple(raw.block),
            thread,
            line,
            source.shown(file),
            source.line(file, line),
            other,
            raw.other_line,
        )


def _beyond(
    kind: str, text: str, raw: RawFault, region: Region, regions: Sequence[Region]
) -> tuple[str, str]:
    """What a pointer that left its tensor, or wrote to an input, did in words of the tensor."""
    index, verb = (raw.address - region.start) // region.item_bytes, "writes" if raw.is_write else "reads"
    if 0 <= index < region.numel:
        if region.const and raw.is_write:
            text = f"writes {region.name}[{index}], which the kernel takes as const"
            for other in regions:
                cell = (raw.address - other.start) // other.item_bytes
                if not other.const and 0 <= cell < other.numel:
                    text += (
                        f"; it is {other.name}[{cell}] too: the two tensors share memory, pass a clone of one"
                    )
            return "write-to-input", text
        return kind, text
    if kind in ("wild-pointer", "out-of-bounds-read", "out-of-bounds-write"):
        kind = "out-of-bounds-write" if raw.is_write else "out-of-bounds-read"
        return kind, f"{verb} {region.name}[{index}], but {region.name} has {region.numel} elements"
    return kind, text
