// Gaussian targets on the CPU: a map is cleared, then only the cells around its joint are written, while the
// map is still in the first-level cache. exp is taken H + W times a map, not H * W times.
#include "cpu_gaussian.h"

namespace cpm {
namespace {

template <class T>
int64_t draw_people(const CpmGaussians& g, T* out, int64_t begin, int64_t end) {
  GaussianPen pen(g);
  const int64_t cells = int64_t(g.H) * g.W;
  for (int64_t n = begin; n < end; ++n) {
    const int64_t unplaced = pen.first_unplaced(n);
    if (unplaced >= 0) return unplaced;
    T* map = out + n * (g.J + g.background) * cells;
    T* background = g.background ? map + g.J * cells : nullptr;
    if (background) fill_ones(background, cells);
    for (int j = 0; j < g.J; ++j, map += cells) {
      std::memset(map, 0, cells * sizeof(T));
      pen.draw(n * g.J + j, map, background);
    }
  }
  return -1;
}

}  // namespace
}  // namespace cpm

int64_t cpm_cpu_gaussian_targets(const CpmGaussians* gaussians, void* out, int dtype, int64_t begin,
                                 int64_t end) {
  if (dtype == CPM_BFLOAT16)
    return cpm::draw_people(*gaussians, static_cast<cpm::bfloat16*>(out), begin, end);
  return cpm::draw_people(*gaussians, static_cast<float*>(out), begin, end);
}
