"""ex23, wrong answers, continued."""

# %% wrong: no-guard | i <= cells
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i <= cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: lanes-missing | idle lanes have left
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  if (t >= cells) return;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: lanes-missing | shuffle inside the loop over cells
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
   if (map[i] > best) best = map[i], at = i;
  if (t < cells) for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: lanes-missing | half the mask
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffu, best, d);
    int c = __shfl_down_sync(0xffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: all-lanes-write
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: block-forgotten
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[0] = at, score[0] = best;
}"""

# %% wrong: map-0-only
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: nothing-written
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
}"""

# %% wrong: alone
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  if (t == 0) for (int i = 0; i < cells; ++i)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: uses-shared-memory
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  __shared__ float value[32];
  __shared__ int place[32];
  int t = threadIdx.x, at = cells;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (maps[blockIdx.x * cells + i] > best) best = maps[blockIdx.x * cells + i], at = i;
  value[t] = best;
  place[t] = at;
  for (int half = 16; half > 0; half /= 2) {
    __syncthreads();
    if (t < half && (value[t + half] > value[t] || (value[t + half] == value[t] && place[t + half] < place[t])))
      value[t] = value[t + half], place[t] = place[t + half];
  }
  if (t == 0) cell[blockIdx.x] = place[0], score[blockIdx.x] = value[0];
}"""

# %% wrong: uninitialised-shared
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  __shared__ float value[32];
  __shared__ int place[32];
  int t = threadIdx.x;
  for (int i = t; i < cells; i += 32)
    if (maps[blockIdx.x * cells + i] > value[t]) value[t] = maps[blockIdx.x * cells + i], place[t] = i;
  for (int half = 16; half > 0; half /= 2) {
    __syncthreads();
    if (t < half && value[t + half] > value[t]) value[t] = value[t + half], place[t] = place[t + half];
  }
  if (t == 0) cell[blockIdx.x] = place[0], score[blockIdx.x] = value[0];
}"""

# %% wrong: endless-loop
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d = d) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: does-not-compile | the shuffle's mask is missing
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: kernel-fault | a barrier in a branch
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t < cells) __syncthreads();
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: no-kernel | __global__ forgotten
ARGMAX_KERNEL = r"""
extern "C" void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: delegates | includes the library's kernel
ARGMAX_KERNEL = r"""
#include "best_cell.cuh"
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const cpm::PlaneMap<float> map{maps + blockIdx.x * cells, cells};
  const cpm::Best best = cpm::warp_best(cpm::scan_as_warp(map, threadIdx.x, cells, cells));
  if (threadIdx.x == 0) cell[blockIdx.x] = best.cell, score[blockIdx.x] = best.value;
}"""
