// What the three kernel files share: 16-byte vectors, the factors of a Gaussian, sums over a block.
//
// The same text is compiled by nvcc, by NVRTC (no host headers) and by g++ or clang++ under csrc/emulator.
// Cells of a map are counted row by row: cell i lies at x = i % W, y = i / W.
#pragma once
#include "rules.h"

// Shared memory whose size the launch gives: CPM_DYNAMIC_SHARED(float, factors) declares float* factors.
#ifndef CPM_DYNAMIC_SHARED
extern __shared__ __align__(16) unsigned char cpm_dynamic_shared[];
#define CPM_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(cpm_dynamic_shared)
#endif

namespace cpm {

constexpr int WARP = 32;
constexpr unsigned WHOLE_WARP = 0xffffffffu;

__device__ __forceinline__ float not_a_number() { return __uint_as_float(0x7fc00000u); }

// ---- vectors: the 16 bytes that one thread can load or store at once

template <class T>
constexpr int VECTOR = 16 / int(sizeof(T));  // 4 float32 cells or 8 bfloat16 cells

__device__ __forceinline__ void load_vector(const float* place, float (&cells)[4]) {
  const float4 four = *reinterpret_cast<const float4*>(place);
  cells[0] = four.x, cells[1] = four.y, cells[2] = four.z, cells[3] = four.w;
}

__device__ __forceinline__ void load_vector(const bfloat16* place, float (&cells)[8]) {
  const uint4 four = *reinterpret_cast<const uint4*>(place);
  const unsigned pairs[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    cells[2 * k] = __uint_as_float(pairs[k] << 16);  // little endian: the first of two is the lower half
    cells[2 * k + 1] = __uint_as_float(pairs[k] & 0xffff0000u);
  }
}

__device__ __forceinline__ void store_vector(float* place, const float (&cells)[4]) {
  *reinterpret_cast<float4*>(place) = make_float4(cells[0], cells[1], cells[2], cells[3]);
}

__device__ __forceinline__ void store_vector(bfloat16* place, const float (&cells)[8]) {
  unsigned pairs[4];
#pragma unroll
  for (int k = 0; k < 4; ++k)
    pairs[k] = to_bfloat16(cells[2 * k]).bits | unsigned(to_bfloat16(cells[2 * k + 1]).bits) << 16;
  *reinterpret_cast<uint4*>(place) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

// A map need not begin on a 16-byte boundary (think of 17 x 33 cells): `head` cells come before the first
// vector, and what the vectors leave over at the end are cells again.
struct Split {
  int head, vectors;
};

template <class T>
__device__ __forceinline__ Split split_into_vectors(const T* map, int cells) {
  const int past = int(reinterpret_cast<unsigned long long>(map) % 16) / int(sizeof(T));
  const int head = min((VECTOR<T> - past) % VECTOR<T>, cells);
  return Split{head, (cells - head) / VECTOR<T>};
}

template <class T>
__device__ __forceinline__ bool on_boundary(const T* place) {
  return reinterpret_cast<unsigned long long>(place) % 16 == 0;
}

// How many vectors further a thread goes next: a whole number of rows, so that its cells keep their columns.
// 46 float32 columns are 11.5 vectors, so the pattern repeats after 23 vectors = 2 rows.
template <class T>
__device__ __forceinline__ int vectors_per_step(int width, int threads) {
  const int common = min(width & -width, VECTOR<T>);  // greatest common divisor: VECTOR is a power of two
  const int pattern = width / common;
  return pattern * max(1, threads / pattern);
}

// ---- Gaussians: exp(-(dx^2 + dy^2) k) = exp(-dx^2 k) * exp(-dy^2 k), so W + H exponentials draw H * W cells

struct Center {
  float x, y;
  bool drawn;
};

__device__ __forceinline__ Center read_center(const float* centers, const float* weights, long long joint) {
  const bool drawn = weights[joint] > 0.0f;  // a NaN weight is not above 0
  return Center{centers[2 * joint], centers[2 * joint + 1], drawn};
}

// One factor, `distance` cells off the centre; `inverse` = 1 / (2 sigma^2). A centre that is no number shows
// as NaN: a kernel cannot raise.
__device__ __forceinline__ float gaussian_factor(bool drawn, float distance, float inverse, float reach) {
  if (!drawn) return 0.0f;
  if (!is_finite(distance)) return not_a_number();
  return fabsf(distance) <= reach ? expf(-distance * distance * inverse) : 0.0f;
}

// Factors of `joints` Gaussians in shared memory: ex[joint * width + x], ey[joint * rows + y].
struct Factors {
  float *ex, *ey;
  int joints, width, rows;
};

// Written by the whole block for rows first_row .. first_row + rows; ends with a barrier.
__device__ __forceinline__ Factors fill_factors(float* shared, const float* centers, const float* weights,
                                                long long first_joint, int joints, int width, int first_row,
                                                int rows, float inverse, float reach) {
  const Factors f{shared, shared + joints * width, joints, width, rows};
  for (int j = 0; j < joints; ++j) {
    const Center c = read_center(centers, weights, first_joint + j);
    for (int i = threadIdx.x; i < width; i += blockDim.x)
      f.ex[j * width + i] = gaussian_factor(c.drawn, float(i) - c.x, inverse, reach);
    for (int i = threadIdx.x; i < rows; i += blockDim.x)
      f.ey[j * rows + i] = gaussian_factor(c.drawn, float(first_row + i) - c.y, inverse, reach);
  }
  __syncthreads();
  return f;
}

// The larger one; NaN wins, unlike in fmaxf.
__device__ __forceinline__ float larger_or_nan(float a, float b) { return b > a || b != b ? b : a; }

__device__ __forceinline__ float background_of(float largest) {
  const float rest = 1.0f - largest;
  return rest < 0.0f ? 0.0f : rest;
}

// What a thread remembers of the V cells of its vectors while it walks down the map of one joint: their
// factors along x stay in registers, only ey is read again.
template <int V>
struct JointCells {
  float ex[V];
  int row[V];

  __device__ __forceinline__ JointCells(const Factors& f, int cell) {
    int y = cell / f.width, x = cell - y * f.width;
#pragma unroll
    for (int k = 0; k < V; ++k) {
      ex[k] = f.ex[x], row[k] = y;
      if (++x == f.width) x = 0, ++y;
    }
  }
  __device__ __forceinline__ float target(const Factors& f, int k, int rows_down) const {
    return f.ey[row[k] + rows_down] * ex[k];
  }
};

// The same for the background map: max(0, 1 - largest of all joints).
template <int V>
struct BackgroundCells {
  int x[V], row[V];

  __device__ __forceinline__ BackgroundCells(const Factors& f, int cell) {
    x[0] = cell % f.width, row[0] = cell / f.width;
#pragma unroll
    for (int k = 1; k < V; ++k) {
      const bool wraps = x[k - 1] + 1 == f.width;
      x[k] = wraps ? 0 : x[k - 1] + 1, row[k] = row[k - 1] + wraps;
    }
  }
  __device__ __forceinline__ float target(const Factors& f, int k, int rows_down) const {
    float largest = 0.0f;
#pragma unroll 1  // few maps take this path; unrolled it would cost all of them registers
    for (int j = 0; j < f.joints; ++j)
      largest = larger_or_nan(largest, f.ey[j * f.rows + row[k] + rows_down] * f.ex[j * f.width + x[k]]);
    return background_of(largest);
  }
};

// Which map of which person a block owns. Background maps take longest, so the first blocks get them.
struct Owner {
  long long person;
  int map;
};

__device__ __forceinline__ Owner owner_of_block(long long block, long long people, int joints, int maps) {
  if (maps > joints && block < people) return Owner{block, joints};
  if (maps > joints) block -= people;
  return Owner{block / joints, int(block % joints)};
}

// ---- sums in a fixed order: the same bits in every run

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int lane = WARP / 2; lane > 0; lane /= 2) value += __shfl_xor_sync(WHOLE_WARP, value, lane);
  return value;
}

// The sum over a block of whole warps, right in thread 0. `per_warp`: a shared float for each warp.
__device__ __forceinline__ float block_sum(float value, float* per_warp) {
  value = warp_sum(value);
  if (threadIdx.x % WARP == 0) per_warp[threadIdx.x / WARP] = value;
  __syncthreads();
  float sum = 0.0f;
  if (threadIdx.x == 0)
    for (int warp = 0; warp < int(blockDim.x) / WARP; ++warp) sum += per_warp[warp];
  __syncthreads();  // per_warp may be written again
  return sum;
}

}  // namespace cpm
