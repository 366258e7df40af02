"""Launching compiled kernels on a CUDA device, by the driver's own interface (libcuda through ctypes).

Not torch's `torch.cuda._compile_kernel`: that one is private, and hands a Python float over as a double, which
a kernel with a `float` parameter reads as another number. Here each value has the type that the kernel's
signature names.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from .nvrtc import compile_source
from .signature import Signature
from .source_text import KernelSource

__all__ = ["Driver", "launch_on_device"]


class Driver:
    """The CUDA driver.

    Raises:
        OSError: there is none on this machine.
    """

    def __init__(self, library: str = "libcuda.so.1"):
        self._library = ctypes.CDLL(library)
        self._loaded: dict[tuple, ctypes.c_void_p] = {}

    def _call(self, name: str, *arguments) -> None:
        error = getattr(self._library, name)(*arguments)
        if error:
            text = ctypes.c_char_p()
            self._library.cuGetErrorString(error, ctypes.byref(text))
            told = text.value.decode() if text.value else "unknown error"
            raise RuntimeError(f"{name}: CUDA error {error}: {told}")

    def function(self, cubin: bytes, name: str, device: int) -> ctypes.c_void_p:
        """A kernel of a cubin, loaded once for each device; the device must be the current one."""
        key = (cubin, name, device)
        if key not in self._loaded:
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            self._call("cuModuleLoadData", ctypes.byref(module), cubin)
            self._call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
            self._loaded[key] = function
        return self._loaded[key]

    def launch(
        self, function: ctypes.c_void_p, grid, block, shared: int, stream: int, values: Sequence
    ) -> None:
        """Queue a launch.

        Args:
            grid, block: three numbers each.
            stream: a CUstream.
            values: ctypes values of exactly the parameters' types.
        """
        pointers = (ctypes.c_void_p * max(len(values), 1))(*(ctypes.addressof(value) for value in values))
        sizes = [ctypes.c_uint(n) for n in (*grid, *block, shared)]
        self._call("cuLaunchKernel", function, *sizes, ctypes.c_void_p(stream), pointers, None)


@lru_cache(maxsize=1)
def _driver() -> Driver:
    return Driver()


def launch_on_device(
    source: KernelSource, signature: Signature, grid, block, shared: int, arguments: Sequence
) -> None:
    """Compile for the tensors' device and queue a launch on its current stream.

    Args:
        arguments: of `check_arguments`, on one CUDA device.

    Raises:
        CompileError: the source does not compile.
        BuildError: there is no NVRTC.
        RuntimeError: the driver refuses. A fault of the kernel itself shows at the next wait for the device.
    """
    device = next(argument.device for argument in arguments if isinstance(argument, Tensor))
    with torch.cuda.device(device):
        major, minor = torch.cuda.get_device_capability(device)
        cubin = compile_source(source, f"sm_{major}{minor}")
        driver = _driver()
        function = driver.function(cubin.data, cubin.names[signature.name], device.index)
        stream = torch.cuda.current_stream(device).cuda_stream
        driver.launch(function, grid, block, shared, stream, pack(signature, arguments))


def pack(signature: Signature, arguments: Sequence) -> list:
    """Each argument as a ctypes value of its parameter's type; tensors as their address."""
    return [
        ctypes.c_uint64(argument.data_ptr() if isinstance(argument, Tensor) else 0)
        if parameter.pointer
        else argument
        for parameter, argument in zip(signature.parameters, arguments, strict=True)
    ]
