// Makes a CUDA C++ kernel compile as ordinary C++ (g++ or clang++ -include cuda_emulator.h): CUDA's words,
// built-in variables, barriers and warp functions. A block runs on one thread of the CPU; each of its CUDA
// threads is a fiber that runs until it must wait. What the emulator cannot show: docstring of
// kernels/lab.py.
#pragma once

#define CPM_EMULATOR 1

#include "interface.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
#define __constant__ static
#define __managed__

// All __shared__ variables of a file are thread-local ones: they lie side by side in one block of memory that
// the runtime can find, fill with NaN for each block, and tell from global memory. (A named section would be
// the obvious way, but g++ ignores it for variables in templates. macOS has it the other way round: untried.)
#if defined(__APPLE__)
#define __shared__ static __attribute__((section("__DATA,cpm_shared"), aligned(16)))
#else
#define __shared__ static __thread __attribute__((aligned(16)))
#endif

CPM_INLINE char* cpm_dynamic_shared_() { return cpm_emulator::dynamic_shared(); }
// `extern __shared__ T name[];` is no C++; kernels write this, and lab.py rewrites the CUDA spelling to it.
#define CPM_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(cpm_dynamic_shared_())

// Macros name only what no kernel defines as a macro of its own, such as `block_size`.
CPM_INLINE uint3 cpm_thread_index_() { return cpm_emulator::thread_index(); }
CPM_INLINE uint3 cpm_block_index_() { return cpm_emulator::block_index(); }
CPM_INLINE dim3 cpm_block_size_() { return cpm_emulator::block_size(); }
CPM_INLINE dim3 cpm_grid_size_() { return cpm_emulator::grid_size(); }
#define threadIdx (cpm_thread_index_())
#define blockIdx (cpm_block_index_())
#define blockDim (cpm_block_size_())
#define gridDim (cpm_grid_size_())
#define warpSize 32

typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef __INT64_TYPE__ int64_t;  // as <stdint.h> has it
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef decltype(sizeof 0) size_t;

// The caller's place travels in default arguments: the compiler fills them in where the call is written.
#define CPM_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

// ---- the block

CPM_INLINE void __syncthreads(CPM_PLACE) { cpm_emulator::barrier(cpm_emulator::PLAIN, 0, file, line); }
CPM_INLINE int __syncthreads_count(int predicate, CPM_PLACE) {
  return cpm_emulator::barrier(cpm_emulator::COUNT, predicate != 0, file, line);
}
CPM_INLINE int __syncthreads_and(int predicate, CPM_PLACE) {
  return cpm_emulator::barrier(cpm_emulator::ALL, predicate != 0, file, line);
}
CPM_INLINE int __syncthreads_or(int predicate, CPM_PLACE) {
  return cpm_emulator::barrier(cpm_emulator::ANY, predicate != 0, file, line);
}
CPM_INLINE void __threadfence() { cpm_emulator::fence(); }
CPM_INLINE void __threadfence_system() { cpm_emulator::fence(); }
CPM_INLINE void __threadfence_block() {}

// ---- the warp

namespace cpm_emulator {

template <class T>
struct Same {
  typedef T type;
};
template <class T>
using NotDeduced = typename Same<T>::type;  // so that atomicAdd(float*, 1) converts its 1, as in CUDA

template <class T>
CPM_INLINE unsigned long long to_bits(T value) {
  static_assert(sizeof(T) <= 8, "a warp function moves at most 8 bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T>
CPM_INLINE T from_bits(unsigned long long bits) {
  T value;
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
CPM_INLINE T shuffle(Collective kind, unsigned mask, T value, int source, const char* file, int line) {
  return from_bits<T>(collective(kind, mask, to_bits(value), source, file, line));
}

}  // namespace cpm_emulator

CPM_INLINE void __syncwarp(unsigned mask = 0xffffffffu, CPM_PLACE) {
  cpm_emulator::collective(cpm_emulator::SYNC, mask, 0, 0, file, line);
}
CPM_INLINE unsigned __activemask(CPM_PLACE) { return cpm_emulator::active_mask(file, line); }

// `width` splits the warp into groups; a lane whose source lies outside its group keeps its own value.
template <class T>
CPM_INLINE T __shfl_sync(unsigned mask, T value, int source, int width = 32, CPM_PLACE) {
  const int lane = cpm_emulator::lane();
  return cpm_emulator::shuffle(cpm_emulator::SHUFFLE, mask, value, (lane & -width) | (source & (width - 1)),
                               file, line);
}
template <class T>
CPM_INLINE T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, CPM_PLACE) {
  const int lane = cpm_emulator::lane(), source = lane - int(delta);
  return cpm_emulator::shuffle(cpm_emulator::SLIDE, mask, value, source < (lane & -width) ? lane : source,
                               file, line);
}
template <class T>
CPM_INLINE T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, CPM_PLACE) {
  const int lane = cpm_emulator::lane(), source = lane + int(delta);
  return cpm_emulator::shuffle(cpm_emulator::SLIDE, mask, value,
                               source > (lane | (width - 1)) ? lane : source, file, line);
}
template <class T>
CPM_INLINE T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, CPM_PLACE) {
  const int lane = cpm_emulator::lane(), source = lane ^ lanes;
  return cpm_emulator::shuffle(cpm_emulator::SHUFFLE, mask, value,
                               source > (lane | (width - 1)) ? lane : source, file, line);
}

CPM_INLINE unsigned __ballot_sync(unsigned mask, int predicate, CPM_PLACE) {
  return unsigned(cpm_emulator::collective(cpm_emulator::BALLOT, mask, predicate != 0, 0, file, line));
}
CPM_INLINE int __any_sync(unsigned mask, int predicate, CPM_PLACE) {
  return int(cpm_emulator::collective(cpm_emulator::OR, mask, predicate != 0, 0, file, line));
}
CPM_INLINE int __all_sync(unsigned mask, int predicate, CPM_PLACE) {
  return int(cpm_emulator::collective(cpm_emulator::AND, mask, predicate != 0, 0, file, line));
}
template <class T>
CPM_INLINE unsigned __match_any_sync(unsigned mask, T value, CPM_PLACE) {
  return unsigned(
      cpm_emulator::collective(cpm_emulator::MATCH_ANY, mask, cpm_emulator::to_bits(value), 0, file, line));
}
template <class T>
CPM_INLINE unsigned __match_all_sync(unsigned mask, T value, int* all, CPM_PLACE) {
  const unsigned lanes = unsigned(
      cpm_emulator::collective(cpm_emulator::MATCH_ALL, mask, cpm_emulator::to_bits(value), 0, file, line));
  *all = lanes != 0;
  return lanes;
}

#define CPM_REDUCE(name, T, kind)                                                                 \
  CPM_INLINE T name(unsigned mask, T value, CPM_PLACE) {                                          \
    return T(cpm_emulator::collective(cpm_emulator::kind, mask, (unsigned)value, 0, file, line)); \
  }
CPM_REDUCE(__reduce_add_sync, unsigned, ADD)
CPM_REDUCE(__reduce_add_sync, int, ADD)
CPM_REDUCE(__reduce_min_sync, unsigned, LEAST)
CPM_REDUCE(__reduce_min_sync, int, LEAST_SIGNED)
CPM_REDUCE(__reduce_max_sync, unsigned, MOST)
CPM_REDUCE(__reduce_max_sync, int, MOST_SIGNED)
CPM_REDUCE(__reduce_and_sync, unsigned, AND)
CPM_REDUCE(__reduce_or_sync, unsigned, OR)
CPM_REDUCE(__reduce_xor_sync, unsigned, XOR)
#undef CPM_REDUCE

// ---- odds and ends

#define printf cpm_emulator_print
CPM_INLINE void cpm_emulator_fails(const char* condition, const char* file, int line) {
  cpm_emulator::stop("assertion", condition, file, line);
}
#define assert(condition) ((condition) ? (void)0 : cpm_emulator_fails(#condition, __FILE__, __LINE__))
CPM_INLINE void __trap(CPM_PLACE) { cpm_emulator::stop("assertion", "__trap()", file, line); }
CPM_INLINE long long clock64() { return cpm_emulator::ticks(); }  // an order of events, no time
CPM_INLINE int clock() { return int(cpm_emulator::ticks()); }
CPM_INLINE void __nanosleep(unsigned) { cpm_emulator::pause(); }

#undef CPM_PLACE

#include "atomics.h"
#include "constants.h"
#include "device_functions.h"
#include "entry.h"
