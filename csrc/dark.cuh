// The last part of decoding: from the best cell to the answer, with DARK's blur only where it is read.
#pragma once
#include "best_cell.cuh"

namespace cpm {

// ---- DARK: the map is blurred only where its differences are read

// One cell of the blurred map, zeros around it; along x first, as the reference does.
template <class Map>
__device__ float blurred(const Map& map, int x, int y, int H, int W, const float* taps, int num_taps) {
  const int left = x - num_taps / 2, top = y - num_taps / 2;
  float sum = 0.0f;
  for (int row = max(0, -top); row < min(num_taps, H - top); ++row) {
    float along_x = 0.0f;
    for (int k = max(0, -left); k < min(num_taps, W - left); ++k)
      along_x += taps[k] * map(left + k, top + row);
    sum += taps[row] * along_x;
  }
  return sum;
}

// The step of one thread on its own: 13 cells, each from num_taps^2 others.
template <class Map>
__device__ Joint dark_step_alone(const Map& map, int x, int y, float peak, int H, int W, const float* taps,
                                 int num_taps) {
  float logs[25], lowest = peak, rescale = 1.0f;
#pragma unroll 1
  for (int i = 0; i < 25; ++i) {
    logs[i] = 0.0f;
    if (!in_dark_stencil(i % 5 - 2, i / 5 - 2)) continue;
    logs[i] = blurred(map, x + i % 5 - 2, y + i / 5 - 2, H, W, taps, num_taps);
    lowest = fminf(lowest, logs[i]);
  }
  if (lowest < LOG_FLOOR) {  // see dark_log
    float largest = blurred(map, 0, 0, H, W, taps, num_taps);
    for (int i = 1; i < H * W; ++i)
      largest = fmaxf(largest, blurred(map, i % W, i / W, H, W, taps, num_taps));
    rescale = peak / largest;
  }
#pragma unroll 1
  for (int i = 0; i < 25; ++i) logs[i] = dark_log(logs[i], rescale);
  return newton_step(logs, x, y);
}

// Shared memory, in floats, that a warp needs for its sums and logarithms.
CPM_HD int dark_scratch(int num_taps) { return num_taps ? 5 * (num_taps + 4) + 25 : 0; }

// The same by a warp: 5 (num_taps + 4) sums along x, then 25 along y. Right in lane 0. `scratch`: shared,
// dark_scratch(num_taps) floats.
template <class Map>
__device__ __forceinline__ Joint dark_step_as_warp(const Map& map, int x, int y, float peak, int H, int W,
                                                   const float* taps, int num_taps, float* scratch) {
  const int lane = threadIdx.x % WARP, left = x - 2 - num_taps / 2, top = y - 2 - num_taps / 2;
  float *along_x = scratch, *logs = scratch + 5 * (num_taps + 4);
  for (int i = lane; i < 5 * (num_taps + 4); i += WARP) {
    const int row = top + i / 5, first = left + i % 5;
    float sum = 0.0f;
    if (row >= 0 && row < H)
      for (int k = max(0, -first); k < min(num_taps, W - first); ++k) sum += taps[k] * map(first + k, row);
    along_x[i] = sum;
  }
  __syncwarp();
  float value = 0.0f;
  if (lane < 25)
    for (int k = 0; k < num_taps; ++k) value += taps[k] * along_x[lane + 5 * k];
  const bool cut = lane < 25 && in_dark_stencil(lane % 5 - 2, lane / 5 - 2) && value < LOG_FLOOR;
  float rescale = 1.0f;
  if (__any_sync(WHOLE_WARP, cut)) {  // rare: see dark_log
    float largest = blurred(map, 0, 0, H, W, taps, num_taps);
    for (int i = lane; i < H * W; i += WARP)
      largest = fmaxf(largest, blurred(map, i % W, i / W, H, W, taps, num_taps));
    for (int other = WARP / 2; other > 0; other /= 2)
      largest = fmaxf(largest, __shfl_xor_sync(WHOLE_WARP, largest, other));
    rescale = peak / largest;
  }
  if (lane < 25) logs[lane] = dark_log(value, rescale);
  __syncwarp();
  const Joint joint = lane == 0 ? newton_step(logs, x, y) : Joint{0.0f, 0.0f};
  __syncwarp();  // scratch may be written again
  return joint;
}

// ---- from the best cell to the answer

// Whether DARK steps at all; if not, `joint` is its answer.
__device__ __forceinline__ bool dark_steps(const Best& best, int x, int y, int H, int W, Joint& joint) {
  joint = best.value > 0.0f ? Joint{float(x), float(y)} : Joint{-1.0f, -1.0f};
  return best.value > 0.0f && best.poison == 0.0f && dark_inside(x, y, H, W);
}

__device__ __forceinline__ void write_answer(const Joint& joint, float score, float* joints, float* scores,
                                             long long map) {
  joints[2 * map] = joint.x, joints[2 * map + 1] = joint.y, scores[map] = score;
}

// By a whole warp whose lanes all know `best`.
template <class Map>
__device__ __forceinline__ void finish_as_warp(const Map& map, const Best& best, int H, int W, int method,
                                               const float* taps, int num_taps, float* scratch, float* joints,
                                               float* scores, long long index) {
  const int lane = threadIdx.x % WARP, y = best.cell / W, x = best.cell - y * W;
  Joint joint;
  if (method != DARK) {
    if (lane == 0) joint = refine(map, method, x, y, best.value, H, W);
  } else if (dark_steps(best, x, y, H, W, joint)) {
    joint = dark_step_as_warp(map, x, y, best.value, H, W, taps, num_taps, scratch);
  }
  if (lane == 0) write_answer(joint, best.value, joints, scores, index);
}

}  // namespace cpm
