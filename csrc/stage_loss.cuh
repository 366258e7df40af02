// The stage-wise loss: loss[t] = scale * sum over n, c of weight * sum over cells of (map - target)^2, and
// its gradient 2 * scale * weight * (map - target), both in one pass over maps (T, N, C, H, W).
//
// The ladder:  v1  a thread for each map, exponentials in every cell, every stage anew
//              v2  a block for each map: neighbouring cells, separable target, every stage anew
//              v3  16-byte loads and stores, all stages of a map by one block, background map, bfloat16
//
// The target is either a Gaussian that is never written to memory (`gaussian`), or a tensor (`tensor`):
// targets + t * target_stride_t, shape (N, C, H, W). Weights (N, C) lie at weights + t * weight_stride_t; a
// weight of 0 multiplies like any other. `gradient` may be null. Every kernel leaves weight * sum of squares
// of each map in partial (T, N * C); stage_loss_reduce adds them up in a fixed order: the same bits each run.
// Bytes a stage: one map pass read, one written (v3); a tensor target is read again for every stage, from
// cache after the first.
#pragma once
#include "targets.cuh"

namespace cpm {

// ---- v3

// Adds the squared errors of one vector; makes it its gradient.
template <int V>
__device__ __forceinline__ void compare(float (&cells)[V], const float (&target)[V], float factor,
                                        float& sum) {
#pragma unroll
  for (int k = 0; k < V; ++k) {
    const float error = cells[k] - target[k];
    sum += error * error;
    cells[k] = factor * error;
  }
}

// Where a stage of a map is read and its gradient written, and how both split into vectors: not at all if
// they do not reach a 16-byte boundary together.
template <class T>
struct StageMap {
  const T* cells;
  T* gradient;
  Split split;

  __device__ __forceinline__ StageMap(const T* maps, T* gradients, long long offset, int count)
      : cells(maps + offset), gradient(gradients ? gradients + offset : nullptr) {
    split = split_into_vectors(cells, count);
    if (gradient && !on_boundary(gradient + split.head)) split = Split{count, 0};
  }
};

// How many vectors a thread has under way before it looks at the first: the compiler may not move a load over
// the store before it, so this is done by hand.
template <class T>
constexpr int UNDER_WAY = 16 / VECTOR<T>;

// The squared error of one map against Gaussians, as this thread sees it.
template <class T, class Cells>
__device__ __forceinline__ float compare_with_gaussian(const Factors& f, const StageMap<T>& map,
                                                       float factor) {
  constexpr int V = VECTOR<T>, BATCH = UNDER_WAY<T>;
  const int step = vectors_per_step<T>(f.width, blockDim.x), rows_per_step = step * V / f.width;
  float sum = 0.0f;
  for (int first = threadIdx.x; first < step; first += blockDim.x) {
    const Cells own(f, map.split.head + first * V);
    int down = 0;
    for (int v = first; v < map.split.vectors; v += BATCH * step) {
      const int cell = map.split.head + v * V;
      float cells[BATCH][V];
#pragma unroll
      for (int b = 0; b < BATCH; ++b)
        if (v + b * step < map.split.vectors) load_vector(map.cells + cell + b * step * V, cells[b]);
#pragma unroll
      for (int b = 0; b < BATCH; ++b, down += rows_per_step) {
        if (v + b * step >= map.split.vectors) continue;
        float target[V];
#pragma unroll
        for (int k = 0; k < V; ++k) target[k] = own.target(f, k, down);
        compare(cells[b], target, factor, sum);
        if (map.gradient) store_vector(map.gradient + cell + b * step * V, cells[b]);
      }
    }
  }
  const int loose = f.rows * f.width - map.split.vectors * V;
  for (int i = threadIdx.x; i < loose; i += blockDim.x) {
    const int cell = i < map.split.head ? i : i + map.split.vectors * V;
    float cells[1] = {to_float(map.cells[cell])};
    const float target[1] = {Cells(f, cell).target(f, 0, 0)};
    compare(cells, target, factor, sum);
    if (map.gradient) store(map.gradient + cell, cells[0]);
  }
  return sum;
}

template <class T>
__device__ __forceinline__ void gaussian_stages(const T* maps, T* gradient, const float* centers,
                                                const float* drawn, int J, const float* weights,
                                                long long weight_stride_t, float* partial, long long stages,
                                                long long N, int C, int H, int W, float inverse, float reach,
                                                float scale) {
  CPM_DYNAMIC_SHARED(float, shared);  // ex, ey: J (W + H) floats with a background, else W + H
  __shared__ float per_warp[WARP];
  const Owner own = owner_of_block(blockIdx.x, N, J, C);
  const bool background = own.map == J;
  const Factors f = fill_factors(shared, centers, drawn, own.person * J + (background ? 0 : own.map),
                                 background ? J : 1, W, 0, H, inverse, reach);
  const long long index = own.person * C + own.map;
  for (long long t = blockIdx.y; t < stages; t += gridDim.y) {
    const float weight = weights[t * weight_stride_t + index], factor = 2.0f * scale * weight;
    const StageMap<T> map(maps, gradient, (t * N * C + index) * H * W, H * W);
    const float seen = background ? compare_with_gaussian<T, BackgroundCells<VECTOR<T>>>(f, map, factor)
                                  : compare_with_gaussian<T, JointCells<VECTOR<T>>>(f, map, factor);
    const float sum = block_sum(seen, per_warp);
    if (threadIdx.x == 0) partial[t * N * C + index] = weight * sum;
  }
}

// As many targets as a vector of T has cells.
__device__ __forceinline__ void load_targets(const float* place, float (&target)[4]) {
  load_vector(place, target);
}

__device__ __forceinline__ void load_targets(const float* place, float (&target)[8]) {
  float half[4];
  load_vector(place, half);
#pragma unroll
  for (int k = 0; k < 4; ++k) target[k] = half[k];
  load_vector(place + 4, half);
#pragma unroll
  for (int k = 0; k < 4; ++k) target[k + 4] = half[k];
}

template <class T>
__device__ __forceinline__ void tensor_stages(const T* maps, T* gradient, const float* targets,
                                              long long target_stride_t, const float* weights,
                                              long long weight_stride_t, float* partial, long long stages,
                                              long long num_maps, int cells_of_map, float scale) {
  constexpr int V = VECTOR<T>, BATCH = UNDER_WAY<T>;
  __shared__ float per_warp[WARP];
  const long long index = blockIdx.x;
  for (long long t = blockIdx.y; t < stages; t += gridDim.y) {
    const float weight = weights[t * weight_stride_t + index], factor = 2.0f * scale * weight;
    StageMap<T> map(maps, gradient, (t * num_maps + index) * cells_of_map, cells_of_map);
    const float* wanted = targets + t * target_stride_t + index * cells_of_map;
    if (!on_boundary(wanted + map.split.head)) map.split = Split{cells_of_map, 0};
    float sum = 0.0f;
    for (int v = threadIdx.x; v < map.split.vectors; v += BATCH * blockDim.x) {
      const int cell = map.split.head + v * V, step = blockDim.x;
      float cells[BATCH][V], target[BATCH][V];
#pragma unroll
      for (int b = 0; b < BATCH; ++b) {
        if (v + b * step >= map.split.vectors) continue;
        load_vector(map.cells + cell + b * step * V, cells[b]);
        load_targets(wanted + cell + b * step * V, target[b]);
      }
#pragma unroll
      for (int b = 0; b < BATCH; ++b) {
        if (v + b * step >= map.split.vectors) continue;
        compare(cells[b], target[b], factor, sum);
        if (map.gradient) store_vector(map.gradient + cell + b * step * V, cells[b]);
      }
    }
    const int loose = cells_of_map - map.split.vectors * V;
    for (int i = threadIdx.x; i < loose; i += blockDim.x) {
      const int cell = i < map.split.head ? i : i + map.split.vectors * V;
      float cells[1] = {to_float(map.cells[cell])};
      const float target[1] = {wanted[cell]};
      compare(cells, target, factor, sum);
      if (map.gradient) store(map.gradient + cell, cells[0]);
    }
    sum = block_sum(sum, per_warp);
    if (threadIdx.x == 0) partial[t * num_maps + index] = weight * sum;
  }
}

// A stage whose factor is 1 is not touched, so a plain .backward() moves no bytes.
template <class T>
__device__ __forceinline__ void scale_stage(T* maps, long long size, const float* factors,
                                            int blocks_per_stage) {
  constexpr int V = VECTOR<T>;
  const long long stage = blockIdx.x / blocks_per_stage, part = blockIdx.x % blocks_per_stage;
  const float factor = factors[stage];
  if (factor == 1.0f) return;
  T* map = maps + stage * size;
  const Split ends = split_into_vectors(map, int(min(size, (long long)V)));
  const long long vectors = (size - ends.head) / V;
  for (long long v = part * blockDim.x + threadIdx.x; v < vectors;
       v += (long long)blocks_per_stage * blockDim.x) {
    float cells[V];
    load_vector(map + ends.head + v * V, cells);
#pragma unroll
    for (int k = 0; k < V; ++k) cells[k] *= factor;
    store_vector(map + ends.head + v * V, cells);
  }
  const int loose = int(size - vectors * V);  // fewer than 2 V
  if (part == 0 && threadIdx.x < loose) {
    T* cell = map + (threadIdx.x < ends.head ? threadIdx.x : threadIdx.x + vectors * V);
    store(cell, to_float(*cell) * factor);
  }
}

}  // namespace cpm

// v1. A thread owns map i of T * N * J, start to end; nothing is shared. H W exponentials for each stage, and
// a warp's 32 loads fall into 32 maps.
extern "C" __global__ void stage_loss_gaussian_v1_f32(const float* maps, float* gradient,
                                                      const float* centers, const float* drawn,
                                                      const float* weights, long long weight_stride_t,
                                                      float* partial, long long stages, long long NJ, int H,
                                                      int W, float inverse, float reach, float scale) {
  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= stages * NJ) return;
  const cpm::Center center = cpm::read_center(centers, drawn, i % NJ);
  const float weight = weights[i / NJ * weight_stride_t + i % NJ];
  float sum = 0.0f;
  for (int y = 0; y < H; ++y)
    for (int x = 0; x < W; ++x) {
      const long long cell = i * H * W + y * W + x;
      const float error = maps[cell] - cpm::gaussian_at(center, x, y, inverse, reach);
      sum += error * error;
      if (gradient) gradient[cell] = 2.0f * scale * weight * error;
    }
  partial[i] = weight * sum;
}

// v2. A block of whole warps owns one map of one stage (blockIdx.x = t * NJ + n * J + j), a thread every
// blockDim.x-th cell of it. Shared: W + H factors of the target, and a sum for each warp.
extern "C" __global__ void stage_loss_gaussian_v2_f32(const float* maps, float* gradient,
                                                      const float* centers, const float* drawn,
                                                      const float* weights, long long weight_stride_t,
                                                      float* partial, long long NJ, int H, int W,
                                                      float inverse, float reach, float scale) {
  CPM_DYNAMIC_SHARED(float, shared);  // W + H floats
  __shared__ float per_warp[cpm::WARP];
  const long long i = blockIdx.x, offset = i * H * W;
  const cpm::Factors f = cpm::fill_factors(shared, centers, drawn, i % NJ, 1, W, 0, H, inverse, reach);
  const float weight = weights[i / NJ * weight_stride_t + i % NJ];
  float sum = 0.0f;
  for (int cell = threadIdx.x; cell < H * W; cell += blockDim.x) {
    const float error = maps[offset + cell] - f.ey[cell / W] * f.ex[cell % W];
    sum += error * error;
    if (gradient) gradient[offset + cell] = 2.0f * scale * weight * error;
  }
  sum = cpm::block_sum(sum, per_warp);
  if (threadIdx.x == 0) partial[i] = weight * sum;
}

// v3, in use. A block owns one map of one person in the stages blockIdx.y, blockIdx.y + gridDim.y, ...
// (gridDim.y = 1: all of them, so that the factors are made once), a thread the same vectors of 16 bytes in
// each stage. blockIdx.x: which map, background maps first. Shared: the factors of the joints that the map
// shows, and a sum for each warp.
extern "C" __global__ void __launch_bounds__(128)
    stage_loss_gaussian_v3_f32(const float* maps, float* gradient, const float* centers, const float* drawn,
                               int J, const float* weights, long long weight_stride_t, float* partial,
                               long long stages, long long N, int C, int H, int W, float inverse, float reach,
                               float scale) {
  cpm::gaussian_stages(maps, gradient, centers, drawn, J, weights, weight_stride_t, partial, stages, N, C, H,
                       W, inverse, reach, scale);
}

extern "C" __global__ void __launch_bounds__(128)
    stage_loss_gaussian_v3_bf16(const cpm::bfloat16* maps, cpm::bfloat16* gradient, const float* centers,
                                const float* drawn, int J, const float* weights, long long weight_stride_t,
                                float* partial, long long stages, long long N, int C, int H, int W,
                                float inverse, float reach, float scale) {
  cpm::gaussian_stages(maps, gradient, centers, drawn, J, weights, weight_stride_t, partial, stages, N, C, H,
                       W, inverse, reach, scale);
}

// The same against a tensor; blockIdx.x = n * C + c. Shared: a sum for each warp.
extern "C" __global__ void __launch_bounds__(128)
    stage_loss_tensor_v3_f32(const float* maps, float* gradient, const float* targets,
                             long long target_stride_t, const float* weights, long long weight_stride_t,
                             float* partial, long long stages, long long num_maps, int cells, float scale) {
  cpm::tensor_stages(maps, gradient, targets, target_stride_t, weights, weight_stride_t, partial, stages,
                     num_maps, cells, scale);
}

extern "C" __global__ void __launch_bounds__(128)
    stage_loss_tensor_v3_bf16(const cpm::bfloat16* maps, cpm::bfloat16* gradient, const float* targets,
                              long long target_stride_t, const float* weights, long long weight_stride_t,
                              float* partial, long long stages, long long num_maps, int cells, float scale) {
  cpm::tensor_stages(maps, gradient, targets, target_stride_t, weights, weight_stride_t, partial, stages,
                     num_maps, cells, scale);
}

// The second launch of every version. A block of whole warps owns one stage, a thread every blockDim.x-th map
// of it. Shared: a sum for each warp. 4 bytes a map are read.
extern "C" __global__ void __launch_bounds__(1024)
    stage_loss_reduce(const float* partial, float* losses, long long num_maps, float scale) {
  __shared__ float per_warp[cpm::WARP];
  float sum = 0.0f;
  for (long long i = threadIdx.x; i < num_maps; i += blockDim.x) sum += partial[blockIdx.x * num_maps + i];
  sum = cpm::block_sum(sum, per_warp);
  if (threadIdx.x == 0) losses[blockIdx.x] = scale * sum;
}

// Backward: maps (T, size) *= factors (T). blocks_per_stage blocks own a stage together, a thread every so
// many vectors of it; nothing is shared. Each byte is read and written once, or not at all where the factor
// is 1.
extern "C" __global__ void __launch_bounds__(256)
    scale_stages_f32(float* maps, long long size, const float* factors, int blocks_per_stage) {
  cpm::scale_stage(maps, size, factors, blocks_per_stage);
}

extern "C" __global__ void __launch_bounds__(256)
    scale_stages_bf16(cpm::bfloat16* maps, long long size, const float* factors, int blocks_per_stage) {
  cpm::scale_stage(maps, size, factors, blocks_per_stage);
}
