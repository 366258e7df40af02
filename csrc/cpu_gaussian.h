// One Gaussian on a map of zeros, and only the cells where it is above zero: what the targets and the stage
// loss share on the CPU.
#pragma once
#include <memory>

#include "cpm_ops.h"
#include "cpu_simd.h"

namespace cpm {

// exp(-EXPONENT_LIMIT) is just above the smallest normal float. What lies below stays 0: subnormal numbers
// are slow to multiply and nothing is gained by them.
constexpr float EXPONENT_LIMIT = 87.33f;

// The cells 0 <= i < size with |i - x0| <= reach.
struct CellRange {
  int begin, end;

  CellRange(double x0, double reach, int size) {
    const double first = x0 - reach, last = x0 + reach + 1.0;
    begin = !(first > 0.0) ? 0 : (first < size ? int(first) : size);
    begin += begin < first && begin < size;
    end = !(last < size) ? size : (last > begin ? int(last) : begin);
  }
};

class GaussianPen {
 public:
  explicit GaussianPen(const CpmGaussians& gaussians)
      : g_(gaussians),
        scale_(float(0.5 / (double(g_.sigma) * g_.sigma))),
        radius_(std::sqrt(2.0 * EXPONENT_LIMIT) * g_.sigma),
        reach_(1.000001 * (g_.reach < radius_ ? g_.reach : radius_)),
        most_cells_(reach_ < 1e6 ? int(2.0 * reach_) + 1 : 1 << 30),
        axes_(new float[padded(g_.W) + padded(g_.H)]),
        along_x_(axes_.get()),
        along_y_(axes_.get() + padded(g_.W)),
        rows_(new int[2 * int64_t(g_.H)]),
        first_(rows_.get()),
        last_(rows_.get() + g_.H) {}

  // First joint of person n that is drawn though it has no finite place, as n * J + j; -1 if none.
  int64_t first_unplaced(int64_t n) const {
    for (int64_t joint = n * g_.J; joint < (n + 1) * g_.J; ++joint)
      if (drawn(joint) && !(is_finite(g_.centers[2 * joint]) && is_finite(g_.centers[2 * joint + 1])))
        return joint;
    return -1;
  }

  // Draws `joint` = n * J + j into a map of zeros and takes it off `background` (which begins as ones and
  // may be null), where its weight says so.
  template <class T>
  void draw(int64_t joint, T* map, T* background) {
    if (!drawn(joint)) return;
    const float x0 = g_.centers[2 * joint], y0 = g_.centers[2 * joint + 1];
    const CellRange columns(x0, reach_, g_.W), rows(y0, reach_, g_.H);
    if (columns.begin == columns.end || rows.begin == rows.end) return;
    const int start = start_of(columns.begin, columns.end);
    fill_axis(along_x_, x0, start, columns.end);
    if (!background && columns.end - start <= LANES && g_.W >= LANES)
      return draw_narrow(map, start, y0, rows.begin);
    fill_axis(along_y_, y0, rows.begin, rows.end);
    const bool round = 2.0 * reach_ * reach_ > radius_ * radius_ && radius_ < 1e9;
    if (round) fit_rows(x0, y0, columns, rows);
    for (int y = rows.begin; y < rows.end; ++y) {
      const int64_t row = int64_t(y) * g_.W;
      draw_row(map + row, background ? background + row : nullptr, along_y_[y],
               round ? first_[y] : columns.begin, round ? last_[y] : columns.end);
    }
  }

 private:
  // Room for a vector that begins in the last cell.
  static int64_t padded(int size) { return int64_t(size) + LANES; }

  bool drawn(int64_t joint) const { return g_.weights[joint] > 0.0f; }

  // exp(-(i - x0)^2 / (2 sigma^2)) at the cells begin..end and those that share a vector with them; 0 beyond
  // the reach.
  void fill_axis(float* axis, float x0, int begin, int end) const {
    for (int i = begin; i < end; i += LANES) {
      const Floats d = __builtin_convertvector(lane_numbers() + i, Floats) - x0;
      const Floats exponent = d * d * scale_;
      const Ints inside = ((d < 0.0f ? -d : d) <= g_.reach) & (exponent <= EXPONENT_LIMIT);
      store(axis + i, inside ? exp_normal(inside ? -exponent : Floats{}) : Floats{});
    }
  }

  // Where the vectors of columns begin..end start: a patch fits best where it begins, a wide row where no
  // vector crosses a cache line. The last vector ends with the row.
  int start_of(int begin, int end) const {
    const int start = end - begin > LANES ? begin / LANES * LANES : begin;
    return start + LANES <= g_.W ? start : (g_.W > LANES ? g_.W - LANES : 0);
  }

  // The common case: the columns fit into one vector, from `start`. The number of rows does not depend on the
  // fraction of y0, so that the processor can foresee it; the last row may be zeros.
  template <class T>
  void draw_narrow(T* map, int start, float y0, int begin) {
    const int end = g_.H - begin > most_cells_ ? begin + most_cells_ : g_.H;
    fill_axis(along_y_, y0, begin, end);
    const Floats along_x = load(along_x_ + start);
    T* place = map + int64_t(begin) * g_.W + start;
    for (int y = begin; y < end; ++y, place += g_.W) store(place, along_x * along_y_[y]);
  }

  // Which columns of each row to draw where the product of both axes is a normal number only within a disc.
  void fit_rows(float x0, float y0, CellRange columns, CellRange rows) {
    const float square = float(radius_ * radius_), begin = float(columns.begin), end = float(columns.end);
    for (int y = rows.begin; y < rows.end; ++y) {
      const float dy = float(y) - y0, rest = square - dy * dy;
      const float half = std::sqrt(rest > 0.0f ? rest : 0.0f);
      const float from = x0 - half, to = x0 + half + 1.0f;
      first_[y] = int(from > begin ? (from < end ? from : end) : begin);
      last_[y] = int(to < end ? (to > begin ? to : begin) : end);
    }
  }

  // Columns begin..end and those that share a vector with them, where along_x_ may be 0.
  template <class T>
  void draw_row(T* row, T* background, float factor, int begin, int end) const {
    if (g_.W < LANES) {
      for (int x = begin; x < end; ++x) {
        const float value = along_x_[x] * factor;
        store(row + x, value);
        if (background && 1.0f - value < to_float(background[x])) store(background + x, 1.0f - value);
      }
      return;
    }
    for (int x = start_of(begin, end); x < end; x += LANES) {
      const int at = x + LANES <= g_.W ? x : g_.W - LANES;
      const Floats values = load(along_x_ + at) * factor;
      store(row + at, values);
      if (background) {
        const Floats rest = 1.0f - values, before = load(background + at);
        store(background + at, rest < before ? rest : before);
      }
    }
  }

  CpmGaussians g_;
  float scale_;     // 1 / (2 sigma^2)
  double radius_;   // cells; further out the Gaussian counts as 0
  double reach_;    // with a margin for rounding: fill_axis compares exactly
  int most_cells_;  // of an axis within the reach
  std::unique_ptr<float[]> axes_;
  float *along_x_, *along_y_;
  std::unique_ptr<int[]> rows_;
  int *first_, *last_;
};

template <class T>
void fill_ones(T* map, int64_t cells) {
  for (int64_t i = 0; i < cells; ++i) store(map + i, 1.0f);
}

}  // namespace cpm
