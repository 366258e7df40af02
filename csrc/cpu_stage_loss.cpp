// The stage loss on the CPU. The targets of a person are drawn once, into the second-level cache, and
// compared with the maps of one stage after the other (whole people: shorter runs of memory were measured to
// cost a third more). The pass that adds up the squares also writes the gradient.
#include "cpu_gaussian.h"

namespace cpm {
namespace {

// Sum of (map - target)^2 over the cells; gradient = factor * (map - target) where one is wanted. Added up in
// an order that depends on nothing but the number of cells.
template <class T>
float compare(const T* map, const float* target, T* gradient, float factor, int64_t cells) {
  constexpr int CHAINS = 4;  // independent sums, so that an addition need not wait for the last
  Floats sums[CHAINS] = {};
  int64_t i = 0;
  for (; i + CHAINS * LANES <= cells; i += CHAINS * LANES) {
    for (int chain = 0; chain < CHAINS; ++chain) {
      const int64_t at = i + chain * LANES;
      const Floats difference = load(map + at) - load(target + at);
      sums[chain] += difference * difference;
      if (gradient) store(gradient + at, difference * factor);
    }
  }
  float rest = 0.0f;
  for (; i < cells; ++i) {
    const float difference = to_float(map[i]) - target[i];
    rest += difference * difference;
    if (gradient) store(gradient + i, difference * factor);
  }
  const Floats sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int lane = 0; lane < LANES; ++lane) rest += sum[lane];
  return rest;
}

template <class T>
int64_t loss_of_people(const CpmStageLoss& loss, double* partial, int64_t begin, int64_t end) {
  const int64_t cells = int64_t(loss.H) * loss.W;
  const CpmGaussians* g = loss.gaussians;
  std::unique_ptr<GaussianPen> pen(g ? new GaussianPen(*g) : nullptr);
  std::unique_ptr<float[]> drawn(g ? new float[loss.C * cells] : nullptr);
  for (int64_t n = begin; n < end; ++n) {
    if (g) {
      const int64_t unplaced = pen->first_unplaced(n);
      if (unplaced >= 0) return unplaced;
      std::memset(drawn.get(), 0, g->J * cells * sizeof(float));
      float* background = g->background ? drawn.get() + g->J * cells : nullptr;
      if (background) fill_ones(background, cells);
      for (int j = 0; j < g->J; ++j) pen->draw(n * g->J + j, drawn.get() + j * cells, background);
    }
    for (int64_t t = 0; t < loss.T; ++t) {
      const float* target = g ? drawn.get() : loss.targets + t * loss.target_stride_t + n * loss.C * cells;
      for (int c = 0; c < loss.C; ++c, target += cells) {
        const int64_t place = (t * loss.N + n) * loss.C + c;
        const T* map = static_cast<const T*>(loss.maps) + place * cells;
        T* gradient = loss.gradient ? static_cast<T*>(loss.gradient) + place * cells : nullptr;
        const float weight = loss.weights[t * loss.weight_stride_t + n * loss.C + c];
        const float squares = compare(map, target, gradient, 2.0f * loss.scale * weight, cells);
        partial[place] = double(weight * squares);  // in float, as the reference: 0 * infinity stays NaN
      }
    }
  }
  return -1;
}

template <class T>
void scale(T* maps, int64_t cells, float factor) {
  int64_t i = 0;
  for (; i + LANES <= cells; i += LANES) store(maps + i, load(maps + i) * factor);
  for (; i < cells; ++i) store(maps + i, to_float(maps[i]) * factor);
}

}  // namespace
}  // namespace cpm

int64_t cpm_cpu_stage_loss(const CpmStageLoss* loss, double* partial, int64_t begin, int64_t end) {
  if (loss->dtype == CPM_BFLOAT16) return cpm::loss_of_people<cpm::bfloat16>(*loss, partial, begin, end);
  return cpm::loss_of_people<float>(*loss, partial, begin, end);
}

void cpm_cpu_scale_stages(void* maps, int dtype, int64_t T, int64_t size, const float* factors, int64_t begin,
                          int64_t end) {
  for (int64_t t = 0; t < T; ++t) {
    if (factors[t] == 1.0f) continue;
    const int64_t first = t * size + begin;
    if (dtype == CPM_BFLOAT16)
      cpm::scale(static_cast<cpm::bfloat16*>(maps) + first, end - begin, factors[t]);
    else
      cpm::scale(static_cast<float*>(maps) + first, end - begin, factors[t]);
  }
}
