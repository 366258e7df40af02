"""A laboratory for kernels: write CUDA C++ as a text, launch it on tensors, look inside.

    kernel = Kernel(r'''
    extern "C" __global__ void twice(const float* x, float* out, int n) {
      int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) out[i] = 2 * x[i];
    }''')
    kernel.launch(4, 256, 0, x, out, x.numel())

Tensors of a CUDA device: NVRTC compiles the text, and the driver launches it. Tensors of the CPU: a C++
compiler builds the same text against csrc/emulator, which runs it thread by thread.

The emulator shows what a kernel computes and which rules it breaks. It does not show time, occupancy, caches,
weak memory order (a fence that is missing has no effect on the values here), or how a GPU schedules: blocks
run one after the other, so one that waits for a later block waits for ever. Its expf is the C library's,
products are never fused into an addition, subnormal numbers are kept: last bits differ from a GPU's. There
are no half types but cpm::bfloat16, no textures, tensor cores, asynchronous copies or cooperative groups. A
kernel that is right here has not been proved right on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from torch import Tensor

from .compile_errors import CompileError
from .emulated import MOST_SHARED, ORDERS, EmulatedKernels, Order
from .faults import Fault, KernelFault
from .microscope import Microscope
from .signature import Signature, check_arguments
from .source_text import KernelSource
from .trace import Trace

__all__ = ["CompileError", "Fault", "Kernel", "KernelFault", "Trace"]

MOST_BLOCK = (1024, 1024, 64)  # CUDA C++ Programming Guide, technical specifications per compute capability
MOST_GRID = (2**31 - 1, 65535, 65535)
MOST_THREADS = 1024
TIMEOUT_S = 20.0


class Kernel:
    """One CUDA kernel, from its source.

    Args:
        source: text of one or several kernels; or the path of a .cu or .cuh file, also one of csrc/ by its
            name ("targets.cuh"). `#include "..."` finds the headers beside the file and in csrc/.
        name: which kernel, where there are several.
        compiler: C++ compiler of the emulator, such as "clang++"; None takes the first there is.
        library_headers: whether `#include` finds those of csrc/ on the CPU.

    Raises:
        ValueError: there is no such kernel, or its signature cannot be read.

    Attributes:
        signature: name, parameters and launch bounds, as read from the source.
    """

    def __init__(
        self,
        source: str | Path,
        name: str | None = None,
        *,
        compiler: str | None = None,
        library_headers: bool = True,
    ):
        self._source = KernelSource.read(source)
        self._how = {"compiler": compiler, "library_headers": library_headers}
        self.signature: Signature = self._source.kernel(name)

    def __repr__(self) -> str:
        return f"Kernel({self.signature})"

    def launch(
        self, grid: int | Sequence[int], block: int | Sequence[int], shared: int = 0, *arguments,
        order: Order = "forward", seed: int = 0, timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        """Run the kernel; returns when it is done on the CPU, and when it is queued on a CUDA device.

        Args:
            grid, block: blocks, and threads of a block: a number, or up to three.
            shared: bytes of dynamic shared memory for each block.
            arguments: tensors (or None) for pointers, Python numbers for the rest, checked against the
                signature. Pointers that are not `const` are outputs.
            order: in which the emulator runs threads and blocks: "forward", "reverse", or "random" by `seed`.
                A right kernel gives the same result in all.
            timeout_s: seconds after which the emulator calls a kernel endless.

        Raises:
            TypeError, ValueError: an argument does not fit.
            CompileError: the source does not compile.
            BuildError: there is no compiler.
            KernelFault: what came up without tracing: a barrier in a branch, threads that wait for ever, a
                pointer that left its tensor's memory. `trace` finds far more.
        """
        grid, block, checked, device = self._prepare(grid, block, shared, arguments)
        if device == "cuda":
            from .cuda_driver import launch_on_device

            launch_on_device(self._source, self.signature, grid, block, shared, checked)
            return
        self._fast.launch(
            self.signature, grid, block, shared, checked, order=order, seed=seed, timeout_s=timeout_s
        )

    def trace(
        self, grid: int | Sequence[int], block: int | Sequence[int], shared: int = 0, *arguments,
        order: Order = "forward", seed: int = 0, timeout_s: float = 3 * TIMEOUT_S, most_accesses: int = 4_000_000,
    ) -> Trace:  # fmt: skip
        """Run the kernel under the microscope: as `launch`, on tensors of the CPU, about twenty times slower.

        Args:
            most_accesses: recorded; those beyond are checked but not kept (32 bytes each here, 56 in the Trace).

        Returns:
            A Trace, whose `faults` list what is wrong. A fault is no exception here; where one ends the launch,
            the trace holds what came before.

        Raises:
            as `launch`, but for KernelFault.
        """
        grid, block, checked, device = self._prepare(grid, block, shared, arguments)
        if device == "cuda":
            raise ValueError("the microscope traces tensors of the CPU; pass x.cpu()")
        return self._microscope.trace(
            self.signature, grid, block, shared, checked, order=order, seed=seed, timeout_s=timeout_s,
            most_accesses=most_accesses,
        )  # fmt: skip

    def check(self, grid, block, shared: int = 0, *arguments, seed: int = 0) -> None:
        """Trace the kernel in all three thread orders, on copies of the tensors.

        Raises:
            KernelFault: the first fault found.
        """
        for order in ORDERS:
            copies = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
            trace = self.trace(grid, block, shared, *copies, order=order, seed=seed, most_accesses=200_000)
            if trace.faults:
                raise KernelFault(trace.faults[0], self.signature.name)

    @cached_property
    def _microscope(self) -> Microscope:
        return Microscope(EmulatedKernels(self._source, traced=True, **self._how))

    @cached_property
    def _fast(self) -> EmulatedKernels:
        return EmulatedKernels(self._source, traced=False, **self._how)

    def _prepare(self, grid, block, shared, arguments) -> tuple[tuple, tuple, list, str]:
        grid, block = _extent("grid", grid, MOST_GRID), _extent("block", block, MOST_BLOCK)
        threads = block[0] * block[1] * block[2]
        if threads > MOST_THREADS:
            raise ValueError(f"a block of {block} has {threads} threads; at most {MOST_THREADS} are allowed")
        most = self.signature.most_threads
        if most is not None and threads > most:
            raise ValueError(
                f"{self.signature.name} promises __launch_bounds__({most}); a block of {threads} threads fails"
            )
        if isinstance(shared, bool) or not isinstance(shared, int) or shared < 0:
            got = f"a tensor of shape {tuple(shared.shape)}" if isinstance(shared, Tensor) else repr(shared)
            raise TypeError(
                f"the third argument is `shared`, bytes of dynamic shared memory (0 for none), got {got}"
            )
        if shared > MOST_SHARED:
            raise ValueError(f"a block gets at most {MOST_SHARED} bytes of shared memory, asked for {shared}")
        checked = check_arguments(self.signature, arguments)
        devices = {argument.device.type for argument in checked if isinstance(argument, Tensor)}
        return grid, block, checked, devices.pop() if devices else "cpu"


def _extent(what: str, extent: int | Sequence[int], most: tuple[int, int, int]) -> tuple[int, int, int]:
    numbers = (extent,) if isinstance(extent, int) else tuple(extent)
    if not 1 <= len(numbers) <= 3 or not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise TypeError(f"{what} must be a whole number or up to three of them, got {extent!r}")
    numbers += (1,) * (3 - len(numbers))
    if any(n < 1 for n in numbers):
        raise ValueError(f"{what} {extent} is empty: where there is nothing to do, do not launch")
    if any(n > limit for n, limit in zip(numbers, most, strict=True)):
        raise ValueError(f"{what} {extent} is too large; CUDA allows at most {most}")
    return numbers
