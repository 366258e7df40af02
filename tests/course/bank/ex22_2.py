"""ex22, wrong answers, continued."""

# %% wrong: divided-by-height
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % H, y = cell / H;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: first-joint-only
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[0], dy = y - centers[1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: centers-overlap
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[j], dy = y - centers[j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: half-cell
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x + 0.5f - centers[2 * j], dy = y + 0.5f - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: whole-numbers
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  int dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: sigma-not-squared
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma));
}"""

# %% wrong: no-factor-two
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (sigma * sigma));
}"""

# %% wrong: no-factor-two | half instead of twice
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (sigma * sigma / 2));
}"""

# %% wrong: divided-by-two-only
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / 2 * sigma * sigma);
}"""

# %% wrong: no-minus
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf((dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: does-not-compile | a semicolon
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: does-not-compile | Python
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if i >= J * H * W: return
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: no-kernel | __global__ forgotten
GAUSSIAN_KERNEL = r"""
extern "C" void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: no-kernel | parameters in another order
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int W, int H, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: endless-loop
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  int j = 0, cell = i;
  while (cell >= H * W) { ++j; }
  if (j >= J) return;
  float dx = cell % W - centers[2 * j], dy = cell / W - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: divergent-barrier
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  if (x == 0) __syncthreads();
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}"""

# %% wrong: kernel-fault | four cells at once, from any address
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H) return;
  int j = i / H, y = i % H, x = 0;
  float dy = y - centers[2 * j + 1], value[4];
  for (; x < W; x += 4) {
    for (int k = 0; k < 4; ++k) {
      float dx = x + k - centers[2 * j];
      value[k] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
    }
    if (x + 4 <= W) *(float4*)(out + i * W + x) = make_float4(value[0], value[1], value[2], value[3]);
    else for (int k = 0; x + k < W; ++k) out[i * W + x + k] = value[k];
  }
}"""

# %% wrong: delegates | includes the library's kernel
GAUSSIAN_KERNEL = r"""
#include "targets.cuh"
extern "C" __global__ void gaussian_maps(int J, int H, int W, float sigma, const float* centers, float* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  cpm::draw_cell(centers, nullptr, out, 1, J, J, H, W, 1 / (2 * sigma * sigma), 1e9f);
}"""
