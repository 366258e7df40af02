"""CUDA's own functions in the emulator, against numbers worked by hand and against torch."""

from __future__ import annotations

import pytest
import torch
from emulator_tools import compilers, require_compiler

from cpm_edu.kernels.lab import Kernel

pytestmark = pytest.mark.cpp


@pytest.fixture(params=compilers() or ["no compiler"])
def run(request):
    require_compiler()

    def run(code, out, *arguments, parameters="float* out", threads=None):
        text = f'#include "rules.h"\nextern "C" __global__ void k({parameters}) {{ const int t = threadIdx.x;\n{code}\n}}'
        Kernel(text, compiler=request.param).launch(1, threads or len(out), 0, out, *arguments)
        return out.tolist()

    return run


def ints(n):
    return torch.zeros(n, dtype=torch.int32)


def test_shuffles_by_hand(run):
    code = """
    const unsigned all = 0xffffffffu;
    out[t] = __shfl_sync(all, t, 5);
    out[32 + t] = __shfl_up_sync(all, t, 3);
    out[64 + t] = __shfl_down_sync(all, t, 3);
    out[96 + t] = __shfl_xor_sync(all, t, 6);
    out[128 + t] = __shfl_down_sync(all, t, 2, 8);
    out[160 + t] = __shfl_sync(all, t, 9, 8);
    out[192 + t] = __shfl_up_sync(all, t, 2, 8);
    out[224 + t] = __shfl_xor_sync(all, t, 8, 8);
    """
    lanes = range(32)
    out = run(code, ints(256), parameters="int* out", threads=32)
    assert out[:32] == [5] * 32
    assert out[32:64] == [max(t - 3, 0) if t >= 3 else t for t in lanes]
    assert out[64:96] == [t + 3 if t + 3 < 32 else t for t in lanes]
    assert out[96:128] == [t ^ 6 for t in lanes]
    assert out[128:160] == [t + 2 if t % 8 + 2 < 8 else t for t in lanes], "groups of 8"
    assert out[160:192] == [t // 8 * 8 + 1 for t in lanes], "9 modulo 8 is lane 1 of each group"
    assert out[192:224] == [t - 2 if t % 8 >= 2 else t for t in lanes]
    # CUDA C++ Programming Guide: a lane may read from a group before its own, but not from one behind it
    assert out[224:256] == [t ^ 8 if (t ^ 8) < t else t for t in lanes]


def test_shuffles_move_eight_bytes(run):
    code = "out[t] = __shfl_xor_sync(0xffffffffu, 1.5 * t, 1); out[32 + t] = __shfl_sync(0xffffffffu, 1ll << t, 31);"
    out = run(code, torch.zeros(64, dtype=torch.float64), parameters="double* out", threads=32)
    assert out[:3] == [1.5, 0.0, 4.5]
    assert out[32] == 2.0**31


def test_value_of_an_absent_lane_is_not_to_be_used(run):
    out = run("out[t] = __shfl_sync(0xffffffffu, 1.0f, 20);", torch.zeros(16))
    assert all(v != v for v in out), "a block of 16 has no lane 20: NaN here, anything on a GPU"


def test_votes_and_matches(run):
    code = """
    const unsigned all = 0xffffffffu;
    out[t] = __ballot_sync(all, t % 2);
    out[32 + t] = __any_sync(all, t == 7) + 2 * __all_sync(all, t < 32) + 4 * __any_sync(all, t > 40) + 8 * __all_sync(all, t);
    out[64 + t] = __match_any_sync(all, t / 16);
    int same; out[96 + t] = __match_all_sync(all, 3, &same) & 0xff; out[96 + t] += 1000 * same;
    out[128 + t] = __reduce_add_sync(all, unsigned(t)); out[160 + t] = __reduce_min_sync(all, -t);
    out[192 + t] = __reduce_max_sync(all, -t); out[224 + t] = __reduce_or_sync(all, 1u << (t % 4));
    """
    out = run(code, ints(256), parameters="int* out", threads=32)
    assert out[0] & 0xFFFFFFFF == 0xAAAAAAAA
    assert out[32] == 1 + 2
    assert out[64] == 0xFFFF
    assert out[80] & 0xFFFFFFFF == 0xFFFF0000
    assert out[96] == 1255
    assert (out[128], out[160], out[192], out[224]) == (496, -31, 0, 15)


def test_a_group_of_lanes_talks_alone(run):
    code = """
    out[t] = -1;
    if (t < 8) out[t] = __shfl_xor_sync(0xffu, t, 1);
    if (t >= 24) out[t] = __popc(__ballot_sync(0xff000000u, 1));
    """
    out = run(code, ints(32), parameters="int* out")
    assert out[:8] == [1, 0, 3, 2, 5, 4, 7, 6]
    assert out[24:] == [8] * 8


def test_active_mask_is_who_came_along(run):
    code = (
        "if (t % 4 == 1)\n  out[t] = __popc(__activemask());\nelse\n  out[t] = 100 + __popc(__activemask());"
    )
    out = run(code, ints(32), parameters="int* out")
    assert out == [8 if t % 4 == 1 else 124 for t in range(32)]


def test_block_votes(run):
    code = "out[t] = __syncthreads_count(t % 3 == 0) + 1000 * __syncthreads_and(t < 64) + 2000 * __syncthreads_or(t == 63);"
    assert set(run(code, ints(64), parameters="int* out")) == {22 + 1000 + 2000}


def test_atomics(run):
    code = """
    atomicAdd(out, t); atomicSub(out + 1, 1); atomicMax(out + 2, t); atomicMin(out + 3, -t); atomicOr(out + 4, 1 << t % 5);
    atomicXor(out + 5, 1); atomicInc((unsigned*)out + 6, 9); atomicDec((unsigned*)out + 7, 9); atomicExch(out + 8, 77);
    if (atomicCAS(out + 9, 0, t + 1) == 0) out[10] = out[9];
    atomicAnd(out + 11, t);
    """
    out = run(code, ints(12), parameters="int* out", threads=64)
    assert out[:6] == [2016, -64, 63, -63, 31, 0]
    assert out[6] == 64 % 10
    assert out[7] == (-64) % 10
    assert out[8] == 77
    assert out[9] == out[10] != 0


def test_float_atomics_and_conversion(run):
    assert run(
        "atomicAdd(out, 1); atomicAdd(out + 1, 0.5f); atomicMax((int*)out + 2, t);",
        torch.zeros(3),
        threads=32,
    )[:2] == [32, 16]


def test_vectors(run):
    code = """
    const float4 a = reinterpret_cast<const float4*>(x)[t];
    reinterpret_cast<float4*>(out)[t] = make_float4(a.w, a.z, a.y, a.x);
    reinterpret_cast<float2*>(out)[4 + t] = float2{a.x + 1, a.y};
    const int2 pair = make_int2(t, 2); const uint4 four = make_uint4(1, 2, 3, 4); const float3 three = make_float3(1, 2, 3);
    out[12 + t] = pair.x + pair.y + four.w + three.z;
    """
    x = torch.arange(8.0)
    out = run(code, torch.zeros(14), x, parameters="float* out, const float* x", threads=2)
    assert out == [3, 2, 1, 0, 7, 6, 5, 4, 1, 1, 5, 5, 9, 10]


def test_functions_agree_with_torch(run):
    names = (
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "sin",
        "cos",
        "tanh",
        "erf",
        "floor",
        "ceil",
        "round",
        "log2",
        "exp2",
    )
    x = torch.linspace(0.1, 3, 64)
    lines = [
        f"out[{2 * i} * 64 + t] = {n}f(x[t]); out[{2 * i + 1} * 64 + t] = {n}(x[t]);"
        for i, n in enumerate(names)
    ]
    parameters = "float* out, const float* x"
    out = run("\n".join(lines), torch.zeros(len(names) * 128), x, parameters=parameters, threads=64)
    out = torch.tensor(out).view(len(names), 2, 64)
    assert torch.equal(out[:, 0], out[:, 1]), "exp of a float is expf, not the double function"
    expected = torch.stack([getattr(torch, name)(x) for name in names])
    torch.testing.assert_close(out[:, 0], expected, rtol=2e-6, atol=1e-6)


def test_minimum_and_maximum(run):
    code = """
    out[0] = fmaxf(nanf_, 2); out[1] = max(nanf_, 3.0f); out[2] = min(-1, 4); out[3] = max(2u, 1); out[4] = min(1.5, 2.5f);
    out[5] = max(3ll, 2); out[6] = abs(-2.5f) + fabsf(-1); out[7] = __saturatef(2) + __saturatef(-1);
    """
    out = run("const float nanf_ = __uint_as_float(0x7fc00000u);" + code, torch.zeros(8), threads=1)
    assert out == [2, 3, -1, 2, 1.5, 3, 3.5, 1]


def test_bits(run):
    code = """
    out[0] = __float_as_int(1.0f); out[1] = __popc(255u); out[2] = __clz(1); out[3] = __ffs(8); out[4] = __brev(1u) >> 24;
    out[5] = __mulhi(1 << 20, 1 << 20); out[6] = __float2int_rn(2.5f); out[7] = __float2int_rz(-2.7f);
    out[8] = int(__int_as_float(0x40000000)); out[9] = __funnelshift_l(0x80000000u, 1u, 1);
    """
    out = run(code, ints(10), parameters="int* out", threads=1)
    assert out == [0x3F800000, 8, 31, 4, 128, 256, 2, -2, 2, 3]


def test_products_are_not_fused(run):
    x = torch.tensor([1 + 2.0**-12, -1 - 2.0**-11])
    code = "out[0] = x[0] * x[0] + x[1]; out[1] = __fmaf_rn(x[0], x[0], x[1]); out[2] = __fadd_rn(__fmul_rn(x[0], x[0]), x[1]);"
    out = run(code, torch.zeros(3), x, parameters="float* out, const float* x", threads=1)
    assert out == [0.0, 2.0**-24, 0.0]


def test_bfloat16_of_the_rules(run):
    out = torch.zeros(4, dtype=torch.bfloat16)
    x = torch.tensor([1.0, 1.00390625, float("nan"), 1e38])
    run("cpm::store(out + t, x[t]);", out, x, parameters="cpm::bfloat16* out, const float* x")
    assert torch.equal(out.isnan(), torch.tensor([False, False, True, False]))
    assert torch.equal(out[[0, 1, 3]], x[[0, 1, 3]].bfloat16())


def test_device_and_constant_variables(run):
    code = 'static_assert(warpSize == 32, ""); out[t] = table[t % 3] + counter;'
    text = "__constant__ float table[3] = {1, 2, 3};\n__device__ float counter = 10;\n"
    Kernel(text + f"__global__ void k(float* out) {{ const int t = threadIdx.x; {code} }}").launch(
        1, 4, 0, out := torch.zeros(4)
    )
    assert out.tolist() == [11, 12, 13, 11]
