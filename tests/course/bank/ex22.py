# %% right: early return
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% right: work inside the if
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  const int per_map = H * W;
  const int i = threadIdx.x + blockDim.x * blockIdx.x;
  if (i < J * per_map) {
    const int j = i / per_map;
    const int y = (i - j * per_map) / W;
    const int x = i - j * per_map - y * W;
    const float dx = (x - centers[2 * j]) / sigma, dy = (y - centers[2 * j + 1]) / sigma;
    out[i] = expf(-0.5f * dx * dx) * expf(-0.5f * dy * dy);
  }
}"""

# %% right: a loop over the whole grid, with a helper
GAUSSIAN_KERNEL = r"""
__device__ float squared(float a) { return a * a; }

extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < J * H * W; i += gridDim.x * blockDim.x) {
    const float* center = centers + i / (H * W) * 2;
    int x = i % W, y = i / W % H;  // double precision from here on: slow on a GPU, and right
    out[i] = exp(-(squared(x - center[0]) + squared(y - center[1])) / (2.0 * sigma * sigma));
  }
}"""

# %% wrong: no-guard
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: no-guard | the guard counts threads
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= gridDim.x * blockDim.x) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: guard-off-by-one
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i > J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: one-map-only | the guard of notebook 09
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: last-column
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  if (x >= W - 1) return;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: last-column | and the last row
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  if (x >= W - 1 || y >= H - 1) return;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: last-cell
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W - 1) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: wrong-cell-number | blockIdx forgotten
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: wrong-cell-number | blocks lie one thread apart
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: cells-left-out | blocks always taken as 64 threads
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * 64 + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: cells-left-out | every second column
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  if (x % 2) return;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: nothing-written
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  float value = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: xy-swapped
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell / W, y = cell % W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: xy-swapped | centers read as (y, x)
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j + 1], dy = y - centers[2 * j];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""
