"""The package's own kernels under the microscope: no alarm at awkward sizes, and every output cell written."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from emulator_tools import require_compiler

from cpm_edu.bundle import bundled_folder
from cpm_edu.decoding_reference import gaussian_taps
from cpm_edu.kernels.lab import Kernel
from cpm_edu.kernels.signature import find_kernels

N, J = 2, 3
SIZES = [(17, 33), (46, 46), (5, 3), (1, 1)]
ARGMAX, LOG_PARABOLA, DARK = 0, 3, 4  # cpm::Method
WHOLE = math.inf

FILES = sorted(bundled_folder("csrc").glob("*.cuh"))
KERNELS = [(file.name, k.name) for file in FILES for k in find_kernels(file.read_text())]


@cache
def kernel(file: str, name: str) -> Kernel:
    return Kernel(file, name)


def dtype_of(name: str) -> torch.dtype:
    return torch.bfloat16 if name.endswith("bf16") else torch.float32


def people(size):
    torch.manual_seed(0)
    return torch.rand(N, J, 2) * torch.tensor([size[1], size[0]]), torch.ones(N, J)


def peaked_maps(shape, dtype):
    """Noise with one high cell in each map, away from the border where there is room."""
    torch.manual_seed(1)
    maps = 0.1 * torch.rand(shape)
    maps[..., shape[-2] // 2, shape[-1] // 2] = 1.0
    return maps.to(dtype)


def launches(name: str, size):
    """(grid, block, shared, *arguments) of launches that a kernel of csrc/ is made for."""
    height, width = size
    cells = height * width
    if name.startswith("gaussian_targets"):
        yield from target_launches(name, size, cells)
    elif "decode" in name:
        yield from decode_launches(name, size, cells)
    elif name.startswith("stage_loss_reduce"):
        yield 2, 64, 0, torch.rand(2, N * J), torch.full((2,), math.nan), N * J, 0.5
    elif name.startswith("stage_loss"):
        yield from loss_launches(name, size, cells)
    elif name.startswith("scale_stages"):
        maps = torch.rand(3, 37).to(dtype_of(name))
        yield 6, 64, 0, maps, 37, torch.tensor([2.0, 1.0, 0.5]), 2


def target_launches(name, size, cells):
    height, width = size
    centers, weights = people(size)
    inverse = 0.5 / 1.5**2
    if "_v2_" in name:
        out = torch.full((N, J, *size), math.nan)
        yield N * J, 64, 4 * (width + height), centers, weights, out, height, width, inverse, WHOLE
        return
    for maps in (J, J + 1):
        out = torch.full((N, maps, *size), math.nan, dtype=dtype_of(name))
        shape = (N, J, maps, height, width)
        if "_v1_" in name:
            yield -(-out.numel() // 64), 64, 0, centers, weights, out, *shape, inverse, 4.5
            continue
        rows = -(-height // 2)
        shared = 4 * (width + rows) * (J if maps > J else 1)
        yield (N * maps, -(-height // rows)), 64, shared, centers, weights, out, *shape, rows, inverse, WHOLE


def decode_launches(name, size, cells):
    height, width = size
    for method in (ARGMAX, LOG_PARABOLA, DARK):
        taps = torch.tensor(gaussian_taps(11)) if method == DARK else torch.ones(1)
        tail = (method, taps, len(taps) if method == DARK else 0)
        joints, scores = torch.full((N, J, 2), math.nan), torch.full((N, J), math.nan)
        maps, twin = (peaked_maps((N, J, *size), dtype_of(name)) for _ in range(2))
        permutation = torch.arange(J, dtype=torch.int32)
        last = "channels_last" in name
        if last:
            maps, twin = (m.permute(0, 2, 3, 1).contiguous() for m in (maps, twin))
            strides = (cells * J, J)
        elif "_v3_" in name:
            strides = (J * cells, cells)
        else:
            strides = (J * cells, cells, width, 1)
        read = (maps, *strides)
        if name.startswith("merge"):
            read = (*read, twin, *strides, permutation, 1)
        counted = "_v1_" in name or "_v3_" in name
        write = (joints, scores, *((N * J,) if counted else ()), J, height, width, *tail)
        warps = 2
        if last:
            yield (N, 1), 32 * warps, warps * decode_shared(method), *read, *write
        elif "_v1_" in name:
            yield 1, 64, 0, *read, *write
        elif "_v2_" in name:
            yield N * J, 64, decode_shared(method), *read, *write
        else:
            yield -(-N * J // warps), 32 * warps, warps * decode_shared(method), *read, *write


def decode_shared(method: int) -> int:
    """Bytes for one map: five blurred rows of num_taps + 4 cells and the 5 x 5 stencil."""
    return 4 * (5 * (11 + 4) + 25) if method == DARK else 0


def loss_launches(name, size, cells):
    height, width = size
    stages = 2
    centers, weights = people(size)
    inverse = 0.5 / 1.5**2
    for background in (0, 1):
        if background and "_v3_" not in name:
            continue
        channels = J + background
        maps = peaked_maps((stages, N, channels, *size), dtype_of(name))
        gradient = torch.full(maps.shape, math.nan, dtype=maps.dtype)
        loss_weights = torch.rand(stages, N, channels)
        partial = torch.full((stages, N * channels), math.nan)
        weighted = (loss_weights, N * channels, partial)
        if "tensor" in name:
            targets = torch.rand(N, channels, *size)
            yield (
                (N * channels, 1),
                64,
                0,
                maps,
                gradient,
                targets,
                0,
                *weighted,
                stages,
                N * channels,
                cells,
                0.5,
            )
        elif "_v1_" in name:
            tail = (stages, N * J, height, width, inverse, WHOLE, 0.5)
            yield 1, 64, 0, maps, gradient, centers, weights, *weighted, *tail
        elif "_v2_" in name:
            tail = (N * J, height, width, inverse, WHOLE, 0.5)
            shared = 4 * (width + height)
            yield stages * N * J, 64, shared, maps, gradient, centers, weights, *weighted, *tail
        else:
            tail = (stages, N, channels, height, width, inverse, WHOLE, 0.5)
            shared = 4 * (width + height) * (J if background else 1)
            yield (N * channels, 1), 64, shared, maps, gradient, centers, weights, J, *weighted, *tail


def outputs(kernel: Kernel):
    return [p.name for p in kernel.signature.parameters if p.pointer and not p.const]


@pytest.mark.parametrize(("file", "name"), KERNELS)
def test_no_alarm_on_our_own_kernels(file, name):
    require_compiler()
    tried = 0
    for size in SIZES:
        for number, (grid, block, shared, *arguments) in enumerate(launches(name, size)):
            order = ("forward", "reverse", "random")[(number + tried) % 3]
            trace = kernel(file, name).trace(grid, block, shared, *arguments, order=order, seed=number)
            assert not trace.faults, f"{size}, launch {number}, {order}:\n" + "\n".join(
                map(str, trace.faults)
            )
            if not name.startswith("scale_stages"):  # a factor of 1 leaves its stage alone
                for output in outputs(kernel(file, name)):
                    assert not len(trace.untouched(output)), f"{size}: cells of {output} were never written"
            tried += 1
    assert tried, f"say in `launches` how {name} is launched"


def test_there_are_kernels_to_look_at():
    assert len(KERNELS) >= 20
