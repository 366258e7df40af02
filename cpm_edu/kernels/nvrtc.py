"""CUDA C++ to machine code of a GPU, by NVRTC: no toolkit, no nvcc and no GPU is needed for that.

NVRTC is a library of its own (`pip install nvidia-cuda-nvrtc`); the wheels of torch for CUDA bring it along,
and so does the CUDA toolkit.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..bundle import bundled_folder
from .compile_errors import NVRTC, list_errors
from .source_text import KernelSource
from .toolchain import BuildError, find_cuda

__all__ = ["Cubin", "Nvrtc", "compile", "compile_source", "find_nvrtc"]

GET_NVRTC = f"{sys.executable} -m pip install nvidia-cuda-nvrtc"

# What a cell may use without an include; NVRTC itself knows size_t, assert and printf.
PRELUDE = """
typedef signed char int8_t; typedef short int16_t; typedef int int32_t; typedef long long int64_t;
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned uint32_t;
typedef unsigned long long uint64_t;
extern __shared__ __align__(16) unsigned char cpm_dynamic_shared[];
#define CPM_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(cpm_dynamic_shared)
"""


@dataclass(frozen=True)
class Cubin:
    """Machine code for one architecture, with the names that kernels have in it."""

    data: bytes
    names: dict[str, str]
    log: str  # warnings


class Nvrtc:
    """The library, loaded.

    Attributes:
        path: of the library; `version`: of CUDA, such as (13, 0).
    """

    def __init__(self, path: Path):
        # NVRTC looks for this one by name, and would not find it in the folder of a wheel.
        for builtins in sorted(path.parent.glob("libnvrtc-builtins*")):
            ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
        self.path = path
        self._library = ctypes.CDLL(str(path))
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = (major.value, minor.value)

    def _call(self, name: str, *arguments) -> None:
        error = getattr(self._library, name)(*arguments)
        if error:
            raise BuildError(
                f"{name} failed: {self._library.nvrtcGetErrorString(error).decode()} ({self.path})"
            )

    def _text(self, name: str, program: ctypes.c_void_p) -> bytes:
        """What a pair of functions such as nvrtcGetCUBINSize and nvrtcGetCUBIN tells."""
        size = ctypes.c_size_t()
        self._call(f"{name}Size", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(max(size.value, 1))
        self._call(name, program, text)
        return text.raw[: size.value]

    def compile(self, source: KernelSource, arch: str) -> Cubin:
        """Machine code of all kernels of a source.

        Raises:
            CompileError: with the source's own lines.
            BuildError: NVRTC itself failed, for example because it does not know the architecture.
        """
        constants = (bundled_folder("csrc") / "emulator" / "constants.h").read_text(encoding="utf-8")
        text = f'{PRELUDE}{constants.replace("#pragma once", "")}#line 1 "{source.label}"\n{source.with_dynamic_shared()}\n'
        folders = [*source.folders, bundled_folder("csrc")]
        options = [
            f"--gpu-architecture={arch}", "--std=c++17", "-default-device", "--generate-line-info",
            *(f"--include-path={folder}" for folder in folders),
        ]  # fmt: skip
        program = ctypes.c_void_p()
        self._call(
            "nvrtcCreateProgram", ctypes.byref(program), text.encode(), source.label.encode(), 0, None, None
        )
        try:
            for kernel in source.kernels:
                self._call("nvrtcAddNameExpression", program, kernel.name.encode())
            words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
            failed = self._library.nvrtcCompileProgram(program, len(options), words)
            log = self._text("nvrtcGetProgramLog", program).rstrip(b"\0").decode(errors="replace")
            if failed:
                reason = self._library.nvrtcGetErrorString(failed).decode()
                compiler = f"NVRTC {self.version[0]}.{self.version[1]}, {arch}"
                raise list_errors(log, NVRTC, source, compiler) or BuildError(f"{compiler}: {reason}\n{log}")
            return Cubin(self._text("nvrtcGetCUBIN", program), self._names(program, source), log)
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _names(self, program: ctypes.c_void_p, source: KernelSource) -> dict[str, str]:
        """A kernel that is not extern "C" has a longer name in the machine code."""
        names = {}
        for kernel in source.kernels:
            name = ctypes.c_char_p()
            self._call("nvrtcGetLoweredName", program, kernel.name.encode(), ctypes.byref(name))
            names[kernel.name] = name.value.decode()
        return names


def _candidates() -> Iterator[Path]:
    """Files that may be NVRTC: in the wheels beside torch, then in the toolkit."""
    for entry in sys.path:
        for pattern in ("nvidia/cu*/lib/libnvrtc.so.*", "nvidia/cuda_nvrtc/lib/libnvrtc.so.*"):
            yield from sorted(Path(entry).glob(pattern), reverse=True)
    toolkit = find_cuda()
    for folder in toolkit.libraries() if toolkit else ():
        yield from sorted(folder.glob("libnvrtc.so*"))


@lru_cache(maxsize=1)
def find_nvrtc() -> Nvrtc:
    """NVRTC, from the wheels beside torch or from the toolkit.

    Raises:
        BuildError: there is none, and how to get it.
    """
    failures = []
    for path in _candidates():
        try:
            return Nvrtc(path)
        except OSError as error:
            failures.append(f"; {path} cannot be loaded: {error}")
    raise BuildError(f"there is no NVRTC here; {GET_NVRTC}{''.join(failures)}")


def compile(source: str | Path, arch: str = "sm_90") -> bytes:
    """Machine code (a cubin) of all kernels of a source, for one architecture.

    Args:
        source: as of `lab.Kernel`.
        arch: such as "sm_80".

    Raises:
        CompileError: the source does not compile; lines and texts are the source's own.
        BuildError: there is no NVRTC, or it does not know the architecture.
    """
    return compile_source(KernelSource.read(source), arch).data


@lru_cache(maxsize=64)
def compile_source(source: KernelSource, arch: str) -> Cubin:
    """`compile` of a source that was read before; compiled once."""
    return find_nvrtc().compile(source, arch)
