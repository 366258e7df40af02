// Reading belief maps: where the cells of one map lie, and the best of them.
#pragma once
#include "common.cuh"

namespace cpm {

// ---- views: where the cells of one map lie
//
// map(x, y) reads a cell. fetch(i, x) only begins to: cell i of the row-by-row order, in column x, as
// `Fetched`, of which value() makes the number. Many fetches can be under way before the first value is asked
// for.

template <class T>
struct StridedMap {  // anywhere
  typedef T Fetched;
  const T* origin;
  long long stride_y, stride_x;
  int width;
  __device__ T fetch(int i, int x) const { return origin[i / width * stride_y + x * stride_x]; }
  __device__ static float value(T fetched) { return to_float(fetched); }
  __device__ float operator()(int x, int y) const { return to_float(origin[y * stride_y + x * stride_x]); }
};

template <class T>
struct DenseMap {  // cell i at i * stride
  typedef T Fetched;
  const T* origin;
  int stride, width;
  __device__ T fetch(int i, int) const { return origin[(long long)i * stride]; }
  __device__ static float value(T fetched) { return to_float(fetched); }
  __device__ float operator()(int x, int y) const { return value(fetch(y * width + x, x)); }
};

template <class T>
struct PlaneMap {  // without gaps
  typedef T Fetched;
  const T* cells;
  int width;
  __device__ T fetch(int i, int) const { return cells[i]; }
  __device__ static float value(T fetched) { return to_float(fetched); }
  __device__ float operator()(int x, int y) const { return to_float(cells[y * width + x]); }
};

template <class Map>
struct MergedMap {  // the mean of a map and its flipped twin
  struct Fetched {
    typename Map::Fetched one, other;
  };
  Map map, mirrored;
  int width, shift;
  __device__ int mirror(int x) const { return width - 1 - max(x - shift, 0); }
  __device__ Fetched fetch(int i, int x) const {
    return Fetched{map.fetch(i, x), mirrored.fetch(i - x + mirror(x), mirror(x))};
  }
  __device__ static float value(const Fetched& fetched) {
    return 0.5f * (Map::value(fetched.one) + Map::value(fetched.other));
  }
  __device__ float operator()(int x, int y) const { return value(fetch(y * width + x, x)); }
};

// ---- the best cell

struct Best {
  float value;   // NaN until a number was seen
  int cell;      // y * W + x
  float poison;  // 0, or NaN once a cell was NaN or infinite: DARK must not step there
};

__device__ __forceinline__ Best nothing_yet() { return Best{not_a_number(), 0, 0.0f}; }

// Cells must come in rising order: of equal ones the first stays.
__device__ __forceinline__ void consider(Best& best, float value, int cell) {
  best.poison += 0.0f * value;
  if (!(value <= best.value) && value == value) best.value = value, best.cell = cell;
}

__device__ __forceinline__ Best better_of(const Best& a, const Best& b) {
  const bool first_number = a.value != a.value && b.value == b.value;
  const bool take_b = b.value > a.value || first_number || (b.value == a.value && b.cell < a.cell);
  return Best{take_b ? b.value : a.value, take_b ? b.cell : a.cell, a.poison + b.poison};
}

__device__ __forceinline__ Best warp_best(Best best) {
#pragma unroll
  for (int lane = WARP / 2; lane > 0; lane /= 2)
    best = better_of(best, Best{__shfl_xor_sync(WHOLE_WARP, best.value, lane),
                                __shfl_xor_sync(WHOLE_WARP, best.cell, lane),
                                __shfl_xor_sync(WHOLE_WARP, best.poison, lane)});
  return best;
}

// Cells first, first + step, ... of a map. Eight are under way before the first is looked at: memory takes
// more than half a microsecond to answer, and must be kept busy meanwhile.
template <class Map>
__device__ __forceinline__ Best scan_cells(const Map& map, int first, int step, int cells, int width) {
  constexpr int BATCH = 8;
  Best best = nothing_yet();
  const int columns = step % width;
  int x = first % width;
  for (int i = first; i < cells; i += BATCH * step) {
    typename Map::Fetched fetched[BATCH];
#pragma unroll
    for (int k = 0; k < BATCH; ++k) {
      if (i + k * step < cells) fetched[k] = map.fetch(i + k * step, x);
      x += columns;
      if (x >= width) x -= width;
    }
#pragma unroll
    for (int k = 0; k < BATCH; ++k)
      if (i + k * step < cells) consider(best, Map::value(fetched[k]), i + k * step);
  }
  return best;
}

// What lane `lane` of the warp that owns the map sees.
template <class Map>
__device__ __forceinline__ Best scan_as_warp(const Map& map, int lane, int cells, int width) {
  return scan_cells(map, lane, WARP, cells, width);
}

template <class T>
__device__ __forceinline__ Best scan_as_warp(const PlaneMap<T>& map, int lane, int cells, int) {
  constexpr int V = VECTOR<T>, BATCH = 16 / V;
  Best best = nothing_yet();
  const Split split = split_into_vectors(map.cells, cells);
  const T* body = map.cells + split.head;
  if (lane < split.head) consider(best, to_float(map.cells[lane]), lane);
  for (int v = lane; v < split.vectors; v += BATCH * WARP) {
    float values[BATCH][V];
#pragma unroll
    for (int k = 0; k < BATCH; ++k)
      if (v + k * WARP < split.vectors) load_vector(body + (v + k * WARP) * V, values[k]);
#pragma unroll
    for (int k = 0; k < BATCH; ++k)
      if (v + k * WARP < split.vectors)
#pragma unroll
        for (int c = 0; c < V; ++c) consider(best, values[k][c], split.head + (v + k * WARP) * V + c);
  }
  const int tail = split.head + split.vectors * V + lane;
  if (tail < cells) consider(best, to_float(map.cells[tail]), tail);
  return best;
}

}  // namespace cpm
