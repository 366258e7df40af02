"""csrc/launchers.cu on the CPU: its choice of kernel, grid and block, and the kernels under the emulator.

`EmulatedDevice` has the ops of cpm_ops.h as methods over CPU tensors, and notes what was launched. Outputs lie
between two strips of memory that no kernel may touch.
"""

from __future__ import annotations

import ctypes
import math
from collections import namedtuple
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from cpm_edu.bundle import bundled_folder
from cpm_edu.kernels.build import shared_library
from cpm_edu.kernels.emulated import KERNEL, load_runtime, runtime_library
from cpm_edu.kernels.lab import Kernel

__all__ = ["METHODS", "Decoder", "EmulatedDevice", "Fenced", "Gaussians", "as_maps", "kernel"]

METHODS = {"argmax": 0, "quarter": 1, "msra": 2, "log_parabola": 3, "dark": 4}  # cpm::Method
ORDERS = {"forward": 0, "reverse": 1, "random": 2}
DTYPES = {torch.float32: 0, torch.bfloat16: 1}
STRIP = 96  # cells on either side of an output
UNTOUCHED = -12345.0

Launched = namedtuple("Launched", "kernel grid block shared")


class Gaussians(ctypes.Structure):
    _fields_ = (
        ("centers", ctypes.c_void_p), ("weights", ctypes.c_void_p), ("N", ctypes.c_int64), ("J", ctypes.c_int),
        ("H", ctypes.c_int), ("W", ctypes.c_int), ("sigma", ctypes.c_float), ("reach", ctypes.c_float),
        ("background", ctypes.c_bool),
    )  # fmt: skip


class Maps(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p), ("dtype", ctypes.c_int), ("N", ctypes.c_int64), ("J", ctypes.c_int),
        ("H", ctypes.c_int), ("W", ctypes.c_int), ("strides", ctypes.c_int64 * 4),
    )  # fmt: skip


class Decoder(ctypes.Structure):
    _fields_ = (("method", ctypes.c_int), ("taps", ctypes.c_void_p), ("num_taps", ctypes.c_int))


class Mirrored(ctypes.Structure):
    _fields_ = (("maps", Maps), ("permutation", ctypes.c_void_p), ("shift", ctypes.c_bool))


class StageLoss(ctypes.Structure):
    _fields_ = (
        ("maps", ctypes.c_void_p), ("gradient", ctypes.c_void_p), ("dtype", ctypes.c_int), ("T", ctypes.c_int64),
        ("N", ctypes.c_int64), ("C", ctypes.c_int), ("H", ctypes.c_int), ("W", ctypes.c_int),
        ("targets", ctypes.c_void_p), ("target_stride_t", ctypes.c_int64), ("gaussians", ctypes.c_void_p),
        ("weights", ctypes.c_void_p), ("weight_stride_t", ctypes.c_int64), ("scale", ctypes.c_float),
    )  # fmt: skip


class Fenced:
    """A tensor full of NaN between two strips that must stay as they are; `offset` cells off a boundary."""

    def __init__(self, shape, dtype=torch.float32, offset: int = 0):
        count = math.prod(shape)
        self.memory = torch.full((count + 2 * STRIP,), UNTOUCHED, dtype=dtype)
        self.tensor = self.memory[STRIP + offset : STRIP + offset + count].view(shape).fill_(math.nan)
        self.before, self.after = self.memory[: STRIP + offset], self.memory[STRIP + offset + count :]

    def checked(self) -> Tensor:
        strips = torch.cat([self.before, self.after]).float()
        assert (strips == torch.tensor(UNTOUCHED, dtype=self.memory.dtype).float()).all(), (
            "a kernel wrote outside its output"
        )
        return self.tensor


def as_maps(maps: Tensor) -> Maps:
    N, J, H, W = maps.shape
    return Maps(maps.data_ptr(), DTYPES[maps.dtype], N, J, H, W, (ctypes.c_int64 * 4)(*maps.stride()))


class EmulatedDevice:
    """launchers.cu as an H100 would run it, as far as the emulator goes.

    Raises:
        BuildError: there is no C++ compiler.
    """

    def __init__(self):
        here, csrc = Path(__file__).parent / "emulated", bundled_folder("csrc")
        runtime = runtime_library()
        # the text of launchers.cu comes in by #include; KERNEL would include CUDA's words too early
        flags = [flag for flag in KERNEL if flag not in ("-include", "cuda_emulator.h")]
        path = shared_library(
            "launchers", [here / "launchers_emulated.cpp", csrc / "emulator" / "shared_pad.cpp"], include=[here, csrc],
            flags=[*flags, "-O2", "-fwrapv"], link_flags=[str(runtime), "-lm"],
        )  # fmt: skip
        self.runtime = load_runtime(runtime)
        self.library = ctypes.CDLL(str(path))
        self.library.emulated_kernel.restype = self.library.cpm_cuda_error.restype = ctypes.c_char_p
        self.order = "forward"
        self.dry = False  # choose a kernel and a grid, and launch nothing

    def _call(self, op: str, *arguments) -> None:
        self.library.emulated_begin(ORDERS[self.order], int(self.dry))
        error = getattr(self.library, op)(*arguments, None)
        if error:
            raise RuntimeError("; ".join([self.library.cpm_cuda_error(error).decode(), *self._faults()]))

    def _faults(self) -> list[str]:
        count = ctypes.c_int()
        faults = self.runtime.cpm_emulator_faults(ctypes.byref(count))
        return [
            f"{f.kind.decode()}: block {tuple(f.block)} thread {tuple(f.thread)} {f.text.decode()}"
            for f in faults[: count.value]
        ]

    @property
    def launched(self) -> list[Launched]:
        """The kernels of the last call, in order."""
        launches = []
        for i in range(self.library.emulated_launches()):
            numbers = (ctypes.c_uint * 5)()
            self.library.emulated_launch(i, numbers)
            name = self.library.emulated_kernel(i).decode()
            launches.append(Launched(name, tuple(numbers[:3]), numbers[3], numbers[4]))
        return launches

    @property
    def kernels(self) -> list[str]:
        return [launch.kernel for launch in self.launched]

    def gaussian_targets(
        self,
        centers,
        weights,
        size,
        sigma,
        *,
        reach=math.inf,
        background=False,
        dtype=torch.float32,
        offset=0,
    ) -> Tensor:
        N, J = weights.shape
        out = Fenced((N, J + background, *size), dtype, offset)
        g = Gaussians(centers.data_ptr(), weights.data_ptr(), N, J, *size, sigma, reach, background)
        self._call(
            "cpm_cuda_gaussian_targets",
            ctypes.byref(g),
            ctypes.c_void_p(out.tensor.data_ptr()),
            DTYPES[dtype],
        )
        return out.checked()

    def decode(
        self, maps, method, taps=(), mirrored=None, permutation=None, shift=False
    ) -> tuple[Tensor, Tensor]:
        taps = torch.tensor(taps, dtype=torch.float32)
        joints, scores = Fenced((*maps.shape[:2], 2)), Fenced(maps.shape[:2])
        view, decoder = as_maps(maps), Decoder(METHODS[method], taps.data_ptr(), len(taps))
        back = None
        if mirrored is not None:
            permutation = torch.tensor(permutation, dtype=torch.int32)
            back = ctypes.byref(Mirrored(as_maps(mirrored), permutation.data_ptr(), shift))
        self._call(
            "cpm_cuda_decode", ctypes.byref(view), back, ctypes.byref(decoder),
            ctypes.c_void_p(joints.tensor.data_ptr()), ctypes.c_void_p(scores.tensor.data_ptr()),
        )  # fmt: skip
        return joints.checked(), scores.checked()

    def stage_loss(
        self, maps, weights, scale, *, targets=None, centers=None, drawn=None, sigma=1.0, reach=math.inf,
        background=False, with_gradient=True, offset=0,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        T, N, C, H, W = maps.shape
        gradient = Fenced(maps.shape, maps.dtype, offset) if with_gradient else None
        losses, partial = Fenced((T,)), Fenced((T, N * C))
        gaussians, stride = None, 0
        if targets is None:
            gaussians = Gaussians(
                centers.data_ptr(), drawn.data_ptr(), N, C - background, H, W, sigma, reach, background
            )
        elif targets.ndim == 5:
            stride = N * C * H * W
        loss = StageLoss(
            maps.data_ptr(), gradient.tensor.data_ptr() if gradient else None, DTYPES[maps.dtype], T, N, C, H, W,
            None if targets is None else targets.data_ptr(), stride,
            None if gaussians is None else ctypes.addressof(gaussians),
            weights.data_ptr(), N * C if weights.ndim == 3 else 0, scale,
        )  # fmt: skip
        self._call(
            "cpm_cuda_stage_loss", ctypes.byref(loss), ctypes.c_void_p(partial.tensor.data_ptr()),
            ctypes.c_void_p(losses.tensor.data_ptr()),
        )  # fmt: skip
        partial.checked()
        return losses.checked(), gradient.checked() if gradient else None

    def scale_stages(self, maps, factors, offset=0) -> Tensor:
        T = maps.shape[0]
        fenced = Fenced(maps.shape, maps.dtype, offset)
        fenced.tensor.copy_(maps)
        size = ctypes.c_int64(maps.numel() // T if T else 0)
        self._call(
            "cpm_cuda_scale_stages", ctypes.c_void_p(fenced.tensor.data_ptr()), DTYPES[maps.dtype], ctypes.c_int64(T),
            size, ctypes.c_void_p(factors.data_ptr()),
        )  # fmt: skip
        return fenced.checked()


@lru_cache
def kernel(file: str, name: str) -> Kernel:
    """A kernel of csrc/, to be launched by hand: the rungs of a ladder that launchers.cu has no use for."""
    return Kernel(file, name)
