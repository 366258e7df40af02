// Vectors of as many floats as one register of the target holds: GCC's vector extension, which clang shares,
// so that the same text serves x86-64 and arm64. Comparisons give -1 or 0 a lane; `mask ? a : b` picks lanes.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "rules.h"

#define CPM_INLINE inline __attribute__((always_inline))

namespace cpm {

#if defined(__AVX512F__)
#define CPM_LANES_REVERSED 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
#elif defined(__AVX__)
#define CPM_LANES_REVERSED 7, 6, 5, 4, 3, 2, 1, 0
#else
#define CPM_LANES_REVERSED 3, 2, 1, 0
#endif
constexpr int REVERSED[] = {CPM_LANES_REVERSED};
constexpr int LANES = sizeof(REVERSED) / sizeof(int);

template <int L>
struct Vector {
  typedef float Floats __attribute__((vector_size(4 * L)));
  typedef int32_t Ints __attribute__((vector_size(4 * L)));
  typedef uint32_t Words __attribute__((vector_size(4 * L)));
  typedef uint16_t Halves __attribute__((vector_size(2 * L)));
};

using Floats = Vector<LANES>::Floats;
using Ints = Vector<LANES>::Ints;

struct FloatLanes {
  float lanes[LANES];
};

struct IntLanes {
  int lanes[LANES];
};

template <class To, class From>
CPM_INLINE To same_bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "a reinterpretation keeps the size");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

template <int L = LANES>
CPM_INLINE typename Vector<L>::Floats load(const float* place) {
  typename Vector<L>::Floats values;
  std::memcpy(&values, place, sizeof(values));
  return values;
}

template <int L = LANES>
CPM_INLINE typename Vector<L>::Floats load(const bfloat16* place) {
  using V = Vector<L>;
  typename V::Halves bits;
  std::memcpy(&bits, place, sizeof(bits));
  return same_bits<typename V::Floats>(__builtin_convertvector(bits, typename V::Words) << 16);
}

CPM_INLINE void store(float* place, Floats values) { std::memcpy(place, &values, sizeof(values)); }

// to_bfloat16 of rules.h, lane by lane.
CPM_INLINE void store(bfloat16* place, Floats values) {
  using V = Vector<LANES>;
  V::Words word = same_bits<V::Words>(values);
  word = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
  word = values == values ? word : V::Words{} + 0x7fc0u;
  const V::Halves bits = __builtin_convertvector(word, V::Halves);
  std::memcpy(place, &bits, sizeof(bits));
}

CPM_INLINE Floats splat(float value) { return Floats{} + value; }

// 0, 1, 2, ...
template <int L = LANES>
CPM_INLINE typename Vector<L>::Ints lane_numbers() {
  typename Vector<L>::Ints numbers;
  for (int lane = 0; lane < L; ++lane) numbers[lane] = lane;
  return numbers;
}

// One lane of all by `pick`, halving: lanes 0 .. L/2 - 1 with the others, and so on.
template <int L, class Lane, class Pick>
CPM_INLINE Lane reduce(const Lane* lanes, const Pick& pick) {
  if constexpr (L == 1) {
    return lanes[0];
  } else {
    Lane half[L / 2];
    for (int lane = 0; lane < L / 2; ++lane) half[lane] = pick(lanes[lane], lanes[lane + L / 2]);
    return reduce<L / 2>(half, pick);
  }
}

CPM_INLINE float largest_lane(Floats values) {
  return reduce<LANES>(same_bits<FloatLanes>(values).lanes, [](float a, float b) { return a > b ? a : b; });
}

CPM_INLINE int smallest_lane(Ints values) {
  return reduce<LANES>(same_bits<IntLanes>(values).lanes, [](int a, int b) { return a < b ? a : b; });
}

CPM_INLINE Floats reversed(Floats values) {
#if defined(__clang__)
  return __builtin_shufflevector(values, values, CPM_LANES_REVERSED);
#else
  return __builtin_shuffle(values, Ints{CPM_LANES_REVERSED});
#endif
}

// exp of numbers from -87.3 (whose exp is the smallest normal float) to 0, within 2 units of the last place.
CPM_INLINE Floats exp_normal(Floats x) {
  const Floats shifter = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Floats whole = (x * 1.44269504f + shifter) - shifter;
  const Floats rest = (x - whole * 0.693145752f) - whole * 1.42860677e-6f;  // ln 2 in two parts
  constexpr float TAYLOR[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  Floats sum = splat(1.0f / 5040);
  for (const float term : TAYLOR) sum = sum * rest + term;
  const Ints exponent = __builtin_convertvector(whole, Ints);
  return sum * same_bits<Floats>((exponent + 127) << 23);
}

}  // namespace cpm
