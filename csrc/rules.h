// The arithmetic of one joint, shared word for word by the CUDA kernels and the C++ ops: bfloat16, and the
// step from the best cell to a place between cells. The specification is the plain torch version in
// cpm_edu/decoding_reference.py.
#pragma once

#if defined(__CUDACC__)
#define CPM_HD __host__ __device__ __forceinline__
#else
#define CPM_HD inline __attribute__((always_inline))
#endif
#if !defined(__CUDACC__) && !defined(CPM_EMULATOR)
#include <cmath>
#endif

namespace cpm {

enum Method { ARGMAX = 0, QUARTER = 1, MSRA = 2, LOG_PARABOLA = 3, DARK = 4 };

constexpr float LOG_FLOOR = 1e-10f;  // mmpose's refine_keypoints_dark

struct Joint {
  float x, y;
};

// ---- bfloat16: the upper half of a float's bits

struct bfloat16 {
  unsigned short bits;
};

CPM_HD float to_float(float value) { return value; }

CPM_HD float to_float(bfloat16 value) {
  union {
    unsigned u;
    float f;
  } word;
  word.u = unsigned(value.bits) << 16;
  return word.f;
}

// Round to nearest, ties to even; NaN stays NaN.
CPM_HD bfloat16 to_bfloat16(float value) {
  union {
    float f;
    unsigned u;
  } word;
  word.f = value;
  if (value != value) return bfloat16{0x7fc0};
  word.u += 0x7fffu + ((word.u >> 16) & 1u);
  return bfloat16{(unsigned short)(word.u >> 16)};
}

CPM_HD void store(float* place, float value) { *place = value; }
CPM_HD void store(bfloat16* place, float value) { *place = to_bfloat16(value); }

// ---- the step below one cell

// A product that is rounded before it is added: fused, a Hessian that is singular in the reference would get
// a tiny determinant here, and the joint would be thrown off the map.
CPM_HD float rounded_product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;  // the C++ ops are compiled with -ffp-contract=off
#endif
}

CPM_HD bool is_finite(float value) { return value - value == 0.0f; }

// +1, -1 or 0, and 0 where either is NaN.
CPM_HD float toward_higher(float lower, float upper) { return float(upper > lower) - float(upper < lower); }

// Vertex, in -0.5 .. 0.5, of the parabola through the logarithms of three neighbours; 0 where there is none.
CPM_HD float log_vertex(float before, float peak, float after) {
  if (!(before > 0.0f && after > 0.0f && peak - peak == 0.0f)) return 0.0f;
  const float log_peak = logf(peak);
  const float down = log_peak - logf(before), up = log_peak - logf(after);
  if (!(down + up > 0.0f)) return 0.0f;
  const float step = 0.5f * (down - up) / (down + up);
  return step < -0.5f ? -0.5f : (step > 0.5f ? 0.5f : step);
}

// Every method but DARK. `map(x, y)` reads a cell as float; (x, y) is the best cell and `peak` its value.
template <class Map>
CPM_HD Joint refine(const Map& map, int method, int x, int y, float peak, int height, int width) {
  Joint joint{float(x), float(y)};
  if (method == MSRA) {
    if (!(peak > 0.0f)) return Joint{-1.0f, -1.0f};
    if (x > 1 && x < width - 1 && y > 0) joint.x += 0.25f * toward_higher(map(x - 1, y), map(x + 1, y));
    if (y > 1 && y < height - 1 && x > 0) joint.y += 0.25f * toward_higher(map(x, y - 1), map(x, y + 1));
    return joint;
  }
  const bool on_x = x > 0 && x < width - 1, on_y = y > 0 && y < height - 1;
  if (method == QUARTER) {
    if (on_x) joint.x += 0.25f * toward_higher(map(x - 1, y), map(x + 1, y));
    if (on_y) joint.y += 0.25f * toward_higher(map(x, y - 1), map(x, y + 1));
  } else if (method == LOG_PARABOLA) {
    if (on_x) joint.x += log_vertex(map(x - 1, y), peak, map(x + 1, y));
    if (on_y) joint.y += log_vertex(map(x, y - 1), peak, map(x, y + 1));
  }
  return joint;
}

// ---- DARK: one Newton step on the logarithm of the blurred map

// Whether DARK takes a step at all at this best cell (the map must also be finite everywhere).
CPM_HD bool dark_inside(int x, int y, int height, int width) {
  return x > 1 && x < width - 2 && y > 1 && y < height - 2;
}

// Which cells (dx, dy) around the best one the differences read: 13 of the 5 x 5.
CPM_HD bool in_dark_stencil(int dx, int dy) { return (dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy) <= 2; }

// `logs[5 * (dy + 2) + (dx + 2)]`: logarithms of the blurred map around the best cell (x, y).
CPM_HD Joint newton_step(const float* logs, int x, int y) {
  const float* at = logs + 12;  // the middle; +1 is right, +5 is down
  const float gx = 0.5f * (at[1] - at[-1]), gy = 0.5f * (at[5] - at[-5]);
  const float hxx = 0.25f * (at[2] - 2.0f * at[0] + at[-2]);
  const float hyy = 0.25f * (at[10] - 2.0f * at[0] + at[-10]);
  const float hxy = 0.25f * (at[6] - at[-4] - at[4] + at[-6]);
  const float determinant = rounded_product(hxx, hyy) - rounded_product(hxy, hxy);
  Joint joint{float(x), float(y)};
  const float dx = (rounded_product(hxy, gy) - rounded_product(hyy, gx)) / determinant;
  const float dy = (rounded_product(hxy, gx) - rounded_product(hxx, gy)) / determinant;
  if (determinant != 0.0f && is_finite(dx) && is_finite(dy)) {
    joint.x += dx;
    joint.y += dy;
  }
  return joint;
}

// What the blurred value becomes before the logarithm. `rescale` is old maximum / new maximum of the whole
// map; it cancels in the differences unless the floor cuts, which can only happen where value < LOG_FLOOR (it
// is at least 1 for a map whose blur has a positive maximum): only then need the whole map be blurred.
CPM_HD float dark_log(float blurred, float rescale) {
  const float value = blurred * rescale;
  return logf(value < LOG_FLOOR ? LOG_FLOOR : value);
}

}  // namespace cpm
