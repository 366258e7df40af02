"""What a student meets in a first hour: own macros, headers and constants, and the words of messages."""

from __future__ import annotations

import math
import string

import pytest
import torch
from emulator_tools import CONSTANTS, compilers, require_compiler

from cpm_edu.kernels.lab import Kernel, KernelFault

pytestmark = pytest.mark.cpp

MACROS = (
    *string.ascii_uppercase, "i", "j", "k", "l", "m", "n", "x", "y", "z", "w", "SIZE", "BLOCK", "TILE",
    "min_", "max_", "name", "how", "kind", "arguments", "value", "type", "lane", "mask", "source",
    "file", "line", "block_size", "grid_size", "thread_index", "block_index", "dynamic_shared", "launch",
    "stop", "program", "kernel", "call", "spread", "Value", "Numbers", "Caller", "Program", "Parameters",
    "condition", "address", "old",
)  # fmt: skip


@pytest.fixture(params=compilers() or ["no compiler"])
def compiler(request):
    require_compiler()
    return request.param


def kernel(body: str, parameters: str = "float* out", compiler: str | None = None) -> Kernel:
    return Kernel(
        f'extern "C" __global__ void knl({parameters}) {{\n  const int t_ = threadIdx.x;\n{body}\n}}',
        compiler=compiler,
    )


def test_own_macros_do_not_reach_the_emulator(compiler):
    body = """extern __shared__ float sh_[]; __shared__ float st_[4]; assert(t_ < 4); sh_[t_] = st_[t_] = t_; __syncthreads();
    out[t_] = sh_[3 - t_] + st_[t_] + atomicAdd(out + t_, 0.0f) + N + int(blockDim_()) + int(gridDim_());"""
    helpers = "__device__ int blockDim_() { return sizeof(blockDim) > 0; } __device__ int gridDim_() { return sizeof(gridDim) > 0; }"
    text = "\n".join(f"#define {name} 8" for name in MACROS)
    source = f'{text}\n{helpers}\nextern "C" __global__ void knl(float* out) {{ const int t_ = threadIdx.\n#undef x\nx;\n{body}\n}}'
    out = torch.zeros(4)
    Kernel(source, compiler=compiler).launch(1, 4, 16, out)
    assert out.tolist() == [3 + 8 + 2] * 4


@pytest.mark.parametrize(
    "header", ["cfloat", "climits", "math.h", "cmath", "math_constants.h", "cuda_runtime.h", "stdio.h"]
)
def test_known_headers_are_there_already(header):
    require_compiler()
    out = torch.zeros(1)
    Kernel(f"#include <{header}>\n__global__ void k(float* out) {{ out[0] = 3; }}").launch(1, 1, 0, out)
    assert out.tolist() == [3]


@pytest.mark.parametrize("header", ["cuda_fp16.h", "cooperative_groups.h"])
def test_headers_that_are_missing_are_told(header):
    with pytest.raises(ValueError, match="not available in the emulator"):
        Kernel(f"#include <{header}>\n__global__ void k(float* out) {{ }}")


def test_constants(compiler):
    out = torch.zeros(len(CONSTANTS), dtype=torch.float64)
    body = "\n".join(f"out[{i}] = {name};" for i, name in enumerate(CONSTANTS))
    kernel(body, "double* out", compiler).launch(1, 1, 0, out)
    single = torch.finfo(torch.float32)
    known = [
        math.inf,
        math.nan,
        single.max,
        single.tiny,
        single.eps,
        2**31 - 1,
        -(2**31),
        2**32 - 1,
        math.pi,
        math.inf,
        math.nan,
    ]
    assert torch.equal(out.nan_to_num(7), torch.tensor(known, dtype=torch.float64).nan_to_num(7))


def test_own_constants_win(compiler):
    out = torch.zeros(1)
    source = (
        "#define FLT_MAX 2.0f\n#define M_PI 3\n__global__ void k(float* out) { out[0] = FLT_MAX + M_PI; }"
    )
    Kernel(source, compiler=compiler).launch(1, 1, 0, out)
    assert out.tolist() == [5]


def test_tensor_for_shared_is_told_by_its_shape():
    with pytest.raises(TypeError, match=r"got a tensor of shape \(1000,\)$"):
        kernel("").launch(1, 1, torch.zeros(1000))


def test_trace_and_faults_print_short():
    require_compiler()
    trace = kernel("out[t_ + 1] = t_;").trace(2, 8, 0, torch.zeros(8))
    assert str(trace).startswith("knl: grid 2, block 8, 16 accesses\n  <")
    assert len(str(trace)) < 600
    assert "out-of-bounds-write: block (0) thread (7) writes out[8]" in str(trace.faults)
    assert "line 3: out[t_ + 1] = t_;" in str(trace.faults)
    assert "no fault found" in str(kernel("out[t_] = t_;").trace(1, 8, 0, torch.zeros(8)))


def test_far_pointer_is_wild(compiler):
    with pytest.raises(KernelFault, match="wild-pointer"):
        kernel("out[1LL << 40] = 1; out[t_] = 2;", compiler=compiler).launch(1, 1, 0, torch.zeros(8))
    with pytest.raises(KernelFault, match="wild-pointer"):
        kernel("out[1LL << 50] = 1; out[t_] = 2;", compiler=compiler).launch(1, 1, 0, torch.zeros(8))
    with pytest.raises(KernelFault, match="misaligned"):
        kernel("*reinterpret_cast<float4*>(out + 1) = make_float4(1, 2, 3, 4);", compiler=compiler).launch(
            1, 1, 0, torch.zeros(8)
        )


def test_trap_is_told(compiler):
    with pytest.raises(KernelFault, match=r"assertion.*__builtin_trap"):
        kernel("if (out[0] == 0) __builtin_trap(); out[t_] = 1;", compiler=compiler).launch(
            1, 1, 0, torch.zeros(8)
        )


def test_barrier_in_a_branch_blames_nobody_for_leaving():
    require_compiler()
    with pytest.raises(KernelFault, match=r"divergent-barrier.*32 of the block's 64 threads went past it"):
        kernel("if (t_ < 32) __syncthreads();").launch(1, 64, 0, torch.zeros(8))
    with pytest.raises(KernelFault, match=r"barrier-after-exit.*have left the kernel"):
        kernel("if (t_ < 32) return;\n__syncthreads();").launch(1, 64, 0, torch.zeros(8))


def test_overflow_of_a_doubled_number_is_no_product(compiler):
    (fault,) = (
        kernel("int i = n; i = i + i;\nout[0] = i;", "float* out, int n", compiler)
        .trace(1, 1, 0, torch.zeros(1), 2**30)
        .faults
    )
    assert fault.kind == "integer-overflow"
    assert "product" not in fault.text


def test_overlap_of_arguments_is_named():
    require_compiler()
    x = torch.zeros(8)
    (fault,) = kernel("out[t_] = x[t_];", "const float* x, float* out").trace(1, 4, 0, x[:4], x[2:6]).faults
    assert fault.kind == "write-to-input"
    assert (
        "writes x[2], which the kernel takes as const; it is out[0] too: the two tensors share memory"
        in fault.text
    )
