"""Kernels without a fault, some of them close to one: no checker may raise an alarm."""

from __future__ import annotations

import torch
from planted_kernels import IN_OUT, Planted, floats, ints, kernel

SOUND = {
    "copy": Planted("", kernel("const int i = blockIdx.x * blockDim.x + t;\nif (i < n) out[i] = x[i];"), grid=4, arguments=(floats(200), floats(200), 200)),
    "in place": Planted("", kernel("out[t] = out[t] * 2 + x[t];"), arguments=IN_OUT),
    "neighbours after a barrier": Planted(
        "", kernel("__shared__ float s[64];\ns[t] = x[t];\n__syncthreads();\nout[t] = s[63 - t];"), arguments=IN_OUT
    ),
    "neighbours in a warp": Planted(
        "", kernel("__shared__ float s[64];\ns[t] = x[t];\n__syncwarp();\nout[t] = s[t ^ 31];"), arguments=IN_OUT
    ),
    "half warps": Planted(
        "",
        kernel("__shared__ float s[64];\ns[t] = x[t];\nconst unsigned half = t % 32 < 16 ? 0xffffu : 0xffff0000u;\n__syncwarp(half);\nout[t] = s[t ^ 15];"),
        arguments=IN_OUT,
    ),
    "reduction": Planted(
        "",
        kernel(
            """
__shared__ float s[256];
s[t] = t < n ? x[t] : 0;
__syncthreads();
for (int half = blockDim.x / 2; half > 0; half /= 2) {
  if (t < half) s[t] += s[t + half];
  __syncthreads();
}
if (t == 0) out[0] = s[0];
"""
        ),
        block=256, arguments=(floats(200), floats(1), 200),
    ),
    "warp reduction, last steps with __syncwarp": Planted(
        "",
        kernel(
            """
__shared__ float s[64];
s[t] = x[t];
__syncthreads();
if (t < 32)
  for (int half = 32; half > 0; half /= 2) {
    const float v = s[t] + s[t + half];
    __syncwarp();
    s[t] = v;
    __syncwarp();
  }
if (t == 0) out[0] = s[0];
"""
        ),
        block=64, arguments=IN_OUT,
    ),
    "tiled transpose": Planted(
        "",
        kernel(
            """
__shared__ float tile[8][9];
const int i = threadIdx.y;
tile[i][t] = x[(blockIdx.y * 8 + i) * n + blockIdx.x * 8 + t];
__syncthreads();
out[(blockIdx.x * 8 + i) * n + blockIdx.y * 8 + t] = tile[t][i];
"""
        ),
        grid=(2, 2), block=(8, 8), arguments=(floats(16, 16), floats(16, 16), 16),
    ),
    "histogram": Planted(
        "",
        kernel(
            """
__shared__ int local[8];
if (t < 8) local[t] = 0;
__syncthreads();
atomicAdd(&local[int(x[blockIdx.x * 64 + t] * 8)], 1);
__syncthreads();
if (t < 8) atomicAdd(&bins[t], local[t]);
""",
            "const float* x, int* bins",
        ),
        grid=2, arguments=(floats(128), ints(8)),
    ),
    "the last block adds up": Planted(
        "",
        kernel(
            """
__shared__ bool last;
partial[blockIdx.x * 32 + t] = x[t];
__threadfence();
__syncthreads();
if (t == 0) last = atomicAdd(ticket, 1) == gridDim.x - 1;
__syncthreads();
if (last) {
  float sum = 0;
  for (int b = 0; b < gridDim.x; ++b) sum += partial[b * 32 + t];
  partial[t] = sum;
}
""",
            "const float* x, float* partial, int* ticket",
        ),
        grid=4, block=32, arguments=(floats(64), floats(128), ints(1)),
    ),
    "the last block puts the counter back": Planted(
        "",
        kernel(
            """
if (t == 0) {
  partial[blockIdx.x] = x[blockIdx.x];
  __threadfence();
  if (atomicAdd(ticket, 1) == gridDim.x - 1) {
    __threadfence();
    float sum = 0;
    for (int b = 0; b < gridDim.x; ++b) sum += partial[b];
    partial[gridDim.x] = sum;
    *ticket = 0;
  }
}
""",
            "const float* x, float* partial, int* ticket",
        ),
        grid=4, block=32, arguments=(floats(64), floats(5), ints(1)),
    ),
    "a reduction of eight lanes": Planted(
        "", kernel("float v = x[t];\nif (t < 8)\n  for (int d = 4; d; d /= 2) v += __shfl_down_sync(0xff, v, d);\nif (t == 0) out[0] = v;"),
        arguments=IN_OUT,
    ),
    "lock": Planted(
        "",
        kernel(
            """
bool done = false;
while (!done) {
  if (atomicCAS(lock, 0, 1) == 0) {
    sum[0] += x[t];
    __threadfence();
    atomicExch(lock, 0);
    done = true;
  }
}
""",
            "const float* x, float* sum, int* lock",
        ),
        grid=2, arguments=(floats(64), lambda: torch.zeros(1), ints(1)),
    ),
    "neighbouring bfloat16": Planted(
        "", '#include "rules.h"\n' + kernel("cpm::store(out + t, x[t]);", "const float* x, cpm::bfloat16* out"),
        arguments=(floats(64), lambda: torch.zeros(64, dtype=torch.bfloat16)),
    ),
    "bytes": Planted(
        "", kernel("__shared__ unsigned char s[64];\ns[t] = out[t];\n__syncthreads();\nout[t] = s[63 - t];", "unsigned char* out"),
        arguments=(lambda: torch.zeros(64, dtype=torch.uint8),),
    ),
    "two dynamic arrays": Planted(
        "",
        kernel("extern __shared__ float s[];\nfloat* a = s;\nfloat* b = s + n;\na[t] = x[t];\nb[t] = 2 * x[t];\n__syncthreads();\nout[t] = a[63 - t] + b[t ^ 1];"),
        shared=512, arguments=IN_OUT,
    ),
    "votes": Planted(
        "",
        kernel(
            """
const unsigned some = __ballot_sync(0xffffffffu, x[t] > 0.5f);
if (x[t] > 0.5f) {
  const unsigned mask = __activemask();
  out[t] = __popc(some) + __shfl_sync(mask, t, __ffs(mask) - 1);
}
"""
        ),
        arguments=IN_OUT,
    ),
    "a warp that is not whole": Planted(
        "", kernel("float v = x[t];\nfor (int d = 4; d; d /= 2) v += __shfl_xor_sync(0xffffffffu, v, d);\nout[t] = v;"),
        block=40, arguments=IN_OUT,
    ),
    "ping-pong": Planted(
        "",
        kernel(
            """
__shared__ float s[2][64];
s[0][t] = x[t];
__syncthreads();
int now = 0;
for (int d = 1; d < 64; d *= 2) {
  s[1 - now][t] = s[now][t] + (t >= d ? s[now][t - d] : 0);
  now = 1 - now;
  __syncthreads();
}
out[t] = s[now][t];
"""
        ),
        arguments=IN_OUT,
    ),
}  # fmt: skip
