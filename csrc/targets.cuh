// Gaussian targets: out[n, c, y, x] = exp(-((x - x0)^2 + (y - y0)^2) / (2 sigma^2)) for joint c of person n.
//
// The ladder:  v1  a thread for each cell, an exponential for each cell
//              v2  a block for each map, W + H exponentials for each map
//              v3  16-byte stores at any width, background map, bfloat16, a tall map cut into slices
//
// Shapes: centers (N, J, 2) in cells, weights (N, J), out (N, C, H, W) with C = J, or J + 1 where the last
// map is the background. `inverse` = 1 / (2 sigma^2); beyond `reach` cells on either axis the Gaussian is cut
// off. Every output is written once and nothing but the centres is read: 4 H W bytes a map (2 in bfloat16).
#pragma once
#include "common.cuh"

namespace cpm {

// ---- v1

__device__ __forceinline__ float gaussian_at(const Center& c, int x, int y, float inverse, float reach) {
  if (!c.drawn) return 0.0f;
  const float dx = float(x) - c.x, dy = float(y) - c.y;
  if (!is_finite(dx) || !is_finite(dy)) return not_a_number();
  if (fabsf(dx) > reach || fabsf(dy) > reach) return 0.0f;
  return expf(-(dx * dx + dy * dy) * inverse);
}

template <class T>
__device__ void draw_cell(const float* centers, const float* weights, T* out, long long N, int J, int C,
                          int H, int W, float inverse, float reach) {
  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  const int cells = H * W;
  if (i >= N * C * cells) return;
  const long long map = i / cells, person = map / C;
  const int cell = int(i % cells), y = cell / W, x = cell % W, c = int(map % C);
  if (c < J) {
    store(out + i, gaussian_at(read_center(centers, weights, person * J + c), x, y, inverse, reach));
    return;
  }
  float largest = 0.0f;
  for (int j = 0; j < J; ++j) {
    const Center center = read_center(centers, weights, person * J + j);
    largest = larger_or_nan(largest, gaussian_at(center, x, y, inverse, reach));
  }
  store(out + i, background_of(largest));
}

// ---- v3

// The rows of one map that a block owns, drawn with what `Cells` keeps for each thread.
template <class T, class Cells>
__device__ __forceinline__ void draw_slice(const Factors& f, T* out) {
  constexpr int V = VECTOR<T>;
  const int cells = f.rows * f.width;
  const Split split = split_into_vectors(out, cells);
  const int step = vectors_per_step<T>(f.width, blockDim.x), rows_per_step = step * V / f.width;
  for (int first = threadIdx.x; first < step; first += blockDim.x) {
    const Cells own(f, split.head + first * V);
    int down = 0;
    for (int v = first; v < split.vectors; v += step, down += rows_per_step) {
      float values[V];
#pragma unroll
      for (int k = 0; k < V; ++k) values[k] = own.target(f, k, down);
      store_vector(out + split.head + v * V, values);
    }
  }
  const int loose = cells - split.vectors * V;
  for (int i = threadIdx.x; i < loose; i += blockDim.x) {
    const int cell = i < split.head ? i : i + split.vectors * V;
    store(out + cell, Cells(f, cell).target(f, 0, 0));
  }
}

template <class T>
__device__ __forceinline__ void draw_slice_of_map(const float* centers, const float* weights, T* out,
                                                  long long N, int J, int C, int H, int W, int rows,
                                                  float inverse, float reach) {
  CPM_DYNAMIC_SHARED(float, shared);  // ex, ey: J (W + rows) floats with a background, else W + rows
  const Owner own = owner_of_block(blockIdx.x, N, J, C);
  const bool background = own.map == J;
  const int first_row = blockIdx.y * rows, rows_here = min(rows, H - first_row);
  const Factors f = fill_factors(shared, centers, weights, own.person * J + (background ? 0 : own.map),
                                 background ? J : 1, W, first_row, rows_here, inverse, reach);
  T* slice = out + ((own.person * C + own.map) * H + first_row) * W;
  if (background)
    draw_slice<T, BackgroundCells<VECTOR<T>>>(f, slice);
  else
    draw_slice<T, JointCells<VECTOR<T>>>(f, slice);
}

}  // namespace cpm

// v1. A thread owns one cell of one map; a block owns blockDim.x consecutive cells; nothing is shared.
// Right for any size, and slow: H W exponentials a map (times J for the background), most of which underflow.
extern "C" __global__ void gaussian_targets_v1_f32(const float* centers, const float* weights, float* out,
                                                   long long N, int J, int C, int H, int W, float inverse,
                                                   float reach) {
  cpm::draw_cell(centers, weights, out, N, J, C, H, W, inverse, reach);
}

extern "C" __global__ void gaussian_targets_v1_bf16(const float* centers, const float* weights,
                                                    cpm::bfloat16* out, long long N, int J, int C, int H,
                                                    int W, float inverse, float reach) {
  cpm::draw_cell(centers, weights, out, N, J, C, H, W, inverse, reach);
}

// v2. A block owns the map of one joint (blockIdx.x = n * J + j), a thread every blockDim.x-th cell of it, so
// that the threads of a warp store 32 consecutive cells. Shared: W + H factors, each used H or W times.
extern "C" __global__ void gaussian_targets_v2_f32(const float* centers, const float* weights, float* out,
                                                   int H, int W, float inverse, float reach) {
  CPM_DYNAMIC_SHARED(float, shared);  // W + H floats
  const long long map = blockIdx.x;
  const cpm::Factors f = cpm::fill_factors(shared, centers, weights, map, 1, W, 0, H, inverse, reach);
  for (int i = threadIdx.x; i < H * W; i += blockDim.x) out[map * H * W + i] = f.ey[i / W] * f.ex[i % W];
}

// v3, in use. A block owns `rows` rows of one map (blockIdx.x: which map, background maps first; blockIdx.y:
// which slice). A thread owns vectors of 16 bytes a whole number of rows apart, hence always in the same
// columns: their factors along x stay in its registers. Shared: the factors along x and y of the joints that
// the map shows, W + rows floats for each.
extern "C" __global__ void __launch_bounds__(128)
    gaussian_targets_v3_f32(const float* centers, const float* weights, float* out, long long N, int J, int C,
                            int H, int W, int rows, float inverse, float reach) {
  cpm::draw_slice_of_map(centers, weights, out, N, J, C, H, W, rows, inverse, reach);
}

extern "C" __global__ void __launch_bounds__(128)
    gaussian_targets_v3_bf16(const float* centers, const float* weights, cpm::bfloat16* out, long long N,
                             int J, int C, int H, int W, int rows, float inverse, float reach) {
  cpm::draw_slice_of_map(centers, weights, out, N, J, C, H, W, rows, inverse, reach);
}
