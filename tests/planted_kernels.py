"""Kernels with a fault planted in the line marked `// FAULT`, two or more for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Planted:
    kind: str
    source: str
    grid: Any = 1
    block: Any = 64
    shared: int = 0
    arguments: tuple = ()  # (shape or values, dtype) for tensors, numbers as they are
    timeout_s: float = 20.0

    @property
    def line(self) -> int:
        """Line of the mark, counted from 1."""
        return next(n for n, text in enumerate(self.source.split("\n"), 1) if "FAULT" in text)

    def tensors(self) -> list:
        torch.manual_seed(0)
        return [a() if callable(a) else a for a in self.arguments]


def floats(*shape):
    return lambda: torch.rand(*shape)


def ints(*shape):
    return lambda: torch.zeros(*shape, dtype=torch.int32)


def kernel(body: str, parameters: str = "const float* x, float* out, int n") -> str:
    lines = "\n".join("  " + line for line in body.strip("\n").split("\n"))
    return f'extern "C" __global__ void k({parameters}) {{\n  const int t = threadIdx.x;\n{lines}\n}}'


IN_OUT = (floats(64), floats(64), 64)

PLANTED = [
    Planted("out-of-bounds-read", kernel("out[t] = x[t] + x[t + 1];  // FAULT"), arguments=IN_OUT),
    Planted(
        "out-of-bounds-read",
        kernel(
            """
const int y = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + t;
float sum = 0;
for (int dx = -1; dx <= 1; ++dx)
  sum += x[y * n + column + dx];  // FAULT
out[y * n + column] = sum / 3;
"""
        ),
        grid=(2, 2), block=(4, 4), arguments=(floats(8, 8), floats(8, 8), 8),
    ),
    Planted(
        "out-of-bounds-write",
        kernel("const int i = blockIdx.x * blockDim.x + t;\nif (i <= n) out[i] = 2 * x[i % n];  // FAULT"),
        grid=2, arguments=(floats(100), floats(100), 100),
    ),
    Planted(
        "out-of-bounds-write",
        kernel(
            """
float4* rows = reinterpret_cast<float4*>(out);
for (int i = t; i < (n + 3) / 4; i += blockDim.x)
  rows[i] = make_float4(x[0], x[1], x[2], x[3]);  // FAULT
"""
        ),
        arguments=(floats(46), floats(46), 46),
    ),
    Planted(
        "shared-out-of-bounds",
        kernel("__shared__ float s[64];\ns[t + 1] = x[t];  // FAULT\n__syncthreads();\nout[t] = t ? s[t] : 0;"),
        arguments=IN_OUT,
    ),
    Planted(
        "shared-out-of-bounds",
        kernel(
            """
extern __shared__ float s[];
for (int i = t; i < 2 * n; i += blockDim.x)
  s[i] = x[i % n];  // FAULT
__syncthreads();
out[t] = s[t];
"""
        ),
        shared=4 * 100, arguments=IN_OUT,
    ),
    Planted(
        "shared-out-of-bounds",
        "__device__ void put(float* s, int i, float v) {\n  s[i] = v;  // FAULT\n}\n"
        + kernel("__shared__ float s[60];\nput(s, t, x[t]);\n__syncthreads();\nout[t] = s[t / 2];"),
        arguments=IN_OUT,
    ),
    Planted(
        "local-out-of-bounds",
        kernel("float best[4];\nfor (int i = 0; i <= 4; ++i)\n  best[i] = x[i];  // FAULT\nout[t] = best[t % 4];"),
        arguments=IN_OUT,
    ),
    Planted(
        "local-out-of-bounds",
        kernel("const float taps[3] = {0.25f, 0.5f, 0.25f};\nout[t] = taps[t % n] * x[t];  // FAULT"),
        arguments=(floats(64), floats(64), 4),
    ),
    Planted(
        "uninitialised-shared",
        kernel(
            "__shared__ float s[64];\nif (t < 63) s[t] = x[t];\n__syncthreads();\nout[t] = s[63 - t];  // FAULT"
        ),
        arguments=IN_OUT,
    ),
    Planted(
        "uninitialised-shared",
        kernel("__shared__ int count;\nif (x[t] > 0.5f) atomicAdd(&count, 1);  // FAULT\n__syncthreads();\nout[t] = count;"),
        arguments=IN_OUT,
    ),
    Planted(
        "shared-race",
        kernel("__shared__ float s[64];\ns[t] = x[t];\nout[t] = s[t ^ 32];  // FAULT"), arguments=IN_OUT,
    ),
    Planted(
        "shared-race",
        kernel(
            """
__shared__ int count;
if (t == 0) count = 0;
__syncthreads();
if (t < 32) atomicAdd(&count, 1);
else out[t] = count;  // FAULT
"""
        ),
        arguments=IN_OUT,
    ),
    Planted(  # a second barrier is missing at the loop's end
        "shared-race",
        kernel(
            """
extern __shared__ float s[];
float sum = 0;
for (int part = 0; part < n; part += blockDim.x) {
  s[t] = x[part + t];  // FAULT
  __syncthreads();
  for (int i = 0; i < blockDim.x; ++i) sum += s[i];
}
out[t] = sum;
"""
        ),
        shared=256, arguments=(floats(128), floats(64), 128),
    ),
    Planted(
        "shared-race", kernel("__shared__ float s;\nif (t % 32 == 0) s = x[t];  // FAULT\n__syncthreads();\nout[t] = s;"),
        arguments=IN_OUT,
    ),
    Planted(
        "warp-race", kernel("__shared__ float s[64];\ns[t] = x[t];\nout[t] = s[t ^ 1];  // FAULT"), arguments=IN_OUT,
    ),
    Planted(  # a shuffle orders no memory
        "warp-race",
        kernel(
            """
__shared__ float s[64];
s[t] = x[t];
const float v = __shfl_xor_sync(0xffffffffu, x[t], 1);
out[t] = s[t ^ 2] + v;  // FAULT
"""
        ),
        arguments=IN_OUT,
    ),
    Planted(
        "warp-race",  # half of the warp syncs, the other half is read
        kernel(
            """
__shared__ float s[32];
s[t] = x[t];
if (t < 16) __syncwarp(0xffffu);
if (t < 16) out[t] = s[t + 16];  // FAULT
"""
        ),
        block=32, arguments=IN_OUT,
    ),
    Planted(
        "syncwarp-too-narrow",
        kernel("__shared__ float s[64];\ns[t] = x[t];\n__syncwarp();\nout[t] = s[63 - t];  // FAULT"),
        arguments=IN_OUT,
    ),
    Planted(
        "syncwarp-too-narrow",
        kernel(
            """
__shared__ float per_warp[2];
float v = x[t];
for (int lanes = 16; lanes; lanes /= 2) v += __shfl_xor_sync(0xffffffffu, v, lanes);
if (t % 32 == 0) per_warp[t / 32] = v;
__syncwarp();
if (t == 0) out[0] = per_warp[0] + per_warp[1];  // FAULT
"""
        ),
        arguments=IN_OUT,
    ),
    Planted(
        "global-race", kernel("out[t] = x[t];\nout[(t + 32) % n] += 1;  // FAULT"), arguments=IN_OUT,
    ),
    Planted(
        "global-race",
        kernel("for (int i = t; i < n; i += blockDim.x) out[i] = x[i];\nif (t == 0)\n  out[n] = out[n - 1];  // FAULT"),
        arguments=(floats(64), floats(65), 64),
    ),
    Planted(
        "cross-block-race",
        kernel("const int i = blockIdx.x * blockDim.x + t;\nout[i] = x[i];\nif (t == 0 && i > 0)\n  out[0] = out[i - 1];  // FAULT"),
        grid=2, block=32, arguments=IN_OUT,
    ),
    Planted(  # the ticket of "last block adds up", without its fence
        "cross-block-race",
        kernel(
            """
__shared__ bool last;
if (t == 0) {
  partial[blockIdx.x] = x[blockIdx.x];
  last = atomicAdd(ticket, 1) == gridDim.x - 1;
}
__syncthreads();
if (last && t == 0)
  for (int b = 0; b < gridDim.x; ++b)
    partial[gridDim.x] += partial[b];  // FAULT
""",
            "const float* x, float* partial, int* ticket",
        ),
        grid=4, block=32, arguments=(floats(64), lambda: torch.zeros(5), ints(1)),
    ),
    Planted("lost-update", kernel("out[0] += x[t];  // FAULT"), arguments=IN_OUT),
    Planted(
        "lost-update",
        kernel("const int bin = x[t] * 8;\nbins[bin] = bins[bin] + 1;  // FAULT", "const float* x, int* bins"),
        grid=2, arguments=(floats(128), ints(8)),
    ),
    Planted(
        "divergent-barrier",
        kernel("__shared__ float s[64];\ns[t] = x[t];\nif (t < 32) __syncthreads();  // FAULT\nelse __syncthreads();\nout[t] = s[63 - t];"),
        arguments=IN_OUT,
    ),
    Planted(
        "divergent-barrier",
        kernel(
            """
float sum = 0;
for (int i = 0; i < t / 32 + 1; ++i) {
  sum += x[i];
  __syncthreads();  // FAULT
}
__syncthreads();
out[t] = sum;
"""
        ),
        arguments=IN_OUT,
    ),
    Planted(
        "barrier-after-exit",
        kernel("__shared__ float s[64];\nif (t >= n) return;\ns[t] = x[t];\n__syncthreads();  // FAULT\nout[t] = s[n - 1 - t];"),
        arguments=(floats(50), floats(50), 50),
    ),
    Planted(
        "barrier-after-exit",
        kernel("if (x[t] > 0.9f) return;\nconst int alive = __syncthreads_count(1);  // FAULT\nout[t] = alive;"),
        arguments=IN_OUT,
    ),
    Planted(
        "divergent-warp",
        kernel("float v = x[t];\nif (t % 32 < 16)\n  v += __shfl_down_sync(0xffffffffu, v, 8);  // FAULT\n__syncthreads();\nout[t] = v;"),
        arguments=IN_OUT,
    ),
    Planted(
        "divergent-warp",
        kernel("int some;\nif (t & 1)\n  some = __ballot_sync(0xffffffffu, x[t] > 0);  // FAULT\nelse\n  some = __any_sync(0xffffffffu, x[t] > 0);\nout[t] = some;"),
        arguments=IN_OUT,
    ),
    Planted(
        "lane-not-in-mask", kernel("float v = x[t];\nv += __shfl_down_sync(0xffffu, v, 8);  // FAULT\nout[t] = v;"),
        arguments=IN_OUT,
    ),
    Planted("lane-not-in-mask", kernel("out[t] = x[t];\n__syncwarp(1u << (t % 16));  // FAULT"), arguments=IN_OUT),
    Planted(
        "write-to-input", kernel("float* y = const_cast<float*>(x);\ny[t] = 0;  // FAULT\nout[t] = y[t];"),
        arguments=IN_OUT,
    ),
    Planted("write-to-input", kernel("atomicAdd((float*)(x + t % 8), out[t]);  // FAULT"), arguments=IN_OUT),
    Planted(
        "misaligned",
        kernel("const float4 four = *reinterpret_cast<const float4*>(x + t);  // FAULT\nout[t] = four.x + four.w;"),
        block=32, arguments=IN_OUT,
    ),
    Planted(
        "misaligned",
        kernel("float2* rows = reinterpret_cast<float2*>(out + t * n);\nrows[0] = make_float2(x[0], x[1]);  // FAULT"),
        block=8, arguments=(floats(64), floats(64), 5),
    ),
    Planted("wild-pointer", kernel("out[t] = x[t];  // FAULT"), arguments=(None, floats(64), 64)),
    Planted("wild-pointer", kernel("float* far = out + (1ll << 33);\nfar[t] = x[t];  // FAULT"), arguments=IN_OUT),
    Planted(
        "stack-overflow",
        "__device__ float sum(const float* x, int n) {\n  volatile float keep[64];\n"
        "  return (keep[n % 64] = x[n % 64]) + sum(x, n + 1) + keep[n % 60];  // FAULT\n}\n" + kernel("out[t] = sum(x, t);"),
        arguments=IN_OUT,
    ),
    Planted(
        "division-by-zero", kernel("const int columns = n / 128;\nout[t] = x[t / columns];  // FAULT"), arguments=IN_OUT,
    ),
    Planted("division-by-zero", kernel("out[t] = x[n % t];  // FAULT"), arguments=IN_OUT),
    Planted(
        "integer-overflow",
        kernel("const int i = (blockIdx.x + 1) * n;\nconst int cell = i * n;  // FAULT\nif (cell == t) out[t] = x[t];"),
        arguments=(floats(64), floats(64), 50000),
    ),
    Planted(
        "integer-overflow",
        kernel("int last = n;\nlast += 2147483600;  // FAULT\nif (t < last) out[t] = x[t];"), arguments=IN_OUT,
    ),
    Planted(
        "endless-loop", kernel("unsigned i = t;\nwhile (i != n) i += 2;  // FAULT\nout[t] = i;", "float* out, int n"),
        block=2, arguments=(floats(64), 63), timeout_s=0.4,
    ),
    Planted(
        "endless-loop",
        kernel("volatile float* flag = out;\nif (t == 0)\n  while (flag[1] == 0) {}  // FAULT\nelse flag[1] = x[1];"),
        block=2, arguments=(floats(64), lambda: torch.zeros(64), 64), timeout_s=0.4,
    ),
    Planted("assertion", kernel("assert(x[t] < 0.5f);  // FAULT\nout[t] = x[t];"), arguments=IN_OUT),
    Planted("assertion", kernel("if (n != 63)\n  __trap();  // FAULT\nout[t] = x[t];"), arguments=IN_OUT),
]  # fmt: skip
