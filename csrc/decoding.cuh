// Decoding: the best cell of every belief map, and the step from it to a place between cells (rules.h).
//
// The ladder:  v1             a thread for each map: neighbouring threads read cells far apart
//              v2             a block for each map: neighbouring threads read neighbouring cells
//              v3             a warp for each map: shuffles instead of barriers, four 16-byte loads under way
//              channels_last  a block for each person, for memory in the order (N, H, W, J)
//
// `merge_` kernels decode the mean of a map and of the flipped map of the mirrored image; that mean is worked
// out while reading and never stored. Ties: lowest row, then column. NaN never wins. joints (N, J, 2), scores
// (N, J) float32. Bytes: every cell is read once, 4 H W a map (2 in bfloat16; merged twice that), 12 written.
#pragma once
#include "dark.cuh"

namespace cpm {

// ---- v1

template <class Map>
__device__ void decode_alone(const Map& map, int H, int W, int method, const float* taps, int num_taps,
                             float* joints, float* scores, long long index) {
  Best best = nothing_yet();
  for (int y = 0; y < H; ++y)
    for (int x = 0; x < W; ++x) consider(best, map(x, y), y * W + x);
  const int y = best.cell / W, x = best.cell - y * W;
  Joint joint;
  if (method != DARK)
    joint = refine(map, method, x, y, best.value, H, W);
  else if (dark_steps(best, x, y, H, W, joint))
    joint = dark_step_alone(map, x, y, best.value, H, W, taps, num_taps);
  write_answer(joint, best.value, joints, scores, index);
}

// ---- v2

constexpr int DECODE_BLOCK = 256;  // threads a block of v2 and channels_last has at most

// What every thread of a block found, for others to read.
struct SharedBest {
  float *value, *poison;
  int* cell;
  __device__ void put(int i, const Best& best) const {
    value[i] = best.value, cell[i] = best.cell, poison[i] = best.poison;
  }
  __device__ Best get(int i) const { return Best{value[i], cell[i], poison[i]}; }
};

template <class Map>
__device__ __forceinline__ void decode_as_block(const Map& map, int H, int W, int method, const float* taps,
                                                int num_taps, float* joints, float* scores) {
  CPM_DYNAMIC_SHARED(float, scratch);  // DARK: dark_scratch(num_taps) floats
  __shared__ float value[DECODE_BLOCK], poison[DECODE_BLOCK];
  __shared__ int cell[DECODE_BLOCK];
  const SharedBest found{value, poison, cell};
  const int t = threadIdx.x;
  found.put(t, scan_cells(map, t, blockDim.x, H * W, W));
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {  // 256 candidates, then 128, 64, ... 1
    if (t < half) found.put(t, better_of(found.get(t), found.get(t + half)));
    __syncthreads();
  }
  if (t < WARP)
    finish_as_warp(map, found.get(0), H, W, method, taps, num_taps, scratch, joints, scores, blockIdx.x);
}

// ---- v3

template <class Map>
__device__ __forceinline__ void decode_as_warp(const Map& map, int H, int W, int method, const float* taps,
                                               int num_taps, float* joints, float* scores, long long index) {
  CPM_DYNAMIC_SHARED(float, shared);  // DARK: dark_scratch(num_taps) floats for each warp
  const Best best = warp_best(scan_as_warp(map, threadIdx.x % WARP, H * W, W));
  float* scratch = shared + threadIdx.x / WARP * dark_scratch(num_taps);
  finish_as_warp(map, best, H, W, method, taps, num_taps, scratch, joints, scores, index);
}

// ---- channels_last

// `maps(j)`: the view of joint j of this block's person. `first`, `joints_here`: the joints of this block.
template <class Maps>
__device__ __forceinline__ void decode_person(const Maps& maps, int first, int joints_here, int J, int H,
                                              int W, int method, const float* taps, int num_taps,
                                              float* joints, float* scores) {
  CPM_DYNAMIC_SHARED(float, shared);  // DARK: dark_scratch(num_taps) floats for each warp
  __shared__ float value[DECODE_BLOCK], poison[DECODE_BLOCK];
  __shared__ int cell[DECODE_BLOCK];
  const SharedBest found{value, poison, cell};
  const int t = threadIdx.x, rounds = blockDim.x / joints_here;  // `rounds` threads look at each joint
  if (t < rounds * joints_here)
    found.put(t, scan_cells(maps(first + t % joints_here), t / joints_here, rounds, H * W, W));
  __syncthreads();
  const int warp = t / WARP, warps = blockDim.x / WARP;
  for (int j = warp; j < joints_here; j += warps) {
    Best best = nothing_yet();
    for (int i = t % WARP; i < rounds; i += WARP) best = better_of(best, found.get(i * joints_here + j));
    finish_as_warp(maps(first + j), warp_best(best), H, W, method, taps, num_taps,
                   shared + warp * dark_scratch(num_taps), joints, scores,
                   (long long)blockIdx.x * J + first + j);
  }
}

template <class T>
struct ChannelsLast {
  const T* person;
  int stride_x, W;
  __device__ DenseMap<T> operator()(int j) const { return DenseMap<T>{person + j, stride_x, W}; }
};

template <class T>
struct MergedChannelsLast {
  ChannelsLast<T> maps, mirrored;
  const int* permutation;
  int W, shift;
  __device__ MergedMap<DenseMap<T>> operator()(int j) const {
    return MergedMap<DenseMap<T>>{maps(j), mirrored(permutation[j]), W, shift};
  }
};

}  // namespace cpm

// v1. A thread owns a map of any strides, start to end; a block owns blockDim.x maps; nothing is shared.
// A warp's 32 loads fall into 32 maps, so each fetches a sector of 32 bytes to use 4 of them.
extern "C" __global__ void decode_v1_f32(const float* maps, long long stride_n, long long stride_j,
                                         long long stride_y, long long stride_x, float* joints, float* scores,
                                         long long num_maps, int J, int H, int W, int method,
                                         const float* taps, int num_taps) {
  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= num_maps) return;
  const cpm::StridedMap<float> map{maps + i / J * stride_n + i % J * stride_j, stride_y, stride_x, W};
  cpm::decode_alone(map, H, W, method, taps, num_taps, joints, scores, i);
}

// v2, in use for large maps, few maps and odd strides. A block (a power of two of at most 256 threads, whole
// warps) owns a map, a thread every blockDim.x-th cell of it. Shared: each thread's best cell.
extern "C" __global__ void __launch_bounds__(256)
    decode_v2_f32(const float* maps, long long stride_n, long long stride_j, long long stride_y,
                  long long stride_x, float* joints, float* scores, int J, int H, int W, int method,
                  const float* taps, int num_taps) {
  const long long person = blockIdx.x / J, j = blockIdx.x % J;
  const cpm::StridedMap<float> map{maps + person * stride_n + j * stride_j, stride_y, stride_x, W};
  cpm::decode_as_block(map, H, W, method, taps, num_taps, joints, scores);
}

extern "C" __global__ void __launch_bounds__(256)
    decode_v2_bf16(const cpm::bfloat16* maps, long long stride_n, long long stride_j, long long stride_y,
                   long long stride_x, float* joints, float* scores, int J, int H, int W, int method,
                   const float* taps, int num_taps) {
  const long long person = blockIdx.x / J, j = blockIdx.x % J;
  const cpm::StridedMap<cpm::bfloat16> map{maps + person * stride_n + j * stride_j, stride_y, stride_x, W};
  cpm::decode_as_block(map, H, W, method, taps, num_taps, joints, scores);
}

extern "C" __global__ void __launch_bounds__(256)
    merge_decode_v2_f32(const float* maps, long long stride_n, long long stride_j, long long stride_y,
                        long long stride_x, const float* mirrored, long long mirrored_n, long long mirrored_j,
                        long long mirrored_y, long long mirrored_x, const int* permutation, int shift,
                        float* joints, float* scores, int J, int H, int W, int method, const float* taps,
                        int num_taps) {
  const long long person = blockIdx.x / J, j = blockIdx.x % J;
  const cpm::StridedMap<float> map{maps + person * stride_n + j * stride_j, stride_y, stride_x, W};
  const cpm::StridedMap<float> twin{mirrored + person * mirrored_n + permutation[j] * mirrored_j, mirrored_y,
                                    mirrored_x, W};
  cpm::decode_as_block(cpm::MergedMap<cpm::StridedMap<float>>{map, twin, W, shift}, H, W, method, taps,
                       num_taps, joints, scores);
}

extern "C" __global__ void __launch_bounds__(256)
    merge_decode_v2_bf16(const cpm::bfloat16* maps, long long stride_n, long long stride_j,
                         long long stride_y, long long stride_x, const cpm::bfloat16* mirrored,
                         long long mirrored_n, long long mirrored_j, long long mirrored_y,
                         long long mirrored_x, const int* permutation, int shift, float* joints,
                         float* scores, int J, int H, int W, int method, const float* taps, int num_taps) {
  const long long person = blockIdx.x / J, j = blockIdx.x % J;
  const cpm::StridedMap<cpm::bfloat16> map{maps + person * stride_n + j * stride_j, stride_y, stride_x, W};
  const cpm::StridedMap<cpm::bfloat16> twin{mirrored + person * mirrored_n + permutation[j] * mirrored_j,
                                            mirrored_y, mirrored_x, W};
  cpm::decode_as_block(cpm::MergedMap<cpm::StridedMap<cpm::bfloat16>>{map, twin, W, shift}, H, W, method,
                       taps, num_taps, joints, scores);
}

// v3, in use for maps without gaps. A warp owns a map; lane i owns the i-th vector of 16 bytes of every 32.
// Between warps nothing is shared; DARK's sums lie in shared memory because 32 lanes make them for each
// other.
extern "C" __global__ void __launch_bounds__(128)
    decode_v3_f32(const float* maps, long long stride_n, long long stride_j, float* joints, float* scores,
                  long long num_maps, int J, int H, int W, int method, const float* taps, int num_taps) {
  const long long i = (long long)blockIdx.x * (blockDim.x / cpm::WARP) + threadIdx.x / cpm::WARP;
  if (i >= num_maps) return;
  const cpm::PlaneMap<float> map{maps + i / J * stride_n + i % J * stride_j, W};
  cpm::decode_as_warp(map, H, W, method, taps, num_taps, joints, scores, i);
}

extern "C" __global__ void __launch_bounds__(128)
    decode_v3_bf16(const cpm::bfloat16* maps, long long stride_n, long long stride_j, float* joints,
                   float* scores, long long num_maps, int J, int H, int W, int method, const float* taps,
                   int num_taps) {
  const long long i = (long long)blockIdx.x * (blockDim.x / cpm::WARP) + threadIdx.x / cpm::WARP;
  if (i >= num_maps) return;
  const cpm::PlaneMap<cpm::bfloat16> map{maps + i / J * stride_n + i % J * stride_j, W};
  cpm::decode_as_warp(map, H, W, method, taps, num_taps, joints, scores, i);
}

// Merged, the cells come one by one: the flipped map runs backwards, out of step with any vector. Eight loads
// of each map are under way, and every byte that a warp fetches is used.
extern "C" __global__ void __launch_bounds__(128)
    merge_decode_v3_f32(const float* maps, long long stride_n, long long stride_j, const float* mirrored,
                        long long mirrored_n, long long mirrored_j, const int* permutation, int shift,
                        float* joints, float* scores, long long num_maps, int J, int H, int W, int method,
                        const float* taps, int num_taps) {
  const long long i = (long long)blockIdx.x * (blockDim.x / cpm::WARP) + threadIdx.x / cpm::WARP;
  if (i >= num_maps) return;
  const cpm::PlaneMap<float> map{maps + i / J * stride_n + i % J * stride_j, W};
  const cpm::PlaneMap<float> twin{mirrored + i / J * mirrored_n + permutation[i % J] * mirrored_j, W};
  cpm::decode_as_warp(cpm::MergedMap<cpm::PlaneMap<float>>{map, twin, W, shift}, H, W, method, taps, num_taps,
                      joints, scores, i);
}

extern "C" __global__ void __launch_bounds__(128)
    merge_decode_v3_bf16(const cpm::bfloat16* maps, long long stride_n, long long stride_j,
                         const cpm::bfloat16* mirrored, long long mirrored_n, long long mirrored_j,
                         const int* permutation, int shift, float* joints, float* scores, long long num_maps,
                         int J, int H, int W, int method, const float* taps, int num_taps) {
  const long long i = (long long)blockIdx.x * (blockDim.x / cpm::WARP) + threadIdx.x / cpm::WARP;
  if (i >= num_maps) return;
  const cpm::PlaneMap<cpm::bfloat16> map{maps + i / J * stride_n + i % J * stride_j, W};
  const cpm::PlaneMap<cpm::bfloat16> twin{mirrored + i / J * mirrored_n + permutation[i % J] * mirrored_j, W};
  cpm::decode_as_warp(cpm::MergedMap<cpm::PlaneMap<cpm::bfloat16>>{map, twin, W, shift}, H, W, method, taps,
                      num_taps, joints, scores, i);
}

// channels_last. A block of 256 threads owns one person and at most 256 joints (blockIdx.y: which), a thread
// one joint and every `rounds`-th cell, so that neighbouring threads read neighbouring joints of one cell.
// Cell i of joint j lies at maps[n * stride_n + i * stride_x + j]. Shared: each thread's best cell.
extern "C" __global__ void __launch_bounds__(256)
    decode_channels_last_f32(const float* maps, long long stride_n, int stride_x, float* joints,
                             float* scores, int J, int H, int W, int method, const float* taps,
                             int num_taps) {
  const int first = blockIdx.y * blockDim.x, here = min(int(blockDim.x), J - first);
  const cpm::ChannelsLast<float> person{maps + blockIdx.x * stride_n, stride_x, W};
  cpm::decode_person(person, first, here, J, H, W, method, taps, num_taps, joints, scores);
}

extern "C" __global__ void __launch_bounds__(256)
    decode_channels_last_bf16(const cpm::bfloat16* maps, long long stride_n, int stride_x, float* joints,
                              float* scores, int J, int H, int W, int method, const float* taps,
                              int num_taps) {
  const int first = blockIdx.y * blockDim.x, here = min(int(blockDim.x), J - first);
  const cpm::ChannelsLast<cpm::bfloat16> person{maps + blockIdx.x * stride_n, stride_x, W};
  cpm::decode_person(person, first, here, J, H, W, method, taps, num_taps, joints, scores);
}

extern "C" __global__ void __launch_bounds__(256)
    merge_decode_channels_last_f32(const float* maps, long long stride_n, int stride_x, const float* mirrored,
                                   long long mirrored_n, int mirrored_x, const int* permutation, int shift,
                                   float* joints, float* scores, int J, int H, int W, int method,
                                   const float* taps, int num_taps) {
  const int first = blockIdx.y * blockDim.x, here = min(int(blockDim.x), J - first);
  const cpm::ChannelsLast<float> person{maps + blockIdx.x * stride_n, stride_x, W};
  const cpm::ChannelsLast<float> twin{mirrored + blockIdx.x * mirrored_n, mirrored_x, W};
  cpm::decode_person(cpm::MergedChannelsLast<float>{person, twin, permutation, W, shift}, first, here, J, H,
                     W, method, taps, num_taps, joints, scores);
}

extern "C" __global__ void __launch_bounds__(256)
    merge_decode_channels_last_bf16(const cpm::bfloat16* maps, long long stride_n, int stride_x,
                                    const cpm::bfloat16* mirrored, long long mirrored_n, int mirrored_x,
                                    const int* permutation, int shift, float* joints, float* scores, int J,
                                    int H, int W, int method, const float* taps, int num_taps) {
  const int first = blockIdx.y * blockDim.x, here = min(int(blockDim.x), J - first);
  const cpm::ChannelsLast<cpm::bfloat16> person{maps + blockIdx.x * stride_n, stride_x, W};
  const cpm::ChannelsLast<cpm::bfloat16> twin{mirrored + blockIdx.x * mirrored_n, mirrored_x, W};
  cpm::decode_person(cpm::MergedChannelsLast<cpm::bfloat16>{person, twin, permutation, W, shift}, first, here,
                     J, H, W, method, taps, num_taps, joints, scores);
}
