# %% right: shuffle down
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
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% right: butterfly, every lane ends with the best
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const int lane = threadIdx.x;
  float best = -INFINITY;
  int at = cells;
  for (int i = lane; i < cells; i += warpSize) {
    const float value = maps[(long long)blockIdx.x * cells + i];
    if (value > best) {
      best = value;
      at = i;
    }
  }
  for (int distance = 1; distance < warpSize; distance *= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, best, distance);
    const int other_at = __shfl_xor_sync(0xffffffffu, at, distance);
    if (other > best || (other == best && other_at < at)) {
      best = other;
      at = other_at;
    }
  }
  if (lane == 31) {
    cell[blockIdx.x] = at;
    score[blockIdx.x] = best;
  }
}"""

# %% right: value and cell packed into one number
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  // order-preserving bits of a float above, the cell's distance from the end below: one maximum decides both
  unsigned long long best = 0;
  for (int i = threadIdx.x; i < cells; i += 32) {
    unsigned bits = __float_as_uint(maps[blockIdx.x * cells + i]);
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    unsigned long long key = (unsigned long long)bits << 32 | (unsigned)(0x7fffffff - i);
    if (key > best) best = key;
  }
  for (int d = 16; d > 0; d >>= 1) {
    unsigned long long other = __shfl_down_sync(0xffffffffu, best, d);
    if (other > best) best = other;
  }
  if (threadIdx.x == 0) {
    int at = 0x7fffffff - (int)(best & 0xffffffffu);
    cell[blockIdx.x] = at;
    score[blockIdx.x] = maps[blockIdx.x * cells + at];
  }
}"""

# %% wrong: tie-rule | the first lane wins
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
    if (v > best) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: tie-rule | the last one wins
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
    if (v >= best) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: tie-rule | the last cell of a lane
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] >= best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: half-the-lanes | begins at 8
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 8; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: half-the-lanes | a width of 16
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d, 16);
    int c = __shfl_down_sync(0xffffffffu, at, d, 16);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: even-lanes-only
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 1; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: lane-0-only | compares with itself
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, 0);
    int c = __shfl_down_sync(0xffffffffu, at, 0);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: cell-stays
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    best = fmaxf(best, v);
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: cell-stays | the lane's number
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = t;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: starts-at-zero
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = 0;
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: first-round-only
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  if (t < cells) best = map[t], at = t;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""

# %% wrong: no-guard
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;
  for (int k = 0; k < (cells + 31) / 32; ++k) {
    int i = 32 * k + t;
    if (map[i] > best) best = map[i], at = i;
  }
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
}"""
