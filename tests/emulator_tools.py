"""What tests of the lab and the microscope share."""

from __future__ import annotations

import shutil

from conftest import skip_or_fail

from cpm_edu.kernels.lab import Kernel

# of the C headers, which a kernel may use without them
CONSTANTS = (
    "INFINITY", "NAN", "FLT_MAX", "FLT_MIN", "FLT_EPSILON", "INT_MAX", "INT_MIN", "UINT_MAX", "M_PI",
    "CUDART_INF_F", "CUDART_NAN_F",
)  # fmt: skip
TWICE = r"""
extern "C" __global__ void twice(const float* x, float* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = 2 * x[i];
}
"""
SUM = r"""
extern "C" __global__ void sum(const float* x, float* out, int n) {
  extern __shared__ float s[];
  const int t = threadIdx.x;
  float mine = 0;
  for (int i = t; i < n; i += blockDim.x) mine += x[i];
  s[t] = mine;
  __syncthreads();
  for (int half = blockDim.x / 2; half >= 32; half /= 2) {
    if (t < half) s[t] += s[t + half];
    __syncthreads();
  }
  if (t < 32) {
    float v = s[t];
    for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_down_sync(0xffffffffu, v, lanes);
    if (t == 0) out[0] = v;
  }
}
"""


def compilers() -> list[str]:
    """C++ compilers to test with, best first."""
    return [name for name in ("g++", "clang++") if shutil.which(name)]


def require_compiler() -> None:
    if not compilers():
        skip_or_fail("cpp", "there is neither g++ nor clang++")


def launch(source, grid, block, shared, *arguments, name=None, compiler=None, **options):
    Kernel(source, name, compiler=compiler).launch(grid, block, shared, *arguments, **options)


def body(code, parameters="float* out"):
    return f'extern "C" __global__ void k({parameters}) {{ const int t = threadIdx.x; {code} }}'
