// Best cells of belief maps: the largest number, ties to the lowest row, then column. NaN never wins, because
// every comparison with it is false; a map of NaN alone gives cell 0.
#pragma once
#include "cpu_simd.h"

namespace cpm {

struct Peak {
  int64_t cell;  // y * W + x
  float value;
  bool finite;  // no NaN or infinity in the map; only known where asked for
};

// What the vector searches leave open: they begin at -inf and only a larger number moves them on.
template <class Read>
int64_t first_infinity(const Read& read, int64_t cells) {
  for (int64_t cell = 0; cell < cells; ++cell)
    if (read(cell) == -INFINITY) return cell;
  return 0;
}

// Contiguous maps. Every lane remembers its largest number and in which chunk it stood; then only the first
// chunk that holds the overall largest is searched. The last chunk may overlap the one before.
constexpr int CHUNK_VECTORS = 8;
constexpr int CHUNK = CHUNK_VECTORS * LANES;

template <bool NEED_FINITE, class T>
Peak find_peak(const T* map, int64_t cells) {
  Peak peak{0, -INFINITY, true};
  if (cells < CHUNK) {
    for (int64_t cell = 0; cell < cells; ++cell) {
      const float value = to_float(map[cell]);
      if (value > peak.value) peak.cell = cell, peak.value = value;
      if (NEED_FINITE && !is_finite(value)) peak.finite = false;
    }
  } else {
    Floats best = splat(-INFINITY), spoiled{};
    Ints best_chunk{};
    const int chunks = int((cells + CHUNK - 1) / CHUNK);
    auto start = [&](int chunk) { return chunk < chunks - 1 ? int64_t(chunk) * CHUNK : cells - CHUNK; };
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const T* place = map + start(chunk);
      Floats even = splat(-INFINITY), odd = even;  // not `best`: chunks need not wait for each other
      for (int v = 0; v < CHUNK_VECTORS; v += 2) {
        const Floats a = load(place + v * LANES), b = load(place + (v + 1) * LANES);
        even = a > even ? a : even;
        odd = b > odd ? b : odd;
        if (NEED_FINITE) spoiled += (a - a) + (b - b);  // NaN as soon as one is not finite
      }
      even = odd > even ? odd : even;
      best_chunk = even > best ? Ints{} + chunk : best_chunk;
      best = even > best ? even : best;
    }
    peak.value = largest_lane(best);
    const int first = smallest_lane(best == peak.value ? best_chunk : Ints{} + chunks);
    if (NEED_FINITE) peak.finite = smallest_lane(spoiled == 0.0f ? Ints{} + 1 : Ints{}) == 1;
    const T* place = map + start(first);
    Ints found = Ints{} + CHUNK;
    for (int v = CHUNK_VECTORS - 1; v >= 0; --v)
      found = load(place + v * LANES) == peak.value ? lane_numbers() + v * LANES : found;
    peak.cell = start(first) + smallest_lane(found);
  }
  if (peak.value == -INFINITY) peak.cell = first_infinity([&](int64_t i) { return to_float(map[i]); }, cells);
  peak.value = to_float(map[peak.cell]);  // -0 where that was the first of the zeros; NaN where all is NaN
  return peak;
}

// Maps whose joints lie side by side in memory (channels_last): a lane a joint, L joints at a time. Every
// lane remembers its largest number and in which row it first stood.
template <bool NEED_FINITE, int L, class T>
void find_peaks_of_lanes(const T* first, int H, int W, int64_t stride_y, int64_t stride_x, Peak* peaks) {
  using F = typename Vector<L>::Floats;
  F best = F{} - INFINITY, spoiled{};
  typename Vector<L>::Ints best_row{};
  for (int y = 0; y < H; ++y) {
    const T* place = first + y * stride_y;
    F even = best, odd = best;
    for (int x = 0; x < W; x += 2) {
      const F a = load<L>(place + x * stride_x), b = load<L>(place + (x + 1 < W ? x + 1 : x) * stride_x);
      even = a > even ? a : even;
      odd = b > odd ? b : odd;
      if (NEED_FINITE) spoiled += (a - a) + (b - b);
    }
    even = odd > even ? odd : even;
    best_row = even > best ? typename Vector<L>::Ints{} + y : best_row;
    best = even;
  }
  for (int lane = 0; lane < L; ++lane) {
    auto read = [&](int64_t y, int64_t x) { return to_float(first[y * stride_y + x * stride_x + lane]); };
    int64_t y = best_row[lane], x = 0;
    if (best[lane] == -INFINITY) {
      const int64_t cell = first_infinity([&](int64_t i) { return read(i / W, i % W); }, int64_t(H) * W);
      y = cell / W, x = cell % W;
    } else {
      while (read(y, x) != best[lane]) ++x;
    }
    peaks[lane] = Peak{y * W + x, read(y, x), !NEED_FINITE || spoiled[lane] == 0.0f};
  }
}

// All J >= 4 joints; the last group overlaps the one before where J is not a multiple.
template <bool NEED_FINITE, int L, class T>
void find_peaks_side_by_side(const T* person, int J, int H, int W, int64_t stride_y, int64_t stride_x,
                             Peak* peaks) {
  if constexpr (L > 4) {
    if (J < L) return find_peaks_side_by_side<NEED_FINITE, L / 2>(person, J, H, W, stride_y, stride_x, peaks);
  }
  for (int j = 0; j < J; j += L) {
    const int at = j + L <= J ? j : J - L;
    find_peaks_of_lanes<NEED_FINITE, L>(person + at, H, W, stride_y, stride_x, peaks + at);
  }
}

}  // namespace cpm
