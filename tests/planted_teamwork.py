"""Planted faults of threads that work together: reductions, tiles, shuffles, tickets."""

from __future__ import annotations

from planted_kernels import IN_OUT, Planted, floats, ints, kernel

TEAMWORK = [
    Planted(  # the loop's barrier is missing
        "shared-race",
        kernel(
            """
__shared__ float s[256];
s[t] = x[t];
__syncthreads();
for (int k = 128; k >= 32; k /= 2)
  if (t < k) s[t] += s[t + k];  // FAULT
__syncthreads();
if (t == 0) out[0] = s[0] + s[31];
"""
        ),
        block=256, arguments=(floats(256), floats(64), 256),
    ),
    Planted(  # the second barrier of a tiled product is missing
        "shared-race",
        kernel(
            """
__shared__ float a[8][8];
const int y = threadIdx.y;
float sum = 0;
for (int k = 0; k < n; k += 8) {
  a[y][t] = x[y * n + k + t];  // FAULT
  __syncthreads();
  for (int i = 0; i < 8; ++i) sum += a[y ^ 4][i] * x[(k + i) * 8 + t];
}
out[y * 8 + t] = sum;
"""
        ),
        block=(8, 8), arguments=(floats(8, 16), floats(64), 16),
    ),
    Planted(
        "warp-race",  # the last steps count on a warp in step
        kernel(
            """
__shared__ float s[64];
s[t] = x[t];
__syncthreads();
if (t < 32)
  for (int k = 32; k > 0; k /= 2) s[t] += s[t + k];  // FAULT
if (t == 0) out[0] = s[0];
"""
        ),
        arguments=IN_OUT,
    ),
    Planted("shuffle-from-absent-lane", kernel("float v = out[t];\nif (t < 16)\n  v += __shfl_down_sync(0xffffffff, v, 8);  // FAULT"), block=32, arguments=IN_OUT),
    Planted(
        "shuffle-from-absent-lane",
        kernel("if (t >= n) return;\nfloat v = x[t];\nfor (int d = 16; d; d /= 2)\n  v += __shfl_down_sync(0xffffffff, v, d);  // FAULT\nout[t] = v;"),
        arguments=(floats(64), floats(64), 50),
    ),
    Planted(
        "shuffle-from-absent-lane",
        kernel("float v = x[t];\nif (t < 16)\n  v += __shfl_xor_sync(0xffff, v, 16);  // FAULT\n__syncthreads();\nout[t] = v;"),
        arguments=IN_OUT,
    ),
    Planted(  # not the last block alone puts the counter back
        "cross-block-race",
        kernel("__threadfence();\nif (t == 0) {\n  atomicAdd(ticket, 1);\n  *ticket = 0;  // FAULT\n}", "int* ticket"),
        grid=4, block=32, arguments=(ints(1),),
    ),
    Planted(  # without the fence
        "cross-block-race",
        kernel("if (t == 0)\n  if (atomicAdd(ticket, 1) == gridDim.x - 1)\n    *ticket = 0;  // FAULT", "int* ticket"),
        grid=4, block=32, arguments=(ints(1),),
    ),
]  # fmt: skip
