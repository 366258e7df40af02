// Decoding on the CPU: the best cell of a map by a vector search (cpu_peaks.h), then the step below one cell
// by the rules that the CUDA kernels share (rules.h). Maps are read in place; only a merged map, and one of
// unusual strides, is first written to a scratch plane that stays in the first-level cache.
#include <memory>
#include <vector>

#include "cpm_ops.h"
#include "cpu_peaks.h"

namespace cpm {
namespace {

// One belief map in memory.
template <class T>
struct Plane {
  const T* data;
  int H, W;
  int64_t stride_y, stride_x;

  float operator()(int x, int y) const { return to_float(data[y * stride_y + x * stride_x]); }
};

// Blurs parts of maps with zeros around them, by the taps along y and then along x.
class Blur {
 public:
  explicit Blur(const CpmDecoder& decoder)
      : size_(decoder.num_taps),
        half_(size_ / 2),
        window_((size_ + 4 + LANES - 1) / LANES * LANES),
        strip_(window_ + 2 * half_ + 2 * LANES),
        padded_taps_(size_ + 8, 0.0f),
        strips_(5 * strip_, 0.0f) {
    for (int k = 0; k < size_; ++k) padded_taps_[k + 4] = decoder.taps[k];
    taps_ = padded_taps_.data() + 4;
  }

  // The 5 x 5 blurred cells around (x, y).
  template <class T>
  void around(const Plane<T>& map, int x, int y, float* blurred) {
    if (map.stride_x != 1 || map.W < window_) {
      for (int dy = 0; dy < 5; ++dy) row(map, x - 2, y + dy - 2, 5, blurred + 5 * dy);
      return;
    }
    // The columns that count lie in a window of whole vectors, moved inward where it would leave the map. A
    // strip holds one of the five rows, blurred along y, with zeros on either side.
    const int wanted = x - 2 - half_, top = y - 2 - half_;
    const int left = wanted < 0 ? 0 : (wanted > map.W - window_ ? map.W - window_ : wanted);
    const int first = top < 0 ? -top : 0, last = top + size_ + 4 > map.H ? map.H - top : size_ + 4;
    for (int column = 0; column < window_; column += LANES) {
      Floats sums[5] = {};
      const T* cells = map.data + (top + first) * map.stride_y + left + column;
      for (int i = first; i < last; ++i, cells += map.stride_y) {
        const Floats values = load(cells);
        for (int dy = 0; dy < 5; ++dy) sums[dy] += taps_[i - dy] * values;  // 0 beyond the taps
      }
      for (int dy = 0; dy < 5; ++dy) store(&strips_[dy * strip_ + half_ + column], sums[dy]);
    }
    for (int dy = 0; dy < 5; ++dy) {
      const float* start = &strips_[dy * strip_ + half_ + wanted - left];
      for (int dx = 0; dx < 5; dx += LANES) {
        Floats sum{};
        for (int k = 0; k < size_; ++k) sum += taps_[k] * load(start + dx + k);
        for (int lane = 0; lane < LANES && dx + lane < 5; ++lane) blurred[5 * dy + dx + lane] = sum[lane];
      }
    }
  }

  // The cells (x .. x + count - 1, y) of the blurred map.
  template <class T>
  void row(const Plane<T>& map, int x, int y, int count, float* blurred) {
    const int width = count + 2 * half_, left = x - half_;  // the columns that count
    columns_.assign(width, 0.0f);
    const int begin = left < 0 ? -left : 0, end = left + width > map.W ? map.W - left : width;
    const int first = y < half_ ? half_ - y : 0, last = y + half_ < map.H ? size_ : map.H - y + half_;
    for (int k = first; k < last; ++k) {
      const float tap = taps_[k];
      const T* cells = map.data + (y - half_ + k) * map.stride_y + left * map.stride_x;
      if (map.stride_x == 1) {
        for (int i = begin; i < end; ++i) columns_[i] += tap * to_float(cells[i]);
      } else {
        for (int i = begin; i < end; ++i) columns_[i] += tap * to_float(cells[i * map.stride_x]);
      }
    }
    for (int i = 0; i < count; ++i) blurred[i] = 0.0f;
    for (int k = 0; k < size_; ++k)
      for (int i = 0; i < count; ++i) blurred[i] += taps_[k] * columns_[i + k];
  }

  template <class T>
  float largest(const Plane<T>& map) {
    blurred_.resize(map.W);
    float largest = -INFINITY;
    for (int y = 0; y < map.H; ++y) {
      row(map, 0, y, map.W, blurred_.data());
      for (const float value : blurred_) largest = value > largest ? value : largest;
    }
    return largest;
  }

 private:
  int size_, half_;
  int window_, strip_;  // of `around`: columns that are read, and their number with the zeros beside them
  std::vector<float> padded_taps_, strips_, columns_, blurred_;
  const float* taps_;  // from -4 to size_ + 3
};

template <class T>
Joint dark(const Plane<T>& map, const Peak& peak, int x, int y, Blur& blur) {
  if (!(peak.value > 0.0f)) return Joint{-1.0f, -1.0f};
  if (!peak.finite || !dark_inside(x, y, map.H, map.W)) return Joint{float(x), float(y)};
  float cells[25], lowest = INFINITY, rescale = 1.0f;
  blur.around(map, x, y, cells);
  for (int i = 0; i < 25; ++i)
    if (in_dark_stencil(i % 5 - 2, i / 5 - 2) && cells[i] < lowest) lowest = cells[i];
  if (lowest < LOG_FLOOR) rescale = peak.value / blur.largest(map);
  for (int i = 0; i < 25; ++i)
    if (in_dark_stencil(i % 5 - 2, i / 5 - 2)) cells[i] = dark_log(cells[i], rescale);
  return newton_step(cells, x, y);
}

// Decodes joints one by one and writes them to their places.
class Decoding {
 public:
  Decoding(const CpmDecoder& decoder, float* joints, float* scores)
      : method_(decoder.method), blur_(decoder), joints_(joints), scores_(scores) {}

  bool needs_finite() const { return method_ == DARK; }

  template <class T>
  void decode_contiguous(const T* map, int H, int W, int64_t joint) {
    const int64_t cells = int64_t(H) * W;
    decode_at(Plane<T>{map, H, W, W, 1},
              needs_finite() ? find_peak<true>(map, cells) : find_peak<false>(map, cells), joint);
  }

  template <class T>
  void decode_at(const Plane<T>& map, const Peak& peak, int64_t joint) {
    const int x = int(peak.cell % map.W), y = int(peak.cell / map.W);
    const Joint place =
        method_ == DARK ? dark(map, peak, x, y, blur_) : refine(map, method_, x, y, peak.value, map.H, map.W);
    joints_[2 * joint] = place.x;
    joints_[2 * joint + 1] = place.y;
    scores_[joint] = peak.value;
  }

 private:
  int method_;
  Blur blur_;
  float *joints_, *scores_;
};

template <class T>
void decode_in_place(const CpmMaps& maps, Decoding& decoding, int64_t begin, int64_t end) {
  std::vector<Peak> peaks(maps.J);
  for (int64_t n = begin; n < end; ++n) {
    const T* person = static_cast<const T*>(maps.data) + n * maps.stride_n;
    if (maps.stride_x == 1 && maps.stride_y == maps.W) {
      for (int j = 0; j < maps.J; ++j)
        decoding.decode_contiguous(person + j * maps.stride_j, maps.H, maps.W, n * maps.J + j);
      continue;
    }
    if (decoding.needs_finite())
      find_peaks_side_by_side<true, LANES>(person, maps.J, maps.H, maps.W, maps.stride_y, maps.stride_x,
                                           peaks.data());
    else
      find_peaks_side_by_side<false, LANES>(person, maps.J, maps.H, maps.W, maps.stride_y, maps.stride_x,
                                            peaks.data());
    for (int j = 0; j < maps.J; ++j)
      decoding.decode_at(Plane<T>{person + j, maps.H, maps.W, maps.stride_y, maps.stride_x}, peaks[j],
                         n * maps.J + j);
  }
}

// Row y of map (n, j) as floats side by side: where it is, if it is so already, else in `buffer`.
const float* row_of(const CpmMaps& maps, int64_t n, int j, int y, float* buffer) {
  const int64_t start = n * maps.stride_n + j * maps.stride_j + y * maps.stride_y;
  if (maps.dtype == CPM_BFLOAT16) {
    const bfloat16* row = static_cast<const bfloat16*>(maps.data) + start;
    for (int x = 0; x < maps.W; ++x) buffer[x] = to_float(row[x * maps.stride_x]);
    return buffer;
  }
  const float* row = static_cast<const float*>(maps.data) + start;
  if (maps.stride_x == 1) return row;
  for (int x = 0; x < maps.W; ++x) buffer[x] = row[x * maps.stride_x];
  return buffer;
}

// Mean of a row and of the mirrored one, which comes back from the right and may be a cell late.
void merge_row(const float* row, const float* mirrored, bool shift, int W, float* merged) {
  const float* last = mirrored + W - 1 + shift;  // what meets cell x > 0 is last[-x]
  merged[0] = 0.5f * (row[0] + mirrored[W - 1]);
  if (W <= LANES) {
    for (int x = 1; x < W; ++x) merged[x] = 0.5f * (row[x] + last[-x]);
    return;
  }
  for (int x = 1; x < W; x += LANES) {
    const int at = x + LANES <= W ? x : W - LANES;
    store(merged + at, 0.5f * (load(row + at) + reversed(load(last - at - (LANES - 1)))));
  }
}

void decode_copies(const CpmMaps& maps, const CpmMirrored* mirrored, Decoding& decoding, int64_t begin,
                   int64_t end) {
  const int H = maps.H, W = maps.W;
  std::unique_ptr<float[]> scratch(new float[(int64_t(H) + 2) * W]);
  float *plane = scratch.get(), *buffer = plane + int64_t(H) * W, *mirrored_buffer = buffer + W;
  for (int64_t n = begin; n < end; ++n) {
    for (int j = 0; j < maps.J; ++j) {
      for (int y = 0; y < H; ++y) {
        float* out = plane + int64_t(y) * W;
        const float* row = row_of(maps, n, j, y, mirrored ? buffer : out);
        if (mirrored)
          merge_row(row, row_of(mirrored->maps, n, mirrored->permutation[j], y, mirrored_buffer),
                    mirrored->shift, W, out);
        else if (row != out)
          std::memcpy(out, row, W * sizeof(float));
      }
      decoding.decode_contiguous(static_cast<const float*>(plane), H, W, n * maps.J + j);
    }
  }
}

}  // namespace
}  // namespace cpm

void cpm_cpu_decode(const CpmMaps* maps, const CpmMirrored* mirrored, const CpmDecoder* decoder,
                    float* joints, float* scores, int64_t begin, int64_t end) {
  cpm::Decoding decoding(*decoder, joints, scores);
  const bool contiguous = maps->stride_x == 1 && maps->stride_y == maps->W;
  const bool side_by_side = maps->stride_j == 1 && maps->J >= 4 && int64_t(maps->H) * maps->W <= INT32_MAX;
  if (mirrored || !(contiguous || side_by_side))
    cpm::decode_copies(*maps, mirrored, decoding, begin, end);
  else if (maps->dtype == CPM_BFLOAT16)
    cpm::decode_in_place<cpm::bfloat16>(*maps, decoding, begin, end);
  else
    cpm::decode_in_place<float>(*maps, decoding, begin, end);
}
